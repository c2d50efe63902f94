"""`verdict status`."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from verdict.commands.options import DEFAULT_CONFIG, ConfigOption


def status(
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object, for machines.")] = False,
) -> None:
    """Show how the rollup stands: L1, batches, assertions and their windows, games, the L2 heads, money.

    Everything is read from L1, but the sequencer's own head, which is asked over its JSON-RPC if it runs. No key is
    needed.

        verdict status --config configs/mine.toml

        watch -n 2 verdict status

        verdict status --json | jq .confirmed
    """
    import json

    from l1.client import L1Client
    from verdict.config import load_config
    from verdict.deploy import check_deployment
    from verdict.status import read_status
    from verdict.status_view import print_status

    loaded = load_config(config)

    async def read() -> dict[str, object]:
        async with L1Client(loaded.l1.rpc_url) as rpc:
            deployment = await check_deployment(loaded, rpc)
            return await read_status(loaded, deployment, rpc)

    found = asyncio.run(read())
    if as_json:
        print(json.dumps(found, indent=2))
    else:
        print_status(found)
