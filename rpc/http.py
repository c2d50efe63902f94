"""An HTTP server of a daemon: who may call it, bounded connections, `/healthz`, and the routes it is given.

async with HttpServer(host="127.0.0.1", port=0, routes=pages.routes()) as server:
    print(server.url)
"""

from __future__ import annotations

import inspect
import ipaddress
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from typing import Any, Self
from urllib.parse import urlsplit

from aiohttp import web

from rpc.connections import BoundedSite
from rpc.limits import ServerLimits

Health = Callable[[], Mapping[str, Any] | Awaitable[Mapping[str, Any]]]


class HttpServer:
    """`hosts`: names allowed in the Host header besides localhost and IP addresses ("*": any), against DNS rebinding.
    `cors_origins`: web origins that may call ("*": any); none by default.
    `health`: what `GET /healthz` answers; a false `"ok"` in it makes the status 503.
    """

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        hosts: Collection[str] = (),
        cors_origins: Collection[str] = (),
        health: Health | None = None,
        routes: Iterable[web.RouteDef] = (),
        limits: ServerLimits | None = None,
    ) -> None:
        self.host = host
        self._port = port
        self._limits = limits or ServerLimits()
        self._hosts = frozenset(name.lower() for name in hosts) | {"localhost"}
        self._origins = frozenset(cors_origins)
        self._health = health
        self._routes = tuple(routes)
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
    def _url_host(self) -> str:
        host = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(self.host, self.host)
        return f"[{host}]" if ":" in host else host

    def _add_routes(self, app: web.Application) -> None:
        """What is served besides `/healthz` and the routes given."""

    async def start(self) -> None:
        """Listens. Raises OSError if it can't (port taken, host unknown)."""
        app = web.Application(client_max_size=self._limits.max_body, middlewares=[self._guard])
        app.router.add_get("/healthz", self._healthz)
        self._add_routes(app)
        app.add_routes(self._routes)
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

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_exc: object) -> None:
        await self.stop()

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

    async def _healthz(self, _request: web.Request) -> web.Response:
        details: Any = self._health() if self._health is not None else {"ok": True}
        if inspect.isawaitable(details):
            details = await details
        return web.json_response(dict(details), status=200 if details.get("ok", True) else 503)

    # -- who may call

    def _host_allowed(self, header: str) -> bool:
        name = urlsplit(f"//{header}").hostname if is_plain(header) else None
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


def is_plain(text: str) -> bool:
    """Whether urllib can take it apart."""
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
