"""Requests on which engines disagreed or failed, kept on disk: each file is one line that `verdict execute` replays."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from engines.process import EngineFailure
from engines.wire import decode_request
from execution.encoding import keccak
from execution.verdict import Verdict

MAX_FILES = 100
MAX_BYTES = 1 << 30
_PIECE = 1 << 20  # bytes that are made hex at once: a trace may have 64 MB
_PARTIAL = ".partial"

Vote = Verdict | EngineFailure


@dataclass(frozen=True, slots=True)
class Alarm:
    """`answer` None: the engines disagreed and there was none. `dissent`: engines that judge disagree."""

    request: bytes
    votes: Mapping[str, Vote]
    answer: bool | None
    dissent: bool
    came: float  # seconds since the epoch, of the request


class AlarmStore:
    """At most so many files and bytes: the oldest go first, those of failures before those of dissent, and the newest
    never. One file for a request however often it is asked, and a failure does not replace a dissent. Thread-safe."""

    def __init__(self, directory: Path, max_files: int = MAX_FILES, max_bytes: int = MAX_BYTES) -> None:
        self.directory = directory
        self._max_files, self._max_bytes = max_files, max_bytes
        self._lock = threading.Lock()

    def save(self, alarm: Alarm) -> Path:
        """Raises OSError. The file is whole or not there."""
        digest = keccak(alarm.request).hex()[:16]
        with self._lock:
            self.directory.mkdir(parents=True, exist_ok=True)
            same = [path for path in self._files() if path.stem.endswith(digest)]
            graver = next(filter(_is_dissent, same), None)
            if graver is not None and not alarm.dissent:
                return graver
            moment = datetime.fromtimestamp(alarm.came, UTC).strftime("%Y%m%dT%H%M%S.%fZ")
            path = self.directory / f"{moment}-{'dissent' if alarm.dissent else 'failure'}-{digest}.json"
            partial = path.with_suffix(_PARTIAL)
            try:
                with partial.open("w", encoding="ascii") as file:
                    _write(file, alarm)
                    file.flush()
                    os.fsync(file.fileno())
                partial.replace(path)
            except BaseException:
                partial.unlink(missing_ok=True)
                raise
            for old in same:
                if old != path:
                    old.unlink(missing_ok=True)
            self._prune(path)
            return path

    def _files(self) -> list[Path]:
        """The one to lose first comes first."""
        return sorted(self.directory.glob("*.json"), key=lambda path: (_is_dissent(path), path.name))

    def _prune(self, newest: Path) -> None:
        for partial in self.directory.glob(f"*{_PARTIAL}"):  # of a process that was killed while it wrote
            partial.unlink(missing_ok=True)
        others = [(path, _size(path)) for path in self._files() if path != newest]
        count, size = len(others) + 1, sum(size for _, size in others) + _size(newest)
        for path, its_size in others:
            if count <= self._max_files and size <= self._max_bytes:
                return
            path.unlink(missing_ok=True)
            count, size = count - 1, size - its_size


def _write(file: IO[str], alarm: Alarm) -> None:
    pre_root, post_root, gas_used, trace = decode_request(alarm.request)
    fields = {
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(alarm.came)),
        "answer": alarm.answer,
        "votes": {name: _vote(vote) for name, vote in alarm.votes.items()},
        "preStateRoot": "0x" + pre_root.hex(),
        "postStateRoot": "0x" + post_root.hex(),
        "gasUsed": hex(gas_used),
    }
    file.write(json.dumps(fields).removesuffix("}") + ', "trace": "0x')
    whole = memoryview(trace)
    for start in range(0, len(whole), _PIECE):
        file.write(whole[start : start + _PIECE].hex())
    file.write('"}\n')


def _vote(vote: Vote) -> dict[str, Any]:
    if isinstance(vote, EngineFailure):
        return {"failure": vote.kind.value, "reason": str(vote)}
    return {"result": vote.result, "reason": vote.reason, "gasUsed": vote.gas_used}


def _is_dissent(path: Path) -> bool:
    return "-dissent-" in path.name


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
