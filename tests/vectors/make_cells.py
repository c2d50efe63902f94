"""Writes cells.json: EIP-7594 cell proofs by c-kzg for solidity/test/CellProof.t.sol.

    python tests/vectors/make_cells.py

Element i of the blob `random` is keccak256(abi.encode(seed, i)) modulo the field's, of `zero` 0, of `constant` seed,
of `single` seed at 0 and else 0. Points are uncompressed, 128 bytes, as EIP-2537 has them.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from eth_hash.auto import keccak

from l1.kzg import BLS_MODULUS, ELEMENTS_PER_BLOB, commitment_of, prove_cells, uncompressed, versioned_hash

SEED = 7594
COMMITMENTS = 8  # with one of more blobs each, to see both signs of y


def word(value: int) -> bytes:
    return value.to_bytes(32, "big")


def random_blob(seed: int) -> bytes:
    values = (int.from_bytes(keccak(word(seed) + word(i)), "big") for i in range(ELEMENTS_PER_BLOB))
    return b"".join(word(value % BLS_MODULUS) for value in values)


def proved(blob: bytes) -> dict[str, Any]:
    cells = prove_cells(blob)
    return {
        "versionedHash": "0x" + versioned_hash(commitment_of(blob)).hex(),
        "commitment": "0x" + cells.commitment.hex(),
        "proofs": ["0x" + proof.hex() for proof in cells.proofs],
    }


def commitments() -> dict[str, list[str]]:
    points = [commitment_of(word(seed) + bytes(32 * (ELEMENTS_PER_BLOB - 1))) for seed in range(COMMITMENTS)]
    return {
        "points": ["0x" + uncompressed(point).hex() for point in points],
        "hashes": ["0x" + versioned_hash(point).hex() for point in points],
    }


def main() -> None:
    vectors = {
        "seed": SEED,
        "random": proved(random_blob(SEED)),
        "zero": proved(bytes(32 * ELEMENTS_PER_BLOB)),
        "constant": proved(word(SEED) * ELEMENTS_PER_BLOB),
        "single": proved(word(SEED) + bytes(32 * (ELEMENTS_PER_BLOB - 1))),
        "commitments": commitments(),
    }
    Path(__file__).with_name("cells.json").write_text(json.dumps(vectors, indent=1) + "\n")


if __name__ == "__main__":
    main()
