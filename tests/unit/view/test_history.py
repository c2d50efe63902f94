"""What events say, and taking it back; which entries a list shows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from l1.batch_header import BatchHeader
from l1.events import (
    AssertionConfirmed,
    AssertionKilled,
    AssertionMade,
    BatchPosted,
    GameEnded,
    GameOpened,
    GameStatus,
    KillReason,
    Picked,
    SegmentSettled,
    Split,
)
from l1.follower import Point
from view import history as module
from view.history import History
from view.rollup_view import _chosen, _only

WHO, ZERO = b"\x0a" * 20, bytes(32)
HEADER = BatchHeader(ZERO, 0, (), ZERO, (), 0, 1, ZERO, 1, ZERO, 0, 0, 0, 0)
GAME = b"\x77" * 32


def batch(index: int) -> BatchPosted:
    return BatchPosted(index, bytes([index]) * 32, WHO, replace(HEADER, index=index))


def made(number: int) -> AssertionMade:
    return AssertionMade(bytes([number]) * 32, ZERO, b"\x01" * 32, WHO, 4, b"\x01" * 31, ZERO, ZERO, ())


BLOCKS: list[list[Any]] = [
    [batch(0), batch(1)],
    [made(1), made(2), GameOpened(GAME, bytes([1]) * 32, WHO, 0, 4)],
    [Split(GAME, 0, 4, (b"s" * 31,)), batch(2)],
    [Picked(GAME, 2, 4), SegmentSettled(b"\x01" * 32, WHO, 3, b"\x01" * 31, 0, 0)],
    [AssertionKilled(bytes([1]) * 32, WHO, KillReason.STEP_PROOF, 1, 1), GameEnded(GAME, GameStatus.CHALLENGER_WON), batch(3)],
    [AssertionConfirmed(bytes([2]) * 32, ZERO, ZERO), batch(4), batch(5)],
]
TABLES = ("batches", "indices", "counts", "assertions_of", "confirmed", "moves", "segments", "made", "status", "pending", "opened",
          "open_games", "killed", "split", "ended")


def picture(history: History) -> dict[str, Any]:
    return {name: dict(getattr(history, name)) for name in TABLES}


def test_every_block_can_be_taken_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "KEPT_BATCHES", 3)
    history = History(b"i" * 20, b"r" * 20, window=10)
    points, pictures = [], []
    for number, events in enumerate(BLOCKS):
        point = Point(number, bytes([number]) * 32)
        history.apply(point, [(event, point, bytes([number]) * 32) for event in events])
        points.append(point)
        pictures.append(picture(history))
    assert history.batch_count == 6 and sorted(history.batches) == [3, 4, 5], "the oldest are let go"
    assert [type(told.event) for told in history.moves[GAME]] == [GameOpened, Split, Picked, GameEnded]
    assert not history.pending and history.death(bytes([1]) * 32) == history.killed[bytes([1]) * 32]
    for index in range(len(BLOCKS) - 2, -1, -1):
        history.rewind(points[index])
        assert picture(history) == pictures[index]
    assert history.batch_count == 2 and sorted(history.batches) == [0, 1]
    history.forget()
    assert history.last is None and not history.made


def test_a_list_shows_what_is_not_over_before_what_is() -> None:
    ids = {bytes([number]) * 32: None for number in range(6)}
    keys = list(ids)
    alive = {keys[0], keys[2]}.__contains__
    assert _chosen(ids, alive, 6) == keys[::-1]
    assert _chosen(ids, alive, 3) == [keys[5], keys[2], keys[0]], "newest first, and none that is alive is left out"
    assert _chosen(ids, alive, 1) == [keys[2]]
    assert _chosen(ids, alive, 6, only=True) == [keys[2], keys[0]]


def test_an_id_by_its_beginning() -> None:
    ids = {b"\x12" * 32: None, b"\x12\x34" + bytes(30): None}
    assert _only(ids, "0x1212") == b"\x12" * 32 and _only(ids, "1234") == b"\x12\x34" + bytes(30)
    assert _only(ids, "0X12") is None and _only(ids, "0x12") is None, "both begin so"
    assert _only(ids, "") is None and _only(ids, "0x") is None and _only(ids, "zz") is None
