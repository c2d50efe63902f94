"""`verdict message`: calls on L2 that are asked for on L1."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bridge.errors import BridgeError, TooEarly
from bridge.messages import L1Proof, MessageReader, Sent, messages_in, refund_message, relay_message
from bridge.predeploys import MESSENGER
from l1.contracts import Portal
from verdict.wallet.allowance import allow
from verdict.wallet.session import Session, receipt_json


def reader(session: Session) -> MessageReader:
    return MessageReader(session.l1, session.node, session.portal.address)


def the_message(receipt: Mapping[str, Any], session: Session) -> Sent:
    """The one message of a receipt of L1. BridgeError."""
    found = messages_in(receipt, session.portal.address)
    if len(found) != 1:
        raise BridgeError(f"the transaction sent {len(found)} messages")
    return found[0]


async def send(session: Session, target: bytes, value: int, refund_to: bytes, data: bytes, relay: bool) -> None:
    """`value`: wei of L2. Addresses: 20 bytes, on L2."""
    report, currency = session.report, session.currency
    report.line("message", f"from {session.user.address} on L1: call 0x{target.hex()} on L2 with {currency.show(value)} and "
                f"{len(data)} bytes", target=target, value=value, refund_to=refund_to)
    calldata = Portal.send_message(target, value, refund_to, data)
    if currency.token is not None and value:
        await allow(session, currency.token, currency.vault, currency.on_l1(value))
    receipt = await session.on_l1("send", session.portal.address, calldata, value if currency.token is None else 0)
    sent = the_message(receipt_json(receipt), session)
    report.line("sent", f"message 0x{sent.message.hash.hex()}, number {sent.message.nonce}",
                message=sent.message.hash, nonce=sent.message.nonce)
    if relay:
        await relay_when_known(session, sent)
    else:
        report.line("next", f"anyone: verdict message relay 0x{receipt.tx_hash.hex()}")


async def relay_when_known(session: Session, sent: Sent) -> None:
    """Waits until L2 knows the L1 block with the message, and has the call made at the user's cost. Done already: fine."""
    if await reader(session).is_relayed(sent.message.hash):
        session.report.line("relayed", "somebody has relayed it already", relayed=True)
        return
    proof = await _known(session, sent)
    await session.on_l2("relay", MESSENGER, relay_message(sent.message, proof))
    session.report.line("relayed", f"L2 has made the call to 0x{sent.message.target.hex()}", relayed=True)


async def refund(session: Session, sent: Sent) -> None:
    message = sent.message
    if not any(message.refund_to):
        raise BridgeError("nobody can have this message's value back: it was sent without --refund-to")
    if message.refund_to != session.address:
        raise BridgeError(f"only 0x{message.refund_to.hex()} can have the value back, and the key is {session.user.address}'s")
    if await reader(session).is_relayed(message.hash):
        raise BridgeError(f"message 0x{message.hash.hex()} was relayed or refunded already")
    proof = await _known(session, sent)
    await session.on_l2("refund", MESSENGER, refund_message(message, proof))
    session.report.line("refunded", f"{session.currency.show(message.value)} to 0x{message.refund_to.hex()} on L2; the call "
                        "will never be made", refunded=True)


async def status(session: Session, sent: Sent) -> None:
    message, report = sent.message, session.report
    report.line("message", f"0x{message.hash.hex()}, number {message.nonce}, from 0x{message.sender.hex()} on L1 (block "
                f"{sent.l1_block})", message=message.hash, nonce=message.nonce, sender=message.sender, l1_block=sent.l1_block)
    report.line("call", f"0x{message.target.hex()} on L2 with {session.currency.show(message.value)} and {len(message.data)} "
                "bytes", target=message.target, value=message.value, data=message.data)
    if await reader(session).is_relayed(message.hash):
        report.line("status", "relayed or refunded", status="done")
        return
    known = await reader(session).origin()
    if known is None or known[1] < sent.l1_block:
        seen = "nothing of L1 yet" if known is None else f"L1 up to block {known[1]}"
        report.line("status", f"waiting: L2 knows {seen}", status="waiting for L2")
    else:
        report.line("status", "ready: verdict message relay", status="ready")


async def _known(session: Session, sent: Sent) -> L1Proof:
    messages = reader(session)

    async def look() -> L1Proof | None:
        try:
            return await messages.proof(sent)
        except TooEarly:
            return None

    return await session.report.until(f"until L2 knows L1 block {sent.l1_block}", look, every=0.5)
