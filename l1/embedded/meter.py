"""What L2 gas costs in EXECUTE, and how much of it a block has left (docs/protocol.md, section 8).

The rule is EIP-1559's, over the L2 gas that all EXECUTE calls of an L1 block bought: at the target the price
stays, at twice the target it rises by an eighth, unused it falls by an eighth, never below the minimum.
Prices are wei per L2 gas. A block's meter is not part of the state while the block is built, so no revert
undoes it; at the block's end it is written to the storage of the precompile's own account.
"""

from __future__ import annotations

from execution.rules import L2_TX_GAS_CAP
from execution.world import WorldState
from l1.embedded.settings import ExecuteParams

EXECUTE_ADDRESS = (0x0101).to_bytes(20, "big")
PRICE_SLOT = 0  # storage of EXECUTE_ADDRESS: price in the next block
USED_SLOT = 1  # L2 gas bought in the last block
CONGESTED_SLOT = 2  # seconds in which EXECUTE was full, since genesis
MAX_CHANGE_DENOMINATOR = 8

_KEPT_SLOT = 0  # transient storage of EXECUTE_ADDRESS: wei of the transaction's fees that no revert has taken back


def next_price(price: int, used: int, params: ExecuteParams) -> int:
    """Price in the block after one that bought `used` L2 gas at `price`."""
    target = params.cumulative_gas_target
    if used > target:
        price += max(price * (used - target) // target // MAX_CHANGE_DENOMINATOR, 1)
    else:
        price -= price * (target - used) // target // MAX_CHANGE_DENOMINATOR
    return max(price, params.min_gas_price)


def is_congested(used: int, params: ExecuteParams) -> bool:
    """Whether a block that sold so much might have had no room for the largest step."""
    return params.cumulative_gas_limit - used < min(L2_TX_GAS_CAP, params.cumulative_gas_limit)


class BlockMeter:
    """One block's account of EXECUTE, an execution.dues.Dues.

    Price and congestion are those of the parent's state, which holds them unchanged until `end_block`. `used` is what the
    transactions bought that are in the block.
    """

    payee = EXECUTE_ADDRESS

    def __init__(self, world: WorldState, params: ExecuteParams) -> None:
        self.params = params
        self.used = 0
        self._world = world
        # Of the transaction under way: L2 gas bought, its price in wei, and wei that the sender stands for.
        self._gas = self._fees = self._surety = 0

    @property
    def price(self) -> int:
        return max(self._world.get_storage(EXECUTE_ADDRESS, PRICE_SLOT), self.params.min_gas_price)

    @property
    def congested_seconds(self) -> int:
        return self._world.get_storage(EXECUTE_ADDRESS, CONGESTED_SLOT)

    @property
    def left(self) -> int:
        return self.params.cumulative_gas_limit - self.used - self._gas

    @property
    def surety_left(self) -> int:
        return self._surety - self._fees

    def begin(self, surety: int) -> None:
        self._gas = self._fees = 0
        self._surety = surety

    def take(self, gas: int) -> None:
        """Sells L2 gas to the transaction under way; its ether has come, or comes in this frame."""
        fee = gas * self.price
        if not (0 <= gas <= self.left and fee <= self.surety_left):
            raise ValueError(f"{gas} L2 gas for {fee} wei; left are {self.left} gas and {self.surety_left} wei of surety")
        self._gas += gas
        self._fees += fee
        kept = (self._kept() + fee).to_bytes(32, "big")
        self._world.set_transient_storage(EXECUTE_ADDRESS, _KEPT_SLOT, kept)

    def unpaid(self) -> int:
        return self._fees - self._kept()

    def commit(self) -> None:
        self.used += self._gas
        self.begin(0)

    def end_block(self, seconds: int) -> None:
        """Writes what the next block begins with. `seconds`: since the parent's timestamp."""
        price, congested = next_price(self.price, self.used, self.params), self.congested_seconds
        if is_congested(self.used, self.params):
            congested += seconds
        for slot, value in ((PRICE_SLOT, price), (USED_SLOT, self.used), (CONGESTED_SLOT, congested)):
            self._world.set_storage(EXECUTE_ADDRESS, slot, value)

    def _kept(self) -> int:
        return int.from_bytes(self._world.get_transient_storage(EXECUTE_ADDRESS, _KEPT_SLOT), "big")
