"""A toy trace: the commitment after step i is a hash of a letter and i. Whole games without any L2."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field

from challenger.claims import Assertion, AssertionStatus, GameRecord
from challenger.defender import SplitInterval, next_for_defence
from challenger.game import (
    Game,
    Party,
    Pick,
    Prove,
    Rules,
    Split,
    Status,
    TimeOut,
    checkpoint_count,
    checkpoint_step,
    open_game,
    play,
)
from challenger.solver import (
    OpenGame,
    PickSegment,
    ProveStep,
    ProveStepInGame,
    TimeOutGames,
    next_for_assertion,
    next_for_game,
)

HONEST, LIAR, ANYONE = b"\x01" * 20, b"\x02" * 20, b"\x03" * 20


def letter(tag: str, step: int) -> bytes:
    return hashlib.sha256(f"{tag}:{step}".encode()).digest()[:31]


@dataclass(frozen=True)
class Alphabet:
    """The truth: `steps` steps."""

    steps: int

    def commitment(self, step: int) -> bytes:
        assert 0 <= step <= self.steps
        return letter("true", step)


@dataclass(frozen=True)
class Claimed:
    """Claims `steps` steps; step i is true unless `lies(i)`. Past the truth's end everything is made up."""

    truth: Alphabet
    steps: int
    lies: Callable[[int], bool] = field(default=lambda step: False)

    def commitment(self, step: int) -> bytes:
        if step <= self.truth.steps and not self.lies(step):
            # the end of a batch is a state that only its last step has
            if step == self.steps != self.truth.steps:
                return letter("end", step)
            return self.truth.commitment(step)
        return letter("lie", step)


def assertion_of(rules: Rules, claimed: Claimed) -> tuple[Assertion, tuple[bytes, ...]]:
    """The assertion and its checkpoints."""
    checkpoints = tuple(
        claimed.commitment(checkpoint_step(claimed.steps, rules.stride, j))
        for j in range(checkpoint_count(claimed.steps, rules.stride))
    )
    made = Assertion(
        b"\xaa" * 32, b"\x00" * 32, b"\xbb" * 32, 0, claimed.steps, checkpoints[-1], b"", b"", (), LIAR, 0, 0,
        AssertionStatus.PENDING,
    )
    return made, checkpoints


class Judge:
    """The contract's last word on one step: EXECUTE, and "there is no such step" past the end."""

    def __init__(self, truth: Alphabet) -> None:
        self.truth = truth

    def kills(self, lo: int, lo_commitment: bytes, hi_commitment: bytes) -> bool:
        """Whether a proof of the step from `lo` can be made that kills."""
        if lo > self.truth.steps or lo_commitment != self.truth.commitment(lo):
            return False  # nobody has the state behind that commitment
        if lo == self.truth.steps:
            return True  # it opens to a state past the batch
        return self.truth.commitment(lo + 1) != hi_commitment


@dataclass
class Table:
    """Two players, a contract and a clock; `latency` seconds pass before every move."""

    rules: Rules
    judge: Judge
    latency: int = 1
    now: int = 0
    moves: int = 0

    def duel(self, claimed: Claimed, j: int, *, challenger: Callable[[GameRecord, int], object],
             defender: Callable[[GameRecord, int], object]) -> Game:
        """Plays the game on interval `j` to its end. A player that answers with nothing lets its clock run out."""
        made, checkpoints = assertion_of(self.rules, claimed)
        game = open_game(self.rules, created_at=0, now=self.now, steps=claimed.steps, j=j,
                         lo_commitment=checkpoints[j], hi_commitment=checkpoints[j + 1])
        while game.status is Status.OPEN:
            self._check(game)
            self.now += self.latency
            record = GameRecord(b"\xcc" * 32, made.id, HONEST, game)
            asserters = game.mover is Party.ASSERTER
            action = (defender if asserters else challenger)(record, self.now)
            before = game
            match action:
                case SplitInterval(_, lo, hi, commitments):
                    game = play(self.rules, game, Split(self.now, Party.ASSERTER, lo, hi, commitments))
                case PickSegment(_, lo, hi, commitments, segment):
                    game = play(self.rules, game, Pick(self.now, Party.CHALLENGER, lo, hi, commitments, segment))
                    assert game.hi - game.lo < hi - lo
                case ProveStepInGame(_, _, step):
                    assert step == game.lo
                    if not self.judge.kills(game.lo, game.lo_commitment, game.hi_commitment):
                        self.now = game.moved_at + game.time_left
                        game = play(self.rules, game, TimeOut(self.now))
                    else:
                        game = play(self.rules, game, Prove(self.now, Party.CHALLENGER, None))
                case _:
                    self.now = game.moved_at + game.time_left
                    game = play(self.rules, game, TimeOut(self.now))
            self.moves += 1
            assert before.lo <= game.lo < game.hi <= before.hi
        return game

    def _check(self, game: Game) -> None:
        """What holds in every state of an open game."""
        assert 0 <= game.lo < game.hi
        assert 0 < game.asserter_clock <= self.rules.clock and 0 < game.challenger_clock <= self.rules.clock
        assert (game.split is None) or game.hi - game.lo > 1
        assert self.now <= 2 * self.rules.clock + 1


def honest_challenger(rules: Rules, truth: Alphabet) -> Callable[[GameRecord, int], object]:
    return lambda record, now: next_for_game(rules, HONEST, record, truth, now)


def defender_of(rules: Rules, claimed: Claimed) -> Callable[[GameRecord, int], object]:
    return lambda record, now: next_for_defence(rules, record, claimed, now)


def challenge(rules: Rules, truth: Alphabet, claimed: Claimed, judgement: object, *,
              defender: Callable[[GameRecord, int], object] | None = None) -> Status | str:
    """What the honest challenger achieves against a claim: "killed" at once, a game's status, or "nothing"."""
    made, _ = assertion_of(rules, claimed)
    action = next_for_assertion(rules, HONEST, made, judgement, (), 0)  # type: ignore[arg-type]
    match action:
        case ProveStep(_, j, step):
            _, checkpoints = assertion_of(rules, claimed)
            assert Judge(truth).kills(step, checkpoints[j], checkpoints[j + 1])
            return "killed"
        case OpenGame(_, j):
            table = Table(rules, Judge(truth))
            over = table.duel(claimed, j, challenger=honest_challenger(rules, truth),
                              defender=defender or defender_of(rules, claimed))
            assert table.now <= rules.window
            return over.status
        case TimeOutGames():
            raise AssertionError("no game was open")
        case _:
            return "nothing"
