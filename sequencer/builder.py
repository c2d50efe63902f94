"""Builds L2 blocks on a timer, and opens and closes batches. `sequencer/policy.py` decides, this carries out."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import structlog

from derivation.batch import BatchHeader
from derivation.encoder import BatchEncoder, BatchFull
from derivation.inputs import attributes_of
from l1.blobs import blob_versioned_hash
from sequencer.batches import LocalBatch
from sequencer.l1view import L1Moved, L1Snapshot, L1View
from sequencer.ledger import BatchLedger
from sequencer.node import L2Node
from sequencer.policy import (
    BuilderSettings,
    CloseBatch,
    Decision,
    ExtendBatch,
    Situation,
    StartBatch,
    Wait,
    decide,
)
from sequencer.producer import ProducedBlock, produce, uninterrupted

log = structlog.get_logger("sequencer.builder")

IDLE_POLL = 0.25  # seconds at most between two looks at the situation


class Builder:
    """`block_time` in seconds. `closed` is set whenever a batch has been closed, for the batcher."""

    def __init__(self, node: L2Node, ledger: BatchLedger, l1: L1View, settings: BuilderSettings, *, block_time: float,
                 target_blobs: int, clock: Callable[[], float] = time.time) -> None:
        self._node = node
        self._ledger = ledger
        self._l1 = l1
        self._settings = settings
        self._block_time = block_time
        self._target_blobs = target_blobs
        self._clock = clock
        self._encoder: BatchEncoder | None = None
        self._encoded: int | None = None  # index of the batch that _encoder holds
        self._data_full = False
        self._reason = ""
        self.closed = asyncio.Event()
        self.paused = False
        self.blocks_built = 0

    async def run(self, snapshot: Callable[[], L1Snapshot | None]) -> None:
        """`snapshot`: the newest view of L1, None until there is one."""
        next_block = time.monotonic()
        while True:
            at = snapshot()
            if at is None or self.paused:
                await asyncio.sleep(min(self._block_time, IDLE_POLL))
                continue
            if await self.tick(at):
                next_block = time.monotonic() + self._block_time
            await asyncio.sleep(max(0.0, min(next_block - time.monotonic(), IDLE_POLL)) or self._idle())

    def _idle(self) -> float:
        return min(self._block_time, IDLE_POLL)

    async def tick(self, at: L1Snapshot) -> bool:
        """One decision. True if a block was made."""
        async with self._node.building:
            decision = self.decide(at)
            match decision:
                case Wait(reason):
                    if reason != self._reason and reason != Wait().reason:
                        log.info("waiting", reason=reason)
                    self._reason = reason
                    return False
                case CloseBatch(reason):
                    await self.close(reason)
                    return False
                case StartBatch(timestamp):
                    return await self._start(at, timestamp)
                case ExtendBatch(timestamp, delta):
                    batch = self._ledger.open_batch
                    assert batch is not None
                    return await self._add_block(batch, timestamp, delta)

    def decide(self, at: L1Snapshot) -> Decision:
        batch = self._ledger.open_batch
        due = batch is None and at.due(self._ledger.tip)
        fill = self._batch_encoder(batch).fill if batch is not None else 0.0
        return decide(Situation(
            now=self._clock(), parent_timestamp=self._node.head().timestamp, origin_number=at.origin.number,
            origin_timestamp=at.origin.timestamp, l1_head=at.head, open_batch=batch, fill=1.0 if self._data_full else fill,
            backlog=self._ledger.tip_index - at.batch_count,
            transactions=self._node.has_executable(), due=due), self._settings)

    async def close(self, reason: str) -> None:
        """The open batch gets its header. The caller holds `building`."""
        batch = self._ledger.open_batch
        if batch is None:
            return
        encoder = self._batch_encoder(batch)
        blobs = encoder.blobs()
        hashes = await asyncio.to_thread(lambda: [blob_versioned_hash(blob) for blob in blobs])
        closed = batch.closed(hashes, encoder.chunk_count)
        self._ledger.put(closed)
        self._encoder, self._encoded, self._data_full = None, None, False
        self.closed.set()
        assert closed.header is not None
        log.info("batch closed", batch=batch.index, reason=reason, blocks=len(batch.blocks), blobs=len(blobs),
                 chunks=encoder.chunk_count, hash=closed.header.hash.hex())

    async def _start(self, at: L1Snapshot, timestamp: int) -> bool:
        tip = self._ledger.tip
        if at.origin.number < tip.origin_number:
            return False  # our view of L1 is behind what the last batch was made on
        try:
            queue = await self._l1.queue(at, tip)
        except L1Moved:
            return False
        batch = LocalBatch(tip.batch_count, tip.batch_hash, tip.block_hash, at.origin, queue, self._clock())
        return await self._add_block(batch, timestamp, None)

    async def _add_block(self, batch: LocalBatch, timestamp: int, delta: int | None) -> bool:
        node = self._node
        parent = node.head()
        assert parent.hash == batch.last_block, "the head is not the open batch's last block"
        first = delta is None
        withdrawals = tuple(deposit.as_withdrawal() for deposit in batch.queue.deposits) if first else ()
        attributes = attributes_of(_header_so_far(batch), node.params, timestamp, withdrawals)
        encoder = BatchEncoder(node.rules.chain_id, max_blobs=self._target_blobs) if first else self._batch_encoder(batch)
        best = node.pool.best(node.next_base_fee())
        try:
            made = await uninterrupted(asyncio.to_thread(
                produce, node.store, node.rules, parent, attributes, delta=delta,
                forced=batch.queue.forced if first else (), best=best, encoder=encoder,
                seconds=max(self._block_time, 0.5)))
        except BatchFull:
            self._data_full = True
            return False
        return self._take(batch, made)

    def _take(self, batch: LocalBatch, made: ProducedBlock) -> bool:
        node = self._node
        node.pool.remove(made.useless)
        empty = not (made.local.data_transactions or made.local.delta is None or self._settings.empty_blocks)
        self._data_full = made.data_full
        if empty:
            return False  # what the pool offered did not fit or was no good
        switch = self._ledger.extend(batch, made.local, made.new)
        self._encoder, self._encoded = made.encoder, batch.index
        self.blocks_built += 1
        node.announce(switch)
        header = made.new.sealed.header
        log.info("block", number=header.number, hash=header.hash.hex(), batch=batch.index,
                 transactions=len(made.new.sealed.transactions), gas=header.gas_used)
        return True

    def _batch_encoder(self, batch: LocalBatch) -> BatchEncoder:
        """The open batch's data: kept from block to block, rebuilt after a restart or a reorg."""
        if self._encoder is None or self._encoded != batch.index:
            try:
                self._encoder = self._ledger.encoder(batch, self._target_blobs)
            except BatchFull:  # it was begun with a larger target_blobs
                self._encoder, self._data_full = self._ledger.encoder(batch), True
            self._encoded = batch.index
        return self._encoder

    def forget(self) -> None:
        """The ledger was changed by someone else."""
        self._encoder, self._encoded, self._data_full = None, None, False


def _header_so_far(batch: LocalBatch) -> BatchHeader:
    """What the attributes of a block need of the header is fixed when the batch is opened."""
    header = batch.closed((), 0).header
    assert header is not None
    return header
