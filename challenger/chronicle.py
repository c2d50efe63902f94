"""What the Rollup's events say, kept so that a reorg can be taken back. Pure.

Blocks are applied in order. Each of the newest `window` blocks keeps what it changed, so it can be undone.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from l1.events import (
    AssertionConfirmed,
    AssertionKilled,
    AssertionMade,
    AssertionStatus,
    GameEnded,
    GameOpened,
    GameStatus,
    InboxEvent,
    Picked,
    RollupEvent,
    Split,
    StepProved,
)
from l1.follower import Point


class _Absent:
    """Where a table had nothing."""


_ABSENT = _Absent()


@dataclass(frozen=True, slots=True)
class Told:
    """An event and the L1 block and transaction it lies in."""

    event: RollupEvent | InboxEvent
    block: Point
    transaction_hash: bytes


@dataclass(frozen=True, slots=True)
class Change:
    """`before`: what the table had at `key`."""

    table: dict[Any, Any]
    key: Any
    before: Any


@dataclass(slots=True)
class _Page:
    point: Point
    changes: list[Change] = field(default_factory=list)


class Chronicle:
    """`made` and `opened` hold every assertion and game; `pending` and `open_games` those that aren't over.

    A game whose assertion died, or was confirmed since its batch was settled, stays in `open_games` until its bond is
    reclaimed. `confirmed_child` goes by the parent's commitment, as in the contract: see `origin`.
    """

    def __init__(self, window: int = 256) -> None:
        self._window = window
        self.forget()

    def forget(self) -> None:
        """Everything: as if no block had been applied."""
        self.made: dict[bytes, Told] = {}
        self.status: dict[bytes, AssertionStatus] = {}
        self.confirmed_child: dict[bytes, bytes] = {}
        self.killed: dict[bytes, Told] = {}
        self.proved: dict[bytes, Told] = {}
        self.opened: dict[bytes, Told] = {}
        self.ended: dict[bytes, GameStatus] = {}
        self.split: dict[bytes, Split | None] = {}  # by game: the one that waits for a pick
        self.pending: dict[bytes, None] = {}
        self.open_games: dict[bytes, None] = {}
        self.games_of: dict[bytes, tuple[bytes, ...]] = {}  # by assertion
        self._pages: deque[_Page] = deque()
        self._last: Point | None = None

    @property
    def last(self) -> Point | None:
        """The newest block applied."""
        return self._last

    @property
    def points(self) -> Sequence[Point]:
        """Blocks that can be rewound to, newest first. The oldest one's own changes can't be undone."""
        return [page.point for page in reversed(self._pages)]

    def origin(self, parent_id: bytes) -> bytes:
        """What the children of that assertion begin with, the same for all that say the same: its commitment. The genesis
        assertion, which was never made, has none but its id."""
        made = self.made.get(parent_id)
        return parent_id if made is None else made.event.commitment  # type: ignore[union-attr]

    def apply(self, point: Point, events: Sequence[tuple[RollupEvent, Point, bytes]]) -> None:
        """All events up to and including block `point`, in order: (event, its block, its transaction)."""
        page = _Page(point)
        for event, block, transaction in events:
            self._take(Told(event, block, transaction), page.changes)
        self._pages.append(page)
        while len(self._pages) > self._window:
            self._pages.popleft()
        self._last = point

    def rewind(self, to: Point) -> None:
        """Undoes every block after `to`, one of `points`."""
        while self._pages and self._pages[-1].point != to:
            for change in reversed(self._pages.pop().changes):
                if change.before is _ABSENT:
                    del change.table[change.key]
                else:
                    change.table[change.key] = change.before
        if not self._pages:
            raise KeyError(f"L1 block {to.number} is not in the window")
        self._last = to

    def _take(self, told: Told, changes: list[Change]) -> None:
        put, drop = partial(self._put, changes), partial(self._drop, changes)
        match told.event:
            case AssertionMade(id=made):
                put(self.made, made, told)
                put(self.status, made, AssertionStatus.PENDING)
                put(self.pending, made, None)
            case AssertionConfirmed(id=confirmed):
                put(self.status, confirmed, AssertionStatus.CONFIRMED)
                drop(self.pending, confirmed)
                if confirmed in self.made:  # the genesis assertion was never made
                    parent: bytes = self.made[confirmed].event.parent_id  # type: ignore[union-attr]
                    put(self.confirmed_child, self.origin(parent), confirmed)
            case AssertionKilled(id=killed):
                put(self.status, killed, AssertionStatus.KILLED)
                put(self.killed, killed, told)
                drop(self.pending, killed)
            case StepProved(id=proved):
                put(self.proved, proved, told)
            case GameOpened(game_id=game, assertion_id=about):
                put(self.opened, game, told)
                put(self.open_games, game, None)
                self._append(changes, self.games_of, about, game)
            case Split(game_id=game):
                put(self.split, game, told.event)
            case Picked(game_id=game):
                put(self.split, game, None)
            case GameEnded(game_id=game, status=status):
                put(self.ended, game, status)
                drop(self.open_games, game)

    @staticmethod
    def _put(changes: list[Change], table: dict[Any, Any], key: Any, value: Any) -> None:
        changes.append(Change(table, key, table.get(key, _ABSENT)))
        table[key] = value

    @staticmethod
    def _drop(changes: list[Change], table: dict[Any, Any], key: Any) -> None:
        if key in table:
            changes.append(Change(table, key, table.pop(key)))

    @classmethod
    def _append(cls, changes: list[Change], table: dict[Any, tuple[Any, ...]], key: Any, value: Any) -> None:
        cls._put(changes, table, key, (*table.get(key, ()), value))
