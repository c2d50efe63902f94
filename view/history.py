"""What the events of Inbox and Rollup say, with batches and moves, kept so that an L1 reorg can be taken back. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Any

from challenger.chronicle import Change, Chronicle, Told
from l1.artifacts import AnswerMalformed, artifact
from l1.client import L1Block, L1Inconsistent, L1Log
from l1.events import (
    AssertionConfirmed,
    AssertionMade,
    BatchPosted,
    GameEnded,
    GameOpened,
    Picked,
    SegmentSettled,
    Split,
    read_inbox_event,
    read_rollup_event,
)
from l1.follower import Point

KEPT_BATCHES = 4_096
"""The newest, with their headers."""
KEPT_NEWS = 1_000

_WANTED = {
    "Inbox": ("BatchPosted",),
    "Rollup": ("AssertionMade", "AssertionConfirmed", "AssertionKilled", "StepProved", "SegmentSettled", "GameOpened", "Split",
               "Picked", "GameEnded"),
}  # fmt: skip
TOPICS: list[list[str]] = [[
    "0x" + topic.hex()
    for contract, names in _WANTED.items() for topic, shape in artifact(contract).events.items() if shape.name in names
]]
"""For eth_getLogs: all but the large ones (batches in calldata, forced transactions, pages) and payments."""


class History(Chronicle):
    """A LogFollower's Journal. `batches` by index; `assertions_of` by batch hash; `moves` by game, its opening first.
    Assertions and games are kept all: each has cost a bond."""

    def __init__(self, inbox: bytes, rollup: bytes, window: int = 256) -> None:
        self._inbox = inbox
        self._rollup = rollup
        super().__init__(window)

    def forget(self) -> None:
        super().forget()
        self.batches: dict[int, Told] = {}
        self.indices: dict[bytes, int] = {}  # by batch hash, of those kept
        self.counts: dict[str, int] = {"batches": 0, "confirmed": 0}
        self.assertions_of: dict[bytes, tuple[bytes, ...]] = {}
        self.confirmed: dict[bytes, Told] = {}
        self.moves: dict[bytes, tuple[Told, ...]] = {}
        self.segments: dict[bytes, Told] = {}  # by batch hash: the last one settled
        self.news: deque[Told] = deque(maxlen=KEPT_NEWS)  # read since whoever is interested has cleared it

    def take(self, block: L1Block, logs: Sequence[L1Log]) -> None:
        told: list[tuple[Any, Point, bytes]] = []
        for entry in logs:
            try:
                read = read_inbox_event if entry.address == self._inbox else read_rollup_event
                event = read(entry)
            except AnswerMalformed as error:
                raise L1Inconsistent(f"L1 block {entry.block_number}: {error}") from error
            if event is not None:
                told.append((event, Point(entry.block_number, entry.block_hash), entry.transaction_hash))
        self.apply(Point(block.number, block.hash), told)

    @property
    def batch_count(self) -> int:
        return self.counts["batches"]

    def is_pending(self, assertion_id: bytes) -> bool:
        return assertion_id in self.pending

    def death(self, assertion_id: bytes) -> Told | None:
        """What ended it."""
        return self.killed.get(assertion_id) or self.confirmed.get(assertion_id)

    def _take(self, told: Told, changes: list[Change]) -> None:
        super()._take(told, changes)
        match told.event:
            case BatchPosted(index=index, batch_hash=batch_hash):
                self._put(changes, self.batches, index, told)
                self._put(changes, self.indices, batch_hash, index)
                self._put(changes, self.counts, "batches", index + 1)
                if (old := self.batches.get(index - KEPT_BATCHES)) is not None:
                    self._drop(changes, self.batches, index - KEPT_BATCHES)
                    self._drop(changes, self.indices, old.event.batch_hash)  # type: ignore[union-attr]
            case AssertionMade(id=made, batch_hash=batch_hash):
                self._append(changes, self.assertions_of, batch_hash, made)
            case AssertionConfirmed(id=confirmed):
                self._put(changes, self.confirmed, confirmed, told)
            case SegmentSettled(batch_hash=batch_hash):
                self._put(changes, self.segments, batch_hash, told)
            case GameOpened(game_id=game) | Split(game_id=game) | Picked(game_id=game) | GameEnded(game_id=game):
                self._append(changes, self.moves, game, told)
        self.news.append(told)
