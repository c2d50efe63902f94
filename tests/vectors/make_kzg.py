"""Writes kzg.json: real KZG openings for the forge tests, and one whole dispute over them.

    python tests/vectors/make_kzg.py

`elements`: single elements at the edges of a blob. `malformed`: a chunk with an element at 2^254. `dispute`: a batch of
two chunks (the first empty, the second with two Transactions and garbage at its end), and the checkpoints of
an assertion about it with stride 1 that goes wrong at its fourth step. Its states are those of the toy rollup in
solidity/test/support/ToyExecute.sol.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

from eth_hash.auto import keccak

from derivation.codec import BLOB_SIZE, CHUNK_SIZE, Item, ItemKind, encode, to_elements
from execution.abi import commitment
from execution.types import Cursor, StepState
from l1.kzg import commitment_of, open_element, prove_cells, versioned_hash

ELEMENT = 32
CHUNK = 64
CHAIN_ID = 1
BLOCK_START, TRANSACTION, SKIP, BATCH_END = 0, 1, 3, 4  # InputKind in Types.sol


def hexed(data: bytes) -> str:
    return "0x" + data.hex()


def opened(blob: bytes, indices: range | list[int]) -> dict[str, Any]:
    openings = [open_element(blob, index) for index in indices]
    kzg_commitment = commitment_of(blob)
    cell = {}
    if len(indices) == CHUNK:  # a whole one
        cells = prove_cells(blob)
        proof = cells.proofs[indices[0] // CHUNK]
        cell = {"cell": {"commitment": hexed(cells.commitment), "proof": hexed(proof)}}
    return {
        "versionedHash": hexed(versioned_hash(kzg_commitment)),
        "commitment": hexed(kzg_commitment),
        "indices": list(indices),
        "values": [hexed(opening.value) for opening in openings],
        "proofs": [hexed(opening.proof) for opening in openings],
        **cell,
    }


def random_blob(seed: int) -> bytearray:
    random = Random(seed)
    return bytearray(b"".join(b"\0" + random.randbytes(31) for _ in range(BLOB_SIZE // ELEMENT)))


def chunk_of(*raws: bytes) -> bytearray:
    [chunk] = encode([Item(ItemKind.TRANSACTION, raw) for raw in raws], CHAIN_ID)
    return bytearray(chunk)


def malformed() -> dict[str, Any]:
    blob = random_blob(2)
    start = 63 * CHUNK * ELEMENT
    blob[start:] = to_elements(chunk_of(b"\x02" * 100))
    blob[start + 40 * ELEMENT] = 0x40
    return opened(bytes(blob), range(63 * CHUNK, 64 * CHUNK))


def toy_states() -> list[StepState]:
    state = StepState(keccak(b"genesis state"), keccak(b"genesis block"))
    states = [state]
    for kind, cursor in (
        (BLOCK_START, Cursor(0, 1, 0)),
        (SKIP, Cursor(0, 2, 0)),
        (TRANSACTION, Cursor(0, 2, 1)),
        (TRANSACTION, Cursor(0, 3, 0)),
        (BATCH_END, Cursor(1, 0, 0)),
    ):
        state = replace(state, state_root=keccak(state.state_root + kind.to_bytes(32, "big")), cursor=cursor)
        states.append(state)
    return states


def dispute() -> dict[str, Any]:
    second = chunk_of(b"first", b"second" * 200)
    second[-31:] = b"\xff" * 31
    data = random_blob(3)
    data[: 2 * CHUNK * ELEMENT] = to_elements(bytes(CHUNK_SIZE)) + to_elements(second)
    states = toy_states()
    claimed = states[:4] + [replace(s, state_root=keccak(b"lie" + s.state_root)) for s in states[4:]]
    checkpoints = b"".join(b"\0" + commitment(s) for s in claimed).ljust(BLOB_SIZE, b"\0")
    return {
        "data": opened(bytes(data), range(CHUNK, 2 * CHUNK)),
        "checkpoints": opened(checkpoints, range(len(claimed))),
        "commitments": [hexed(commitment(s)) for s in states],
        "claimed": [hexed(commitment(s)) for s in claimed],
    }


def main() -> None:
    vectors = {
        "elements": opened(bytes(random_blob(1)), [0, 1, 2, 3, 63, 64, 1365, 2047, 2048, 2730, 4094, 4095]),
        "malformed": malformed(),
        "dispute": dispute(),
    }
    Path(__file__).with_name("kzg.json").write_text(json.dumps(vectors, indent=1) + "\n")


if __name__ == "__main__":
    main()
