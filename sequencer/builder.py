"""Builds L2 blocks on a timer, and opens and closes batches. `sequencer/policy.py` decides, this carries out."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence

import structlog

from derivation.batch import BatchHeader
from derivation.codec import chunks_to_blobs
from derivation.encoder import BatchEncoder, BatchFull
from derivation.inputs import attributes_of
from derivation.merkle import chunk_root
from l1.blobs import blob_versioned_hash, trusted_setup
from l1.client import L1Inconsistent, L1Unavailable
from l1.contracts import Inbox
from l1.fees import FeeMarket
from l1.rpc_errors import RpcError
from l1.worker_pool import WorkerPool
from sequencer.batches import LocalBatch
from sequencer.contest import Contest
from sequencer.data_policy import DataKind, DataPolicy, chunk_limit
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
FIRST_PATIENCE, LONGEST_PATIENCE = 0.5, 8.0  # seconds until L1 is asked again for what a new batch takes


class Builder:
    """`block_time` in seconds. `closed` is set whenever a batch has been closed, for the batcher. `workers`: for KZG, which holds
    the GIL; a thread if there are none."""

    def __init__(self, node: L2Node, ledger: BatchLedger, l1: L1View, settings: BuilderSettings, *, block_time: float,
                 data: DataPolicy, contest: Contest | None = None, clock: Callable[[], float] = time.time,
                 workers: WorkerPool | None = None) -> None:
        self._node = node
        self._ledger = ledger
        self._l1 = l1
        self._settings = settings
        self._block_time = block_time
        self._data = data
        self._contest = contest
        self._due_since: float | None = None
        self._waiting_since: float | None = None
        self._clock = clock
        self._compute = asyncio.to_thread if workers is None else workers.run
        self._encoder: BatchEncoder | None = None
        self._encoded: int | None = None  # index of the batch that _encoder holds
        self._data_full = False
        self._reason = ""
        self._pages_there = True
        self._patience = FIRST_PATIENCE
        self._ask_again_at = 0.0  # of time.monotonic()
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
                    await self.close(reason, at.market)
                    return False
                case StartBatch(timestamp):
                    return await self._start(at, timestamp)
                case ExtendBatch(timestamp, delta):
                    batch = self._ledger.open_batch
                    assert batch is not None
                    return await self._add_block(batch, timestamp, delta)

    def decide(self, at: L1Snapshot) -> Decision:
        batch = self._ledger.open_batch
        transactions = self._node.has_executable()
        fill = 0.0
        if batch is not None:
            # What was begun before a restart may hold more than a batch may now.
            fill = self._batch_encoder(batch).fill * max(1.0, chunk_limit(batch.max_blobs) / self._data.most_chunks)
        return decide(Situation(
            now=self._clock(), parent_timestamp=self._node.head().timestamp, origin_number=at.origin.number,
            origin_timestamp=at.origin.timestamp, l1_head=at.head, open_batch=batch, fill=1.0 if self._data_full else fill,
            backlog=self._ledger.tip_index - at.batch_count,
            transactions=transactions, due=batch is None and self._due(at, transactions),
            last_opened_at=self._ledger.last_opened_at, may_post=self._contest is None or self._contest.may_post(at),
        ), self._settings)

    def _due(self, at: L1Snapshot, transactions: bool) -> bool:
        """Whether deposits or forced transactions are reason enough for a batch."""
        if not at.due(self._ledger.tip):
            self._due_since = None
            return False
        if self._due_since is None:
            self._due_since = self._clock()
        if transactions or self._contest is None or not self._contest.contested(at, self._ledger):
            return True
        return self._clock() - self._due_since >= self._contest.due_patience

    async def close(self, reason: str, market: FeeMarket | None = None) -> None:
        """The open batch gets its header. The caller holds `building`. `market`: L1's prices."""
        batch = self._ledger.open_batch
        if batch is None:
            return
        encoder = self._batch_encoder(batch)
        chunks = encoder.chunks()
        call = Inbox.post_batch(batch.parent_hash, len(chunks), batch.pages, batch.origin.header_rlp)
        kind = self._data.kind(chunks, call, market, self._ledger.last_kind())
        closed = await self._compute(_closed, batch, chunks, kind)
        self._ledger.put(closed)
        self._encoder, self._encoded, self._data_full = None, None, False
        self.closed.set()
        assert closed.header is not None
        log.info("batch closed", batch=batch.index, reason=reason, blocks=len(batch.blocks), data=str(kind),
                 blobs=len(closed.header.blob_hashes), chunks=len(chunks), hash=closed.header.hash.hex())

    async def _start(self, at: L1Snapshot, timestamp: int) -> bool:
        tip = self._ledger.tip
        if at.origin.number < tip.origin_number:
            return False  # our view of L1 is behind what the last batch was made on
        if time.monotonic() < self._ask_again_at:
            return False
        try:
            pages = await self._usable_pages(at)
            queue = await self._l1.queue(at, tip)
        except L1Moved:
            return False
        except (L1Unavailable, L1Inconsistent, RpcError) as error:
            self._patience = min(2 * self._patience, LONGEST_PATIENCE)
            self._ask_again_at = time.monotonic() + self._patience
            log.warning("no batch can be begun: L1 can't be read", reason=str(error), again_in=self._patience)
            return False
        self._patience = FIRST_PATIENCE
        limit = self._data.limit(at.market, self._ledger.last_kind())
        opened_at = self._clock() if self._waiting_since is None else self._waiting_since
        batch = LocalBatch(tip.batch_count, tip.batch_hash, tip.block_hash, at.origin, queue, opened_at,
                           pages=pages, max_blobs=limit)
        if not await self._add_block(batch, timestamp, None):
            return False
        self._waiting_since = None
        return True

    async def _usable_pages(self, at: L1Snapshot) -> tuple[bytes, ...]:
        """Those that new batches are to name, if the Inbox had them at the origin: so a reorg that takes one away takes away
        the origin too, and the batches that name it are made anew."""
        pages = self._data.pages
        there = not pages or await self._l1.has_pages(pages, at.origin.number)
        if there != self._pages_there:
            (log.info if there else log.warning)("the dictionary's pages are on L1" if there else
                                                 "the dictionary's pages are not on L1: batches name none until they are")
        self._pages_there = there
        return pages if there else ()

    async def _add_block(self, batch: LocalBatch, timestamp: int, delta: int | None) -> bool:
        node = self._node
        parent = node.head()
        assert parent.hash == batch.last_block, "the head is not the open batch's last block"
        first = delta is None
        withdrawals = tuple(deposit.as_withdrawal() for deposit in batch.queue.deposits) if first else ()
        attributes = attributes_of(_header_so_far(batch), node.params, timestamp, withdrawals)
        encoder = self._ledger.new_encoder(batch) if first else self._batch_encoder(batch)
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
            self._encoder, self._encoded = self._ledger.encoder(batch), batch.index
        return self._encoder

    def forget(self, dropped: Iterable[LocalBatch] = ()) -> None:
        """The ledger was changed by someone else. Transactions in `dropped` have waited for a batch already: the next one is as
        old as the oldest of those."""
        self._encoder, self._encoded, self._data_full = None, None, False
        opened = [batch.opened_at for batch in dropped if batch.transactions and not batch.foreign]
        self._waiting_since = min([*opened, *([] if self._waiting_since is None else [self._waiting_since])], default=None)


def prepare_commitments() -> None:
    """Loads what `close` needs of KZG: seconds. For a worker process."""
    trusted_setup()


def _closed(batch: LocalBatch, chunks: Sequence[bytes], kind: DataKind) -> LocalBatch:
    if kind is DataKind.CALLDATA:
        return batch.closed((), len(chunks), chunk_root(chunks))
    return batch.closed([blob_versioned_hash(blob) for blob in chunks_to_blobs(chunks)], len(chunks))


def _header_so_far(batch: LocalBatch) -> BatchHeader:
    """What the attributes of a block need of the header is fixed when the batch is opened."""
    header = batch.closed((), 0).header
    assert header is not None
    return header
