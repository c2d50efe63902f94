"""`verdict deploy`."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from verdict.commands.options import (
    DEFAULT_CONFIG,
    ConfigOption,
    LogFormat,
    LogFormatOption,
    LogLevel,
    LogLevelOption,
)

if TYPE_CHECKING:
    from verdict.config import Config


def deploy(
    config: ConfigOption = DEFAULT_CONFIG,
    reset: Annotated[
        bool,
        typer.Option("--reset", help="L1 was started afresh: put the old deployment and databases aside, begin anew."),
    ] = False,
    log_format: LogFormat = LogFormatOption.console,
    log_level: LogLevel = LogLevelOption.warning,
) -> None:
    """Put the rollup's contracts on L1 and write data_dir/deployment.json.

    Needs VERDICT_DEPLOYER_KEY (or VERDICT_DEPLOYER_KEY_FILE) with ether for about 16 million gas. The contracts have
    no owner: the key is worth nothing afterwards. Interrupted, it resumes where it was; run again, it
    does nothing, or publishes the pages that `data.dictionary` names since then.

        VERDICT_DEPLOYER_KEY_FILE=~/keys/deployer verdict deploy --config configs/mine.toml

    What it checks first: the whole configuration, L1's chain id, EXECUTE at 0x0101, the deployer's balance.
    """
    from rich.console import Console

    from verdict.config import load_config
    from verdict.deploy import Stage
    from verdict.keys import load_key
    from verdict.logging import configure_logging

    loaded = load_config(config)
    account = load_key("deployer", loaded.data_dir)
    configure_logging(log_format.value, log_level.value)
    console = Console(highlight=False, soft_wrap=True)

    def report(stage: Stage) -> None:
        gas = f"  {stage.gas_used:,} gas  {stage.transaction}" if stage.gas_used else ""
        console.print(f"{stage.name:14} {stage.detail}{gas}")

    async def run() -> None:
        from l1.client import L1Client
        from verdict.deploy import deploy as put_on_l1

        async with L1Client(loaded.l1.rpc_url) as rpc:
            if reset and (aside := await _put_aside(loaded, rpc)) is not None:
                console.print(f"{'reset':14} the old data is in {aside}")
            await put_on_l1(loaded, account, rpc, report)

    asyncio.run(run())


async def _put_aside(config: Config, rpc: object) -> Path | None:
    """Moves everything but the keys out of data_dir, if L1 has none of the deployed contracts."""
    from verdict.deployment import DeploymentError, load_progress

    progress = load_progress(config.deployment_path)
    if progress is None:
        return None
    for creation in progress.contracts.values():
        code = await rpc.request("eth_getCode", [creation.address, "latest"])  # type: ignore[attr-defined]
        if code not in ("0x", None):
            raise DeploymentError(f"L1 still has {creation.address} of this deployment; nothing was reset")
    number = 1
    while (aside := config.data_dir.with_name(f"{config.data_dir.name}.old-{number}")).exists():
        number += 1
    aside.mkdir()
    for path in config.data_dir.iterdir():
        if path.name not in ("keys", "l1"):
            path.rename(aside / path.name)
    return aside
