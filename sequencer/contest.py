"""Several sequencers where anyone may post: what keeps them from paying for races that only one can win.

A batch names its parent, so of all that are sent on one parent L1 takes one, and the others revert: gas and blob gas for
nothing. So, where nobody has the exclusive right, times counted from when the parent was seen on L1:
* who posted the parent leaves the next `stagger` to others: its next batch is built when theirs is only begun, and who had won
  once would always win;
* as long as others do post, whoever it is waits another part of `stagger`, which follows from the account and the parent's hash:
  on each parent it is drawn anew, and in the long run nobody comes first. Who sees in time that the parent has a child has
  spent nothing. And whose batches were the last two, three or four in a row waits two to four times `stagger`: two sequencers
  take turns so, and hardly ever meet;
* a race that was lost on L1 doubles the drawn part, up to MAX_STRETCH times; a batch that came through, or a race that was
  seen in time, halves it;
* deposits and forced transactions alone make no batch before `due_patience`: one with transactions takes them along.
"""

from __future__ import annotations

from dataclasses import dataclass

from eth_hash.auto import keccak

from derivation.batch import BatchHeader
from sequencer.l1view import L1Snapshot
from sequencer.ledger import BatchLedger

RECENT = 16  # batches: if all of them are ours, nobody else posts
MAX_STRETCH = 8
MAX_STREAK = 4


@dataclass(slots=True)
class Contest:
    """`address`: our account on L1. Times in seconds. `seen_in_time`: races that were lost before anything was sent;
    `lost_on_l1`: those that cost gas, `wasted` wei in all."""

    address: bytes
    stagger: float = 0.0
    due_patience: float = 0.0
    stretch: int = 1
    seen_in_time: int = 0
    lost_on_l1: int = 0
    wasted: int = 0

    def may_post(self, at: L1Snapshot) -> bool:
        return at.may_post(self.address)

    def contested(self, at: L1Snapshot, ledger: BatchLedger) -> bool:
        """Whether somebody else may post, and does."""
        return not at.exclusive(self.address) and ledger.foreign_lately(RECENT)

    def wait(self, at: L1Snapshot, ledger: BatchLedger, header: BatchHeader) -> float:
        """Seconds from when the parent of a batch was seen on L1 to when the batch may be sent."""
        if at.exclusive(self.address):
            return 0.0
        streak = ledger.own_streak(header.index)
        if not self.contested(at, ledger):
            return self.stagger * min(streak, 1)
        return self.stagger * (self.stretch * fraction(self.address, header.parent_hash) + min(streak, MAX_STREAK))

    def lost(self, fees: int | None) -> None:
        """Somebody else's batch came first. `fees`: wei spent on ours, None if it was not sent."""
        if fees is None:
            self.seen_in_time += 1
            self.stretch = max(self.stretch // 2, 1)
            return
        self.lost_on_l1 += 1
        self.wasted += fees
        self.stretch = min(2 * self.stretch, MAX_STRETCH)

    def won(self) -> None:
        self.stretch = max(self.stretch // 2, 1)


def fraction(address: bytes, subject: bytes) -> float:
    """In [0, 1): evenly spread over accounts and subjects, the same whenever it is asked for."""
    return int.from_bytes(keccak(address + subject)[:8], "big") / 2**64
