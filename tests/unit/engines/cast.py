"""Who takes part in the tests of engines, and the question that they are asked."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

from engines.registry import EngineSpec
from engines.wire import encode_request
from tests.e2e.l1.test_embedded_execute import ENCODED, GAS, START, TRACE

ACTORS = Path(__file__).with_name("actors.py")
GIGABYTE = 1 << 30
QUESTION = (START.state_root, TRACE.post.state_root, GAS, ENCODED)
TRUE = encode_request(*QUESTION)
FALSE = encode_request(*QUESTION[:2], GAS + 1, ENCODED)
FALSE_REASON = f"{GAS} gas used, not {GAS + 1}"
NOT_SOON = 60.0  # seconds: a limit that nothing honest comes near


def actor(name: str, part: str, *arguments: str, start_limit: float = NOT_SOON) -> EngineSpec:
    """An engine of tests/unit/engines/actors.py."""
    flags = () if part == "opposite" else ("-S", "-E")  # starts in a moment
    line = (sys.executable, *flags, str(ACTORS), name, part, *arguments)
    return EngineSpec(name, lambda _time, _memory: line, start_limit=start_limit)


def is_alive(pid: int) -> bool:
    """Also as a zombie."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def until(condition: Callable[[], object], seconds: float = 30.0) -> None:
    """Waits for it. AssertionError if it does not come."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come"
        time.sleep(0.01)
