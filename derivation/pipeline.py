"""Follows L1 by hash and says, in order, which batches lie on it; takes everything back that a reorg takes away.

Each round of `advance` looks at L1's head, rewinds to the common ancestor if the newest known block is no longer
canonical, and reads the next blocks. A batch whose blobs can't be had stops it there: nothing is guessed, the
next round tries again (and sees if a reorg took the batch away).
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

import structlog

from derivation.batch import BatchData
from derivation.inbox import InboxTracker, L1Point, PostedBatch
from l1.artifacts import AnswerMalformed
from l1.blob_sources import BlobsMissing
from l1.client import BlockId, L1Block, L1Inconsistent, L1Log, L1Unavailable, bloom_may_contain
from l1.events import InboxEvent, read_inbox_event
from l1.rpc_errors import RpcError

log = structlog.get_logger("derivation.pipeline")

READ_AHEAD = 16  # L1 blocks asked for at once


class L1Source(Protocol):
    """What the pipeline needs of an L1Client."""

    async def head(self) -> L1Block: ...
    async def block(self, block: BlockId) -> L1Block | None: ...
    async def logs(self, block_hash: bytes, addresses: Sequence[bytes]) -> list[L1Log]: ...


class BlobSource(Protocol):
    """What the pipeline needs of a BlobClient."""

    async def blobs(self, timestamp: int, hashes: Sequence[bytes]) -> tuple[bytes, ...]: ...


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
    """`inbox`: address, 20 bytes. `start`: number of the L1 block with the first contract. `confirmations`: L1 blocks
    on top of one before it is read. `tracker`: where to go on from, after a restart."""

    def __init__(
        self,
        l1: L1Source,
        beacon: BlobSource,
        inbox: bytes,
        start: int,
        *,
        confirmations: int = 0,
        tracker: InboxTracker | None = None,
    ) -> None:
        self._l1 = l1
        self._beacon = beacon
        self._inbox = inbox
        self._start = start
        self._confirmations = confirmations
        self.tracker = tracker or InboxTracker(inbox)
        self._untold: list[PipelineEvent] = []  # outlives a round that fails or is cancelled half way
        self.blocked: Blocked | None = None
        self.head: L1Block | None = None  # L1's newest block, as of the last round
        self.synced = False  # whether the last round ended at the newest block to be read

    async def advance(self) -> list[PipelineEvent]:
        """One round. Empty: nothing new. L1Unavailable or L1Inconsistent if L1 can't be read; call again later.

        The events are told once: who asks must act on all of them, or start anew from an older tracker.
        """
        try:
            await self._round(self._untold)
        except (L1Unavailable, L1Inconsistent, RpcError):
            if not self._untold:
                raise  # else what did happen is told first; the next round will fail again, or not
        told, self._untold = self._untold, []
        return told

    async def _round(self, events: list[PipelineEvent]) -> None:
        self.head = head = await self._l1.head()
        last = self.tracker.last
        if last is not None and last.hash not in (head.hash, head.parent_hash):
            ancestor = await self._ancestor()
            if ancestor != last:
                gone = self.tracker.rewind(ancestor)
                log.warning("L1 reorg", depth=last.number - (ancestor.number if ancestor else self._start - 1),
                            to=ancestor.number if ancestor else None, batches=len(gone))  # fmt: skip
                events.append(Rewound(ancestor, tuple(gone)))
        await self._read(head.number - self._confirmations, events)

    async def _ancestor(self) -> L1Point | None:
        """The newest block of the window that is still canonical; None if there is none."""
        for point in reversed(self.tracker.points):
            found = await self._l1.block(point.number)
            if found is not None and found.hash == point.hash:
                return point
        return None

    async def _read(self, target: int, events: list[PipelineEvent]) -> None:
        """Appends the events of the next blocks up to number `target`, at most READ_AHEAD of them."""
        last = self.tracker.last
        first = last.number + 1 if last else self._start
        numbers = range(first, min(target + 1, first + READ_AHEAD))
        self.synced = first > target
        for block in await asyncio.gather(*(self._l1.block(number) for number in numbers)):
            if block is None or (self.tracker.last and block.parent_hash != self.tracker.last.hash):
                return  # L1 is changing under our feet; the next round will see how
            try:
                found = await self._events_in(block)
            except RpcError as error:
                log.info("L1 node has no logs of a block it named", block=block.number, reason=str(error))
                return
            if not await self._take(block, found, events):
                return
        self.synced = numbers.stop > target

    async def _events_in(self, block: L1Block) -> list[tuple[InboxEvent, bytes]]:
        if not bloom_may_contain(block.logs_bloom, self._inbox):
            return []
        found: list[tuple[InboxEvent, bytes]] = []
        for entry in await self._l1.logs(block.hash, [self._inbox]):
            try:
                event = read_inbox_event(entry)
            except AnswerMalformed as error:
                raise L1Inconsistent(f"L1 block {block.number}: {error}") from error
            if event is not None:
                found.append((event, entry.transaction_hash))
        return found

    async def _take(
        self, block: L1Block, found: list[tuple[InboxEvent, bytes]], events: list[PipelineEvent]
    ) -> bool:
        """Applies one block, whole or (if blobs are missing) not at all."""
        before = self.tracker.last
        posted = self.tracker.apply(block, found)
        seen: list[BatchSeen] = []
        for each in posted:
            try:
                blobs = await self._beacon.blobs(block.timestamp, each.header.blob_hashes)
            except (BlobsMissing, L1Unavailable) as error:
                self.tracker.rewind(before)
                if self.blocked is None or self.blocked.posted != each:
                    log.error("blobs missing, the batch is unknown", batch=each.header.index, reason=str(error))
                    events.append(Blocked(each, str(error)))
                self.blocked = Blocked(each, str(error))
                return False
            seen.append(BatchSeen(each.with_blobs(blobs), each.hash, each))
        self.blocked = None
        events += [*seen, L1Advanced(block)]
        return True
