"""The port from which Prometheus reads a process."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest


@contextlib.asynccontextmanager
async def serve_metrics(registry: CollectorRegistry, host: str, port: int,
                        health: Callable[[], Mapping[str, Any]] | None = None) -> AsyncIterator[None]:
    """GET /metrics, and /healthz if `health` is given; nothing if `port` is 0. Raises OSError if the port is taken."""
    if port == 0:
        yield
        return

    async def answer(_request: web.Request) -> web.Response:
        return web.Response(body=generate_latest(registry), headers={"Content-Type": CONTENT_TYPE_LATEST})

    async def healthz(_request: web.Request) -> web.Response:
        assert health is not None
        found = health()
        return web.json_response(dict(found), status=200 if found["ok"] else 503)

    app = web.Application()
    app.router.add_get("/metrics", answer)
    if health is not None:
        app.router.add_get("/healthz", healthz)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        yield
    finally:
        await runner.cleanup()
