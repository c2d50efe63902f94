"""What L2 gas costs in EXECUTE, and how much of it a block has left (docs/protocol.md, section 8).

The rule is EIP-1559's, over the L2 gas that all EXECUTE calls of an L1 block bought: at the target the price
stays, at twice the target it rises by an eighth, unused it falls by an eighth, never below the minimum.
Prices are wei per L2 gas. A block's meter is not part of the state while the block is built, so no revert
undoes it; at the block's end it is written to the storage of the precompile's own account.
"""

from __future__ import annotations

from dataclasses import dataclass

from l1.embedded.settings import ExecuteParams

EXECUTE_ADDRESS = (0x0101).to_bytes(20, "big")
PRICE_SLOT = 0  # storage of EXECUTE_ADDRESS: price in the next block
USED_SLOT = 1  # L2 gas bought in the last block
MAX_CHANGE_DENOMINATOR = 8


def next_price(price: int, used: int, params: ExecuteParams) -> int:
    """Price in the block after one that bought `used` L2 gas at `price`."""
    target = params.cumulative_gas_target
    if used > target:
        price += max(price * (used - target) // target // MAX_CHANGE_DENOMINATOR, 1)
    else:
        price -= price * (target - used) // target // MAX_CHANGE_DENOMINATOR
    return max(price, params.min_gas_price)


@dataclass(slots=True)
class BlockMeter:
    """One block's account of EXECUTE: `price` is fixed, `used` only grows."""

    price: int
    limit: int
    used: int = 0

    @property
    def left(self) -> int:
        return self.limit - self.used

    def take(self, gas: int) -> None:
        if not 0 <= gas <= self.left:
            raise ValueError(f"{gas} L2 gas wanted, {self.left} left in the block")
        self.used += gas
