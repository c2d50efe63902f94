"""Anybody settles a batch: proved on L1, without bond and window (docs/settlement.md)."""

from __future__ import annotations

from l1.artifacts import address_bytes
from l1.blobs import ChunkProofKind
from l1.kzg import Prover
from l1.txmanager import TransactionManager
from settlement.settler import Settler
from tests.adversarial.kit.devnet import Devnet

MAX_CALLDATA = 100_000  # bytes


async def settle(net: Devnet, anybody: TransactionManager, index: int = 0) -> None:
    """The next batch that isn't confirmed, which must have been derived (`net.batch()`, `net.truth(index)`)."""
    arena, prover = net.arena, Prover(1)
    try:
        settler = Settler(arena.l1, arena.rollup, address_bytes(net.deployment.stage), arena.node, anybody, prover,
                          ChunkProofKind.CELL, MAX_CALLDATA)
        done = await settler.settle(index)
    finally:
        prover.close()
    assert done and done[-1].confirmed
