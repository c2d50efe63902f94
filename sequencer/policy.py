"""What the builder does at a tick. Pure: everything it depends on is in `Situation`.

* The first block of a batch is derived from L1 alone: its timestamp is the origin's, or one second after its parent's.
* Later blocks are at the wall clock, later than their parent, at most `max_drift` after the origin.
* L2 time never runs more than `LEAD` seconds ahead of both the wall clock and the newest L1 origin, however fast
  blocks are asked for. Somebody else's batch may have left it up to `max_drift` ahead: then each batch of ours has one block,
  a second after its parent, and there is one every `batch_interval`, until the clock has caught up.
* Nothing is built that may not be posted: while another sequencer has the exclusive right, this one stands by.
* While `MAX_BACKLOG` batches wait to be posted no new one is begun: what L2 promises must stay within what L1 takes.
* A batch is closed when it is old, when it is full, or when its origin has become too old for its blocks or for L1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from derivation.inputs import first_timestamp
from sequencer.batches import LocalBatch

LEAD = 2
MAX_DELTA = 65535
MAX_BACKLOG = 128
FULL = 0.985  # fill above which no further transaction is worth a try


@dataclass(frozen=True, slots=True)
class BuilderSettings:
    """Times in seconds, `max_origin_age` in L1 blocks."""

    batch_interval: float
    max_drift: int
    max_origin_age: int
    empty_blocks: bool


@dataclass(frozen=True, slots=True)
class Situation:
    """`now`: wall clock, seconds. `origin_number`, `origin_timestamp`: of the newest L1 block that may be an origin.
    `l1_head`: number of the newest L1 block. `transactions`: the pool has something executable. `due`: deposits,
    forced transactions or messages wait for a new batch. `fill`: used part of the open batch, 0 to 1. `backlog`: closed batches that
    L1 does not have. `last_opened_at`: wall clock at which the batch before was opened, zero if it is not ours. `may_post`: whether
    L1 would take a batch of ours."""

    now: float
    parent_timestamp: int
    origin_number: int
    origin_timestamp: int
    l1_head: int
    open_batch: LocalBatch | None
    fill: float
    transactions: bool
    due: bool
    backlog: int = 0
    last_opened_at: float = 0.0
    may_post: bool = True


@dataclass(frozen=True, slots=True)
class Wait:
    reason: str = "nothing to do"


@dataclass(frozen=True, slots=True)
class StartBatch:
    timestamp: int


@dataclass(frozen=True, slots=True)
class ExtendBatch:
    timestamp: int
    delta: int


@dataclass(frozen=True, slots=True)
class CloseBatch:
    reason: str


Decision: TypeAlias = Wait | StartBatch | ExtendBatch | CloseBatch


def decide(at: Situation, settings: BuilderSettings) -> Decision:
    if at.open_batch is not None:
        return _with_open_batch(at, at.open_batch, settings)
    work = at.transactions or settings.empty_blocks
    if not (work or at.due):
        return Wait()
    if not at.may_post:
        return Wait("another sequencer has the exclusive right to post")
    if at.backlog >= MAX_BACKLOG:
        return Wait("too many batches wait to be posted")
    timestamp = first_timestamp(at.origin_timestamp, at.parent_timestamp)
    if timestamp > _horizon(at) and at.now - at.last_opened_at < settings.batch_interval:
        return Wait("L2 time is ahead")
    if timestamp > at.origin_timestamp + settings.max_drift and not at.due:
        return Wait("L1 stands still: its newest block is older than max_drift")
    return StartBatch(timestamp)


def _with_open_batch(at: Situation, batch: LocalBatch, settings: BuilderSettings) -> Decision:
    if at.now - batch.opened_at >= settings.batch_interval:
        return CloseBatch("age")
    if at.fill >= FULL:
        return CloseBatch("full")
    if at.l1_head - batch.origin.number >= settings.max_origin_age // 2:
        return CloseBatch("origin is getting too old for L1")
    timestamp = max(int(at.now), at.parent_timestamp + 1)
    delta = timestamp - at.parent_timestamp
    if delta > MAX_DELTA or timestamp > batch.origin.timestamp + settings.max_drift:
        return CloseBatch("drift")
    if not (at.transactions or settings.empty_blocks):
        return Wait()
    if timestamp > _horizon(at):
        return Wait("L2 time is ahead")
    return ExtendBatch(timestamp, delta)


def _horizon(at: Situation) -> int:
    return max(int(at.now), at.origin_timestamp) + LEAD
