"""Batches as L1 fixes them (docs/protocol.md, section 2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from lru import LRU

from derivation.codec import (
    BLOB_SIZE,
    CHUNK_SIZE,
    CHUNKS_PER_BLOB,
    MAX_BLOBS,
    MAX_CALLDATA_CHUNKS,
    MAX_PAGES,
    Item,
    ItemKind,
    blob_elements,
    decode_chunk,
    dictionary_of,
    from_elements,
)
from execution.types import ZERO_HASH, Withdrawal
from l1.batch_header import BatchHeader

__all__ = [
    "MAX_DEPOSITS_PER_BATCH",
    "MAX_FORCED_PER_BATCH",
    "BatchData",
    "BatchHeader",
    "BatchInconsistent",
    "Deposit",
    "ForcedTransaction",
    "Inclusion",
    "ItemsAhead",
    "blob_count",
    "decode_ahead",
    "due_end",
    "genesis_parent",
    "header_flaw",
]  # fmt: skip

MAX_DEPOSITS_PER_BATCH = 16
MAX_FORCED_PER_BATCH = 16

CHUNKS_IN_MEMORY = 8  # decoded: 2,032 bytes may say a megabyte
MAX_AHEAD = 8 << 20  # bytes of a batch's items decoded ahead

ItemsAhead: TypeAlias = list[tuple[bytes, tuple[bytes, ...]]]
"""Kinds and payloads of the items of a batch's chunks, from the first one on."""


@dataclass(frozen=True, slots=True)
class Deposit:
    """An entry of the Inbox's deposit queue. `amount_gwei` in Gwei; `l1_block` the L1 block it was made in."""

    index: int
    recipient: bytes  # 20 bytes
    amount_gwei: int
    l1_block: int

    def as_withdrawal(self) -> Withdrawal:
        return Withdrawal(self.index, 0, self.recipient, self.amount_gwei)


@dataclass(frozen=True, slots=True)
class ForcedTransaction:
    """An entry of the Inbox's queue of forced transactions. `raw`: the EIP-2718 bytes as given, unchecked."""

    index: int
    raw: bytes
    l1_block: int


@dataclass(frozen=True, slots=True)
class Inclusion:
    """Where on L1 a batch lies. An L1 reorg can change it; the batch's meaning does not depend on it."""

    block_number: int
    block_hash: bytes
    block_timestamp: int
    transaction_hash: bytes
    poster: bytes  # 20 bytes


class BatchInconsistent(Exception):
    """Parts that don't belong together: data, deposits or forced transactions that aren't this header's."""


@dataclass(frozen=True, slots=True)
class BatchData:
    """A batch with all it takes to derive it. BatchInconsistent if counts or indices don't fit the header.

    That blobs, data and pages have the header's hashes is checked by whoever gets them from L1.
    """

    header: BatchHeader
    blobs: tuple[bytes, ...]  # 131072 bytes each
    deposits: tuple[Deposit, ...] = ()
    forced: tuple[bytes, ...] = ()  # raw transactions
    inclusion: Inclusion | None = None
    pages: tuple[bytes, ...] = ()  # contents, 1 to 24,575 bytes each
    data: bytes = b""  # of a batch in calldata: its chunks, end to end
    _ahead: dict[int, tuple[Item, ...]] = field(default_factory=dict, init=False, repr=False, compare=False)
    _decoded: LRU[int, tuple[Item, ...]] = field(
        default_factory=lambda: LRU(CHUNKS_IN_MEMORY), init=False, repr=False, compare=False
    )

    def __post_init__(self) -> None:
        header = self.header
        if (flaw := header_flaw(header)) is not None:
            raise BatchInconsistent(flaw)
        if len(self.pages) != len(header.pages):
            raise BatchInconsistent(f"batch {header.index} names {len(header.pages)} pages, not {len(self.pages)}")
        if len(self.data) != (CHUNK_SIZE * header.chunk_count if header.in_calldata else 0):
            raise BatchInconsistent(f"batch {header.index} does not have {len(self.data)} bytes in calldata")
        if len(self.blobs) != len(header.blob_hashes) or any(len(blob) != BLOB_SIZE for blob in self.blobs):
            raise BatchInconsistent(f"batch {header.index} has {len(header.blob_hashes)} blobs of {BLOB_SIZE} bytes")
        if [deposit.index for deposit in self.deposits] != list(range(header.deposit_start, header.deposit_end)):
            raise BatchInconsistent(f"batch {header.index} takes deposits {header.deposit_start} to {header.deposit_end}")
        if len(self.forced) != header.forced_end - header.forced_start:
            raise BatchInconsistent(f"batch {header.index} takes {header.forced_end - header.forced_start} forced ones")

    def chunk(self, index: int) -> bytes | None:
        """The 2,032 bytes of chunk `index`, counted from 0; None if one of its field elements is 2^254 or more."""
        if self.header.in_calldata:
            return self.data[CHUNK_SIZE * index : CHUNK_SIZE * (index + 1)]
        return from_elements(blob_elements(self.blobs, index))

    def items(self, index: int, chain_id: int) -> tuple[Item, ...]:
        """Items of chunk `index`, counted from 0, for an L2 with that chain id. The chunks asked for last are kept."""
        items = self._ahead.get(index)
        if items is None and (items := self._decoded.get(index)) is None:
            chunk = self.chunk(index)
            items = () if chunk is None else decode_chunk(chunk, chain_id, dictionary_of(self.pages))
            self._decoded[index] = items
        return items

    def keep(self, items: ItemsAhead) -> None:
        """What `decode_ahead` has made of this batch."""
        for index, (kinds, payloads) in enumerate(items):
            self._ahead[index] = tuple(map(Item, map(ItemKind, kinds), payloads))


def decode_ahead(
    blobs: tuple[bytes, ...], data: bytes, chunk_count: int, chain_id: int, pages: tuple[bytes, ...]
) -> ItemsAhead:
    """Kinds and payloads of the first chunks' items, as many as make `MAX_AHEAD` bytes: for worker processes."""
    found: list[tuple[bytes, tuple[bytes, ...]]] = []
    dictionary, size = dictionary_of(pages), 0
    for index in range(chunk_count):
        at = CHUNK_SIZE * index
        chunk = from_elements(blob_elements(blobs, index)) if blobs else data[at : at + CHUNK_SIZE]
        items = () if chunk is None else decode_chunk(chunk, chain_id, dictionary)
        size += sum(len(item.payload) for item in items)
        if size > MAX_AHEAD:
            break
        found.append((bytes(item.kind for item in items), tuple(item.payload for item in items)))
    return found


def blob_count(chunk_count: int) -> int:
    """Blobs that hold this many chunks: 64 * (blobs - 1) < chunk_count <= 64 * blobs."""
    return -(-chunk_count // CHUNKS_PER_BLOB)


def header_flaw(header: BatchHeader) -> str | None:
    """What of the data that a header names no Inbox would take; None: nothing."""
    chunks, blobs = header.chunk_count, len(header.blob_hashes)
    if len(header.pages) > MAX_PAGES:
        return f"batch {header.index} names {len(header.pages)} pages, {MAX_PAGES} are allowed"
    if header.in_calldata:
        if blobs or not 0 < chunks <= MAX_CALLDATA_CHUNKS:
            return f"batch {header.index} has {chunks} chunks in calldata and {blobs} blobs"
    elif blobs > MAX_BLOBS or blob_count(chunks) != blobs:
        return f"batch {header.index} has {chunks} chunks in {blobs} blobs"
    return None


def due_end(l1_blocks: Sequence[int], start: int, origin_number: int, limit: int) -> int:
    """End index of the queue entries a batch with that origin takes.

    `l1_blocks[i]` is the L1 block number of queue entry `start + i`; `limit` the most one batch takes.
    """
    taken = 0
    while taken < min(limit, len(l1_blocks)) and l1_blocks[taken] <= origin_number:
        taken += 1
    return start + taken


def genesis_parent() -> bytes:
    """`parent_hash` of batch 0."""
    return ZERO_HASH
