"""Reads L1's blocks with their Inbox events, in order and ahead of whoever takes them.

Near L1's head each block is read by number and its logs by its hash. Further back than `NEAR_HEAD`, and finalized, logs are
asked for by ranges of blocks, where the node allows it: then only blocks with events and each range's last one are read
themselves. Headers are verified by hash, logs belong to a header by its hash and its bloom.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol, TypeVar

import structlog

from l1.artifacts import AnswerMalformed
from l1.client import BlockId, L1Block, L1Inconsistent, L1Log, L1Unavailable, bloom_may_contain
from l1.events import InboxEvent, read_inbox_event
from l1.rpc_errors import RpcError

log = structlog.get_logger("derivation.l1")

READ_AT_ONCE = 16  # blocks, near the head; and requests under way
NEAR_HEAD = 64  # L1 blocks that are read one by one, whatever L1 says is final
AHEAD = 2  # segments read while the one before is worked on
FIRST_RANGE, LONGEST_RANGE = 128, 4096  # L1 blocks of one eth_getLogs
FULL, EMPTY = 8 << 20, 2 << 20  # bytes of logs in an answer: more, and the next range is shorter; less: longer

T = TypeVar("T")


class L1Source(Protocol):
    """What derivation needs of an L1Client."""

    async def head(self) -> L1Block: ...
    async def block(self, block: BlockId) -> L1Block | None: ...
    async def logs(self, block_hash: bytes, addresses: Sequence[bytes]) -> list[L1Log]: ...
    async def logs_in_range(self, first: int, last: int, addresses: Sequence[bytes]) -> list[L1Log]: ...


@dataclass(frozen=True, slots=True)
class ReadBlock:
    """`events` with the hashes of their transactions. `follows`: it is the child of the block read before it; if not, there
    are blocks without events between them."""

    block: L1Block
    events: tuple[tuple[InboxEvent, bytes], ...]
    follows: bool = True


class _RangeRefused(Exception):
    """The node gives no logs for so many blocks."""


@dataclass(frozen=True, slots=True)
class _Segment:
    first: int
    last: int
    reading: asyncio.Task[list[ReadBlock]]


class L1Reader:
    """`on_read` is told of each block as soon as it is read, which may be long before it is taken."""

    def __init__(self, l1: L1Source, inbox: bytes, on_read: Callable[[ReadBlock], None] = lambda _: None) -> None:
        self._l1 = l1
        self._inbox = inbox
        self._on_read = on_read
        self._ahead: deque[_Segment] = deque()
        self._range = FIRST_RANGE
        self._by_range = True

    async def next(self, first: int, target: int, settled: int = -1) -> list[ReadBlock]:
        """The next blocks from number `first`, not beyond `target`; those up to `settled` may be read by range. Fewer, or
        none, if L1 is changing. Raises what the L1 client raises."""
        if self._ahead and self._ahead[0].first != first:
            self.forget()
        while True:
            self._plan(first, target, settled, 1)
            segment = self._ahead[0]
            try:
                blocks = await asyncio.shield(segment.reading)
            except asyncio.CancelledError:
                raise
            except _RangeRefused:
                self.forget()  # the next range is shorter, and the last ones have one block
                continue
            except BaseException:
                self.forget()
                raise
            self._ahead.popleft()
            self._plan(segment.last + 1, target, settled, AHEAD)
            return blocks

    def forget(self) -> None:
        """What was read ahead: L1 has changed."""
        for segment in self._ahead:
            segment.reading.cancel()
            segment.reading.add_done_callback(_drop)
        self._ahead.clear()

    def _plan(self, first: int, target: int, settled: int, count: int) -> None:
        if self._ahead:
            first = self._ahead[-1].last + 1
        while len(self._ahead) < count and first <= target:
            in_range = self._by_range and first + READ_AT_ONCE <= min(settled, target)
            last = min(first + self._range - 1, settled, target) if in_range else min(first + READ_AT_ONCE - 1, target)
            read = self._read_range if in_range else self._read_each
            reading = asyncio.create_task(self._told(read, first, last), name=f"L1 {first}-{last}")
            self._ahead.append(_Segment(first, last, reading))
            first = last + 1

    async def _told(
        self, read: Callable[[int, int], Awaitable[list[ReadBlock]]], first: int, last: int
    ) -> list[ReadBlock]:
        blocks = await read(first, last)
        for each in blocks:
            self._on_read(each)
        return blocks

    # --- one by one ----------------------------------------------------------------------------------------

    async def _read_each(self, first: int, last: int) -> list[ReadBlock]:
        found = await _all([partial(self._l1.block, number) for number in range(first, last + 1)])
        blocks: list[L1Block] = []
        for block in found:
            if block is None or (blocks and block.parent_hash != blocks[-1].hash):
                break  # L1 is changing under our feet
            blocks.append(block)
        read: list[ReadBlock] = []
        for block, entries in zip(blocks, await _all([partial(self._logs_of, block) for block in blocks]), strict=False):
            if entries is None:
                break
            read.append(ReadBlock(block, _events(block, entries)))
        return read

    async def _logs_of(self, block: L1Block) -> list[L1Log] | None:
        """None if the node doesn't know the block any more."""
        if not bloom_may_contain(block.logs_bloom, self._inbox):
            return []
        try:
            return await self._l1.logs(block.hash, [self._inbox])
        except RpcError as error:
            log.info("L1 node has no logs of a block it named", block=block.number, reason=str(error))
            return None

    # --- by range ------------------------------------------------------------------------------------------

    async def _read_range(self, first: int, last: int) -> list[ReadBlock]:
        end = await self._l1.block(last)
        try:
            entries = await self._l1.logs_in_range(first, last, [self._inbox])
        except (RpcError, L1Unavailable) as error:
            self._shorter(last - first + 1, str(error))
            if isinstance(error, L1Unavailable):
                raise
            raise _RangeRefused from error
        again = await self._l1.block(last)
        if end is None or again is None or again.hash != end.hash:
            return []
        by_block: dict[int, list[L1Log]] = {}
        for entry in entries:
            if entry.address != self._inbox or not first <= entry.block_number <= last:
                raise L1Inconsistent(f"logs of other blocks or addresses than the Inbox's in {first} to {last}")
            by_block.setdefault(entry.block_number, []).append(entry)
        numbers = sorted(by_block.keys() | {last})
        blocks = await _all([partial(self._l1.block, number) for number in numbers if number != last])
        self._measure(sum(len(entry.data) for entry in entries))
        read: list[ReadBlock] = []
        before = first - 1
        blocks += [end] * (len(blocks) == len(numbers) - 1)
        for number, block in zip(numbers, blocks, strict=False):
            if block is None:
                break
            logs = by_block.get(number, [])
            if any(entry.block_hash != block.hash for entry in logs):
                raise L1Inconsistent(f"the logs of L1 block {number} are another block's")
            if logs and not bloom_may_contain(block.logs_bloom, self._inbox):
                raise L1Inconsistent(f"L1 block {number} can't have the logs that it is said to have")
            read.append(ReadBlock(block, _events(block, logs), follows=number == before + 1))
            before = number
        return read

    def _shorter(self, size: int, reason: str) -> None:
        self._range = max(1, size // 4)
        if self._range < READ_AT_ONCE:
            self._by_range = False
            log.info("L1 node gives no logs by range: blocks are read one by one", reason=reason)

    def _measure(self, size: int) -> None:
        if size > FULL:
            self._range = max(READ_AT_ONCE, self._range // 2)
        elif size < EMPTY:
            self._range = min(LONGEST_RANGE, self._range * 2)


async def _all(work: Sequence[Callable[[], Awaitable[T]]]) -> list[T]:
    """What all of these give, a few at once; of those before the first that fails, if there are any."""
    free = asyncio.Semaphore(READ_AT_ONCE)

    async def one(each: Callable[[], Awaitable[T]]) -> T:
        async with free:
            return await each()

    given: list[T] = []
    for each in await asyncio.gather(*(one(each) for each in work), return_exceptions=True):
        if isinstance(each, BaseException):
            if not given:
                raise each
            break
        given.append(each)
    return given


def _events(block: L1Block, entries: Sequence[L1Log]) -> tuple[tuple[InboxEvent, bytes], ...]:
    found: list[tuple[InboxEvent, bytes]] = []
    for entry in entries:
        try:
            event = read_inbox_event(entry)
        except AnswerMalformed as error:
            raise L1Inconsistent(f"L1 block {block.number}: {error}") from error
        if event is not None:
            found.append((event, entry.transaction_hash))
    return tuple(found)


def _drop(task: asyncio.Task[list[ReadBlock]]) -> None:
    """Nobody asks any more how it ended."""
    if not task.cancelled():
        task.exception()
