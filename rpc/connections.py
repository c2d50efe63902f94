"""A TCP listener that bounds connections: their number, and how long one may go without a whole first request."""

from __future__ import annotations

import asyncio
from typing import Any

from aiohttp import web

from rpc.limits import ServerLimits


class _Refuse(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport.abort()  # type: ignore[attr-defined]


class BoundedSite(web.TCPSite):
    """aiohttp starts its own idle clock only after the first request; this site covers the time before it."""

    __slots__ = ("_limits", "_silent")

    def __init__(self, runner: web.AppRunner, host: str, port: int, limits: ServerLimits) -> None:
        super().__init__(runner, host, port)
        self._limits = limits
        self._silent: set[Any] = set()  # protocols that haven't sent a request yet

    def heard_from(self, protocol: Any) -> None:
        """A request arrived whole up to its headers."""
        self._silent.discard(protocol)

    async def start(self) -> None:
        await web.BaseSite.start(self)
        loop = asyncio.get_running_loop()
        server = self._runner.server
        assert server is not None

        def accept() -> asyncio.Protocol:
            if len(server.connections) >= self._limits.max_connections:
                return _Refuse()
            protocol = server()
            self._silent.add(protocol)
            loop.call_later(self._limits.header_timeout, self._reap, protocol)
            return protocol

        self._server = await loop.create_server(accept, self._host, self._port)
        self._bound_port = self._server.sockets[0].getsockname()[1]

    def _reap(self, protocol: Any) -> None:
        if protocol in self._silent:
            self._silent.discard(protocol)
            if protocol.transport is not None:
                protocol.transport.abort()
