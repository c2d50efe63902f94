"""One turn about one thing: an assertion, one of our games, or our credit. Judges, asks the solver, has it carried out.

Nothing is remembered that matters: what is kept only saves asking again. An assertion's id fixes its claims and its
batch, so whether it is right never changes.
"""

from __future__ import annotations

import structlog

from challenger.checkpoints import CheckpointReader
from challenger.claims import Assertion, AssertionStatus, GameRecord, Kin, Unknown
from challenger.events import AssertionChecked, EventStream, Waiting
from challenger.game import Rules
from challenger.knowledge import Knowledge
from challenger.responder import Responder
from challenger.solver import (
    Action,
    Judgement,
    KillOrphan,
    Nothing,
    Orphan,
    Reclaim,
    Right,
    TimeOutGames,
    Wrong,
    judge,
    next_for_assertion,
    next_for_game,
    next_withdrawal,
)
from challenger.sources import L1Sources
from challenger.watch import Snapshot

log = structlog.get_logger("challenger.player")

CREDIT = b"credit"
"""The subject of the turn that collects what the contract owes us."""


class Player:
    """`collect_from`: credit below it is left where it is, wei."""

    def __init__(self, rules: Rules, knowledge: Knowledge, sources: L1Sources, checkpoints: CheckpointReader,
                 responder: Responder, events: EventStream, collect_from: int = 1) -> None:
        self._rules = rules
        self._knowledge = knowledge
        self._sources = sources
        self._checkpoints = checkpoints
        self._responder = responder
        self._events = events
        self._collect_from = collect_from
        self._settled: dict[bytes, Right | Wrong] = {}
        self._complained: dict[bytes, str] = {}
        self._acted: dict[bytes, int] = {}  # number of the L1 block with the last action about a subject

    def subjects(self, snapshot: Snapshot) -> list[bytes]:
        """What there may be something to do about, the most urgent first: games have clocks."""
        assertions = [each for each in snapshot.assertions if not self._is_quiet(snapshot, each)]
        found = [*snapshot.games, *assertions, *([CREDIT] if snapshot.credit else [])]
        return [each for each in found if self._acted.get(each, 0) <= snapshot.block.number]  # else it is out of date

    def _is_quiet(self, snapshot: Snapshot, assertion_id: bytes) -> bool:
        """Known to be right, and alive."""
        kin = snapshot.kin[assertion_id]
        alive = kin.parent_status is not AssertionStatus.KILLED and kin.confirmed_rival is None
        return alive and isinstance(self._settled.get(assertion_id), Right)

    async def turn(self, snapshot: Snapshot, subject: bytes) -> Action:
        """What was done about it."""
        if subject == CREDIT:
            action, assertion = next_withdrawal(snapshot.credit, self._collect_from), None
        elif subject in snapshot.games:
            record = snapshot.games[subject]
            action, assertion = self._about_game(snapshot, record), snapshot.assertions.get(record.assertion_id)
        else:
            assertion = snapshot.assertions[subject]
            action = await self._about_assertion(snapshot, assertion)
        if not isinstance(action, (Nothing, Unknown, Reclaim, TimeOutGames, KillOrphan)):
            action = await self._sources.doubt(snapshot.block) or action
        if isinstance(action, Unknown):
            self._complain(subject, action)
        elif not isinstance(action, Nothing):
            self._complained.pop(subject, None)
            self._acted[subject] = await self._responder.carry_out(action, assertion)
        return action

    def _about_game(self, snapshot: Snapshot, record: GameRecord) -> Action:
        assertion = snapshot.assertions.get(record.assertion_id)
        known = Unknown("the game's assertion is gone") if assertion is None else None
        return next_for_game(
            self._rules, self._responder.me, record,
            lambda: known or self._knowledge.trace(assertion.batch_hash),  # type: ignore[union-attr]
            snapshot.now, snapshot.congestion,
        )

    async def _about_assertion(self, snapshot: Snapshot, assertion: Assertion) -> Action:
        judgement = await self._judge(assertion, snapshot.kin[assertion.id])
        games = [each for each in snapshot.games.values() if each.assertion_id == assertion.id]
        games += snapshot.ended_games.get(assertion.id, ())
        return next_for_assertion(self._rules, self._responder.me, assertion, judgement, games, snapshot.now)

    async def _judge(self, assertion: Assertion, kin: Kin) -> Judgement:
        settled = self._settled.get(assertion.id)
        trace = self._knowledge.trace(assertion.batch_hash)
        if settled is not None and not isinstance(trace, Unknown):
            found = judge(self._rules, assertion, kin, Unknown("asked only about its kin"), ())
            return found if isinstance(found, Orphan) else settled
        checkpoints = await self._checkpoints.claimed(assertion)  # also if the trace is unknown: to have them kept
        judgement = judge(self._rules, assertion, kin, trace, checkpoints)
        if isinstance(judgement, Wrong) or (isinstance(judgement, Right) and not isinstance(checkpoints, Unknown)):
            self._settled[assertion.id] = judgement
            self._tell(assertion, judgement)
        return judgement

    def _tell(self, assertion: Assertion, judgement: Right | Wrong) -> None:
        wrong = (judgement.lo, judgement.hi) if isinstance(judgement, Wrong) else None
        if wrong is None:
            log.info("assertion is right", assertion=assertion.id, batch=assertion.batch_index, steps=assertion.steps)
        else:
            log.warning("assertion is WRONG", assertion=assertion.id, batch=assertion.batch_index, agreed=wrong[0],
                        disputed=wrong[1], steps=assertion.steps)
        self._events.publish(AssertionChecked(assertion.id, assertion.batch_index, assertion.steps, wrong))

    def _complain(self, subject: bytes, unknown: Unknown) -> None:
        """Once for each reason in a row."""
        if self._complained.get(subject) == unknown.reason:
            return
        self._complained[subject] = unknown.reason
        (log.error if unknown.alarm else log.info)("unknown, waiting", subject=subject, reason=unknown.reason)
        self._events.publish(Waiting(subject, unknown.reason, unknown.alarm))

    def forget(self, alive: Snapshot) -> None:
        """Drops what is kept about things that are over."""
        for table in (self._settled, self._complained, self._acted):
            for subject in [each for each in table if each not in alive.assertions and each not in alive.games and each != CREDIT]:
                del table[subject]
