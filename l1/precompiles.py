"""What precompiles an L1 has. An address without one is an empty account: calls of it succeed and answer nothing."""

from __future__ import annotations

from py_arkworks_bls12381 import G1Point

from l1.client import L1Client
from l1.kzg import uncompressed

G1_MSM = (0x0C).to_bytes(20, "big")


async def has_bls12_381(l1: L1Client) -> bool:
    """Whether it has EIP-2537, which cell proofs need: once the group's generator must be the generator."""
    generator = uncompressed(G1Point().to_compressed_bytes())
    return await l1.call(G1_MSM, generator + (1).to_bytes(32, "big")) == generator
