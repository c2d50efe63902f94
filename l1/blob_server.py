"""Serves an archive to other nodes: GET /blobs/0x<versioned hash>, 131,072 bytes.

What lies on disk goes out unverified: every reader verifies.
"""

from __future__ import annotations

import asyncio
import re

from aiohttp import web

from l1.blob_archive import BlobArchive
from l1.kzg import BLOB_SIZE

PATH = "/blobs/{versioned_hash}"
MAX_AT_ONCE = 16
"""Answers under way at a time (2 MB); further requests get 503."""
SEND_TIMEOUT = 30.0
"""Seconds a reader may take for one blob."""
_HASH = re.compile(r"0x01[0-9a-fA-F]{62}")


class BlobEndpoint:
    """`archive` as a route of an aiohttp application."""

    def __init__(self, archive: BlobArchive, *, at_once: int = MAX_AT_ONCE) -> None:
        self._archive = archive
        self._free = at_once
        self.served = 0  # blobs given since the start

    def routes(self) -> list[web.RouteDef]:
        return [web.get(PATH, self._answer)]

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        named = request.match_info["versioned_hash"]
        if not _HASH.fullmatch(named):
            return web.Response(status=400, text="not a versioned hash: write 0x01 and 62 hex digits\n")
        if self._free <= 0:
            return web.Response(status=503, text="too many requests at once\n", headers={"Retry-After": "1"})
        self._free -= 1
        try:
            async with asyncio.timeout(SEND_TIMEOUT):
                return await self._send(request, bytes.fromhex(named[2:]))
        except TimeoutError:
            request.protocol.force_close()
            raise
        finally:
            self._free += 1

    async def _send(self, request: web.Request, versioned_hash: bytes) -> web.StreamResponse:
        blob = await asyncio.to_thread(self._archive.get, versioned_hash)
        if blob is None or len(blob) != BLOB_SIZE:
            return web.Response(status=404, text="no such blob here\n")
        response = web.Response(
            body=blob, content_type="application/octet-stream",
            headers={"Cache-Control": "public, max-age=31536000, immutable"},
        )  # fmt: skip
        await response.prepare(request)
        await response.write_eof()
        self.served += 1
        return response
