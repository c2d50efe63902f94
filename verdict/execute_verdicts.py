"""From a line to its verdict (docs/execute.md): false and a reason for whatever goes wrong, never an exception."""

from __future__ import annotations

import json
from dataclasses import dataclass

from execution.execute import Verdict, execute
from verdict.execute_lines import BadLine, Segment, parse_line

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


class InProcess:
    """py-evm, here: the fastest, without limits of time and memory.

    `gas_used`: what a segment that came without must use; None: whatever it uses.
    """

    engine = "py-evm"

    def __init__(self, *, minimal_witness: bool = False, gas_used: int | None = None) -> None:
        self._minimal = minimal_witness
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
            first = self._execute(segment, _ANY_GAS)
            if first.gas_used is None:
                return first
            gas_used = first.gas_used
        return self._execute(segment, gas_used)

    def _execute(self, segment: Segment, gas_used: int) -> Verdict:
        return execute(
            segment.pre_root, segment.post_root, gas_used, segment.trace, minimal_witness=self._minimal
        )
