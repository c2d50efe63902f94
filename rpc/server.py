"""JSON-RPC 2.0 over HTTP POST and WebSocket on one port.

dispatcher = build_dispatcher(chain)
async with RpcServer(dispatcher, host="127.0.0.1", port=0) as server:
    print(server.url, server.ws_url)
"""

from __future__ import annotations

import asyncio
import inspect
import ipaddress
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from typing import Any, Self
from urllib.parse import urlsplit

from aiohttp import web

from rpc.connections import BoundedSite
from rpc.dispatch import Dispatcher
from rpc.websocket import WebSocketConnection

Health = Callable[[], Mapping[str, Any] | Awaitable[Mapping[str, Any]]]

_JSON_TYPES = ("application/json", "application/json-rpc", "application/jsonrequest")


class RpcServer:
    """Serves a Dispatcher; owns it: stopping the server closes it.

    `hosts`: names allowed in the Host header besides localhost and IP addresses ("*": any), against DNS rebinding.
    `cors_origins`: web origins that may call ("*": any); none by default, apart from pages on localhost over WebSocket.
    `health`: what `GET /healthz` answers; a false `"ok"` in it makes the status 503.
    """

    def __init__(
        self,
        dispatcher: Dispatcher,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        hosts: Collection[str] = (),
        cors_origins: Collection[str] = (),
        health: Health | None = None,
        routes: Iterable[web.RouteDef] = (),
    ) -> None:
        self.dispatcher = dispatcher
        self.host = host
        self._port = port
        self._limits = dispatcher.limits
        self._hosts = frozenset(name.lower() for name in hosts) | {"localhost"}
        self._origins = frozenset(cors_origins)
        self._health = health
        self._routes = tuple(routes)
        self._sockets: set[WebSocketConnection] = set()
        self._runner: web.AppRunner | None = None
        self._site: BoundedSite | None = None

    # -- life

    @property
    def port(self) -> int:
        """The port it listens on; the actual one after `start` when 0 was asked for."""
        return self._site.port if self._site is not None else self._port

    @property
    def url(self) -> str:
        return f"http://{self._url_host}:{self.port}"

    @property
    def ws_url(self) -> str:
        return f"ws://{self._url_host}:{self.port}"

    @property
    def _url_host(self) -> str:
        host = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(self.host, self.host)
        return f"[{host}]" if ":" in host else host

    async def start(self) -> None:
        """Listens. Raises OSError if it can't (port taken, host unknown)."""
        app = web.Application(client_max_size=self._limits.max_body, middlewares=[self._guard])
        app.router.add_post("/", self._post)
        app.router.add_get("/", self._get)
        app.router.add_route("OPTIONS", "/", self._preflight)
        app.router.add_get("/healthz", self._healthz)
        app.add_routes(self._routes)
        app.on_shutdown.append(self._close_sockets)
        self._runner = web.AppRunner(
            app,
            access_log=None,
            keepalive_timeout=self._limits.idle_timeout,
            shutdown_timeout=self._limits.shutdown_timeout,
            handler_cancellation=True,
            lingering_time=1.0,
        )
        await self._runner.setup()
        site = BoundedSite(self._runner, self.host, self._port, self._limits)
        try:
            await site.start()
        except BaseException:
            await self._runner.cleanup()
            self._runner = None
            raise
        self._site = site

    async def stop(self) -> None:
        """Accepts no more, lets what is under way end within `shutdown_timeout`, then drops it."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None
        self.dispatcher.close()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_exc: object) -> None:
        await self.stop()

    async def _close_sockets(self, _app: web.Application) -> None:
        await asyncio.gather(*(socket.close() for socket in tuple(self._sockets)), return_exceptions=True)

    # -- requests

    @web.middleware
    async def _guard(self, request: web.Request, handler: Any) -> web.StreamResponse:
        if self._site is not None:
            self._site.heard_from(request.protocol)
        if not self._host_allowed(request.headers.get("Host", "")):
            return web.Response(status=403, text="invalid host specified\n")
        response = await handler(request)
        if not response.prepared:
            response.headers.update(self._cors_headers(request))
        return response

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

    async def _healthz(self, _request: web.Request) -> web.Response:
        details: Any = self._health() if self._health is not None else {"ok": True}
        if inspect.isawaitable(details):
            details = await details
        return web.json_response(dict(details), status=200 if details.get("ok", True) else 503)

    # -- who may call

    def _host_allowed(self, header: str) -> bool:
        name = urlsplit(f"//{header}").hostname if _plain(header) else None
        if "*" in self._hosts or not header:
            return True
        return name is not None and (name in self._hosts or _is_address(name))

    def _cors_headers(self, request: web.Request) -> dict[str, str]:
        origin = request.headers.get("Origin")
        if origin is None or not ("*" in self._origins or origin in self._origins):
            return {}
        return {
            "Access-Control-Allow-Origin": "*" if "*" in self._origins else origin,
            "Access-Control-Allow-Methods": "POST, GET",
            "Access-Control-Allow-Headers": "Content-Type",
            "Access-Control-Max-Age": "600",
            "Vary": "Origin",
        }

    def _socket_origin_allowed(self, origin: str | None) -> bool:
        if origin is None or "*" in self._origins or origin in self._origins:
            return True
        return _plain(origin) and urlsplit(origin).hostname in ("localhost", "127.0.0.1", "::1")


def _plain(text: str) -> bool:
    try:
        urlsplit(f"//{text}" if "//" not in text else text)
    except ValueError:
        return False
    return True


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
