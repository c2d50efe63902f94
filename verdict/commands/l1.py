"""`verdict l1`: the embedded L1."""

from __future__ import annotations

from dataclasses import replace
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
    from l1.embedded.settings import EmbeddedL1Settings
    from verdict.config import Config


def l1(
    config: ConfigOption = DEFAULT_CONFIG,
    data_dir: Annotated[
        Path | None, typer.Option("--data-dir", metavar="DIR", help="Keep the chain there, across restarts.")
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="Don't print the accounts.")] = False,
    log_format: LogFormat = LogFormatOption.console,
    log_level: LogLevel = LogLevelOption.info,
) -> None:
    """Run an L1 on this machine: a real EVM chain with EXECUTE at 0x0101, blobs, JSON-RPC and beacon API.

    web3.py, cast, forge and wallets talk to it like to any node. Its funded accounts are those of the
    mnemonic "test test test test test test test test test test test junk", keys printed at the start.

        verdict l1

        cast block latest --rpc-url http://127.0.0.1:8545

    In memory unless --data-dir is given or l1.embedded.persistent = true (then in data_dir/l1).
    """
    from l1.embedded.service import run_l1
    from verdict.config import load_config
    from verdict.daemon import run_daemon
    from verdict.logging import configure_logging

    loaded = load_config(config)
    settings = embedded_settings(loaded)
    if data_dir is not None:
        settings = replace(settings, data_dir=data_dir)
    configure_logging(log_format.value, log_level.value)
    if not quiet:
        _print_accounts(loaded)
    run_daemon(lambda stop: run_l1(settings, stop))


def embedded_settings(config: Config) -> EmbeddedL1Settings:
    """`[l1.embedded]` as the embedded L1 takes it. ConfigError if the table is not there."""
    from l1.embedded.settings import EmbeddedL1Settings, ExecuteParams
    from verdict.config import ConfigError, Problem

    embedded = config.l1.embedded
    if embedded is None:
        raise ConfigError(
            config.name, [Problem("l1.embedded", "is missing: this configuration is for an L1 that runs elsewhere")]
        )
    execute = embedded.execute
    return EmbeddedL1Settings(
        host=embedded.host,
        port=embedded.port,
        beacon_port=embedded.beacon_port,
        metrics_port=embedded.metrics_port,
        block_time=embedded.block_time,
        gas_limit=embedded.gas_limit,
        base_fee=embedded.base_fee,
        chain_id=config.l1.chain_id,
        data_dir=config.data_dir / "l1" if embedded.persistent else None,
        alarm_dir=config.data_dir / "alarms",
        accounts=embedded.accounts,
        balance=embedded.balance,
        automine=embedded.automine,
        finality_depth=embedded.finality_depth,
        seconds_per_slot=embedded.seconds_per_slot,
        blob_retention=embedded.blob_retention,
        execute=ExecuteParams(
            fixed_gas=execute.fixed_gas,
            gas_per_byte=execute.gas_per_byte,
            staged_gas_per_word=execute.staged_gas_per_word,
            cumulative_gas_limit=execute.cumulative_gas_limit,
            cumulative_gas_target=execute.cumulative_gas_target,
            min_gas_price=execute.min_gas_price,
            engines=execute.engines,
            threshold=execute.threshold,
            time_limit=execute.time_limit,
            memory_limit=execute.memory_limit,
        ),
    )


def _print_accounts(config: Config) -> None:
    from rich.console import Console

    from verdict.keys import ROLES, test_account

    embedded = config.l1.embedded
    assert embedded is not None
    console = Console(highlight=False, soft_wrap=True)
    console.print(f"L1 {config.l1.chain_id}: JSON-RPC http://{embedded.host}:{embedded.port}, "
                  f"beacon API http://{embedded.host}:{embedded.beacon_port}")
    console.print(f"{embedded.accounts} accounts with {embedded.balance // 10**18:,} ether; everybody knows these keys")
    for index in range(embedded.accounts):
        account = test_account(index)
        console.print(f"  {index}  {account.address}  {account.key.to_0x_hex()}")
    console.print("The roles in configs/devnet.toml, for the other terminals:")
    for index, role in enumerate(ROLES[: embedded.accounts]):
        console.print(f"  export VERDICT_{role.upper()}_KEY={test_account(index).key.to_0x_hex()}")
