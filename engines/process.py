"""One process of an engine: asked under a limit of time, replaced when it is lost."""

from __future__ import annotations

import os
import resource
import subprocess
import threading
import time
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path

import structlog

from engines.channel import Channel
from engines.wire import MAX_ANSWER, Greeting, WireError, decode_greeting, decode_verdict, is_failure
from execution.verdict import Verdict

log = structlog.get_logger("engines")

_FIRST_REST, _LONGEST_REST = 1.0, 60.0  # seconds between attempts to start one that does not come up
_PROJECT = Path(__file__).resolve().parent.parent


class FailureKind(StrEnum):
    start = "start"  # did not come up, or is not the engine that it should be
    timeout = "timeout"
    lost = "lost"  # ended over the request, twice
    malformed = "malformed"  # said what no engine says
    refused = "refused"  # says that it could not judge
    closed = "closed"  # we ended it


class EngineFailure(Exception):
    """No vote."""

    def __init__(self, kind: FailureKind, message: str) -> None:
        super().__init__(message)
        self.kind = kind


class EngineProcess:
    """Started when first needed, and again after it was lost. It must greet with `name`. Limits in seconds.

    Thread-safe: who comes second waits.
    """

    def __init__(self, name: str, command: Sequence[str], time_limit: float, start_limit: float) -> None:
        self._name, self._command = name, tuple(command)
        self._time_limit, self._start_limit = time_limit, start_limit
        self._lock = threading.Lock()  # held by who asks
        self._closed = False
        self._process: subprocess.Popen[bytes] | None = None
        self._channel: Channel | None = None
        self._rest, self._next_start, self._why_down = _FIRST_REST, 0.0, ""

    @property
    def pid(self) -> int | None:
        """None if there is no process now."""
        process = self._process
        return None if process is None else process.pid

    def ask(self, request: bytes) -> Verdict:
        """Raises EngineFailure. Takes at most about twice the limits of time and start.

        A process that ended over the request may have been ended by something else, so another one is asked.
        """
        with self._lock:
            try:
                return self._ask_once(request)
            except EngineFailure as failure:
                if failure.kind is not FailureKind.lost:
                    raise
                log.warning("an engine's process ended: asking another", engine=self._name, reason=str(failure))
            return self._ask_once(request)

    def _ask_once(self, request: bytes) -> Verdict:
        channel = self._started()
        deadline = time.monotonic() + self._time_limit
        try:
            channel.send(request, deadline)
            verdict = decode_verdict(channel.receive(MAX_ANSWER, deadline))
        except TimeoutError:
            self._kill()
            raise EngineFailure(FailureKind.timeout, f"no verdict within {self._time_limit:g} s") from None
        except WireError as error:
            self._kill()
            raise EngineFailure(FailureKind.malformed, str(error)) from None
        except (EOFError, OSError) as error:
            self._kill()
            if self._closed:
                raise self._ended() from None
            raise EngineFailure(FailureKind.lost, f"the process ended ({error})") from None
        except BaseException:
            self._kill()  # its answer is still to come
            raise
        if is_failure(verdict):
            raise EngineFailure(FailureKind.refused, verdict.reason)
        return verdict

    def _started(self) -> Channel:
        process, channel = self._process, self._channel
        if process is not None and channel is not None:
            if process.poll() is None:
                if not channel.has_input():
                    return channel
                log.error("an engine spoke without being asked: it is started again", engine=self._name)
            self._kill()
        if self._closed:
            raise self._ended()
        if time.monotonic() < self._next_start:
            raise EngineFailure(FailureKind.start, f"down: {self._why_down}")
        try:
            channel = self._start()
        except (EOFError, OSError, WireError) as error:
            self._kill()
            if self._closed:
                raise self._ended() from error
            self._why_down = _start_problem(error, self._start_limit)
            self._next_start = time.monotonic() + self._rest
            self._rest = min(2 * self._rest, _LONGEST_REST)
            raise EngineFailure(FailureKind.start, self._why_down) from error
        except BaseException:
            self._kill()
            raise
        self._rest, self._next_start = _FIRST_REST, 0.0
        return channel

    def _start(self) -> Channel:
        process = subprocess.Popen(
            self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0, env=_environment()
        )
        self._process = process
        if self._closed:  # `close` may have looked before there was a process
            raise EOFError("closed")
        try:
            resource.prlimit(process.pid, resource.RLIMIT_CORE, (0, 0))
        except ProcessLookupError:
            pass  # gone already, as the next line finds out
        assert process.stdin is not None and process.stdout is not None
        self._channel = channel = Channel(process.stdin, process.stdout)
        greeting = decode_greeting(channel.receive(MAX_ANSWER, time.monotonic() + self._start_limit))
        self._check(greeting)
        log.info("an engine has started", engine=greeting.engine, version=greeting.version, pid=process.pid)
        return channel

    def _check(self, greeting: Greeting) -> None:
        if greeting.engine != self._name:
            raise WireError(f"it says that it is {greeting.engine}")

    def _ended(self) -> EngineFailure:
        return EngineFailure(FailureKind.closed, "closed")

    def _kill(self) -> None:
        """Only by who holds the lock."""
        process, self._process, self._channel = self._process, None, None
        if process is None:
            return
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()

    def close(self) -> None:
        """For good, from any thread: who is asking gets EngineFailure."""
        self._closed = True
        process = self._process
        if process is not None:
            process.kill()
        with self._lock:
            self._kill()


def _start_problem(error: BaseException, start_limit: float) -> str:
    if isinstance(error, TimeoutError):
        return f"the process did not come up within {start_limit:g} s"
    return f"the process did not come up: {error}"


def _environment() -> dict[str, str]:
    """Ours without keys and without what would change what an engine does (py-evm checks by `assert`)."""
    ours = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("VERDICT_", "NODE_")) and name != "PYTHONOPTIMIZE"
    }
    ours["VERDICT_ENGINE_PARENT"] = str(os.getpid())  # for orphan.cjs: the parent may be gone before Node is up
    ours["PYTHONPATH"] = os.pathsep.join(filter(None, (str(_PROJECT), os.environ.get("PYTHONPATH"))))
    return ours
