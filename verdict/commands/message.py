"""`verdict message`: send, status, relay, refund."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from verdict.commands.arguments import address, hex_data, optional_address, transaction_hash
from verdict.commands.options import DEFAULT_CONFIG, ConfigOption, JsonOption, L2Option

if TYPE_CHECKING:
    from bridge.messages import Sent
    from verdict.wallet.session import Session

app = typer.Typer(no_args_is_help=True, help="Calls on L2 that are asked for on L1: sent there, relayed by anyone.")

TxArgument = Annotated[str, typer.Argument(metavar="TX", help="Hash of the L1 transaction that sent it.")]
IndexOption = Annotated[int, typer.Option("--index", min=1, help="Which one, if that transaction sent several.")]


@app.command()
def send(
    target: Annotated[str, typer.Argument(metavar="TARGET", help="Whom L2's Messenger is to call.")],
    value: Annotated[str, typer.Option("--value", metavar="AMOUNT", help='What the call carries, as in "1 ether".')] = "",
    data: Annotated[str, typer.Option("--data", metavar="HEX", help="Its calldata.")] = "",
    refund_to: Annotated[
        str, typer.Option("--refund-to", metavar="ADDRESS", help="Who, on L2, can have the value instead of the call; default: nobody.")
    ] = "",
    relay: Annotated[bool, typer.Option("--relay/--no-relay", help="Also have the call made, for L2 gas of yours.")] = True,
    config: ConfigOption = DEFAULT_CONFIG,
    l2_rpc: L2Option = "",
    as_json: JsonOption = False,
) -> None:
    """Ask on L1 for a call on L2. Needs VERDICT_USER_KEY with money on L1, and for the relay on L2.

        verdict message send 0x... --data 0xd09de08a

        verdict message send 0x... --value "1 ether" --refund-to 0x... --no-relay
    """
    from verdict.wallet import messages
    from verdict.wallet.session import run

    to, calldata, refund = address(target, "TARGET"), hex_data(data, "--data"), optional_address(refund_to, "--refund-to")

    async def main(session: Session) -> None:
        try:
            amount = session.currency.parse(value) if value else 0
        except ValueError as error:
            raise typer.BadParameter(str(error), param_hint="--value") from None
        await messages.send(session, to, amount, refund or bytes(20), calldata, relay)

    run(config, l2_rpc, as_json, main, goes_on="Have it relayed with: verdict message relay TX")


@app.command()
def status(
    tx: TxArgument,
    index: IndexOption = 1,
    config: ConfigOption = DEFAULT_CONFIG,
    l2_rpc: L2Option = "",
    as_json: JsonOption = False,
) -> None:
    """How a message stands. No key is needed.

        verdict message status 0x...
    """
    _with_message(tx, index, config, l2_rpc, as_json, "status")


@app.command()
def relay(
    tx: TxArgument,
    index: IndexOption = 1,
    config: ConfigOption = DEFAULT_CONFIG,
    l2_rpc: L2Option = "",
    as_json: JsonOption = False,
) -> None:
    """Have L2 make the call of a message. Anyone may, once; a call that fails can be tried again.

        verdict message relay 0x...

    What L1 is shown to have said is checked here before L2 gas is paid for it.
    """
    _with_message(tx, index, config, l2_rpc, as_json, "relay_when_known")


@app.command()
def refund(
    tx: TxArgument,
    index: IndexOption = 1,
    config: ConfigOption = DEFAULT_CONFIG,
    l2_rpc: L2Option = "",
    as_json: JsonOption = False,
) -> None:
    """Have a message's value on L2 instead of its call. Only for whom it named by --refund-to.

        verdict message refund 0x...
    """
    _with_message(tx, index, config, l2_rpc, as_json, "refund")


def _with_message(tx: str, index: int, config: ConfigOption, l2_rpc: str, as_json: bool, what: str) -> None:
    from verdict.wallet import messages
    from verdict.wallet.session import run

    tx_hash = transaction_hash(tx)

    async def main(session: Session) -> None:
        sent: Sent = await messages.reader(session).sent(tx_hash, index - 1)
        await getattr(messages, what)(session, sent)

    run(config, l2_rpc, as_json, main, key=what != "status", goes_on=f"Look at it with: verdict message status {tx}")
