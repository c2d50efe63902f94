"""web3's HTTP provider, safe to cancel and to answer anything.

web3 8.0 guards its sessions with one `threading.Lock` of the whole process, which each request acquires on a thread. A
request cancelled while it waits there leaves the lock taken for good: from then on every request of every provider in
the process waits forever. An event loop needs no lock here, since nothing is awaited between looking and keeping.
"""

from __future__ import annotations

import asyncio
from typing import Any, cast

from aiohttp import ClientError, ClientResponse, ClientSession, ClientTimeout, TCPConnector
from eth_typing import URI
from web3 import AsyncHTTPProvider
from web3._utils.http_session_manager import HTTPSessionManager
from web3.types import RPCResponse

from rpc.errors import RpcError
from rpc.json_input import parse_json
from rpc.limits import ServerLimits

_LIMITS = ServerLimits(max_values=5_000_000)
MAX_ANSWER = 64 << 20  # bytes, unpacked
LONGEST_REST = 60.0  # seconds that a server can ask us to wait


class AskedToWait(ClientError):
    """HTTP 429 or 503 with a Retry-After of so many `seconds`."""

    def __init__(self, status: int, seconds: float) -> None:
        super().__init__(f"HTTP {status}, again in {seconds:.0f} s")
        self.seconds = seconds


class HttpProvider(AsyncHTTPProvider):
    """`timeout`: of one request, seconds. Nothing is retried here: callers count their own tries."""

    def __init__(self, url: str, timeout: float = 30.0) -> None:
        super().__init__(
            url,
            request_kwargs={"timeout": ClientTimeout(total=timeout)},
            exception_retry_configuration=None,
        )
        self._request_session_manager = _Sessions()

    @staticmethod
    def decode_rpc_response(raw_response: bytes) -> RPCResponse:
        """ValueError for what isn't JSON, or nested so deeply that the parser's stack would overflow."""
        try:
            answer = parse_json(raw_response, _LIMITS)
        except RpcError as error:
            raise ValueError(f"not an answer: {error}") from error
        if not isinstance(answer, dict):
            raise ValueError("an answer that isn't an object")  # noqa: TRY004
        return cast(RPCResponse, answer)


class _Sessions(HTTPSessionManager):
    """One session for each event loop and URL, kept where `disconnect` finds it."""

    async def async_cache_and_return_session(
        self, endpoint_uri: URI, session: ClientSession | None = None, request_timeout: Any = None
    ) -> ClientSession:
        key = f"{id(asyncio.get_running_loop())}:{endpoint_uri}"
        known: ClientSession | None = self.session_cache.get_cache_entry(key)
        if known is not None and not known.closed:
            return known
        made = session or ClientSession(connector=TCPConnector(force_close=True))
        self.session_cache.cache(key, made)
        return made

    async def async_make_post_request(self, endpoint_uri: URI, data: bytes | dict[str, Any], **kwargs: Any) -> bytes:
        """The body. AskedToWait; ValueError if it is too large."""
        async with await self.async_get_response_from_post_request(endpoint_uri, data=data, **kwargs) as response:
            if (seconds := _retry_after(response)) is not None:
                raise AskedToWait(response.status, seconds)
            response.raise_for_status()
            body = bytearray()
            async for piece in response.content.iter_chunked(1 << 16):
                body += piece
                if len(body) > MAX_ANSWER:
                    raise ValueError(f"an answer of more than {MAX_ANSWER:,} bytes")
            return bytes(body)


def _retry_after(response: ClientResponse) -> float | None:
    """In seconds. The header may have a date instead, which nobody's clock need agree with."""
    text = response.headers.get("Retry-After", "")
    if response.status not in (429, 503) or not (text.isascii() and text.isdigit()) or len(text) > 9:
        return None
    return min(float(text), LONGEST_REST)
