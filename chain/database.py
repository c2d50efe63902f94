"""An LMDB environment that grows as needed and is owned by one process.

Transactions are short: `read` for one look-up or a handful, `write` for everything that must appear
together. Writes are durable when the `with` block has ended, so a kill at any moment leaves
the last finished one. Every value has a checksum with it: what a disk has changed is found out, never used.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
import threading
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar, cast

import lmdb

T = TypeVar("T")

INITIAL_MAP_SIZE = 1 << 30  # bytes of address space; the file itself only grows with what is in it
MAX_READERS = 126
POLL = 0.0005  # seconds


class ChainStoreError(Exception):
    """The database can't be used as asked; the message says why and what to do."""


class Damaged(ChainStoreError):
    """What is on disk is not what was written."""


_CHECKSUM = 4  # bytes, after each value


def seal(value: bytes) -> bytes:
    """As it is stored: with a checksum."""
    return value + zlib.crc32(value).to_bytes(_CHECKSUM, "big")


def unseal(stored: bytes, table: str, key: bytes) -> bytes:
    """Raises Damaged."""
    value = stored[:-_CHECKSUM]
    if len(stored) < _CHECKSUM or zlib.crc32(value).to_bytes(_CHECKSUM, "big") != stored[-_CHECKSUM:]:
        raise Damaged(f"a record of the database is damaged ({table} 0x{key.hex()[:64]}): check the disk, move the database "
                      "away and sync again")
    return value


def check_length(env: lmdb.Environment, path: Path) -> None:
    """Raises Damaged for a file that ends before its data does: to read there would be the process's end (SIGBUS)."""
    needed = (env.info()["last_pgno"] + 1) * env.stat()["psize"]
    if (found := (path / "data.mdb").stat().st_size) < needed:
        raise Damaged(f"{path}/data.mdb is cut off: it has {found:,} bytes of {needed:,}; move it away and sync again")


class Database:
    """Named tables of bytes to bytes in one directory.

    `path` None: a temporary directory, removed by `close`, where writes aren't forced to disk.
    """

    def __init__(self, path: Path | None, tables: tuple[str, ...], map_size: int = INITIAL_MAP_SIZE) -> None:
        self._temporary = path is None
        self.path = Path(tempfile.mkdtemp(prefix="verdict-chain-")) if path is None else Path(path)
        self._depths: dict[int, int] = {}  # by thread: its transactions under way; each thread writes its own entry
        self._open = threading.Event()  # cleared while the map is resized or the environment closed
        self._open.set()
        self._write_lock = threading.RLock()
        self._closed = False
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ChainStoreError(f"can't make the data directory {self.path}: {error}") from error
        self._lock_file = self._lock_directory()
        try:
            self._env = lmdb.open(
                str(self.path),
                map_size=map_size,
                max_dbs=len(tables),
                max_readers=MAX_READERS,
                sync=not self._temporary,
                metasync=not self._temporary,
            )
            check_length(self._env, self.path)
            self._env.reader_check()  # frees the slots of processes that died
            self._tables = {name: self._env.open_db(name.encode()) for name in tables}
        except (lmdb.Error, Damaged) as error:
            os.close(self._lock_file)
            if isinstance(error, Damaged):
                raise
            raise ChainStoreError(
                f"{self.path} isn't a readable LMDB database ({error}); move it away and sync again"
            ) from error

    def _lock_directory(self) -> int:
        descriptor = os.open(self.path / "owner.lock", os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            owner = os.read(descriptor, 32).decode(errors="replace").strip() or "unknown"
            os.close(descriptor)
            raise ChainStoreError(f"{self.path} is in use by another process (pid {owner})") from error
        os.ftruncate(descriptor, 0)
        os.write(descriptor, f"{os.getpid()}\n".encode())
        return descriptor

    @property
    def closed(self) -> bool:
        return self._closed

    def close(self) -> None:
        """Ends the use of the directory; removes it if it is a temporary one. Idempotent."""
        with self._write_lock:
            if self._closed:
                return
            self._closed = True
            self._open.clear()
            self._wait_for_transactions()
            self._env.close()
            self._open.set()
        os.close(self._lock_file)
        if self._temporary:
            shutil.rmtree(self.path, ignore_errors=True)

    def _enter(self) -> None:
        """Announces a transaction of this thread, then looks whether it may begin: in this order, so that
        who clears `_open` and then finds no thread announced knows that there is none. No lock: many threads read."""
        thread = threading.get_ident()
        while True:
            depth = self._depths.get(thread, 0)
            self._depths[thread] = depth + 1
            if depth or self._open.is_set():
                break
            del self._depths[thread]
            self._open.wait()
        if self._closed:
            self._leave()
            raise ChainStoreError(f"{self.path} has been closed")

    def _leave(self) -> None:
        thread = threading.get_ident()
        depth = self._depths[thread] - 1
        if depth:
            self._depths[thread] = depth
        else:
            del self._depths[thread]

    def _wait_for_transactions(self) -> None:
        while self._depths:
            time.sleep(POLL)

    @contextmanager
    def _transaction(self, *, write: bool) -> Iterator[Tables]:
        self._enter()
        try:
            with self._env.begin(write=write) as transaction:
                yield Tables(transaction, self._tables)
        finally:
            self._leave()

    @contextmanager
    def read(self) -> Iterator[Tables]:
        """A consistent snapshot. A `write` of the same thread inside it is a mistake: it could never grow the map."""
        try:
            with self._transaction(write=False) as tables:
                yield tables
        except lmdb.MapResizedError:
            raise
        except lmdb.Error as error:
            raise self._unreadable(error) from error

    def get(self, table: str, key: bytes) -> bytes | None:
        self._enter()
        try:
            with self._env.begin(db=self._tables[table]) as transaction:
                stored = cast("bytes | None", transaction.get(key))
        except lmdb.MapResizedError:
            raise
        except lmdb.Error as error:
            raise self._unreadable(error) from error
        finally:
            self._leave()
        return None if stored is None else unseal(stored, table, key)

    def _unreadable(self, error: lmdb.Error) -> Damaged:
        return Damaged(f"reading {self.path} failed ({error}): check the disk, move the database away and sync again")

    def write(self, change: Callable[[Tables], T]) -> T:
        """Runs `change` in one durable transaction; again, from the start, after growing a full map.

        If it raises, nothing of it is kept.
        """
        with self._write_lock:
            while True:
                try:
                    with self._transaction(write=True) as tables:
                        return change(tables)
                except lmdb.MapFullError:
                    self._grow()
                except lmdb.Error as error:
                    raise ChainStoreError(f"writing to {self.path} failed ({error}): is the disk full? What was written before is "
                                          "kept: make room, and start it again") from error

    def _grow(self) -> None:
        self._open.clear()
        try:
            self._wait_for_transactions()
            self._env.set_mapsize(2 * self._env.info()["map_size"])
        finally:
            self._open.set()


class Tables:
    """The tables as one transaction sees them."""

    def __init__(self, transaction: lmdb.Transaction, tables: Mapping[str, Any]) -> None:
        self._transaction = transaction
        self._tables = tables

    def get(self, table: str, key: bytes) -> bytes | None:
        stored = cast("bytes | None", self._transaction.get(key, db=self._tables[table]))
        return None if stored is None else unseal(stored, table, key)

    def put(self, table: str, key: bytes, value: bytes) -> None:
        self._transaction.put(key, seal(value), db=self._tables[table])

    def put_new(self, table: str, key: bytes, value: bytes) -> None:
        """For values named by their hash: what is there stays."""
        self._transaction.put(key, seal(value), db=self._tables[table], overwrite=False)

    def delete(self, table: str, key: bytes) -> None:
        self._transaction.delete(key, db=self._tables[table])

    def prefix(self, table: str, prefix: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Records whose key begins with `prefix`, in key order."""
        with self._transaction.cursor(db=self._tables[table]) as cursor:
            if not cursor.set_range(prefix):
                return
            for item in cursor:
                key, value = bytes(item[0]), bytes(item[1])
                if not key.startswith(prefix):
                    return
                yield key, unseal(value, table, key)
