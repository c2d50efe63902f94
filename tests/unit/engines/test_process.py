"""One process of an engine: whatever it does, there is an answer or a failure in time, and no process is left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from engines.process import EngineFailure, EngineProcess, FailureKind
from engines.registry import ENGINES, EngineSpec
from execution.verdict import Verdict
from tests.unit.engines.cast import FALSE, FALSE_REASON, GAS, GIGABYTE, NOT_SOON, TRUE, actor, is_alive, until

Started = Callable[..., EngineProcess]


@pytest.fixture
def started() -> Iterator[Started]:
    """Makes processes of actors, or of the engine that is given, which are closed afterwards."""
    made: list[EngineProcess] = []

    def start(part: str | EngineSpec, *arguments: str, time_limit: float = NOT_SOON, start_limit: float = NOT_SOON,
              memory: int = 2 * GIGABYTE) -> EngineProcess:  # fmt: skip
        spec = part if isinstance(part, EngineSpec) else actor("tested", part, *arguments)
        made.append(EngineProcess(spec.name, spec.command(time_limit, memory), time_limit, start_limit))
        return made[-1]

    yield start
    for process in made:
        process.close()


def failure(process: EngineProcess, request: bytes = b"question") -> EngineFailure:
    with pytest.raises(EngineFailure) as caught:
        process.ask(request)
    return caught.value


def test_one_process_answers_many_questions(started: Started) -> None:
    process = started("pid")
    assert process.pid is None
    first = process.ask(b"question")
    assert first == Verdict(True, str(process.pid), None) == process.ask(bytes(1_000_000))


def test_a_process_that_was_ended_from_outside_is_replaced_without_a_failure(started: Started) -> None:
    process = started("pid")
    process.ask(b"question")
    pid = process.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    assert process.ask(b"question").reason == str(process.pid) != str(pid)
    assert not is_alive(pid)


def test_one_that_ends_over_a_question_once_is_asked_again(started: Started, tmp_path: Path) -> None:
    assert started("crash-once", str(tmp_path / "crashed")).ask(b"question").result is True
    assert (tmp_path / "crashed").exists()


@pytest.mark.parametrize(
    ("part", "kind", "words"),
    [
        ("crash", FailureKind.lost, "the process ended"),
        ("half", FailureKind.lost, "the process ended"),
        ("garbage", FailureKind.malformed, "not JSON"),
        ("list", FailureKind.malformed, "not JSON"),
        ("number", FailureKind.malformed, "without result"),
        ("huge", FailureKind.malformed, "4294967295 bytes"),
        ("no-vote", FailureKind.refused, "engine failure: out of order"),
        ("stillborn", FailureKind.start, "did not come up"),
        ("babbler", FailureKind.start, "did not come up"),
        ("impostor", FailureKind.start, "it says that it is somebody else"),
    ],
)
def test_what_goes_wrong_is_a_failure_and_leaves_no_process(
    started: Started, part: str, kind: FailureKind, words: str
) -> None:
    process = started(part)
    found = failure(process)
    assert found.kind is kind and words in str(found)
    assert (process.pid is None) == (kind is not FailureKind.refused)


@pytest.mark.parametrize("part", ("slow", "deaf"))
def test_too_slow_is_a_failure_in_time(started: Started, part: str) -> None:
    """The deaf one doesn't even take the question."""
    process = started(part, time_limit=0.2)
    begun = time.monotonic()
    found = failure(process, bytes(1 << 20))
    assert (found.kind, str(found)) == (FailureKind.timeout, "no verdict within 0.2 s")
    assert process.pid is None
    assert time.monotonic() - begun < 30  # its start, on a busy machine


def test_one_that_does_not_come_up_is_not_tried_at_every_question(started: Started) -> None:
    process = started("mute", start_limit=0.2)
    assert str(failure(process)) == "the process did not come up within 0.2 s"
    begun = time.monotonic()
    while time.monotonic() - begun < 0.5:  # it rests for a second
        assert str(failure(process)) == "down: the process did not come up within 0.2 s"
    until(lambda: not str(failure(process)).startswith("down"))
    assert process.pid is None


def test_no_such_program_is_a_failure(started: Started) -> None:
    process = started(EngineSpec("none", lambda _time, _memory: ("/nowhere/at/all",)))
    found = failure(process)
    assert found.kind is FailureKind.start and "/nowhere/at/all" in str(found)


@pytest.mark.parametrize("part", ("twice", "asked-never"))
def test_an_answer_that_nobody_asked_for_is_not_taken_for_the_next_one(started: Started, part: str) -> None:
    process = started(part)
    process.ask(b"question")
    pid, channel = process.pid, process._channel
    assert channel is not None
    until(channel.has_input)
    process.ask(b"question")
    assert process.pid != pid


@pytest.mark.parametrize("part", ("slow", "mute"))
def test_closing_ends_the_process_and_whoever_waits_for_it(started: Started, part: str) -> None:
    process = started(part)
    found: list[EngineFailure] = []
    waiting = threading.Thread(target=lambda: found.append(failure(process)))
    waiting.start()
    until(lambda: process.pid)
    pid = process.pid
    assert pid is not None
    process.close()
    waiting.join(30)
    assert [each.kind for each in found] == [FailureKind.closed]
    assert not is_alive(pid) and process.pid is None
    assert failure(process).kind is FailureKind.closed  # and no process is started
    assert process.pid is None


def test_the_engines_in_python(started: Started) -> None:
    for name in ("py-evm", "eels"):
        process = started(ENGINES[name])
        assert process.ask(TRUE) == Verdict(True, "proved", GAS)
        assert process.ask(FALSE) == Verdict(False, FALSE_REASON, GAS)


def test_the_engine_in_node(started: Started) -> None:
    problem = ENGINES["ethereumjs"].missing()
    if problem is not None:
        pytest.skip(problem)
    process = started(ENGINES["ethereumjs"])
    assert process.ask(TRUE) == Verdict(True, "proved", GAS)
    assert process.ask(FALSE) == Verdict(False, FALSE_REASON, GAS)
    fork = TRUE.replace(b"prague", b"plague")
    assert process.ask(fork).result is False
    limited = started(ENGINES["ethereumjs"], memory=8 << 20)
    assert failure(limited).kind is FailureKind.start  # V8 ends it


def test_memory_is_limited(started: Started) -> None:
    """Python needs more than 40 MB of address space for py-evm, and this question more than is left of 320 MB."""
    assert failure(started(ENGINES["py-evm"], memory=40 << 20), TRUE).kind is FailureKind.start
    process = started(ENGINES["py-evm"], memory=320 << 20)
    large = failure(process, TRUE + bytes(160 << 20))
    assert large.kind in (FailureKind.lost, FailureKind.refused)
    assert process.ask(TRUE).result is True


SERVE = "import engines.worker as w, time; w.load = lambda *_: {}; w.main()"


def serving(execute: str, seconds: float) -> subprocess.Popen[bytes]:
    """engines.worker with another `execute`, spoken to by hand."""
    line = (sys.executable, "-c", SERVE.format(execute), "eels", "--memory", str(GIGABYTE), "--seconds", str(seconds))
    return subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def test_a_python_engine_ends_itself_at_its_limit_even_if_nobody_looks() -> None:
    with serving("lambda *question: time.sleep(1e6)", 0.2) as process:
        assert process.stdin is not None
        process.stdin.write(len(TRUE).to_bytes(4, "big") + TRUE)
        process.stdin.flush()
        try:
            assert process.wait(30) == -signal.SIGALRM
        finally:
            process.kill()


def test_what_an_engine_prints_does_not_get_between_the_frames() -> None:
    chatty = "lambda *question: print('chatter', flush=True) or __import__('os').system('echo noise; cat') or w.Verdict(True, '', 1)"
    with serving(chatty, NOT_SOON) as process:
        answer, noise = process.communicate(len(TRUE).to_bytes(4, "big") + TRUE, timeout=60)
    assert b'{"result": true' in answer and b"chatter" not in answer and b"noise" not in answer
    assert b"chatter" in noise and b"noise" in noise
    assert process.returncode == 0  # EOF


ORPHAN = """
import sys, threading
sys.path[:0] = sys.argv[1:]
from engines.process import EngineProcess
process = EngineProcess("busy", ("node", "--require", "engines/orphan.cjs", "-e", '''
const hello = Buffer.from(JSON.stringify({engine: "busy", version: "1"})), head = Buffer.alloc(4)
head.writeUInt32BE(hello.length)
require("fs").writeSync(1, Buffer.concat([head, hello]))
while (true);
'''), 600, 60)
threading.Thread(target=process.ask, args=(b"question",), daemon=True).start()
while process._channel is None: pass
print(process.pid, flush=True)
threading.Event().wait()
"""


def test_a_busy_engine_in_node_does_not_outlive_its_parent() -> None:
    if ENGINES["ethereumjs"].missing() is not None:
        pytest.skip("Node is not installed")
    root = Path(__file__).resolve().parents[3]
    with subprocess.Popen((sys.executable, "-c", ORPHAN, str(root)), cwd=root, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert is_alive(pid)
        parent.kill()
    until(lambda: not is_running(pid))


def is_running(pid: int) -> bool:
    """An orphan's zombie may stay where nobody is there to reap it (process 1 in a container)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False
