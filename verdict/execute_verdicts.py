"""From a line to its verdict (docs/execute.md): false and a reason for whatever goes wrong, never an exception."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from execution.verdict import Verdict
from verdict.execute_lines import BadLine, Segment, parse_line

Engine = Callable[[bytes, bytes, int, bytes], Verdict]

_MAX_REASON = 500  # characters; reasons quote what strangers wrote
_ANY_GAS = (1 << 64) - 1


@dataclass(frozen=True, slots=True)
class Answer:
    """`engine` names who judged."""

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


def py_evm(*, minimal_witness: bool = False) -> Engine:
    from execution.execute import execute

    return partial(execute, minimal_witness=minimal_witness)


def eels() -> Engine:
    from execution.eels.engine import execute

    return execute


class InProcess:
    """One engine, in this process, without limits of time and memory.

    `gas_used`: what a segment that came without must use; None: whatever it uses.
    """

    def __init__(
        self,
        engine: str = "py-evm",
        *,
        minimal_witness: bool = False,
        gas_used: int | None = None,
    ) -> None:
        if minimal_witness and engine != "py-evm":
            raise ValueError(f"{engine} takes full witnesses only")
        self.engine = engine
        self._execute = py_evm(minimal_witness=minimal_witness) if engine == "py-evm" else eels()
        self._gas_used = gas_used

    def line(self, line: bytes | None) -> Answer:
        try:
            verdict = self.segment(parse_line(line))
        except BadLine as error:
            verdict = Verdict(False, str(error), None)
        except Exception as error:  # noqa: BLE001 - MemoryError above all: the other lines are still to be judged
            verdict = Verdict(False, f"failure: {type(error).__name__}: {error}", None)
        return Answer(verdict.result, verdict.gas_used, self.engine, verdict.reason)

    def segment(self, segment: Segment) -> Verdict:
        gas_used = self._gas_used if segment.gas_used is None else segment.gas_used
        if gas_used is None:
            first = self._ask(segment, _ANY_GAS)
            if first.gas_used is None:
                return first
            gas_used = first.gas_used
        return self._ask(segment, gas_used)

    def _ask(self, segment: Segment, gas_used: int) -> Verdict:
        return self._execute(segment.pre_root, segment.post_root, gas_used, segment.trace)
