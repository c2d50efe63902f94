"""Daemons as processes of their own, for those who kill them, starve them or take their disk away.

    async with Nursery(net.directory) as nursery:
        sequencer = await nursery.start("sequencer", net.toml())
        sequencer.kill()
        assert await sequencer.ended() == -signal.SIGKILL

They are `verdict ROLE --config FILE` in every respect, but forked from a process that has the code loaded (kit/zygote.py).
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.adversarial.kit.fault_points import ROOT


class DaemonProcess:
    """`log`: what it wrote, also those of that name before it."""

    def __init__(self, name: str, pid: int, log: Path, ended: asyncio.Future[int]) -> None:
        self.name = name
        self.pid = pid
        self.log = log
        self._ended = ended
        self._log_from = 0

    @property
    def running(self) -> bool:
        return not self._ended.done()

    def kill(self) -> None:
        self.signal(signal.SIGKILL)

    def signal(self, number: signal.Signals) -> None:
        if self.running:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    async def ended(self, timeout: float = 60) -> int:
        """The exit code, negative for a signal."""
        try:
            return await asyncio.wait_for(asyncio.shield(self._ended), timeout)
        except TimeoutError:
            raise AssertionError(f"{self.name} does not end within {timeout} s; its log ends:\n{self.said()[-2000:]}") from None

    async def stop(self, timeout: float = 60) -> int:
        """SIGTERM, and the exit code."""
        self.signal(signal.SIGTERM)
        return await self.ended(timeout)

    def said(self) -> str:
        """What this process logged."""
        return self.log.read_bytes()[self._log_from:].decode(errors="replace")

    def rss(self) -> int:
        """Bytes of memory it holds now."""
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
        raise AssertionError(f"{self.name} is gone")

    def children(self) -> list[int]:
        """Processes it started."""
        return [int(each) for file in Path(f"/proc/{self.pid}/task").glob("*/children") for each in file.read_text().split()]


class Nursery:
    """Starts daemons; whoever still runs at the end is killed. Logs go to `directory`, one file a name."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._asked = 0
        self._started: dict[int, asyncio.Future[int]] = {}
        self._ends: dict[int, asyncio.Future[int]] = {}

    async def __aenter__(self) -> Self:
        self._zygote = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.adversarial.kit.zygote", cwd=ROOT, stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE, stderr=(self._directory / "zygote.log").open("ab"), start_new_session=True,
            env={**os.environ, "PYTHONPATH": str(ROOT)})
        assert self._zygote.stdout is not None
        await asyncio.wait_for(self._zygote.stdout.readline(), 120)
        self._reading = asyncio.create_task(self._read(self._zygote.stdout))
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        assert self._zygote.stdin is not None
        self._zygote.stdin.close()
        await self._zygote.wait()
        self._reading.cancel()
        await asyncio.gather(self._reading, return_exceptions=True)

    async def start(self, role: str, config: Path, *arguments: str, name: str | None = None, fault_points: bool = False,
                    environment: Mapping[str, str] | None = None, file_limit: int = 0, clock: Path | None = None) -> DaemonProcess:
        """`verdict ROLE --config CONFIG ARGUMENTS`. `file_limit`: bytes that a file of it may have (0: any); `clock`: a file with
        the seconds its clock is ahead."""
        self._asked += 1
        asked = self._asked
        loop = asyncio.get_running_loop()
        self._started[asked], self._ends[asked] = loop.create_future(), loop.create_future()
        log = self._directory / f"{name or role}.log"
        log.touch()
        before = log.stat().st_size
        line = {"id": asked, "program": "fault_points" if fault_points else "verdict", "log": str(log),
                "arguments": [role, "--config", str(config), *arguments], "environment": dict(environment or {}),
                "file_limit": file_limit, "clock": str(clock or "")}
        assert self._zygote.stdin is not None
        self._zygote.stdin.write(json.dumps(line).encode() + b"\n")
        daemon = DaemonProcess(name or role, await self._started[asked], log, self._ends[asked])
        daemon._log_from = before
        return daemon

    async def refused(self, role: str, config: Path, *arguments: str, **options: Any) -> tuple[int, str]:
        """Of one that must not run: its exit code and its last words, which begin with "verdict:"."""
        daemon = await self.start(role, config, *arguments, **options)
        code = await daemon.ended()
        said = daemon.said()
        assert "Traceback" not in said, f"{role} ends with a traceback instead of a message:\n{said[-3000:]}"
        at = said.rfind("verdict:")
        words = " ".join(said[at:].split()) if at >= 0 else ""
        assert words, f"{role} ended with {code} and says nothing:\n{said[-2000:]}"
        return code, words

    async def _read(self, stream: asyncio.StreamReader) -> None:
        while line := await stream.readline():
            told: dict[str, Any] = json.loads(line)
            if "pid" in told:
                self._started[told["id"]].set_result(told["pid"])
            else:
                self._ends[told["id"]].set_result(told["status"])
