"""A request given up at any moment costs the next one nothing."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from aiohttp import web
from web3._utils.http_session_manager import HTTPSessionManager

from l1.client import L1Client, RetryPolicy
from l1.http_provider import LONGEST_REST, MAX_ANSWER, AskedToWait, HttpProvider

ANSWER = {"jsonrpc": "2.0", "id": 0, "result": "0x1"}


async def test_cancelled_requests_leave_nothing_locked() -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.json_response(ANSWER)

    app = web.Application()
    app.router.add_post("/", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/"
    first, second = HttpProvider(url), HttpProvider(url)
    try:
        with HTTPSessionManager._lock:  # web3's: as if another request of the process were at it
            task = asyncio.create_task(first.make_request("eth_chainId", []))  # type: ignore[arg-type]
            await asyncio.sleep(0)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        async with asyncio.timeout(10):
            for provider in (first, second):
                assert (await provider.make_request("eth_chainId", []))["result"] == "0x1"  # type: ignore[arg-type]
    finally:
        await first.disconnect()
        await second.disconnect()
        await runner.cleanup()


async def test_no_answer_in_time_is_a_timeout() -> None:
    async def accept(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await released.wait()
        writer.close()

    released = asyncio.Event()
    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    provider = HttpProvider(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/", timeout=0.2)
    try:
        with pytest.raises(TimeoutError):
            await provider.make_request("eth_chainId", [])  # type: ignore[arg-type]
    finally:
        released.set()
        await provider.disconnect()
        server.close()


@pytest.mark.parametrize("body", [b"[" * 200_000, b'{"result":' * 200_000, b"[]", b"null", b"\xff", b'{"result": NaN}'])
async def test_what_is_no_answer_is_a_value_error(body: bytes) -> None:
    """Deep nesting would overflow the stack of the parser in C and end the process."""
    async def answer(_: web.Request) -> web.Response:
        return web.Response(body=body, content_type="application/json")

    app = web.Application()
    app.router.add_post("/", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    provider = HttpProvider(f"http://127.0.0.1:{runner.addresses[0][1]}/")
    try:
        with pytest.raises(ValueError):
            await provider.make_request("eth_chainId", [])  # type: ignore[arg-type]
    finally:
        await provider.disconnect()
        await runner.cleanup()



@contextlib.asynccontextmanager
async def serving(answer: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_post("/", answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/"
    finally:
        await runner.cleanup()


async def test_an_answer_without_end_is_not_kept() -> None:
    sent = 0

    async def endless(request: web.Request) -> web.StreamResponse:
        nonlocal sent
        response = web.StreamResponse()
        await response.prepare(request)
        while sent < 4 * MAX_ANSWER:
            await response.write(b" " * (1 << 20))
            sent += 1 << 20
        return response

    async with serving(endless) as url:
        provider = HttpProvider(url)
        with pytest.raises(ValueError, match="more than"):
            await provider.make_request("eth_chainId", [])  # type: ignore[arg-type]
        await provider.disconnect()
    assert MAX_ANSWER <= sent < 2 * MAX_ANSWER


async def test_who_asks_us_to_wait_is_left_alone_for_so_long() -> None:
    asked: list[float] = []

    async def limited(_: web.Request) -> web.StreamResponse:
        asked.append(time.monotonic())
        if len(asked) == 1:
            return web.Response(status=429, headers={"Retry-After": "1"})
        return web.json_response(ANSWER)

    async with serving(limited) as url, L1Client(url, retry=RetryPolicy(backoff=0.01)) as l1:
        first = asyncio.create_task(l1.chain_id())
        while not asked:
            await asyncio.sleep(0.01)
        assert await asyncio.gather(first, l1.chain_id()) == [1, 1]
    assert len(asked) == 3 and min(asked[1:]) >= asked[0] + 1


async def test_an_absurd_wait_is_not_waited_for() -> None:
    async def limited(_: web.Request) -> web.StreamResponse:
        return web.Response(status=503, headers={"Retry-After": "9" * 9})

    async with serving(limited) as url:
        provider = HttpProvider(url)
        with pytest.raises(AskedToWait) as caught:
            await provider.make_request("eth_chainId", [])  # type: ignore[arg-type]
        assert caught.value.seconds == LONGEST_REST
        await provider.disconnect()
