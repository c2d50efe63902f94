"""`verdict status`."""

from __future__ import annotations

import typer

from verdict.commands.options import DEFAULT_CONFIG, ConfigOption, JsonOption, L2Option


def status(config: ConfigOption = DEFAULT_CONFIG, l2_rpc: L2Option = "", as_json: JsonOption = False) -> None:
    """Show how the rollup stands: L1, batches, assertions and their windows, games and who wins, the L2 heads, money.

    Everything is read from L1, but L2's heads, which are asked of the sequencer or node that runs, and the forecasts, which
    come from what a daemon of the same data directory has derived. No key is needed.

        verdict status --config configs/mine.toml

        verdict status --json | jq .confirmed

        verdict watch                             the same, live
    """
    from verdict.config import load_config
    from verdict.viewing.source import run, sight
    from verdict.viewing.status import print_status, read_status

    loaded = load_config(config)

    async def read() -> dict[str, object]:
        async with sight(loaded, l2_rpc or None) as seen:
            return await read_status(seen)

    shown(run(read()), as_json, print_status)


def shown(found: object, as_json: bool, print_: object) -> None:
    """As one JSON object, or by `print_(found, console)`."""
    import json

    from rich.console import Console

    if as_json:
        typer.echo(json.dumps(found, indent=2))
    else:
        print_(found, Console(highlight=False, soft_wrap=True))  # type: ignore[operator]
