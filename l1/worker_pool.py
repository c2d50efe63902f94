"""Pure functions in worker processes, for what holds the GIL too long: KZG commitments, decoding of chunks.

What is asked for always comes: a worker that dies or takes too long is the machine's failure, never the data's, so the
work is done again on a thread of this process.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import ParamSpec, TypeVar

import structlog

log = structlog.get_logger("workers")

P = ParamSpec("P")
T = TypeVar("T")

_LONGEST_REST = 300.0  # seconds without workers after they were lost again and again
_GRACE = 5.0  # seconds beyond the limit, for starting a worker and for the way there and back
_START = 30.0  # seconds a new worker may take


class _Lost(Exception):
    """A worker died or did not answer."""


class WorkerPool:
    """`workers` processes, started at first use; 0: none, threads only. `limit`: seconds a piece of work may take."""

    def __init__(self, workers: int, *, limit: float = 20.0) -> None:
        self._workers = workers
        self._limit = limit
        self._pool: ProcessPoolExecutor | None = None
        self._free = asyncio.Semaphore(max(1, workers))  # waiting for a worker is no part of the work's time
        self._warm = False
        self._losses = 0
        self._rest_until = 0.0
        self.active = True  # whether work is worth a worker now; if not, it is done on a thread
        self.lost = 0  # pieces of work whose worker died or took too long

    @property
    def workers(self) -> int:
        return self._workers

    async def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """`work(*args)`, a module's function of picklable values. What it raises comes out of here."""
        assert not kwargs, "positional arguments only"
        if self._workers and self.active:
            async with self._free:
                if time.monotonic() >= self._rest_until:
                    pool = self._pool or self._start()
                    try:
                        return await self._in_worker(pool, work, args)
                    except _Lost as error:
                        self._lose(pool, error)
        return await asyncio.to_thread(work, *args)

    async def _in_worker(self, pool: ProcessPoolExecutor, work: Callable[..., T], args: tuple[object, ...]) -> T:
        loop = asyncio.get_running_loop()
        try:
            running = loop.run_in_executor(pool, _limited, self._limit, work, args)
            done, _ = await asyncio.wait({running}, timeout=self._limit + (_GRACE if self._warm else _START))
        except RuntimeError as error:  # the pool broke, or was closed, a moment ago
            raise _Lost(f"{type(error).__name__} {error}") from error
        if not done:
            raise _Lost("no answer in time")
        failure = running.exception()
        if isinstance(failure, BrokenProcessPool):
            raise _Lost(str(failure))
        self._warm, self._losses = True, 0
        return running.result()

    def close(self) -> None:
        """Ends the workers, whatever they do."""
        pool, self._pool = self._pool, None
        if pool is not None:
            _end(pool)

    def _start(self) -> ProcessPoolExecutor:
        context = multiprocessing.get_context("spawn")
        self._pool = ProcessPoolExecutor(self._workers, mp_context=context, initializer=_start_worker)
        self._warm = False
        return self._pool

    def _lose(self, pool: ProcessPoolExecutor, error: BaseException) -> None:
        self.lost += 1
        if pool is not self._pool:
            return  # another piece of work has told already
        self._pool = None
        _end(pool)
        self._losses += 1
        rest = min(_LONGEST_REST, 2.0 ** (self._losses - 1)) if self._losses > 1 else 0.0
        self._rest_until = time.monotonic() + rest
        log.warning("a worker process was lost; its work is done here", reason=str(error),
                    without_workers_for=rest)  # fmt: skip


def _end(pool: ProcessPoolExecutor) -> None:
    processes = list((getattr(pool, "_processes", None) or {}).values())
    pool.shutdown(wait=False, cancel_futures=True)
    for process in processes:
        process.kill()


def _limited(limit: float, work: Callable[..., T], args: tuple[object, ...]) -> T:
    """In a worker: too long, and SIGALRM ends the process."""
    signal.setitimer(signal.ITIMER_REAL, limit)
    try:
        return work(*args)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _start_worker() -> None:
    """In a worker: Ctrl-C is the parent's business, and it must not outlive a parent that was killed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)
