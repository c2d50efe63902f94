"""What a daemon says of itself to whoever asks, over HTTP."""

from __future__ import annotations

import json
from typing import Any, Protocol

from aiohttp import ClientSession


class Served(Protocol):
    url: str


async def health(daemon: Served) -> dict[str, Any]:
    """Its /healthz. The status must say what `"ok"` says."""
    async with ClientSession() as session, session.get(daemon.url.rstrip("/") + "/healthz") as response:
        found: dict[str, Any] = json.loads(await response.read())
        assert (response.status == 200) is bool(found["ok"]), (response.status, found)
        return found
