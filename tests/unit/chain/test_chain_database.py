"""The LMDB environment: growth, one owner, nothing half-written."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from chain.database import ChainStoreError, Damaged, Database, Tables

TABLES = ("a", "b")


def test_a_full_map_grows_and_the_change_runs_again(tmp_path: Path) -> None:
    database = Database(tmp_path, TABLES, map_size=1 << 16)
    runs = 0

    def change(tables: Tables) -> int:
        nonlocal runs
        runs += 1
        for index in range(200):
            tables.put("a", index.to_bytes(4, "big"), bytes(4096))
        return 7

    assert database.write(change) == 7
    assert runs > 1
    assert database.get("a", (199).to_bytes(4, "big")) == bytes(4096)
    database.close()


def test_growing_waits_for_readers_and_readers_for_growing(tmp_path: Path) -> None:
    database = Database(tmp_path, TABLES, map_size=1 << 16)
    database.write(lambda tables: tables.put("a", b"key", b"value"))
    stop = threading.Event()
    wrong: list[object] = []

    def read() -> None:
        while not stop.wait(0.0005):  # not spinning: that would starve everyone else of the GIL
            if database.get("a", b"key") != b"value":
                wrong.append("lost")

    threads = [threading.Thread(target=read) for _ in range(3)]
    for thread in threads:
        thread.start()
    for index in range(30):
        database.write(lambda tables, index=index: tables.put("b", bytes([index]), bytes(50_000)))
    stop.set()
    for thread in threads:
        thread.join()
    assert not wrong
    database.close()


def test_a_change_that_raises_leaves_nothing(tmp_path: Path) -> None:
    database = Database(tmp_path, TABLES)

    def change(tables: Tables) -> None:
        tables.put("a", b"key", b"value")
        raise LookupError("no")

    with pytest.raises(LookupError):
        database.write(change)
    assert database.get("a", b"key") is None
    database.close()


def test_only_one_owner(tmp_path: Path) -> None:
    database = Database(tmp_path, TABLES)
    with pytest.raises(ChainStoreError, match="in use by another process"):
        Database(tmp_path, TABLES)
    database.close()
    Database(tmp_path, TABLES).close()


def test_a_file_that_is_no_database_is_refused_and_the_directory_let_go(tmp_path: Path) -> None:
    (tmp_path / "data.mdb").write_bytes(b"not a database" * 1000)
    for _attempt in range(2):
        with pytest.raises(ChainStoreError, match="isn't a readable LMDB database"):
            Database(tmp_path, TABLES)


def test_a_temporary_database_is_gone_after_close() -> None:
    database = Database(None, TABLES)
    path = database.path
    assert path.exists()
    database.close()
    database.close()
    assert not path.exists()
    with pytest.raises(ChainStoreError, match="closed"):
        database.get("a", b"key")


def test_prefix(tmp_path: Path) -> None:
    database = Database(tmp_path, TABLES)
    records = {b"x": b"1", b"x1": b"2", b"x2": b"3", b"y": b"4", b"w": b"0"}
    database.write(lambda tables: [tables.put("a", key, value) for key, value in records.items()])
    with database.read() as tables:
        assert list(tables.prefix("a", b"x")) == [(b"x", b"1"), (b"x1", b"2"), (b"x2", b"3")]
        assert list(tables.prefix("a", b"z")) == []
    database.close()


def flip(file: Path, value: bytes) -> None:
    """One bit of every copy of it."""
    content = file.read_bytes()
    assert value in content
    file.write_bytes(content.replace(value, bytes([value[0] ^ 1]) + value[1:]))


def test_a_flipped_bit_is_found_out(tmp_path: Path) -> None:
    database = Database(tmp_path, ("records",))
    value = b"what was written, and nothing else"
    database.write(lambda tables: tables.put("records", b"key", value))
    database.close()
    flip(tmp_path / "data.mdb", value)
    database = Database(tmp_path, ("records",))
    with pytest.raises(Damaged, match="damaged"):
        database.get("records", b"key")
    with pytest.raises(Damaged, match="damaged"), database.read() as tables:
        tables.get("records", b"key")
    with pytest.raises(Damaged, match="damaged"), database.read() as tables:
        list(tables.prefix("records", b""))
    database.close()


def test_a_file_that_is_cut_off_is_refused(tmp_path: Path) -> None:
    database = Database(tmp_path, ("records",))
    for number in range(50):
        database.write(lambda tables, key=number: tables.put("records", bytes([key]), bytes(4096)))
    database.close()
    file = tmp_path / "data.mdb"
    os.truncate(file, file.stat().st_size // 2)
    with pytest.raises(ChainStoreError, match="cut off"):
        Database(tmp_path, ("records",))
