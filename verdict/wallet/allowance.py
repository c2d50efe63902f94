"""ERC-20 allowances: what a contract is to take is what it may take."""

from __future__ import annotations

from bridge import tokens
from bridge.errors import BridgeError
from verdict.wallet.session import Session


async def allow(session: Session, token: tokens.Token, spender: bytes, amount: int) -> None:
    """Lets `spender` take `amount`, and no more. BridgeError if the user has not as much."""
    held = await tokens.balance_of(session.l1, token.address, session.address)
    if held < amount:
        raise BridgeError(f"{session.user.address} has {token.show(held)} on L1, not {token.show(amount)}")
    allowed = await tokens.allowance(session.l1, token.address, session.address, spender)
    if allowed >= amount:
        return
    if allowed:  # some tokens (USDT) change an allowance only from or to zero
        await session.on_l1("approve", token.address, tokens.approve(spender, 0))
    await session.on_l1("approve", token.address, tokens.approve(spender, amount))
