"""The asserter's side of a game. Pure: the next split, from what was claimed.

An asserter that splits with the commitments it has asserted can't lose while its claims are right: whatever segment is
picked, at the last step EXECUTE says what was claimed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, TypeAlias

from challenger.claims import GameRecord, Unknown
from challenger.game import Party, Rules, Stage, boundaries
from challenger.solver import Nothing, TimeOutGames


class Claims(Protocol):
    """What the asserter claimed of a batch: every step's commitment, not only the checkpoints."""

    def commitment(self, step: int) -> bytes:
        """After `step` steps, 31 bytes; also for steps past the real end if they were claimed."""
        ...


@dataclass(frozen=True, slots=True)
class SplitInterval:
    """`split(gameId, lo, hi, commitments)`."""

    game_id: bytes
    lo: int
    hi: int
    commitments: tuple[bytes, ...]


Defence: TypeAlias = SplitInterval | TimeOutGames | Nothing | Unknown


def split_commitments(lo: int, hi: int, arity: int, claims: Claims) -> tuple[bytes, ...]:
    """The commitments at the inner boundaries of [lo, hi]."""
    return tuple(claims.commitment(step) for step in boundaries(lo, hi, arity)[1:-1])


def next_for_defence(
    rules: Rules, record: GameRecord, claims: Claims, now: int, congestion: int | None = None
) -> Defence:
    """For a game on an assertion of ours. `now`: L1 timestamp, seconds. `congestion`: EXECUTE's congested seconds, which
    the challenger doesn't lose (rule 8 of the game)."""
    game = record.game
    if game.stage is Stage.OVER:
        return Nothing("it is over")
    if game.mover is Party.CHALLENGER:
        return TimeOutGames((record.id,)) if game.ran_out(now, congestion) else Nothing("the challenger's move")
    if game.ran_out(now):
        return Unknown("our clock has run out", alarm=True)
    return SplitInterval(record.id, game.lo, game.hi, split_commitments(game.lo, game.hi, rules.arity, claims))
