"""Whole games on the toy trace: the honest side always wins, whatever the other does."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from challenger.claims import AssertionStatus, GameRecord, Kin, Unknown
from challenger.defender import SplitInterval, next_for_defence
from challenger.game import Game, Rules, Status, checkpoint_interval, interval_count, parts
from challenger.solver import (
    BadParent,
    KillOrphan,
    Nothing,
    OpenGame,
    Orphan,
    PickSegment,
    ProveStep,
    ProveStepInGame,
    Reclaim,
    Right,
    TimeOutGames,
    Withdraw,
    Wrong,
    judge,
    next_for_assertion,
    next_for_game,
    next_withdrawal,
)
from tests.unit.challenger.alphabet import (
    HONEST,
    LIAR,
    Alphabet,
    Claimed,
    Judge,
    Table,
    assertion_of,
    challenge,
    defender_of,
    honest_challenger,
    letter,
)

PENDING = Kin(AssertionStatus.PENDING)
WINDOW, CLOCK = 1000, 400


def rules(stride: int, arity: int) -> Rules:
    return Rules(stride, arity, WINDOW, CLOCK)


def judged(r: Rules, truth: Alphabet, claimed: Claimed):
    made, checkpoints = assertion_of(r, claimed)
    return judge(r, made, PENDING, truth, checkpoints)


def is_wrong(claimed: Claimed) -> bool:
    """What the assertion says at its checkpoints is judged by `judged`; this is about its end."""
    return claimed.steps != claimed.truth.steps or claimed.lies(claimed.steps)


# ---- the honest challenger wins


@pytest.mark.parametrize("stride, arity", list(product((1, 2, 3, 16, 0), (2, 3, 16))))
def test_exhaustively_every_lie_from_step_k_on_loses(stride, arity):
    r = rules(stride, arity)
    for steps in range(1, 36):
        truth = Alphabet(steps)
        for k in range(1, steps + 1):
            claimed = Claimed(truth, steps, lambda step, k=k: step >= k)
            judgement = judged(r, truth, claimed)
            assert isinstance(judgement, Wrong) and judgement.lo < k <= judgement.hi
            assert challenge(r, truth, claimed, judgement) in ("killed", Status.CHALLENGER_WON)


@pytest.mark.parametrize("stride, arity", list(product((1, 5, 16, 0), (2, 3, 16))))
def test_exhaustively_every_wrong_step_count_loses(stride, arity):
    r = rules(stride, arity)
    for steps, claims in product(range(1, 24), range(1, 50)):
        if steps == claims:
            continue
        truth = Alphabet(steps)
        claimed = Claimed(truth, claims)
        judgement = judged(r, truth, claimed)
        assert isinstance(judgement, Wrong), (steps, claims)
        assert challenge(r, truth, claimed, judgement) in ("killed", Status.CHALLENGER_WON)


@settings(max_examples=400, deadline=None)
@given(st.data(), st.integers(1, 90), st.sampled_from([1, 2, 7, 16, 64, 0]), st.sampled_from([2, 3, 5, 16]))
def test_any_claims_at_all(data, steps, stride, arity):
    """Random lies at any set of steps, any step count, and splits that need not fit the claims."""
    r, truth = rules(stride, arity), Alphabet(steps)
    claims = data.draw(st.integers(1, 120))
    lies = data.draw(st.frozensets(st.integers(1, 120), max_size=30))
    claimed = Claimed(truth, claims, lambda step: step in lies)
    judgement = judged(r, truth, claimed)
    if isinstance(judgement, Right):
        assert not is_wrong(claimed)
        return
    assert isinstance(judgement, Wrong)

    def erratic(record: GameRecord, now: int):
        if data.draw(st.integers(0, 9)) == 0:
            return Nothing("silent")
        game = record.game
        inner = parts(game.lo, game.hi, arity) - 1
        made_up = tuple(
            truth.commitment(step) if step <= steps and data.draw(st.booleans()) else letter("x", data.draw(st.integers(0, 3)))
            for step in (game.lo + (game.hi - game.lo) * i // (inner + 1) for i in range(1, inner + 1))
        )
        return SplitInterval(record.id, game.lo, game.hi, made_up)

    defender = data.draw(st.sampled_from(["as claimed", "erratic"]))
    result = challenge(r, truth, claimed, judgement, defender=None if defender == "as claimed" else erratic)
    assert result in ("killed", Status.CHALLENGER_WON)


def test_on_the_wrong_batch_nothing_after_the_start_is_right():
    """The parent's state isn't at this batch: the truth has no step at all."""
    truth = Alphabet(0)
    for stride in (1, 16, 0):
        r = rules(stride, 2)
        claimed = Claimed(truth, 20)
        judgement = judged(r, truth, claimed)
        assert isinstance(judgement, Wrong) and judgement.lo == 0
        assert challenge(r, truth, claimed, judgement) in ("killed", Status.CHALLENGER_WON)


def test_the_largest_game_ends_inside_the_window():
    r, truth = Rules(0, 2, 1000, 400), Alphabet(24210)
    claimed = Claimed(truth, 24210, lambda step: step >= 7777)
    table = Table(r, Judge(truth), latency=5)
    over = table.duel(claimed, 0, challenger=honest_challenger(r, truth), defender=defender_of(r, claimed))
    assert over.status is Status.CHALLENGER_WON and table.moves <= 2 * 15 + 1 and table.now <= WINDOW


# ---- the honest asserter never loses


def _width(steps: int, stride: int, j: int) -> int:
    lo, hi = checkpoint_interval(steps, stride, j)
    return hi - lo


@settings(max_examples=300, deadline=None)
@given(st.data(), st.integers(2, 70), st.sampled_from([2, 7, 16, 64, 0]), st.sampled_from([2, 3, 5, 16]))
def test_no_challenger_beats_a_right_assertion(data, steps, stride, arity):
    r, truth = rules(stride, arity), Alphabet(steps)
    claimed = Claimed(truth, steps)
    assert judged(r, truth, claimed) == Right()
    made, _ = assertion_of(r, claimed)
    assert isinstance(next_for_assertion(r, HONEST, made, Right(), (), 0), Nothing)
    spans = [j for j in range(interval_count(steps, stride)) if _width(steps, stride, j) > 1]
    if not spans:
        return

    def attacker(record: GameRecord, now: int):
        game = record.game
        if data.draw(st.integers(0, 9)) == 0:
            return Nothing("silent")
        if game.hi - game.lo == 1:
            return ProveStepInGame(record.id, record.assertion_id, game.lo)
        segment = data.draw(st.integers(0, parts(game.lo, game.hi, arity) - 1))
        return PickSegment(record.id, game.lo, game.hi, game.split or (), segment)

    table = Table(r, Judge(truth))
    over = table.duel(claimed, data.draw(st.sampled_from(spans)), challenger=attacker, defender=defender_of(r, claimed))
    assert over.status is Status.ASSERTER_WON


# ---- it never attacks on a guess


def scene(stride: int = 16, lies=lambda step: False):
    r, truth = rules(stride, 2), Alphabet(40)
    made, checkpoints = assertion_of(r, Claimed(truth, 40, lies))
    return r, truth, made, checkpoints


def test_unknown_trace_is_unknown():
    r, _, made, checkpoints = scene(lies=lambda step: step >= 3)
    unknown = Unknown("batch 0 isn't derived yet")
    assert judge(r, made, PENDING, unknown, checkpoints) is unknown
    assert next_for_assertion(r, HONEST, made, unknown, (), 0) is unknown


def test_missing_checkpoints():
    r, truth, made, _ = scene()
    missing = Unknown("blob is missing")
    assert judge(r, made, PENDING, truth, missing) == Right()
    _, _, lie, _ = scene(lies=lambda step: step >= 3)
    verdict = judge(r, lie, PENDING, truth, missing)
    assert isinstance(verdict, Unknown) and verdict.alarm


def test_child_of_a_wrong_parent_waits_for_the_parents_death():
    r, truth, made, checkpoints = scene(lies=lambda step: True)
    wrong_start = (letter("other parent", 0), *checkpoints[1:])
    assert judge(r, made, PENDING, truth, wrong_start) == BadParent()
    assert isinstance(next_for_assertion(r, HONEST, made, BadParent(), (), 0), Nothing)
    orphan = judge(r, made, Kin(AssertionStatus.KILLED), Unknown("whatever"), wrong_start)
    assert isinstance(orphan, Orphan)
    assert next_for_assertion(r, HONEST, made, orphan, (), 0) == KillOrphan(made.id)


def test_a_confirmed_parent_we_do_not_have_is_our_problem():
    r, truth, made, checkpoints = scene()
    verdict = judge(r, made, Kin(AssertionStatus.CONFIRMED), truth, (letter("x", 0), *checkpoints[1:]))
    assert isinstance(verdict, Unknown) and verdict.alarm


def test_rival_confirmed():
    r, truth, made, checkpoints = scene(lies=lambda step: step >= 3)
    assert isinstance(judge(r, made, Kin(AssertionStatus.CONFIRMED, b"\x09" * 32), truth, checkpoints), Orphan)
    assert isinstance(judge(r, made, Kin(AssertionStatus.CONFIRMED, made.id), truth, checkpoints), Wrong)


def test_one_step_intervals_are_preferred():
    """Garbage in the middle and a wrong end: the last interval is one step long and needs no game."""
    r, truth = rules(16, 2), Alphabet(33)
    claimed = Claimed(truth, 33, lambda step: step in (16, 33))
    assert judged(r, truth, claimed) == Wrong(2, 32, 33)
    assert challenge(r, truth, claimed, Wrong(2, 32, 33)) == "killed"


def test_nothing_is_done_twice():
    r, truth, made, checkpoints = scene(lies=lambda step: step >= 20)
    wrong = judge(r, made, PENDING, truth, checkpoints)
    assert wrong == Wrong(1, 16, 32)
    assert next_for_assertion(r, HONEST, made, wrong, (), 0) == OpenGame(made.id, 1)
    game = Game(16, 24, checkpoints[1], letter("lie", 24), None, 400, 400, 0)
    mine = GameRecord(b"\x01" * 32, made.id, HONEST, game)
    assert isinstance(next_for_assertion(r, HONEST, made, wrong, (mine,), 0), Nothing)
    theirs = replace(mine, challenger=LIAR)
    assert next_for_assertion(r, HONEST, made, wrong, (theirs,), 0) == OpenGame(made.id, 1)
    lost = replace(mine, game=replace(game, status=Status.ASSERTER_WON))
    verdict = next_for_assertion(r, HONEST, made, wrong, (lost,), 0)
    assert isinstance(verdict, Unknown) and verdict.alarm
    over = replace(made, status=AssertionStatus.KILLED)
    assert isinstance(next_for_assertion(r, HONEST, over, wrong, (), 0), Nothing)


def test_too_late_to_open():
    r, _, made, _ = scene()
    assert next_for_assertion(r, HONEST, made, Wrong(1, 16, 32), (), 200) == OpenGame(made.id, 1)
    verdict = next_for_assertion(r, HONEST, made, Wrong(1, 16, 32), (), 201)
    assert isinstance(verdict, Unknown) and verdict.alarm
    assert next_for_assertion(r, HONEST, made, Wrong(2, 32, 33), (), 999) == ProveStep(made.id, 2, 32)


# ---- in a game


def test_a_game_opened_on_other_knowledge_is_not_played():
    r, truth = rules(16, 2), Alphabet(40)
    opened = Game(16, 32, truth.commitment(16), truth.commitment(32), (letter("lie", 24),), 400, 400, 0)
    verdict = next_for_game(r, HONEST, GameRecord(b"", b"", HONEST, opened), truth, 1)
    assert isinstance(verdict, Unknown) and verdict.alarm
    unagreed = replace(opened, lo_commitment=letter("lie", 16), hi_commitment=letter("lie", 32))
    assert isinstance(next_for_game(r, HONEST, GameRecord(b"", b"", HONEST, unagreed), truth, 1), Unknown)


def test_the_trace_is_asked_for_only_when_it_is_our_move():
    r = rules(16, 2)

    def never():
        raise AssertionError("asked")

    asserters = Game(16, 32, letter("true", 16), letter("lie", 32), None, 400, 400, 0)
    record = GameRecord(b"\x07" * 32, b"", HONEST, asserters)
    assert isinstance(next_for_game(r, HONEST, record, never, 399), Nothing)
    assert next_for_game(r, HONEST, record, never, 400) == TimeOutGames((record.id,))
    assert isinstance(next_for_game(r, LIAR, record, never, 400), Nothing)
    void = replace(record, game=replace(asserters, status=Status.VOID))
    assert next_for_game(r, HONEST, void, never, 1) == Reclaim(record.id)
    assert isinstance(next_for_game(r, HONEST, replace(void, reclaimed=True), never, 1), Nothing)
    late = replace(record, game=replace(asserters, split=(letter("lie", 24),)))
    assert isinstance(next_for_game(r, HONEST, late, never, 400), Unknown)


def test_defence():
    r, truth = rules(16, 4), Alphabet(40)
    claimed = Claimed(truth, 40)
    asserters = Game(16, 32, letter("true", 16), letter("true", 32), None, 400, 400, 0)
    record = GameRecord(b"\x07" * 32, b"", LIAR, asserters)
    action = next_for_defence(r, record, claimed, 1)
    assert action == SplitInterval(record.id, 16, 32, tuple(truth.commitment(step) for step in (20, 24, 28)))
    assert isinstance(next_for_defence(r, record, claimed, 400), Unknown)
    theirs = replace(record, game=replace(asserters, split=action.commitments))
    assert isinstance(next_for_defence(r, theirs, claimed, 399), Nothing)
    assert next_for_defence(r, theirs, claimed, 400) == TimeOutGames((record.id,))
    over = replace(record, game=replace(asserters, status=Status.VOID))
    assert isinstance(next_for_defence(r, over, claimed, 400), Nothing)


def test_withdrawals():
    assert next_withdrawal(5) == Withdraw(5)
    assert isinstance(next_withdrawal(0, 0), Nothing) and isinstance(next_withdrawal(5, 6), Nothing)
