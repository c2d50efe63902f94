"""Blobs from the beacon API: verified, archived, from whichever source has them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from aiohttp import web

from l1.beacon import BeaconClient, BlobsMissing, DirectoryArchive
from l1.blobs import BLOB_SIZE, blob_versioned_hash, pack
from l1.client import L1Unavailable, RetryPolicy

BLOBS = [pack(bytes([n]) * 100)[0] for n in (1, 2)]
HASHES = [blob_versioned_hash(blob) for blob in BLOBS]
GENESIS_TIME, SLOT_SECONDS = 1_000, 2
FAST = RetryPolicy(tries=2, timeout=1.0, backoff=0.001)


class Beacon:
    """A beacon node. `sidecars`, `blobs`: by slot what the two endpoints have, None for an endpoint that isn't there."""

    def __init__(self) -> None:
        self.sidecars: dict[int, list[bytes]] | None = {}
        self.blobs: dict[int, list[bytes]] | None = None
        self.failing = 0
        self.asked: list[str] = []

    async def answer(self, request: web.Request) -> web.Response:
        self.asked.append(request.path)
        if self.failing:
            self.failing -= 1
            return web.Response(status=503)
        *_, kind, last = request.path.split("/")
        if last == "genesis":
            return web.json_response({"data": {"genesis_time": str(GENESIS_TIME)}})
        if last == "spec":
            return web.json_response({"data": {"SECONDS_PER_SLOT": str(SLOT_SECONDS)}})
        store = self.sidecars if kind == "blob_sidecars" else self.blobs
        found = None if store is None else store.get(int(last))
        if found is None:
            return web.json_response({"code": 404, "message": "not found"}, status=404)
        listed = ["0x" + blob.hex() for blob in found]
        if kind == "blob_sidecars":
            return web.json_response({"data": [{"index": "0", "blob": each} for each in listed]})
        return web.json_response({"data": listed})


Serve = Callable[[Beacon], "object"]


@pytest.fixture
async def serve() -> AsyncIterator[Callable]:
    runners: list[web.AppRunner] = []

    async def start(beacon: Beacon) -> str:
        app = web.Application()
        app.router.add_get("/{path:.*}", beacon.answer)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        runners.append(runner)
        return f"http://127.0.0.1:{runner.addresses[0][1]}"

    yield start
    for runner in runners:
        await runner.cleanup()


async def test_blobs_of_a_slot_in_the_order_asked(serve: Callable) -> None:
    beacon = Beacon()
    beacon.sidecars = {5: [b"\x00" * BLOB_SIZE, BLOBS[1], BLOBS[0]]}
    async with BeaconClient(await serve(beacon), retry=FAST) as client:
        assert await client.blobs(GENESIS_TIME + 5 * SLOT_SECONDS, HASHES) == tuple(BLOBS)
        asked = len(beacon.asked)
        assert await client.blobs(0, HASHES[1:]) == (BLOBS[1],)
        assert len(beacon.asked) == asked  # from the archive


async def test_falls_back_to_the_other_endpoint_and_other_nodes(serve: Callable) -> None:
    newer, pruned, wrong = Beacon(), Beacon(), Beacon()
    newer.sidecars, newer.blobs = None, {5: BLOBS}
    wrong.sidecars = {5: [pack(b"something else")[0], b"\xff" * BLOB_SIZE]}
    wrong.failing = 1
    urls = [await serve(each) for each in (pruned, wrong, newer)]
    async with BeaconClient(urls, retry=FAST) as client:
        assert await client.blobs(GENESIS_TIME + 10, HASHES) == tuple(BLOBS)


async def test_missing_is_told_apart_from_unavailable(serve: Callable) -> None:
    beacon = Beacon()
    beacon.sidecars = {5: BLOBS[:1]}
    async with BeaconClient([await serve(beacon)], retry=FAST) as client:
        with pytest.raises(BlobsMissing) as caught:
            await client.blobs(GENESIS_TIME + 10, HASHES)
        assert caught.value.hashes == (HASHES[1],) and caught.value.slot == 5
        beacon.failing = 99
        with pytest.raises(L1Unavailable):
            await client.blobs(GENESIS_TIME + 10, HASHES)
    async with BeaconClient("http://127.0.0.1:1", retry=FAST) as client:
        with pytest.raises(L1Unavailable):
            await client.blobs(GENESIS_TIME + 10, HASHES)


async def test_no_blobs_ask_no_one() -> None:
    async with BeaconClient([], retry=FAST) as client:
        assert await client.blobs(0, []) == ()
        with pytest.raises(L1Unavailable):
            await client.blobs(0, HASHES)


async def test_archive_outlives_the_process(serve: Callable, tmp_path: Path) -> None:
    beacon = Beacon()
    beacon.sidecars = {5: BLOBS}
    async with BeaconClient(await serve(beacon), DirectoryArchive(tmp_path / "blobs"), retry=FAST) as client:
        await client.blobs(GENESIS_TIME + 10, HASHES)
    async with BeaconClient([], DirectoryArchive(tmp_path / "blobs"), retry=FAST) as client:
        assert await client.blobs(0, HASHES) == tuple(BLOBS)
        client.remember([pack(b"own")[0]], [b"\x01" * 32])
        assert await client.blobs(0, [b"\x01" * 32]) == (pack(b"own")[0],)
    (tmp_path / "blobs" / HASHES[0].hex()).write_bytes(b"cut off")
    async with BeaconClient([], DirectoryArchive(tmp_path / "blobs"), retry=FAST) as client:
        with pytest.raises(L1Unavailable):
            await client.blobs(0, HASHES)
