"""web3's HTTP provider, safe to cancel.

web3 8.0 guards its sessions with one `threading.Lock` of the whole process, which each request acquires on a thread. A
request cancelled while it waits there leaves the lock taken for good: from then on every request of every provider in
the process waits forever. An event loop needs no lock here, since nothing is awaited between looking and keeping.
"""

from __future__ import annotations

import asyncio
from typing import Any

from aiohttp import ClientSession, ClientTimeout, TCPConnector
from eth_typing import URI
from web3 import AsyncHTTPProvider
from web3._utils.http_session_manager import HTTPSessionManager


class HttpProvider(AsyncHTTPProvider):
    """`timeout`: of one request, seconds. Nothing is retried here: callers count their own tries."""

    def __init__(self, url: str, timeout: float = 30.0) -> None:
        super().__init__(
            url,
            request_kwargs={"timeout": ClientTimeout(total=timeout)},
            exception_retry_configuration=None,
        )
        self._request_session_manager = _Sessions()


class _Sessions(HTTPSessionManager):
    """One session for each event loop and URL, kept where `disconnect` finds it."""

    async def async_cache_and_return_session(
        self, endpoint_uri: URI, session: ClientSession | None = None, request_timeout: Any = None
    ) -> ClientSession:
        key = f"{id(asyncio.get_running_loop())}:{endpoint_uri}"
        known: ClientSession | None = self.session_cache.get_cache_entry(key)
        if known is not None and not known.closed:
            return known
        made = session or ClientSession(raise_for_status=True, connector=TCPConnector(force_close=True))
        self.session_cache.cache(key, made)
        return made
