"""Threads for calls that compute, each under a time limit that holds even inside the EVM.

Gas does not bound time, so a call that is out of time is stopped from outside: an exception is raised in its thread.
That happens only while every frame on the thread's stack, down to the job, belongs to code that may be torn apart: the
EVM and this package, not a database, a lock or a pipe to another process. The stack is looked at while holding
the GIL, and CPython delivers the exception exactly there.
"""

from __future__ import annotations

import asyncio
import ctypes
import json
import sys
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Generic, TypeVar

import eth
import py_ecc
import rlp  # type: ignore[import-untyped]

from rpc.errors import LimitExceeded, TimedOut

T = TypeVar("T")

_RETRY = 0.02
_CLOSING = 0.5
_PROJECT = Path(__file__).resolve().parent.parent
_STOPPABLE = (
    *(str(_PROJECT / folder) for folder in ("execution", "rpc")),
    *(str(Path(package.__file__ or "").parent) for package in (eth, py_ecc, rlp, json)),
)


class OutOfTime(BaseException):
    """Raised inside a worker thread. Not an Exception, so that no `except Exception` on the way swallows it."""


class _Job(Generic[T]):
    """One call on its thread. `_lock` orders "finished" against "stop it"."""

    def __init__(self, call: Callable[[], T], stoppable: tuple[str, ...]) -> None:
        self._call = call
        self._stoppable = stoppable
        self._lock = threading.Lock()
        self._thread: int | None = None
        self._cancelled = False
        self._finished = False
        self._struck = False

    def run(self) -> T:
        with self._lock:
            if self._cancelled:
                raise TimedOut()
            self._thread = threading.get_ident()
        try:
            return self._call()
        except OutOfTime:
            raise TimedOut() from None
        finally:
            with self._lock:
                self._finished = True
                if self._struck:  # it may not have been delivered yet: take it back
                    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(self._thread or 0), None)

    def stop(self) -> bool:
        """True if there is nothing left to stop; False: try again in a moment."""
        if not self._lock.acquire(blocking=False):
            return False
        try:
            self._cancelled = True
            if self._thread is None or self._finished or self._struck:
                return True
            if not self._can_be_stopped(self._thread):
                return False
            self._struck = True
            ctypes.pythonapi.PyThreadState_SetAsyncExc(
                ctypes.c_ulong(self._thread), ctypes.py_object(OutOfTime)
            )
            return True
        finally:
            self._lock.release()

    def _can_be_stopped(self, thread: int) -> bool:
        frame = sys._current_frames().get(thread)
        if frame is None or frame.f_code is _Job.run.__code__:
            return False
        while frame is not None and frame.f_code is not _Job.run.__code__:
            if not frame.f_code.co_filename.startswith(self._stoppable):
                return False
            frame = frame.f_back
        return frame is not None


class Workers:
    """A bounded pool with a bounded queue. `stoppable`: more files or folders whose code may be torn apart."""

    def __init__(self, threads: int, queue: int, stoppable: Iterable[str] = ()) -> None:
        self._stoppable = (*_STOPPABLE, *stoppable)
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="rpc")
        self._capacity = threads + queue
        self._under_way = 0
        self._jobs: set[_Job[Any]] = set()

    async def run(self, call: Callable[[], T], timeout: float) -> T:
        """Runs `call` on a thread. Raises TimedOut, or LimitExceeded when the queue is full."""
        if self._under_way >= self._capacity:
            raise LimitExceeded("the server is busy, try again later")
        job = _Job(call, self._stoppable)
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.run_in_executor(self._pool, job.run)
        self._under_way += 1
        self._jobs.add(job)
        future.add_done_callback(lambda done: self._done(job, done))
        try:
            return await asyncio.wait_for(asyncio.shield(future), timeout)
        except TimeoutError:
            self._stop(job, loop)
            raise TimedOut() from None
        except asyncio.CancelledError:
            self._stop(job, loop)
            raise

    def _done(self, job: _Job[Any], future: asyncio.Future[Any]) -> None:
        self._under_way -= 1
        self._jobs.discard(job)
        if not future.cancelled():
            future.exception()  # seen, also when nobody waits any more

    def _stop(self, job: _Job[Any], loop: asyncio.AbstractEventLoop) -> None:
        if not job.stop() and not loop.is_closed():
            loop.call_later(_RETRY, self._stop, job, loop)

    def close(self) -> None:
        """Stops what still runs, as far as it can be stopped within a moment: a process waits for its threads."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        deadline = time.monotonic() + _CLOSING
        left = self._jobs
        while left and time.monotonic() < deadline:
            left = {job for job in left if not job.stop()}
            if left:
                time.sleep(_RETRY)
