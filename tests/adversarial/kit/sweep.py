"""A daemon that is killed at one fault point after another, on one rollup, and must end where an undisturbed one ends.

Started again and again, it dies at the next point it has not died at yet (kit/fault_points.py), while its life, whatever it has to
work on, goes on around it. When it has lived for `whole_life` seconds there are none left, it is started as it is and finishes.
"""

from __future__ import annotations

import asyncio
import signal
import time
from dataclasses import dataclass, field
from pathlib import Path

from tests.adversarial.kit.devnet import Devnet
from tests.adversarial.kit.processes import DaemonProcess, Nursery


@dataclass
class Sweep:
    """`role` with the configuration `config`. `points` counts those it died at."""

    net: Devnet
    nursery: Nursery
    role: str
    config: Path
    whole_life: float = 60.0
    deaths: list[str] = field(default_factory=list)

    @property
    def tried(self) -> Path:
        return self.net.directory / f"{self.role}-points.txt"

    async def every_point(self, deadline: float) -> None:
        """Until it lives. `deadline`: seconds for all of them; what is left then is not tried, and said."""
        until = time.monotonic() + deadline
        while time.monotonic() < until:
            daemon = await self._start("--tried", str(self.tried))
            if not await self._dies(daemon, self.whole_life):
                self.net.say(self.role, f"lives for {self.whole_life:.0f} s: no point is left after {len(self.deaths)}")
                break
        else:
            self.net.say(self.role, f"{len(self.deaths)} points tried, and time is up")

    async def some_points(self, which: list[int], timeout: float = 60, only: str = "") -> None:
        """Dies at these, by number of the point a started daemon comes by."""
        for number in which:
            daemon = await self._start("--at", str(number), "--list", str(self.tried), *(["--only", only] if only else []))
            await self._dies(daemon, timeout)
            self.tried.unlink()

    async def _start(self, *arguments: str) -> DaemonProcess:
        return await self.nursery.start(self.role, self.config, *arguments, fault_points=True)

    async def _dies(self, daemon: DaemonProcess, timeout: float) -> bool:
        started = time.monotonic()
        try:
            async with asyncio.timeout(timeout):
                code = await daemon.ended(2 * timeout)
        except TimeoutError:
            daemon.kill()
            await daemon.ended()
            return False
        if code != -signal.SIGKILL:
            raise AssertionError(
                f"{self.role} ended by itself with {code}, after it was killed at: {self.deaths[-3:]}\n{daemon.said()[-4000:]}")
        point = self.tried.read_text().splitlines()[-1]
        self.deaths.append(point)
        self.net.say(self.role, f"killed after {time.monotonic() - started:.1f} s: {point}")
        return True

    def report(self) -> str:
        """Where it died, and how often in each part of the program."""
        places = sorted({" ".join(each.split()[1:]) for each in self.deaths})
        return f"{self.role}: died at {len(self.deaths)} points of {len(places)} calls\n" + "\n".join(sorted(self.deaths)) + "\n"

    async def finish(self) -> DaemonProcess:
        """As it is, undisturbed."""
        (self.net.directory / f"{self.role}-fault-points.txt").write_text(self.report())
        return await self.nursery.start(self.role, self.config)
