"""What a rollup's gas is paid in: ether, or the ERC-20 that its Portal holds. Inside, amounts are wei of L2."""

from __future__ import annotations

from dataclasses import dataclass

from bridge.errors import BridgeError
from bridge.tokens import Token, parse_units, read_token, show_units
from l1.client import L1Client
from l1.contracts import Portal
from verdict.config.units import parse_amount

L2_DECIMALS = 18


@dataclass(frozen=True, slots=True)
class Currency:
    """`token` None: ether. `unit`: wei of L2 that L1 can pay no part of. `vault`: whom depositors of a token approve."""

    token: Token | None
    unit: int
    vault: bytes

    def parse(self, text: str) -> int:
        """Wei of L2. ValueError."""
        if self.token is None:
            return parse_amount(text)
        return parse_units(text, self.token.decimals, self.token.symbol) * self.unit

    def show(self, wei: int) -> str:
        return show_units(wei, L2_DECIMALS, "ether" if self.token is None else self.token.symbol)

    def on_l1(self, wei: int) -> int:
        """In the token's smallest units (wei, of ether). BridgeError if there is no such amount on L1."""
        if wei % self.unit:
            raise BridgeError(f"{wei} wei of L2 is finer than L1's {self.unit} wei: the rest could never be paid")
        return wei // self.unit


async def currency_of(l1: L1Client, portal: Portal) -> Currency:
    address = await portal.gas_token()
    if not any(address):
        return Currency(None, 1, bytes(20))
    return Currency(await read_token(l1, address), await portal.gas_token_unit(), await portal.vault())
