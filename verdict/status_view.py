"""`verdict status` for people."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.table import Table

from verdict.status import NOBODY

SHOWN = 12
"""Assertions and games shown, the newest; --json has all."""


def short(hash_: str) -> str:
    return f"{hash_[:10]}…{hash_[-4:]}"


def ether(wei: int) -> str:
    return f"{wei / 1e18:,.4f} ether"


def print_status(status: dict[str, Any], console: Console | None = None) -> None:
    console = console or Console(highlight=False)
    l1, batches, confirmed = status["l1"], status["batches"], status["confirmed"]
    console.print(f"[bold]{status['name']}[/bold]")
    console.print(f"L1         block {l1['block']:,} of chain {l1['chain_id']}, base fee {l1['base_fee'] / 1e9:.3f} gwei; "
                  f"EXECUTE at {l1['execute_gas_price']:,} wei per gas, {l1['execute_gas_left']:,} gas left in a block")
    names = {"rollup": "Rollup", "inbox": "Inbox", "portal": "Portal", "token_bridge": "TokenBridge",
             "step_verifier": "StepVerifier", "stage": "Stage"}
    console.print("contracts  " + ", ".join(f"{name} {status['contracts'][key]}" for key, name in names.items()))
    console.print(f"batches    {batches['count']} posted, {confirmed['batches']} confirmed; "
                  f"{batches['deposits']} deposits, {batches['forced']} forced transactions queued so far")
    if confirmed["batches"]:
        console.print(f"confirmed  block {short(confirmed['block_hash'])}, state root {short(confirmed['state_root'])}")
    _heads(console, status["l2"])
    _assertions(console, status["assertions"])
    _games(console, status["games"])
    _money(console, status["money"])


def _heads(console: Console, l2: dict[str, Any] | None) -> None:
    if l2 is None:
        console.print("L2         the sequencer does not answer")
        return
    heads = ", ".join(f"{label} {l2[label]['number']:,}" for label in ("latest", "safe", "finalized") if l2[label])
    console.print(f"L2         {l2['url']}: {heads}")


def _assertions(console: Console, assertions: list[dict[str, Any]]) -> None:
    if not assertions:
        return
    table = Table("assertion", "batch", "steps", "asserter", "status", "window left", title="assertions", title_justify="left")
    for item in assertions[-SHOWN:]:
        colour = {"killed": "red", "confirmed": "green"}.get(item["status"], "yellow")
        games = f", {item['open_games']} games" if item["open_games"] else ""
        left = f"{item['window_left']:,} s" if item["status"] == "pending" else ""
        table.add_row(short(item["id"]), str(item["batch"]), str(item["steps"]),
                      "settled" if item["asserter"] == NOBODY else short(item["asserter"]),
                      f"[{colour}]{item['status']}[/{colour}]{games}", left)
    console.print(table)


def _games(console: Console, games: list[dict[str, Any]]) -> None:
    if not games:
        return
    table = Table("game", "assertion", "challenger", "steps", "status", "clocks (asserter, challenger)", title="games",
                  title_justify="left")
    for item in games[-SHOWN:]:
        mover = f", {item['mover']} to move" if item["mover"] else ""
        clocks = f"{item['clocks']['asserter']:,} s, {item['clocks']['challenger']:,} s"
        table.add_row(short(item["id"]), short(item["assertion"]), short(item["challenger"]),
                      f"{item['lo']} to {item['hi']}", item["status"] + mover, clocks)
    console.print(table)


def _money(console: Console, money: dict[str, Any]) -> None:
    table = Table("account", "balance on L1", "credit in the Rollup", title="money", title_justify="left")
    for item in money["accounts"]:
        table.add_row(item["address"], ether(item["balance"]), ether(item["credit"]))
    table.add_row("Rollup (bonds)", ether(money["rollup_balance"]), "")
    console.print(table)
