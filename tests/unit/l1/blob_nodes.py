"""Beacon nodes and peers over real HTTP that do as they are told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from aiohttp import web

from l1.blobs import BLOB_SIZE, blob_versioned_hash, commitment_of, pack

BLOBS = [pack(bytes([n]) * 100)[0] for n in (1, 2)]
HASHES = [blob_versioned_hash(blob) for blob in BLOBS]
OTHER = pack(b"something else")[0]
GENESIS_TIME, SLOT_SECONDS, SLOT = 1_000, 2, 5
TIMESTAMP = GENESIS_TIME + SLOT * SLOT_SECONDS
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def served(handler: Handler) -> AsyncIterator[str]:
    """The URL of a server that answers every GET with `handler`."""
    app = web.Application()
    app.router.add_get("/{path:.*}", handler)
    runner = web.AppRunner(app, shutdown_timeout=0.1, handler_cancellation=True)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


class Node:
    """A beacon node and peer in one. `sidecars`, `blobs`: by slot what the two endpoints have, None for an endpoint that
    isn't there. `archive`: what it has as a peer, by versioned hash. `failing`: answers with 503 left to give."""

    def __init__(self) -> None:
        self.sidecars: dict[int, list[bytes]] | None = None
        self.blobs: dict[int, list[bytes]] | None = None
        self.archive: dict[bytes, bytes] = {}
        self.filters = True
        self.ssz = False
        self.failing = 0
        self.silent = False
        self.commitment_of = commitment_of
        self.asked: list[str] = []

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request.path)
        if self.silent:
            await asyncio.Event().wait()
        if self.failing:
            self.failing -= 1
            return web.Response(status=503)
        *_, kind, last = request.path.split("/")
        if last == "genesis":
            return web.json_response({"data": {"genesis_time": str(GENESIS_TIME)}})
        if last == "spec":
            return web.json_response({"data": {"SECONDS_PER_SLOT": str(SLOT_SECONDS)}})
        if request.path.startswith("/blobs/"):
            blob = self.archive.get(bytes.fromhex(last[2:]))
            return web.Response(status=404) if blob is None else web.Response(body=blob)
        store = self.sidecars if kind == "blob_sidecars" else self.blobs
        found = None if store is None else store.get(int(last))
        if found is None:
            return web.json_response({"code": 404, "message": "not found"}, status=404)
        if kind == "blob_sidecars":
            return web.json_response({"data": [
                {"index": "0", "blob": "0x" + blob.hex(), "kzg_commitment": "0x" + self.commitment_of(blob).hex()}
                for blob in found]})  # fmt: skip
        wanted = request.query.getall("versioned_hashes", [])
        if self.filters and wanted:
            found = [each for each in found if "0x" + blob_versioned_hash(each).hex() in wanted]
        if self.ssz and "octet-stream" in request.headers["Accept"]:
            return web.Response(body=b"".join(found), content_type="application/octet-stream")
        return web.json_response({"data": ["0x" + blob.hex() for blob in found]})

    def serve(self) -> object:
        return served(self.answer)


assert len(BLOBS[0]) == BLOB_SIZE
