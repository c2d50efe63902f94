"""Who waits how long where several sequencers post, and what that saves."""

from __future__ import annotations

from random import Random

import pytest

from derivation.batch import BatchHeader
from sequencer.contest import MAX_STREAK, MAX_STRETCH, RECENT, Contest, fraction
from sequencer.l1view import L1Snapshot
from tests.unit.sequencer.test_batcher import OURS, l1, make


class Ledger:
    """Batches by whose they are, oldest first."""

    def __init__(self, *foreign: bool) -> None:
        self.foreign = foreign

    def foreign_lately(self, count: int) -> bool:
        return any(self.foreign[-count:])

    def own_streak(self, index: int) -> int:
        mine = self.foreign[:index][::-1]
        return mine.index(True) if True in mine else len(mine)


def header(parent: int, index: int = 0) -> BatchHeader:
    closed = make(index, parent.to_bytes(32, "big")).closed((), 0).header
    assert closed is not None
    return closed


ROUNDS = 1500
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
    contest, others = Contest(OURS, stagger=12.0), Ledger(True)

    def wait(who: Contest, parent: int) -> float:
        return who.wait(ANYONE, others, header(parent, 1))  # type: ignore[arg-type]

    waits = [wait(contest, i) for i in range(256)]
    assert all(0 <= each < 12 for each in waits) and 5 < sum(waits) / len(waits) < 7
    assert waits[0] == wait(contest, 0), "the same however often it is asked for"
    other = Contest(b"\x0b" * 20, stagger=12.0)
    first = sum(wait(contest, i) < wait(other, i) for i in range(256))
    assert 96 < first < 160, "nobody comes first in the long run"


@pytest.mark.parametrize(("snapshot", "foreign", "least"), [
    (l1(0, bytes(32)), (True, False, False), None),  # the right is ours
    (ANYONE, (), 0),  # alone: the first batch at once,
    (ANYONE, (False,) * 20, 1),  # and one after ours when another could have come
    (ANYONE, (True, False), 1),
    (ANYONE, (True, False, False, False), 3),
    (ANYONE, (True, *[False] * 9), MAX_STREAK),
    (ANYONE, (False, False, True), 0),
])
def test_who_posted_last_leaves_the_next_to_others(snapshot: L1Snapshot, foreign: tuple[bool, ...], least: int | None) -> None:
    wait = Contest(OURS, stagger=1.0).wait(snapshot, Ledger(*foreign), header(7, len(foreign)))  # type: ignore[arg-type]
    assert wait == 0 if least is None else least <= wait < least + 1


def test_only_races_that_cost_something_make_it_slower() -> None:
    contest = Contest(OURS, stagger=1.0)
    contest.lost(None)
    assert (contest.stretch, contest.seen_in_time, contest.wasted) == (1, 1, 0)
    for _ in range(6):
        contest.lost(1000)
    assert (contest.stretch, contest.lost_on_l1, contest.wasted) == (MAX_STRETCH, 6, 6000)
    contest.won()
    contest.lost(None)
    assert contest.stretch == MAX_STRETCH // 4
    contest.won()
    contest.won()
    assert contest.stretch == 1


def races(count: int, stagger: float, rounds: int = ROUNDS) -> tuple[list[int], int]:
    """(batches of each, batches lost on L1) of `count` sequencers that always have something to post. L1 has a block a second, so
    whoever sends within a second of the first can't see it; who comes first in the block is drawn. Who posted the parent has its
    next batch at once, the others need a second to build theirs."""
    random, contests = Random(7), [Contest(bytes([place + 1]) * 20, stagger=stagger) for place in range(count)]
    won, order = [0] * count, list[int]()
    for parent in range(rounds):
        at = []
        for place, contest in enumerate(contests):
            ledger = Ledger(*(winner != place for winner in order[-20:]))
            ready = 0.0 if order[-1:] == [place] else 1.0
            at.append(max(ready, contest.wait(ANYONE, ledger, header(parent, len(order[-20:])))))  # type: ignore[arg-type]
        racing = [place for place in range(count) if at[place] < min(at) + 1]
        winner = random.choice(racing)
        for place, contest in enumerate(contests):
            contest.won() if place == winner else contest.lost(1 if place in racing else None)
        order.append(winner)
        won[winner] += 1
    return won, sum(contest.lost_on_l1 for contest in contests)


def test_waiting_saves_most_races_and_is_fair() -> None:
    assert max(races(3, 0.0)[0]) > 0.99 * ROUNDS, "without, who won once wins always"
    for count, most in ((2, 0.3), (3, 0.9), (5, 2.0)):
        won, lost = races(count, 2.0)
        assert lost < most * ROUNDS and min(won) > 0.8 * ROUNDS / count, (count, won, lost / ROUNDS)


def test_fraction_is_below_one() -> None:
    assert all(0 <= fraction(OURS, i.to_bytes(32, "big")) < 1 for i in range(1000))
