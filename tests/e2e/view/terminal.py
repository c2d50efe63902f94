"""Commands as processes of their own; on a real terminal (a pseudo one) those that draw on it."""

from __future__ import annotations

import asyncio
import fcntl
import os
import pty
import re
import select
import signal
import struct
import sys
import termios
import time
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
CODES = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]")


async def command(toml: Path, *arguments: str, columns: int = 160) -> tuple[int, str, str]:
    """`verdict ARGUMENTS --config TOML`: exit code, standard output, standard error."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "verdict", *arguments, "--config", str(toml), cwd=ROOT,
        env={**os.environ, "COLUMNS": str(columns)}, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE)
    async with asyncio.timeout(120):
        out, err = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


def drawn(arguments: list[str], wanted: str, environment: Mapping[str, str], *, columns: int = 80, rows: int = 24,
          timeout: float = 60) -> tuple[str, int, bool]:
    """Runs `verdict` until `wanted` is on its screen, then presses Ctrl-C. The last screen; the exit code; whether the terminal
    was left as it was found. To be called on a thread."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(ROOT)
        os.execve(sys.executable, [sys.executable, "-m", "verdict", *arguments], dict(environment))
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    said, deadline, asked = "", time.monotonic() + timeout, False
    try:
        while time.monotonic() < deadline:
            if select.select([terminal], [], [], 0.2)[0]:
                try:
                    read = os.read(terminal, 1 << 16)
                except OSError:  # its end is closed
                    break
                if not read:
                    break
                said += read.decode(errors="replace")
            if not asked and wanted in CODES.sub("", said):
                os.write(terminal, b"\x03")
                asked = True
        else:
            os.kill(pid, signal.SIGKILL)
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    finally:
        os.close(terminal)
    assert asked, f"{wanted!r} was never drawn: {said[-3000:]}"
    screens = said.split("\x1b[H")
    return CODES.sub("", screens[-1].split("\x1b[?1049l")[0]), code, "\x1b[?1049l" in said and "\x1b[?25h" in said
