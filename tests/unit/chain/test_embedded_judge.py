"""EXECUTE's verdicts come from processes that can be killed at any time, and each answer is found once."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator

import pytest

from engines.panel import Panel
from engines.registry import ENGINES, EngineSpec
from execution.errors import Disagreement
from execution.verdict import Verdict
from l1.embedded.judge import Judge
from tests.unit.engines.cast import (
    ENCODED,
    FALSE_REASON,
    GAS,
    GIGABYTE,
    NOT_SOON,
    QUESTION,
    START,
    actor,
    is_alive,
)

PY_EVM = ENGINES["py-evm"]
Appointed = Callable[..., Judge]


@pytest.fixture
def appointed() -> Iterator[Appointed]:
    """Makes judges that are closed afterwards."""
    made: list[Judge] = []

    def appoint(threshold: int, *engines: EngineSpec, time_limit: float = NOT_SOON, memory: int = 2 * GIGABYTE) -> Judge:
        made.append(Judge(Panel(engines, threshold, time_limit=time_limit, memory_limit=memory, processes=1)))
        return made[-1]

    yield appoint
    for judge in made:
        judge.close()


def test_one_process_answers_many_questions_and_each_once(appointed: Appointed) -> None:
    judge = appointed(1, PY_EVM)
    assert judge.verdict(*QUESTION) == Verdict(True, "proved", GAS)
    pids = judge.panel.pids
    assert judge.verdict(START.state_root, bytes(32), GAS, ENCODED).result is False
    assert judge.panel.pids == pids
    os.kill(pids[0], signal.SIGKILL)
    assert judge.verdict(*QUESTION).result is True  # remembered
    assert judge.panel.tally.verdicts.total() == 2
    assert judge.verdict(*QUESTION[:2], GAS + 1, ENCODED) == Verdict(False, FALSE_REASON, GAS)
    assert judge.panel.pids != pids


def test_a_disagreement_is_remembered_too(appointed: Appointed) -> None:
    judge = appointed(2, actor("yes", "yes"), actor("no", "no"))
    for _ in range(3):
        with pytest.raises(Disagreement):
            judge.verdict(*QUESTION)
    assert judge.panel.tally.verdicts == {"disagreement": 1}


def test_a_false_for_want_of_votes_is_not_remembered(appointed: Appointed) -> None:
    """Something else may have been the reason, and a wrong "false" costs its caller money."""
    judge = appointed(1, actor("dying", "crash"))
    for _ in range(2):
        assert judge.verdict(*QUESTION) == Verdict(False, "no engine gave a verdict", None)
    assert judge.panel.tally.verdicts == {"nobody": 2}


def test_too_slow_is_false_and_found_out_once(appointed: Appointed) -> None:
    judge = appointed(2, actor("slow", "slow"), actor("slow too", "slow"), time_limit=0.1)
    for _ in range(2):
        assert judge.verdict(*QUESTION).result is False
    assert judge.panel.tally.verdicts == {"nobody": 1}
    assert judge.panel.pids == []


def test_a_process_without_memory_gives_no_true(appointed: Appointed) -> None:
    judge = appointed(1, PY_EVM, memory=30 << 20)
    assert judge.verdict(*QUESTION) == Verdict(False, "no engine gave a verdict", None)


def test_closing_ends_the_processes(appointed: Appointed) -> None:
    judge = appointed(1, PY_EVM)
    judge.verdict(*QUESTION)
    pids = judge.panel.pids
    judge.close()
    assert pids and not any(map(is_alive, pids))
    assert judge.verdict(*QUESTION[:3], b"afterwards").result is False
    assert judge.panel.pids == []
