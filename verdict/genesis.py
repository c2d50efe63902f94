"""The L2 genesis block that a configuration defines. It depends on nothing else, so every node has the same."""

from __future__ import annotations

from dataclasses import dataclass

from execution.genesis import build_genesis
from execution.types import StepState
from verdict.config import Config

GENESIS_TIMESTAMP = 0
"""Seconds since the epoch. L2 time begins with the L1 origin of the first batch."""


@dataclass(frozen=True, slots=True)
class L1Addresses:
    """Contracts on L1, 20 bytes each, that contracts of the L2 genesis trust."""

    portal: bytes
    token_bridge: bytes


def l2_genesis(config: Config) -> tuple:
    """(header, trie nodes by hash, codes by hash), as `chain.store.ChainStore.open` takes it."""
    rollup = config.rollup
    return build_genesis(
        {bytes.fromhex(entry.address[2:]): entry.balance for entry in rollup.alloc},
        chain_id=rollup.chain_id,
        gas_limit=rollup.gas_limit,
        timestamp=GENESIS_TIMESTAMP,
        base_fee_per_gas=rollup.base_fee,
    )


def genesis_state(config: Config) -> StepState:
    """The StepState before the first batch."""
    header = l2_genesis(config)[0]
    return StepState(state_root=header.state_root, block_hash=header.hash)
