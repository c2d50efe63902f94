"""What the challenger does next. Pure: a function of L1's state and of what the own node says.

`judge` compares an assertion with the node's trace, `next_for_assertion` and `next_for_game` turn that into one action.

* Attack only what is known to be wrong. Whenever the node can't say (L1 sources disagree, blobs missing, batch not
  derived yet), the answer is Unknown: wait and say why.
* Agreement is per step: a claim agrees at a step if the trace has that step and its commitment is the claimed one. Past
  the trace's last step every claim disagrees. So one rule covers wrong states, too few steps (the claimed end isn't at
  the batch's end) and too many (the step after the real end starts past the batch, which the contract sees).
* In an interval that agrees at lo and disagrees at hi there is always a segment that does too, down to one step.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from challenger.claims import Assertion, AssertionStatus, GameRecord, Kin, Trace, Unknown
from challenger.game import (
    Party,
    Rules,
    Stage,
    Status,
    boundaries,
    checkpoint_count,
    checkpoint_interval,
    checkpoint_step,
    interval_count,
    may_open,
)

# ---- judgements


@dataclass(frozen=True, slots=True)
class Right:
    """The end is as the node has it, and so is every checkpoint that was seen."""


@dataclass(frozen=True, slots=True)
class Wrong:
    """Agrees at lo, disagrees at hi: interval `j` of the checkpoints."""

    j: int
    lo: int
    hi: int


@dataclass(frozen=True, slots=True)
class BadParent:
    """It starts where the node isn't: whoever kills the parent kills it too."""


@dataclass(frozen=True, slots=True)
class Orphan:
    """Can never be confirmed. `why`: "dead parent" or "rival confirmed"."""

    why: str


Judgement: TypeAlias = Right | Wrong | BadParent | Orphan | Unknown


# ---- actions


@dataclass(frozen=True, slots=True)
class Nothing:
    why: str


@dataclass(frozen=True, slots=True)
class ProveStep:
    """Kill at once: interval `j` is the one step from `step`."""

    assertion_id: bytes
    j: int
    step: int


@dataclass(frozen=True, slots=True)
class OpenGame:
    assertion_id: bytes
    j: int


@dataclass(frozen=True, slots=True)
class PickSegment:
    game_id: bytes
    lo: int
    hi: int
    commitments: tuple[bytes, ...]
    segment: int


@dataclass(frozen=True, slots=True)
class ProveStepInGame:
    """`step`: the last agreed one, from which the disputed one starts."""

    game_id: bytes
    assertion_id: bytes
    step: int


@dataclass(frozen=True, slots=True)
class TimeOutGames:
    game_ids: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Reclaim:
    game_id: bytes


@dataclass(frozen=True, slots=True)
class KillOrphan:
    assertion_id: bytes


@dataclass(frozen=True, slots=True)
class Withdraw:
    amount: int  # wei


Action: TypeAlias = (
    Nothing
    | Unknown
    | ProveStep
    | OpenGame
    | PickSegment
    | ProveStepInGame
    | TimeOutGames
    | Reclaim
    | KillOrphan
    | Withdraw
)


# ---- judging an assertion


def agrees(trace: Trace, step: int, claimed: bytes) -> bool:
    """Whether the node has that step and it ends at `claimed`."""
    return step <= trace.steps and trace.commitment(step) == claimed


def judge(
    rules: Rules,
    assertion: Assertion,
    kin: Kin,
    trace: Trace | Unknown,
    checkpoints: Sequence[bytes] | Unknown,
) -> Judgement:
    """`checkpoints`: those of the assertion's blobs, verified against their hashes, or why they can't be had."""
    if kin.parent_status is AssertionStatus.KILLED:
        return Orphan("dead parent")
    if kin.confirmed_rival is not None and kin.confirmed_rival != assertion.id:
        return Orphan("rival confirmed")
    if isinstance(trace, Unknown):
        return trace
    end_agrees = agrees(trace, assertion.steps, assertion.commitment) and trace.steps == assertion.steps
    if isinstance(checkpoints, Unknown):
        if end_agrees:
            return Right()  # what it says of the L2 is right, whatever lies between
        return Unknown(f"it is wrong or its parent is, and its checkpoints can't be had: {checkpoints.reason}", alarm=True)
    if len(checkpoints) < checkpoint_count(assertion.steps, rules.stride):
        return Unknown("its blobs hold fewer checkpoints than the contract checked", alarm=True)
    if not agrees(trace, 0, checkpoints[0]):
        if kin.parent_status is AssertionStatus.CONFIRMED:
            return Unknown("its parent is confirmed and our node doesn't have that state", alarm=True)
        return BadParent()
    return _first_wrong(rules, assertion, trace, checkpoints)


def _first_wrong(rules: Rules, assertion: Assertion, trace: Trace, checkpoints: Sequence[bytes]) -> Judgement:
    """The wrong interval of fewest steps, and of those the first: one step needs no game."""
    agreed = [
        agrees(trace, checkpoint_step(assertion.steps, rules.stride, j), checkpoints[j])
        for j in range(checkpoint_count(assertion.steps, rules.stride))
    ]
    if all(agreed):
        if trace.steps != assertion.steps:
            return Unknown("it agrees everywhere and yet has another number of steps than our node", alarm=True)
        return Right()
    wrong = [j for j in range(interval_count(assertion.steps, rules.stride)) if agreed[j] and not agreed[j + 1]]
    spans = {j: checkpoint_interval(assertion.steps, rules.stride, j) for j in wrong}
    j = min(wrong, key=lambda candidate: (spans[candidate][1] - spans[candidate][0], candidate))
    return Wrong(j, *spans[j])


def next_for_assertion(
    rules: Rules, me: bytes, assertion: Assertion, judgement: Judgement, games: Iterable[GameRecord], now: int
) -> Action:
    """`games`: those on this assertion; `me`: 20 bytes; `now`: timestamp of the next L1 block or later, seconds."""
    if assertion.status is not AssertionStatus.PENDING:
        return Nothing("it is over")
    match judgement:
        case Right():
            return Nothing("it is right")
        case BadParent():
            return Nothing("its parent is wrong and will be killed first")
        case Unknown():
            return judgement
        case Orphan():
            return KillOrphan(assertion.id)
        case Wrong(j, lo, hi) if hi - lo == 1:
            return ProveStep(assertion.id, j, lo)
        case Wrong(j, lo, hi):
            return _challenge(rules, me, assertion, judgement, games, now)


def _challenge(
    rules: Rules, me: bytes, assertion: Assertion, wrong: Wrong, games: Iterable[GameRecord], now: int
) -> Action:
    mine = [record for record in games if record.challenger == me and record.assertion_id == assertion.id]
    if any(record.status is Status.OPEN for record in mine):
        return Nothing("our game on it is open")
    if any(checkpoint_interval_of(rules, assertion, record) == wrong.j for record in mine):
        return Unknown("it is wrong, and our game on it is lost", alarm=True)
    if not may_open(rules, assertion.created_at, now):
        return Unknown("it is wrong, and it is too late to open a game", alarm=True)
    return OpenGame(assertion.id, wrong.j)


def checkpoint_interval_of(rules: Rules, assertion: Assertion, record: GameRecord) -> int:
    """In which interval of the checkpoints a game is: it only ever narrows."""
    return record.game.lo // rules.stride if rules.stride else 0


# ---- playing a game


def next_for_game(
    rules: Rules,
    me: bytes,
    record: GameRecord,
    trace: Trace | Unknown | Callable[[], Trace | Unknown],
    now: int,
    congestion: int | None = None,
) -> Action:
    """For a game that `me` opened; of others' games nothing is ours to do. `trace` is only asked for if it matters.
    `congestion`: EXECUTE's congested seconds, rule 8 of the game."""
    game = record.game
    if record.challenger != me:
        return Nothing("not our game")
    if game.status is Status.VOID:
        return Nothing("the bond is reclaimed") if record.reclaimed else Reclaim(record.id)
    if game.stage is Stage.OVER:
        return Nothing("it is over")
    if game.mover is Party.ASSERTER:
        return TimeOutGames((record.id,)) if game.ran_out(now) else Nothing("the asserter's move")
    if game.ran_out(now, congestion):
        return Unknown("our clock has run out", alarm=True)
    known = trace() if callable(trace) else trace
    if isinstance(known, Unknown):
        return known
    if not agrees(known, game.lo, game.lo_commitment):
        return Unknown(f"our node no longer agrees at step {game.lo}: the game was opened on other knowledge", alarm=True)
    if agrees(known, game.hi, game.hi_commitment):
        return Unknown(f"our node now agrees at step {game.hi}: the claim may be right", alarm=True)
    if game.stage is Stage.PROVE:
        return ProveStepInGame(record.id, record.assertion_id, game.lo)
    assert game.split is not None  # that is what PICK means
    return PickSegment(record.id, game.lo, game.hi, game.split, first_disputed(rules, record, known))


def first_disputed(rules: Rules, record: GameRecord, trace: Trace) -> int:
    """The first segment of the split whose end the trace doesn't have."""
    game = record.game
    ends = boundaries(game.lo, game.hi, rules.arity)[1:-1]
    for segment, (step, claimed) in enumerate(zip(ends, game.split or (), strict=True)):
        if not agrees(trace, step, claimed):
            return segment
    return len(ends)


def next_withdrawal(credit: int, at_least: int = 1) -> Action:
    """`credit`: what the contract owes us, wei."""
    return Withdraw(credit) if credit >= at_least and credit > 0 else Nothing("nothing is owed")
