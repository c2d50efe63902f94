"""JSON-RPC 2.0 over HTTP POST and WebSocket on one port.

dispatcher = build_dispatcher(chain)
async with RpcServer(dispatcher, host="127.0.0.1", port=0) as server:
    print(server.url, server.ws_url)
"""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import urlsplit

from aiohttp import web

from rpc.dispatch import Dispatcher
from rpc.http import HttpServer, is_plain
from rpc.websocket import WebSocketConnection

_JSON_TYPES = ("application/json", "application/json-rpc", "application/jsonrequest")


class RpcServer(HttpServer):
    """Serves a Dispatcher; owns it: stopping the server closes it. Pages on localhost may call over WebSocket, too."""

    def __init__(self, dispatcher: Dispatcher, **options: Any) -> None:
        super().__init__(**options, limits=dispatcher.limits)
        self.dispatcher = dispatcher
        self._sockets: set[WebSocketConnection] = set()

    @property
    def ws_url(self) -> str:
        return f"ws://{self._url_host}:{self.port}"

    def _add_routes(self, app: web.Application) -> None:
        app.router.add_post("/", self._post)
        app.router.add_get("/", self._get)
        app.router.add_route("OPTIONS", "/", self._preflight)
        app.on_shutdown.append(self._close_sockets)

    async def stop(self) -> None:
        await super().stop()
        self.dispatcher.close()

    async def _close_sockets(self, _app: web.Application) -> None:
        await asyncio.gather(*(socket.close() for socket in tuple(self._sockets)), return_exceptions=True)

    # -- requests

    async def _post(self, request: web.Request) -> web.Response:
        if request.content_type not in _JSON_TYPES:
            return web.Response(status=415, text="invalid content type, only application/json is supported\n")
        try:
            async with asyncio.timeout(self._limits.body_timeout):
                body = await request.read()
        except TimeoutError:
            response = web.Response(status=408, text="request body took too long\n")
            response.force_close()
            return response
        answer = await self.dispatcher.answer(body)
        return web.Response(text=answer or "", content_type="application/json")

    async def _get(self, request: web.Request) -> web.StreamResponse:
        if request.headers.get("Upgrade", "").lower() != "websocket":
            return web.Response(text="")  # as geth: an empty page, for simple liveness checks
        if not self._socket_origin_allowed(request.headers.get("Origin")):
            return web.Response(status=403, text="origin not allowed\n")
        socket = WebSocketConnection(request, self.dispatcher)
        self._sockets.add(socket)
        try:
            return await socket.run()
        finally:
            self._sockets.discard(socket)

    async def _preflight(self, request: web.Request) -> web.Response:
        return web.Response(status=204 if self._cors_headers(request) else 403)

    def _socket_origin_allowed(self, origin: str | None) -> bool:
        if origin is None or "*" in self._origins or origin in self._origins:
            return True
        return is_plain(origin) and urlsplit(origin).hostname in ("localhost", "127.0.0.1", "::1")
