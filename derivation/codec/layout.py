"""Where chunks lie in blobs and calldata (docs/data.md, section 1): sizes, and the 254-bit packing of field elements."""

from __future__ import annotations

from collections.abc import Sequence

ELEMENTS_PER_CHUNK = 64  # one PeerDAS cell (EIP-7594)
ELEMENT_BYTES = 32
ELEMENT_BITS = 254
CHUNK_ELEMENTS_SIZE = ELEMENTS_PER_CHUNK * ELEMENT_BYTES  # 2048: a chunk as it lies in a blob
CHUNK_SIZE = ELEMENTS_PER_CHUNK * ELEMENT_BITS // 8  # 2032: the bytes it carries
CHUNKS_PER_BLOB = 64
BLOB_SIZE = CHUNKS_PER_BLOB * CHUNK_ELEMENTS_SIZE  # 131072
MAX_BLOBS = 6
MAX_CHUNKS = CHUNKS_PER_BLOB * MAX_BLOBS
MAX_CALLDATA_CHUNKS = 61  # with the call around it below the 128 KiB that public mempools take

_GROUP = 4  # elements that make whole bytes
_GROUP_ELEMENTS = _GROUP * ELEMENT_BYTES  # 128
_GROUP_BYTES = _GROUP * ELEMENT_BITS // 8  # 127
_MASK = (1 << ELEMENT_BITS) - 1


def from_elements(elements: bytes) -> bytes | None:
    """The 2,032 bytes in 64 field elements (2,048 bytes); None if one is 2^254 or more.

    ValueError if it is another number of bytes: that is the caller's mistake, not the data's.
    """
    if len(elements) != CHUNK_ELEMENTS_SIZE:
        raise ValueError(f"a chunk is {CHUNK_ELEMENTS_SIZE} bytes of field elements, not {len(elements)}")
    if max(elements[::ELEMENT_BYTES]) >= 0x40:
        return None
    number = int.from_bytes
    return b"".join([
        (
            number(elements[at : at + 32], "big") << 762
            | number(elements[at + 32 : at + 64], "big") << 508
            | number(elements[at + 64 : at + 96], "big") << 254
            | number(elements[at + 96 : at + 128], "big")
        ).to_bytes(_GROUP_BYTES, "big")
        for at in range(0, CHUNK_ELEMENTS_SIZE, _GROUP_ELEMENTS)
    ])  # fmt: skip


def to_elements(chunk: bytes) -> bytes:
    """2,032 bytes as 64 field elements (2,048 bytes)."""
    if len(chunk) != CHUNK_SIZE:
        raise ValueError(f"a chunk has {CHUNK_SIZE} bytes, not {len(chunk)}")
    parts = []
    for at in range(0, CHUNK_SIZE, _GROUP_BYTES):
        bits = int.from_bytes(chunk[at : at + _GROUP_BYTES], "big")
        parts += [(bits >> shift & _MASK).to_bytes(ELEMENT_BYTES, "big") for shift in (762, 508, 254, 0)]
    return b"".join(parts)


def chunks_to_blobs(chunks: Sequence[bytes]) -> list[bytes]:
    """Blobs of 131,072 bytes that hold these chunks (2,032 bytes each) in order; what is left is zero."""
    if len(chunks) > MAX_CHUNKS:
        raise ValueError(f"a batch has at most {MAX_CHUNKS} chunks, not {len(chunks)}")
    data = b"".join(map(to_elements, chunks))
    return [data[at : at + BLOB_SIZE].ljust(BLOB_SIZE, b"\x00") for at in range(0, len(data), BLOB_SIZE)]


def blob_elements(blobs: Sequence[bytes], chunk: int) -> bytes:
    """The 64 field elements (2,048 bytes) of chunk `chunk`, counted from 0. IndexError if there is no such blob."""
    start = chunk % CHUNKS_PER_BLOB * CHUNK_ELEMENTS_SIZE
    return blobs[chunk // CHUNKS_PER_BLOB][start : start + CHUNK_ELEMENTS_SIZE]
