"""`verdict withdraw`: start, status, prove, finalize."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from verdict.commands.arguments import hex_data, optional_address, transaction_hash
from verdict.commands.options import DEFAULT_CONFIG, ConfigOption, JsonOption, L2Option

if TYPE_CHECKING:
    from verdict.wallet.session import Session

app = typer.Typer(
    no_args_is_help=True,
    help="Take money back to L1: start it on L2, and finalize it on L1 once that has confirmed L2's state.",
)

TxArgument = Annotated[str, typer.Argument(metavar="TX", help="Hash of the L2 transaction that started it.")]
IndexOption = Annotated[int, typer.Option("--index", min=1, help="Which one, if that transaction started several.")]
WaitOption = Annotated[bool, typer.Option("--wait", help="Wait until L1 has confirmed the state with it.")]


@app.command()
def start(
    amount: Annotated[str, typer.Argument(metavar="AMOUNT", help='With its unit: "1 ether"; of a token a number: "12.5".')],
    to: Annotated[str, typer.Option("--to", metavar="ADDRESS", help="Who gets it on L1; default: the user's own address.")] = "",
    token: Annotated[
        str, typer.Option("--token", metavar="ADDRESS", help="An ERC-20, by its address on L1; default: what L2's gas is paid in.")
    ] = "",
    data: Annotated[str, typer.Option("--data", metavar="HEX", help="Also call the recipient on L1 with this.")] = "",
    force: Annotated[bool, typer.Option("--force", help="Send the L2 transaction through L1: no sequencer is needed.")] = False,
    config: ConfigOption = DEFAULT_CONFIG,
    l2_rpc: L2Option = "",
    as_json: JsonOption = False,
) -> None:
    """Start a withdrawal on L2. Needs VERDICT_USER_KEY with that much on L2.

        verdict withdraw start "1 ether"

        verdict withdraw start "12.5" --token 0x... --to 0x...

        verdict withdraw start "1 ether" --force
    """
    from verdict.wallet import withdrawals
    from verdict.wallet.session import run

    target, of, calldata = optional_address(to, "--to"), optional_address(token, "--token"), hex_data(data, "--data")

    async def main(session: Session) -> None:
        await withdrawals.start(session, amount, target or session.address, calldata, of, force)

    run(config, l2_rpc, as_json, main, goes_on="Look at it with: verdict withdraw status TX")


@app.command()
def status(
    tx: TxArgument,
    index: IndexOption = 1,
    config: ConfigOption = DEFAULT_CONFIG,
    l2_rpc: L2Option = "",
    as_json: JsonOption = False,
) -> None:
    """How a withdrawal stands, and when L1 can confirm it. No key is needed.

        verdict withdraw status 0x...
    """
    from verdict.wallet import withdrawals
    from verdict.wallet.session import run

    tx_hash = transaction_hash(tx)

    async def main(session: Session) -> None:
        withdrawal = await withdrawals.reader(session).initiated(tx_hash, index - 1)
        withdrawals.describe(session, withdrawal)
        await withdrawals.status(session, withdrawal)

    run(config, l2_rpc, as_json, main, key=False)


@app.command()
def prove(
    tx: TxArgument,
    index: IndexOption = 1,
    wait: WaitOption = False,
    config: ConfigOption = DEFAULT_CONFIG,
    l2_rpc: L2Option = "",
    as_json: JsonOption = False,
) -> None:
    """Prove a withdrawal to L1, and leave paying it out to whoever finalizes it. Anyone may, once.

        verdict withdraw prove 0x...

    The proof comes from an L2 node and is checked here, against the state root that L1 has confirmed, before it is sent.
    """
    from verdict.wallet import withdrawals
    from verdict.wallet.session import run

    tx_hash = transaction_hash(tx)

    async def main(session: Session) -> None:
        await withdrawals.prove(session, await withdrawals.reader(session).initiated(tx_hash, index - 1), wait)

    run(config, l2_rpc, as_json, main, goes_on=f"Look at it with: verdict withdraw status {tx}")


@app.command()
def finalize(
    tx: TxArgument,
    index: IndexOption = 1,
    wait: WaitOption = False,
    config: ConfigOption = DEFAULT_CONFIG,
    l2_rpc: L2Option = "",
    as_json: JsonOption = False,
) -> None:
    """Have L1 pay a withdrawal out, once; proves it in the same transaction if nobody has. Anyone may.

        verdict withdraw finalize 0x... --wait
    """
    from verdict.wallet import withdrawals
    from verdict.wallet.session import run

    tx_hash = transaction_hash(tx)

    async def main(session: Session) -> None:
        await withdrawals.finalize(session, await withdrawals.reader(session).initiated(tx_hash, index - 1), wait)

    run(config, l2_rpc, as_json, main, goes_on=f"Look at it with: verdict withdraw status {tx}")
