"""Kills a daemon by SIGKILL at a call of its own that touches the world: L1, blobs, disk, a socket.

    python -m tests.adversarial.kit.fault_points sequencer --config net.toml --list points.txt
    python -m tests.adversarial.kit.fault_points sequencer --config net.toml --at 17
    python -m tests.adversarial.kit.fault_points sequencer --config net.toml --tried tried.txt

The product knows nothing of this: the calls at its boundary are wrapped before it starts. A *point* is where our code makes such a
call (file and line of who awaits it), what it does, and when: `before` it, `halfway` (a file half written, a database transaction
not committed) or `after` it, before anybody hears of the result. `--at K`: dies at the K-th different point it comes by.
`--tried FILE`: at the first one that FILE doesn't name, which is added to it: started again and again until it lives, a daemon
dies once at each point it has. `--only TEXT`: at points with TEXT in them alone. `--list FILE`: all it came by.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

ROOT = Path(__file__).resolve().parents[3]
PLUMBING = frozenset({
    "l1/client.py", "l1/http_provider.py", "l1/contracts.py", "l1/account_view.py", "l1/blob_client.py", "l1/blob_sources.py",
    "l1/beacon.py", "l1/blob_archive.py", "l1/journal.py", "l1/worker_pool.py", "l1/artifacts.py", "chain/store.py",
    "chain/database.py", "rpc/http.py", "rpc/server.py", "rpc/connections.py", "verdict/service.py",
    "verdict/daemon.py", "verdict/cli.py", "verdict/commands/sequencer.py", "verdict/commands/challenger.py",
    "verdict/commands/node.py",
})  # fmt: skip
"""Passed over when it is asked who makes a call."""


class FaultPoints:
    """`lethal`: asked once about each point, when it is first come by."""

    def __init__(self, lethal: Callable[[str], bool], listing: Path | None = None) -> None:
        self._lethal = lethal
        self._listing = listing
        self._met: set[str] = set()

    def reached(self, operation: str, when: str) -> None:
        if self.is_lethal(operation, when):
            die()

    def is_lethal(self, operation: str, when: str) -> bool:
        """Whether to die at this point: `halfway` needs to do its half first."""
        point = f"{when:7} {operation} in {place()}"
        if point in self._met:
            return False
        self._met.add(point)
        if self._listing is not None:
            append(self._listing, point)
        return self._lethal(point)


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def append(file: Path, line: str) -> None:
    with file.open("a") as out:
        out.write(line + "\n")


def place() -> str:
    """File and line of our code that makes the call under way; of the innermost of it where only plumbing is on the stack."""
    innermost = "?"
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        file = frame.f_code.co_filename
        if file.startswith(str(ROOT)) and "/.venv/" not in file and "/tests/" not in file:
            name = str(Path(file).relative_to(ROOT))
            here = f"{name}:{frame.f_lineno} {frame.f_code.co_name}{_purpose(frame)}"
            if name not in PLUMBING:
                return here
            innermost = here if innermost == "?" else innermost
        frame = frame.f_back
    return innermost


def _purpose(frame: FrameType) -> str:
    """The transaction manager sends whatever it is given: what it is, is in the label."""
    if not frame.f_code.co_filename.endswith("l1/txmanager.py"):
        return ""
    found = frame.f_locals
    labelled = found.get("candidate") or found.get("entry") or getattr(found.get("flight"), "entry", None)
    label = getattr(labelled, "label", None)
    return "" if label is None else f" ({label.split()[0] if label else 'unlabelled'})"


def wrap(points: FaultPoints) -> None:
    """Puts the points around the boundary calls of this process."""
    from chain.database import Database
    from l1.blob_archive import DirectoryArchive
    from l1.blob_sources import HttpSource
    from l1.http_provider import HttpProvider
    from l1.journal import TransactionJournal
    from rpc.connections import BoundedSite

    _wrap_async(points, HttpProvider, "make_request", lambda _self, method, *_: f"L1 {method}")
    _wrap_async(points, HttpSource, "get", lambda _self, path, *_: "blobs " + "/".join(path.split("/")[:5]))
    _wrap_async(points, BoundedSite, "start", lambda *_: "listen")
    for name in ("put", "discard", "finish", "forget", "__init__"):
        _wrap_sync(points, TransactionJournal, name, lambda *_, name=name: f"journal {name}")
    _wrap_sync(points, DirectoryArchive, "put", lambda *_: "blob archive put")
    _wrap_sync(points, Database, "__init__", lambda *_: "database open")
    _wrap_database(points, Database)
    _wrap_files(points)
    _without_workers()


def _without_workers() -> None:
    """A process that dies again and again would spend its time on starting them, and the points are in the daemon itself."""
    from l1.kzg import Prover

    original = Prover.__init__

    def without(self: Any, workers: int | None = None) -> None:
        original(self, 0)

    Prover.__init__ = without  # type: ignore[method-assign]


def _wrap_async(points: FaultPoints, owner: type, name: str, says: Callable[..., str]) -> None:
    original = getattr(owner, name)

    async def wrapped(*args: Any, **kwargs: Any) -> Any:
        operation = says(*args)
        points.reached(operation, "before")
        result = await original(*args, **kwargs)
        points.reached(operation, "after")
        return result

    setattr(owner, name, wrapped)


def _wrap_sync(points: FaultPoints, owner: type, name: str, says: Callable[..., str]) -> None:
    original = getattr(owner, name)

    def wrapped(*args: Any, **kwargs: Any) -> Any:
        operation = says(*args)
        points.reached(operation, "before")
        result = original(*args, **kwargs)
        points.reached(operation, "after")
        return result

    setattr(owner, name, wrapped)


def _wrap_database(points: FaultPoints, owner: type) -> None:
    original = owner.write  # type: ignore[attr-defined]

    def write(self: Any, change: Callable[[Any], Any]) -> Any:
        operation = f"commit to {self.path.name}"

        def changed(tables: Any) -> Any:
            result = change(tables)
            points.reached(operation, "halfway")
            return result

        points.reached(operation, "before")
        result = original(self, changed)
        points.reached(operation, "after")
        return result

    owner.write = write  # type: ignore[attr-defined]


def _wrap_files(points: FaultPoints) -> None:
    """Files that our code writes and renames; a library's own are its own."""
    def ours() -> bool:
        caller = sys._getframe(2).f_code.co_filename
        return caller.startswith(str(ROOT)) and "/tests/" not in caller and "/.venv/" not in caller

    for name in ("write_text", "write_bytes"):
        setattr(Path, name, _writing(points, getattr(Path, name), ours))
    for name in ("replace", "unlink", "mkdir"):
        setattr(Path, name, _changing(points, name, getattr(Path, name), ours))


def _writing(points: FaultPoints, original: Callable[..., Any], ours: Callable[[], bool]) -> Callable[..., Any]:
    def write(self: Path, data: Any, *args: Any, **kwargs: Any) -> Any:
        if not ours():
            return original(self, data, *args, **kwargs)
        operation = f"write {self.suffix or self.name}"
        points.reached(operation, "before")
        if points.is_lethal(operation, "halfway"):
            original(self, data[:len(data) // 2], *args, **kwargs)
            die()
        result = original(self, data, *args, **kwargs)
        points.reached(operation, "after")
        return result

    return write


def _changing(points: FaultPoints, name: str, original: Callable[..., Any], ours: Callable[[], bool]) -> Callable[..., Any]:
    def change(self: Path, *args: Any, **kwargs: Any) -> Any:
        if not ours():
            return original(self, *args, **kwargs)
        operation = f"{name} {self.suffix or 'of a file'}"
        points.reached(operation, "before")
        result = original(self, *args, **kwargs)
        points.reached(operation, "after")
        return result

    return change


def lethal_at(which: int, only: str) -> Callable[[str], bool]:
    """The K-th different point, from 1 on."""
    met = 0

    def lethal(point: str) -> bool:
        nonlocal met
        met += only in point
        return met == which and only in point

    return lethal


def lethal_unless_tried(file: Path, only: str) -> Callable[[str], bool]:
    tried = set(file.read_text().splitlines()) if file.exists() else set()

    def lethal(point: str) -> bool:
        if point in tried or only not in point:
            return False
        append(file, point)
        return True

    return lethal


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="fault_points")
    parser.add_argument("role", choices=["sequencer", "challenger", "node"])
    parser.add_argument("--at", type=int, default=0, metavar="K")
    parser.add_argument("--tried", type=Path, metavar="FILE")
    parser.add_argument("--only", default="", metavar="TEXT")
    parser.add_argument("--list", type=Path, metavar="FILE")
    options, rest = parser.parse_known_args(arguments)
    lethal = lethal_unless_tried(options.tried, options.only) if options.tried else lethal_at(options.at, options.only)
    wrap(FaultPoints(lethal, options.list))
    sys.argv = ["verdict", options.role, *rest]
    from verdict.cli import main as verdict

    verdict()


if __name__ == "__main__":
    main(sys.argv[1:])
