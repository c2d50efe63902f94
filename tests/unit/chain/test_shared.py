"""A chain's database read by another process than its owner, who goes on writing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from chain.database import ChainStoreError, Database
from chain.shared import SharedDatabase

READER = """
import sys
from pathlib import Path
from chain.shared import SharedDatabase

shared = SharedDatabase(Path(sys.argv[1]), ("meta",))
print("open", flush=True)
for line in sys.stdin:
    key = line.strip().encode()
    with shared.read() as tables:
        assert tables.get("meta", key) == shared.get("meta", key)
    value = shared.get("meta", key)
    print(len(value) if value else value, flush=True)
shared.close()
"""


def test_a_reader_follows_its_owner_who_lets_the_map_grow(tmp_path: Path) -> None:
    owner = Database(tmp_path, ("meta",), map_size=1 << 20)
    owner.write(lambda tables: tables.put("meta", b"first", b"1"))
    with subprocess.Popen([sys.executable, "-c", READER, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          text=True) as reader:
        assert reader.stdin is not None and reader.stdout is not None

        def asked(key: str) -> str:
            reader.stdin.write(key + "\n")  # type: ignore[union-attr]
            reader.stdin.flush()  # type: ignore[union-attr]
            return reader.stdout.readline().strip()  # type: ignore[union-attr]

        assert reader.stdout.readline().strip() == "open"
        assert (asked("first"), asked("second")) == ("1", "None")
        owner.write(lambda tables: tables.put("meta", b"second", bytes(20 << 20)))
        assert asked("second") == str(20 << 20), "more than the map that LMDB gives a reader at first, 10 MiB"
        assert asked("first") == "1"
        owner.write(lambda tables: tables.put("meta", b"third", b"33"))
        assert asked("third") == "2", "and the owner still writes"
        reader.stdin.close()
        assert reader.wait(10) == 0
    owner.close()


def test_what_cannot_be_read_is_said_and_left_as_it_is(tmp_path: Path) -> None:
    with pytest.raises(ChainStoreError, match="can't be read"):
        SharedDatabase(tmp_path / "none", ("meta",))
    assert not (tmp_path / "none").exists()
    Database(tmp_path / "other", ("blocks",)).close()
    with pytest.raises(ChainStoreError, match="not a chain's database"):
        SharedDatabase(tmp_path / "other", ("meta",))
    Database(tmp_path / "mine", ("meta",)).close()
    shared = SharedDatabase(tmp_path / "mine", ("meta",))
    with pytest.raises(ChainStoreError, match="belongs to another process"):
        shared.write(lambda tables: tables.put("meta", b"key", b"value"))
    shared.close()
