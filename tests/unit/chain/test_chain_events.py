"""The fan-out: everyone gets everything, in order, and a slow one never holds up the others."""

from __future__ import annotations

import asyncio

import pytest

from chain.events import Broadcast, PendingTransaction, SubscriptionOverflow


def event(number: int) -> PendingTransaction:
    return PendingTransaction(number.to_bytes(32, "big"))


async def test_every_subscriber_gets_every_event_in_order() -> None:
    broadcast = Broadcast()
    first, second = broadcast.subscribe(), broadcast.subscribe()
    for number in range(5):
        broadcast.publish(event(number))
    broadcast.close()
    assert [got async for got in first] == [event(n) for n in range(5)] == [got async for got in second]


async def test_waits_for_what_comes_later() -> None:
    broadcast = Broadcast()
    subscription = broadcast.subscribe()
    waiting = asyncio.ensure_future(anext(subscription))
    await asyncio.sleep(0)
    assert not waiting.done()
    broadcast.publish(event(1))
    assert await waiting == event(1)


async def test_a_slow_subscriber_is_cut_off_and_told_so() -> None:
    broadcast = Broadcast()
    slow, fast = broadcast.subscribe(limit=2), broadcast.subscribe()
    for number in range(3):
        broadcast.publish(event(number))
    assert len(broadcast) == 1
    assert [await anext(slow), await anext(slow)] == [event(0), event(1)]
    with pytest.raises(SubscriptionOverflow):
        await anext(slow)
    assert [await anext(fast) for _ in range(3)] == [event(n) for n in range(3)]


async def test_closing_a_subscription_ends_its_iteration_after_what_is_queued() -> None:
    broadcast = Broadcast()
    with broadcast.subscribe() as subscription:
        broadcast.publish(event(1))
    broadcast.publish(event(2))
    assert [got async for got in subscription] == [event(1)]
    assert len(broadcast) == 0


async def test_subscribing_to_a_closed_broadcast_ends_at_once() -> None:
    broadcast = Broadcast()
    broadcast.close()
    assert [got async for got in broadcast.subscribe()] == []
