"""Where blobs come from. A source gives candidates: nothing it says is believed before the KZG commitment is recomputed."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import aiohttp
from yarl import URL

from l1.kzg import BLOB_SIZE

_TRIES = 2
_BETWEEN_TRIES = 0.2  # seconds
_PIECE = 1 << 16


class BlobsMissing(Exception):
    """No source has these blobs now. It isn't known whether any ever will. `hashes`: the missing ones."""

    def __init__(self, hashes: Sequence[bytes], reasons: Sequence[str]) -> None:
        self.hashes = tuple(hashes)
        listed = ", ".join("0x" + each.hex() for each in hashes)
        super().__init__(f"no source has blobs {listed}: {'; '.join(reasons) or 'none asked'}")


class SourceEmpty(Exception):
    """The source answers, and has nothing of what was asked for."""


class SourceFailed(Exception):
    """No answer, or none that can be read."""


class SourceLied(SourceFailed):
    """An answer that can't be true."""


@dataclass(frozen=True, slots=True)
class BlobRequest:
    """Blobs by versioned hash, of the L1 block with that timestamp (seconds)."""

    timestamp: int
    hashes: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Candidate:
    """What a source says is a blob. `claimed`: the versioned hash it says the blob has, None if it doesn't say."""

    blob: bytes
    claimed: bytes | None = None


class BlobSource(Protocol):
    """`name` is for logs: it holds no credentials."""

    name: str

    async def fetch(self, request: BlobRequest) -> Sequence[Candidate]:
        """Some or all of what was asked for, and maybe more. SourceEmpty, SourceFailed."""
        ...

    async def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Answer:
    """Of a GET with status 200."""

    content_type: str
    body: bytes


class HttpSource:
    """GET requests that are bounded in time and size. `timeout`: of one request, seconds."""

    def __init__(self, url: str, *, timeout: float = 10.0) -> None:
        self._url = url.rstrip("/")
        host = URL(url)
        self.name = f"{host.scheme}://{host.host}" + (f":{host.port}" if host.explicit_port else "")  # keys lie in paths
        self._timeout = timeout
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def get(
        self, path: str, limit: int, accept: str, query: Sequence[tuple[str, str]] = ()
    ) -> Answer:
        """At most `limit` bytes. SourceEmpty if there is nothing at that path, SourceFailed without an answer."""
        for _ in range(_TRIES - 1):
            try:
                return await self._get(path, limit, accept, query)
            except SourceLied:
                raise
            except SourceFailed as error:
                if isinstance(error.__cause__, TimeoutError):
                    raise
                await asyncio.sleep(_BETWEEN_TRIES)
        return await self._get(path, limit, accept, query)

    async def _get(self, path: str, limit: int, accept: str, query: Sequence[tuple[str, str]]) -> Answer:
        if self._session is None:
            # no decompression: a few bytes could become gigabytes, and blobs hardly get smaller
            self._session = aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(total=self._timeout), auto_decompress=False,
                headers={"Accept-Encoding": "identity"},
            )  # fmt: skip
        try:
            async with self._session.get(
                self._url + path, headers={"Accept": accept}, params=list(query) or None
            ) as response:
                status = response.status
                if status in (400, 404, 405, 406, 410, 415, 501):
                    raise SourceEmpty(f"{path}: HTTP {status}")
                if status != 200:
                    raise SourceFailed(f"{path}: HTTP {status}")
                return Answer(response.content_type, await _read(response, path, limit))
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
            raise SourceFailed(f"{path}: {type(error).__name__} {error}".strip()) from error


async def _read(response: aiohttp.ClientResponse, path: str, limit: int) -> bytes:
    if response.headers.get("Content-Encoding", "identity") != "identity":
        raise SourceFailed(f"{path}: a compressed answer that nobody asked for")
    body = bytearray()
    async for piece in response.content.iter_chunked(_PIECE):
        body += piece
        if len(body) > limit:
            raise SourceLied(f"{path}: an answer of more than {limit:,} bytes")
    return bytes(body)


class PeerSource(HttpSource):
    """Another Verdict daemon's archive (l1/blob_server.py): GET /blobs/0x<versioned hash>."""

    async def fetch(self, request: BlobRequest) -> Sequence[Candidate]:
        answers = await asyncio.gather(*(self._one(each) for each in request.hashes), return_exceptions=True)
        found = [each for each in answers if isinstance(each, Candidate)]
        for each in answers:
            if isinstance(each, BaseException) and not (found or isinstance(each, SourceEmpty)):
                raise each
        if not found:
            raise SourceEmpty("has none of them")
        return found

    async def _one(self, versioned_hash: bytes) -> Candidate:
        path = f"/blobs/0x{versioned_hash.hex()}"
        answer = await self.get(path, BLOB_SIZE, "application/octet-stream")
        if len(answer.body) != BLOB_SIZE:
            raise SourceLied(f"{path}: {len(answer.body):,} bytes are no blob")
        return Candidate(answer.body, versioned_hash)


def text_of(value: Mapping[str, object], key: str) -> str:
    """A string out of a JSON object, empty if there is none."""
    found = value.get(key)
    return found if isinstance(found, str) else ""
