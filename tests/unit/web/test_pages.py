"""What the page costs L1, what it lets browsers do, and what it says when L1 is away."""

from __future__ import annotations

import asyncio
import gzip
import json
import re
import time
from collections.abc import AsyncIterator

import aiohttp
import pytest

from rpc.http import HttpServer
from tests.browser.synthetic import SyntheticView, identifier
from web import readings
from web.assets import DIRECTORY, load_assets
from web.pages import Pages


@pytest.fixture
def view() -> SyntheticView:
    return SyntheticView(3, 2, 2)


@pytest.fixture
async def http(view: SyntheticView) -> AsyncIterator[aiohttp.ClientSession]:
    async with (
        Pages(view) as pages,
        HttpServer(routes=pages.routes()) as server,
        aiohttp.ClientSession(server.url, auto_decompress=False, connector=aiohttp.TCPConnector(limit=0)) as session,
    ):
        yield session


def text_of(body: bytes, response: aiohttp.ClientResponse) -> bytes:
    return gzip.decompress(body) if response.headers.get("Content-Encoding") == "gzip" else body


async def test_many_viewers_cost_l1_no_more_than_one(http: aiohttp.ClientSession, view: SyntheticView) -> None:
    async def look() -> int:
        async with http.get("/view/overview.json") as response:
            assert json.loads(text_of(await response.read(), response))["batch_count"] == 3
            return response.status

    started = time.monotonic()
    assert await asyncio.gather(*(look() for _ in range(50))) == [200] * 50
    assert [await look() for _ in range(50)] == [200] * 50
    assert view.reads <= 1 + (time.monotonic() - started) / readings.REFRESH


async def test_a_detail_is_read_again_only_when_l1_has_a_new_block(
        http: aiohttp.ClientSession, view: SyntheticView, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readings, "REFRESH", 0.0)
    path = f"/view/games/{identifier(3, 1)}.json"
    for _ in range(5):
        async with http.get(path) as response:
            assert json.loads(text_of(await response.read(), response))["proof"]["step"] == 165
    assert view.detail_reads == 1
    view.block += 1
    async with asyncio.timeout(20):
        while view.detail_reads == 1:
            async with http.get(path) as response:
                assert response.status == 200
            await asyncio.sleep(0.05)


async def test_what_has_not_changed_is_not_sent_again(http: aiohttp.ClientSession) -> None:
    for path in ("/view/", "/view/main.js", "/view/overview.json"):
        async with http.get(path, headers={"Accept-Encoding": "identity"}) as first:
            plain = await first.read()
            assert first.status == 200 and "Content-Encoding" not in first.headers
        async with http.get(path, headers={"Accept-Encoding": "gzip"}) as packed:
            assert gzip.decompress(await packed.read()) == plain and packed.headers["Vary"] == "Accept-Encoding"
            assert packed.headers["ETag"] == first.headers["ETag"]
        async with http.get(path, headers={"If-None-Match": first.headers["ETag"]}) as again:
            assert again.status == 304 and await again.read() == b""
        async with http.get(path, headers={"If-None-Match": 'W/"other"'}) as other:
            assert other.status == 200


async def test_browsers_are_told_to_load_nothing_from_elsewhere(http: aiohttp.ClientSession) -> None:
    for path in ("/view/", "/view/style.css", "/view/overview.json", f"/view/games/{identifier(3, 77)}.json", "/view"):
        async with http.get(path, allow_redirects=False) as response:
            policy = response.headers["Content-Security-Policy"]
            assert policy.startswith("default-src 'self';") and "unsafe" not in policy and "frame-ancestors 'none'" in policy
            assert response.headers["X-Content-Type-Options"] == "nosniff"
            assert "Access-Control-Allow-Origin" not in response.headers
    for name, asset in load_assets().items():
        found = re.sub(r"http://www\.w3\.org/2000/svg", "", asset.plain.decode())
        assert not re.search(r"https?://|innerHTML|outerHTML|insertAdjacent|document\.write|\beval\(|new Function", found), name
    index = load_assets()["index.html"].plain.decode()
    assert not re.search(r"<script>|<style|\son\w+=|\sstyle=", index)


async def test_hosts_that_are_not_ours_are_refused(http: aiohttp.ClientSession) -> None:
    for path in ("/view/", "/view/overview.json"):
        async with http.get(path, headers={"Host": "rebound.example"}) as response:
            assert response.status == 403


@pytest.mark.parametrize(
    "path", ["/view/games/0x00.json", "/view/games/..%2f..%2fpages.py.json", "/view/../pages.py", "/view/%2e%2e/readings.py",
             "/view/static/main.js", f"/view/games/{identifier(3, 1).upper()}.json", "/view/nothing"])
async def test_only_what_is_there_is_given(http: aiohttp.ClientSession, view: SyntheticView, path: str) -> None:
    async with http.get(path) as response:
        assert response.status == 404
    assert view.reads == view.detail_reads == 0


async def test_what_l1_does_not_know_is_not_found(http: aiohttp.ClientSession) -> None:
    for path in (f"/view/games/{identifier(3, 7)}.json", f"/view/assertions/{identifier(3, 0)}.json"):
        async with http.get(path) as response:
            assert response.status == 404 and "L1" in response.headers["Verdict-Failure"]


async def test_while_l1_is_away_viewers_have_the_last_and_know_it(
        http: aiohttp.ClientSession, view: SyntheticView, monkeypatch: pytest.MonkeyPatch) -> None:
    view.away = True
    async with http.get("/view/overview.json") as response:
        assert response.status == 503 and response.headers["Verdict-Failure"] == "L1 does not answer"
        assert "hunter2" not in await response.text()
    view.away = False

    async def answer(failing: bool) -> aiohttp.ClientResponse:
        async with asyncio.timeout(20):
            while True:
                async with http.get("/view/overview.json") as response:
                    body = text_of(await response.read(), response)
                    if response.status == 200 and ("Verdict-Failure" in response.headers) is failing:
                        assert json.loads(body)["batch_count"] == 3 and b"hunter2" not in body
                        return response
                await asyncio.sleep(0.1)

    fresh = await answer(failing=False)
    assert float(fresh.headers["Verdict-Age"]) < 2
    view.away = True
    stale = await answer(failing=True)
    assert stale.headers["Verdict-Failure"] == "L1 does not answer" and stale.headers["ETag"] == fresh.headers["ETag"]
    async with http.get(f"/view/games/{identifier(3, 0)}.json") as response:
        assert response.status == 503, "never read, and it can't be now"
    view.away = False
    await answer(failing=False)


async def test_the_first_reading_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readings, "PATIENCE", 0.0)
    done = asyncio.Event()

    async def slow() -> dict[str, int]:
        await done.wait()
        return {"n": 1}

    source = readings.Source("slow", slow, asyncio.Semaphore(1))
    waiting = asyncio.create_task(source.latest())
    asyncio.get_running_loop().call_later(0.1, done.set)
    first = await waiting
    assert first is not None and first.body is not None and first.body.plain == b'{"n":1}'
    monkeypatch.setattr(readings, "FIRST_PATIENCE", 0.0)
    done.clear()
    never = readings.Source("never", slow, asyncio.Semaphore(1))
    assert await never.latest() is None and never.failure == "the daemon is still reading L1"
    await never.close()


async def test_whoever_asks_for_much_pushes_out_what_nobody_looks_at() -> None:
    shelf = readings.Shelf(asyncio.Semaphore(1), most=3)
    let_go = asyncio.Event()

    async def wait() -> None:
        await let_go.wait()

    busy = [shelf.get(str(n), wait) for n in range(3)]
    waiting = [asyncio.create_task(each.latest()) for each in busy]
    await asyncio.sleep(0)
    with pytest.raises(readings.Busy):
        shelf.get("one more", wait)
    let_go.set()
    await asyncio.gather(*waiting)
    assert shelf.get("one more", wait) is not shelf.get("1", wait) is busy[1]
    assert shelf.get("0", wait) is not busy[0], "the one that was asked for longest ago is forgotten"
    await shelf.close()


async def test_an_operator_can_switch_it_off(view: SyntheticView) -> None:
    async with Pages(view, served=False) as pages, HttpServer(routes=pages.routes()) as server, aiohttp.ClientSession() as http:
        assert pages.at(server.url) == "off"
        async with http.get(f"{server.url}/view/") as response:
            assert response.status == 404
    assert Pages(view).at("http://127.0.0.1:1") == "http://127.0.0.1:1/view/" and Pages(view).at("") == "off"


def test_every_file_has_a_known_type() -> None:
    assert {file.name for file in DIRECTORY.iterdir()} == set(load_assets())
