"""`verdict inspect`."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from verdict.commands.options import DEFAULT_CONFIG, ConfigOption


def inspect(
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object, for machines.")] = False,
) -> None:
    """Show what powers anyone has over the deployed rollup, as L1 has it.

    Every contract's code is compared with the committed artifacts, and so is the code that made it; its values
    with the configuration. Looked for are proxies, ways to run foreign code, owners, who may post, and money that L2 owes
    and L1 does not hold. Exit code 1 if anything differs. No key is needed.

        verdict inspect --config configs/based.toml

        verdict inspect --json | jq .powers
    """
    import json

    from l1.client import L1Client
    from verdict.config import load_config
    from verdict.deploy import check_deployment
    from verdict.errors import EXIT_FAILURE
    from verdict.inspection.rollup import inspect_rollup
    from verdict.inspection.view import print_inspection

    loaded = load_config(config)

    async def read() -> dict[str, object]:
        async with L1Client(loaded.l1.rpc_url) as rpc:
            await check_deployment(loaded, rpc)
            return await inspect_rollup(loaded, rpc)

    found = asyncio.run(read())
    if as_json:
        print(json.dumps(found, indent=2))
    else:
        print_inspection(found)
    if found["differences"]:
        raise typer.Exit(EXIT_FAILURE)
