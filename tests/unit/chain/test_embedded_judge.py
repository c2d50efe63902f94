"""EXECUTE's verdicts come from processes that can be killed at any time."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator

import pytest

from l1.embedded.judge import Judge
from tests.e2e.l1.test_embedded_execute import ENCODED, GAS, START, TRACE

GIGABYTE = 1 << 30
QUESTION = (START.state_root, TRACE.post.state_root, GAS, ENCODED)


def process_of(judge: Judge) -> int:
    process = judge._workers[0]._process
    assert process is not None
    return process.pid


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.fixture
def judge() -> Iterator[Judge]:
    judge = Judge(time_limit=30, memory_limit=2 * GIGABYTE, workers=1)
    yield judge
    judge.close()


def test_one_process_answers_many_questions_and_each_once(judge: Judge) -> None:
    assert judge.verdict(*QUESTION).result is True
    pid = process_of(judge)
    assert judge.verdict(START.state_root, bytes(32), GAS, ENCODED).result is False
    assert process_of(judge) == pid
    os.kill(pid, signal.SIGKILL)
    assert judge.verdict(*QUESTION).result is True  # remembered
    other = judge.verdict(*QUESTION[:2], GAS + 1, ENCODED)
    assert (other.result, other.reason) == (False, f"{GAS} gas used, not {GAS + 1}")
    assert process_of(judge) != pid


def test_a_process_without_memory_gives_no_true_and_the_next_question_is_answered() -> None:
    starved = Judge(time_limit=30, memory_limit=30 << 20, workers=1)
    verdict = starved.verdict(*QUESTION)
    assert verdict.result is False
    assert "the worker process ended" in verdict.reason
    starved.close()


def test_too_slow_is_false_and_kills_the_process() -> None:
    hasty = Judge(time_limit=1e-6, memory_limit=2 * GIGABYTE, workers=1)
    verdict = hasty.verdict(*QUESTION)
    assert (verdict.result, verdict.reason) == (False, "no verdict within 1e-06 s")
    assert hasty._workers[0]._process is None
    hasty.close()


def test_closing_ends_the_process_and_whoever_waits_for_it(judge: Judge) -> None:
    judge.verdict(*QUESTION)
    pid = process_of(judge)
    os.kill(pid, signal.SIGSTOP)  # it will never answer
    answers: list[bool] = []
    waiting = threading.Thread(target=lambda: answers.append(judge.verdict(*QUESTION[:3], b"other").result))
    waiting.start()
    while not judge._workers[0].lock.locked():
        pass
    judge.close()
    waiting.join(10)
    assert answers == [False]
    assert not is_alive(pid)
    assert judge.verdict(*QUESTION[:3], b"afterwards").result is False
    assert judge._workers[0]._process is None
