"""Runs an async daemon until it ends, fails, or is told to stop.

SIGINT or SIGTERM sets `stop`: the daemon finishes what it must and returns. A second one ends the process at once.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable

import structlog

from verdict.errors import EXIT_FORCED


def run_daemon(main: Callable[[asyncio.Event], Awaitable[None]]) -> None:
    """Blocks. What `main` raises comes out of here."""
    asyncio.run(_supervise(main))


async def _supervise(main: Callable[[asyncio.Event], Awaitable[None]]) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def told(number: signal.Signals) -> None:
        if stop.is_set():
            print(f"{number.name} again: stopping at once", file=sys.stderr, flush=True)
            os._exit(EXIT_FORCED)
        structlog.get_logger("verdict").info("stopping", signal=number.name, again="forces it")
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, told, number)
    await main(stop)
