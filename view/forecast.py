"""Who wins a game that is open, and whether an assertion is right, by what was derived here and by the clocks. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from challenger.game import Game, Party, Stage
from challenger.solver import agrees
from view.shapes import Forecast, Side


class Truth(Protocol):
    """What a batch really does: derivation.records.DerivedRecord is one. Commitments are 31 bytes."""

    @property
    def hash(self) -> bytes:
        """Of the batch: an assertion about another one with the same index isn't judged by this."""
        ...

    @property
    def steps(self) -> int: ...

    def commitment(self, step: int) -> bytes:
        """After `step` steps, 0 to `steps`."""
        ...


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a batch's derivation says of a game's interval. `steps`: how many the batch really has."""

    lo_is_right: bool
    hi_is_right: bool
    steps: int


SIDE: Mapping[Party, Side] = {Party.ASSERTER: "asserter", Party.CHALLENGER: "challenger"}
OTHER: Mapping[Side, Side] = {"asserter": "challenger", "challenger": "asserter"}


def claim_is_right(truth: Truth, steps: int, commitment: bytes) -> bool:
    """Whether an assertion ends where the batch does, at the state that it leads to."""
    return truth.steps == steps and agrees(truth, steps, commitment)


def evidence(game: Game, truth: Truth) -> Evidence:
    return Evidence(
        agrees(truth, game.lo, game.lo_commitment), agrees(truth, game.hi, game.hi_commitment), truth.steps)


def forecast_game(game: Game, known: Evidence | None, now: int, congestion: int | None = None) -> Forecast | None:
    """None: it is over, or it can't be said. `now`: timestamp of L1's newest block; `congestion`: EXECUTE's congested seconds
    there."""
    if game.stage is Stage.OVER or game.mover is None:
        return None
    mover = SIDE[game.mover]
    if game.ran_out(now, congestion):
        return {"winner": OTHER[mover], "why": f"the {mover}'s clock has run out: anyone can call timeout"}
    if known is None:
        return None
    if known.lo_is_right and not known.hi_is_right:
        return {"winner": "challenger", "why": _provable(game, known)}
    if known.hi_is_right:
        return {"winner": "asserter", "why": (
            f"the commitment after step {game.hi} is right, so there is no wrong step to prove: the challenger's clock runs out")}
    return {"winner": "asserter", "why": (
        f"the commitment after step {game.lo}, on which both agreed, is wrong already: what follows from it can't be proved")}


def _provable(game: Game, known: Evidence) -> str:
    if game.hi > known.steps:
        what = f"the batch has {known.steps} steps, and step {game.hi} is claimed"
    else:
        what = f"right after step {game.lo}, wrong after step {game.hi}"
    if game.stage is Stage.PROVE:
        return f"{what}: one step is left, and EXECUTE will say so"
    return f"{what}: the first wrong step lies between, and can be proved"
