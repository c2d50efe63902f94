"""Several sources of blobs: which is asked when, what is believed, and what is kept."""

from __future__ import annotations

import asyncio
import gzip
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from aiohttp import web

from l1.beacon import BeaconSource
from l1.blob_archive import DirectoryArchive, MemoryArchive, Retention
from l1.blob_client import LIED_REST, BlobClient
from l1.blob_server import BlobEndpoint
from l1.blob_sources import BlobsMissing, PeerSource
from l1.blobs import BLOB_SIZE, commitment_of
from l1.client import L1Unavailable
from rpc.http import HttpServer
from tests.unit.l1.blob_nodes import BLOBS, HASHES, OTHER, SLOT, TIMESTAMP, Node, served


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def good() -> Node:
    node = Node()
    node.blobs = {SLOT: BLOBS}
    node.archive = dict(zip(HASHES, BLOBS, strict=True))
    return node


def beacon_of_lies() -> Node:
    """Gives another blob under the commitment that was asked for."""
    node = Node()
    node.sidecars = {SLOT: [OTHER]}
    node.commitment_of = lambda _: commitment_of(BLOBS[0])
    return node


def beacon_of_other_blobs() -> Node:
    node = Node()
    node.blobs, node.filters = {SLOT: [OTHER, b"\xff" * BLOB_SIZE]}, False
    return node


def lying_peer() -> Node:
    node = Node()
    node.archive = dict.fromkeys(HASHES, OTHER)
    return node


@pytest.mark.parametrize(
    ("make", "source"),
    [(beacon_of_lies, BeaconSource), (beacon_of_other_blobs, BeaconSource), (lying_peer, PeerSource)],
)
async def test_a_liar_is_passed_over_for_a_while(make: Callable[[], Node], source: type) -> None:
    liar, honest, clock = make(), good(), Clock()
    async with liar.serve() as bad, honest.serve() as url:
        async with BlobClient([source(bad), PeerSource(url)], clock=clock) as client:
            assert await client.blobs(TIMESTAMP, HASHES[:1]) == (BLOBS[0],)
            assert client.failed and all(client.archive.get(each) in (None, BLOBS[0]) for each in HASHES)
            liar.asked.clear()
            assert await client.blobs(TIMESTAMP, HASHES[1:]) == (BLOBS[1],)
            assert not liar.asked
            clock.now += LIED_REST[0] + 1
            for each in HASHES:
                client.archive.discard(each)
        async with BlobClient([source(bad)], clock=clock) as client:
            with pytest.raises(L1Unavailable):
                await client.blobs(TIMESTAMP, HASHES)
            liar.asked.clear()
            with pytest.raises(L1Unavailable, match="passed over"):
                await client.blobs(TIMESTAMP, HASHES)
            assert not liar.asked
            clock.now += LIED_REST[0] + 1
            with pytest.raises(L1Unavailable):
                await client.blobs(TIMESTAMP, HASHES)
            assert liar.asked


async def test_each_source_gives_what_it_has() -> None:
    first, second, empty = Node(), Node(), Node()
    first.blobs = {SLOT: BLOBS[:1]}
    second.archive = {HASHES[1]: BLOBS[1]}
    async with (
        first.serve() as a, empty.serve() as b, second.serve() as c,
        BlobClient([BeaconSource(a), BeaconSource(b), PeerSource(c)]) as client,
    ):
        assert await client.blobs(TIMESTAMP, HASHES) == tuple(BLOBS)
        assert not client.failed


async def test_a_silent_source_is_not_waited_for() -> None:
    silent, honest = good(), good()
    silent.silent = True
    async with silent.serve() as a, honest.serve() as b:
        async with BlobClient([BeaconSource(a, timeout=60), PeerSource(b)], hedge_after=0.05) as client:
            async with asyncio.timeout(20):
                assert await client.blobs(TIMESTAMP, HASHES) == tuple(BLOBS)
        async with BlobClient([BeaconSource(a, timeout=0.2)]) as client:
            with pytest.raises(L1Unavailable, match="Timeout"):
                await client.blobs(TIMESTAMP, HASHES)


async def endless(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    while True:
        await response.write(bytes(1 << 20))


async def bomb(_: web.Request) -> web.StreamResponse:
    return web.Response(body=gzip.compress(BLOBS[0]), headers={"Content-Encoding": "gzip"})


async def trickle(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    while True:
        await response.write(b"\0")
        await asyncio.sleep(0.01)


async def cut_off(_: web.Request) -> web.StreamResponse:
    return web.Response(body=BLOBS[0][:-1])


async def no_json(_: web.Request) -> web.StreamResponse:
    return web.Response(body=b"[" * 100_000, content_type="application/json")


async def nonsense(_: web.Request) -> web.StreamResponse:
    data = {"genesis_time": "0", "SECONDS_PER_SLOT": "1"}
    return web.json_response({"data": data})


@pytest.mark.parametrize("handler", [endless, bomb, trickle, cut_off, no_json, nonsense])
@pytest.mark.parametrize("source", [BeaconSource, PeerSource])
async def test_no_answer_does_harm(handler: Callable, source: type) -> None:
    honest = good()
    async with (
        served(handler) as bad, honest.serve() as url,
        BlobClient([source(bad, timeout=0.5), PeerSource(url)]) as client,
    ):
        async with asyncio.timeout(20):
            assert await client.blobs(TIMESTAMP, HASHES) == tuple(BLOBS)
        assert client.failed


async def test_no_blobs_ask_no_one() -> None:
    async with BlobClient([]) as client:
        assert await client.blobs(0, []) == ()
        with pytest.raises(L1Unavailable):
            await client.blobs(0, HASHES)


async def test_a_damaged_file_is_fetched_anew(tmp_path: Path) -> None:
    honest = good()
    async with honest.serve() as url:
        async with BlobClient([PeerSource(url)], DirectoryArchive(tmp_path)) as client:
            await client.blobs(TIMESTAMP, HASHES)
        async with BlobClient([], DirectoryArchive(tmp_path)) as client:
            assert await client.blobs(0, HASHES) == tuple(BLOBS)
        damaged = bytearray(BLOBS[0])
        damaged[77] ^= 1
        (tmp_path / HASHES[0].hex()).write_bytes(damaged)
        (tmp_path / HASHES[1].hex()).write_bytes(b"")
        async with BlobClient([], DirectoryArchive(tmp_path)) as client:
            with pytest.raises(L1Unavailable):
                await client.blobs(0, HASHES)
        (tmp_path / HASHES[0].hex()).write_bytes(damaged)
        async with BlobClient([PeerSource(url)], DirectoryArchive(tmp_path)) as client:
            assert await client.blobs(0, HASHES) == tuple(BLOBS)
        assert (tmp_path / HASHES[0].hex()).read_bytes() == BLOBS[0]


async def test_a_served_archive_is_a_source(tmp_path: Path) -> None:
    archive = DirectoryArchive(tmp_path)
    archive.put(HASHES[0], BLOBS[0])
    async with (
        HttpServer(routes=BlobEndpoint(archive).routes()) as server,
        BlobClient([PeerSource(server.url)]) as client,
    ):
        assert await client.blobs(0, HASHES[:1]) == (BLOBS[0],)
        with pytest.raises(BlobsMissing):
            await client.blobs(0, HASHES[1:])
        assert not client.failed


async def test_what_is_no_hash_is_refused_and_too_many_are_put_off() -> None:
    from aiohttp.test_utils import TestClient, TestServer

    app = web.Application()
    app.add_routes(BlobEndpoint(MemoryArchive(zip(HASHES, BLOBS, strict=True)), at_once=0).routes())
    async with TestClient(TestServer(app)) as http:
        for name in ("..%2f..%2fidentity", "0x", "0x02" + "00" * 31, HASHES[0].hex()):
            assert (await http.get(f"/blobs/{name}")).status == 400
        busy = await http.get(f"/blobs/0x{HASHES[0].hex()}")
        assert busy.status == 503 and busy.headers["Retry-After"] == "1"


def test_pruning_leaves_what_is_young_protected_or_within_the_size(tmp_path: Path) -> None:
    archive = DirectoryArchive(tmp_path)
    hashes = [b"\x01" + bytes([n]) * 31 for n in range(5)]
    for age, each in enumerate(hashes):  # the first one is the youngest
        archive.put(each, bytes(BLOB_SIZE))
        os.utime(tmp_path / each.hex(), (1_000_000 - 100 * age, 1_000_000 - 100 * age))
    (tmp_path / "notes.txt").write_text("not ours")
    kept = lambda: [n for n, each in enumerate(hashes) if archive.get(each) is not None]
    archive.prune(Retention(1_000), (), 1_000_000)
    assert kept() == [0, 1, 2, 3, 4]
    archive.prune(Retention(150, 4 * BLOB_SIZE + 100), (), 1_000_000)
    assert kept() == [0, 1, 2, 3]
    pruned = archive.prune(Retention(150), {hashes[2]}, 1_000_000)
    assert kept() == [0, 1, 2] and (pruned.removed, pruned.kept) == (1, 3)
    archive.prune(Retention(0), (), 1_000_000)
    assert kept() == []
    assert (tmp_path / "notes.txt").exists()
