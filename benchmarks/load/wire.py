"""JSON-RPC over HTTP as one wallet's connection does it, with next to no cost of its own, so that the client is not what is measured.

HTTP/1.1, kept alive, one request at a time on each connection.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any, Self
from urllib.parse import urlsplit

TIMEOUT = 60.0  # seconds for one answer


class RpcFailure(Exception):
    """The server answered with a JSON-RPC error."""


class HttpFailure(Exception):
    """No answer, or one that isn't HTTP status 200 with a length."""


class Connection:
    """async with Connection(url) as c: await c.post(body). HttpFailure."""

    def __init__(self, url: str) -> None:
        self.url = url
        parts = urlsplit(url)
        self._host, self._port = parts.hostname or "", parts.port or 80
        self._head = (f"POST {parts.path or '/'} HTTP/1.1\r\nHost: {parts.netloc}\r\nContent-Type: application/json\r\n"
                      "Content-Length: ").encode()

    async def __aenter__(self) -> Self:
        self._reader, self._writer = await asyncio.open_connection(self._host, self._port, limit=1 << 20)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._writer.close()

    async def post(self, body: bytes) -> bytes:
        """The answer's body."""
        try:
            async with asyncio.timeout(TIMEOUT):
                self._writer.write(self._head + b"%d\r\n\r\n" % len(body) + body)
                head = (await self._reader.readuntil(b"\r\n\r\n")).lower()
                if not head.startswith(b"http/1.1 200") or b"content-length:" not in head:
                    raise HttpFailure(head.decode(errors="replace"))
                length = head.partition(b"content-length:")[2].partition(b"\r\n")[0]
                return await self._reader.readexactly(int(length))
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, TimeoutError) as error:
            raise HttpFailure(f"{self.url}: {error or type(error).__name__}") from error

    async def call(self, method: str, *params: Any) -> Any:
        """The result. RpcFailure, HttpFailure."""
        answer = json.loads(await self.post(request(method, *params)))
        if "error" in answer:
            raise RpcFailure(f"{method}: {answer['error'].get('message')}")
        return answer["result"]


def request(method: str, *params: Any, number: int = 1) -> bytes:
    return json.dumps({"jsonrpc": "2.0", "id": number, "method": method, "params": params}).encode()
