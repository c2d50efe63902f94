"""One WebSocket connection: calls side by side up to a limit, subscriptions, and no patience with clients that don't read."""

from __future__ import annotations

import asyncio
import json
import logging
import secrets
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import WSCloseCode, WSMsgType, web

from rpc.dispatch import Dispatcher, Notify
from rpc.errors import LimitExceeded
from rpc.limits import ServerLimits

log = logging.getLogger("verdict.rpc")
Source = Callable[[Notify], Awaitable[None]]


class WebSocketConnection:
    """Runs until the client leaves, misbehaves or `close` is called."""

    def __init__(self, request: web.Request, dispatcher: Dispatcher) -> None:
        self._request = request
        self._dispatcher = dispatcher
        self._limits: ServerLimits = dispatcher.limits
        self._socket = web.WebSocketResponse(
            max_msg_size=self._limits.max_body,
            heartbeat=self._limits.heartbeat,
            compress=False,
            timeout=self._limits.shutdown_timeout,
        )
        self._sending = asyncio.Lock()
        self._slots = asyncio.Semaphore(self._limits.websocket_calls)
        self._backlog = _Backlog(self._limits.websocket_backlog, 2 * self._limits.max_body)
        self._notifications: asyncio.Queue[str] = asyncio.Queue(self._limits.notification_queue)
        self._subscriptions: dict[str, asyncio.Task[None] | None] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self) -> web.WebSocketResponse:
        await self._socket.prepare(self._request)
        self._spawn(self._send_notifications())
        try:
            async for message in self._socket:
                if message.type not in (WSMsgType.TEXT, WSMsgType.BINARY):
                    break
                await self._backlog.enter(len(message.data))
                self._spawn(self._serve(message.data))
        finally:
            await self._cancel_tasks()
        return self._socket

    async def close(self) -> None:
        """Says goodbye (1001, going away)."""
        await self._socket.close(code=WSCloseCode.GOING_AWAY, message=b"server shutdown")

    # -- calls

    async def _serve(self, message: str | bytes) -> None:
        call = _Call(self)
        try:
            async with self._slots:
                answer = await self._dispatcher.answer(message, call)
                if answer is not None:
                    await self._send(answer)
                call.start_subscriptions()
        finally:
            self._backlog.leave(len(message))

    async def _send(self, text: str) -> None:
        try:
            async with asyncio.timeout(self._limits.send_timeout):
                async with self._sending:
                    await self._socket.send_str(text)
        except TimeoutError:
            self._abort("a WebSocket client doesn't read its answers")
        except (ConnectionError, RuntimeError):  # it left; reading ends the loop
            pass

    def _abort(self, reason: str) -> None:
        log.info("closing a connection: %s", reason)
        if self._request.transport is not None:
            self._request.transport.abort()

    # -- subscriptions

    def has_room(self) -> bool:
        return len(self._subscriptions) < self._limits.max_subscriptions

    def reserve(self) -> str:
        if not self.has_room():
            raise LimitExceeded(
                f"too many subscriptions, at most {self._limits.max_subscriptions} a connection"
            )
        subscription = "0x" + secrets.token_hex(16)
        self._subscriptions[subscription] = None
        return subscription

    def start(self, subscription: str, source: Source) -> None:
        if subscription not in self._subscriptions:
            return  # unsubscribed in the same batch

        def notify(result: Any) -> None:
            params = {"subscription": subscription, "result": result}
            text = json.dumps(
                {"jsonrpc": "2.0", "method": "eth_subscription", "params": params}, separators=(",", ":")
            )
            try:
                self._notifications.put_nowait(text)
            except asyncio.QueueFull:
                self._abort("a WebSocket client is too far behind its subscriptions")
                raise asyncio.CancelledError from None

        self._subscriptions[subscription] = self._spawn(self._feed(source, notify))

    def stop(self, subscription: str) -> bool:
        if subscription not in self._subscriptions:
            return False
        task = self._subscriptions.pop(subscription)
        if task is not None:
            task.cancel()
        return True

    async def _feed(self, source: Source, notify: Notify) -> None:
        try:
            await source(notify)
        except Exception as error:  # noqa: BLE001 - whatever it is, this connection can't go on
            log.warning("a subscription failed: %s: %s", type(error).__name__, error)
            self._abort("its subscription failed")

    async def _send_notifications(self) -> None:
        while True:
            await self._send(await self._notifications.get())

    # -- tasks

    def _spawn(self, work: Any) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _cancel_tasks(self) -> None:
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class _Backlog:
    """Bounds the messages read but not answered. While there is room the connection is read, so that pings and
    closing are seen however long the calls take."""

    def __init__(self, messages: int, size: int) -> None:
        self._messages = messages
        self._size = size
        self._count = self._held = 0
        self._left = asyncio.Event()

    async def enter(self, size: int) -> None:
        while self._count and (self._count >= self._messages or self._held + size > self._size):
            self._left.clear()
            await self._left.wait()
        self._count += 1
        self._held += size

    def leave(self, size: int) -> None:
        self._count -= 1
        self._held -= size
        self._left.set()


class _Call:
    """The connection as one call sees it: its subscriptions start to speak after its answer is sent."""

    def __init__(self, connection: WebSocketConnection) -> None:
        self._connection = connection
        self._opened: list[tuple[str, Source]] = []

    def open_subscription(self, source: Source) -> str:
        subscription = self._connection.reserve()
        self._opened.append((subscription, source))
        return subscription

    def close_subscription(self, subscription: str) -> bool:
        return self._connection.stop(subscription)

    def start_subscriptions(self) -> None:
        for subscription, source in self._opened:
            self._connection.start(subscription, source)
