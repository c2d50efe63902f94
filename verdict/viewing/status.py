"""`verdict status`: everything at a glance, as JSON and for people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Console

from l1.contracts import Inbox, Rollup
from verdict.viewing.format import ago, plural, price, short, span
from verdict.viewing.source import Sight
from verdict.viewing.tables import Tables

SHOWN = 8
"""Batches, assertions and games shown; --json has more."""
_NAMES = {"rollup": "Rollup", "inbox": "Inbox", "portal": "Portal", "token_bridge": "TokenBridge",
          "step_verifier": "StepVerifier", "stage": "Stage"}  # fmt: skip


async def read_status(seen: Sight) -> dict[str, Any]:
    """The view's overview, and what there is beside it: the queues, the latest confirmed assertion, the L2 node's URL."""
    found = await seen.view.overview()
    inbox, rollup = Inbox(seen.l1, seen.deployment.inbox), Rollup(seen.l1, seen.deployment.rollup)
    confirmed = await rollup.latest_confirmed()
    return {
        **found,
        "l2_url": seen.heads.url or None,
        "derived_batches": max((each.kept_count for each, _ in seen.local), default=None),
        "queues": {"deposits": await inbox.deposit_count(), "forced": await inbox.forced_count()},
        "confirmed": {
            "assertion": "0x" + confirmed.id.hex(), "batches": confirmed.batch_count,
            "state_root": "0x" + confirmed.state_root.hex(), "block_hash": "0x" + confirmed.block_hash.hex()},
    }


def print_status(status: Mapping[str, Any], console: Console) -> None:
    l1, now, confirmed, rules = status["l1"], status["time"], status["confirmed"], status["rules"]
    execute, queues = l1["execute"], status["queues"]
    console.print(f"[bold]{status['name']}[/bold]")
    console.print(f"L1         block {l1['block']:,} of chain {l1['chain_id']}{_final(l1)}; base fee {price(l1['base_fee'])}"
                  + (f", blob base fee {price(l1['blob_base_fee'])}" if l1["blob_base_fee"] else ""))
    console.print(f"EXECUTE    {price(execute['gas_price'])} for an L2 gas, {execute['gas_left']:,} L2 gas left in a block"
                  + (f", {span(execute['congested_seconds'])} congested so far" if execute["congested_seconds"] else ""))
    console.print("contracts  " + ", ".join(f"{name} {status['contracts'][key]}" for key, name in _NAMES.items()))
    stride = f"{plural(rules['stride'], 'step')} between checkpoints" if rules["stride"] else "a whole batch"
    console.print(f"disputes   about {stride}, arity {rules['arity']}; window {span(rules['window'])}, clocks of "
                  f"{span(rules['clock'])}")
    _heads(console, status)
    console.print(f"batches    {status['batch_count']:,} posted, {confirmed['batches']:,} confirmed; so far "
                  f"{plural(queues['deposits'], 'deposit')} and {plural(queues['forced'], 'forced transaction')} queued")
    if confirmed["batches"]:
        console.print(f"confirmed  block {short(confirmed['block_hash'])}, state root {short(confirmed['state_root'])}")
    console.print(f"assertions {status['assertion_count']:,} made, {status['pending_count']:,} pending; "
                  f"{plural(status['game_count'], 'game')}, {status['open_game_count']:,} open")
    tables = Tables(console, now)
    for show, entries in (
        (tables.batches, status["batches"]), (tables.assertions, status["assertions"]), (tables.games, status["games"])
    ):  # fmt: skip
        if entries:
            show(entries[:SHOWN])
    for game in status["games"][:SHOWN]:
        if game["forecast"]:
            console.print(f"game {short(game['id'])}: the {game['forecast']['winner']} wins: {game['forecast']['why']}")
    tables.money(status["money"])


def _final(l1: Mapping[str, Any]) -> str:
    final = f", finalized {l1['finalized']:,}" if l1["finalized"] is not None else ""
    return final + (f", {plural(l1['reorgs'], 'reorg')} seen" if l1["reorgs"] else "")


def _heads(console: Console, status: Mapping[str, Any]) -> None:
    heads = {name: head for name, head in status["l2"].items() if head}
    if not heads:
        console.print("L2         no node of this machine answers")
        return
    told = ", ".join(f"{name} {head['number']:,}" + (f" ({ago(head['timestamp'], status['time'])})" if head["number"] else "")
                     for name, head in heads.items())
    lag = heads["unsafe"]["number"] - heads["safe"]["number"] if {"unsafe", "safe"} <= set(heads) else 0
    behind = f"; {plural(lag, 'block')} not on L1 yet" if lag else ""
    console.print(f"L2         {status['l2_url']}: {told}{behind}")
