"""Tells a user what is done, what it costs and what is waited for; or, with --json, one object at the end."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from rich.console import Console

from bridge.tokens import show_units
from l1.client import L1Unavailable

T = TypeVar("T")
_WIDTH = 12


def ether(wei: int) -> str:
    return show_units(wei, 18, "ether")


def shown(value: Any) -> Any:
    """For JSON: bytes as 0x hex, amounts as text since most readers lose digits of large numbers."""
    if isinstance(value, bytes):
        return "0x" + value.hex()
    if isinstance(value, int) and not isinstance(value, bool) and value >= 2**53:
        return str(value)
    return value


class Report:
    """`facts` become the JSON object. Lines go to standard output, waits (and all but the object, with --json) to standard
    error."""

    def __init__(self, as_json: bool) -> None:
        self.as_json = as_json
        self.facts: dict[str, Any] = {}
        self._lines = Console(highlight=False, soft_wrap=True, stderr=as_json, quiet=as_json)
        self._waits = Console(highlight=False, soft_wrap=True, stderr=True)

    def line(self, label: str, text: str, **facts: Any) -> None:
        self.facts.update({name: shown(value) for name, value in facts.items()})
        self._lines.print(f"{label:{_WIDTH}}{text}", markup=False)

    def end(self) -> None:
        if self.as_json:
            print(json.dumps(self.facts, indent=2), flush=True)
        self._lines.file.flush()

    async def until(self, what: str, look: Callable[[], Awaitable[T | None]], every: float = 1.0) -> T:
        """Waits until `look` finds something, visibly. A node that does not answer meanwhile is asked again."""
        started = time.monotonic()
        if (found := await look()) is not None:
            return found
        if not self._waits.is_terminal and not self.as_json:
            self.line("waiting", what)
        with self._waits.status(what) as status:
            while True:
                await asyncio.sleep(every)
                trouble = ""
                try:
                    if (found := await look()) is not None:
                        return found
                except L1Unavailable as error:
                    trouble = f" ({error}; trying again)"
                sys.stdout.flush()
                status.update(f"{what}, for {duration(time.monotonic() - started)}{trouble}. Ctrl-C stops waiting, nothing else")


def duration(seconds: float) -> str:
    """"3 d 4 h", "5 m 10 s", "12 s"."""
    left = max(0, int(seconds))
    parts = []
    for unit, size in (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)):
        if left >= size or (unit == "s" and not parts):
            parts.append(f"{left // size} {unit}")
        left %= size
    return " ".join(parts[:2])


def when(timestamp: int) -> str:
    """L1's time as people write it, UTC."""
    return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(timestamp))
