"""Brings the sequencer's promises in line with L1.

At every look at L1, with the builder held still:
1. Each batch that L1 has derived must be the ledger's batch of that index, block for block. If someone else posted it,
   or an alarming disagreement shows, the derived one is adopted, and whatever the ledger built from there on is dropped; its
   transactions go back to the pool.
2. A batch that L1 does not have must still be possible: its origin canonical and young enough, not refused by the Inbox.
   The first that isn't is dropped with all after it.
3. "safe" is the last derived block, "finalized" the last block of the last confirmed assertion.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from chain.view import BlockUnavailable
from derivation.inputs import attributes_of
from derivation.records import DerivedRecord
from l1.client import L1Inconsistent, L1Unavailable
from l1.rpc_errors import RpcError
from sequencer.batches import L1Origin, LocalBatch, LocalBlock, QueueSlice
from sequencer.builder import Builder
from sequencer.derived import DerivedChain
from sequencer.l1view import L1Moved, L1Snapshot, L1View
from sequencer.ledger import BatchLedger
from sequencer.node import L2Node
from sequencer.producer import replay, uninterrupted

log = structlog.get_logger("sequencer.follower")

KEPT_BATCHES = 1024  # derived batches that stay in the ledger in case L1 is reorganised
ORIGIN_AGE_MARGIN = 16  # L1 blocks left for the posting transaction


class Follower:
    """`snapshot`: the newest view of L1. `alarms`: disagreements of derivation with what was built; should stay 0.
    `overtaken` is told of a closed batch of ours whose place on L1 somebody else's has taken."""

    def __init__(self, node: L2Node, ledger: BatchLedger, l1: L1View, derived: DerivedChain, builder: Builder, *,
                 max_origin_age: int, confirmed_block: Callable[[], Awaitable[bytes]],
                 overtaken: Callable[[LocalBatch], None] = lambda batch: None) -> None:
        self._node = node
        self._ledger = ledger
        self._l1 = l1
        self._derived = derived
        self._builder = builder
        self._max_origin_age = max_origin_age
        self._confirmed_block = confirmed_block
        self._overtaken = overtaken
        self._refused: tuple[int, bytes, str] | None = None
        self._wake = asyncio.Event()
        self._agreed: dict[int, bytes] = {}  # batch index -> hash of the derived batch it was compared with
        self.snapshot: L1Snapshot | None = None
        self.failure = ""
        self.alarms = 0

    async def run(self, poll: float) -> None:
        moved = 0
        while True:
            self._wake.clear()
            try:
                await self.step()
                self.failure = ""
                moved = 0
            except L1Moved:  # read again soon, but not for ever: a provider's nodes may never agree
                moved += 1
            except (L1Unavailable, L1Inconsistent, RpcError) as error:
                if not self.failure:
                    log.warning("L1 can't be read", error=str(error))
                self.failure = str(error)
            try:
                async with asyncio.timeout(min(poll, 0.05 * 2 ** min(moved, 16)) if moved else poll):
                    await self._wake.wait()
            except TimeoutError:
                continue
            await asyncio.sleep(0.05)  # woken: but not in a busy loop

    def refresh(self) -> None:
        """Look at L1 now."""
        self._wake.set()

    def refused(self, batch: LocalBatch, reason: str) -> None:
        """The Inbox will not take this batch. Checked against the next view of L1 before anything is dropped."""
        assert batch.header is not None
        self._refused = (batch.index, batch.header.hash, reason)
        self._wake.set()

    async def step(self) -> None:
        at = await self._l1.snapshot()
        async with self._node.building:
            await self._adopt_derived()
            await self._drop_impossible(at)
            await self._label()
            self._ledger.prune(self._derived.count - KEPT_BATCHES)
        self.snapshot = at

    # ---- 1: what L1 has

    async def _adopt_derived(self) -> None:
        count = self._derived.count
        if count < self._ledger.anchor.batch_count:
            log.critical("L1 was reorganised deeper than the ledger goes back", derived=count,
                         ledger=self._ledger.anchor.batch_count)
            return
        for index in range(self._ledger.anchor.batch_count, count):
            batch_hash = self._derived.batch_hash(index)
            if batch_hash is None:
                return
            local = self._ledger.get(index)
            if local is not None and local.header is not None and local.header.hash == batch_hash:
                if self._agreed.get(index) == batch_hash:
                    continue
                record = self._derived.record(index)
                if record is None:
                    return
                if [block.hash for block in local.blocks] == list(record.block_hashes):
                    self._agreed[index] = batch_hash
                    continue
                self.alarms += 1
                log.critical("derivation disagrees with the unsafe chain", batch=index, built=local.last_block.hex(),
                             derived=record.last_block_hash.hex())
            elif (record := self._derived.record(index)) is None:
                return
            try:
                await self._adopt(index, record)
            except BaseException:
                if self._ledger.get(index) is not None:
                    self._drop(index, "it could not be adopted whole")
                raise
            self._agreed[index] = batch_hash

    async def _adopt(self, index: int, record: DerivedRecord) -> None:
        if (local := self._ledger.get(index)) is not None:
            if not (local.is_open or local.foreign):
                self._overtaken(local)
            self._drop(index, "L1 has another batch")
        before, header = self._ledger.tip, record.posted.header
        batch = LocalBatch(
            index, before.batch_hash, before.block_hash,
            L1Origin(header.origin_number, header.origin_hash, header.origin_timestamp, header.origin_prev_randao, b""),
            QueueSlice(header.deposit_start, record.posted.deposits, header.forced_start, record.posted.forced),
            opened_at=0.0, foreign=True, pages=header.pages)
        parent_timestamp = self._node.head().timestamp
        for number, block_hash in enumerate(record.block_hashes):
            block = self._derived.block(block_hash)
            if block is None:
                raise L1Moved
            attributes = attributes_of(header, self._node.params, block.header.timestamp, block.withdrawals)
            new = await uninterrupted(asyncio.to_thread(
                replay, self._node.store, self._node.rules, block.header, block.transactions, attributes))
            delta = block.header.timestamp - parent_timestamp if number else None
            parent_timestamp = block.header.timestamp
            switch = self._ledger.extend(batch, LocalBlock(block_hash, delta, 0), new)
            batch = self._ledger.get(index) or batch
            self._node.announce(switch)
        self._ledger.put(batch.closed(header.blob_hashes, header.chunk_count, header.data_root))
        log.info("adopted a batch from L1", batch=index, hash=header.hash.hex(), blocks=len(record.block_hashes))

    # ---- 2: what L1 doesn't have

    async def _drop_impossible(self, at: L1Snapshot) -> None:
        refused, self._refused = self._refused, None
        for batch in self._ledger:
            if batch.index < max(self._derived.count, at.batch_count):
                continue
            if (why := await self._impossible(batch, at, refused)) is not None:
                self._drop(batch.index, why)
                return

    async def _impossible(self, batch: LocalBatch, at: L1Snapshot, refused: tuple[int, bytes, str] | None) -> str | None:
        if batch.foreign:
            return "L1 no longer has this batch, and it is not ours"
        if at.head - batch.origin.number > self._max_origin_age - ORIGIN_AGE_MARGIN:
            return "its L1 origin is too old"
        if await self._l1.block_hash(batch.origin.number) != batch.origin.hash:
            return "its L1 origin was reorganised away"
        if refused is None or batch.header is None or (batch.index, batch.header.hash) != refused[:2]:
            return None
        if at.batch_count == batch.index and at.batch_hash == batch.header.parent_hash:
            return f"the Inbox refuses it: {refused[2]}"
        return None

    def _drop(self, index: int, why: str) -> None:
        dropped, switch = self._ledger.truncate(index)
        self._builder.forget(dropped)
        for batch in dropped:
            self._agreed.pop(batch.index, None)
        log.warning("batches dropped", first=index, count=len(dropped), blocks=len(switch.removed), reason=why)
        self._node.announce(switch)

    # ---- 3: labels

    async def _label(self) -> None:
        last = self._ledger.get(self._derived.count - 1)
        safe = last.last_block if last is not None else self._ledger.anchor.block_hash
        self._set("safe", safe)
        self._set("finalized", await self._confirmed_block())

    def _set(self, label: str, block_hash: bytes) -> None:
        current = self._node.store.label(label)  # type: ignore[arg-type]
        if current is not None and current.hash == block_hash:
            return
        try:
            self._node.store.set_label(label, block_hash)  # type: ignore[arg-type]
        except BlockUnavailable:
            log.debug("no such block here yet", label=label, hash=block_hash.hex())
