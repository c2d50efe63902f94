"""`verdict force`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from verdict.commands.arguments import address, hex_data
from verdict.commands.options import DEFAULT_CONFIG, ConfigOption, JsonOption, L2Option

if TYPE_CHECKING:
    from verdict.wallet.session import Session


def force(
    raw: Annotated[str, typer.Argument(metavar="[RAW]", help="A signed L2 transaction, hex; or give --to.")] = "",
    to: Annotated[str, typer.Option("--to", metavar="ADDRESS", help="Sign a transaction to this address of L2.")] = "",
    value: Annotated[str, typer.Option("--value", metavar="AMOUNT", help='What it carries, as in "1 ether".')] = "",
    data: Annotated[str, typer.Option("--data", metavar="HEX", help="Its calldata.")] = "",
    gas: Annotated[int, typer.Option("--gas", min=0, help="Its gas limit; default: as an L2 node estimates it.")] = 0,
    nonce: Annotated[int, typer.Option("--nonce", min=-1, help="Its nonce; default: the next one.")] = -1,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Wait until L2 has it.")] = True,
    config: ConfigOption = DEFAULT_CONFIG,
    l2_rpc: L2Option = "",
    as_json: JsonOption = False,
) -> None:
    """Make L2 take a transaction in, through L1: no sequencer can leave it out.

        verdict force --to 0x90F79bf6EB2c4f870365E785982E1f101E93b906 --value "1 ether"

        verdict force 0x02f8...

    L1 queues it for a fee that rises while others do the same, and refuses every batch that skips its turn. If the
    sequencer posts none, anyone may, after a while. A transaction that can't be included by then (wrong nonce, too poor) is a
    no-op, and its fee is lost. Needs VERDICT_USER_KEY, with ether on L1 for the fee; RAW can be anybody's.
    """
    from verdict.wallet import forced
    from verdict.wallet.session import run

    if bool(raw) == bool(to):
        raise typer.BadParameter("give either RAW, a signed transaction, or --to")
    if raw and (value or data or gas or nonce >= 0):
        raise typer.BadParameter("--value, --data, --gas and --nonce are for --to: RAW is signed already")
    given, target, calldata = hex_data(raw, "RAW"), address(to, "--to") if to else b"", hex_data(data, "--data")

    async def main(session: Session) -> None:
        signed = given
        if not signed:
            try:
                amount = session.currency.parse(value) if value else 0
            except ValueError as error:
                raise typer.BadParameter(str(error), param_hint="--value") from None
            signed = await forced.sign(session, target, amount, calldata, gas or None, nonce if nonce >= 0 else None)
        await forced.force(session, signed, wait)

    run(config, l2_rpc, as_json, main, l2=not raw, goes_on="L1 makes L2 take in what was queued.")
