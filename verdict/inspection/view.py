"""`verdict inspect` for people."""

from __future__ import annotations

from typing import Any

from rich.console import Console

from verdict.config.checks import span
from verdict.viewing.format import ether


def print_inspection(found: dict[str, Any], console: Console | None = None) -> None:
    console = console or Console(highlight=False, soft_wrap=True)
    l1 = found["l1"]
    console.print(f"[bold]{found['name']}[/bold] as chain {l1['chain_id']} has it at block {l1['block']:,}")
    for contract in found["contracts"]:
        verdict = "[green]as committed[/green]" if contract["as_committed"] else "[red]DIFFERS[/red]"
        console.print(f"{contract['name']:<13} {contract['address']}  {verdict}")
        for name, value in contract["immutables"].items():
            console.print(f"  {name:<18} {value}")
    dispute, money, sequencing = found["dispute"], found["money"], found["sequencing"]
    if dispute:
        console.print(f"disputes      window {span(dispute['window'])}, clocks {span(dispute['clock'])}, bonds "
                      f"{ether(dispute['assertionBond'])} to assert, {ether(dispute['challengeBond'])} to challenge")
    console.print(f"posting       {_posting(sequencing)}")
    if money["escrowed"] is not None:
        what = "ether" if money["gas_token"] is None else f"of the token {money['gas_token']}"
        console.print(f"escrow        {money['escrowed'] / 1e18:,.6f} {what} kept for L2, {money['held'] / 1e18:,.6f} there")
    console.print(f"bonds         {ether(money['bonds'])} in the Rollup")
    if money["burned_fees_to"]:
        console.print(f"burned fees   credited to {money['burned_fees_to']}, out of the escrow")
    for warning in found["warnings"]:
        console.print(f"[yellow]warning[/yellow]       {warning}")
    for difference in found["differences"]:
        console.print(f"[red]difference[/red]    {difference}")
    if not found["powers"]:
        console.print("[bold]powers: none[/bold]")
        return
    console.print("[bold]powers:[/bold]")
    for power in found["powers"]:
        console.print(f"  {power}")


def _posting(sequencing: dict[str, Any]) -> str:
    if sequencing["mode"] == "based":
        return "anyone (based)"
    if sequencing["mode"] == "unknown":
        return "unknown"
    return f"anyone, since {sequencing['sequencer']} has been silent" if sequencing["anyone_posts"] else (
        f"{sequencing['sequencer']} alone, anyone if it is silent for {span(sequencing['exclusive_timeout'])}")
