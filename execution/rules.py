"""What chain it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from execution.precompiles import Precompile

L2_TX_GAS_CAP = 1 << 24  # EIP-7825


@dataclass(frozen=True)
class Rules:
    """`blobs`: takes EIP-4844 transactions (the embedded L1 does, an L2 never).

    `precompiles`: extra ones by 20-byte address, as functions of py-evm's computation.
    `tx_gas_cap`: a transaction with more gas can't be included; None for no such limit.
    """

    chain_id: int
    fork: str = "prague"
    blobs: bool = False
    precompiles: Mapping[bytes, Precompile] = field(default_factory=dict)
    tx_gas_cap: int | None = L2_TX_GAS_CAP
