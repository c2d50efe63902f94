"""The Merkle tree of calldata chunks: the shared vectors, and every path leads to the root."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from eth_hash.auto import keccak
from hypothesis import given
from hypothesis import strategies as st

from derivation.codec import CHUNK_SIZE
from derivation.merkle import chunk_leaf, chunk_path, chunk_root, split_chunks

VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "chunk_root.json").read_text())


def climb(leaf: bytes, path: tuple[bytes, ...]) -> bytes:
    """OpenZeppelin's MerkleProof.processProof."""
    for sibling in path:
        leaf = keccak(min(leaf, sibling) + max(leaf, sibling))
    return leaf


@pytest.mark.parametrize("case", VECTORS, ids=lambda case: f"{case['count']} chunks")
def test_shared_vectors(case: dict) -> None:
    count = case["count"]
    data = b"".join(bytes((31 * count + 7 * i + k) % 251 for k in range(CHUNK_SIZE)) for i in range(count))
    chunks = split_chunks(data)
    assert len(chunks) == count and chunk_root(chunks).hex() == case["root"][2:]
    for each in case["paths"]:
        assert [node.hex() for node in chunk_path(chunks, each["index"])] == [node[2:] for node in each["path"]]


@given(st.lists(st.binary(max_size=4), min_size=1, max_size=70), st.data())
def test_paths_open_one_chunk_at_one_place(chunks: list[bytes], data: st.DataObject) -> None:
    index = data.draw(st.integers(0, len(chunks) - 1))
    root, path = chunk_root(chunks), chunk_path(chunks, index)
    assert climb(chunk_leaf(index, chunks[index]), path) == root
    assert climb(chunk_leaf(index + 1, chunks[index]), path) != root
    assert climb(chunk_leaf(index, chunks[index] + b"x"), path) != root


def test_no_chunks_and_no_such_chunk() -> None:
    with pytest.raises(ValueError):
        chunk_root([])
    for index in (-1, 2):
        with pytest.raises(IndexError):
            chunk_path([b"a", b"b"], index)


def test_a_leaf_is_hashed_as_solidity_encodes_it() -> None:
    inner = keccak((3).to_bytes(32, "big") + keccak(b"chunk"))  # abi.encode(uint256, bytes32)
    assert chunk_root([b"chunk"]) == keccak(keccak(bytes(32) + keccak(b"chunk")))
    assert chunk_leaf(3, b"chunk") == keccak(inner)
