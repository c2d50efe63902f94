"""Who wins, and why, by what was derived and by the clocks."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest

from challenger.game import Game, Status
from view.forecast import claim_is_right, evidence, forecast_game

GAME = Game(4, 8, b"4" * 31, b"x" * 31, None, 100, 100, 1000)


@dataclass
class Derived:
    """A batch of 10 steps whose commitments are their step's digit."""

    steps: int = 10
    hash: bytes = bytes(32)

    def commitment(self, step: int) -> bytes:
        return str(step)[-1].encode() * 31


@pytest.mark.parametrize(
    ("change", "winner", "why"),
    [
        ({}, "challenger", "right after step 4, wrong after step 8: the first wrong step lies between"),
        ({"hi": 5}, "challenger", "one step is left, and EXECUTE will say so"),
        ({"hi": 12}, "challenger", "the batch has 10 steps, and step 12 is claimed"),
        ({"hi_commitment": b"8" * 31}, "asserter", "after step 8 is right, so there is no wrong step"),
        ({"lo_commitment": b"y" * 31}, "asserter", "after step 4, on which both agreed, is wrong already"),
        ({"split": (b"6" * 31,)}, "challenger", "right after step 4"),
    ],
)
def test_by_what_was_derived(change, winner, why):
    game = replace(GAME, **change)
    found = forecast_game(game, evidence(game, Derived()), 1099)
    assert found is not None and found["winner"] == winner and why in found["why"]
    assert forecast_game(game, None, 1099) is None, "nothing is derived here, and nobody is out of time"


@pytest.mark.parametrize(
    ("split", "loser", "winner"), [(None, "asserter", "challenger"), ((b"6" * 31,), "challenger", "asserter")])
def test_who_is_out_of_time_loses_whatever_is_right(split, loser, winner):
    game = replace(GAME, split=split)
    for known in (None, evidence(game, Derived())):
        found = forecast_game(game, known, 1100)
        assert found is not None and found["winner"] == winner and f"the {loser}'s clock has run out" in found["why"]


def test_a_full_execute_stops_the_clock_of_the_last_move():
    game = replace(GAME, hi=5, congestion=50, closes_at=2000)
    assert forecast_game(game, None, 1100, 50) is not None
    assert forecast_game(game, None, 1100, 51) is None


def test_a_game_that_is_over_has_no_forecast():
    assert forecast_game(replace(GAME, status=Status.VOID), evidence(GAME, Derived()), 5000) is None


def test_an_assertion_is_right_if_it_ends_where_the_batch_does():
    assert claim_is_right(Derived(), 10, b"0" * 31)
    assert not claim_is_right(Derived(), 10, b"1" * 31)
    assert not claim_is_right(Derived(), 9, b"9" * 31), "too few steps"
    assert not claim_is_right(Derived(), 11, b"1" * 31), "too many"
