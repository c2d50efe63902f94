"""Headers and logs out of L1's JSON, each checked as far as it can be by itself: a header by its hash, logs by the receipts root."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from execution.encoding import encode_bytes, encode_int, keccak, wrap_list
from l1.answers import L1Inconsistent, understood
from l1.receipts import read_receipts, receipts_root


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

    @property
    def receipts_root(self) -> bytes:
        """32 bytes. What comes before it in a header has fixed sizes."""
        return self.rlp[157:189]


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


def read_logs(answer: Any) -> list[L1Log]:
    if not isinstance(answer, list):
        raise TypeError("not a list")
    return [read_log(each) for each in answer]


def bloom_may_contain(bloom: bytes, value: bytes) -> bool:
    """Whether an address or topic may be in a block's logs (EIP-7 bloom: no false negatives)."""
    digest, bits = keccak(value), int.from_bytes(bloom, "big")
    return all(bits >> (int.from_bytes(digest[i : i + 2], "big") & 2047) & 1 for i in (0, 2, 4))


# ---- logs by receipts


def proven_logs(block: L1Block, answer: Any, addresses: Sequence[bytes], topics: Sequence[Any] = ()) -> list[L1Log]:
    """All logs of a block from these addresses, out of an answer to eth_getBlockReceipts. L1Inconsistent unless those are the
    block's receipts; only the hashes of transactions are as told."""
    receipts = understood("eth_getBlockReceipts", answer, read_receipts)
    if receipts_root(receipts) != block.receipts_root:
        raise L1Inconsistent(f"what is said to be the receipts of L1 block {block.number} isn't")
    found: list[L1Log] = []
    index = 0
    for told, receipt in zip(answer, receipts, strict=True):
        transaction = understood("eth_getBlockReceipts", told, lambda fields: unhex(fields["transactionHash"]))
        for log in receipt.logs:
            if log.address in addresses and _matches(log.topics, topics):
                found.append(L1Log(log.address, log.topics, log.data, block.number, block.hash, transaction, index))
            index += 1
    return found


def _matches(topics: Sequence[bytes], wanted: Sequence[Any]) -> bool:
    """As eth_getLogs: each position is any (None), one topic, or a list of them."""
    if len(wanted) > len(topics):
        return False
    return all(
        each is None or "0x" + topic.hex() in ([each] if isinstance(each, str) else each)
        for topic, each in zip(topics, wanted, strict=False)
    )
