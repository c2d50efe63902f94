"""L1 over JSON-RPC: blocks, logs, receipts and calls, each answer checked as far as it can be.

Blocks are identified by hash: a header's RLP is rebuilt from the JSON and must hash to the hash the node names, so
timestamps, parents and blooms are the block's own. Every request has a timeout and a bounded number of tries.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, Self

import aiohttp
import structlog
from lru import LRU
from web3 import AsyncWeb3

from l1.answers import L1Inconsistent, L1Unavailable, quantity, understood
from l1.blocks import (
    L1Block,
    L1Log,
    bloom_may_contain,
    header_rlp,
    proven_logs,
    read_block,
    read_log,
    read_logs,
    unhex,
)
from l1.figures import RequestFigures
from l1.http_provider import AskedToWait, HttpProvider
from l1.rpc_errors import RpcError, answered_error, asks_too_much, lacks_block

__all__ = ["BlockId", "L1Block", "L1Client", "L1Inconsistent", "L1Log", "L1Unavailable", "RetryPolicy", "Transport",
           "bloom_may_contain", "header_rlp", "read_block", "read_log", "unhex"]

log = structlog.get_logger("l1")

BlockId = int | bytes | str
"""A number, a hash (32 bytes), or "latest", "safe", "finalized", "earliest", "pending"."""


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """`timeout` of one try and `backoff` before the second one (then doubled), in seconds."""

    tries: int = 4
    timeout: float = 10.0
    backoff: float = 0.2


class Transport(Protocol):
    """One node. Raises OSError, TimeoutError or aiohttp.ClientError when there is no answer."""

    async def make_request(self, method: str, params: Any) -> Mapping[str, Any]:
        """The JSON-RPC response object: {"result": ...} or {"error": ...}."""
        ...


class L1Client:
    """Several `urls`: the first one answers, the next take over when it doesn't; with `compare`, block headers
    and logs asked for by hash must be the same at all that answer (L1Inconsistent if not).

    Use as a context manager, or call `close`.
    """

    def __init__(
        self,
        urls: str | Sequence[str] = (),
        *,
        transports: Sequence[Transport] | None = None,
        retry: RetryPolicy = RetryPolicy(),
        compare: bool = False,
    ) -> None:
        if transports is None:
            urls = [urls] if isinstance(urls, str) else list(urls)
            transports = [HttpProvider(url, retry.timeout) for url in urls]
        if not transports:
            raise ValueError("an L1 client needs at least one URL")
        self._transports = list(transports)
        self._headers: LRU[bytes, L1Block] = LRU(256)  # by hash
        self._gives_receipts: bool | None = None  # not known yet
        self._rests_until = [0.0] * len(self._transports)  # of the event loop's clock
        self._retry = retry
        self.figures = RequestFigures()
        self._compare = compare and len(self._transports) > 1
        first = self._transports[0]
        self.w3: AsyncWeb3 | None = AsyncWeb3(first) if isinstance(first, HttpProvider) else None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        for transport in self._transports:
            if isinstance(transport, HttpProvider):
                await transport.disconnect()

    # --- requests ------------------------------------------------------------------------------------------

    async def request(self, method: str, params: Sequence[Any] = (), *, at: BlockId | None = None) -> Any:
        """The result of one JSON-RPC call, as JSON. RpcError for an error answer, else L1Unavailable. `at`: the block that is
        asked about; a node that doesn't know one that we have seen is asked again: there may be several behind one URL."""
        seen = isinstance(at, bytes) and at in self._headers
        wait, last = 0.0, "no answer"
        for attempt in range(self._retry.tries):
            transport, rest = self._next(attempt)
            if max(wait, rest):
                await asyncio.sleep(max(wait, rest))
            wait = 2 * wait or self._retry.backoff
            try:
                return await self._ask(transport, method, params)
            except _NoAnswer as error:
                last = str(error)
            except RpcError as error:
                if not (seen and lacks_block(error)) or attempt + 1 == self._retry.tries:
                    raise
        raise L1Unavailable(f"{method}: {last} ({self._retry.tries} tries)")

    def _next(self, attempt: int) -> tuple[Transport, float]:
        """Whom to ask now, and in how many seconds: who has told us to wait is left alone, if there is another."""
        now = asyncio.get_running_loop().time()
        turn = attempt % len(self._transports)
        in_order = [*range(turn, len(self._transports)), *range(turn)]
        first = min(in_order, key=lambda each: max(0.0, self._rests_until[each] - now))
        return self._transports[first], max(0.0, self._rests_until[first] - now)

    async def _ask(self, transport: Transport, method: str, params: Sequence[Any]) -> Any:
        started, outcome = time.monotonic(), "unavailable"
        try:
            answer = await self._answer(transport, method, params)
            outcome = "ok"
            return answer
        except RpcError:
            outcome = "error"
            raise
        finally:
            self.figures.note(method, outcome, time.monotonic() - started)

    async def _answer(self, transport: Transport, method: str, params: Sequence[Any]) -> Any:
        try:
            async with asyncio.timeout(self._retry.timeout):
                response = await transport.make_request(method, list(params))
        except AskedToWait as error:
            self._rests_until[self._transports.index(transport)] = asyncio.get_running_loop().time() + error.seconds
            raise _NoAnswer(str(error)) from error
        except (OSError, TimeoutError, aiohttp.ClientError, ValueError) as error:
            raise _NoAnswer(f"{type(error).__name__} {error}".strip()) from error
        if failure := response.get("error"):
            error = answered_error(failure)
            if error.code in _TRANSIENT and not error.data and not (method == "eth_getLogs" and asks_too_much(error)):
                raise _NoAnswer(error.message)
            raise error
        if "result" not in response:
            raise _NoAnswer("an answer without a result")
        return response["result"]

    async def _agreed(self, method: str, params: Sequence[Any], read: Callable[[Any], Any]) -> Any:
        """As request, read, and compared among the sources if that's wanted. None and [] aren't compared:
        a node may lag."""
        answer = understood(method, await self.request(method, params), read)
        if not self._compare or not answer:
            return answer
        others = [self._other(transport, method, params, read) for transport in self._transports]
        for other in await asyncio.gather(*others):
            if other and other != answer:
                raise L1Inconsistent(f"two L1 sources answer {method}{tuple(params)} differently")
        return answer

    async def _other(
        self, transport: Transport, method: str, params: Sequence[Any], read: Callable[[Any], Any]
    ) -> Any:
        try:
            return understood(method, await self._ask(transport, method, params), read)
        except (_NoAnswer, RpcError, L1Inconsistent):
            return None

    # --- blocks --------------------------------------------------------------------------------------------

    async def chain_id(self) -> int:
        return quantity("eth_chainId", await self.request("eth_chainId"))

    async def block(self, block: BlockId = "latest") -> L1Block | None:
        """The block's header, None if the node doesn't know it. L1Inconsistent if its hash is wrong."""
        if isinstance(block, bytes):
            method, named = "eth_getBlockByHash", "0x" + block.hex()
        else:
            method, named = "eth_getBlockByNumber", hex(block) if isinstance(block, int) else block
        read: Callable[[Any], L1Block | None] = lambda answer: None if answer is None else read_block(answer)
        if isinstance(block, bytes):
            found = await self._agreed(method, [named, False], read)
        else:
            found = understood(method, await self.request(method, [named, False]), read)
        if found is not None:
            self._headers[found.hash] = found
        if found is not None and (
            (isinstance(block, bytes) and found.hash != block)
            or (isinstance(block, int) and found.number != block)
        ):
            raise L1Inconsistent(f"asked for block {named}, got {found.number} (0x{found.hash.hex()})")
        return found

    async def head(self) -> L1Block:
        """The latest block."""
        found = await self.block("latest")
        if found is None:
            raise L1Unavailable("the node has no latest block")
        return found

    async def logs(
        self, block_hash: bytes, addresses: Sequence[bytes], topics: Sequence[Any] = ()
    ) -> list[L1Log]:
        """Logs of that very block from these addresses, in order: all of them, and no others, as its receipts root proves.
        RpcError if the node doesn't know the block; L1Inconsistent if its receipts are other ones.

        A node that has never had eth_getBlockReceipts is believed.
        """
        if self._gives_receipts is not False:
            try:
                found = await self._proven_logs(block_hash, addresses, topics)
                self._gives_receipts = True
                return found
            except RpcError as error:
                if error.code != METHOD_NOT_FOUND or self._gives_receipts:
                    raise
                log.warning("the L1 node has no eth_getBlockReceipts: the logs it tells are not proven", reason=str(error))
                self._gives_receipts = False
        return await self._told_logs(block_hash, addresses, topics)

    async def _proven_logs(self, block_hash: bytes, addresses: Sequence[bytes], topics: Sequence[Any]) -> list[L1Log]:
        method = "eth_getBlockReceipts"
        answer = await self.request(method, ["0x" + block_hash.hex()], at=block_hash)
        if answer is None:
            raise RpcError(-32000, f"unknown block 0x{block_hash.hex()}")
        block = self._headers.get(block_hash) or await self.block(block_hash)
        if block is None:
            raise RpcError(-32000, f"unknown block 0x{block_hash.hex()}")
        return proven_logs(block, answer, addresses, topics)

    async def _told_logs(self, block_hash: bytes, addresses: Sequence[bytes], topics: Sequence[Any]) -> list[L1Log]:
        query = {"blockHash": "0x" + block_hash.hex(), "address": ["0x" + each.hex() for each in addresses]}
        if topics:
            query["topics"] = list(topics)
        found = await self._agreed("eth_getLogs", [query], read_logs)
        if any(log.block_hash != block_hash or log.address not in addresses for log in found):
            raise L1Inconsistent(f"logs of another block or address than 0x{block_hash.hex()}'s")
        return sorted(found, key=lambda log: log.log_index)

    async def logs_in_range(
        self, first: int, last: int, addresses: Sequence[bytes], topics: Sequence[Any] = ()
    ) -> list[L1Log]:
        """Logs of the canonical blocks `first` to `last`, in order. For history; a reorg can pass between two calls."""
        query: dict[str, Any] = {
            "fromBlock": hex(first), "toBlock": hex(last), "address": ["0x" + each.hex() for each in addresses],
        }  # fmt: skip
        if topics:
            query["topics"] = list(topics)
        found = understood("eth_getLogs", await self.request("eth_getLogs", [query]), read_logs)
        return sorted(found, key=lambda log: (log.block_number, log.log_index))

    # --- transactions and state ----------------------------------------------------------------------------

    async def receipt(self, transaction_hash: bytes) -> Mapping[str, Any] | None:
        """The receipt as JSON, None if the transaction isn't included."""
        return await self.request("eth_getTransactionReceipt", ["0x" + transaction_hash.hex()])

    async def transaction(self, transaction_hash: bytes) -> Mapping[str, Any] | None:
        return await self.request("eth_getTransactionByHash", ["0x" + transaction_hash.hex()])

    async def call(
        self, to: bytes, data: bytes, block: BlockId = "latest", *, value: int = 0, sender: bytes | None = None
    ) -> bytes:
        """Return data of an eth_call; at a hash, EIP-1898 with `requireCanonical` unset. RpcError on a revert."""
        fields = {"to": "0x" + to.hex(), "data": "0x" + data.hex()}
        if value:
            fields["value"] = hex(value)
        if sender is not None:
            fields["from"] = "0x" + sender.hex()
        return unhex(await self.request("eth_call", [fields, _block_parameter(block)], at=block))

    async def code(self, address: bytes, block: BlockId = "latest") -> bytes:
        return unhex(await self.request("eth_getCode", ["0x" + address.hex(), _block_parameter(block)], at=block))

    async def balance(self, address: bytes, block: BlockId = "latest") -> int:
        """In wei."""
        found = await self.request("eth_getBalance", ["0x" + address.hex(), _block_parameter(block)], at=block)
        return quantity("eth_getBalance", found)

    async def storage(self, address: bytes, slot: int, block: BlockId = "latest") -> bytes:
        """32 bytes."""
        found = await self.request("eth_getStorageAt", ["0x" + address.hex(), hex(slot), _block_parameter(block)])
        return unhex(found).rjust(32, b"\x00")

    async def proof(self, address: bytes, slots: Sequence[int], block: BlockId = "latest") -> Any:
        """The answer of eth_getProof (EIP-1186) as JSON: whoever uses it must check it."""
        keys = ["0x" + slot.to_bytes(32, "big").hex() for slot in slots]
        return await self.request("eth_getProof", ["0x" + address.hex(), keys, _block_parameter(block)])


class _NoAnswer(Exception):
    """One try failed; another may not."""


METHOD_NOT_FOUND = -32601
_TRANSIENT = frozenset({-32005, -32603, 429})  # limit exceeded, internal error, too many requests


def _block_parameter(block: BlockId) -> Any:
    if isinstance(block, bytes):
        return {"blockHash": "0x" + block.hex()}
    return hex(block) if isinstance(block, int) else block
