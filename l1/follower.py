"""Follows the logs of some contracts on L1, block by block and by hash; a reorg is undone to the common ancestor.

Whoever keeps what the logs say is a `Journal`: it takes blocks in order and can undo the newest ones.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import structlog

from l1.client import L1Block, L1Client, L1Inconsistent, L1Log, bloom_may_contain
from l1.log_ranges import LogRanges
from l1.rpc_errors import RpcError

log = structlog.get_logger("l1.follower")

READ_AHEAD = 16  # L1 blocks asked for at once


class L1Moving(Exception):
    """L1 changed while it was being read: read again."""


@dataclass(frozen=True, slots=True)
class Point:
    """An L1 block by number and hash."""

    number: int
    hash: bytes


class Journal(Protocol):
    """`points`: blocks that can be rewound to, newest first."""

    @property
    def last(self) -> Point | None: ...

    @property
    def points(self) -> Sequence[Point]: ...

    def take(self, block: L1Block, logs: Sequence[L1Log]) -> None:
        """All logs after the last block taken, up to and including `block`, in order. L1Inconsistent."""
        ...

    def rewind(self, to: Point) -> None: ...

    def forget(self) -> None:
        """Everything: L1 is read anew."""
        ...


class LogFollower:
    """`start`: number of the first L1 block that matters. `confirmations`: L1 blocks on top of one before it is read.
    `topics`: as in eth_getLogs. `window`: how many of the newest blocks are read one by one."""

    def __init__(self, l1: L1Client, addresses: Sequence[bytes], start: int, journal: Journal, *,
                 topics: Sequence[Any] = (), confirmations: int = 0, window: int = 256) -> None:
        self._l1 = l1
        self._ranges = LogRanges(l1)
        self._addresses = list(addresses)
        self._start = start
        self._journal = journal
        self._topics = [list(topics)] if topics else []  # one more argument, or none
        self._confirmations = confirmations
        self._window = window
        self.reorgs = 0
        self.last_reorg_depth = 0  # L1 blocks

    async def advance(self, head: L1Block | None = None) -> L1Block | None:
        """Reads what is new. The block that everything is known up to; None if there is nothing to know yet. `head`: L1's, if
        it was asked for already. Raises L1Moving, L1Unavailable, L1Inconsistent: ask again later."""
        head = head or await self._l1.head()
        target = head.number - self._confirmations
        await self._rewind()
        if target < self._start:
            return None
        await self._history(target - self._window)
        while (first := self._next()) <= target:
            if not await self._read(range(first, min(target + 1, first + READ_AHEAD))):
                break
        last = self._journal.last
        if last is None:
            return None
        block = head if head.hash == last.hash else await self._l1.block(last.hash)
        if block is None:
            raise L1Moving(f"L1 block {last.number} is gone")
        return block

    def _next(self) -> int:
        last = self._journal.last
        return self._start if last is None else last.number + 1

    async def _rewind(self) -> None:
        last = self._journal.last
        if last is None or await self._canonical(last):
            return
        depth = len(self._journal.points)
        for point in self._journal.points:
            if await self._canonical(point):
                self._journal.rewind(point)
                depth = last.number - point.number
                log.warning("L1 reorg", depth=depth, to=point.number)
                break
        else:
            log.warning("L1 reorg deeper than the window, reading all again", depth=depth)
            self._journal.forget()
        self.reorgs += 1
        self.last_reorg_depth = depth

    async def _canonical(self, point: Point) -> bool:
        found = await self._l1.block(point.number)
        return found is not None and found.hash == point.hash

    async def _history(self, last: int) -> None:
        """What lies deeper than any reorg is read in ranges."""
        first = self._next()
        try:
            async for end, logs in self._ranges.read(first, last, self._addresses, *self._topics):
                block = await self._l1.block(end)
                if block is None:
                    raise L1Moving(f"L1 block {end} is gone")
                if any(each.address not in self._addresses or not first <= each.block_number <= end for each in logs):
                    raise L1Inconsistent(f"logs of other blocks or addresses than asked for in {first} to {end}")
                self._journal.take(block, logs)
                first = end + 1
        except RpcError as error:
            raise L1Moving(f"no logs of L1 block {first}: {error}") from error

    async def _read(self, numbers: range) -> bool:
        """False if L1 doesn't have all of them: its head was another node's, which is ahead of this one."""
        for block in await asyncio.gather(*(self._l1.block(number) for number in numbers)):
            last = self._journal.last
            if block is None:
                return False
            if last is not None and block.parent_hash != last.hash:
                raise L1Moving("L1 was reorganised while it was read")
            logs: list[L1Log] = []
            if any(bloom_may_contain(block.logs_bloom, address) for address in self._addresses):
                try:
                    logs = await self._l1.logs(block.hash, self._addresses, *self._topics)
                except RpcError as error:
                    raise L1Moving(f"no logs of L1 block {block.number}: {error}") from error
            self._journal.take(block, logs)
        return True
