"""Blobs from the beacon API, each verified against its versioned hash, and kept from the moment they are seen.

Ethereum prunes blobs after 18 days and forgets those of orphaned slots at once; the archive doesn't.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, Self

import aiohttp

from l1.client import L1Unavailable, RetryPolicy
from l1.kzg import BLOB_SIZE, blob_versioned_hash

_RETRY = RetryPolicy(tries=2)


class BlobsMissing(Exception):
    """No source has these blobs now. It isn't known whether any ever will. `hashes`: the missing ones."""

    def __init__(self, hashes: Sequence[bytes], slot: int, reasons: Sequence[str]) -> None:
        self.hashes, self.slot = tuple(hashes), slot
        listed = ", ".join("0x" + each.hex() for each in hashes)
        super().__init__(f"no source has blobs {listed} of slot {slot}: {'; '.join(reasons) or 'none asked'}")


class BlobArchive(Protocol):
    """Where blobs are kept, by versioned hash."""

    def get(self, versioned_hash: bytes) -> bytes | None: ...
    def put(self, versioned_hash: bytes, blob: bytes) -> None: ...


class DirectoryArchive:
    """One file a blob. What is written is whole or not there."""

    def __init__(self, path: Path) -> None:
        self._path = path
        path.mkdir(parents=True, exist_ok=True)

    def get(self, versioned_hash: bytes) -> bytes | None:
        try:
            blob = self._file(versioned_hash).read_bytes()
        except FileNotFoundError:
            return None
        return blob if len(blob) == BLOB_SIZE else None

    def put(self, versioned_hash: bytes, blob: bytes) -> None:
        file = self._file(versioned_hash)
        partial = file.with_suffix(".partial")
        partial.write_bytes(blob)
        partial.replace(file)

    def _file(self, versioned_hash: bytes) -> Path:
        return self._path / versioned_hash.hex()


class MemoryArchive(dict[bytes, bytes]):
    """For tests and one-off commands."""

    def put(self, versioned_hash: bytes, blob: bytes) -> None:
        self[versioned_hash] = blob


class BeaconClient:
    """`urls` of beacon nodes or blob archives with the same API; any of them may be wrong, late or empty."""

    def __init__(
        self, urls: str | Sequence[str], archive: BlobArchive | None = None, *, retry: RetryPolicy = _RETRY
    ) -> None:
        self._urls = [url.rstrip("/") for url in ([urls] if isinstance(urls, str) else urls)]
        self._archive: BlobArchive = MemoryArchive() if archive is None else archive
        self._retry = retry
        self._session: aiohttp.ClientSession | None = None
        self._clock: tuple[int, int] | None = None  # genesis time, seconds per slot

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def slot_at(self, timestamp: int) -> int:
        """The slot of the L1 block with that timestamp (seconds). L1Unavailable if no node says when slots began."""
        if self._clock is None:
            genesis = await self._first("/eth/v1/beacon/genesis")
            spec = await self._first("/eth/v1/config/spec")
            try:
                self._clock = int(genesis["data"]["genesis_time"]), int(spec["data"]["SECONDS_PER_SLOT"])
            except (KeyError, TypeError, ValueError) as error:
                raise L1Unavailable(f"the beacon node's genesis or spec is unreadable: {error!r}") from error
        genesis_time, seconds = self._clock
        return max(0, timestamp - genesis_time) // max(1, seconds)

    async def blobs(self, timestamp: int, hashes: Sequence[bytes]) -> tuple[bytes, ...]:
        """The blobs with these versioned hashes, in order, of the L1 block with that timestamp; each one recomputed.

        BlobsMissing if some source answers but none has them all, L1Unavailable if none answers.
        """
        found = {each: blob for each in hashes if (blob := self._archive.get(each)) is not None}
        if len(found) < len(set(hashes)):
            slot = await self.slot_at(timestamp)
            await self._collect(slot, hashes, found)
        return tuple(found[each] for each in hashes)

    async def _collect(self, slot: int, hashes: Sequence[bytes], found: dict[bytes, bytes]) -> None:
        reasons: list[str] = []
        answered = False
        for url in self._urls:
            for path in (f"/eth/v1/beacon/blob_sidecars/{slot}", f"/eth/v1/beacon/blobs/{slot}"):
                try:
                    answer = await self._get(url + path)
                    answered = True
                except L1Unavailable as error:
                    reasons.append(str(error))
                    continue
                except LookupError as error:
                    answered = True
                    reasons.append(str(error))
                    continue
                await self._keep(_blobs_in(answer), hashes, found)
                if all(each in found for each in hashes):
                    return
                reasons.append(f"{url}{path} has other blobs")
        if not answered:
            raise L1Unavailable("; ".join(reasons) or "no beacon URL")
        raise BlobsMissing([each for each in hashes if each not in found], slot, reasons)

    async def _keep(self, blobs: Iterable[bytes], wanted: Sequence[bytes], found: dict[bytes, bytes]) -> None:
        """Takes those that are wanted; what doesn't hash to a wanted one is nobody's."""
        for blob in blobs:
            if all(each in found for each in wanted):
                return
            try:
                versioned_hash = await asyncio.to_thread(blob_versioned_hash, blob)
            except ValueError:
                continue
            if versioned_hash in wanted and versioned_hash not in found:
                found[versioned_hash] = blob
                self._archive.put(versioned_hash, blob)

    def remember(self, blobs: Iterable[bytes], hashes: Iterable[bytes]) -> None:
        """Archives blobs that this process made itself, under hashes it computed itself."""
        for versioned_hash, blob in zip(hashes, blobs, strict=True):
            self._archive.put(versioned_hash, blob)

    async def _first(self, path: str) -> Mapping[str, Any]:
        reasons: list[str] = []
        for url in self._urls:
            try:
                return await self._get(url + path)
            except (L1Unavailable, LookupError) as error:
                reasons.append(str(error))
        raise L1Unavailable("; ".join(reasons) or "no beacon URL")

    async def _get(self, url: str) -> Mapping[str, Any]:
        """JSON of a GET. LookupError if the node answers that it has nothing there, L1Unavailable if it doesn't."""
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=self._retry.timeout))
        reason, wait = "", self._retry.backoff
        for attempt in range(self._retry.tries):
            if attempt:
                await asyncio.sleep(wait)
                wait *= 2
            try:
                async with self._session.get(url, headers={"Accept": "application/json"}) as response:
                    if response.status == 200:
                        answer = await response.json(content_type=None)
                        if isinstance(answer, Mapping):
                            return answer
                        reason = "an answer that isn't an object"
                    elif response.status < 500 and response.status != 429:
                        raise LookupError(f"{url}: HTTP {response.status}")
                    else:
                        reason = f"HTTP {response.status}"
            except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
                reason = f"{type(error).__name__} {error}".strip()
        raise L1Unavailable(f"{url}: {reason}")


def _blobs_in(answer: Mapping[str, Any]) -> Iterable[bytes]:
    """Whatever looks like a blob in either endpoint's answer."""
    data = answer.get("data")
    for entry in data if isinstance(data, list) else ():
        text = entry.get("blob") if isinstance(entry, Mapping) else entry
        if isinstance(text, str) and len(text) == 2 + 2 * BLOB_SIZE:
            try:
                yield bytes.fromhex(text[2:])
            except ValueError:
                continue
