"""`verdict watch`: follows the view; a live screen on a terminal, else one line an event."""

from __future__ import annotations

import asyncio
import json
import time
from collections import deque
from typing import Any

from rich.console import Console
from rich.live import Live

from challenger.chronicle import Told
from l1.client import L1Inconsistent, L1Unavailable
from verdict.viewing.lines import COLOURS, line, name
from verdict.viewing.screen import screen
from verdict.viewing.source import Sight
from view.rendering import hexed

KEPT = 200  # events
POLL = 1.0  # seconds


class Watch:
    """`past`: events of before that are shown first."""

    def __init__(self, seen: Sight, past: int) -> None:
        self._seen = seen
        self._past = past
        self._told_once = False
        self.events: deque[str] = deque(maxlen=KEPT)  # marked up
        self.found: dict[str, Any] | None = None
        self.problem = ""

    async def look(self) -> list[Told]:
        """Reads what is new. What happened since the last look; L1 being away is no error, but `problem`."""
        view = self._seen.view
        try:
            self.found = dict(await view.overview())
        except (L1Unavailable, L1Inconsistent) as error:
            self.problem = f"L1 can't be read, trying again: {error}"
            return []
        self.problem = ""
        news = list(view.history.news)
        view.history.news.clear()
        if not self._told_once:
            self._told_once = True
            news = news[-self._past :] if self._past else []
        for told in news:
            self.events.append(f"[dim]L1 #{told.block.number:,}[/] [{COLOURS[type(told.event)] or 'default'}]{line(told)}[/]")
        return news

    async def on_screen(self, console: Console) -> None:
        """Until cancelled."""
        heads = asyncio.create_task(self._follow_heads(), name="L2 heads")
        try:
            with Live(console=console, screen=True, auto_refresh=False) as live:
                while True:
                    await self.look()
                    live.update(screen(self.found, list(self.events), self.problem, *_size(console)), refresh=True)
                    await asyncio.sleep(POLL)
        finally:
            heads.cancel()

    async def in_lines(self, *, as_json: bool) -> None:
        """Until cancelled."""
        said = ""
        while True:
            for told in await self.look():
                print(await self._line(told, as_json), flush=True)
            if self.problem != said and not as_json:
                print(f"{time.strftime('%H:%M:%S')} {self.problem or 'L1 answers again'}", flush=True)
            said = self.problem
            await asyncio.sleep(POLL)

    async def _line(self, told: Told, as_json: bool) -> str:
        if not as_json:
            return f"{time.strftime('%H:%M:%S')} L1 #{told.block.number} {line(told)}"
        return json.dumps({"event": name(told), "l1_block": told.block.number, "l1_hash": hexed(told.block.hash),
                           "transaction": hexed(told.transaction_hash), "text": line(told)})

    async def _follow_heads(self) -> None:
        while True:
            await self._seen.heads.refresh()
            await asyncio.sleep(POLL)


def _size(console: Console) -> tuple[int, int]:
    return console.size.width, console.size.height
