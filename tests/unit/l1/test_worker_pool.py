"""Work in other processes: whatever becomes of them, it gets done."""

from __future__ import annotations

import asyncio
import os
import signal
import time

import pytest

from l1.worker_pool import WorkerPool


def where() -> int:
    return os.getpid()


def dies_elsewhere(parent: int) -> int:
    if os.getpid() != parent:
        os.kill(os.getpid(), signal.SIGKILL)
    return 7


def hangs_elsewhere(parent: int) -> int:
    while os.getpid() != parent:
        time.sleep(0.01)
    return 8


def fails() -> None:
    raise ZeroDivisionError("the work's own")


async def test_work_is_done_elsewhere_and_its_errors_come_back() -> None:
    pool = WorkerPool(1)
    try:
        assert await pool.run(where) != os.getpid()
        with pytest.raises(ZeroDivisionError):
            await pool.run(fails)
        assert not pool.lost
    finally:
        pool.close()
    assert await WorkerPool(0).run(where) == os.getpid()


@pytest.mark.parametrize(("work", "value"), [(dies_elsewhere, 7), (hangs_elsewhere, 8)])
async def test_a_lost_worker_is_replaced_and_its_work_done(work: object, value: int) -> None:
    pool = WorkerPool(1, limit=0.5)
    try:
        assert await asyncio.gather(*(pool.run(work, os.getpid()) for _ in range(2))) == [value, value]  # type: ignore[arg-type]
        assert pool.lost
        pool._rest_until = 0.0
        assert await pool.run(where) != os.getpid()
    finally:
        pool.close()
