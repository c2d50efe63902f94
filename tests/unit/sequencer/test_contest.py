"""Who waits how long where several sequencers post, and what that saves."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest

from sequencer.contest import MAX_STRETCH, RECENT, Contest, fraction
from tests.unit.sequencer.test_batcher import OURS, l1, make


class Ledger:
    def __init__(self, *foreign: bool) -> None:
        self.batches = [replace(make(i, bytes(32)).closed((), 0), foreign=each) for i, each in enumerate(foreign)]

    def foreign_lately(self, count: int) -> bool:
        return any(batch.foreign for batch in self.batches[-count:])


ROUNDS = 2000
ANYONE = l1(0, bytes(32), sequencer=bytes(20))


@pytest.mark.parametrize(("snapshot", "foreign", "expected"), [
    (ANYONE, (), False),
    (ANYONE, (False, False), False),
    (ANYONE, (True, False), True),
    (ANYONE, (True, *[False] * RECENT), False),  # the others have left
    (l1(0, bytes(32)), (True,), False),  # ours alone, until 100
    (l1(0, bytes(32), head_timestamp=101), (True,), True),  # the right has lapsed
])
def test_contested_while_others_may_post_and_do(snapshot: object, foreign: tuple[bool, ...], expected: bool) -> None:
    assert Contest(OURS).contested(snapshot, Ledger(*foreign)) is expected  # type: ignore[arg-type]


def test_a_wait_is_drawn_for_each_account_and_parent() -> None:
    contest = Contest(OURS, stagger=12.0)
    waits = [contest.wait(bytes([i]) * 32, False) for i in range(256)]
    assert all(0 <= wait < 12 for wait in waits) and 5 < sum(waits) / len(waits) < 7
    assert waits[0] == contest.wait(bytes(32), False) == contest.wait(bytes(32), True) - 12, "the same however often it is asked for"
    other = Contest(b"\x0b" * 20, stagger=12.0)
    first = sum(contest.wait(bytes([i]) * 32, False) < other.wait(bytes([i]) * 32, False) for i in range(256))
    assert 96 < first < 160, "nobody comes first in the long run"


def test_only_races_that_cost_something_make_it_slower() -> None:
    contest = Contest(OURS, stagger=1.0)
    contest.lost(None)
    assert (contest.stretch, contest.seen_in_time, contest.wasted) == (1, 1, 0)
    for _ in range(6):
        contest.lost(1000)
    assert (contest.stretch, contest.lost_on_l1, contest.wasted) == (MAX_STRETCH, 6, 6000)
    for _ in range(4):
        contest.won()
    assert contest.stretch == 1


def races(count: int, stagger: float, rounds: int = ROUNDS) -> tuple[list[int], int]:
    """(batches of each, batches lost on L1) of `count` sequencers that always have something to post, L1 blocks of one
    second, seen at once. The order within an L1 block is drawn."""
    random = Random(7)
    contests = [Contest(bytes([place]) * 20, stagger=stagger) for place in range(count)]
    won, winner = [0] * count, -1
    for parent in range(rounds):
        hash_ = parent.to_bytes(32, "big")
        blocks = [int(contest.wait(hash_, place == winner)) for place, contest in enumerate(contests)]
        racing = [place for place, block in enumerate(blocks) if block == min(blocks)]
        winner = random.choice(racing)
        for place in racing:
            contests[place].won() if place == winner else contests[place].lost(1)
        won[winner] += 1
    return won, sum(contest.lost_on_l1 for contest in contests)


def test_waiting_saves_most_races_and_is_fair() -> None:
    assert races(3, 0.0)[1] == 2 * ROUNDS
    for count, most in ((2, 0.01), (3, 0.5), (5, 1.1)):
        won, lost = races(count, 1.0)
        assert lost < most * ROUNDS and min(won) > 0.8 * ROUNDS / count


def test_fraction_is_below_one() -> None:
    assert all(0 <= fraction(OURS, i.to_bytes(32, "big")) < 1 for i in range(1000))
