"""eth_subscribe over WebSocket: newHeads, logs, newPendingTransactions, syncing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from chain.events import NewHead, PendingTransaction, Subscription
from rpc import render
from rpc.codec import Anything, Text, data, parse_bool
from rpc.dispatch import Connection, Notify, method
from rpc.errors import InvalidParams
from rpc.eth.log_filter import LogFilter, logs_of, parse_log_filter
from rpc.eth.logs import LogMethods
from rpc.eth.reader import ChainReader

_Handler = Callable[[Any, Notify], None]


class SubscriptionMethods:
    def __init__(self, reader: ChainReader, logs: LogMethods) -> None:
        self._chain = reader.chain
        self._logs = logs

    @method("eth_subscribe")
    def subscribe(self, kind: Text, options: Anything = None, *, connection: Connection) -> str:
        handle: _Handler
        if kind == "newHeads":
            handle = self._new_heads
        elif kind == "logs":
            handle = self._logs_for(self._parse_logs(options))
        elif kind == "newPendingTransactions":
            full = options is not None and self._parse_full(options)
            handle = self._pending_full if full else self._pending_hashes
        elif kind == "syncing":
            return connection.open_subscription(_never_syncing)
        else:
            raise InvalidParams(f'no "{kind[:60]}" subscription in eth namespace')
        events = self._chain.events.subscribe()

        async def source(notify: Notify) -> None:
            await _follow(events, handle, notify)

        try:
            return connection.open_subscription(source)
        except BaseException:
            events.close()
            raise

    @method("eth_unsubscribe")
    def unsubscribe(self, subscription: Text, *, connection: Connection) -> bool:
        if not connection.close_subscription(subscription):
            raise InvalidParams("subscription not found")
        return True

    def _parse_logs(self, options: Any) -> LogFilter:
        wanted = parse_log_filter({} if options is None else options)
        if wanted.block_hash is not None:
            raise InvalidParams("invalid argument 1 (options): blockHash in a subscription")
        self._logs.check(wanted)
        return wanted

    @staticmethod
    def _parse_full(options: Any) -> bool:
        return parse_bool(options)

    @staticmethod
    def _new_heads(event: Any, notify: Notify) -> None:
        if isinstance(event, NewHead):
            for header in event.added or (event.header,):
                notify(render.header(header))

    def _logs_for(self, wanted: LogFilter) -> _Handler:
        def handle(event: Any, notify: Notify) -> None:
            if not isinstance(event, NewHead):
                return
            for header in event.removed:
                for log in logs_of(self._chain, header, wanted, removed=True):
                    notify(log)
            for header in event.added or (event.header,):
                for log in logs_of(self._chain, header, wanted):
                    notify(log)

        return handle

    @staticmethod
    def _pending_hashes(event: Any, notify: Notify) -> None:
        if isinstance(event, PendingTransaction):
            notify(data(event.hash))

    def _pending_full(self, event: Any, notify: Notify) -> None:
        if isinstance(event, PendingTransaction):
            pooled = self._chain.pool.get(event.hash)
            if pooled is not None:
                notify(render.pending_transaction(pooled.tx))


async def _follow(events: Subscription, handle: _Handler, notify: Notify) -> None:
    with events:
        async for event in events:
            handle(event, notify)


async def _never_syncing(notify: Notify) -> None:
    """A node that serves its own chain is never behind it."""
    notify(False)
    await asyncio.Event().wait()
