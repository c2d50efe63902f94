"""The rules, and that the vectors shared with Solidity are what they say."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from challenger.game import (
    MAX_STEPS,
    MOVER,
    TRANSITIONS,
    Game,
    IllegalMove,
    Party,
    Pick,
    Prove,
    Rules,
    Split,
    Stage,
    Status,
    TimeOut,
    Void,
    boundaries,
    checkpoint_count,
    checkpoint_interval,
    checkpoint_step,
    interval_count,
    may_open,
    open_game,
    parts,
    play,
)
from tests.vectors.make_game import Sequence, build, replay

VECTORS = Path(__file__).parents[2] / "vectors" / "game.json"

RULES = Rules(stride=16, arity=2, window=1000, clock=100)
A, B, C = (bytes([x]) * 31 for x in (1, 2, 3))


def game(lo: int = 0, hi: int = 16, split: tuple[bytes, ...] | None = None) -> Game:
    return Game(lo, hi, A, B, split, 100, 100, 0)


def test_vectors_are_current():
    assert json.loads(VECTORS.read_text()) == build(), "run python tests/vectors/make_game.py"


def test_vectors_replay():
    for entry in json.loads(VECTORS.read_text())["sequences"]:
        fields = {k: v for k, v in entry.items() if k != "results"}
        assert replay(Sequence(**fields))["results"] == entry["results"]


@given(st.integers(0, 10**6), st.integers(1, MAX_STEPS), st.integers(2, 64))
def test_boundaries_are_a_partition(lo, length, arity):
    hi = lo + length
    ends = boundaries(lo, hi, arity)
    assert ends[0] == lo and ends[-1] == hi and len(ends) == parts(lo, hi, arity) + 1
    widths = [b - a for a, b in pairwise(ends)]
    assert all(width >= 1 for width in widths) and max(widths) - min(widths) <= 1


@given(st.integers(1, MAX_STEPS), st.integers(0, 200))
def test_checkpoints_cover_every_step_once(steps, stride):
    spans = [checkpoint_interval(steps, stride, j) for j in range(interval_count(steps, stride))]
    assert spans[0][0] == 0 and spans[-1][1] == steps
    assert all(a[1] == b[0] for a, b in pairwise(spans))
    assert all(hi > lo and (stride == 0 or hi - lo <= stride) for lo, hi in spans)
    assert checkpoint_step(steps, stride, checkpoint_count(steps, stride) - 1) == steps
    with pytest.raises(IllegalMove):
        checkpoint_interval(steps, stride, interval_count(steps, stride))


def test_every_stage_has_a_mover_and_every_move_a_rule():
    assert set(MOVER) == set(Stage)
    assert set(TRANSITIONS) == {Split, Pick, Prove, TimeOut, Void}


@pytest.mark.parametrize("move, reason", [
    (Split(1, Party.CHALLENGER, 0, 16, (C,)), "NotAsserter"),
    (Split(1, Party.STRANGER, 0, 16, (C,)), "NotAsserter"),
    (Split(1, Party.ASSERTER, 0, 15, (C,)), "WrongInterval"),
    (Split(1, Party.ASSERTER, 0, 16, (C, C)), "WrongCommitmentCount"),
    (Split(100, Party.ASSERTER, 0, 16, (C,)), "ClockRunOut"),
    (Pick(1, Party.CHALLENGER, 0, 16, (C,), 0), "NotYourMove"),
    (Pick(1, Party.ASSERTER, 0, 16, (C,), 0), "NotChallenger"),
    (Prove(1, Party.CHALLENGER, C), "IntervalNotOneStep"),
    (TimeOut(99), "TimeLeft"),
])
def test_illegal_before_the_split(move, reason):
    with pytest.raises(IllegalMove) as caught:
        play(RULES, game(), move)
    assert caught.value.reason == reason


@pytest.mark.parametrize("move, reason", [
    (Split(1, Party.ASSERTER, 0, 16, (C,)), "NotYourMove"),
    (Pick(1, Party.CHALLENGER, 0, 16, (A,), 0), "SplitMismatch"),
    (Pick(1, Party.CHALLENGER, 0, 16, (C,), 2), "NoSuchSegment"),
    (Pick(1, Party.STRANGER, 0, 16, (C,), 0), "NotChallenger"),
    (Pick(100, Party.CHALLENGER, 0, 16, (C,), 0), "ClockRunOut"),
])
def test_illegal_after_the_split(move, reason):
    with pytest.raises(IllegalMove) as caught:
        play(RULES, game(split=(C,)), move)
    assert caught.value.reason == reason


def test_the_last_step():
    last = game(3, 4)
    assert last.stage is Stage.PROVE and last.mover is Party.CHALLENGER
    for move, reason in ((Split(1, Party.ASSERTER, 3, 4, ()), "NotYourMove"), (Prove(1, Party.CHALLENGER, B), "StepIsAsClaimed"),
                         (Prove(1, Party.STRANGER, C), "NotChallenger"), (Prove(100, Party.CHALLENGER, C), "ClockRunOut")):
        with pytest.raises(IllegalMove) as caught:
            play(RULES, last, move)
        assert caught.value.reason == reason
    assert play(RULES, last, Prove(1, Party.CHALLENGER, C)).status is Status.CHALLENGER_WON
    assert play(RULES, last, Prove(1, Party.CHALLENGER, None)).status is Status.CHALLENGER_WON
    assert play(RULES, last, TimeOut(100)).status is Status.ASSERTER_WON


@given(st.integers(0, 100), st.integers(0, 10**6), st.integers(0, 10**6), st.integers(0, 2000))
def test_a_full_execute_stops_the_clock_within_the_window(clock, before, congested, now):
    last = Game(3, 4, A, B, None, 100, clock, 50, congestion=before, closes_at=1000)
    deadline = last.deadline(before + congested)
    assert deadline == max(50 + clock, min(50 + clock + congested, 1000))
    assert last.deadline() == last.deadline(before) == 50 + clock
    # At every instant exactly one of the two is possible.
    moves = TimeOut(now, before + congested), Prove(now, Party.CHALLENGER, C, before + congested)
    for move, legal in zip(moves, (now >= deadline, now < deadline), strict=True):
        if legal:
            assert play(RULES, last, move).status in (Status.ASSERTER_WON, Status.CHALLENGER_WON)
            assert play(RULES, last, move).challenger_clock >= 0
        else:
            with pytest.raises(IllegalMove):
                play(RULES, last, move)


def test_only_a_call_of_execute_waits_for_it():
    for other in (game(), game(split=(C,))):
        waiting = replace(other, closes_at=1000)
        assert waiting.deadline(10**6) == 100 and waiting.ran_out(100, 10**6)
    opened = open_game(RULES, created_at=7, now=8, steps=40, j=0, lo_commitment=A, hi_commitment=B)
    assert opened.closes_at == 1007
    two = replace(game(0, 2, (C,)), closes_at=1000)
    assert play(RULES, two, Pick(1, Party.CHALLENGER, 0, 2, (C,), 0, 77)).congestion == 77
    assert play(RULES, two, Pick(1, Party.CHALLENGER, 0, 2, (C,), 0)).congestion == 0
    four = replace(game(0, 4, (C,)), closes_at=1000)
    assert play(RULES, four, Pick(1, Party.CHALLENGER, 0, 4, (C,), 0, 77)).congestion == 0


def test_over_is_over():
    for status in (Status.CHALLENGER_WON, Status.ASSERTER_WON, Status.VOID):
        over = Game(0, 16, A, B, None, 1, 1, 0, status)
        assert over.mover is None and not over.ran_out(10**9)
        for move in (Split(1, Party.ASSERTER, 0, 16, (C,)), TimeOut(10**9), Void(1), Prove(1, Party.CHALLENGER, C)):
            with pytest.raises(IllegalMove, match="GameNotOpen"):
                play(RULES, over, move)


@given(st.integers(0, 300), st.sampled_from([(game(), Split(0, Party.ASSERTER, 0, 16, (C,))), (game(split=(C,)), Pick(0, Party.CHALLENGER, 0, 16, (C,), 1)), (game(3, 4), Prove(0, Party.CHALLENGER, C))]))
def test_at_every_instant_either_the_move_or_the_timeout(now, case):
    state, move = case
    timed = type(move)(**{**{f: getattr(move, f) for f in move.__slots__}, "at": now})
    outcomes = []
    for attempt in (timed, TimeOut(now)):
        try:
            play(RULES, state, attempt)
            outcomes.append(True)
        except IllegalMove:
            outcomes.append(False)
    assert sorted(outcomes) == [False, True]


def test_opening():
    opened = open_game(RULES, created_at=0, now=800, steps=40, j=1, lo_commitment=A, hi_commitment=B)
    assert (opened.lo, opened.hi, opened.moved_at) == (16, 32, 800)
    assert may_open(RULES, 0, 800) and not may_open(RULES, 0, 801)
    for now, steps, j, reason in ((801, 40, 1, "TooLateToOpen"), (0, 40, 3, "NoSuchInterval"), (0, 33, 2, "IntervalIsOneStep")):
        with pytest.raises(IllegalMove) as caught:
            open_game(RULES, created_at=0, now=now, steps=steps, j=j, lo_commitment=A, hi_commitment=B)
        assert caught.value.reason == reason
