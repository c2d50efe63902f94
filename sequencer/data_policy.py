"""Where a batch's data goes: into blobs, or into the calldata of the transaction that posts it. Pure; prices are wei.

Blobs are bought whole: 131,072 blob gas each, however little is in them. Calldata is paid by the byte (EIP-7623). So a small
batch is cheaper in calldata where blob gas costs more than gas or little less, and a full one where it costs some 40 times as much.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from derivation.codec import CHUNK_SIZE, CHUNKS_PER_BLOB, MAX_CALLDATA_CHUNKS
from l1.fees import FeeMarket

GAS_PER_BLOB = 1 << 17  # blob gas, EIP-4844
_TRANSACTION_GAS = 21_000
_TOKEN_GAS, _FLOOR_TOKEN_GAS = 4, 10  # EIP-7623: a zero byte is one token, another one is four
_POSTING_GAS = 81_000  # what the Inbox does for any batch
_CHUNK_GAS = 20_000  # and for each chunk in calldata: hashing, the log (8 gas a byte), memory
_SWITCH_PERCENT = 85  # another kind than the last batch's must cost at most so much of it


class DataKind(StrEnum):
    BLOBS = "blobs"
    CALLDATA = "calldata"


@dataclass(frozen=True, slots=True)
class DataPolicy:
    """`mode`: "blobs", "calldata", or "auto": what is cheaper. `target_blobs`: a batch for blobs is full with so many.
    `pages`: what new batches name, 20-byte addresses, the text first."""

    mode: str = "blobs"
    target_blobs: int = 1
    pages: tuple[bytes, ...] = ()

    def limit(self, market: FeeMarket | None, last: DataKind | None) -> int:
        """How many blobs a new batch may fill; 0: what calldata holds. `last`: kind of the batch before."""
        if self.mode == "auto" and market is not None:
            most = b"\x01" * (CHUNK_SIZE * MAX_CALLDATA_CHUNKS)
            full = _cheaper(blobs_cost(b"", 1, market), calldata_cost(most, MAX_CALLDATA_CHUNKS, market), last)
            return 0 if full is DataKind.CALLDATA else self.target_blobs
        return 0 if self.mode == "calldata" else self.target_blobs

    @property
    def most_chunks(self) -> int:
        """With so many a batch is full in any case, however it was begun."""
        return chunk_limit(0 if self.mode == "calldata" else self.target_blobs)

    def kind(self, chunks: Sequence[bytes], call: bytes, market: FeeMarket | None, last: DataKind | None) -> DataKind:
        """For a batch that is being closed. `call`: the calldata that posts it with blobs."""
        if not 0 < len(chunks) <= MAX_CALLDATA_CHUNKS or self.mode == "blobs":
            return DataKind.BLOBS
        if self.mode == "calldata":
            return DataKind.CALLDATA
        if market is None:
            return last or DataKind.BLOBS
        with_data = call + b"".join(chunks)
        return _cheaper(blobs_cost(call, -(-len(chunks) // CHUNKS_PER_BLOB), market),
                        calldata_cost(with_data, len(chunks), market), last)


def chunk_limit(max_blobs: int) -> int:
    """Chunks in so many blobs; 0: in calldata."""
    return max_blobs * CHUNKS_PER_BLOB or MAX_CALLDATA_CHUNKS


def blobs_cost(call: bytes, blobs: int, market: FeeMarket) -> int:
    """Wei to post `call` with so many blobs."""
    return _gas(call, _POSTING_GAS) * (market.base_fee + market.tip) + blobs * GAS_PER_BLOB * market.blob_base_fee


def calldata_cost(call: bytes, chunk_count: int, market: FeeMarket) -> int:
    """Wei to post `call`, with the chunks in it."""
    return _gas(call, _POSTING_GAS + chunk_count * _CHUNK_GAS) * (market.base_fee + market.tip)


def _gas(call: bytes, execution: int) -> int:
    """EIP-7623: the floor counts if it is above all else."""
    tokens = 4 * len(call) - 3 * call.count(0)
    return _TRANSACTION_GAS + max(_TOKEN_GAS * tokens + execution, _FLOOR_TOKEN_GAS * tokens)


def _cheaper(blobs: int, calldata: int, last: DataKind | None) -> DataKind:
    """`last` stays unless the other one is clearly cheaper: prices move from block to block."""
    if last is DataKind.CALLDATA:
        return DataKind.BLOBS if 100 * blobs <= _SWITCH_PERCENT * calldata else DataKind.CALLDATA
    if last is DataKind.BLOBS:
        return DataKind.CALLDATA if 100 * calldata <= _SWITCH_PERCENT * blobs else DataKind.BLOBS
    return DataKind.CALLDATA if calldata < blobs else DataKind.BLOBS
