"""Blobs as L1 transactions carry them: sidecars, and openings of what lies in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import ckzg

from l1.kzg import (
    BLOB_SIZE,
    CELL_SIZE,
    CELLS_PER_BLOB,
    ELEMENT_BYTES,
    ELEMENTS_PER_BLOB,
    ELEMENTS_PER_CELL,
    Opening,
    Prover,
    blob_versioned_hash,
    commitment_of,
    open_element,
    point_of,
    trusted_setup,
    verify_opening,
    versioned_hash,
)

__all__ = [
    "BLOB_SIZE", "ELEMENTS_PER_BLOB", "ChunkProof", "ChunkProofKind", "Opening", "Prover", "Sidecar",
    "blob_versioned_hash", "commitment_of", "element_of", "open_chunk", "open_element",
    "pack", "pack_elements", "point_of", "to_sidecar", "trusted_setup", "unpack", "verify_opening",
    "verify_sidecar", "versioned_hash",
]  # fmt: skip

PAYLOAD_PER_ELEMENT = 31
PAYLOAD_PER_BLOB = ELEMENTS_PER_BLOB * PAYLOAD_PER_ELEMENT  # 126,976


@dataclass(frozen=True, slots=True)
class Sidecar:
    """EIP-4844's network form of a transaction's blobs (commitments and blob proofs 48 bytes each)."""

    blobs: tuple[bytes, ...]
    commitments: tuple[bytes, ...]
    proofs: tuple[bytes, ...]

    @property
    def versioned_hashes(self) -> tuple[bytes, ...]:
        return tuple(versioned_hash(commitment) for commitment in self.commitments)


class ChunkProofKind(StrEnum):
    """How a blob's cell is proved to L1."""

    CELL = "cell"  # one cell proof over EIP-2537's precompiles
    POINTS = "points"  # 64 point evaluations, for an L1 without them


@dataclass(frozen=True, slots=True)
class ChunkProof:
    """A chunk and the proof that it is a batch's; `ChunkOpening` in solidity/src/IRollup.sol."""

    data: bytes  # 64 field elements (2,048 bytes), or a calldata batch's chunk (2,032 bytes)
    commitment: bytes = b""  # 48 bytes with point evaluations, 128 with a cell proof
    proofs: tuple[bytes, ...] = ()  # 64 point evaluations of 48 bytes, or one cell proof of 128
    path: tuple[bytes, ...] = ()  # of a calldata batch's chunk: Merkle siblings from the leaf upwards, 32 bytes each

    def as_tuple(self) -> tuple[bytes, bytes, list[bytes], list[bytes]]:
        """In the shape eth-abi and web3 take."""
        return self.data, self.commitment, list(self.proofs), list(self.path)


def to_sidecar(blobs: Sequence[bytes]) -> Sidecar:
    """Commitments and blob proofs; about 0.1 s a blob."""
    commitments = tuple(commitment_of(blob) for blob in blobs)
    proofs = tuple(
        ckzg.compute_blob_kzg_proof(blob, commitment, trusted_setup())
        for blob, commitment in zip(blobs, commitments)
    )
    return Sidecar(tuple(blobs), commitments, proofs)


def verify_sidecar(sidecar: Sidecar) -> bool:
    """Whether every proof holds; 2 ms a blob. False for malformed ones."""
    try:
        return all(
            ckzg.verify_blob_kzg_proof(blob, commitment, proof, trusted_setup())
            for blob, commitment, proof in zip(sidecar.blobs, sidecar.commitments, sidecar.proofs, strict=True)
        )
    except (RuntimeError, ValueError):
        return False


def pack(data: bytes) -> list[bytes]:
    """Bytes as blobs, 31 in each field element, zero-padded. No data: no blobs."""
    elements = [data[i : i + PAYLOAD_PER_ELEMENT] for i in range(0, len(data), PAYLOAD_PER_ELEMENT)]
    return pack_elements([element.ljust(PAYLOAD_PER_ELEMENT, b"\x00") for element in elements])


def unpack(blobs: Sequence[bytes]) -> bytes:
    """The low 31 bytes of every element, padding included. ValueError if an element's top byte isn't zero."""
    data = b"".join(blobs)
    if any(data[::ELEMENT_BYTES]):
        raise ValueError("an element is at or above 2**248: these blobs weren't packed by 31 bytes")
    return b"".join(data[i + 1 : i + ELEMENT_BYTES] for i in range(0, len(data), ELEMENT_BYTES))


def pack_elements(values: Sequence[bytes]) -> list[bytes]:
    """31-byte values as 0x00 ‖ value, one a field element, in as many blobs as it takes."""
    if any(len(value) != PAYLOAD_PER_ELEMENT for value in values):
        raise ValueError(f"each element takes {PAYLOAD_PER_ELEMENT} bytes")
    data = b"".join(b"\x00" + value for value in values)
    return [data[i : i + BLOB_SIZE].ljust(BLOB_SIZE, b"\x00") for i in range(0, len(data), BLOB_SIZE)]


def element_of(blob: bytes, index: int) -> bytes:
    """Field element `index`, 32 bytes."""
    return blob[ELEMENT_BYTES * index : ELEMENT_BYTES * (index + 1)]


async def open_chunk(
    prover: Prover, blob: bytes, cell: int, kind: ChunkProofKind = ChunkProofKind.CELL
) -> ChunkProof:
    """The 64 elements of cell `cell` (0 to 63), proved. The cells of a blob take 0.4 s of computing all together, point
    evaluations 3.5 s each cell, shared by the prover's workers. IndexError if there is no such cell."""
    if not 0 <= cell < CELLS_PER_BLOB:
        raise IndexError(f"a blob has {CELLS_PER_BLOB} cells, there is no number {cell}")
    data = blob[CELL_SIZE * cell : CELL_SIZE * (cell + 1)]
    if kind is ChunkProofKind.CELL:
        cells = await prover.prove_cells(blob)
        return ChunkProof(data, cells.commitment, (cells.proofs[cell],))
    indices = range(ELEMENTS_PER_CELL * cell, ELEMENTS_PER_CELL * (cell + 1))
    openings = await prover.open_elements(blob, indices)
    return ChunkProof(data, commitment_of(blob), tuple(opening.proof for opening in openings))
