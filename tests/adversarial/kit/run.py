"""Runs one scenario, tells its story as it happens, and keeps a record of a promise that was broken.

A record is the directory of the run: `record.json` (scenario, seed, commit, what went wrong), `timeline.txt`, `daemons.log`,
`l1/` (the whole L1 chain, blobs too), `net.toml` and `data/` (the daemons'), and in `traces/` everything that EXECUTE was asked,
one JSON line a file, as `verdict execute` reads them. `verdict scenario replay DIRECTORY` brings that L1 up again.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import subprocess
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.adversarial.kit.scenario import Scenario, Stage
from verdict.logging import configure_logging

Tell = Callable[[str, str], None]


@dataclass(frozen=True)
class Result:
    """`error` is None if the promise was kept. `seconds` of wall time."""

    scenario: Scenario
    seed: int
    directory: Path
    seconds: float
    error: BaseException | None

    @property
    def kept(self) -> bool:
        return self.error is None


async def run_scenario(scenario: Scenario, seed: int, directory: Path, tell: Tell = lambda who, text: None,
                       level: str = "info") -> Result:
    """Never raises but when cancelled. `directory` must be empty or new."""
    directory.mkdir(parents=True, exist_ok=True)
    started, error = time.monotonic(), None
    with _told(directory / "timeline.txt", tell, started) as told, _logged(directory / "daemons.log", level):
        try:
            async with asyncio.timeout(scenario.timeout):
                await scenario.play(Stage(directory, seed, told))
        except Exception as failure:  # noqa: BLE001  # whatever broke it is what the record is about
            error = failure
    seconds = time.monotonic() - started
    result = Result(scenario, seed, directory, seconds, error)
    _record(result)
    return result


def _record(result: Result) -> None:
    error = result.error
    record: dict[str, Any] = {
        "scenario": result.scenario.name, "promise": result.scenario.promise, "seed": result.seed, "kept": result.kept,
        "seconds": round(result.seconds, 1), "commit": _commit(),
        "error": None if error is None else "".join(traceback.format_exception(error)),
    }  # fmt: skip
    (result.directory / "record.json").write_text(json.dumps(record, indent=2) + "\n")


def _commit() -> str | None:
    try:
        found = subprocess.run(["git", "describe", "--always", "--dirty"], capture_output=True, text=True, timeout=10,
                               cwd=Path(__file__).parent, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return found.stdout.strip()


@contextlib.contextmanager
def _told(file: Path, tell: Tell, started: float) -> Iterator[Tell]:
    with file.open("w") as story:
        def told(who: str, text: str) -> None:
            story.write(f"{time.monotonic() - started:7.1f}s  {who:12} {text}\n")
            story.flush()
            tell(who, text)

        yield told


@contextlib.contextmanager
def _logged(file: Path, level: str) -> Iterator[None]:
    """What the daemons of this process log goes there instead of to the terminal."""
    root = logging.getLogger()
    before, old_level = root.handlers[:], root.level
    configure_logging("console", level)
    formatter = root.handlers[0].formatter
    with contextlib.closing(logging.FileHandler(file)) as handler:
        handler.setFormatter(formatter)
        # pytest's own handlers stay, so that it can show what was logged
        root.handlers[:] = [handler, *(each for each in before if type(each).__module__.startswith("_pytest"))]
        try:
            yield
        finally:
            root.handlers[:] = before
            root.setLevel(old_level)
