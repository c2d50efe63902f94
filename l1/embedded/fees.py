"""What the block after a header costs: EIP-1559 and, for blobs, EIP-4844 with Prague's figures (EIP-7691)."""

from __future__ import annotations

from execution.header import Header
from execution.vm import blob_base_fee

ELASTICITY = 2
BASE_FEE_CHANGE_DENOMINATOR = 8
TARGET_BLOB_GAS = 6 * 131_072


def next_base_fee(parent: Header) -> int:
    """Wei per gas in the block after `parent`."""
    target = parent.gas_limit // ELASTICITY
    base_fee = parent.base_fee_per_gas
    if parent.gas_used > target:
        return base_fee + max(
            base_fee * (parent.gas_used - target) // target // BASE_FEE_CHANGE_DENOMINATOR, 1
        )
    return base_fee - base_fee * (target - parent.gas_used) // target // BASE_FEE_CHANGE_DENOMINATOR


def next_blob_base_fee(parent: Header) -> int:
    """Wei per blob gas in the block after `parent`."""
    return blob_base_fee(max(parent.excess_blob_gas + parent.blob_gas_used - TARGET_BLOB_GAS, 0))
