"""`verdict watch`."""

from __future__ import annotations

from typing import Annotated

import typer

from verdict.commands.options import DEFAULT_CONFIG, ConfigOption, JsonOption, L2Option


def watch(
    config: ConfigOption = DEFAULT_CONFIG,
    l2_rpc: L2Option = "",
    past: Annotated[int, typer.Option("--past", min=0, max=1000, help="Events of before to begin with.")] = 10,
    as_json: JsonOption = False,
) -> None:
    """Watch the rollup live: heads and lags, batches, assertions with their windows, games as they narrow, what happens.

    On a terminal it is a screen (80x24 is enough), until Ctrl-C; elsewhere, one line for each event of the contracts, or
    with --json one object. When L1 does not answer it waits for it.

        verdict watch

        verdict watch > events.log

        verdict watch --json | jq 'select(.event == "AssertionKilled")'
    """
    import asyncio
    import contextlib
    import signal
    import sys

    from rich.console import Console

    from verdict.config import load_config
    from verdict.viewing.source import run, sight
    from verdict.viewing.watch import Watch

    loaded = load_config(config)

    async def follow() -> None:
        task = asyncio.current_task()
        assert task is not None
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, task.cancel)
        async with sight(loaded, l2_rpc or None) as seen:
            watching = Watch(seen, past)
            if sys.stdout.isatty() and not as_json:
                await watching.on_screen(Console(highlight=False))
            else:
                await watching.in_lines(as_json=as_json)

    with contextlib.suppress(asyncio.CancelledError):
        run(follow())
