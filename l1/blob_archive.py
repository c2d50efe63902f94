"""Blobs on disk, by versioned hash. Ethereum prunes blobs after 18 days and forgets those of orphaned slots at once."""

from __future__ import annotations

import contextlib
import itertools
import os
import time
from collections.abc import Container
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from l1.kzg import BLOB_SIZE

_STALE_PARTIAL = 3600.0  # seconds after which nobody writes to a partial file any more


class BlobArchive(Protocol):
    """Where blobs are kept. What `get` gives is as it was read: whoever asks verifies it."""

    def get(self, versioned_hash: bytes) -> bytes | None: ...
    def put(self, versioned_hash: bytes, blob: bytes) -> None: ...
    def discard(self, versioned_hash: bytes) -> None: ...
    def prune(self, retention: Retention, protected: Container[bytes]) -> Pruned: ...


class MemoryArchive(dict[bytes, bytes]):
    """For tests and one-off commands."""

    def put(self, versioned_hash: bytes, blob: bytes) -> None:
        self[versioned_hash] = blob

    def discard(self, versioned_hash: bytes) -> None:
        self.pop(versioned_hash, None)

    def prune(self, retention: Retention, protected: Container[bytes]) -> Pruned:
        """Keeps everything: it doesn't know how old things are."""
        return Pruned(0, len(self))


@dataclass(frozen=True, slots=True)
class Retention:
    """What `prune` leaves: everything younger than `keep_for` seconds, and of the rest at most what makes `max_size`
    bytes in all (None: none of it)."""

    keep_for: float
    max_size: int | None = None


@dataclass(frozen=True, slots=True)
class Pruned:
    """Blobs removed, and left."""

    removed: int
    kept: int


class DirectoryArchive:
    """One file a blob, named by its versioned hash. A file is written whole and then renamed; one that was damaged later
    (or is empty after a power cut) is found out by whoever reads it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._count = itertools.count()
        path.mkdir(parents=True, exist_ok=True)
        for partial in path.glob("*.partial"):
            with contextlib.suppress(FileNotFoundError):
                if time.time() - partial.stat().st_mtime > _STALE_PARTIAL:
                    partial.unlink()

    def get(self, versioned_hash: bytes) -> bytes | None:
        """What lies there, whatever it is; at most one byte more than a blob."""
        try:
            with self._file(versioned_hash).open("rb") as file:
                return file.read(BLOB_SIZE + 1)
        except FileNotFoundError:
            return None

    def put(self, versioned_hash: bytes, blob: bytes) -> None:
        file = self._file(versioned_hash)
        partial = file.with_suffix(f".{os.getpid()}-{next(self._count)}.partial")
        partial.write_bytes(blob)
        partial.replace(file)

    def discard(self, versioned_hash: bytes) -> None:
        self._file(versioned_hash).unlink(missing_ok=True)

    def prune(self, retention: Retention, protected: Container[bytes], now: float | None = None) -> Pruned:
        """Removes what is old, the oldest first. `protected`: hashes that stay whatever their age; `now`: Unix time."""
        now = time.time() if now is None else now
        files: list[tuple[float, int, bytes]] = []
        with os.scandir(self._path) as entries:
            for entry in entries:
                with contextlib.suppress(ValueError, FileNotFoundError):  # not a blob's name, or gone by now
                    stat = entry.stat()
                    files.append((stat.st_mtime, stat.st_size, bytes.fromhex(entry.name)))
        size, removed = sum(each[1] for each in files), 0
        for modified, bytes_there, versioned_hash in sorted(files):
            if now - modified < retention.keep_for:
                break
            if retention.max_size is not None and size <= retention.max_size:
                break
            if versioned_hash not in protected:
                self.discard(versioned_hash)
                size, removed = size - bytes_there, removed + 1
        return Pruned(removed, len(files) - removed)

    def _file(self, versioned_hash: bytes) -> Path:
        return self._path / versioned_hash.hex()
