"""What chain it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from execution.dues import Dues
from execution.precompiles import Precompile
from execution.world import WorldState

L2_TX_GAS_CAP = 1 << 24  # EIP-7825


@dataclass(frozen=True)
class Rules:
    """`blobs`: takes EIP-4844 transactions (the embedded L1 does, an L2 never).

    `precompiles`: extra ones by 20-byte address, as functions of py-evm's computation.
    `dues`: makes a block's account of what those sell for ether, if they do (EXECUTE on L1).
    `tx_gas_cap`: a transaction with more gas can't be included; None for no such limit.
    """

    chain_id: int
    fork: str = "prague"
    blobs: bool = False
    precompiles: Mapping[bytes, Precompile] = field(default_factory=dict)
    tx_gas_cap: int | None = L2_TX_GAS_CAP
    dues: Callable[[WorldState], Dues] | None = None
