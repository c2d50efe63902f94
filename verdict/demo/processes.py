"""The daemons of the demo as processes of their own: started, watched, and always ended."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

ROOT = Path(__file__).resolve().parents[2]
GRACE = 8.0
"""Seconds between SIGTERM and SIGKILL."""


class ProcessDied(Exception):
    """A process of the demo ended that should not have."""


@dataclass(frozen=True, slots=True)
class Process:
    name: str
    popen: subprocess.Popen[bytes]
    log: Path

    def tail(self, lines: int = 25) -> str:
        """The last lines of its log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])


class Processes:
    """Use as a context manager: leaving it ends them all, with their children."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.running: list[Process] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self, name: str, arguments: Sequence[str], environment: Mapping[str, str] | None = None) -> Process:
        """Runs `python arguments...` with output in directory/name.log."""
        log = self.directory / f"{name}.log"
        with log.open("ab") as output:
            popen = subprocess.Popen(
                [sys.executable, *arguments],
                cwd=ROOT,
                env={**_clean_environment(), **(environment or {})},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # its own group: ended as a whole, and Ctrl-C reaches only us
                preexec_fn=_die_with_parent if sys.platform == "linux" else None,  # noqa: PLW1509
            )
        process = Process(name, popen, log)
        self.running.append(process)
        return process

    def check(self) -> None:
        """Raises ProcessDied if one has ended."""
        for process in self.running:
            if (code := process.popen.poll()) is not None:
                raise ProcessDied(f"{process.name} ended with exit code {code}")

    def stop(self, only: Process | None = None) -> None:
        """SIGTERM, a while, SIGKILL; to the whole group of each."""
        ending = [each for each in self.running if only is None or each is only]
        for process in reversed(ending):
            if process.popen.poll() is None:
                process.popen.terminate()
        deadline = time.monotonic() + GRACE
        for process in ending:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.popen.wait(max(0.0, deadline - time.monotonic()))
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.popen.pid, signal.SIGKILL)
            process.popen.wait()
            self.running.remove(process)


def _clean_environment() -> dict[str, str]:
    """Ours without what would change the daemons: keys of real rollups, python -O."""
    return {name: value for name, value in os.environ.items()
            if not name.startswith("VERDICT_") and name != "PYTHONOPTIMIZE"}


def _die_with_parent() -> None:
    """Linux: even if the demo is killed with -9, nothing of it stays."""
    set_parent_death_signal = 1
    ctypes.CDLL(None).prctl(set_parent_death_signal, signal.SIGKILL)
