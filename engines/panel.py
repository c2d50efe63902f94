"""Asks independent engines in parallel: the answer is what k of them agree on, and every other vote is an alarm."""

from __future__ import annotations

import queue
import threading
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

import prometheus_client
import structlog

from engines.alarm import Alarm, AlarmStore, Vote
from engines.process import EngineFailure, EngineProcess, FailureKind
from engines.quorum import NOBODY, Agreed, Outcome, Split, decide
from engines.registry import EngineSpec
from execution.encoding import keccak
from execution.verdict import Verdict

log = structlog.get_logger("engines")

PROCESSES = 2  # of each engine, so that a slow eth_call doesn't keep a block waiting

ALARMS = prometheus_client.Counter(
    "verdict_execute_alarms", "Engines that judged otherwise, or not at all", ["engine", "kind"]
)
VERDICTS = prometheus_client.Counter("verdict_execute_verdicts", "Answers of all engines together", ["result"])

DISSENT = "dissent"  # an engine's vote is not the answer
DISAGREEMENT = "disagreement"  # engines disagree and there is no answer


@dataclass(slots=True)
class Tally:
    """How often what has happened. By engine: `agreed` with the answer, `dissented` from it or voted where there was none,
    `failed`, and was `passed_over`, as it was still busy with old requests when the answer was there."""

    verdicts: Counter[str] = field(default_factory=Counter)  # "true", "false", "disagreement", "nobody"
    agreed: Counter[str] = field(default_factory=Counter)
    dissented: Counter[str] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)
    passed_over: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class Ruling:
    """`votes`: those that had come in when the outcome was there."""

    outcome: Outcome
    votes: dict[str, Vote]


class _Question:
    """A request, and what the engines have said so far."""

    def __init__(self, request: bytes) -> None:
        self.request = request
        self.came = time.time()
        self.lock = threading.Lock()
        self.saving = threading.Lock()
        self.votes: dict[str, Vote] = {}
        self.reported: set[str] = set()  # whose votes are counted
        self.ruling: Ruling | None = None
        self.ruled = threading.Event()


class _Engine:
    """An engine's processes, each used by one thread at a time."""

    def __init__(self, spec: EngineSpec, processes: Sequence[EngineProcess]) -> None:
        self.name = spec.name
        self.processes = tuple(processes)
        self.idle: queue.LifoQueue[EngineProcess] = queue.LifoQueue()  # the one used last is running already
        for process in reversed(self.processes):
            self.idle.put(process)
        self.threads = ThreadPoolExecutor(len(self.processes), thread_name_prefix=f"engine-{spec.name}")


class Panel:
    """Thread-safe. No process runs before the first question. `alarms` None: requests are not kept.

    An engine that is slower than the others goes on after the answer, and what it then says is still compared. But if all its
    processes are busy when the answer is there, a question that it has not begun is not put to it: so nothing piles up.
    """

    def __init__(
        self,
        engines: Sequence[EngineSpec],
        threshold: int,
        *,
        time_limit: float,
        memory_limit: int,
        alarms: AlarmStore | None = None,
        processes: int = PROCESSES,
    ) -> None:
        self.names = tuple(engine.name for engine in engines)
        if len(set(self.names)) != len(self.names):
            raise ValueError("an engine is named twice")
        if not 1 <= threshold <= len(self.names):
            raise ValueError(f"threshold {threshold} of {len(self.names)} engines")
        self.threshold = threshold
        self.tally = Tally()
        self._tally_lock = threading.Lock()
        self._alarms = alarms
        self._engines = [
            _Engine(spec, [
                EngineProcess(spec.name, spec.command(time_limit, memory_limit), time_limit, spec.start_limit)
                for _ in range(processes)
            ])
            for spec in engines
        ]  # fmt: skip

    @property
    def pids(self) -> list[int]:
        """Of the processes that run now."""
        found = [process.pid for engine in self._engines for process in engine.processes]
        return [pid for pid in found if pid is not None]

    def ask(self, request: bytes) -> Ruling:
        """Blocks until there is an outcome: for an idle panel, at most about twice the limits of time and of start."""
        question = _Question(request)
        jobs: list[tuple[_Engine, Future[None]]] = []
        try:
            for engine in self._engines:
                jobs.append((engine, engine.threads.submit(self._put, question, engine)))
        except RuntimeError:  # closed
            return Ruling(Agreed(NOBODY, ()), {})
        try:
            question.ruled.wait()
        finally:
            for engine, job in jobs:
                if engine.idle.empty() and job.cancel():
                    self._add(self.tally.passed_over, engine.name)
        assert question.ruling is not None
        return question.ruling

    def _put(self, question: _Question, engine: _Engine) -> None:
        """One engine's part, on one of its threads."""
        process = engine.idle.get()
        try:
            vote: Vote = process.ask(question.request)
        except EngineFailure as failure:
            vote = failure
        except Exception as error:  # the one who asks must not wait for ever
            log.exception("an engine could not be asked", engine=engine.name)
            vote = EngineFailure(FailureKind.lost, f"could not be asked: {type(error).__name__}")
        try:
            self._count(question, engine.name, vote)
        except Exception:
            log.exception("an engine's vote could not be reported", engine=engine.name)
        finally:
            engine.idle.put(process)

    def _count(self, question: _Question, name: str, vote: Vote) -> None:
        with question.lock:
            question.votes[name] = vote
            just_ruled = question.ruling is None and self._rule(question)
            ruling = question.ruling
            fresh = {
                each: its_vote
                for each, its_vote in question.votes.items()
                if each not in question.reported and (ruling is not None or isinstance(its_vote, EngineFailure))
            }
            question.reported.update(fresh)
        if just_ruled and ruling is not None:
            question.ruled.set()
            result = _result(ruling.outcome)
            VERDICTS.labels(result).inc()
            self._add(self.tally.verdicts, result)
        self._report(question, None if ruling is None else ruling.outcome, fresh)

    def _rule(self, question: _Question) -> bool:
        """Whoever holds the question's lock. True if there is an outcome now."""
        votes = {name: vote if isinstance(vote, Verdict) else None for name, vote in question.votes.items()}
        outcome = decide(self.names, self.threshold, votes)
        if outcome is not None:
            question.ruling = Ruling(outcome, dict(question.votes))
        return outcome is not None

    def _report(self, question: _Question, outcome: Outcome | None, votes: dict[str, Vote]) -> None:
        """Sounds the alarm for those of these votes that are not the answer, and counts them all."""
        kinds = {name: kind for name, vote in votes.items() if (kind := _alarm_kind(vote, outcome)) is not None}
        path = self._save(question) if kinds else None
        for name, kind in kinds.items():
            about = {"engine": name, "kind": kind, "request": "0x" + keccak(question.request).hex(), "saved": path}
            vote = votes[name]
            if isinstance(vote, Verdict):
                log.error("EXECUTE: engines disagree", result=vote.result, reason=vote.reason, **about)
            else:
                log.warning("EXECUTE: an engine gave no verdict", reason=str(vote), **about)
            ALARMS.labels(name, kind).inc()
            self._add(self.tally.dissented if isinstance(vote, Verdict) else self.tally.failed, name)
        for name in votes.keys() - kinds.keys():
            if isinstance(votes[name], Verdict):
                self._add(self.tally.agreed, name)

    def _save(self, question: _Question) -> str | None:
        if self._alarms is None:
            return None
        with question.saving:
            with question.lock:
                votes = dict(question.votes)
                outcome = None if question.ruling is None else question.ruling.outcome
            answer = outcome.verdict.result if isinstance(outcome, Agreed) else None
            results = {vote.result for vote in votes.values() if isinstance(vote, Verdict)}
            try:
                return str(self._alarms.save(Alarm(question.request, votes, answer, len(results) > 1, question.came)))
            except OSError:
                log.exception("the request of an alarm could not be kept", directory=str(self._alarms.directory))
                return None

    def _add(self, counter: Counter[str], name: str) -> None:
        with self._tally_lock:
            counter[name] += 1

    def close(self) -> None:
        """Ends all processes, in the middle of a verdict too, and waits until they are gone."""
        for engine in self._engines:
            engine.threads.shutdown(wait=False)
            for process in engine.processes:
                process.close()
        for engine in self._engines:
            engine.threads.shutdown(wait=True)


def _alarm_kind(vote: Vote, outcome: Outcome | None) -> str | None:
    """None if it is none."""
    if isinstance(vote, EngineFailure):
        return None if vote.kind is FailureKind.closed else vote.kind.value
    if isinstance(outcome, Agreed):
        return None if vote.result is outcome.verdict.result else DISSENT
    return DISAGREEMENT


def _result(outcome: Outcome) -> str:
    if isinstance(outcome, Split):
        return "disagreement"
    if not outcome.by:
        return "nobody"
    return str(outcome.verdict.result).lower()
