"""The data of the batches that come next: blobs fetched and chunks decoded while earlier batches are executed.

Bounded: so many batches and blobs ahead, and so many bytes of items in each. What isn't there when it is needed, for
whatever reason, is fetched then and decoded as it is executed.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from derivation.batch import BatchData, BatchHeader, ItemsAhead, decode_ahead
from derivation.inbox import PostedBatch
from derivation.l1_reader import ReadBlock
from l1.blob_sources import BlobsMissing
from l1.client import L1Unavailable
from l1.events import BatchPosted, CalldataPosted
from l1.worker_pool import WorkerPool

BATCHES_AHEAD = 8
BLOBS_AHEAD = 24  # 3 MB; one batch may go beyond it
WORTH_WORKERS = 3  # batches known to come: fewer, and a worker's start costs more than it saves

PagesOf = Callable[[BatchHeader], tuple[bytes, ...] | None]


class BlobSource(Protocol):
    """What the pipeline needs of a BlobClient."""

    async def blobs(self, timestamp: int, hashes: Sequence[bytes]) -> tuple[bytes, ...]: ...


@dataclass(slots=True)
class _Coming:
    timestamp: int
    header: BatchHeader
    data: bytes
    task: asyncio.Task[_Fetched] | None = None


@dataclass(frozen=True, slots=True)
class _Fetched:
    """`items` None: not decoded."""

    blobs: tuple[bytes, ...]
    items: ItemsAhead | None


class Prefetcher:
    """`pages_of`: the contents of the pages that a header names, None if L1 hasn't shown them all yet."""

    def __init__(
        self, source: BlobSource, chain_id: int, pages_of: PagesOf, workers: WorkerPool | None = None
    ) -> None:
        self._source = source
        self._chain_id = chain_id
        self._pages_of = pages_of
        self._workers = workers
        if workers is not None:
            workers.active = False
        self._coming: OrderedDict[bytes, _Coming] = OrderedDict()  # by batch hash, in L1's order

    def offer(self, read: ReadBlock) -> None:
        """An L1 block that comes next, or later."""
        calldata = {event.batch_hash: event.data for event, _ in read.events if isinstance(event, CalldataPosted)}
        for event, _ in read.events:
            if isinstance(event, BatchPosted):
                data = calldata.get(event.batch_hash, b"")
                self._coming[event.batch_hash] = _Coming(read.block.timestamp, event.header, data)
        self._fill()

    async def batch(self, posted: PostedBatch) -> BatchData:
        """The whole batch. BlobsMissing, L1Unavailable."""
        coming = self._coming.pop(posted.hash, None)
        fetched: _Fetched | None = None
        # An L1 node may have shown another header under this hash, later; only this one has been checked.
        same = coming is not None and (coming.header, coming.data) == (posted.header, posted.data)
        if coming is not None and coming.task is not None and same:
            try:
                fetched = await coming.task
            except (BlobsMissing, L1Unavailable):
                fetched = None  # that may have been long ago
        self._fill()
        if fetched is None:
            at = posted.inclusion.block_timestamp
            fetched = _Fetched(await self._source.blobs(at, posted.header.blob_hashes), None)
        batch = posted.with_blobs(fetched.blobs)
        if fetched.items is not None:
            batch.keep(fetched.items)
        return batch

    def forget(self) -> None:
        """L1 has changed."""
        for coming in self._coming.values():
            if coming.task is not None:
                coming.task.cancel()
        self._coming.clear()

    def _fill(self) -> None:
        """Starts what may be fetched now."""
        if self._workers is not None:
            self._workers.active = len(self._coming) >= WORTH_WORKERS
        blobs = 0
        for place, coming in enumerate(self._coming.values()):
            if place >= BATCHES_AHEAD or blobs >= BLOBS_AHEAD:
                return
            blobs += len(coming.header.blob_hashes)
            if coming.task is None:
                coming.task = asyncio.create_task(self._fetch(coming), name=f"batch {coming.header.index}")
                coming.task.add_done_callback(_seen)

    async def _fetch(self, coming: _Coming) -> _Fetched:
        header = coming.header
        blobs = await self._source.blobs(coming.timestamp, header.blob_hashes)
        pages = self._pages_of(header)
        if self._workers is None or not self._workers.active or pages is None or header.chunk_count == 0:
            return _Fetched(blobs, None)
        items = await self._workers.run(decode_ahead, blobs, coming.data, header.chunk_count, self._chain_id, pages)
        return _Fetched(blobs, items)


def _seen(task: asyncio.Task[_Fetched]) -> None:
    """An error is looked at when the batch's turn comes, if it ever does."""
    if not task.cancelled():
        task.exception()
