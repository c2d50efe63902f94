"""What an L1 transaction offers to pay, and when it offers more. Pure; every amount is wei per unit of gas.

Rules:
* a first offer is `2 * base fee + tip`, so six full blocks in a row don't outbid it; blob fee `2 * blob base fee`;
* a replacement raises every field by 10% (a blob transaction's by 100%: nodes refuse less), or to what a first
  offer would now be if that is more;
* no field ever passes its cap. A replacement that the caps would make too small for nodes is not made.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

PLAIN_BUMP_PERCENT = 10
BLOB_BUMP_PERCENT = 100
GAS_MARGIN_PERCENT = 25
MAX_GAS = 1 << 24  # of one transaction, EIP-7825


@dataclass(frozen=True, slots=True)
class FeeMarket:
    """The next block's prices as the node sees them. `tip`: what recent transactions paid on top."""

    base_fee: int
    tip: int
    blob_base_fee: int


@dataclass(frozen=True, slots=True)
class FeeCaps:
    """The most (`max_fee`, `max_blob_fee`) and least (`min_tip`) the operator allows."""

    max_fee: int
    max_blob_fee: int
    min_tip: int


@dataclass(frozen=True, slots=True)
class Fees:
    """Fields of one signed version. `blob_fee` is None if the transaction carries no blobs."""

    tip: int
    max_fee: int
    blob_fee: int | None = None


def market_from_history(history: Mapping[str, Any], blob_base_fee: int | None) -> FeeMarket:
    """Reads the answer of `eth_feeHistory(n, "latest", [50])`; the median of the blocks' median tips."""
    base_fees = [_number(x) for x in history["baseFeePerGas"]]
    rewards = sorted(_number(row[0]) for row in history.get("reward") or [] if row)
    blob_fees: Sequence[object] = history.get("baseFeePerBlobGas") or []
    blob = _number(blob_fees[-1]) if blob_fees else (blob_base_fee or 0)
    return FeeMarket(
        base_fee=base_fees[-1],
        tip=rewards[len(rewards) // 2] if rewards else 0,
        blob_base_fee=max(blob, blob_base_fee or 0, 1),
    )


def first_offer(market: FeeMarket, caps: FeeCaps, *, blobs: bool, urgency: int = 1) -> Fees:
    """At the caps if the market is above them: it then waits in the pool for fees to fall. `urgency` multiplies the
    tip."""
    tip = min(urgency * max(market.tip, caps.min_tip), caps.max_fee)
    max_fee = min(2 * market.base_fee + tip, caps.max_fee)
    blob_fee = min(max(2 * market.blob_base_fee, 1), caps.max_blob_fee) if blobs else None
    return Fees(tip=tip, max_fee=max_fee, blob_fee=blob_fee)


def replacement(old: Fees, market: FeeMarket, caps: FeeCaps) -> Fees | None:
    """The next version's fees, or None if the caps leave no room for a version that nodes would take."""
    blobs = old.blob_fee is not None
    percent = BLOB_BUMP_PERCENT if blobs else PLAIN_BUMP_PERCENT
    wanted = first_offer(market, caps, blobs=blobs)
    tip = max(_raised(old.tip, percent), wanted.tip)
    max_fee = max(_raised(old.max_fee, percent), wanted.max_fee, tip)
    if tip > caps.max_fee or max_fee > caps.max_fee:
        return None
    if old.blob_fee is None:
        return Fees(tip=tip, max_fee=max_fee)
    blob_fee = max(_raised(old.blob_fee, percent), wanted.blob_fee or 0)
    if blob_fee > caps.max_blob_fee:
        return None
    return Fees(tip=tip, max_fee=max_fee, blob_fee=blob_fee)


def ample_gas(estimate: int) -> int:
    """A gas limit with a margin over the estimate, which doesn't make of it a transaction that L1 refuses."""
    ample = estimate * (100 + GAS_MARGIN_PERCENT) // 100
    return min(ample, MAX_GAS) if estimate <= MAX_GAS else ample


def outbid(fees: Fees, market: FeeMarket) -> bool:
    """True if the next block can't include these fees, however long one waits at today's prices."""
    if fees.max_fee < market.base_fee:
        return True
    return fees.blob_fee is not None and fees.blob_fee < market.blob_base_fee


def _raised(value: int, percent: int) -> int:
    """At least `percent` more, rounded up, and never the same value."""
    return max(value + 1, -(-value * (100 + percent) // 100))


def _number(value: object) -> int:
    return int(value, 16) if isinstance(value, str) else int(value)  # type: ignore[call-overload]
