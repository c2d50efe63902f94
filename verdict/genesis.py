"""The L2 genesis block: of the configuration and of two addresses on L1, and of nothing else, so every node has the same."""

from __future__ import annotations

from dataclasses import dataclass

from bridge.predeploys import L2_TOKEN_BRIDGE, MESSAGE_PASSER, MESSENGER
from execution.genesis import GenesisAccount, build_genesis
from execution.types import StepState
from l1.artifacts import artifact
from verdict.config import Config

GENESIS_TIMESTAMP = 0
"""Seconds since the epoch. L2 time begins with the L1 origin of the first batch."""


@dataclass(frozen=True, slots=True)
class L1Addresses:
    """Contracts on L1, 20 bytes each, that contracts of the L2 genesis trust."""

    portal: bytes
    token_bridge: bytes


def l2_genesis(config: Config, l1: L1Addresses) -> tuple:
    """(header, trie nodes by hash, codes by hash), as `chain.store.ChainStore.open` takes it."""
    rollup = config.rollup
    return build_genesis(
        {bytes.fromhex(entry.address[2:]): entry.balance for entry in rollup.alloc} | predeploys(l1),
        chain_id=rollup.chain_id,
        gas_limit=rollup.gas_limit,
        timestamp=GENESIS_TIMESTAMP,
        base_fee_per_gas=rollup.base_fee,
    )


def predeploys(l1: L1Addresses) -> dict[bytes, GenesisAccount]:
    """Verdict's own contracts on L2, docs/protocol.md section 12. Whom they trust on L1 is in their slot 0."""
    return {
        MESSAGE_PASSER: GenesisAccount(nonce=1, code=_code("MessagePasser")),
        MESSENGER: GenesisAccount(nonce=1, code=_code("Messenger"), storage={0: int.from_bytes(l1.portal)}),
        L2_TOKEN_BRIDGE: GenesisAccount(nonce=1, code=_code("L2TokenBridge"), storage={0: int.from_bytes(l1.token_bridge)}),
    }


def _code(name: str) -> bytes:
    contract = artifact(name)
    assert not contract.immutables, f"{name} has immutables, and no constructor runs in the genesis"
    return contract.deployed


def genesis_state(config: Config, l1: L1Addresses) -> StepState:
    """The StepState before the first batch."""
    header = l2_genesis(config, l1)[0]
    return StepState(state_root=header.state_root, block_hash=header.hash)
