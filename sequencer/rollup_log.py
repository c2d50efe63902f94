"""What happened in the Rollup contract, from its logs: assertions, their fates, and games. Rewinds with L1.

Logs are followed block by block, and those of the newest blocks proven (l1/follower.py): a game that we don't hear of is lost by
the clock.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterator, Sequence

from execution.encoding import keccak
from l1.client import L1Block, L1Client, L1Log
from l1.contracts import Rollup, read_rollup_event
from l1.events import (
    AssertionConfirmed,
    AssertionKilled,
    AssertionMade,
    GameEnded,
    GameOpened,
    KillReason,
    RollupEvent,
)
from l1.follower import LogFollower, Point

WINDOW = 256  # L1 blocks of the deepest reorg that is followed without reading all again


class RollupLog:
    """A follower's Journal. `start`: number of the L1 block with the first contract."""

    def __init__(self, l1: L1Client, rollup: Rollup, start: int) -> None:
        self._l1 = l1
        self._follower = LogFollower(l1, [rollup.address], start, self, window=WINDOW)
        self._events: dict[int, list[RollupEvent]] = {}
        self._points: deque[Point] = deque(maxlen=WINDOW)
        self._changed = False
        self.made: dict[bytes, AssertionMade] = {}
        self.killed: dict[bytes, KillReason] = {}
        self.confirmed: set[bytes] = set()
        self.open_games: dict[bytes, GameOpened] = {}
        self._children: dict[tuple[bytes, bytes], list[bytes]] = {}  # by standing of the parent, and batch
        self._standings: dict[bytes, bytes] = {}
        self._settled_ends: set[tuple[bytes, bytes]] = set()  # (commitment of the parent, its own) of what is confirmed

    async def refresh(self) -> int:
        """Reads what is new. Returns the timestamp of L1's newest block, seconds. Raises L1Moving, and what the client raises."""
        head = await self._l1.head()
        try:
            await self._follower.advance(head)
        finally:
            if self._changed:
                self._index()
                self._changed = False
        return head.timestamp

    # ---- the journal

    @property
    def last(self) -> Point | None:
        return self._points[-1] if self._points else None

    @property
    def points(self) -> Sequence[Point]:
        return tuple(reversed(self._points))

    def take(self, block: L1Block, logs: Sequence[L1Log]) -> None:
        read = [(entry.block_number, read_rollup_event(entry)) for entry in logs]
        for number, event in read:
            if event is not None:
                self._events.setdefault(number, []).append(event)
                self._changed = True
        self._points.append(Point(block.number, block.hash))

    def rewind(self, to: Point) -> None:
        while self._points[-1] != to:
            self._points.pop()
        for number in [each for each in self._events if each > to.number]:
            del self._events[number]
            self._changed = True

    def forget(self) -> None:
        self._points.clear()
        self._events.clear()
        self._changed = True

    # ---- what they say

    def children(self, parent_id: bytes, batch_hash: bytes) -> Iterator[AssertionMade]:
        """Assertions of that batch on that parent, or on another that is as good, that haven't been killed, oldest first."""
        for assertion_id in self._children.get((self._standing_of(parent_id), batch_hash), []):
            made = self.made[assertion_id]
            if assertion_id not in self.killed and made.parent_id not in self.killed:
                yield made

    def dead(self, parent_id: bytes, batch_hash: bytes) -> Iterator[tuple[AssertionMade, KillReason]]:
        """Assertions of that batch on that parent, or on one that says the same, that have been killed, and why, in the
        order in which they were."""
        for assertion_id, reason in self.killed.items():
            made = self.made.get(assertion_id)
            if made is None or made.batch_hash != batch_hash:
                continue
            if self._origin(made.parent_id) == self._origin(parent_id):
                yield made, reason

    def orphans(self) -> Iterator[AssertionMade]:
        """Assertions that are over and aren't ended yet: their parent is dead, or a rival confirmed. One that says what the
        rival says will be confirmed too."""
        winners = {self._standing_of(self.made[one].parent_id): one for one in self.confirmed if one in self.made}
        for made in self.made.values():
            if made.id in self.killed or made.id in self.confirmed:
                continue
            if made.parent_id in self.killed or winners.get(self._standing_of(made.parent_id), made.id) != made.id:
                yield made

    def _origin(self, parent_id: bytes) -> bytes:
        """What children of that assertion begin with: its commitment; of the genesis assertion the id has to do."""
        made = self.made.get(parent_id)
        return parent_id if made is None else made.commitment

    def _standing_of(self, parent_id: bytes) -> bytes:
        """The same for assertions that will be confirmed or die alike: what is built on one is as good on another. Those of
        which one is confirmed, and its duplicates, which can be at any time; else those that say exactly the same, also
        between their ends, and whose parents do. The right end alone doesn't do: what stands on a lie, in the middle or
        further up, dies with it, however right it is.
        """
        return self._standings.get(parent_id, parent_id)

    def _stand(self, made: AssertionMade) -> bytes:
        parent = self._standing_of(made.parent_id)
        if made.id in self.killed:
            return made.id
        if made.id in self.confirmed or (parent, made.commitment) in self._settled_ends:
            return made.commitment
        steps = made.steps.to_bytes(8, "big")
        return keccak(b"".join((parent, made.batch_hash, steps, made.commitment, *made.checkpoint_blobs)))

    def _index(self) -> None:
        self.made, self.killed, self.confirmed, self.open_games = {}, {}, set(), {}
        for number in sorted(self._events):
            for event in self._events[number]:
                match event:
                    case AssertionMade():
                        self.made[event.id] = event
                    case AssertionKilled():
                        self.killed[event.id] = event.reason
                    case AssertionConfirmed():
                        self.confirmed.add(event.id)
                    case GameOpened():
                        self.open_games[event.game_id] = event
                    case GameEnded():
                        self.open_games.pop(event.game_id, None)
        self._settled_ends = {(self._origin(self.made[one].parent_id), self.made[one].commitment)
                              for one in self.confirmed if one in self.made}
        self._standings = {}
        children: dict[tuple[bytes, bytes], list[bytes]] = defaultdict(list)
        for made in self.made.values():  # parents before children
            children[self._standing_of(made.parent_id), made.batch_hash].append(made.id)
            self._standings[made.id] = self._stand(made)
        self._children = dict(children)
