"""The rules of the game, as the Rollup contract has them (docs/protocol.md section 6; solidity/src/Disputes.sol).

Rules
1. A game is about one interval [lo, hi] of an assertion's steps. The sides agree on the commitment at lo, not at hi.
2. Whose move it is follows from the interval and from whether there is a split of it:

       stage   when                   mover        moves allowed        leads to
       SPLIT   hi - lo > 1, no split  asserter     Split                PICK
       PICK    hi - lo > 1, a split   challenger   Pick                 SPLIT, or PROVE if one step is left
       PROVE   hi - lo = 1            challenger   Prove                OVER, challenger won
       any of them                    anyone       TimeOut              OVER, the mover lost
       any of them                    anyone       Void                 OVER: the assertion died otherwise
       OVER                           nobody

3. `parts = min(arity, hi - lo)` segments; boundary i is `lo + (hi - lo) * i // parts`. A split is the commitments at the
   `parts - 1` inner boundaries, a pick names a segment: its ends are the next interval.
4. Each side has `clock` seconds for all its moves. The mover's clock runs from the last move. A move needs
   `elapsed < left`, a time-out `elapsed >= left`: at every instant exactly one of the two is possible.
5. Only the asserter splits, only the game's challenger picks and proves.
6. A proof says what commitment the step from lo really ends at (none: there is no such step). It must differ from hi's.
7. A game opens while `now + 2 * clock <= created + window`, so every game can be over when the window is.
8. In PROVE the move is a call of EXECUTE, and the seconds in which that was full don't count, within the window: the
   deadline is `max(d, min(d + congestion now - congestion when the turn began, created + window))`, `d` by rule 4.

Times are L1 timestamps in seconds, commitments 31 bytes. Congestion is what EXECUTE's `congestedSeconds()` says at the L1
block of a move; where it is None the seconds since the turn began are taken for none. Nothing here does IO.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import Enum, IntEnum, auto
from typing import TypeAlias

COMMITMENT_SIZE = 31
MAX_STEPS = 1 + 16 + 6 * 64 * 63 + 1
"""Steps of the largest batch: block start, forced transactions, items of 6 blobs, batch end."""
ELEMENTS_PER_BLOB = 4096


@dataclass(frozen=True, slots=True)
class Rules:
    """`stride` in steps (0: a whole batch), `window` and `clock` in seconds."""

    stride: int
    arity: int
    window: int
    clock: int


# ---- intervals


def interval_count(steps: int, stride: int) -> int:
    """Intervals between the checkpoints of an assertion of `steps` steps."""
    return 1 if stride == 0 else -(-steps // stride)


def checkpoint_count(steps: int, stride: int) -> int:
    """M of section 5."""
    return interval_count(steps, stride) + 1


def checkpoint_step(steps: int, stride: int, j: int) -> int:
    """The step after which checkpoint `j` is taken."""
    if not 0 <= j < checkpoint_count(steps, stride):
        raise IllegalMove("NoSuchInterval")
    return (0 if j == 0 else steps) if stride == 0 else min(j * stride, steps)


def checkpoint_interval(steps: int, stride: int, j: int) -> tuple[int, int]:
    """(lo, hi) of interval `j`."""
    if not 0 <= j < interval_count(steps, stride):
        raise IllegalMove("NoSuchInterval")
    return checkpoint_step(steps, stride, j), checkpoint_step(steps, stride, j + 1)


def parts(lo: int, hi: int, arity: int) -> int:
    """Segments into which [lo, hi] is split."""
    return min(arity, hi - lo)


def boundary(lo: int, hi: int, arity: int, i: int) -> int:
    """p(i), 0 <= i <= parts."""
    return lo + (hi - lo) * i // parts(lo, hi, arity)


def boundaries(lo: int, hi: int, arity: int) -> tuple[int, ...]:
    """lo, the inner boundaries, hi."""
    return tuple(boundary(lo, hi, arity, i) for i in range(parts(lo, hi, arity) + 1))


# ---- states, moves


class Party(Enum):
    ASSERTER = auto()
    CHALLENGER = auto()
    STRANGER = auto()


class Stage(Enum):
    SPLIT = auto()
    PICK = auto()
    PROVE = auto()
    OVER = auto()


class Status(IntEnum):
    """GameStatus of IRollup.sol."""

    NONE = 0
    OPEN = 1
    CHALLENGER_WON = 2
    ASSERTER_WON = 3
    VOID = 4


@dataclass(frozen=True, slots=True)
class Game:
    """What the contract keeps of a game, with the commitments of the last split instead of their hash."""

    lo: int
    hi: int
    lo_commitment: bytes
    hi_commitment: bytes
    split: tuple[bytes, ...] | None  # None: [lo, hi] isn't split yet
    asserter_clock: int  # seconds left
    challenger_clock: int
    moved_at: int
    status: Status = Status.OPEN
    congestion: int = 0  # EXECUTE's congested seconds when the turn with one step left began
    closes_at: int = 0  # created + window; 0: rule 8 is not applied

    @property
    def stage(self) -> Stage:
        if self.status is not Status.OPEN:
            return Stage.OVER
        if self.hi - self.lo == 1:
            return Stage.PROVE
        return Stage.SPLIT if self.split is None else Stage.PICK

    @property
    def mover(self) -> Party | None:
        return MOVER[self.stage]

    @property
    def time_left(self) -> int:
        """Seconds the mover's clock says, counted from `moved_at`."""
        return self.asserter_clock if self.mover is Party.ASSERTER else self.challenger_clock

    def deadline(self, congestion: int | None = None) -> int:
        """The time from which TimeOut is allowed and the mover's move isn't (rules 4 and 8)."""
        deadline = self.moved_at + self.time_left
        if self.stage is Stage.PROVE and congestion is not None:
            deadline = max(deadline, min(deadline + congestion - self.congestion, self.closes_at))
        return deadline

    def ran_out(self, now: int, congestion: int | None = None) -> bool:
        """Whether TimeOut is allowed at `now`."""
        return self.stage is not Stage.OVER and now >= self.deadline(congestion)


@dataclass(frozen=True, slots=True)
class Split:
    """`lo`, `hi`: the interval that the mover believes to split."""

    at: int
    by: Party
    lo: int
    hi: int
    commitments: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Pick:
    """`commitments`: the split that is answered."""

    at: int
    by: Party
    lo: int
    hi: int
    commitments: tuple[bytes, ...]
    segment: int
    congestion: int | None = None


@dataclass(frozen=True, slots=True)
class Prove:
    """`proved`: where the judge says the step from lo ends; None if there is no such step."""

    at: int
    by: Party
    proved: bytes | None
    congestion: int | None = None


@dataclass(frozen=True, slots=True)
class TimeOut:
    at: int
    congestion: int | None = None


@dataclass(frozen=True, slots=True)
class Void:
    """The assertion died outside this game."""

    at: int


Move: TypeAlias = Split | Pick | Prove | TimeOut | Void


class IllegalMove(Exception):
    """`reason`: the name of the contract's error."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


# ---- transitions


def may_open(rules: Rules, created_at: int, now: int) -> bool:
    """Rule 7. `created_at`: when the assertion was made."""
    return now + 2 * rules.clock <= created_at + rules.window


def open_game(
    rules: Rules, *, created_at: int, now: int, steps: int, j: int, lo_commitment: bytes, hi_commitment: bytes
) -> Game:
    """The game on interval `j` of an assertion of `steps` steps."""
    if not may_open(rules, created_at, now):
        raise IllegalMove("TooLateToOpen")
    lo, hi = checkpoint_interval(steps, rules.stride, j)
    if hi - lo == 1:
        raise IllegalMove("IntervalIsOneStep")
    return Game(
        lo, hi, lo_commitment, hi_commitment, None, rules.clock, rules.clock, now, closes_at=created_at + rules.window
    )


def play(rules: Rules, game: Game, move: Move) -> Game:
    """The game after `move`. Raises IllegalMove, and then nothing has changed."""
    if game.stage is Stage.OVER:
        raise IllegalMove("GameNotOpen")
    return TRANSITIONS[type(move)](rules, game, move)


def _split(rules: Rules, game: Game, move: Split) -> Game:
    _same_interval(game, move)
    if move.by is not Party.ASSERTER:
        raise IllegalMove("NotAsserter")
    if game.stage is not Stage.SPLIT:
        raise IllegalMove("NotYourMove")
    if len(move.commitments) != parts(game.lo, game.hi, rules.arity) - 1:
        raise IllegalMove("WrongCommitmentCount")
    return replace(game, asserter_clock=_left(game, move.at), moved_at=move.at, split=move.commitments)


def _pick(rules: Rules, game: Game, move: Pick) -> Game:
    _same_interval(game, move)
    if move.by is not Party.CHALLENGER:
        raise IllegalMove("NotChallenger")
    if game.stage is not Stage.PICK:
        raise IllegalMove("NotYourMove")
    if move.commitments != game.split:
        raise IllegalMove("SplitMismatch")
    if not 0 <= move.segment < parts(game.lo, game.hi, rules.arity):
        raise IllegalMove("NoSuchSegment")
    ends = (game.lo_commitment, *move.commitments, game.hi_commitment)
    lo, hi = (boundary(game.lo, game.hi, rules.arity, i) for i in (move.segment, move.segment + 1))
    return replace(
        game,
        lo=lo,
        hi=hi,
        lo_commitment=ends[move.segment],
        hi_commitment=ends[move.segment + 1],
        split=None,
        challenger_clock=_left(game, move.at),
        moved_at=move.at,
        congestion=(move.congestion or 0) if hi - lo == 1 else 0,
    )


def _prove(_rules: Rules, game: Game, move: Prove) -> Game:
    if move.by is not Party.CHALLENGER:
        raise IllegalMove("NotChallenger")
    if game.stage is not Stage.PROVE:
        raise IllegalMove("IntervalNotOneStep")
    left = _left(game, move.at, move.congestion)
    if move.proved == game.hi_commitment:
        raise IllegalMove("StepIsAsClaimed")
    return replace(game, challenger_clock=left, moved_at=move.at, status=Status.CHALLENGER_WON)


def _time_out(_rules: Rules, game: Game, move: TimeOut) -> Game:
    if not game.ran_out(move.at, move.congestion):
        raise IllegalMove("TimeLeft")
    won = Status.CHALLENGER_WON if game.mover is Party.ASSERTER else Status.ASSERTER_WON
    return replace(game, status=won)


def _void(_rules: Rules, game: Game, _move: Void) -> Game:
    return replace(game, status=Status.VOID)


def _same_interval(game: Game, move: Split | Pick) -> None:
    if (move.lo, move.hi) != (game.lo, game.hi):
        raise IllegalMove("WrongInterval")


def _left(game: Game, now: int, congestion: int | None = None) -> int:
    """The mover's clock after a move at `now`, seconds."""
    if game.ran_out(now, congestion):
        raise IllegalMove("ClockRunOut")
    return max(0, game.time_left - (now - game.moved_at))


MOVER: Mapping[Stage, Party | None] = {
    Stage.SPLIT: Party.ASSERTER,
    Stage.PICK: Party.CHALLENGER,
    Stage.PROVE: Party.CHALLENGER,
    Stage.OVER: None,
}

TRANSITIONS: Mapping[type[Move], Callable[..., Game]] = {
    Split: _split,
    Pick: _pick,
    Prove: _prove,
    TimeOut: _time_out,
    Void: _void,
}
