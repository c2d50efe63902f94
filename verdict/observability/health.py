"""Whether a daemon can do what it has to: named checks, and since when each is as it is.

    health = Health({"l1": lambda: observer.trouble(), ...})
    health.answer()  # {"ok": False, "status": "failing", "checks": {"l1": {"ok": False, "detail": "...", "since": ...}, ...}}

A daemon is "starting" until it was fine once, as long as all that is wrong is "not yet" so.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Check = Callable[[], str | None]
"""What is wrong, in words; None if nothing is."""

NOT_YET = "not yet"
"""How a check begins to say that it only takes time."""
LEAST_DISK = 256 << 20  # bytes


@dataclass(slots=True)
class _Standing:
    detail: str | None
    since: float


class Health:
    """`clock`: seconds since the epoch. Checks look at what is known; none of them asks anybody."""

    def __init__(self, checks: Mapping[str, Check], clock: Callable[[], float] = time.time) -> None:
        self._checks = dict(checks)
        self._clock = clock
        self._standing: dict[str, _Standing] = {}
        self._was_fine = False

    def look(self) -> dict[str, str | None]:
        """What is wrong by check."""
        now = self._clock()
        for name, check in self._checks.items():
            detail = check()
            standing = self._standing.get(name)
            if standing is None or (standing.detail is None) is not (detail is None):
                self._standing[name] = _Standing(detail, now)
            else:
                standing.detail = detail
        found = {name: standing.detail for name, standing in self._standing.items()}
        self._was_fine = self._was_fine or not any(found.values())
        return found

    def status(self, found: Mapping[str, str | None]) -> str:
        wrong = [detail for detail in found.values() if detail is not None]
        if not wrong:
            return "ok"
        return "starting" if not self._was_fine and all(each.startswith(NOT_YET) for each in wrong) else "failing"

    def answer(self, **figures: Any) -> dict[str, Any]:
        """For GET /healthz. `figures` are given along."""
        found = self.look()
        status = self.status(found)
        wrong = sorted((each for each in found.values() if each is not None), key=lambda each: each.startswith(NOT_YET))
        return {
            "ok": status == "ok", "status": status, "failure": wrong[0] if wrong else None,
            "checks": {
                name: {"ok": standing.detail is None, "detail": standing.detail, "since": int(standing.since)}
                for name, standing in self._standing.items()},
            **figures}


def disk(directory: Path) -> Check:
    """Is there room to write?"""
    def check() -> str | None:
        free = disk_free(directory)
        return None if free >= LEAST_DISK else f"{free >> 20} MiB are free in {directory}, and {LEAST_DISK >> 20} MiB are needed"

    return check


def disk_free(directory: Path) -> int:
    """Bytes. 0 if it can't be told."""
    try:
        return shutil.disk_usage(directory).free
    except OSError:
        return 0


def stuck(oldest: Callable[[], float], patience: float) -> Check:
    """`oldest`: for how many seconds a transaction has been in flight."""
    def check() -> str | None:
        seconds = oldest()
        return None if seconds <= patience else f"a transaction has been in flight for {seconds:.0f} s: see its fees, and the fee caps"

    return check
