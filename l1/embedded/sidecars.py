"""Blob transactions as they travel: the network forms of EIP-4844 and EIP-7594, and sidecars on disk."""

from __future__ import annotations

from collections.abc import Sequence

import ckzg

from chain.pool_errors import PoolError
from execution.encoding import Rlp, RlpError, as_bytes, as_int, as_list, decode_list, encode_bytes, wrap_list
from l1.blobs import BLOB_SIZE, Sidecar, trusted_setup

BLOB_TYPE = 3
CELLS_PER_BLOB = 128
WRAPPER_VERSION = 1  # EIP-7594
MAX_BLOBS = 9
_POINT_SIZE = 48
_RECORD_PREFIX = b"blobs:"


def split_network_form(raw: bytes) -> tuple[bytes, Sidecar | None]:
    """(EIP-2718 bytes, sidecar) of what eth_sendRawTransaction is given.

    Anything but a wrapped blob transaction comes back as it is, without a sidecar. Nothing about the proofs
    is checked except, for cell proofs, that they hold: their sidecar is given blob proofs instead.
    Raises PoolError. May take a second: to be called on a thread.
    """
    if not raw or raw[0] != BLOB_TYPE:
        return raw, None
    try:
        parts = decode_list(raw[1:])
        if not parts or not isinstance(parts[0], list):
            return raw, None
        return _unwrap(parts)
    except RlpError as error:
        raise PoolError(f"rlp: {error}") from error


def _unwrap(parts: list[Rlp]) -> tuple[bytes, Sidecar]:
    if len(parts) not in (4, 5):
        raise PoolError("rlp: a blob transaction's wrapper has 4 or 5 parts")
    if len(parts) == 5 and as_int(parts[1]) != WRAPPER_VERSION:
        raise PoolError(f"unsupported blob sidecar wrapper version {as_int(parts[1])}")
    if len(as_list(parts[-3])) > MAX_BLOBS:
        raise PoolError(f"too many blobs in transaction: have {len(parts[-3])}, permitted {MAX_BLOBS}")
    blobs = tuple(as_bytes(blob, BLOB_SIZE) for blob in as_list(parts[-3]))
    commitments = tuple(as_bytes(commitment, _POINT_SIZE) for commitment in as_list(parts[-2]))
    proofs = tuple(as_bytes(proof, _POINT_SIZE) for proof in as_list(parts[-1]))
    if len(commitments) != len(blobs):
        raise PoolError(f"invalid number of {len(commitments)} blob commitments compared to {len(blobs)} blobs")
    expected = len(blobs) * (1 if len(parts) == 4 else CELLS_PER_BLOB)
    if len(proofs) != expected:
        raise PoolError(f"invalid number of {len(proofs)} blob proofs, sidecar wants {expected}")
    if len(parts) == 5:
        proofs = _blob_proofs(blobs, commitments, proofs)
    body = b"".join(_encode(item) for item in as_list(parts[0]))
    return bytes([BLOB_TYPE]) + wrap_list(body), Sidecar(blobs, commitments, proofs)


def _encode(item: Rlp) -> bytes:
    if isinstance(item, bytes):
        return encode_bytes(item)
    return wrap_list(b"".join(_encode(part) for part in item))


def _blob_proofs(
    blobs: Sequence[bytes], commitments: Sequence[bytes], cell_proofs: Sequence[bytes]
) -> tuple[bytes, ...]:
    """Blob proofs in place of cell proofs, which must hold."""
    setup = trusted_setup()
    try:
        count = len(blobs)
        cells = [cell for blob in blobs for cell in ckzg.compute_cells(blob, setup)]
        repeated = [commitment for commitment in commitments for _ in range(CELLS_PER_BLOB)]
        indices = list(range(CELLS_PER_BLOB)) * count
        if not ckzg.verify_cell_kzg_proof_batch(repeated, indices, cells, list(cell_proofs), setup):
            raise PoolError("invalid blob sidecar: a cell proof doesn't hold")
        return tuple(
            ckzg.compute_blob_kzg_proof(blob, commitment, setup)
            for blob, commitment in zip(blobs, commitments, strict=True)
        )
    except (RuntimeError, ValueError) as error:
        raise PoolError(f"invalid blob sidecar: {error}") from error


def verify_proofs(sidecar: Sidecar, versioned_hashes: Sequence[bytes]) -> None:
    """Raises PoolError unless the sidecar is what a transaction with these hashes wants. A few ms a blob."""
    if len(versioned_hashes) != len(sidecar.blobs):
        raise PoolError(
            f"invalid number of {len(sidecar.blobs)} blobs compared to {len(versioned_hashes)} blob hashes"
        )
    for index, (wanted, given) in enumerate(zip(versioned_hashes, sidecar.versioned_hashes, strict=True)):
        if wanted != given:
            raise PoolError(f"blob {index}: computed hash 0x{given.hex()} mismatches transaction one 0x{wanted.hex()}")
    try:
        blobs, commitments, proofs = (b"".join(part) for part in (sidecar.blobs, sidecar.commitments, sidecar.proofs))
        holds = ckzg.verify_blob_kzg_proof_batch(blobs, commitments, proofs, trusted_setup())
    except (RuntimeError, ValueError) as error:
        raise PoolError(f"invalid blob sidecar: {error}") from error
    if not holds:
        raise PoolError("invalid blob sidecar: a blob proof doesn't hold")


# --- on disk: one record a block, in block order --------------------------------------------------------------


def record_prefix(number: int) -> bytes:
    """Of the records of all blocks, canonical or not, with this number."""
    return _RECORD_PREFIX + number.to_bytes(8, "big")


def record_key(number: int, block_hash: bytes) -> bytes:
    return record_prefix(number) + block_hash


def encode_record(sidecars: Sequence[Sidecar]) -> bytes:
    return wrap_list(
        b"".join(
            wrap_list(encode_bytes(blob) + encode_bytes(commitment) + encode_bytes(proof))
            for sidecar in sidecars
            for blob, commitment, proof in zip(sidecar.blobs, sidecar.commitments, sidecar.proofs, strict=True)
        )
    )


def decode_record(data: bytes) -> Sidecar:
    """All blobs of a block as one sidecar; a blob's index in it is its index in the block."""
    rows = [as_list(row, 3) for row in decode_list(data)]
    return Sidecar(
        tuple(as_bytes(row[0]) for row in rows),
        tuple(as_bytes(row[1]) for row in rows),
        tuple(as_bytes(row[2]) for row in rows),
    )
