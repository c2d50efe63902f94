"""KZG over EIP-4844's mainnet setup: commitments, openings of single field elements, EIP-7594 cell proofs.

A blob is a polynomial of degree below 4096 given by its values: element i is its value at ω^brp(i), where ω
is the 4096th root of unity and brp reverses 12 bits. An opening is what the point evaluation precompile takes. Cell k, for
k below 64, is elements 64 k to 64 k + 63; its proof is for EIP-2537's precompiles, in their form of points.

c-kzg holds the GIL while it works (55 ms an opening, 0.4 s all cells of a blob on the reference machine), so `Prover` uses
processes.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeVar

import ckzg
from lru import LRU
from py_arkworks_bls12381 import G1Point

from l1.worker_pool import WorkerPool

BLS_MODULUS = 0x73EDA753299D7D483339D80809A1D80553BDA402FFFE5BFEFFFFFFFF00000001
ELEMENTS_PER_BLOB = 4096
ELEMENT_BYTES = 32
BLOB_SIZE = ELEMENTS_PER_BLOB * ELEMENT_BYTES
CELLS_PER_BLOB = 64
"""Cells with a blob's own data; its extension has as many more."""
ELEMENTS_PER_CELL = ELEMENTS_PER_BLOB // CELLS_PER_BLOB
CELL_SIZE = ELEMENTS_PER_CELL * ELEMENT_BYTES
VERSIONED_HASH_VERSION = b"\x01"
_INDEX_BITS = 12
_ROOT_OF_UNITY = pow(7, (BLS_MODULUS - 1) // ELEMENTS_PER_BLOB, BLS_MODULUS)

_KEPT_CELL_PROOFS = 32  # blobs; 8 KB each
_LONGEST = 60.0  # seconds a worker may take over one piece of work, the setup included
_FIELD_PADDING = bytes(16)  # EIP-2537: a coordinate has 48 bytes, written as 64

_setup: Any = None
_setup_lock = threading.Lock()
_Answer = TypeVar("_Answer")


@dataclass(frozen=True, slots=True)
class Opening:
    """One field element and the proof that it lies in a blob: `value` 32 bytes, `proof` 48 bytes."""

    value: bytes
    proof: bytes


@dataclass(frozen=True, slots=True)
class CellProofs:
    """Of a blob's own 64 cells: `commitment` and each proof 128 bytes, as EIP-2537 writes points."""

    commitment: bytes
    proofs: tuple[bytes, ...]


def trusted_setup() -> Any:
    """c-kzg's settings object. The first call takes two seconds; later ones nothing."""
    global _setup
    with _setup_lock:
        if _setup is None:
            import eth._utils  # py-evm ships the ceremony's output

            _setup = ckzg.load_trusted_setup(str(Path(eth._utils.__path__[0]) / "kzg_trusted_setup.txt"), 0)
    return _setup


def commitment_of(blob: bytes) -> bytes:
    """KZG commitment, 48 bytes. ValueError if some element isn't below the field's modulus."""
    try:
        return ckzg.blob_to_kzg_commitment(blob, trusted_setup())
    except RuntimeError as error:
        raise ValueError("not a blob: an element is not below the field's modulus") from error


def versioned_hash(commitment: bytes) -> bytes:
    """EIP-4844: 0x01 and the last 31 bytes of sha256(commitment)."""
    return VERSIONED_HASH_VERSION + sha256(commitment).digest()[1:]


def blob_versioned_hash(blob: bytes) -> bytes:
    return versioned_hash(commitment_of(blob))


def point_of(index: int) -> bytes:
    """The point z at which the blob's polynomial has element `index` as its value: 32 bytes."""
    if not 0 <= index < ELEMENTS_PER_BLOB:
        raise IndexError(f"a blob has {ELEMENTS_PER_BLOB} elements, there is no number {index}")
    reversed_index = int(f"{index:0{_INDEX_BITS}b}"[::-1], 2)
    return pow(_ROOT_OF_UNITY, reversed_index, BLS_MODULUS).to_bytes(32, "big")


def open_element(blob: bytes, index: int) -> Opening:
    """Value and proof of one element. Blocks for about 55 ms."""
    proof, value = ckzg.compute_kzg_proof(blob, point_of(index), trusted_setup())
    return Opening(value, proof)


def verify_opening(commitment: bytes, index: int, opening: Opening) -> bool:
    """Whether element `index` of the blob behind `commitment` is `opening.value`. False for malformed points."""
    try:
        return ckzg.verify_kzg_proof(
            commitment, point_of(index), opening.value, opening.proof, trusted_setup()
        )
    except (RuntimeError, ValueError):
        return False


def prove_cells(blob: bytes) -> CellProofs:
    """Of all cells at once. Blocks for about 0.4 s. ValueError if it isn't a blob."""
    commitment = commitment_of(blob)
    _, proofs = ckzg.compute_cells_and_kzg_proofs(blob, trusted_setup())
    return CellProofs(uncompressed(commitment), tuple(uncompressed(proof) for proof in proofs[:CELLS_PER_BLOB]))


def uncompressed(point: bytes) -> bytes:
    """A point of G1 of 48 bytes in EIP-2537's 128. ValueError if it isn't one."""
    xy = G1Point.from_compressed_bytes(point).to_xy_bytes_be()
    return _FIELD_PADDING + xy[:48] + _FIELD_PADDING + xy[48:]


def _open_elements(blob: bytes, indices: Sequence[int]) -> list[Opening]:
    return [open_element(blob, index) for index in indices]


class Prover:
    """Opens elements and cells without blocking the event loop, on worker processes that start at first use. What a worker
    did that is lost (killed for its memory, for one) is done here.

    Each worker loads the setup once (two seconds, 60 MB). `workers=0` computes on the calling thread. The cell proofs of
    the last blobs are kept.
    """

    def __init__(self, workers: int | None = None) -> None:
        self._workers = min(4, os.cpu_count() or 1) if workers is None else workers
        self._pool = WorkerPool(self._workers, limit=_LONGEST)
        self._cells: LRU[bytes, CellProofs] = LRU(_KEPT_CELL_PROOFS)  # by the blob's sha256

    async def open_elements(self, blob: bytes, indices: Sequence[int]) -> list[Opening]:
        """Openings of these elements, in order."""
        share = max(1, -(-len(indices) // max(1, self._workers)))
        shares = [indices[i : i + share] for i in range(0, len(indices), share)]
        jobs = [self._run(_open_elements, blob, each) for each in shares]
        return [opening for done in await asyncio.gather(*jobs) for opening in done]

    async def prove_cells(self, blob: bytes) -> CellProofs:
        """Of all cells of a blob; at once for the last blobs. ValueError if it isn't one."""
        key = sha256(blob).digest()
        known: CellProofs | None = self._cells.get(key)
        if known is None:
            known = self._cells[key] = await self._run(prove_cells, blob)
        return known

    async def _run(self, function: Callable[..., _Answer], *arguments: Any) -> _Answer:
        if self._workers == 0:
            return function(*arguments)
        return await self._pool.run(function, *arguments)

    def close(self) -> None:
        """Ends the workers. The prover can be used again afterwards."""
        self._pool.close()
