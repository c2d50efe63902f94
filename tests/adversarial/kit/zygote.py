"""Has the daemons' code loaded and forks a process whenever one is asked for: in milliseconds, not in the seconds of an import.

Lines of JSON on standard input: {"id", "program": "verdict" | "fault_points", "arguments", "log", "environment", "file_limit",
"clock"}; on standard output {"id", "pid"} and, when the process has ended, {"id", "status"}. Ends with its input, and ends those
who still run. See kit/processes.py.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import resource
import select
import signal
import sys
import time
from pathlib import Path
from typing import Any, NoReturn


def load() -> None:
    """Everything that daemons import at their start or later."""
    for each in ("challenger.service", "node.service", "sequencer.service", "rpc.node", "rpc.server", "verdict.cli",
                 "tests.adversarial.kit.fault_points"):
        importlib.import_module(each)
    importlib.import_module("l1.kzg").trusted_setup()


def serve() -> None:
    running: dict[int, int] = {}  # pid -> id
    buffer = b""
    while True:
        readable, _, _ = select.select([0], [], [], 0.05)
        if readable:
            more = os.read(0, 65536)
            if not more:
                break
            *lines, buffer = (buffer + more).split(b"\n")
            for line in lines:
                asked = json.loads(line)
                pid = os.fork()
                if pid == 0:
                    become(asked)
                running[pid] = asked["id"]
                say({"id": asked["id"], "pid": pid})
        while running:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                break
            if pid in running:
                say({"id": running.pop(pid), "status": os.waitstatus_to_exitcode(status)})
    for pid in running:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def say(message: dict[str, Any]) -> None:
    print(json.dumps(message), flush=True)


def become(asked: dict[str, Any]) -> NoReturn:
    """The process that was asked for. Never returns."""
    code = 1
    try:
        log = os.open(asked["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(log, 1)
        os.dup2(log, 2)
        os.environ.update(asked["environment"])
        if asked["clock"]:
            shift_clock(Path(asked["clock"]))
        if asked["file_limit"]:
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (asked["file_limit"], resource.RLIM_INFINITY))
        if asked["program"] == "fault_points":
            from tests.adversarial.kit.fault_points import main as fault_points

            fault_points(asked["arguments"])
        else:
            from verdict.cli import main as verdict

            sys.argv = ["verdict", *asked["arguments"]]
            verdict()
        code = 0
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except BaseException:  # noqa: BLE001  # this is the end of a process, as of any Python program
        import traceback

        traceback.print_exc()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def shift_clock(file: Path) -> None:
    """From now on, `file` says how many seconds this process's clock of the day is ahead. Monotonic clocks go on as they do."""
    real = time.time

    def shifted() -> float:
        try:
            return real() + float(file.read_text())
        except (OSError, ValueError):
            return real()

    time.time = shifted


if __name__ == "__main__":
    sys.path.insert(0, str(Path.cwd()))
    load()
    say({"id": 0})
    serve()
