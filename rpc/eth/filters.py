"""eth_new*Filter and polling them. A filter expires when nobody has asked for a while.

Block and log filters keep no backlog: they remember the head they last reported and walk from there to the
present one, so a reorg in between shows as removed logs, and nothing can overflow.
"""

from __future__ import annotations

import asyncio
import secrets
import threading
import time
from collections import deque
from typing import Any

from chain.events import PendingTransaction, SubscriptionOverflow
from execution.header import Header
from rpc.codec import Text, data
from rpc.dispatch import method
from rpc.errors import LimitExceeded, ServerError
from rpc.eth.log_filter import Filter, LogFilter, logs_of
from rpc.eth.logs import LogMethods
from rpc.eth.reader import ChainReader
from rpc.limits import EthLimits


class _Filter:
    def __init__(self) -> None:
        self.polled = time.monotonic()
        self.lock = threading.Lock()

    def changes(self) -> list[Any]:
        raise NotImplementedError

    def close(self) -> None:
        pass


class _HeadFilter(_Filter):
    """New blocks, or with `wanted` the logs in them, since the last poll."""

    def __init__(self, reader: ChainReader, limits: EthLimits, wanted: LogFilter | None) -> None:
        super().__init__()
        self._reader = reader
        self._limits = limits
        self.wanted = wanted
        self._seen = reader.chain.head()

    def changes(self) -> list[Any]:
        head = self._reader.chain.head()
        removed, added = self._way(self._seen, head)
        if self.wanted is None:
            found: list[Any] = [data(header.hash) for header in added]
        else:
            found = []
            for header, gone in [*((each, True) for each in removed), *((each, False) for each in added)]:
                if not self._in_range(header):
                    continue
                found += logs_of(self._reader.chain, header, self.wanted, removed=gone)
                if len(found) > self._limits.max_filter_backlog:
                    self._seen = head
                    raise LimitExceeded(
                        f"more than {self._limits.max_filter_backlog} changes, they are skipped"
                    )
        self._seen = head
        return found

    def _way(self, old: Header, new: Header) -> tuple[list[Header], list[Header]]:
        """(removed, newest first; added, oldest first)."""
        removed: list[Header] = []
        added: list[Header] = []
        while old.hash != new.hash:
            if len(removed) + len(added) > self._limits.max_log_range:
                self._seen = self._reader.chain.head()
                raise LimitExceeded(
                    f"more than {self._limits.max_log_range} blocks since the last poll, they are skipped"
                )
            if old.number >= new.number:
                removed.append(old)
                old = self._reader.parent(old)
            if old.number < new.number:
                added.append(new)
                new = self._reader.parent(new)
        added.reverse()
        return removed, added

    def _in_range(self, header: Header) -> bool:
        first = self.wanted.first.ref if self.wanted is not None and self.wanted.first is not None else 0
        last = self.wanted.last.ref if self.wanted is not None and self.wanted.last is not None else None
        after_first = not isinstance(first, int) or header.number >= first
        return after_first and (not isinstance(last, int) or header.number <= last)


class _PendingFilter(_Filter):
    """Hashes of transactions that entered the pool; belongs to the event loop it is made on."""

    def __init__(self, reader: ChainReader, limits: EthLimits) -> None:
        super().__init__()
        self._backlog: deque[str] = deque(maxlen=limits.max_filter_backlog)
        self._subscription = reader.chain.events.subscribe()
        self._loop = asyncio.get_running_loop()
        self._task = self._loop.create_task(self._follow())

    async def _follow(self) -> None:
        try:
            async for event in self._subscription:
                if isinstance(event, PendingTransaction):
                    self._backlog.append(data(event.hash))
        except SubscriptionOverflow:
            pass  # the loop was blocked for very long: what came since is lost
        finally:
            self._subscription.close()

    def changes(self) -> list[Any]:
        found = []
        while self._backlog:
            found.append(self._backlog.popleft())
        return found

    def close(self) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._task.cancel)


class FilterMethods:
    def __init__(self, reader: ChainReader, logs: LogMethods, limits: EthLimits) -> None:
        self._reader = reader
        self._logs = logs
        self._limits = limits
        self._filters: dict[str, _Filter] = {}
        self._lock = threading.Lock()

    @method("eth_newFilter")
    def new_filter(self, filter: Filter) -> str:
        self._logs.check(filter)
        return self._install(_HeadFilter(self._reader, self._limits, filter))

    @method("eth_newBlockFilter")
    def new_block_filter(self) -> str:
        return self._install(_HeadFilter(self._reader, self._limits, None))

    @method("eth_newPendingTransactionFilter")
    async def new_pending_transaction_filter(self) -> str:
        return self._install(_PendingFilter(self._reader, self._limits))

    @method("eth_uninstallFilter")
    def uninstall_filter(self, filter: Text) -> bool:
        with self._lock:
            found = self._filters.pop(filter, None)
        if found is not None:
            found.close()
        return found is not None

    @method("eth_getFilterChanges", heavy=True)
    def get_filter_changes(self, filter: Text) -> list[Any]:
        found = self._find(filter)
        with found.lock:
            return found.changes()

    @method("eth_getFilterLogs", heavy=True)
    def get_filter_logs(self, filter: Text) -> list[dict[str, Any]]:
        found = self._find(filter)
        if not isinstance(found, _HeadFilter) or found.wanted is None:
            raise ServerError("filter not found")
        return self._logs.find(found.wanted)

    def close(self) -> None:
        with self._lock:
            filters, self._filters = self._filters, {}
        for each in filters.values():
            each.close()

    def _find(self, name: str) -> _Filter:
        self._expire()
        with self._lock:
            found = self._filters.get(name)
            if found is None:
                raise ServerError("filter not found")
            found.polled = time.monotonic()
            return found

    def _install(self, made: _Filter) -> str:
        self._expire()
        with self._lock:
            if len(self._filters) < self._limits.max_filters:
                name = "0x" + secrets.token_hex(16)
                self._filters[name] = made
                return name
        made.close()
        raise LimitExceeded(f"too many filters, at most {self._limits.max_filters}")

    def _expire(self) -> None:
        oldest = time.monotonic() - self._limits.filter_lifetime
        with self._lock:
            expired = [name for name, each in self._filters.items() if each.polled < oldest]
            closing = [self._filters.pop(name) for name in expired]
        for each in closing:
            each.close()
