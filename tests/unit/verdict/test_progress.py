"""Catching up is shown: as a bar on a terminal, as lines elsewhere, and not at all when there is little to catch up with."""

from __future__ import annotations

import asyncio
import io
import re
from types import SimpleNamespace

import pytest
import structlog
from rich.console import Console
from structlog.testing import capture_logs

from verdict import progress
from verdict.progress import Sample, Speed, show_progress


def node_at(read: int, target: int) -> SimpleNamespace:
    """What progress reads of a RollupNode."""
    return SimpleNamespace(
        pipeline=SimpleNamespace(
            tracker=SimpleNamespace(last=SimpleNamespace(number=read)), head=SimpleNamespace(number=target)),
        settings=SimpleNamespace(start=1, confirmations=0), store=SimpleNamespace(head=SimpleNamespace(number=read)),
        steps_executed=10 * read)


async def catch_up(node: SimpleNamespace, console: Console) -> list[str]:
    """Shows progress while the node reads 100 blocks a moment. The names of the log's lines."""
    with capture_logs() as lines:
        showing = asyncio.create_task(show_progress(node, console))  # type: ignore[arg-type]
        try:
            async with asyncio.timeout(20):
                while node.pipeline.tracker.last.number < node.pipeline.head.number:
                    node.pipeline.tracker.last.number += 100
                    await asyncio.sleep(0.02)
                while not any(line["event"] == "caught up with L1" for line in lines):
                    await asyncio.sleep(0.01)
        finally:
            showing.cancel()
            await asyncio.gather(showing, return_exceptions=True)
    return [line["event"] for line in lines]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    structlog.reset_defaults()  # a command run in this process before may have wanted errors only
    monkeypatch.setattr(progress, "_LOOK", 0.01)
    monkeypatch.setattr(progress, "_LINE", 0.05)


async def test_lines_where_there_is_no_terminal() -> None:
    out = io.StringIO()
    lines = await catch_up(node_at(0, 2_000), Console(file=out))
    assert lines.count("catching up with L1") >= 2 and lines[-1] == "caught up with L1"
    assert out.getvalue() == ""


async def test_a_bar_on_a_terminal() -> None:
    out = io.StringIO()
    lines = await catch_up(node_at(0, 2_000), Console(file=out, force_terminal=True, width=120))
    assert "L1 blocks" in out.getvalue() and re.search(r"\d+/(1900|2000)", out.getvalue())
    assert lines == ["caught up with L1"]


async def test_a_few_blocks_are_not_worth_a_word(monkeypatch: pytest.MonkeyPatch) -> None:
    out, looks, taken = io.StringIO(), [], Sample.of
    monkeypatch.setattr(progress.Sample, "of", lambda node: looks.append(node) or taken(node))
    with capture_logs() as lines:
        showing = asyncio.create_task(show_progress(node_at(0, 10), Console(file=out)))  # type: ignore[arg-type]
        async with asyncio.timeout(20):
            while len(looks) < 3:
                await asyncio.sleep(0.01)
        showing.cancel()
    assert not lines and not out.getvalue()


def test_speed_and_time_left() -> None:
    before, now = Sample(0.0, 100, 1_000, 10, 0), Sample(10.0, 200, 1_000, 60, 5_000)
    assert Speed.between(before, now) == Speed(10.0, 5.0, 500.0, 80.0)
    assert Speed.between(now, Sample(20.0, 200, 1_000, 60, 5_000)).left is None
