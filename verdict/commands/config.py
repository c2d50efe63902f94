"""`verdict config`: look at a configuration without starting anything."""

from __future__ import annotations

import typer
from rich.console import Console

from verdict.commands.options import DEFAULT_CONFIG, ConfigOption

app = typer.Typer(no_args_is_help=True, help="Check a configuration, or list all its keys.")


@app.command()
def check(config: ConfigOption = DEFAULT_CONFIG) -> None:
    """Say what is wrong with a TOML file, or what it amounts to. Starts nothing, contacts nobody.

    Every mistake is listed with its key and its reason; the exit code is then 3.

        verdict config check --config configs/mine.toml
    """
    from verdict.config import game_budget, load_config
    from verdict.config.checks import span

    loaded = load_config(config)
    dispute = loaded.dispute
    budget = game_budget(dispute.stride, dispute.arity, dispute.clock, loaded.l1.slot)
    console = Console(highlight=False, soft_wrap=True)
    console.print(f"{config} is fine: {loaded.name}, chain {loaded.rollup.chain_id} on L1 {loaded.l1.chain_id}")
    if budget.rounds:
        console.print(
            f"  a game takes at most {budget.rounds} rounds; its clocks must allow {span(budget.clock)} and allow "
            f"{span(dispute.clock)}; the window must be {span(budget.window)} and is {span(dispute.window)}"
        )
    else:
        console.print("  stride 1: a wrong step is killed in one transaction, there are no games")
    console.print(f"  data in {loaded.data_dir}")
    console.print(f"  fingerprint {loaded.fingerprint()}")


@app.command()
def reference() -> None:
    """All keys with their defaults and meanings, as the tables of docs/configuration.md."""
    from verdict.config.reference import reference_tables

    print(reference_tables())
