"""L1 over JSON-RPC: blocks, logs, receipts and calls, each answer checked as far as it can be.

Blocks are identified by hash: a header's RLP is rebuilt from the JSON and must hash to the hash the node names, so
timestamps, parents and blooms are the block's own. Every request has a timeout and a bounded number of tries.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, Self

import aiohttp
from web3 import AsyncWeb3

from execution.encoding import encode_bytes, encode_int, keccak, wrap_list
from l1.http_provider import HttpProvider
from l1.rpc_errors import RpcError

BlockId = int | bytes | str
"""A number, a hash (32 bytes), or "latest", "safe", "finalized", "earliest", "pending"."""


class L1Unavailable(Exception):
    """No answer in time, after all tries. Says nothing about L1."""


class L1Inconsistent(Exception):
    """An answer contradicts itself, what was asked for, or another source's answer."""


@dataclass(frozen=True, slots=True)
class L1Block:
    """A verified L1 header. Times in seconds, fees in wei, gas as such; `rlp` hashes to `hash`."""

    number: int
    hash: bytes
    parent_hash: bytes
    timestamp: int
    prev_randao: bytes
    logs_bloom: bytes  # 256 bytes
    gas_limit: int
    gas_used: int
    base_fee_per_gas: int
    excess_blob_gas: int
    blob_gas_used: int
    parent_beacon_block_root: bytes
    rlp: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class L1Log:
    """An event log and where it lies."""

    address: bytes  # 20 bytes
    topics: tuple[bytes, ...]
    data: bytes
    block_number: int
    block_hash: bytes
    transaction_hash: bytes
    log_index: int


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
        self._retry = retry
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

    async def request(self, method: str, params: Sequence[Any] = ()) -> Any:
        """The result of one JSON-RPC call, as JSON. RpcError for an error answer, else L1Unavailable."""
        wait, last = self._retry.backoff, "no answer"
        for attempt in range(self._retry.tries):
            if attempt:
                await asyncio.sleep(wait)
                wait *= 2
            transport = self._transports[attempt % len(self._transports)]
            try:
                return await self._ask(transport, method, params)
            except _NoAnswer as error:
                last = str(error)
        raise L1Unavailable(f"{method}: {last} ({self._retry.tries} tries)")

    async def _ask(self, transport: Transport, method: str, params: Sequence[Any]) -> Any:
        try:
            async with asyncio.timeout(self._retry.timeout):
                response = await transport.make_request(method, list(params))
        except (OSError, TimeoutError, aiohttp.ClientError, ValueError) as error:
            raise _NoAnswer(f"{type(error).__name__} {error}".strip()) from error
        failure = response.get("error")
        if failure:
            if not isinstance(failure, Mapping):
                raise RpcError(-32000, str(failure))
            code, message = int(failure.get("code", 0)), str(failure.get("message", ""))
            if code in _TRANSIENT and not failure.get("data"):
                raise _NoAnswer(message)
            raise RpcError(code, message, failure.get("data"))
        if "result" not in response:
            raise _NoAnswer("an answer without a result")
        return response["result"]

    async def _agreed(self, method: str, params: Sequence[Any], read: Callable[[Any], Any]) -> Any:
        """As request, read, and compared among the sources if that's wanted. None and [] aren't compared:
        a node may lag."""
        answer = read(await self.request(method, params))
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
            return read(await self._ask(transport, method, params))
        except (_NoAnswer, RpcError):
            return None

    # --- blocks --------------------------------------------------------------------------------------------

    async def chain_id(self) -> int:
        return int(await self.request("eth_chainId"), 16)

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
            found = read(await self.request(method, [named, False]))
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
        """Logs of that very block from these addresses, in order. RpcError if the node doesn't know the block."""
        query = {"blockHash": "0x" + block_hash.hex(), "address": ["0x" + each.hex() for each in addresses]}
        if topics:
            query["topics"] = list(topics)
        found = await self._agreed("eth_getLogs", [query], lambda answer: [read_log(each) for each in answer])
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
        found = [read_log(each) for each in await self.request("eth_getLogs", [query])]
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
        return unhex(await self.request("eth_call", [fields, _block_parameter(block)]))

    async def code(self, address: bytes, block: BlockId = "latest") -> bytes:
        return unhex(await self.request("eth_getCode", ["0x" + address.hex(), _block_parameter(block)]))

    async def balance(self, address: bytes, block: BlockId = "latest") -> int:
        """In wei."""
        return int(await self.request("eth_getBalance", ["0x" + address.hex(), _block_parameter(block)]), 16)

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


_TRANSIENT = frozenset({-32005, -32603, 429})  # limit exceeded, internal error, too many requests


def _block_parameter(block: BlockId) -> Any:
    if isinstance(block, bytes):
        return {"blockHash": "0x" + block.hex()}
    return hex(block) if isinstance(block, int) else block


def unhex(text: str) -> bytes:
    """Bytes of a 0x-prefixed hex string. L1Inconsistent if it isn't one."""
    try:
        digits = text.removeprefix("0x")
        return bytes.fromhex(digits if len(digits) % 2 == 0 else "0" + digits)
    except (ValueError, AttributeError) as error:
        raise L1Inconsistent(f"not hex: {text!r}") from error


# the header's fields in RLP order; those after the nonce came with later forks and end where the block's end
_HEADER_FIELDS = (
    ("parentHash", bytes), ("sha3Uncles", bytes), ("miner", bytes), ("stateRoot", bytes),
    ("transactionsRoot", bytes), ("receiptsRoot", bytes), ("logsBloom", bytes), ("difficulty", int),
    ("number", int), ("gasLimit", int), ("gasUsed", int), ("timestamp", int), ("extraData", bytes),
    ("mixHash", bytes), ("nonce", bytes), ("baseFeePerGas", int), ("withdrawalsRoot", bytes),
    ("blobGasUsed", int), ("excessBlobGas", int), ("parentBeaconBlockRoot", bytes), ("requestsHash", bytes),
    ("blockAccessListHash", bytes),
)  # fmt: skip


def header_rlp(block: Mapping[str, Any]) -> bytes:
    """The header's RLP, from a block's JSON. L1Inconsistent if a field is missing or isn't hex."""
    fields: list[bytes] = []
    for name, kind in _HEADER_FIELDS:
        value = block.get(name)
        if value is None:
            break
        fields.append(encode_int(_integer(value)) if kind is int else encode_bytes(unhex(value)))
    return wrap_list(b"".join(fields))


def _integer(text: Any) -> int:
    try:
        return int(text, 16)
    except (TypeError, ValueError) as error:
        raise L1Inconsistent(f"not a quantity: {text!r}") from error


def read_block(block: Mapping[str, Any]) -> L1Block:
    """A block's JSON as L1Block. L1Inconsistent unless the header's RLP hashes to the hash it names."""
    encoded = header_rlp(block)
    named = unhex(block.get("hash", ""))
    if keccak(encoded) != named:
        raise L1Inconsistent(f"the header of block 0x{named.hex()} hashes to 0x{keccak(encoded).hex()}")
    return L1Block(
        number=_integer(block["number"]),
        hash=named,
        parent_hash=unhex(block["parentHash"]),
        timestamp=_integer(block["timestamp"]),
        prev_randao=unhex(block["mixHash"]),
        logs_bloom=unhex(block["logsBloom"]),
        gas_limit=_integer(block["gasLimit"]),
        gas_used=_integer(block["gasUsed"]),
        base_fee_per_gas=_integer(block.get("baseFeePerGas", "0x0")),
        excess_blob_gas=_integer(block.get("excessBlobGas", "0x0")),
        blob_gas_used=_integer(block.get("blobGasUsed", "0x0")),
        parent_beacon_block_root=unhex(block.get("parentBeaconBlockRoot", "0x")),
        rlp=encoded,
    )


def read_log(log: Mapping[str, Any]) -> L1Log:
    """A log's JSON as L1Log. L1Inconsistent if it isn't one."""
    try:
        return L1Log(
            address=unhex(log["address"]),
            topics=tuple(unhex(topic) for topic in log["topics"]),
            data=unhex(log["data"]),
            block_number=_integer(log["blockNumber"]),
            block_hash=unhex(log["blockHash"]),
            transaction_hash=unhex(log["transactionHash"]),
            log_index=_integer(log["logIndex"]),
        )
    except (KeyError, TypeError) as error:
        raise L1Inconsistent(f"not a log: {log!r}") from error


def bloom_may_contain(bloom: bytes, value: bytes) -> bool:
    """Whether an address or topic may be in a block's logs (EIP-7 bloom: no false negatives)."""
    digest, bits = keccak(value), int.from_bytes(bloom, "big")
    return all(bits >> (int.from_bytes(digest[i : i + 2], "big") & 2047) & 1 for i in (0, 2, 4))


