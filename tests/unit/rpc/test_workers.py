"""Stopping calls that are out of time, and only where that is safe."""

from __future__ import annotations

import asyncio
import threading

import pytest

from rpc.errors import LimitExceeded, TimedOut
from rpc.workers import Workers


@pytest.fixture
def workers():
    made = Workers(1, 1, stoppable=[__file__])
    yield made
    made.close()


def spin() -> None:
    while True:
        pass


async def test_results_and_errors_come_back(workers):
    assert await workers.run(lambda: 5, 5) == 5
    with pytest.raises(KeyError):
        await workers.run(lambda: {}["x"], 5)


async def test_endless_loop_frees_its_thread(workers):
    with pytest.raises(TimedOut):
        await workers.run(spin, 0.05)
    assert await workers.run(lambda: 5, 10) == 5


async def test_exception_handlers_do_not_swallow_the_stop(workers):
    def stubborn() -> None:
        while True:
            try:
                spin()
            except Exception:  # noqa: BLE001, S112
                continue

    with pytest.raises(TimedOut):
        await workers.run(stubborn, 0.05)
    assert await workers.run(lambda: 5, 10) == 5


async def test_foreign_code_is_left_alone():
    """While a frame of other code (here: a lock's wait) is on the stack, nothing is raised in the thread."""
    workers = Workers(1, 1, stoppable=[__file__])
    gate, finished = threading.Event(), []

    def wait() -> None:
        gate.wait()
        finished.append(True)

    with pytest.raises(TimedOut):
        await workers.run(wait, 0.05)
    await asyncio.sleep(0.1)  # several attempts to stop it
    workers.close()
    assert not finished
    gate.set()


async def test_abandoned_call_is_stopped(workers):
    task = asyncio.create_task(workers.run(spin, 100))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await workers.run(lambda: 5, 10) == 5


async def test_queue_is_bounded(workers):
    tasks = [asyncio.create_task(workers.run(spin, 0.2)) for _ in range(3)]
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert sorted(type(each).__name__ for each in results) == [LimitExceeded.__name__, "TimedOut", "TimedOut"]


async def test_many_stops_in_a_row_never_leak_into_the_next_call(workers):
    """A stop may arrive just as its call ends: it must not hit the next one on the same thread."""
    for round_ in range(60):
        steps = 2_000 + 700 * round_

        def count(steps: int = steps) -> int:
            total = 0
            for each in range(steps):
                total += each
            return total

        try:
            await workers.run(count, 0.0005)
        except TimedOut:
            pass
        assert await workers.run(lambda: 5, 10) == 5
