"""What is kept of an alarm: whole files that replay, within bounds, and never at the cost of the newest."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.alarm import Alarm, AlarmStore
from engines.process import EngineFailure, FailureKind
from engines.wire import encode_request
from execution.verdict import Verdict
from tests.unit.engines.cast import ENCODED, QUESTION, TRUE
from verdict.execute_lines import parse_line

YES, NO = Verdict(True, "proved", 21_000), Verdict(False, 'no "such" \ud800 thing', None)
DEAD = EngineFailure(FailureKind.lost, "the process ended")


def alarm(index: int, *, size: int = 0, dissent: bool = False) -> Alarm:
    request = encode_request(bytes(32), bytes(32), index, bytes(size))
    return Alarm(request, {"a": YES, "b": NO if dissent else DEAD}, True, dissent, 1_800_000_000 + index)


def kept(store: AlarmStore) -> list[int]:
    """Which ones, by their gas."""
    return sorted(int(json.loads(path.read_text())["gasUsed"], 16) for path in store.directory.iterdir())


def test_a_file_is_one_line_that_replays(tmp_path: Path) -> None:
    path = AlarmStore(tmp_path / "a" / "b").save(Alarm(TRUE, {"py-evm": YES, "eels": NO, "c": DEAD}, None, True, 0.5))
    line = path.read_bytes()
    assert line.count(b"\n") == 1 and line.endswith(b"}\n")
    segment = parse_line(line.strip())
    assert (segment.pre_root, segment.post_root, segment.gas_used, segment.trace) == QUESTION
    fields = json.loads(line)
    assert fields["votes"] == {
        "py-evm": {"result": True, "reason": "proved", "gasUsed": 21_000},
        "eels": {"result": False, "reason": NO.reason, "gasUsed": None},
        "c": {"failure": "lost", "reason": "the process ended"},
    }
    assert (fields["answer"], fields["time"], fields["trace"]) == (None, "1970-01-01T00:00:00Z", "0x" + ENCODED.hex())
    assert path.name.startswith("19700101T000000.500000Z-dissent-")


@given(st.binary(max_size=5000), st.integers(0, 2**64 - 1))
def test_every_request_comes_back_as_it_was(tmp_path_factory: pytest.TempPathFactory, trace: bytes, gas: int) -> None:
    request = encode_request(b"\x01" * 32, b"\x02" * 32, gas, trace)
    path = AlarmStore(tmp_path_factory.mktemp("alarms")).save(Alarm(request, {}, True, False, 0))
    segment = parse_line(path.read_bytes().strip())
    assert encode_request(segment.pre_root, segment.post_root, segment.gas_used or 0, segment.trace) == request


def test_the_oldest_go_first(tmp_path: Path) -> None:
    store = AlarmStore(tmp_path, max_files=3)
    for index in range(5):
        store.save(alarm(index))
    assert kept(store) == [2, 3, 4]
    store.save(alarm(0))  # older than all of them, but the newest to come
    assert kept(store) == [0, 3, 4]


def test_bytes_are_bounded_and_the_newest_stays_however_large_it_is(tmp_path: Path) -> None:
    store = AlarmStore(tmp_path, max_bytes=10_000)
    for index in range(4):
        store.save(alarm(index, size=2_000))
    assert kept(store) == [2, 3]
    store.save(alarm(4, size=1 << 21))
    assert kept(store) == [4]
    store.save(alarm(5))
    assert kept(store) == [5]


def test_failures_do_not_push_out_a_dissent(tmp_path: Path) -> None:
    store = AlarmStore(tmp_path, max_files=3)
    store.save(alarm(0, dissent=True))
    for index in range(1, 5):
        store.save(alarm(index))
    assert kept(store) == [0, 3, 4]
    for index in range(5, 8):
        store.save(alarm(index, dissent=True))
    assert kept(store) == [5, 6, 7]
    store.save(alarm(8))
    assert kept(store) == [6, 7, 8]


def test_a_request_is_kept_once(tmp_path: Path) -> None:
    store = AlarmStore(tmp_path)
    first = alarm(1)
    store.save(first)
    again = store.save(Alarm(first.request, first.votes, True, False, first.came + 1))
    assert [again] == list(tmp_path.iterdir())
    grave = store.save(Alarm(first.request, {"a": YES, "b": NO}, True, True, first.came + 2))
    assert store.save(Alarm(first.request, first.votes, True, False, first.came + 3)) == grave
    assert [grave] == list(tmp_path.iterdir()) and "failure" not in json.loads(grave.read_text())["votes"]["b"]


def test_what_a_killed_process_left_is_cleaned_up_and_nothing_half_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "20260101T000000.000000Z-failure-00.partial").write_text('{"half')
    store = AlarmStore(tmp_path)
    store.save(alarm(1))
    assert kept(store) == [1]
    (tmp_path / "directory").touch()
    with pytest.raises(OSError, match="directory"):
        AlarmStore(tmp_path / "directory" / "below").save(alarm(2))
