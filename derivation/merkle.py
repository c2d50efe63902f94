"""The Merkle tree over the chunks of a batch in calldata (docs/protocol.md, section 2): what
solidity/src/lib/ChunkRoot.sol computes and OpenZeppelin's MerkleProof opens. Pairs are sorted, an odd node goes up as
it is."""

from __future__ import annotations

from collections.abc import Sequence

from derivation.codec import CHUNK_SIZE
from execution.encoding import keccak


def split_chunks(data: bytes) -> list[bytes]:
    """The chunks (2,032 bytes each) that lie in `data` end to end."""
    return [data[at : at + CHUNK_SIZE] for at in range(0, len(data), CHUNK_SIZE)]


def chunk_leaf(index: int, chunk: bytes) -> bytes:
    """Leaf of chunk `index`, from 0. Hashed twice, so no inner node is a leaf."""
    return keccak(keccak(index.to_bytes(32, "big") + keccak(chunk)))


def chunk_root(chunks: Sequence[bytes]) -> bytes:
    """`dataRoot` of a batch of these chunks (2,032 bytes each): 32 bytes. ValueError if there are none."""
    return _levels(chunks)[-1][0]


def chunk_path(chunks: Sequence[bytes], index: int) -> tuple[bytes, ...]:
    """Siblings of leaf `index`, from the leaf upwards, 32 bytes each. IndexError if there is no such chunk."""
    if not 0 <= index < len(chunks):
        raise IndexError(f"{len(chunks)} chunks have no chunk {index}")
    path = []
    for level in _levels(chunks)[:-1]:
        if index ^ 1 < len(level):
            path.append(level[index ^ 1])
        index //= 2
    return tuple(path)


def _levels(chunks: Sequence[bytes]) -> list[list[bytes]]:
    """The tree's levels, leaves first, the root last."""
    if not chunks:
        raise ValueError("no chunks have no root")
    levels = [[chunk_leaf(index, chunk) for index, chunk in enumerate(chunks)]]
    while len(levels[-1]) > 1:
        below = levels[-1]
        pairs = [keccak(b"".join(sorted(below[at : at + 2]))) for at in range(0, len(below) - 1, 2)]
        levels.append(pairs + below[len(below) & ~1 :])
    return levels
