"""Looks at L1 again and again and has a turn taken about everything there is, all at once.

Each subject has one turn at a time, at most `WORKERS` run together, and each has its own time limit and its own backoff:
a game that fails or hangs holds up no other.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import structlog

from challenger.claims import GENESIS_ID, Unknown
from challenger.events import AssertionAccepted, AssertionDied, EventStream, TurnFailed
from challenger.player import Player
from challenger.solver import Nothing
from challenger.watch import L1Moving, Snapshot, Watcher
from derivation.proof import ProofRejected
from l1.artifacts import AnswerMalformed
from l1.blob_sources import BlobsMissing
from l1.client import L1Inconsistent, L1Unavailable
from l1.events import AssertionConfirmed, AssertionKilled
from l1.rpc_errors import RpcError
from l1.txmanager import TransactionError

log = structlog.get_logger("challenger.scheduler")

WORKERS = 16
TURN_LIMIT = 300.0  # seconds; a transaction in flight stays there, the next turn waits for it again
FIRST_BACKOFF, LONGEST_BACKOFF = 0.5, 15.0  # seconds
L1_TROUBLE = (L1Unavailable, L1Inconsistent, L1Moving, RpcError, AnswerMalformed)
TURN_TROUBLE = (*L1_TROUBLE, TransactionError, BlobsMissing, ProofRejected, LookupError, TimeoutError, OSError)


@dataclass(slots=True)
class _Pause:
    """`until`: of the event loop's clock. `length`: of the last pause, seconds."""

    until: float
    length: float


class Scheduler:
    """`snapshot` is the last one; `failure` says why L1 can't be read now."""

    def __init__(self, watcher: Watcher, player: Player, events: EventStream) -> None:
        self._watcher = watcher
        self._player = player
        self._events = events
        self._running: dict[bytes, asyncio.Task[None]] = {}
        self._paused: dict[bytes, _Pause] = {}
        self._workers = asyncio.Semaphore(WORKERS)
        self._wake = asyncio.Event()
        self.snapshot: Snapshot | None = None
        self.failure: str | None = None

    async def run(self, poll: float) -> None:
        """Until cancelled. `poll`: seconds between two looks at L1."""
        async with asyncio.TaskGroup() as group:
            while True:
                self._wake.clear()
                try:
                    async with asyncio.timeout(TURN_LIMIT):
                        await self._look(group)
                    self.failure = None
                except (*L1_TROUBLE, TimeoutError) as error:
                    if self.failure is None:
                        log.warning("L1 can't be read", reason=f"{type(error).__name__}: {error}")
                    self.failure = str(error) or type(error).__name__
                try:
                    async with asyncio.timeout(poll):
                        await self._wake.wait()
                except TimeoutError:
                    continue

    async def _look(self, group: asyncio.TaskGroup) -> None:
        snapshot = await self._watcher.snapshot()
        if snapshot is None:
            return
        self.snapshot = snapshot
        self._tell()
        self._player.forget(snapshot)
        now = asyncio.get_running_loop().time()
        subjects = self._player.subjects(snapshot)
        for gone in [each for each in self._paused if each not in subjects]:
            del self._paused[gone]
        for subject in subjects:
            if subject not in self._running and self._due(subject) <= now:
                self._running[subject] = group.create_task(self._turn(snapshot, subject), name=f"turn {subject.hex()}")

    def _due(self, subject: bytes) -> float:
        return self._paused[subject].until if subject in self._paused else 0.0

    async def _turn(self, snapshot: Snapshot, subject: bytes) -> None:
        try:
            async with self._workers, asyncio.timeout(TURN_LIMIT):
                action = await self._player.turn(snapshot, subject)
        except TURN_TROUBLE as error:
            pause = self._pause(subject)
            log.warning("turn failed", subject=subject, reason=f"{type(error).__name__}: {error}", retry_in=pause)
            self._events.publish(TurnFailed(subject, str(error), pause))
        except Exception as error:  # a bug must not stop the other games
            pause = self._pause(subject)
            log.exception("turn failed unexpectedly", subject=subject, retry_in=pause)
            self._events.publish(TurnFailed(subject, repr(error), pause))
        else:
            if isinstance(action, (Unknown, Nothing)):
                self._pause(subject, longest=2.0)
            else:
                self._paused.pop(subject, None)
                self._wake.set()
        finally:
            del self._running[subject]

    def _pause(self, subject: bytes, longest: float = LONGEST_BACKOFF) -> float:
        before = self._paused.get(subject)
        length = FIRST_BACKOFF if before is None else min(2 * before.length, longest)
        self._paused[subject] = _Pause(asyncio.get_running_loop().time() + length, length)
        return length

    def _tell(self) -> None:
        """What L1 decided. After a reorg it may be told again."""
        for event in self._watcher.news:
            match event:
                case AssertionKilled():
                    log.info("assertion is dead", assertion=event.id, reason=event.reason.name, by=event.by,
                             paid=event.paid, burned=event.burned)
                    self._events.publish(
                        AssertionDied(event.id, event.by, int(event.reason), event.paid, event.burned))
                case AssertionConfirmed() if event.id != GENESIS_ID:
                    log.info("assertion is confirmed", assertion=event.id)
                    self._events.publish(AssertionAccepted(event.id))
        self._watcher.news.clear()
