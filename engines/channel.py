"""Frames through pipes, each with a deadline: nothing at the other end can make this one wait longer."""

from __future__ import annotations

import os
import select
import time
from typing import IO

from engines.wire import LENGTH_SIZE, frame_head, frame_length

_READ_SIZE = 64 << 10
_LONGEST_POLL = 3600  # seconds; poll(2) takes 32 bits of milliseconds


class Channel:
    """One end of a pair of pipes. Deadlines are `time.monotonic()`'s. After any exception it is of no more use."""

    def __init__(self, sink: IO[bytes], source: IO[bytes]) -> None:
        self._sink, self._source = sink.fileno(), source.fileno()
        os.set_blocking(self._sink, False)
        os.set_blocking(self._source, False)

    def send(self, payload: bytes, deadline: float) -> None:
        """Raises TimeoutError, or another OSError when nobody reads any more."""
        for part in (frame_head(payload), payload):
            rest = memoryview(part)
            while rest:
                try:
                    rest = rest[os.write(self._sink, rest) :]
                except BlockingIOError:
                    _wait(self._sink, select.POLLOUT, deadline)

    def receive(self, limit: int, deadline: float) -> bytes:
        """The next frame's payload. Raises TimeoutError, EOFError, or WireError for one of more than `limit` bytes."""
        length = frame_length(self._exactly(LENGTH_SIZE, deadline), limit)
        return self._exactly(length, deadline)

    def has_input(self) -> bool:
        """Something, or the end, is there to be read."""
        poll = select.poll()
        poll.register(self._source, select.POLLIN)
        return bool(poll.poll(0))

    def _exactly(self, size: int, deadline: float) -> bytes:
        found = bytearray()
        while len(found) < size:
            _wait(self._source, select.POLLIN, deadline)
            part = os.read(self._source, min(size - len(found), _READ_SIZE))
            if not part:
                raise EOFError("it closed its stdout")
            found += part
        return bytes(found)


def _wait(descriptor: int, event: int, deadline: float) -> None:
    poll = select.poll()
    poll.register(descriptor, event)
    while not poll.poll(min(max(deadline - time.monotonic(), 0), _LONGEST_POLL) * 1000):
        if time.monotonic() >= deadline:
            raise TimeoutError
