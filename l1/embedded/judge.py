"""EXECUTE's verdicts, computed in worker processes under limits of time and memory.

Gas does not bound time, and the input is someone else's, so no verdict is ever computed in the L1's own process.
Verdicts are kept by the hash of their input: eth_call, eth_estimateGas and the block ask for the same one.
"""

from __future__ import annotations

import json
import logging
import os
import socket
import subprocess
import sys
import threading
from multiprocessing.connection import Connection
from pathlib import Path

from lru import LRU

from execution.encoding import keccak
from execution.execute import Verdict
from l1.embedded.judge_worker import encode_request

log = logging.getLogger("verdict.l1.execute")

WORKERS = 2  # so that a slow eth_call doesn't keep a block waiting
CACHED_VERDICTS = 1024
START_LIMIT = 60.0  # seconds for a worker to come up
_PROJECT = Path(__file__).resolve().parent.parent.parent


class WorkerLost(Exception):
    """The worker process ended, or didn't answer in time, and has been killed."""


class _Worker:
    """One process, started when first needed and again after it was lost."""

    def __init__(self, time_limit: float, memory_limit: int) -> None:
        self._time_limit = time_limit
        self._memory_limit = memory_limit
        self.lock = threading.Lock()  # held by whoever asks
        self._closed = False
        self._process: subprocess.Popen[bytes] | None = None
        self._connection: Connection | None = None

    def ask(self, request: bytes) -> bytes:
        """Raises TimeoutError, or WorkerLost when two processes in a row ended over it; none is left then.

        One alone may have been ended by something else, and a wrong "false" costs its caller money.
        """
        try:
            return self._ask_once(request)
        except WorkerLost as error:
            log.warning("asking another process: %s", error)
            return self._ask_once(request)

    def _ask_once(self, request: bytes) -> bytes:
        try:
            connection = self._connected()
            connection.send_bytes(request)
            if not connection.poll(self._time_limit):
                raise TimeoutError(f"no verdict within {self._time_limit:g} s")
            return connection.recv_bytes()
        except (EOFError, OSError) as error:
            self.kill()
            if isinstance(error, TimeoutError):
                raise
            raise WorkerLost(f"the worker process ended ({error or type(error).__name__})") from error
        except BaseException:  # also one raised into this thread from outside: the answer is still to come
            self.kill()
            raise

    def _connected(self) -> Connection:
        if self._connection is None or self._process is None or self._process.poll() is not None:
            self.kill()
            if self._closed:
                raise WorkerLost("the L1 is shutting down")
            self._start()
        assert self._connection is not None
        return self._connection

    def _start(self) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            paths = (str(_PROJECT), os.environ.get("PYTHONPATH"))
            arguments = (str(theirs.fileno()), str(self._memory_limit), f"{self._time_limit + 5:f}")
            self._process = subprocess.Popen(
                [sys.executable, "-m", "l1.embedded.judge_worker", *arguments],
                pass_fds=(theirs.fileno(),),
                stdin=subprocess.DEVNULL,
                env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))},
            )
        self._connection = Connection(ours.detach())
        if not self._connection.poll(START_LIMIT):
            raise WorkerLost(f"the worker process didn't come up within {START_LIMIT:g} s")
        self._connection.recv_bytes()

    def kill(self) -> None:
        """Only by who holds the lock."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def close(self) -> None:
        """For good, from any thread: who is asking gets WorkerLost."""
        self._closed = True
        process = self._process
        if process is not None:
            process.kill()
        with self.lock:
            self.kill()


class Judge:
    """Thread-safe. `verdict` blocks for as long as it takes, at most about `time_limit` seconds once it has a worker."""

    def __init__(self, time_limit: float, memory_limit: int, workers: int = WORKERS) -> None:
        self._cache: LRU[bytes, Verdict] = LRU(CACHED_VERDICTS)
        self._cache_lock = threading.Lock()
        self._workers = [_Worker(time_limit, memory_limit) for _ in range(workers)]

    def verdict(self, pre_root: bytes, post_root: bytes, gas_used: int, trace: bytes) -> Verdict:
        """What `execution.execute.execute` says; false when a limit was passed."""
        request = encode_request(pre_root, post_root, gas_used, trace)
        key = keccak(request)
        with self._cache_lock:
            known = self._cache.get(key)
        if known is not None:
            return known
        try:
            answer = json.loads(self._ask(request))
            found = Verdict(answer["result"], answer["reason"], answer["gas_used"])
        except TimeoutError as error:
            log.warning("EXECUTE given up as false: %s", error)
            found = Verdict(False, str(error), None)
        except WorkerLost as error:
            log.warning("EXECUTE answered false: %s", error)
            return Verdict(False, str(error), None)
        with self._cache_lock:
            self._cache[key] = found
        return found

    def _ask(self, request: bytes) -> bytes:
        for worker in self._workers:
            if worker.lock.acquire(blocking=False):
                try:
                    return worker.ask(request)
                finally:
                    worker.lock.release()
        with self._workers[0].lock:
            return self._workers[0].ask(request)

    def close(self) -> None:
        """Ends the worker processes, in the middle of a verdict too; later verdicts are false."""
        for worker in self._workers:
            worker.close()
