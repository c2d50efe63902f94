"""What goes wrong in L1's nodes themselves: they lag, contradict each other, refuse, or lie."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeAlias

from aiohttp import ClientSession

from tests.adversarial.kit.faulty_l1 import BEACON, RPC, Ask, Call, Fault, Reply, answered, forward, refused

_BLOCK_AT = {
    "eth_getBlockByNumber": 0, "eth_getBlockReceipts": 0, "eth_getTransactionCount": 1, "eth_call": 1, "eth_getBalance": 1,
    "eth_getCode": 1, "eth_feeHistory": 1, "eth_estimateGas": 1, "eth_getStorageAt": 2, "eth_getProof": 2,
}  # fmt: skip
"""Where a method's parameters name a block."""


class Lag(Fault):
    """A node that is `blocks` behind, consistently: it knows no later block, receipt or state. It passes transactions on."""

    def __init__(self, blocks: int, **options: Any) -> None:
        super().__init__(**options)
        self._blocks = blocks

    async def _head(self, ask: Ask) -> int:
        newest = int((await ask(Call(RPC, "eth_blockNumber"))).result, 16)
        return max(0, newest - self._blocks)

    async def answer(self, call: Call, ask: Ask) -> Reply:
        head = await self._head(ask)
        match call.method:
            case "eth_blockNumber":
                return answered(call, hex(head))
            case "eth_getLogs":
                return await self._logs(call, ask, head)
            case "eth_getBlockByHash" | "eth_getTransactionReceipt" | "eth_getTransactionByHash":
                return _unless_later(call, await ask(call), head)
        at = _BLOCK_AT.get(call.method)
        if at is None:
            return await ask(call)
        named = call.params[at] if at < len(call.params) else "latest"
        number = await _number(named, ask)
        if number is None or (named not in _LABELS and number > head):
            return answered(call, None) if call.method == "eth_getBlockByNumber" else refused(call, -32000, "header not found")
        if named in _LABELS:
            named = hex(min(number, head))
        return await ask(call.with_params(*call.params[:at], named, *call.params[at + 1 :]))

    async def _logs(self, call: Call, ask: Ask, head: int) -> Reply:
        query = dict(call.params[0])
        if "blockHash" in query:
            number = await _number(query, ask)
            return refused(call, -32000, "unknown block") if number is None or number > head else await ask(call)
        first = await _number(query.get("fromBlock", "latest"), ask)
        last = await _number(query.get("toBlock", "latest"), ask)
        if first is None or last is None or first > head:
            return answered(call, [])
        return await ask(call.with_params(query | {"fromBlock": hex(first), "toBlock": hex(min(last, head))}))


class Frozen(Lag):
    """Stays at the block that was the newest when it was first asked."""

    def __init__(self, **options: Any) -> None:
        super().__init__(0, **options)
        self._at: int | None = None

    async def _head(self, ask: Ask) -> int:
        if self._at is None:
            self._at = await super()._head(ask)
        return self._at


_HASH = 66  # characters
_LABELS = ("latest", "pending", "safe", "finalized", "earliest")


async def _number(named: Any, ask: Ask) -> int | None:
    """Of a block that is named by number, label, hash, or {"blockHash": ...}."""
    if isinstance(named, dict):
        named = named["blockHash"]
    if len(named) == _HASH:
        found = (await ask(Call(RPC, "eth_getBlockByHash", (named, False)))).result
        return None if found is None else int(found["number"], 16)
    if named not in _LABELS:
        return int(named, 16)
    label = "latest" if named == "pending" else named
    found = (await ask(Call(RPC, "eth_getBlockByNumber", (label, False)))).result
    return None if found is None else int(found["number"], 16)


def _unless_later(call: Call, reply: Reply, head: int) -> Reply:
    """Null for a block or receipt after `head`; a transaction there is still pending."""
    found = reply.result
    if not found:
        return reply
    number = found.get("number") if call.method == "eth_getBlockByHash" else found.get("blockNumber")
    if number is None or int(number, 16) <= head:
        return reply
    if call.method == "eth_getTransactionByHash":
        return answered(call, found | {"blockNumber": None, "blockHash": None, "transactionIndex": None})
    return answered(call, None)


class LoadBalanced(Fault):
    """Several nodes behind one URL: each request goes to the next of these, each a fault or None (a healthy one)."""

    def __init__(self, *nodes: Fault | None, **options: Any) -> None:
        super().__init__(**options)
        self._nodes = nodes
        self._next = 0

    def told(self, rng: Any) -> None:
        super().told(rng)
        for each in self._nodes:
            if each is not None:
                each.told(rng)

    async def answer(self, call: Call, ask: Ask) -> Reply:
        node = self._nodes[self._next % len(self._nodes)]
        self._next += 1
        return await ask(call) if node is None or not node.befalls(call) else await node.answer(call, ask)


class OtherL1(Fault):
    """Answers come from another L1: a node that follows another fork, or another chain."""

    def __init__(self, rpc_url: str, beacon_url: str = "", **options: Any) -> None:
        super().__init__(sides=(RPC, BEACON) if beacon_url else (RPC,), **options)
        self._urls = {RPC: rpc_url, BEACON: beacon_url}

    async def answer(self, call: Call, ask: Ask) -> Reply:
        async with ClientSession() as session:
            return await forward(session, self._urls[call.side], call)


class Lies(Fault):
    """`change(result, call)` instead of the result of these methods."""

    def __init__(self, on: tuple[str, ...] | list[str], change: Callable[[Any, Call], Any], **options: Any) -> None:
        super().__init__(on=on, **options)
        self._change = change

    async def answer(self, call: Call, ask: Ask) -> Reply:
        reply = await ask(call)
        if "result" not in reply.json:
            return reply
        return answered(call, self._change(reply.result, call))


# ---- lies


def wrong_block(**options: Any) -> Fault:
    """A header with another timestamp than the one that was hashed."""
    def change(block: Any, call: Call) -> Any:
        return block and block | {"timestamp": hex(int(block["timestamp"], 16) + 3600)}

    return Lies(["eth_getBlockByNumber", "eth_getBlockByHash"], change, **options)


def another_block(**options: Any) -> Fault:
    """A real block, but the genesis one, whatever is asked for."""
    return _Genesis(on=["eth_getBlockByNumber", "eth_getBlockByHash"], **options)


class _Genesis(Fault):
    async def answer(self, call: Call, ask: Ask) -> Reply:
        return replace(await ask(Call(RPC, "eth_getBlockByNumber", ("0x0", False), call.id)))


class LogLies(Fault):
    """`change` of every list of logs, by whatever method they are asked for."""

    def __init__(self, change: Callable[[list[Any]], list[Any]], **options: Any) -> None:
        super().__init__(on=["eth_getLogs", "eth_getBlockReceipts", "eth_getTransactionReceipt"], **options)
        self._change = change

    async def answer(self, call: Call, ask: Ask) -> Reply:
        reply = await ask(call)
        match reply.json.get("result"):
            case [{"logs": _}, *_] as receipts:
                return answered(call, [each | {"logs": self._change(each["logs"])} for each in receipts])
            case [*logs]:
                return answered(call, self._change(logs))
            case {"logs": logs} as receipt:
                return answered(call, receipt | {"logs": self._change(logs)})
        return reply


def no_logs(**options: Any) -> Fault:
    """None of the logs that there are."""
    return LogLies(lambda logs: [], **options)


def fewer_logs(**options: Any) -> Fault:
    """All but the first log."""
    return LogLies(lambda logs: logs[1:], **options)


def repeated_logs(**options: Any) -> Fault:
    """Each log twice: events that never happened."""
    return LogLies(lambda logs: [each for log in logs for each in (log, log)], **options)


def changed_logs(**options: Any) -> Fault:
    """Logs with the last bits of their data changed: other amounts, other recipients."""
    def changed(data: str) -> str:
        return data if len(data) < 4 else data[:-1] + f"{int(data[-1], 16) ^ 7:x}"

    return LogLies(lambda logs: [log | {"data": changed(log["data"])} for log in logs], **options)


def false_state(**options: Any) -> Fault:
    """Contracts say of everything that it is zero."""
    return Lies(["eth_call", "eth_getStorageAt"], lambda data, call: "0x" + "00" * ((len(data) - 2) // 2), **options)


def empty_state(**options: Any) -> Fault:
    """There are no contracts, as on a node that has lost its state."""
    return Lies(["eth_call", "eth_getCode"], lambda data, call: "0x", **options)


def wrong_gas(factor: float, **options: Any) -> Fault:
    """An estimate that much too large (or small)."""
    return Lies(["eth_estimateGas"], lambda gas, call: hex(max(21_000, int(int(gas, 16) * factor))), **options)


def wrong_nonce(ahead: int, **options: Any) -> Fault:
    """Says that the account has sent so many more transactions."""
    return Lies(["eth_getTransactionCount"], lambda nonce, call: hex(max(0, int(nonce, 16) + ahead)), **options)


def wrong_balance(wei: int, **options: Any) -> Fault:
    return Lies(["eth_getBalance"], lambda balance, call: hex(wei), **options)


def wrong_chain(chain_id: int = 1, **options: Any) -> Fault:
    return Lies(["eth_chainId", "net_version"], lambda given, call: hex(chain_id), **options)


def no_receipts(**options: Any) -> Fault:
    """Transactions are never included, it says."""
    return Lies(["eth_getTransactionReceipt", "eth_getTransactionByHash"], lambda given, call: None, **options)


def failed_receipts(**options: Any) -> Fault:
    """Every transaction has failed, it says."""
    return Lies(["eth_getTransactionReceipt"], lambda given, call: given and given | {"status": "0x0"}, **options)


def high_prices(factor: int = 1_000, **options: Any) -> Fault:
    """Gas costs that much more, it says."""
    def change(given: Any, call: Call) -> Any:
        if isinstance(given, str):
            return hex(int(given, 16) * factor)
        raised = {key: [hex(int(each, 16) * factor) for each in given[key]]
                  for key in ("baseFeePerGas", "baseFeePerBlobGas") if given.get(key)}
        return given | raised

    return Lies(["eth_feeHistory", "eth_gasPrice", "eth_maxPriorityFeePerGas", "eth_blobBaseFee"], change, **options)


# ---- refusals, as providers word them


class Refuses(Fault):
    """A JSON-RPC error for these methods. `forwarded`: it has done what was asked all the same."""

    def __init__(self, on: tuple[str, ...] | list[str], code: int, message: str, *, forwarded: bool = False, **options: Any) -> None:
        super().__init__(on=on, **options)
        self._error = code, message
        self._forwarded = forwarded

    async def answer(self, call: Call, ask: Ask) -> Reply:
        if self._forwarded:
            await ask(call)
        return refused(call, *self._error)


_READS = ("eth_call", "eth_getLogs", "eth_getBlockByNumber", "eth_getBlockByHash", "eth_getTransactionCount", "eth_feeHistory",
          "eth_getTransactionReceipt", "eth_getBalance", "eth_estimateGas", "eth_blockNumber", "eth_getBlockReceipts")
_SEND = ("eth_sendRawTransaction",)


Refusal: TypeAlias = tuple[tuple[str, ...], int, str, bool]
"""Methods, code, message, and whether what was asked has been done all the same."""


def refused_reads() -> dict[str, Refusal]:
    state = ("eth_call", "eth_getBalance", "eth_getTransactionCount")
    return {
        "limit exceeded": (_READS, -32005, "daily request count exceeded, request rate limited", False),
        "internal error": (_READS, -32603, "Internal error", False),
        "header not found": ((*state, "eth_getLogs", "eth_getBlockReceipts"), -32000, "header not found", False),
        "missing trie node": (state, -32000, "missing trie node 8f3f (path ) state is not available", False),
        "unauthorized": (_READS, -32002, "Authentication failed: invalid project id", False),
    }


def refused_sends() -> dict[str, Refusal]:
    return {
        "method not found": (("eth_feeHistory", "eth_blobBaseFee"), -32601, "the method does not exist/is not available", False),
        "already known": (_SEND, -32000, "already known", True),
        "nonce too low": (_SEND, -32000, "nonce too low: next nonce 5, tx nonce 3", True),
        "pool is full": (_SEND, -32000, "txpool is full", False),
        "underpriced": (_SEND, -32000, "transaction underpriced: tip needed 1, tip permitted 0", False),
        "replacement underpriced": (_SEND, -32000, "replacement transaction underpriced", False),
        "insufficient funds": (_SEND, -32000, "insufficient funds for gas * price + value: balance 0, tx cost 1", False),
    }


class LogLimit(Fault):
    """Gives logs of at most so many blocks in one answer, as most providers do. `code`: -32602 (Alchemy), -32005 (Infura),
    -32000 (others)."""

    def __init__(self, blocks: int, code: int = -32005, message: str = "query returned more than 10000 results", **options: Any) -> None:
        super().__init__(on=["eth_getLogs"], **options)
        self._blocks = blocks
        self._error = code, message
        self.refused = 0

    async def answer(self, call: Call, ask: Ask) -> Reply:
        query = call.params[0]
        if "blockHash" not in query:
            first, last = [await _number(query.get(key, "latest"), ask) for key in ("fromBlock", "toBlock")]
            if first is not None and last is not None and last - first >= self._blocks:
                self.refused += 1
                return refused(call, *self._error)
        return await ask(call)


# ---- the beacon API


class BlobsGone(Fault):
    """Has pruned all blobs: HTTP 404."""

    sides = (BEACON,)

    def __init__(self, **options: Any) -> None:
        super().__init__(on=["/blobs/", "/blob_sidecars/"], **options)

    async def answer(self, call: Call, ask: Ask) -> Reply:
        return Reply(json.dumps({"code": 404, "message": "blobs are pruned"}).encode(), status=404)


class NoBlobs(Fault):
    """Says that blocks have no blobs."""

    sides = (BEACON,)

    def __init__(self, **options: Any) -> None:
        super().__init__(on=["/blobs/", "/blob_sidecars/"], **options)

    async def answer(self, call: Call, ask: Ask) -> Reply:
        return Reply(b'{"data":[]}')


class FalseBlobs(Fault):
    """Blobs with other bytes than their commitment says. The bytes are a blob's, so only the commitment shows it."""

    sides = (BEACON,)

    def __init__(self, **options: Any) -> None:
        super().__init__(on=["/blobs/", "/blob_sidecars/"], **options)

    async def answer(self, call: Call, ask: Ask) -> Reply:
        reply = await ask(replace(call, accept="application/json"))
        if reply.status != 200:
            return reply
        return Reply(json.dumps(reply.json | {"data": [_falsified(each) for each in reply.json["data"]]}).encode())


def _falsified(entry: Any) -> Any:
    """The last byte of every blob is another one."""
    if isinstance(entry, str):
        return entry[:-2] + f"{int(entry[-2:], 16) ^ 1:02x}"
    return entry | {"blob": _falsified(entry["blob"])}
