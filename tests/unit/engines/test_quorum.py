"""The k-of-n rule: what it promises, for all votes and all orders in which they come."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.quorum import NOBODY, Agreed, Outcome, Split, decide
from execution.verdict import Verdict

YES, NO = Verdict(True, "proved", 21_000), Verdict(False, "not so", None)
NAMES = ("a", "b", "c", "d", "e")


def arriving(names: tuple[str, ...], threshold: int, votes: dict[str, Verdict | None], order: tuple[str, ...]) -> Outcome:
    """The outcome when votes come in this order."""
    for count in range(len(order)):
        assert decide(names, threshold, {name: votes[name] for name in order[:count]}) is None or count
        outcome = decide(names, threshold, {name: votes[name] for name in order[: count + 1]})
        if outcome is not None:
            return outcome
    raise AssertionError("all have voted and nothing is decided")


def result(outcome: Outcome) -> bool | None:
    return outcome.verdict.result if isinstance(outcome, Agreed) else None


@st.composite
def elections(draw: st.DrawFn) -> tuple[tuple[str, ...], int, dict[str, Verdict | None], tuple[str, ...]]:
    names = NAMES[: draw(st.integers(1, len(NAMES)))]
    votes = {name: draw(st.sampled_from((YES, NO, None))) for name in names}
    return names, draw(st.integers(1, len(names))), votes, tuple(draw(st.permutations(names)))


@given(elections())
def test_the_answer_is_what_the_rule_says(election) -> None:
    """The rule in words, on all votes; and an early answer is one that no later vote would have changed."""
    names, threshold, votes, order = election
    yes, no = (sum(vote == side for vote in votes.values()) for side in (YES, NO))
    outcome = arriving(names, threshold, votes, order)
    if yes >= threshold and no >= threshold:
        assert result(outcome) in (True, False)
    elif yes >= threshold or (yes and not no):
        assert result(outcome) is True
    elif no >= threshold or (no and not yes):
        assert result(outcome) is False and outcome != Agreed(NOBODY, ())
    elif yes and no:
        assert outcome == Split()
    else:
        assert outcome == Agreed(NOBODY, ()) and result(outcome) is False


@given(elections())
def test_the_order_of_votes_does_not_matter_where_both_answers_cannot_have_enough(election) -> None:
    names, threshold, votes, order = election
    if 2 * threshold > len(names):
        expected = decide(names, threshold, votes)
        assert expected is not None
        assert result(arriving(names, threshold, votes, order)) == result(expected)


@given(elections())
def test_fewer_wrong_engines_than_the_threshold_never_bring_a_wrong_answer(election) -> None:
    """Let true be right."""
    names, threshold, votes, order = election
    wrong, right = (sum(vote == side for vote in votes.values()) for side in (NO, YES))
    answer = result(arriving(names, threshold, votes, order))
    if wrong < threshold and right:
        assert answer is not False
    if (wrong < threshold <= right) or (right and not wrong):
        assert answer is True


@given(elections())
def test_who_agreed_and_whose_reason_it_is(election) -> None:
    names, threshold, votes, _ = election
    mine = {name: vote and Verdict(vote.result, f"said by {name}", vote.gas_used) for name, vote in votes.items()}
    outcome = decide(names, threshold, mine)
    if isinstance(outcome, Agreed) and outcome.by:
        assert outcome.by == tuple(
            name for name in names if (vote := mine[name]) and vote.result is outcome.verdict.result
        )
        assert outcome.verdict.reason == f"said by {outcome.by[0]}"


@pytest.mark.parametrize("threshold", (1, 2, 3))
def test_answers_come_as_soon_as_they_are_certain(threshold: int) -> None:
    names = NAMES[:3]
    for order in itertools.permutations(names):
        for count in range(1, 4):
            outcome = decide(names, threshold, dict.fromkeys(order[:count], YES))
            assert (outcome is not None) == (count >= threshold)


def test_a_disagreement_that_nobody_can_end_is_not_waited_out() -> None:
    assert decide(NAMES[:3], 3, {"a": YES, "c": NO}) == Split()
    assert decide(NAMES[:3], 2, {"a": YES, "c": NO}) is None
    assert decide(NAMES[:4], 3, {"a": YES, "c": NO, "d": None}) == Split()


def test_a_tie_of_enough_votes_on_both_sides_goes_to_the_first_engine() -> None:
    assert result(decide(NAMES[:2], 1, {"a": NO, "b": YES})) is False
    assert result(decide(NAMES[:2], 1, {"b": NO, "a": YES})) is True
    assert result(decide(NAMES[:3], 1, {"a": NO, "b": YES, "c": YES})) is True
