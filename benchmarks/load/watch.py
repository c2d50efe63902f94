"""What becomes of Verdict's L2 blocks after they are made: when L1 has their batch, a node has derived them, they are safe."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from benchmarks.load.subjects import Subject
from benchmarks.load.wire import Connection
from l1.client import L1Client
from l1.contracts import Inbox

LOOK = 0.1  # seconds


@dataclass
class Fate:
    """Of each L2 block, by number: wall-clock seconds. `batches`: how many L1 had, when."""

    derived: dict[int, float] = field(default_factory=dict)
    safe: dict[int, float] = field(default_factory=dict)
    posted: dict[int, float] = field(default_factory=dict)


class Watch:
    """async with Watch(subject) as watch: ...; await watch.settled(block, deadline); watch.fate"""

    def __init__(self, subject: Subject) -> None:
        self.subject = subject
        self.fate = Fate()
        self._batches: dict[int, float] = {}
        self._stack = contextlib.AsyncExitStack()

    async def __aenter__(self) -> Self:
        subject = self.subject
        assert subject.config is not None and subject.deployment is not None
        enter = self._stack.enter_async_context
        tasks = [
            self._head(await enter(Connection(subject.node_url)), "latest", self.fate.derived),
            self._head(await enter(Connection(subject.url)), "safe", self.fate.safe),
            self._posts(Inbox(await enter(L1Client(subject.config.l1.rpc_url)), subject.deployment.inbox)),
        ]
        self._tasks = [asyncio.create_task(each) for each in tasks]
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._stack.aclose()

    async def _head(self, connection: Connection, tag: str, when: dict[int, float]) -> None:
        last = await _number(connection, tag)
        while True:
            head, now = await _number(connection, tag), time.time()
            when.update(dict.fromkeys(range(last + 1, head + 1), now))
            last = max(last, head)
            await asyncio.sleep(LOOK)

    async def _posts(self, inbox: Inbox) -> None:
        last = (await inbox.head_batch())[1]
        while True:
            count, now = (await inbox.head_batch())[1], time.time()
            self._batches.update(dict.fromkeys(range(last, count), now))
            last = max(last, count)
            await asyncio.sleep(LOOK)

    async def settled(self, block: int, patience: float) -> Fate:
        """Waits until the node and the safe head have come to `block`. TimeoutError."""
        async with asyncio.timeout(patience):
            while not (block in self.fate.derived and block in self.fate.safe):
                for task in self._tasks:
                    if task.done():
                        task.result()
                await asyncio.sleep(LOOK)
        async with Connection(self.subject.url) as sequencer:
            for index, when in self._batches.items():
                batch: Mapping[str, Any] = await sequencer.call("verdict_batch", index)
                for hash_ in batch["blocks"]:
                    stored = await sequencer.call("eth_getBlockByHash", hash_, False)
                    self.fate.posted[int(stored["number"], 16)] = when
        return self.fate


async def _number(connection: Connection, tag: str) -> int:
    block = await connection.call("eth_getBlockByNumber", tag, False)
    return -1 if block is None else int(block["number"], 16)
