"""From a line to its verdict (docs/execute.md): false and a reason for whatever goes wrong, never an exception."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

from engines.process import EngineFailure, EngineProcess
from engines.quorum import Agreed, decide, majority
from engines.registry import EngineSpec
from engines.wire import encode_request
from execution.verdict import Verdict
from verdict.execute_lines import BadLine, Segment, parse_line

Engine = Callable[[bytes, bytes, int, bytes], Verdict]

_MAX_REASON = 500  # characters; reasons quote what strangers wrote
_ANY_GAS = (1 << 64) - 1
UNPAID_GAS = 4 * 30_000_000
"""For the system calls of blocks on chains whose system contracts may be any: all that four calls may use. L1's EXECUTE
gives them only what the genuine contracts need."""


@dataclass(frozen=True, slots=True)
class Answer:
    """`engine` names who judged: of several those that agree, joined by commas."""

    result: bool
    gas_used: int | None
    engine: str
    reason: str


def verdict_line(answer: Answer) -> str:
    """One line of JSON, its end included."""
    fields = {
        "result": answer.result,
        "gasUsed": answer.gas_used,
        "engine": answer.engine,
        "reason": answer.reason[:_MAX_REASON],
    }
    return json.dumps(fields) + "\n"


class Judge(ABC):
    """`gas_used`: what a segment that came without must use; None: whatever it uses."""

    def __init__(self, engine: str, gas_used: int | None) -> None:
        self.engine = engine
        self._gas_used = gas_used

    def line(self, line: bytes | None) -> Answer:
        try:
            return self._segment(parse_line(line))
        except BadLine as error:
            reason = str(error)
        except Exception as error:  # noqa: BLE001 - MemoryError above all: the other lines are still to be judged
            reason = f"failure: {type(error).__name__}: {error}"
        return Answer(False, None, self.engine, reason)

    def _segment(self, segment: Segment) -> Answer:
        gas_used = self._gas_used if segment.gas_used is None else segment.gas_used
        if gas_used is None:
            first = self._ask(segment, _ANY_GAS)
            if first.gas_used is None:
                return first
            gas_used = first.gas_used
        return self._ask(segment, gas_used)

    @abstractmethod
    def _ask(self, segment: Segment, gas_used: int) -> Answer: ...

    def close(self) -> None:
        """Of no more use afterwards."""


def py_evm(*, minimal_witness: bool = False) -> Engine:
    from execution.execute import execute

    return partial(execute, minimal_witness=minimal_witness, unpaid_gas=UNPAID_GAS)


def eels() -> Engine:
    from execution.eels import execute

    return partial(execute, unpaid_gas=UNPAID_GAS)


IN_PROCESS: dict[str, Callable[[], Engine]] = {"py-evm": py_evm, "eels": eels}


class InProcess(Judge):
    """One engine, in this process, without limits of time and memory."""

    def __init__(
        self, engine: str = "py-evm", *, minimal_witness: bool = False, gas_used: int | None = None
    ) -> None:
        super().__init__(engine, gas_used)
        self._execute = py_evm(minimal_witness=True) if minimal_witness else IN_PROCESS[engine]()

    def _ask(self, segment: Segment, gas_used: int) -> Answer:
        verdict = self._execute(segment.pre_root, segment.post_root, gas_used, segment.trace)
        return Answer(verdict.result, verdict.gas_used, self.engine, verdict.reason)


class InProcesses(Judge):
    """Engines in processes of their own, in parallel; the answer is what `threshold` of them agree on.

    Unlike EXECUTE it waits for all of them, so that every dissent and failure is told. Without an answer that has enough
    votes it is false. `time_limit`: seconds a verdict may take an engine; `memory_limit`: bytes. Raises ValueError for
    an engine named twice, and for a threshold that two answers could both have.
    """

    def __init__(
        self,
        specs: Sequence[EngineSpec],
        threshold: int,
        *,
        time_limit: float,
        memory_limit: int,
        gas_used: int | None = None,
    ) -> None:
        self._order = [spec.name for spec in specs]
        if len(set(self._order)) < len(specs):
            raise ValueError("an engine is named twice")
        if not majority(len(specs)) <= threshold <= len(specs):
            raise ValueError(f"{threshold} of {len(specs)} engines is not more than half of them")
        super().__init__(",".join(self._order), gas_used)
        self._threshold = threshold
        self._engines = [
            EngineProcess(
                spec.name, (*spec.command(time_limit, memory_limit), "--unpaid-gas", str(UNPAID_GAS)),
                time_limit, spec.start_limit,
            )
            for spec in specs
        ]
        self._threads = ThreadPoolExecutor(len(specs))

    def _ask(self, segment: Segment, gas_used: int) -> Answer:
        request = encode_request(segment.pre_root, segment.post_root, gas_used, segment.trace)
        asked = [self._threads.submit(_ask, engine, request) for engine in self._engines]
        votes = {name: future.result() for name, future in zip(self._order, asked, strict=True)}
        given = {name: vote if isinstance(vote, Verdict) else None for name, vote in votes.items()}
        outcome = decide(self._order, self._threshold, given)
        if not isinstance(outcome, Agreed):
            told = "; ".join(f"{name} {_said(vote)}" for name, vote in votes.items())
            return Answer(False, None, self.engine, f"the engines disagree: {told}")
        agreed = outcome.verdict
        others = (f"{name} {_said(vote)}" for name, vote in votes.items() if name not in outcome.by)
        return Answer(
            agreed.result,
            agreed.gas_used,
            ",".join(outcome.by) or self.engine,
            "; ".join([agreed.reason, *others]),
        )

    def close(self) -> None:
        """Ends the processes, in the middle of a verdict too."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        for engine in self._engines:
            engine.close()


def _ask(engine: EngineProcess, request: bytes) -> Verdict | EngineFailure:
    try:
        return engine.ask(request)
    except EngineFailure as failure:
        return failure


def _said(vote: Verdict | EngineFailure) -> str:
    return f"says {vote.result}: {vote.reason}" if isinstance(vote, Verdict) else f"failed: {vote}"
