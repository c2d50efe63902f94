"""How chunks are opened on this L1."""

from __future__ import annotations

import structlog

from l1.blobs import ChunkProofKind
from l1.client import L1Client
from l1.precompiles import has_bls12_381
from verdict.config import Config

log = structlog.get_logger("verdict")


async def chunk_proofs(config: Config, l1: L1Client) -> ChunkProofKind:
    """As configured, or by what L1 has."""
    if config.challenger.chunk_proofs != "auto":
        return ChunkProofKind(config.challenger.chunk_proofs)
    if await has_bls12_381(l1):
        return ChunkProofKind.CELL
    log.warning("L1 has no EIP-2537 precompiles: chunks are opened with point evaluations, which cost more gas")
    return ChunkProofKind.POINTS
