"""Which timestamp the next block has: now, or what a test asked for, but always in a later slot."""

from __future__ import annotations

import time
from collections.abc import Callable


class ChainClock:
    """Timestamps are whole slots after genesis: each block has a slot of its own. Seconds since the epoch."""

    def __init__(
        self, genesis_time: int, seconds_per_slot: int, now: Callable[[], float] = time.time
    ) -> None:
        self.genesis_time = genesis_time
        self.seconds_per_slot = seconds_per_slot
        self.offset = 0  # seconds the chain is ahead of the wall clock
        self._now = now
        self._asked: int | None = None

    def slot(self, timestamp: int) -> int:
        return (timestamp - self.genesis_time) // self.seconds_per_slot

    def peek(self, parent_timestamp: int) -> int:
        """Timestamp of a block made now on that parent."""
        wanted = self._asked if self._asked is not None else int(self._now()) + self.offset
        aligned = self.genesis_time + self.slot(wanted) * self.seconds_per_slot
        return max(aligned, parent_timestamp + self.seconds_per_slot)

    def take(self, parent_timestamp: int) -> int:
        """The same; an asked-for timestamp is used up and time goes on from there."""
        timestamp = self.peek(parent_timestamp)
        if self._asked is not None:
            self.offset = timestamp - int(self._now())
            self._asked = None
        return timestamp

    def ask(self, timestamp: int, parent_timestamp: int) -> None:
        """The next block shall have this timestamp. ValueError if it isn't later than the parent's."""
        if timestamp < parent_timestamp + self.seconds_per_slot:
            raise ValueError(f"timestamp {timestamp} is not after the head's {parent_timestamp}")
        self._asked = timestamp

    def advance(self, seconds: int, head_timestamp: int) -> int:
        """Moves the chain's time ahead; returns the total offset.

        Counted from the head where many blocks in little time have brought it ahead of the clock.
        """
        if seconds < 0:
            raise ValueError("time can't go back")
        self.offset = max(self.offset, head_timestamp - int(self._now())) + seconds
        return self.offset
