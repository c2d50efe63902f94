"""The rollup node: follows L1, derives every batch on the L2 chain, and knows what each one does.

Its records are what sequencer and challenger go by: `derived(batch)` is the truth about a batch, None means that it
isn't known (yet), never that the batch does nothing.
"""

from __future__ import annotations

import asyncio
import time
from bisect import bisect_right
from collections.abc import Callable

import structlog

from chain.canonical import Switch
from chain.events import Broadcast
from chain.store import ChainStore
from derivation.batch import BatchData
from derivation.batches import DerivedBatches, NodeSettings, placed
from derivation.deriver import DerivedBatch, derive_batch
from derivation.inbox import InboxTracker
from derivation.node_events import BatchDerived, BatchesGone, BatchUnknown, NodeEvent
from derivation.pipeline import BatchSeen, Blocked, L1Advanced, Pipeline, Rewound
from derivation.records import (
    PLACE_PREFIX,
    TRACKER_KEY,
    DerivedRecord,
    calldata_key,
    decode_place,
    encode_place,
    encode_record,
    place_key,
    record_key,
)
from execution.header import Header
from l1.artifacts import AnswerMalformed
from l1.blob_client import BlobClient
from l1.blob_sources import BlobsMissing
from l1.client import L1Block, L1Client, L1Inconsistent, L1Unavailable
from l1.rpc_errors import RpcError
from l1.worker_pool import WorkerPool

log = structlog.get_logger("derivation.node")

_SAVE_EVERY = 32  # L1 blocks without a batch between two snapshots of the L1 position
_LONGEST_WAIT = 30.0  # seconds between two tries when L1 can't be read


class RollupNode(DerivedBatches):
    """`store`: the L2 chain, whose genesis is the rollup's. `chain_lock` is held while the chain's head is changed, by
    whoever changes it; `on_switch` is told on the event loop when derivation moved the head.

    Either `await run()` in a task, or call `advance()` again and again.
    """

    def __init__(
        self,
        settings: NodeSettings,
        store: ChainStore,
        l1: L1Client,
        beacon: BlobClient,
        *,
        chain_lock: asyncio.Lock | None = None,
        on_switch: Callable[[Switch], None] | None = None,
        workers: WorkerPool | None = None,
    ) -> None:
        super().__init__(settings, store, beacon)
        self.l1 = l1
        self.events = Broadcast()
        self._stands = False
        self.failure: str | None = None  # why L1 can't be read now
        self._chain_lock = chain_lock or asyncio.Lock()
        self._on_switch = on_switch or (lambda switch: None)
        self._changed = asyncio.Event()
        self._unsaved = 0
        self.l1_finalized: L1Block | None = None  # as of the newest L1 head
        self.steps_executed = 0  # since the start
        self._finality_of: bytes | None = None  # the L1 head it was asked for at
        tracker = self._restored_tracker()
        self.pipeline = Pipeline(
            l1, beacon, settings.inbox, settings.start, settings.params.chain_id,
            confirmations=settings.confirmations, tracker=tracker, workers=workers,
        )  # fmt: skip
        self._forget_from(tracker.batch_count)

    # --- what is known -------------------------------------------------------------------------------------

    @property
    def synced(self) -> bool:
        """Whether all of L1, up to the confirmations wanted, had been read at the last look."""
        return self.pipeline.synced

    @property
    def batch_count(self) -> int:
        """Batches on L1 that are derived: 0 to batch_count - 1."""
        return self.pipeline.tracker.batch_count

    @property
    def finalized_count(self) -> int:
        """Batches in L1 blocks that L1 has finalized: 0 to finalized_count - 1."""
        final = self.l1_finalized
        if final is None:
            return 0
        return bisect_right(range(self.batch_count), final.number, key=self._l1_block_of)

    def _l1_block_of(self, index: int) -> int:
        place = self._place(index)
        return 1 << 62 if place is None else place[1].block_number  # none: seen, but not derived yet

    @property
    def blocked(self) -> Blocked | None:
        """The batch whose data can't be had."""
        return self.pipeline.blocked

    @property
    def trouble(self) -> str | None:
        """Why what is known may not be all that there is."""
        if self.failure is not None:
            return self.failure
        if self.blocked is not None:
            return self.blocked.reason
        stood = time.monotonic() - self.pipeline.moved_at
        if stood > self.settings.longest_standstill:
            return f"the L1 node has had no new block for {stood:.0f} s"
        return None

    async def wait_for(self, batch: int | bytes) -> DerivedRecord:
        """The record, once the batch is on L1 and derived."""
        while True:
            changed = self._changed
            record = self.derived(batch)
            if record is not None and self.is_on_l1(record.hash):
                return record
            await changed.wait()

    # --- following L1 --------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Follows L1 until cancelled. L1 being away or inconsistent is waited for."""
        wait = self.settings.poll
        while True:
            try:
                busy = bool(await self.advance())
                self.failure, wait = None, self.settings.poll
            except (L1Unavailable, L1Inconsistent, BlobsMissing, RpcError, AnswerMalformed) as error:
                self.failure, busy = f"{type(error).__name__}: {error}", False
                log.warning("L1 can't be read", reason=self.failure, again_in=wait)
                wait = min(2 * wait, _LONGEST_WAIT)
            stands = self.failure is None and self.blocked is None and self.trouble is not None
            if stands and not self._stands:
                log.error("L1 stands still", reason=self.trouble)
            self._stands = stands
            if not busy or self.synced:
                await asyncio.sleep(wait)

    def close(self) -> None:
        self.pipeline.close()
        self.events.close()
        super().close()

    async def advance(self) -> list[NodeEvent]:
        """One round: reads what is new on L1 and derives it. Raises what the L1 client raises."""
        told: list[NodeEvent] = []
        for event in await self.pipeline.advance():
            match event:
                case BatchSeen():
                    told.append(await self._on_batch(event))
                case Rewound():
                    told.append(await self._on_rewound(event))
                case Blocked(posted, reason):
                    told.append(BatchUnknown(posted.header.index, reason))
                case L1Advanced():
                    self._unsaved += 1
                    told.append(event)
        if any(not isinstance(event, L1Advanced) for event in told) or self._unsaved >= _SAVE_EVERY:
            await self._save()
        if (head := self.pipeline.head) is not None and head.hash != self._finality_of:
            self._finality_of = head.hash
            await self._label_finalized()
        for event in told:
            self.events.publish(event)  # type: ignore[arg-type]
        if told:
            self._changed.set()
            self._changed = asyncio.Event()
        return told

    async def _on_batch(self, seen: BatchSeen) -> BatchDerived:
        record = self._record(seen.hash)
        derived: DerivedBatch | None = None
        if record is None:
            derived = await self.in_thread(self._derive, seen.batch)
            self.steps_executed += derived.steps
            record = DerivedRecord(
                seen.posted.without_data(), b"".join(derived.commitments), derived.final_state,
                tuple(block.sealed.hash for block in derived.blocks), derived.blocks[-1].sealed.header.number,
            )  # fmt: skip
        else:
            record = placed(record, (seen.hash, seen.posted.inclusion))
        async with self._chain_lock:
            switch = await self.in_thread(self._persist, record, derived, seen.posted.data)
            if switch.added or switch.removed:
                self._on_switch(switch)
        log.info("batch derived", batch=record.index, steps=record.steps, blocks=len(record.block_hashes),
                 head=record.last_number, reorged=bool(switch.removed))  # fmt: skip
        return BatchDerived(record, switch)

    def _derive(self, batch: BatchData) -> DerivedBatch:
        state = self.state_before(batch.header.index)
        assert state is not None, "batches are derived in order"
        return derive_batch(self.deriver(batch, state))

    def _persist(self, record: DerivedRecord, derived: DerivedBatch | None, calldata: bytes) -> Switch:
        """Blocks first; then the record and what follows from it, in one transaction."""
        for block in derived.blocks if derived else ():
            if self.store.header_by_hash(block.sealed.hash) is None:
                self.store.put_block(
                    block.sealed, block.nodes, block.codes, senders=block.senders, make_head=False
                )
        records = {
            record_key(record.hash): encode_record(record),
            place_key(record.index): encode_place(record.hash, record.posted.inclusion),
        }
        if calldata:
            records[calldata_key(record.hash)] = calldata
        if self.store.hash_by_number(record.last_number) == record.last_block_hash:
            self.store.put_metas(records)
            switch = Switch()
        else:
            switch = self.store.set_head(record.last_block_hash, meta=records)
        self.store.set_label("safe", record.last_block_hash)
        return switch

    async def _on_rewound(self, event: Rewound) -> BatchesGone:
        gone = tuple(
            record for posted in event.batches if (record := self.derived(posted.hash)) is not None
        )
        async with self._chain_lock:
            safe, switch = await self.in_thread(self._forget_from, self.batch_count_at(event))
            if switch.removed:
                self._on_switch(switch)
        return BatchesGone(gone, safe)

    @staticmethod
    def batch_count_at(event: Rewound) -> int:
        """Batches left after a rewind; with none gone, all."""
        return event.batches[0].header.index if event.batches else 1 << 62

    def _forget_from(self, count: int) -> tuple[Header, Switch]:
        """Takes the batches from `count` on off L1; the last one left makes the safe head. Blocks stay known."""
        places = self.store.metas(PLACE_PREFIX)
        stale = {key: None for key, _ in places if key >= place_key(min(count, (1 << 64) - 1))}
        if stale:
            self.store.put_metas(stale)
        left = [decode_place(value)[0] for key, value in places if key not in stale]
        last = self._record(left[-1]) if left else None
        safe = self._genesis_header if last is None else self.store.header_by_hash(last.last_block_hash)
        assert safe is not None
        switch = self.store.set_head(safe.hash) if self.settings.head_is_safe else Switch()
        if self.store.hash_by_number(safe.number) == safe.hash:
            self.store.set_label("safe", safe.hash)
        return safe, switch

    # --- keeping -------------------------------------------------------------------------------------------

    def _restored_tracker(self) -> InboxTracker:
        """Where an earlier run stood; from the start if there was none or its records are gone."""
        inbox, window = self.settings.inbox, self.settings.window
        anew = InboxTracker(inbox, window, self._pages)
        saved = self.store.get_meta(TRACKER_KEY)
        if saved is None:
            return anew
        try:
            tracker = InboxTracker.restore(saved, inbox, window, self._pages)
        except ValueError as error:
            log.warning("reading L1 anew", reason=str(error))
            return anew
        head = self._place(tracker.batch_count - 1) if tracker.batch_count else None
        if tracker.batch_count and (head is None or head[0] != tracker.head_hash):
            log.warning("reading L1 anew", reason="the position saved and the batches saved don't agree")
            return anew
        return tracker

    async def _save(self) -> None:
        self._unsaved = 0
        await self.in_thread(self.store.put_meta, TRACKER_KEY, self.pipeline.tracker.snapshot())

    async def _label_finalized(self) -> None:
        """The last L2 block whose batch L1 has finalized. Best effort: nothing depends on it."""
        try:
            self.l1_finalized = await self.l1.block("finalized")
        except (L1Unavailable, L1Inconsistent, RpcError):
            return
        await self.in_thread(self._set_finalized)

    def _set_finalized(self) -> None:
        last = self.derived(self.finalized_count - 1)
        if last is not None and self.store.hash_by_number(last.last_number) == last.last_block_hash:
            self.store.set_label("finalized", last.last_block_hash)
