"""What a call of EXECUTE may cost when it is included, some blocks after its price was read. Pure; amounts in wei.

The price rises by at most an eighth a block (docs/protocol.md, section 8, "Price"). What is sent too much comes back.
"""

from __future__ import annotations

BLOCKS_AHEAD = 16
"""L1 blocks that a proof may wait for its inclusion before the price can outrun what was sent: six and a half times it."""
LEAST_AHEAD = 2
"""With less than for so many blocks there is no use in trying."""


def fee_ahead(price: int, gas_used: int, blocks: int) -> int:
    """The most that EXECUTE can take for `gas_used` L2 gas within the next `blocks` blocks, at `price` a gas in the next."""
    for _ in range(blocks):
        price += max(price // 8, 1)
    return price * gas_used


def value_to_send(price: int, gas_used: int, spendable: int) -> int:
    """The fee with headroom, which is at most half of what `spendable` leaves above the least. More than `spendable` if
    that is too little."""
    least = fee_ahead(price, gas_used, LEAST_AHEAD)
    headroom = fee_ahead(price, gas_used, BLOCKS_AHEAD) - least
    return least + min(headroom, max(0, spendable - least) // 2)
