"""How far a daemon is that catches up with L1: a bar on a terminal, else a line in the log every so often."""

from __future__ import annotations

import asyncio
import sys
import time
from dataclasses import dataclass

import structlog
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)

from derivation.node import RollupNode

log = structlog.get_logger("progress")

WORTH_SHOWING = 64
"""L1 blocks behind: less is caught up with in a moment."""
_LOOK = 0.5  # seconds
_LINE = 15.0  # seconds between two lines of the log


@dataclass(frozen=True, slots=True)
class Sample:
    """At `time` (seconds): L1 block `read` of `target`, L2 block `head`, `steps` executed so far."""

    time: float
    read: int
    target: int
    head: int
    steps: int

    @classmethod
    def of(cls, node: RollupNode) -> Sample:
        pipeline = node.pipeline
        last, head = pipeline.tracker.last, pipeline.head
        read = last.number if last else node.settings.start - 1
        target = max(read, head.number - node.settings.confirmations) if head else read
        return cls(time.monotonic(), read, target, node.store.head.number, node.steps_executed)

    @property
    def behind(self) -> int:
        return self.target - self.read


@dataclass(frozen=True, slots=True)
class Speed:
    """Each a second; `left` in seconds, None while nothing moves."""

    l1_blocks: float
    l2_blocks: float
    steps: float
    left: float | None

    @classmethod
    def between(cls, before: Sample, now: Sample) -> Speed:
        span = max(now.time - before.time, 1e-9)
        l1_blocks = (now.read - before.read) / span
        return cls(l1_blocks, (now.head - before.head) / span, (now.steps - before.steps) / span,
                   now.behind / l1_blocks if l1_blocks > 0 else None)  # fmt: skip


async def show_progress(node: RollupNode, console: Console | None = None) -> None:
    """Runs for ever: shows something whenever `node` is far behind L1. On a terminal a bar, under the log's lines."""
    console = console or Console(stderr=True)
    while True:
        first = Sample.of(node)
        if first.behind >= WORTH_SHOWING:
            await (_bar(node, console, first) if console.is_terminal else _lines(node, first))
            last = Sample.of(node)
            speed = Speed.between(first, last)
            log.info("caught up with L1", l1_blocks=last.read - first.read, l2_blocks=last.head - first.head,
                     seconds=round(last.time - first.time, 1), steps_per_second=round(speed.steps))  # fmt: skip
        await asyncio.sleep(_LOOK)


async def _lines(node: RollupNode, first: Sample) -> None:
    before = first
    while True:
        until = before.time + _LINE
        while (now := Sample.of(node)).time < until:
            if now.behind == 0:
                return
            await asyncio.sleep(_LOOK)
        speed, left = Speed.between(before, now), Speed.between(first, now).left
        log.info("catching up with L1", l1_block=now.read, of=now.target, l2_block=now.head,
                 l1_blocks_per_second=round(speed.l1_blocks, 1), steps_per_second=round(speed.steps),
                 left="unknown" if left is None else f"{left:.0f}s")  # fmt: skip
        before = now


async def _bar(node: RollupNode, console: Console, first: Sample) -> None:
    columns = (
        TextColumn("L1 blocks"), BarColumn(), TaskProgressColumn(), MofNCompleteColumn(), TimeRemainingColumn(),
        TextColumn("L2 block {task.fields[head]}, {task.fields[steps]} steps/s"),
    )  # fmt: skip
    errors = sys.stderr
    with Progress(*columns, console=console, transient=True, speed_estimate_period=60) as progress:
        task = progress.add_task("", total=first.behind, head=first.head, steps=0)
        _logs_to(errors, sys.stderr)  # rich's stand-in puts lines above the bar
        try:
            before = first
            while (now := Sample.of(node)).behind:
                if now.time - before.time >= 2:
                    progress.update(task, steps=round(Speed.between(before, now).steps))
                    before = now
                progress.update(task, completed=now.read - first.read, total=now.target - first.read, head=now.head)
                await asyncio.sleep(_LOOK)
        finally:
            _logs_to(sys.stderr, errors)


def _logs_to(old: object, new: object) -> None:
    """Handlers of the root logger that write to one stream write to the other."""
    import logging

    for handler in logging.getLogger().handlers:
        if isinstance(handler, logging.StreamHandler) and handler.stream is old:
            handler.setStream(new)
