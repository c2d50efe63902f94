"""Signals: the first stops in order, the second at once."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

from verdict.errors import EXIT_FORCED

ROOT = Path(__file__).resolve().parents[3]
DAEMON = """
import asyncio
from verdict.daemon import run_daemon
from verdict.logging import configure_logging

async def main(stop):
    print("up", flush=True)
    await stop.wait()
    print("stopping", flush=True)
    await asyncio.sleep({seconds})
    print("stopped", flush=True)

configure_logging("console", "info")  # to standard error
run_daemon(main)
"""


def start(seconds: float) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", DAEMON.format(seconds=seconds)], cwd=ROOT, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "up\n"
    return process


def test_the_first_signal_stops_in_order() -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        process = start(0.1)
        process.send_signal(number)
        said, _ = process.communicate(timeout=20)
        assert said == "stopping\nstopped\n"
        assert process.returncode == 0


def test_the_second_stops_at_once() -> None:
    process = start(60)
    process.send_signal(signal.SIGTERM)
    assert process.stdout is not None
    assert process.stdout.readline() == "stopping\n"
    process.send_signal(signal.SIGINT)
    _, complaint = process.communicate(timeout=20)
    assert process.returncode == EXIT_FORCED
    assert "again" in complaint
