"""A database that another process owns, read beside it: LMDB gives each reader a snapshot, and no writer waits for it."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

import lmdb

from chain.database import MAX_READERS, ChainStoreError, Database, T, Tables


class SharedDatabase(Database):
    """Read only: nothing is made, locked or changed. ChainStoreError if there is no database that can be read, for example
    since this very process owns it."""

    def __init__(self, path: Path, tables: tuple[str, ...]) -> None:
        self._temporary = False
        self.path = path
        self._depths = {}
        self._open = threading.Event()
        self._open.set()
        self._write_lock = threading.RLock()
        self._closed = False
        try:
            self._env = lmdb.open(str(path), readonly=True, create=False, max_dbs=len(tables), max_readers=MAX_READERS)
        except lmdb.Error as error:
            raise ChainStoreError(f"{path} can't be read: {error}") from error
        try:
            self._tables = {name: self._env.open_db(name.encode(), create=False) for name in tables}
        except lmdb.Error as error:
            self._env.close()
            raise ChainStoreError(f"{path} is not a chain's database: {error}") from error
        self._lock_file = os.open(path, os.O_RDONLY)  # of the directory, for `close`

    @contextmanager
    def read(self) -> Iterator[Tables]:
        self._fit()
        with super().read() as tables:
            yield tables

    def get(self, table: str, key: bytes) -> bytes | None:
        try:
            return super().get(table, key)
        except lmdb.MapResizedError:
            self._fit()
            return super().get(table, key)

    def write(self, change: Callable[[Tables], T]) -> T:
        raise ChainStoreError(f"{self.path} belongs to another process: it is only read here")

    def _fit(self) -> None:
        """Takes the map's size from its owner, who may have let it grow."""
        try:
            with self._env.begin():
                return
        except lmdb.MapResizedError:
            self._open.clear()
            try:
                self._wait_for_transactions()
                cast("lmdb.Environment", self._env).set_mapsize(0)
            finally:
                self._open.set()
