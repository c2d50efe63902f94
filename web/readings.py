"""What many viewers are given of one thing that is read from L1: read once for all of them, and at most once a second.

While L1 does not answer they are given what it said last, how old that is, and why there is nothing newer.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import structlog

from l1.client import L1Inconsistent, L1Unavailable
from web.assets import Body

log = structlog.get_logger("web")

Read = Callable[[], Awaitable[Mapping[str, Any] | None]]

REFRESH = 1.0  # seconds between two readings
PATIENCE = 2.0  # seconds that a viewer waits for a reading before it is given the one before
FIRST_PATIENCE = 8.0  # where there is none before; browsers are told after that to ask again
TIME_LIMIT = 120.0  # seconds for one reading; a view goes on next time where it was


class Busy(Exception):
    """Too much is being read already."""


@dataclass(frozen=True, slots=True)
class Reading:
    """`body` None: there is no such thing. `age`: seconds since L1 said so. `failure`: why it is no newer; empty if it is
    the newest."""

    body: Body | None
    age: float
    failure: str


class Source:
    """One thing to read. `at_once` bounds how many of all sources are being read."""

    def __init__(self, name: str, read: Read, at_once: asyncio.Semaphore) -> None:
        self._name = name
        self._read = read
        self._at_once = at_once
        self._task: asyncio.Task[None] | None = None
        self._tried_at = -1e9  # when a reading last ended; monotonic
        self._read_at: float | None = None  # when one last succeeded
        self._body: Body | None = None
        self._failure = ""
        self._of: object = None  # what it was read of

    async def latest(self, of: object = None) -> Reading | None:
        """The newest reading; None if there is none yet. Waits for the one that is due, but not for long.
        `of`: what it is read of; as long as that is the same, one successful reading will do. None: it changes by itself."""
        known = of is not None and of == self._of
        if self._task is None and not known and time.monotonic() - self._tried_at >= REFRESH:
            self._task = asyncio.create_task(self._run(of), name=f"read {self._name}")
        if self._task is not None:
            await asyncio.wait({self._task}, timeout=FIRST_PATIENCE if self._read_at is None else PATIENCE)
        if self._read_at is None:
            return None
        return Reading(self._body, time.monotonic() - self._read_at, self._failure)

    @property
    def failure(self) -> str:
        return self._failure or "the daemon is still reading L1"

    @property
    def idle(self) -> bool:
        return self._task is None

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self, of: object) -> None:
        try:
            async with asyncio.timeout(TIME_LIMIT), self._at_once:
                found = await self._read()
            plain = None if found is None else json.dumps(found, separators=(",", ":")).encode()
            if plain is None or self._body is None or plain != self._body.plain:
                self._body = None if plain is None else await asyncio.to_thread(Body.of, plain, "application/json")
            self._read_at, self._failure, self._of = time.monotonic(), "", of
        except Exception as error:  # noqa: BLE001  # whatever it was: viewers see that it is stale, the log says why
            failure = _public(error)
            if failure != self._failure:
                log.warning("the web page could not be brought up to date", what=self._name, error=repr(error))
            self._failure = failure
        finally:
            self._tried_at, self._task = time.monotonic(), None


class Shelf:
    """Sources by name, the most recently asked for; others are forgotten."""

    def __init__(self, at_once: asyncio.Semaphore, most: int = 128) -> None:
        self._at_once = at_once
        self._most = most
        self._sources: OrderedDict[str, Source] = OrderedDict()

    def get(self, name: str, read: Read) -> Source:
        """Raises Busy if that is one more than can be kept."""
        source = self._sources.get(name)
        if source is None:
            if len(self._sources) >= self._most:
                self._forget_one()
            source = self._sources[name] = Source(name, read, self._at_once)
        self._sources.move_to_end(name)
        return source

    def _forget_one(self) -> None:
        for name, source in self._sources.items():
            if source.idle:
                del self._sources[name]
                return
        raise Busy

    async def close(self) -> None:
        for source in self._sources.values():
            await source.close()


def _public(error: Exception) -> str:
    """What a viewer is told: never the message itself, which may have an L1 URL with its key in it."""
    if isinstance(error, L1Unavailable):
        return "L1 does not answer"
    if isinstance(error, TimeoutError):
        return "reading L1 takes long; it goes on"
    if isinstance(error, L1Inconsistent):
        return "L1 contradicts itself"
    return "L1 could not be read; the daemon's log says why"
