"""The demo as a user runs it: a process that ends with 0 only if the honest side won, and leaves nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def start(directory: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "verdict", "demo", "--dir", str(directory), *arguments], cwd=ROOT,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env={**os.environ, "COLUMNS": "160"})


def left_behind(directory: Path) -> list[str]:
    """Command lines of processes that still work in that directory."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = entry.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if str(directory) in command:
            found.append(command)
    return found


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param((), id="stride 16"),
        pytest.param(("--stride", "1"), id="stride 1", marks=pytest.mark.slow),
        pytest.param(("--stride", "0", "--arity", "16"), id="a whole batch", marks=pytest.mark.slow),
    ],
)
def test_the_honest_side_wins(arguments: tuple[str, ...], tmp_path: Path) -> None:
    process = start(tmp_path, *arguments)
    try:
        said, _ = process.communicate(timeout=300)
    finally:
        process.kill()
    assert process.returncode == 0, said
    for part in ("postBatch", "makeAssertion", "killed", "confirmed", "disputed L2 transaction", "EXECUTE",
                 "insufficient funds", "withdrawal paid", "settled", "The honest side won"):
        assert part in said, said
    assert ("split" in said) == (arguments[:2] != ("--stride", "1"))
    assert not left_behind(tmp_path)


def test_an_interrupted_demo_leaves_nothing_behind(tmp_path: Path) -> None:
    process = start(tmp_path)
    try:
        deadline = time.monotonic() + 60
        while not (tmp_path / "sequencer.log").exists():
            assert time.monotonic() < deadline
            assert process.poll() is None, process.communicate()[0]
            time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)
    finally:
        process.kill()
    assert process.returncode == 130
    assert not left_behind(tmp_path)
