"""The page's routes, for the HTTP server of any daemon. Everything is read only, and needs no cookie and no key.

    async with Pages(view) as pages:
        HttpServer(..., routes=pages.routes())

The page polls: `/view/overview.json`, and what it shows in full. An answer that has not changed is a 304 without a body.
`Verdict-Age` says how many seconds ago L1 said so, `Verdict-Failure` why there is nothing newer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Protocol, Self

from aiohttp import web

from web.assets import INDEX, Body, load_assets
from web.readings import Busy, Reading, Shelf, Source

PREFIX = "/view"
SHOWN = 100  # batches, assertions and games of the overview, the newest
READS_AT_ONCE = 4
_ID = "{id:0x[0-9a-f]{64}}"

HEADERS = {
    "Content-Security-Policy": "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class View(Protocol):
    """What it needs of `view.RollupView`."""

    async def overview(self, limit: int = ...) -> Mapping[str, Any]: ...
    async def game(self, game_id: bytes) -> Mapping[str, Any] | None: ...
    async def assertion(self, assertion_id: bytes) -> Mapping[str, Any] | None: ...


class Pages:
    """`served`: whether the operator wants the page."""

    def __init__(self, view: View, served: bool = True, *, shown: int = SHOWN) -> None:
        self._view = view
        self._served = served
        self._shown = shown
        self._assets = load_assets()
        self._overview = Source("overview", self._read_overview, asyncio.Semaphore(1))
        self._details = Shelf(asyncio.Semaphore(READS_AT_ONCE))
        self._block = ""  # the L1 block that the overview is of

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_exc: object) -> None:
        await self._overview.close()
        await self._details.close()

    def at(self, server_url: str) -> str:
        """Its address on that server, for the log."""
        return f"{server_url}{PREFIX}/" if self._served and server_url else "off"

    def routes(self) -> list[web.RouteDef]:
        """None if it isn't served."""
        return [] if not self._served else [
            web.get(PREFIX, self._to_index),
            *(web.get(f"{PREFIX}/{'' if name == INDEX else name}", self._asset) for name in self._assets),
            web.get(f"{PREFIX}/overview.json", self._answer_overview),
            web.get(f"{PREFIX}/games/{_ID}.json", self._answer_game),
            web.get(f"{PREFIX}/assertions/{_ID}.json", self._answer_assertion),
        ]

    # ---- files

    async def _to_index(self, _request: web.Request) -> web.Response:
        return web.Response(status=308, headers={**HEADERS, "Location": f"{PREFIX}/"})

    async def _asset(self, request: web.Request) -> web.Response:
        body = self._assets[request.path.removeprefix(f"{PREFIX}/") or INDEX]
        return _respond(request, body, {"Cache-Control": "no-cache"})  # kept, and asked for again each time

    # ---- data

    async def _read_overview(self) -> Mapping[str, Any]:
        overview = await self._view.overview(self._shown)
        self._block = overview["l1"]["hash"]
        return overview

    async def _answer_overview(self, request: web.Request) -> web.Response:
        return _answer(request, self._overview, await self._overview.latest())

    async def _answer_game(self, request: web.Request) -> web.Response:
        return await self._detail(request, "game")

    async def _answer_assertion(self, request: web.Request) -> web.Response:
        return await self._detail(request, "assertion")

    async def _detail(self, request: web.Request, kind: str) -> web.Response:
        name = request.match_info["id"]
        read = self._view.game if kind == "game" else self._view.assertion
        try:
            source = self._details.get(f"{kind} {name}", lambda: read(bytes.fromhex(name[2:])))
        except Busy:
            return _failure(503, "too many things are being looked at")
        overview = await self._overview.latest()
        if overview is None:
            return _failure(503, self._overview.failure)
        found = await source.latest(of=self._block)  # nothing to read while L1 has no new block
        if found is not None:
            found = replace(found, age=overview.age, failure=found.failure or overview.failure)
        return _answer(request, source, found)


def _answer(request: web.Request, source: Source, found: Reading | None) -> web.Response:
    if found is None:
        return _failure(503, source.failure)
    if found.body is None:
        return _failure(404, found.failure or "L1 knows of no such thing")
    headers = {"Cache-Control": "no-store", "Verdict-Age": f"{found.age:.1f}"}
    if found.failure:
        headers["Verdict-Failure"] = found.failure
    return _respond(request, found.body, headers)


def _failure(status: int, why: str) -> web.Response:
    headers = {**HEADERS, "Cache-Control": "no-store", "Verdict-Failure": why}
    return web.json_response({"failure": why}, status=status, headers=headers)


def _respond(request: web.Request, body: Body, more: Mapping[str, str]) -> web.Response:
    headers = {**HEADERS, **more, "ETag": body.etag, "Vary": "Accept-Encoding"}
    if request.headers.get("If-None-Match") == body.etag:
        return web.Response(status=304, headers=headers)
    packed = "gzip" in request.headers.get("Accept-Encoding", "") and body.packed is not body.plain
    if packed:
        headers["Content-Encoding"] = "gzip"
    charset = None if body.content_type == "image/svg+xml" else "utf-8"
    return web.Response(body=body.packed if packed else body.plain, headers=headers, content_type=body.content_type, charset=charset)
