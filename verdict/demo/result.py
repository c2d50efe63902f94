"""Did the honest side win? Judged from L1 and from the sequencer's own chain, and shown as tables."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.table import Table
from web3 import AsyncWeb3

from verdict.demo.money import CAROL
from verdict.demo.network import CHALLENGER, LIAR, SEQUENCER, account
from verdict.demo.timeline import Record, Timeline
from verdict.demo.traffic import Token
from verdict.onchain import Contracts


@dataclass(frozen=True, slots=True)
class Outcome:
    """`checks`: what had to be true, in words, and whether it is. Balances in wei on L1, by name."""

    checks: tuple[tuple[str, bool], ...]
    before: dict[str, int]
    after: dict[str, int]
    seconds_to_kill: int | None  # of L1 time
    paid: int
    burned: int
    staked: int  # wei that the sequencer has in assertions whose window is still open
    duration: float

    @property
    def won(self) -> bool:
        return all(passed for _, passed in self.checks)


async def judge(contracts: Contracts, l2: AsyncWeb3, timeline: Timeline, token: Token, before: dict[str, int],
                after: dict[str, int]) -> Outcome:
    """`before`, `after`: balances on L1 around the lie."""
    record = timeline.record
    liar, challenger = account(LIAR).address, account(CHALLENGER).address
    lie = record.find("AssertionMade", asserter=liar)
    killed = record.find("AssertionKilled", id=lie.args["id"]) if lie else None
    confirmed = await contracts.rollup.functions.latestConfirmed().call()
    state_root, block_hash = bytes(confirmed[2]), bytes(confirmed[3])
    block = await _block(l2, block_hash)
    checks = (
        ("the lie was made, and killed by the challenger's step proof",
         killed is not None and killed.args["by"] == challenger and killed.args["reason"] == 0),
        ("no assertion of the liar was confirmed",
         lie is not None and record.find("AssertionConfirmed", id=lie.args["id"]) is None),
        ("the honest assertion of that batch was confirmed",
         lie is not None and confirmed[1] > await _batch_of(contracts, lie)),
        ("Carol got on L1 the ether that Bob withdrew on L2 through L1, once",
         await contracts.w3.eth.get_balance(contracts.w3.to_checksum_address(CAROL)) == 10**18),
        ("the newest confirmed batch was settled at once, by EXECUTE over its steps",
         record.find("SegmentSettled") is not None),
        ("the L2 block confirmed on L1 is in the sequencer's chain", block is not None),
        ("its state root on L1 is the sequencer's", block is not None and bytes(block["stateRoot"]) == state_root),
        ("the liar has no DEMO on L2", await token.balance(liar) == 0),
        ("the challenger has more than before", after["challenger"] > before["challenger"]),
        ("the liar has lost its bond", before["liar"] - after["liar"] >= 10**18),
    )
    return Outcome(
        checks=checks,
        before=before,
        after=after,
        seconds_to_kill=_at(record, "AssertionKilled") - _at(record, "AssertionMade", asserter=liar) if killed else None,
        paid=killed.args["paid"] if killed else 0,
        burned=killed.args["burned"] if killed else 0,
        staked=_staked(record, account(SEQUENCER).address, await contracts.rollup.functions.assertionBond().call()),
        duration=time.monotonic() - timeline.started,
    )


async def _batch_of(contracts: Contracts, made: Any) -> int:
    found: int = (await contracts.rollup.functions.assertion(made.args["id"]).call()).batchIndex
    return found


async def _block(l2: AsyncWeb3, block_hash: bytes) -> Any:
    """The canonical L2 block of that hash, None if the sequencer's chain hasn't it."""
    from web3.exceptions import BlockNotFound

    try:
        block = await l2.eth.get_block(block_hash)
        canonical = await l2.eth.get_block(block["number"])
    except BlockNotFound:
        return None
    return block if bytes(canonical["hash"]) == block_hash else None


def _staked(record: Record, asserter: str, bond: int) -> int:
    ended = {event.args["id"] for _, event in record.events if event.name in ("AssertionConfirmed", "AssertionKilled")}
    return bond * sum(event.name == "AssertionMade" and event.args["asserter"] == asserter
                      and event.args["id"] not in ended for _, event in record.events)


def _at(record: Record, name: str, **args: Any) -> int:
    """L1 time of the first such event."""
    return next(when for when, event in record.events
                if event.name == name and all(event.args[key] == value for key, value in args.items()))


def print_outcome(console: Console, outcome: Outcome, record: Record) -> None:
    console.print()
    gas = Table("L1 call", "times", "gas", title="gas", title_justify="left")
    for name, used in record.gas.items():
        span = f"{min(used):,}" if min(used) == max(used) else f"{min(used):,} to {max(used):,}"
        gas.add_row(name, str(len(used)), span)
    console.print(gas)

    money = Table("account", "before the lie", "after", "difference", title="ether on L1", title_justify="left")
    for name, before in outcome.before.items():
        after = outcome.after[name]
        money.add_row(name, f"{before / 1e18:,.6f}", f"{after / 1e18:,.6f}", f"{(after - before) / 1e18:+,.6f}")
    console.print(money)
    if outcome.staked:
        console.print(f"  [dim]of the sequencer's, {outcome.staked / 1e18:g} ether is staked on batches whose window is open[/dim]")

    dispute = record.dispute
    if dispute is not None:
        table = Table(title="the dispute", title_justify="left", show_header=False)
        rows = [
            ("disputed L2 transaction", dispute.transaction or "(none)"),
            ("where it lies", f"batch {dispute.batch}, {dispute.place}; step {dispute.step}"),
            ("rounds", str(len(record.gas.get("split", [])))),
            ("claimed commitment", dispute.claimed),
            ("EXECUTE's", dispute.proved),
            ("witness", f"{dispute.witness_bytes:,} bytes"),
            ("calldata of the proof", f"{dispute.calldata_bytes:,} bytes"),
            ("L1 gas of the proof", f"{dispute.l1_gas:,}"),
            ("EXECUTE", f"{dispute.l2_gas:,} L2 gas, fee {dispute.fee:,} wei"),
            ("paid to the challenger", f"{outcome.paid / 1e18:.6f} ether"),
            ("burned", f"{outcome.burned / 1e18:.6f} ether"),
            ("from the assertion to its death", f"{outcome.seconds_to_kill} s of L1 time"),
        ]
        table.add_column()
        table.add_column(overflow="fold")
        for row in rows:
            table.add_row(*row)
        console.print(table)

    for what, passed in outcome.checks:
        console.print(f"  {'[green]yes[/green]' if passed else '[bold red]NO[/bold red] '}  {what}")
    verdict = "[bold green]The honest side won[/bold green]" if outcome.won else "[bold red]The honest side did NOT win[/bold red]"
    console.print(f"{verdict} after {outcome.duration:.0f} s.")
