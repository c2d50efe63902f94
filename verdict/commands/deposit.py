"""`verdict deposit`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from verdict.commands.arguments import optional_address
from verdict.commands.options import DEFAULT_CONFIG, ConfigOption, JsonOption, L2Option

if TYPE_CHECKING:
    from verdict.wallet.session import Session


def deposit(
    amount: Annotated[str, typer.Argument(metavar="AMOUNT", help='With its unit: "1 ether"; of a token a number: "12.5".')],
    to: Annotated[str, typer.Option("--to", metavar="ADDRESS", help="Who gets it on L2; default: the user's own address.")] = "",
    token: Annotated[
        str, typer.Option("--token", metavar="ADDRESS", help="An ERC-20 of L1, through the bridge; default: what L2's gas is paid in.")
    ] = "",
    relay: Annotated[
        bool, typer.Option("--relay/--no-relay", help="Of a token: also have L2's bridge mint them, for L2 gas of yours.")
    ] = True,
    config: ConfigOption = DEFAULT_CONFIG,
    l2_rpc: L2Option = "",
    as_json: JsonOption = False,
) -> None:
    """Bring money to L2: ether (or the gas token), or any ERC-20 of L1.

        verdict deposit "1 ether"

        verdict deposit "0.5 ether" --to 0x90F79bf6EB2c4f870365E785982E1f101E93b906

        verdict deposit "12.5" --token 0x...

    Needs VERDICT_USER_KEY (or VERDICT_USER_KEY_FILE) with money on L1. The sequencer must take a deposit into its next batch;
    the command waits until L2 has it.
    """
    from verdict.wallet.deposits import deposit as make
    from verdict.wallet.session import run

    recipient, of = optional_address(to, "--to"), optional_address(token, "--token")

    async def main(session: Session) -> None:
        await make(session, amount, recipient or session.address, of, relay)

    run(config, l2_rpc, as_json, main, goes_on="L2 takes a deposit in by itself.")


