"""What a chain tells those who follow it, and the bounded fan-out it tells them through.

`Broadcast` is asyncio-only and belongs to one event loop: publish from another thread with
`loop.call_soon_threadsafe(broadcast.publish, event)`.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self, TypeAlias

if TYPE_CHECKING:
    from execution.header import Header


@dataclass(frozen=True, slots=True)
class NewHead:
    """The canonical chain has a new head.

    `removed`: headers that were canonical and no longer are, newest first (empty without a reorg);
    `added`: headers that became canonical, oldest first, the last one being `header`.
    """

    header: Header
    removed: tuple[Header, ...] = ()
    added: tuple[Header, ...] = ()

    @property
    def reorged(self) -> bool:
        return bool(self.removed)


@dataclass(frozen=True, slots=True)
class PendingTransaction:
    """A transaction entered the pool. `hash`: 32 bytes."""

    hash: bytes


ChainEvent: TypeAlias = NewHead | PendingTransaction


class SubscriptionOverflow(Exception):
    """The subscriber fell behind by more events than its queue holds and has been cut off."""


class Subscription:
    """One subscriber's view of a Broadcast: an async iterator and a context manager.

    Iteration ends when the broadcast closes and raises SubscriptionOverflow, after what was queued,
    when the subscriber was too slow.
    """

    def __init__(self, owner: Broadcast, limit: int) -> None:
        self._owner = owner
        self._limit = limit
        self._events: deque[ChainEvent] = deque()
        self._wake = asyncio.Event()
        self._overflowed = False
        self._closed = False

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> ChainEvent:
        while not self._events:
            if self._overflowed:
                raise SubscriptionOverflow(f"more than {self._limit} events behind")
            if self._closed:
                raise StopAsyncIteration
            self._wake.clear()
            await self._wake.wait()
        return self._events.popleft()

    def close(self) -> None:
        """Unsubscribes; what is queued can still be read."""
        self._closed = True
        self._owner._drop(self)
        self._wake.set()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    def _offer(self, event: ChainEvent) -> bool:
        if len(self._events) >= self._limit:
            self._overflowed = True
        else:
            self._events.append(event)
        self._wake.set()
        return not self._overflowed


class Broadcast:
    """Hands every published event to every subscriber; never blocks the publisher."""

    def __init__(self, limit: int = 4096) -> None:
        self._limit = limit
        self._subscriptions: set[Subscription] = set()
        self._closed = False

    def subscribe(self, limit: int | None = None) -> Subscription:
        """Events published from now on. `limit`: events the subscriber may fall behind."""
        subscription = Subscription(self, self._limit if limit is None else limit)
        if self._closed:
            subscription.close()
        else:
            self._subscriptions.add(subscription)
        return subscription

    def publish(self, event: ChainEvent) -> None:
        for subscription in tuple(self._subscriptions):
            if not subscription._offer(event):
                self._subscriptions.discard(subscription)

    def close(self) -> None:
        """Ends every subscription after what it has queued."""
        self._closed = True
        for subscription in tuple(self._subscriptions):
            subscription.close()

    def __len__(self) -> int:
        return len(self._subscriptions)

    def _drop(self, subscription: Subscription) -> None:
        self._subscriptions.discard(subscription)
