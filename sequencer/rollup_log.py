"""What happened in the Rollup contract, from its logs: assertions, their fates, and games. Rewinds with L1.

Logs are kept by L1 block. Each look reads again from a little before the last one on; if L1 was reorganised deeper
than that, everything.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from l1.client import L1Client, L1Log
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

OVERLAP = 32  # L1 blocks read again
SPAN = 2000  # L1 blocks asked for at once


class RollupLog:
    """`start`: number of the L1 block with the first contract."""

    def __init__(self, l1: L1Client, rollup: Rollup, start: int) -> None:
        self._l1 = l1
        self._rollup = rollup
        self._start = start
        self._events: dict[int, list[RollupEvent]] = {}
        self._next = start
        self._anchor: tuple[int, bytes] | None = None  # a block before everything that will be read again
        self.made: dict[bytes, AssertionMade] = {}
        self.killed: dict[bytes, KillReason] = {}
        self.confirmed: set[bytes] = set()
        self.open_games: dict[bytes, GameOpened] = {}
        self._children: dict[tuple[bytes, bytes], list[bytes]] = {}

    async def refresh(self) -> int:
        """Reads what is new. Returns the timestamp of L1's newest block, seconds."""
        head = await self._l1.head()
        first = max(self._start, self._next - OVERLAP)
        if self._anchor is not None:
            known = await self._l1.block(self._anchor[0])
            if known is None or known.hash != self._anchor[1]:
                first = self._start
        first = min(first, head.number + 1)
        for number in [n for n in self._events if n >= first]:
            del self._events[number]
        for span in range(first, head.number + 1, SPAN):
            last = min(span + SPAN - 1, head.number)
            for entry in await self._l1.logs_in_range(span, last, [self._rollup.address]):
                self._keep(entry)
        self._next = head.number + 1
        before = self._next - OVERLAP - 1
        block = await self._l1.block(before) if before >= self._start else None
        self._anchor = (block.number, block.hash) if block is not None else None
        self._index()
        return head.timestamp

    def children(self, parent_id: bytes, batch_hash: bytes) -> Iterator[AssertionMade]:
        """Assertions of that batch on that parent, or on another that says the same, that haven't been killed, oldest
        first."""
        for assertion_id in self._children.get((self._origin(parent_id), batch_hash), []):
            made = self.made[assertion_id]
            if assertion_id not in self.killed and made.parent_id not in self.killed:
                yield made

    def dead(self, parent_id: bytes, batch_hash: bytes) -> Iterator[tuple[AssertionMade, KillReason]]:
        """Assertions of that batch on that parent, or on one that says the same, that have been killed, and why, oldest
        first."""
        for assertion_id in self._children.get((self._origin(parent_id), batch_hash), []):
            if assertion_id in self.killed:
                yield self.made[assertion_id], self.killed[assertion_id]

    def orphans(self) -> Iterator[AssertionMade]:
        """Assertions that are over and aren't ended yet: their parent is dead, or a rival confirmed. One that says what the
        rival says will be confirmed too."""
        winners = {self._origin(self.made[one].parent_id): one for one in self.confirmed if one in self.made}
        for made in self.made.values():
            if made.id in self.killed or made.id in self.confirmed:
                continue
            if made.parent_id in self.killed or winners.get(self._origin(made.parent_id), made.id) != made.id:
                yield made

    def _origin(self, parent_id: bytes) -> bytes:
        """What children of that assertion begin with: its commitment; of the genesis assertion the id has to do."""
        made = self.made.get(parent_id)
        return parent_id if made is None else made.commitment

    def _keep(self, entry: L1Log) -> None:
        event = read_rollup_event(entry)
        if event is not None:
            self._events.setdefault(entry.block_number, []).append(event)

    def _index(self) -> None:
        self.made, self.killed, self.confirmed, self.open_games = {}, {}, set(), {}
        children: dict[tuple[bytes, bytes], list[bytes]] = defaultdict(list)
        for number in sorted(self._events):
            for event in self._events[number]:
                match event:
                    case AssertionMade():
                        self.made[event.id] = event
                        children[self._origin(event.parent_id), event.batch_hash].append(event.id)
                    case AssertionKilled():
                        self.killed[event.id] = event.reason
                    case AssertionConfirmed():
                        self.confirmed.add(event.id)
                    case GameOpened():
                        self.open_games[event.game_id] = event
                    case GameEnded():
                        self.open_games.pop(event.game_id, None)
        self._children = dict(children)
