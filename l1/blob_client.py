"""Blobs from several sources: the own archive, beacon nodes, other Verdict nodes.

Every blob's KZG commitment is recomputed, whatever source it comes from. Sources are asked in order; the next one is asked
too when one has nothing, fails, lies, or is silent for `hedge_after`. One that failed is passed over for a while.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Self

import structlog
from lru import LRU

from l1.blob_archive import BlobArchive, MemoryArchive
from l1.blob_sources import (
    BlobRequest,
    BlobsMissing,
    BlobSource,
    Candidate,
    SourceEmpty,
    SourceFailed,
    SourceLied,
)
from l1.client import L1Unavailable
from l1.kzg import BLOB_SIZE, blob_versioned_hash
from l1.worker_pool import WorkerPool

log = structlog.get_logger("l1.blobs")

HEDGE_AFTER = 2.0
FAILED_REST = (0.5, 30.0)  # seconds: after the first failure; at most, doubled with each further one
LIED_REST = (30.0, 600.0)
_KNOWN = 16  # blobs verified lately, in memory
_MAX_CANDIDATES = 128  # of one answer that are looked at


@dataclass(slots=True)
class _Tracked:
    """A source, and whether it is to be asked. `until`: of the client's clock."""

    source: BlobSource
    failures: int = 0
    until: float = 0.0


class BlobClient:
    """`sources` in the order in which they are asked; the archive always comes first, and gets what others give.

    `workers`: where commitments are recomputed (60 ms a blob), on a thread if None. Closed with the client. Use as a context manager, or call `close`.
    """

    def __init__(
        self,
        sources: Sequence[BlobSource],
        archive: BlobArchive | None = None,
        *,
        hedge_after: float = HEDGE_AFTER,
        workers: WorkerPool | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._sources = [_Tracked(source) for source in sources]
        self.archive: BlobArchive = MemoryArchive() if archive is None else archive
        self._hedge_after = hedge_after
        self.workers = workers or WorkerPool(0)
        self._clock = clock
        self._known: LRU[bytes, bytes] = LRU(_KNOWN)
        self.fetched: dict[str, int] = {}  # blobs by source, since the start; "archive" is one
        self.failed: dict[str, int] = {}  # failures by source

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        self.workers.close()
        for tracked in self._sources:
            await tracked.source.close()

    async def blobs(self, timestamp: int, hashes: Sequence[bytes]) -> tuple[bytes, ...]:
        """The blobs with these versioned hashes, in order, of the L1 block with that timestamp.

        BlobsMissing if some source answers but none has them all, L1Unavailable if none answers.
        """
        found: dict[bytes, bytes] = {}
        for each in dict.fromkeys(hashes):
            if (blob := await self._kept(each)) is not None:
                found[each] = blob
        if any(each not in found for each in hashes):
            await self._collect(timestamp, tuple(dict.fromkeys(hashes)), found)
        return tuple(found[each] for each in hashes)

    def remember(self, blobs: Iterable[bytes], hashes: Iterable[bytes]) -> None:
        """Archives blobs that this process made itself, under hashes it computed itself."""
        for versioned_hash, blob in zip(hashes, blobs, strict=True):
            self.archive.put(versioned_hash, blob)

    async def _kept(self, versioned_hash: bytes) -> bytes | None:
        known: bytes | None = self._known.get(versioned_hash)
        if known is not None:
            return known
        blob = await asyncio.to_thread(self.archive.get, versioned_hash)
        if blob is None:
            return None
        if await self._hash_of(blob) != versioned_hash:
            log.warning("a blob in the archive is damaged; it is fetched anew", hash=versioned_hash)
            self.archive.discard(versioned_hash)
            return None
        self._count("archive")
        self._known[versioned_hash] = blob
        return blob

    # --- asking --------------------------------------------------------------------------------------------

    async def _collect(self, timestamp: int, hashes: tuple[bytes, ...], found: dict[bytes, bytes]) -> None:
        """Asks until all are found, one source after the other, and side by side where one keeps us waiting."""
        now = self._clock()
        to_ask = deque(each for each in self._sources if each.until <= now)
        reasons = [
            f"{each.source.name}: passed over for {each.until - now:.1f} s"
            for each in self._sources if each.until > now
        ]  # fmt: skip
        running: dict[asyncio.Task[None], _Tracked] = {}
        answered = False
        try:
            while to_ask or running:
                if to_ask:
                    tracked = to_ask.popleft()
                    request = BlobRequest(timestamp, tuple(each for each in hashes if each not in found))
                    running[asyncio.create_task(self._ask(tracked.source, request, found))] = tracked
                done, _ = await asyncio.wait(
                    running, timeout=self._hedge_after if to_ask else None, return_when=asyncio.FIRST_COMPLETED
                )
                for task in done:
                    tracked = running.pop(task)
                    reason = self._judge(tracked, task)
                    answered |= not isinstance(task.exception(), SourceFailed)
                    reasons.append(f"{tracked.source.name}: {reason}")
                if all(each in found for each in hashes):
                    return
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)
        if not answered:
            raise L1Unavailable("blobs: " + ("; ".join(reasons) or "no source"))
        raise BlobsMissing([each for each in hashes if each not in found], reasons)

    async def _ask(self, source: BlobSource, request: BlobRequest, found: dict[bytes, bytes]) -> None:
        """Takes into `found` what the source has. SourceEmpty, SourceFailed."""
        candidates = await source.fetch(request)
        taken = 0
        for candidate in candidates[:_MAX_CANDIDATES]:
            if all(each in found for each in request.hashes):
                return
            if (versioned_hash := await self._check(candidate, request.hashes, found)) is not None:
                found[versioned_hash] = self._known[versioned_hash] = candidate.blob
                self._count(source.name)
                taken += 1
                await asyncio.to_thread(self.archive.put, versioned_hash, candidate.blob)
        if not taken and candidates:
            raise SourceLied(f"{len(candidates)} blobs, and none that was asked for")

    async def _check(self, candidate: Candidate, wanted: Sequence[bytes], found: dict[bytes, bytes]) -> bytes | None:
        """The versioned hash, if it is a blob that is wanted. SourceLied if it isn't what the source says it is."""
        claimed = candidate.claimed
        if claimed is not None and (claimed not in wanted or claimed in found):
            return None
        versioned_hash = await self._hash_of(candidate.blob)
        if claimed is not None and versioned_hash != claimed:
            raise SourceLied(f"a blob that isn't 0x{claimed.hex()}")
        return versioned_hash if versioned_hash in wanted and versioned_hash not in found else None

    def _judge(self, tracked: _Tracked, task: asyncio.Task[None]) -> str:
        """Why a source has not given all; a failure is remembered."""
        error = task.exception()
        if error is None or isinstance(error, SourceEmpty):
            if tracked.failures:
                log.info("blob source is back", source=tracked.source.name)
            tracked.failures = 0
            return "has other blobs" if error is None else str(error)
        if not isinstance(error, SourceFailed):
            raise error
        first, most = LIED_REST if isinstance(error, SourceLied) else FAILED_REST
        rest = min(most, first * 2.0 ** min(tracked.failures, 16))
        tracked.failures += 1
        tracked.until = self._clock() + rest
        name = tracked.source.name
        self.failed[name] = self.failed.get(name, 0) + 1
        log.warning("blob source lies" if isinstance(error, SourceLied) else "blob source fails",
                    source=name, reason=str(error), passed_over_for=rest)  # fmt: skip
        return str(error)

    async def _hash_of(self, blob: bytes) -> bytes | None:
        return await self.workers.run(_versioned_hash, blob)

    def _count(self, name: str) -> None:
        self.fetched[name] = self.fetched.get(name, 0) + 1


def _versioned_hash(blob: bytes) -> bytes | None:
    if len(blob) != BLOB_SIZE:
        return None
    try:
        return blob_versioned_hash(blob)
    except ValueError:
        return None
