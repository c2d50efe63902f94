"""The header of a Prague block, and what follows from it for the next block."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256

from execution.encoding import (
    EMPTY_ROOT,
    Rlp,
    RlpError,
    as_bytes,
    as_int,
    decode_list,
    encode_bytes,
    encode_int,
    keccak,
    wrap_list,
)
from execution.errors import InvalidWitness

EMPTY_OMMERS_HASH = keccak(b"\xc0")
EMPTY_REQUESTS_HASH = sha256(b"").digest()
ZERO_NONCE = bytes(8)
_ZERO_HASH = bytes(32)
_EMPTY_BLOOM = bytes(256)

GAS_LIMIT_MINIMUM = 5_000
TARGET_BLOB_GAS_PER_BLOCK = 786_432  # EIP-7691: 6 blobs
MAX_BLOB_GAS_PER_BLOCK = 1_179_648  # 9 blobs
GAS_PER_BLOB = 131_072


@dataclass(frozen=True)
class Header:
    """Fields in RLP order, named as in types.py. Fees in wei, timestamp in seconds."""

    parent_hash: bytes
    fee_recipient: bytes
    state_root: bytes
    number: int
    gas_limit: int
    timestamp: int
    base_fee_per_gas: int
    ommers_hash: bytes = EMPTY_OMMERS_HASH
    transactions_root: bytes = EMPTY_ROOT
    receipts_root: bytes = EMPTY_ROOT
    logs_bloom: bytes = _EMPTY_BLOOM
    difficulty: int = 0
    gas_used: int = 0
    extra_data: bytes = b""
    prev_randao: bytes = _ZERO_HASH
    nonce: bytes = ZERO_NONCE
    withdrawals_root: bytes = EMPTY_ROOT
    blob_gas_used: int = 0
    excess_blob_gas: int = 0
    parent_beacon_block_root: bytes = _ZERO_HASH
    requests_hash: bytes = EMPTY_REQUESTS_HASH

    def rlp(self) -> bytes:
        return self._rlp

    @cached_property
    def _rlp(self) -> bytes:
        return wrap_list(
            b"".join(
                encode_int(value) if isinstance(value, int) else encode_bytes(value)
                for value in (getattr(self, name) for name, _ in _FIELDS)
            )
        )

    @cached_property
    def hash(self) -> bytes:
        return keccak(self._rlp)


# In RLP order: bytes of that length (None: any), or an integer of at most -length bytes.
_FIELDS: tuple[tuple[str, int | None], ...] = (
    ("parent_hash", 32),
    ("ommers_hash", 32),
    ("fee_recipient", 20),
    ("state_root", 32),
    ("transactions_root", 32),
    ("receipts_root", 32),
    ("logs_bloom", 256),
    ("difficulty", -32),
    ("number", -8),
    ("gas_limit", -8),
    ("gas_used", -8),
    ("timestamp", -8),
    ("extra_data", None),
    ("prev_randao", 32),
    ("nonce", 8),
    ("base_fee_per_gas", -32),
    ("withdrawals_root", 32),
    ("blob_gas_used", -8),
    ("excess_blob_gas", -8),
    ("parent_beacon_block_root", 32),
    ("requests_hash", 32),
)


def decode_header(data: bytes) -> Header:
    """Raises RlpError unless `data` is canonical RLP of a Prague header."""
    return header_from_items(decode_list(data, max_depth=1))


def header_from_items(items: list[Rlp]) -> Header:
    if len(items) != len(_FIELDS):
        raise RlpError(f"a Prague header has {len(_FIELDS)} fields, this one {len(items)}")
    values = {
        name: as_int(item, -size) if size is not None and size < 0 else as_bytes(item, size)
        for (name, size), item in zip(_FIELDS, items, strict=True)
    }
    return Header(**values)  # type: ignore[arg-type]


def differing_fields(one: Header, other: Header) -> list[str]:
    return [name for name, _ in _FIELDS if getattr(one, name) != getattr(other, name)]


def next_base_fee(parent: Header) -> int:
    """EIP-1559, wei per gas."""
    target = parent.gas_limit // 2
    base_fee, used = parent.base_fee_per_gas, parent.gas_used
    if used == target:
        return base_fee
    if used > target:
        return base_fee + max(base_fee * (used - target) // target // 8, 1)
    return base_fee - base_fee * (target - used) // target // 8


def next_excess_blob_gas(parent: Header) -> int:
    """EIP-4844 with EIP-7691's target."""
    return max(parent.excess_blob_gas + parent.blob_gas_used - TARGET_BLOB_GAS_PER_BLOCK, 0)


def gas_limit_allowed(gas_limit: int, parent_gas_limit: int) -> bool:
    """Yellow paper, 4.3.4: less than 1/1024 away from the parent's, at least 5,000."""
    return abs(gas_limit - parent_gas_limit) < parent_gas_limit // 1024 and gas_limit >= GAS_LIMIT_MINIMUM


def ancestor_hashes(
    parent_hash: bytes, parent_number: int, headers: Callable[[bytes], bytes]
) -> Callable[[int], bytes]:
    """BLOCKHASH for the child of `parent_hash`, from headers (RLP) by their hash.

    The parent's own hash needs no header; an older one needs all headers from the parent down to its child.
    """
    hashes = {parent_number: parent_hash}
    lowest = parent_number

    def block_hash(number: int) -> bytes:
        nonlocal lowest
        while lowest > number:
            header = header_by_hash(hashes[lowest], headers)
            if header.number != lowest:
                raise InvalidWitness(f"header {header.number} where {lowest} belongs")
            lowest -= 1
            hashes[lowest] = header.parent_hash
        return hashes[number]

    return block_hash


def header_by_hash(block_hash: bytes, headers: Callable[[bytes], bytes]) -> Header:
    """Raises InvalidWitness if `headers` gives none, or something else."""
    data = headers(block_hash)
    if keccak(data) != block_hash:
        raise InvalidWitness(f"not the header of block 0x{block_hash.hex()}")
    try:
        return decode_header(data)
    except RlpError as error:
        raise InvalidWitness(f"malformed header 0x{block_hash.hex()}: {error}") from None
