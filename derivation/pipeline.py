"""Follows L1 by hash and says, in order, which batches lie on it; takes everything back that a reorg takes away.

Each round of `advance` looks at L1's head, rewinds to the common ancestor if the newest known block is no longer
canonical, and takes the next blocks, which are read ahead (l1_reader.py), as are blobs (prefetch.py). A batch whose blobs
can't be had stops it there: nothing is guessed, the next round tries again, and sees if a reorg took the batch away: blobs
of an orphaned block never come.
"""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass
from typing import TypeAlias

import structlog

from derivation.batch import BatchData
from derivation.inbox import InboxTracker, L1Point, PostedBatch
from derivation.l1_reader import NEAR_HEAD, READ_AT_ONCE, L1Reader, L1Source, ReadBlock
from derivation.prefetch import BlobSource, Prefetcher
from l1.blob_sources import BlobsMissing
from l1.client import L1Block, L1Inconsistent, L1Unavailable
from l1.rpc_errors import RpcError
from l1.worker_pool import WorkerPool

log = structlog.get_logger("derivation.pipeline")

BATCHES_A_ROUND = 8
PATIENCE = 3  # looks at a block that contradicts what was read before
LOOK_EVERY = 1.0  # seconds between two looks at L1's head while it is far away


@dataclass(frozen=True, slots=True)
class L1Advanced:
    """Everything up to this block has been told."""

    block: L1Block


@dataclass(frozen=True, slots=True)
class BatchSeen:
    """The next batch, with its data."""

    batch: BatchData
    hash: bytes
    posted: PostedBatch


@dataclass(frozen=True, slots=True)
class Rewound:
    """L1 was reorganised: what came after `to` (None: everything) is void. `batches`: those gone, oldest first."""

    to: L1Point | None
    batches: tuple[PostedBatch, ...]


@dataclass(frozen=True, slots=True)
class Blocked:
    """The next batch is on L1 but its data isn't to be had now: what it does is unknown."""

    posted: PostedBatch
    reason: str


PipelineEvent: TypeAlias = L1Advanced | BatchSeen | Rewound | Blocked


class Pipeline:
    """`inbox`: address, 20 bytes. `start`: number of the L1 block with the first contract. `chain_id`: the L2's.
    `confirmations`: L1 blocks on top of one before it is read. `tracker`: where to go on from, after a restart.
    `workers`: where chunks are decoded ahead; None: only as they are executed."""

    def __init__(
        self,
        l1: L1Source,
        beacon: BlobSource,
        inbox: bytes,
        start: int,
        chain_id: int,
        *,
        confirmations: int = 0,
        tracker: InboxTracker | None = None,
        workers: WorkerPool | None = None,
    ) -> None:
        self._l1 = l1
        self._start = start
        self._confirmations = confirmations
        self.tracker = tracker or InboxTracker(inbox)
        self._prefetcher = Prefetcher(beacon, chain_id, self.tracker.pages_of, workers)
        self._reader = L1Reader(l1, inbox, self._prefetcher.offer)
        self._read: deque[ReadBlock] = deque()  # and not taken yet
        self._untold: list[PipelineEvent] = []  # outlives a round that fails or is cancelled half way
        self.blocked: Blocked | None = None
        self.head: L1Block | None = None  # L1's newest block, as of the last round
        self.moved_at = time.monotonic()  # when that was first seen
        self.synced = False  # whether the last round ended at the newest block to be read
        self._looked = float("-inf")  # at L1's head, of time.monotonic()
        self._finalized: int | None = None  # L1's finalized block as of then; None: not asked yet
        self.reorgs = 0  # followed since the start
        self._contradicted_by = b""  # hash of an L1 block
        self._contradictions = 0  # in a row
        self._patience = PATIENCE

    async def advance(self) -> list[PipelineEvent]:
        """One round. Empty: nothing new. L1Unavailable or L1Inconsistent if L1 can't be read; call again later.

        The events are told once: who asks must act on all of them, or start anew from an older tracker.
        """
        try:
            await self._round(self._untold)
        except (L1Unavailable, L1Inconsistent, RpcError) as error:
            if isinstance(error, L1Inconsistent):
                self._forget()
            if not self._untold:
                raise  # else what did happen is told first; the next round will fail again, or not
        told, self._untold = self._untold, []
        return told

    def close(self) -> None:
        """Ends what is read ahead."""
        self._forget()

    async def _round(self, events: list[PipelineEvent]) -> None:
        last = self.tracker.last
        if not self._far_behind(last):
            await self._look(last, events)
        assert self.head is not None
        await self._take_next(self.head.number - self._confirmations, events)

    def _far_behind(self, last: L1Point | None) -> bool:
        """Whether L1's head, as of a moment ago, is so far off that another look at it can wait."""
        number = self._start - 1 if last is None else last.number
        return (
            self.head is not None and self.head.number - number > 2 * NEAR_HEAD and self.blocked is None
            and time.monotonic() - self._looked < LOOK_EVERY
        )  # fmt: skip

    async def _look(self, last: L1Point | None, events: list[PipelineEvent]) -> None:
        """At L1's head; and back to the common ancestor, if that changed."""
        head = await self._l1.head()
        if self.head is None or head.hash != self.head.hash:
            self.moved_at = time.monotonic()
        self.head = head
        self._looked, self._finalized = time.monotonic(), None
        if last is not None and last.hash not in (head.hash, head.parent_hash):
            ancestor = await self._ancestor()
            if ancestor != last:
                self._forget()
                self.reorgs += 1
                gone = self.tracker.rewind(ancestor)
                log.warning("L1 reorg", depth=last.number - (ancestor.number if ancestor else self._start - 1),
                            to=ancestor.number if ancestor else None, batches=len(gone))  # fmt: skip
                events.append(Rewound(ancestor, tuple(gone)))

    async def _ancestor(self) -> L1Point | None:
        """The newest block of the window that is still canonical; None if there is none."""
        points = self.tracker.points
        good, bad, step = -1, len(points), 1  # positions: canonical, orphaned, how far to look back
        while bad - good > 1:
            at = max(good + 1, bad - step) if good < 0 else (good + bad) // 2
            found = await self._l1.block(points[at].number)
            if found is not None and found.hash == points[at].hash:
                good = at
            else:
                bad, step = at, 2 * step
        return points[good] if good >= 0 else None

    async def _take_next(self, target: int, events: list[PipelineEvent]) -> None:
        """Appends the events of the next blocks, up to number `target`: of a few L1 blocks or batches, so that what was
        found is told soon."""
        last = self.tracker.last
        first = last.number + 1 if last else self._start
        self.synced = first > target
        if self.synced:
            return
        if self._read and self.blocked is not None and not await self._still_there(self._read[0].block):
            self._forget()
        if not self._read:
            self._read += await self._reader.next(first, target, await self._settled(first, target))
        batches, until = BATCHES_A_ROUND, len(events) + 4 * READ_AT_ONCE
        while self._read and batches > 0 and len(events) < until:
            before = len(events)
            if not await self._take(self._read[0], events):
                return
            self._read.popleft()
            batches -= len(events) - before - 1
        self.synced = self.tracker.last is not None and self.tracker.last.number >= target

    async def _settled(self, first: int, target: int) -> int:
        """Up to which block L1 can be read by range; -1 where that isn't worth a question."""
        if target - first <= 2 * NEAR_HEAD or self.blocked is not None:
            return -1
        if self._finalized is None:
            finalized = await self._l1.block("finalized")
            self._finalized = -1 if finalized is None else finalized.number
        return min(self._finalized, target - NEAR_HEAD)

    async def _still_there(self, block: L1Block) -> bool:
        found = await self._l1.block(block.number)
        return found is not None and found.hash == block.hash

    async def _take(self, read: ReadBlock, events: list[PipelineEvent]) -> bool:
        """Applies one block, whole or (if blobs are missing, or it isn't the next one) not at all."""
        block, before = read.block, self.tracker.last
        if before is not None and read.follows and block.parent_hash != before.hash:
            self._forget()  # L1 has changed under our feet; the next round will see how
            return False
        try:
            posted = self.tracker.apply(block, read.events, follows=read.follows)
        except L1Inconsistent as error:
            self._contradicted(block, error, events)
            raise
        seen: list[BatchSeen] = []
        for each in posted:
            try:
                batch = await self._prefetcher.batch(each)
            except (BlobsMissing, L1Unavailable) as error:
                self.tracker.rewind(before)
                if self.blocked is None or self.blocked.posted != each:
                    log.error("blobs missing, the batch is unknown", batch=each.header.index, reason=str(error))
                    events.append(Blocked(each, str(error)))
                self.blocked = Blocked(each, str(error))
                return False
            except BaseException:
                self.tracker.rewind(before)
                raise
            seen.append(BatchSeen(batch, each.hash, each))
        self.blocked = None
        events += [*seen, L1Advanced(block)]
        return True

    def _contradicted(self, block: L1Block, error: L1Inconsistent, events: list[PipelineEvent]) -> None:
        """This block does not follow from what was read before, look after look: so it is that which isn't true. Logs near L1's
        head are proven, those read by range may have been told wrongly, or in part. All is read again, each time more rarely;
        batches that are known need not be executed again."""
        self._contradictions = self._contradictions + 1 if self._contradicted_by == block.hash else 1
        self._contradicted_by = block.hash
        if self._contradictions < self._patience:
            return
        log.error("L1 contradicts what it said before: reading all of it again", block=block.number, reason=str(error))
        self._contradictions, self._patience = 0, 2 * self._patience
        events.append(Rewound(None, tuple(self.tracker.rewind(None))))

    def _forget(self) -> None:
        """What was read ahead, which may be of another L1; L1's head is looked at next."""
        self._looked = float("-inf")
        self._read.clear()
        self._reader.forget()
        self._prefetcher.forget()
