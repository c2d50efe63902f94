"""The screen of `verdict watch`: fits, whatever there is; and the bars of a game."""

from __future__ import annotations

from io import StringIO
from typing import Any

import pytest
from rich.console import Console

from verdict.viewing.format import bar, span
from verdict.viewing.screen import screen

ID = "0x" + "ab" * 32


def found(games: int, assertions: int) -> dict[str, Any]:
    head = {"number": 12, "hash": ID, "timestamp": 990}
    game = {"id": ID, "batch": 3, "status": "open", "stage": "split", "mover": "asserter", "lo": 16, "hi": 24, "opened_lo": 0,
            "opened_hi": 32, "deadline": 1100, "forecast": {"winner": "challenger", "why": "it is so"}}
    pending = {"id": ID, "batch": 3, "asserter": "0x" + "cd" * 20, "status": "pending", "window_ends": 5000, "open_games": 1,
               "forecast": "wrong"}
    batch = {"index": 3, "l1_block": 99, "timestamp": 900, "data": "blobs", "blobs": 2, "chunks": 70, "status": "asserted"}
    return {
        "name": "a [rollup]", "time": 1000, "l2": {"unsafe": head, "safe": {**head, "number": 9}, "finalized": None},
        "l1": {"block": 100, "finalized": 90, "reorgs": 2, "last_reorg_depth": 3, "base_fee": "1000000000",
               "execute": {"gas_price": "1", "gas_left": 60_000_000, "congested_seconds": 0}},
        "games": [game] * games, "game_count": games, "open_game_count": games, "assertions": [pending] * assertions,
        "assertion_count": assertions, "pending_count": assertions, "batches": [batch] * 9, "batch_count": 9}


def shown(width: int, height: int, **of: Any) -> list[str]:
    console = Console(file=StringIO(), width=width, height=height, highlight=False)
    console.print(screen(of.get("found"), [f"event {number}" for number in range(100)], of.get("problem", ""), width, height))
    return console.file.getvalue().splitlines()  # type: ignore[attr-defined]


@pytest.mark.parametrize(("games", "assertions"), [(0, 0), (1, 2), (500, 500)])
@pytest.mark.parametrize(("width", "height"), [(80, 24), (40, 10), (200, 60)])
def test_it_fits(games: int, assertions: int, width: int, height: int) -> None:
    lines = shown(width, height, found=found(games, assertions))
    assert len(lines) <= height and max(map(len, lines)) <= width
    assert "a [rollup]" in lines[0] and "L1 #100" in lines[0]
    assert lines[-1] == "event 99", "the newest event is the last line"


def test_what_is_urgent_is_there_in_80_by_24() -> None:
    text = "\n".join(shown(80, 24, found=found(500, 500)))
    for part in ("2 reorgs (last 3 deep)", "3 blocks not on L1 yet", "games: 500 open", "asserter splits, 1 min 40 s left",
                 "challenger wins", "and 4"):
        assert part in text, text
    quiet = "\n".join(shown(80, 24, found=found(0, 1)))
    assert "wrong" in quiet and "2 blobs" in quiet and "batches: 9" in quiet


def test_while_l1_is_away_the_last_that_was_known_stays() -> None:
    lines = shown(80, 24, found=found(1, 1), problem="L1 can't be read, trying again: no [answer]")
    assert lines[0] == "L1 can't be read, trying again: no [answer]" and "a [rollup]" in lines[1]
    assert shown(80, 24) == ["reading L1 ..."]


def test_bars() -> None:
    assert bar(0, 32, (0, 32), 8) == "████████"
    assert bar(16, 24, (0, 32), 8) == "····██··"
    assert bar(31, 32, (0, 32), 8) == "·······█"
    assert bar(23_999, 24_000, (0, 24_000), 8) == "·······█", "never nothing"
    assert bar(3, 4, (3, 4), 4) == "████"


def test_spans() -> None:
    assert [span(each) for each in (0, 59, 61, 3661, 90_000)] == ["0 s", "59 s", "1 min 01 s", "1 h 01 min", "1 d 1 h"]
