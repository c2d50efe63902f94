"""A batch as the sequencer makes it, before L1 knows of it. Values and their records on disk; pure."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace

from derivation.batch import BatchHeader, Deposit
from derivation.codec import CHUNK_SIZE, MAX_BLOBS
from execution.types import ZERO_HASH


@dataclass(frozen=True, slots=True)
class L1Origin:
    """The L1 block a batch is anchored to. `timestamp` in seconds; `header_rlp` hashes to `hash`."""

    number: int
    hash: bytes
    timestamp: int
    prev_randao: bytes
    header_rlp: bytes


@dataclass(frozen=True, slots=True)
class QueueSlice:
    """The deposits and forced transactions (raw) that a batch takes, and where in their queues they begin."""

    deposit_start: int
    deposits: tuple[Deposit, ...]
    forced_start: int
    forced: tuple[bytes, ...]

    @property
    def deposit_end(self) -> int:
        return self.deposit_start + len(self.deposits)

    @property
    def forced_end(self) -> int:
        return self.forced_start + len(self.forced)


@dataclass(frozen=True, slots=True)
class LocalBlock:
    """`delta`: seconds after the block before it, None for a batch's first, which L1 alone starts.
    `data_transactions`: how many of the block's last transactions come from the batch's data, `data_bytes` in all; the
    others were forced."""

    hash: bytes
    delta: int | None
    data_transactions: int
    data_bytes: int = 0


@dataclass(frozen=True, slots=True)
class LocalBatch:
    """`parent_block`: hash of the L2 block before it. `opened_at`: wall clock, seconds. `header` is None as long as
    the batch is open. `foreign`: posted by someone else and adopted, so not ours to post again. `pages`: addresses of the
    dictionary's pages, `max_blobs`: what its encoder was begun with; both are fixed when it is opened, so that its data
    can be made again. `cost`: wei that posting it took, once that is known."""

    index: int
    parent_hash: bytes
    parent_block: bytes
    origin: L1Origin
    queue: QueueSlice
    opened_at: float
    blocks: tuple[LocalBlock, ...] = ()
    header: BatchHeader | None = None
    foreign: bool = False
    pages: tuple[bytes, ...] = ()
    max_blobs: int = MAX_BLOBS
    cost: int | None = None

    @property
    def is_open(self) -> bool:
        return self.header is None

    @property
    def last_block(self) -> bytes:
        return self.blocks[-1].hash if self.blocks else self.parent_block

    @property
    def transactions(self) -> int:
        """How many its data holds."""
        return sum(block.data_transactions for block in self.blocks)

    @property
    def transaction_bytes(self) -> int:
        """Of the raw transactions that its data holds."""
        return sum(block.data_bytes for block in self.blocks)

    @property
    def data_bytes(self) -> int:
        """Of its chunks; 0 as long as it is open."""
        return CHUNK_SIZE * self.header.chunk_count if self.header is not None else 0

    def with_block(self, block: LocalBlock) -> LocalBatch:
        return replace(self, blocks=(*self.blocks, block))

    def closed(self, blob_hashes: Sequence[bytes], chunk_count: int, data_root: bytes = ZERO_HASH) -> LocalBatch:
        """`data_root`: of a batch in calldata."""
        origin, queue = self.origin, self.queue
        return replace(self, header=BatchHeader(
            parent_hash=self.parent_hash, index=self.index, blob_hashes=tuple(blob_hashes), data_root=data_root,
            pages=self.pages, chunk_count=chunk_count, origin_number=origin.number, origin_hash=origin.hash, origin_timestamp=origin.timestamp,
            origin_prev_randao=origin.prev_randao, deposit_start=queue.deposit_start, deposit_end=queue.deposit_end,
            forced_start=queue.forced_start, forced_end=queue.forced_end,
        ))


@dataclass(frozen=True, slots=True)
class Anchor:
    """What a batch builds on: how many batches and queue entries came before it, and the last batch and L2 block."""

    batch_count: int
    batch_hash: bytes
    block_hash: bytes
    origin_number: int
    deposit_end: int
    forced_end: int


def anchor_after(batch: LocalBatch) -> Anchor:
    """Of a closed batch."""
    if batch.header is None:
        raise ValueError(f"batch {batch.index} is still open")
    return Anchor(batch.index + 1, batch.header.hash, batch.last_block, batch.origin.number,
                  batch.queue.deposit_end, batch.queue.forced_end)


def encode_batch(batch: LocalBatch) -> bytes:
    origin, queue, header = batch.origin, batch.queue, batch.header
    return json.dumps({
        "index": batch.index, "parent_hash": batch.parent_hash.hex(), "parent_block": batch.parent_block.hex(),
        "origin": [origin.number, origin.hash.hex(), origin.timestamp, origin.prev_randao.hex(), origin.header_rlp.hex()],
        "deposits": [queue.deposit_start,
                     [[d.index, d.recipient.hex(), d.amount_gwei, d.l1_block] for d in queue.deposits]],
        "forced": [queue.forced_start, [raw.hex() for raw in queue.forced]],
        "opened_at": batch.opened_at, "foreign": batch.foreign,
        "blocks": [[b.hash.hex(), b.delta, b.data_transactions, b.data_bytes] for b in batch.blocks],
        "pages": [page.hex() for page in batch.pages], "max_blobs": batch.max_blobs, "cost": batch.cost,
        "data": None if header is None else [
            [h.hex() for h in header.blob_hashes], header.chunk_count, header.data_root.hex()],
    }, separators=(",", ":")).encode()


def decode_batch(record: bytes) -> LocalBatch:
    fields = json.loads(record)
    number, origin_hash, timestamp, randao, header_rlp = fields["origin"]
    deposit_start, deposits = fields["deposits"]
    forced_start, forced = fields["forced"]
    batch = LocalBatch(
        index=fields["index"], parent_hash=bytes.fromhex(fields["parent_hash"]),
        parent_block=bytes.fromhex(fields["parent_block"]),
        origin=L1Origin(number, bytes.fromhex(origin_hash), timestamp, bytes.fromhex(randao), bytes.fromhex(header_rlp)),
        queue=QueueSlice(
            deposit_start, tuple(Deposit(i, bytes.fromhex(to), amount, block) for i, to, amount, block in deposits),
            forced_start, tuple(bytes.fromhex(raw) for raw in forced)),
        opened_at=fields["opened_at"], foreign=fields["foreign"],
        blocks=tuple(LocalBlock(bytes.fromhex(h), *rest) for h, *rest in fields["blocks"]),
        pages=tuple(bytes.fromhex(page) for page in fields["pages"]), max_blobs=fields["max_blobs"], cost=fields["cost"],
    )
    if fields["data"] is None:
        return batch
    blob_hashes, chunk_count, data_root = fields["data"]
    return batch.closed([bytes.fromhex(h) for h in blob_hashes], chunk_count, bytes.fromhex(data_root))


def encode_anchor(anchor: Anchor) -> bytes:
    return json.dumps([anchor.batch_count, anchor.batch_hash.hex(), anchor.block_hash.hex(), anchor.origin_number,
                       anchor.deposit_end, anchor.forced_end]).encode()


def decode_anchor(record: bytes) -> Anchor:
    count, batch_hash, block_hash, origin_number, deposit_end, forced_end = json.loads(record)
    return Anchor(count, bytes.fromhex(batch_hash), bytes.fromhex(block_hash), origin_number, deposit_end, forced_end)
