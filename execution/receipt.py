"""Receipts and logs (EIP-658, EIP-2718) and the logs bloom (yellow paper, 4.3.1)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from execution.encoding import encode_bytes, encode_int, encode_list, keccak, wrap_list


class Log(NamedTuple):
    address: bytes
    topics: tuple[bytes, ...]  # 32 bytes each
    data: bytes


@dataclass(frozen=True, slots=True)
class Receipt:
    """The first five fields are consensus; the others are what JSON-RPC says besides.

    `contract_address` is where a creation transaction put (or failed to put) its contract, else None.
    """

    type: int
    succeeded: bool
    cumulative_gas_used: int
    logs_bloom: bytes
    logs: tuple[Log, ...]
    gas_used: int = 0
    effective_gas_price: int = 0  # wei
    contract_address: bytes | None = None
    blob_gas_used: int = 0
    blob_gas_price: int = 0  # wei; 0 when the transaction carries no blobs

    def rlp(self) -> bytes:
        """EIP-2718: what the receipts trie holds."""
        payload = wrap_list(
            (b"\x01" if self.succeeded else b"\x80")
            + encode_int(self.cumulative_gas_used)
            + encode_bytes(self.logs_bloom)
            + wrap_list(b"".join([encode_log(log) for log in self.logs]))
        )
        return bytes((self.type,)) + payload if self.type else payload


def encode_log(log: Log) -> bytes:
    return wrap_list(encode_bytes(log.address) + encode_list(log.topics) + encode_bytes(log.data))


@lru_cache(maxsize=1 << 14)
def _bloom_bits(entry: bytes) -> int:
    digest = keccak(entry)
    bits = 0
    for i in (0, 2, 4):
        bits |= 1 << (int.from_bytes(digest[i : i + 2], "big") & 2047)
    return bits


def bloom(logs: Iterable[Log]) -> int:
    """The 2048-bit filter as a number; its big-endian 256 bytes are `logs_bloom`."""
    bits = 0
    for log in logs:
        bits |= _bloom_bits(log.address)
        for topic in log.topics:
            bits |= _bloom_bits(topic)
    return bits
