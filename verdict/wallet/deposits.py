"""`verdict deposit`: ether, the gas token, or any ERC-20 by the bridge."""

from __future__ import annotations

from collections.abc import Callable

from bridge import tokens
from bridge.deposits import GWEI, Credit, CreditWatch, deposited_in
from bridge.errors import BridgeError
from l1.contracts import Portal
from verdict.wallet.allowance import allow
from verdict.wallet.messages import relay_when_known, the_message
from verdict.wallet.session import Session, receipt_json


async def deposit(session: Session, amount: str, to: bytes, token: bytes | None, relay: bool) -> None:
    """`to`: 20 bytes, on L2. `token`: of L1; None: what L2's gas is paid in."""
    gas_token = session.currency.token
    if token is None or (gas_token is not None and token == gas_token.address):
        await _native(session, amount, to)
    else:
        await _bridged(session, amount, to, token, relay)


async def _native(session: Session, text: str, to: bytes) -> None:
    report, currency = session.report, session.currency
    amount = _parsed(currency.parse, text)
    if amount % GWEI or amount == 0:
        raise BridgeError(f"deposits are whole gwei, more than none, and {currency.show(amount)} is not")
    report.line("deposit", f"{currency.show(amount)} from {session.user.address} on L1 to 0x{to.hex()} on L2",
                amount=amount, recipient=to)
    first = (await session.node.head()).number
    if currency.token is None:
        receipt = await session.on_l1("deposit", session.portal.address, Portal.deposit(to), amount)
    else:
        units = currency.on_l1(amount)
        await allow(session, currency.token, currency.vault, units)
        receipt = await session.on_l1("deposit", session.portal.address, Portal.deposit_token(to, units))
    made = deposited_in(receipt_json(receipt), session.inbox.address)
    credit = await credited(session, made.index, first)
    balance = await session.node.balance(to)
    report.line("credited", f"L2 block {credit.l2_block}: 0x{to.hex()} has {currency.show(balance)} now",
                deposit_index=made.index, credited_in=credit.l2_block, balance=balance)


async def credited(session: Session, index: int, first: int) -> Credit:
    """Waits until a block of L2, not before block `first`, has that deposit."""
    watch = CreditWatch(session.node, index, first)
    return await session.report.until(f"until L2's next batch takes in deposit {index}", watch.look, every=0.5)


async def _bridged(session: Session, text: str, to: bytes, token: bytes, relay: bool) -> None:
    report, bridge = session.report, bytes.fromhex(session.deployment.token_bridge[2:])
    known = await tokens.read_token(session.l1, token)
    amount = _parsed(lambda given: tokens.parse_units(given, known.decimals, known.symbol), text)
    if amount == 0:
        raise BridgeError("nothing is no deposit")
    report.line("deposit", f"{known.show(amount)} (token 0x{token.hex()}) from {session.user.address} on L1 "
                f"to 0x{to.hex()} on L2", amount=amount, recipient=to, token=token)
    await allow(session, known, bridge, amount)
    receipt = await session.on_l1("deposit", bridge, tokens.bridge_deposit(token, to, amount))
    sent = the_message(receipt_json(receipt), session)
    report.line("message", f"0x{sent.message.hash.hex()} to L2's bridge: it mints them when the message is relayed",
                message=sent.message.hash)
    if relay:
        await relay_when_known(session, sent)
        held = await tokens.bridged_token(session.node, token)
        balance = await tokens.balance_of(session.node, held, to)
        report.line("credited", f"0x{to.hex()} has {known.show(balance)} on L2 now (token 0x{held.hex()} there)",
                    l2_token=held, balance=balance)
    else:
        report.line("next", f"anyone: verdict message relay 0x{receipt.tx_hash.hex()}")


def _parsed(parse: Callable[[str], int], text: str) -> int:
    try:
        return parse(text)
    except ValueError as error:
        raise BridgeError(str(error)) from None
