"""Blobs for tests, with chunks or with field elements that are none."""

from __future__ import annotations

from collections.abc import Sequence

from derivation.codec import BLOB_SIZE, CHUNK_SIZE, to_elements

NOTHING = bytes(CHUNK_SIZE)  # a chunk without items
MALFORMED = (b"\x40" + bytes(31)) * 64  # field elements of 2^254


def blobs_of(parts: Sequence[bytes]) -> list[bytes]:
    """`parts`: chunks (2,032 bytes) or 64 field elements (2,048 bytes) each."""
    data = b"".join(to_elements(part) if len(part) == CHUNK_SIZE else part for part in parts)
    return [data[at : at + BLOB_SIZE].ljust(BLOB_SIZE, b"\x00") for at in range(0, len(data), BLOB_SIZE)]
