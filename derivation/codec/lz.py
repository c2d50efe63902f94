"""LZ4 blocks, read so that every input has one meaning (docs/data.md, section 3)."""

from __future__ import annotations

import lz4.block

from derivation.codec.dictionary import WINDOW_SIZE, Dictionary

MAX_BODY = 8_192  # bytes
_MIN_MATCH = 4
_LONG = 15  # a length that goes on in the next bytes


def unpack(packed: bytes, dictionary: Dictionary) -> bytes:
    """The body in an LZ4 block: at most 8,192 bytes. Takes any bytes."""
    out = bytearray(dictionary.window)
    limit, at, end = WINDOW_SIZE + MAX_BODY, 0, len(packed)
    while at < end and len(out) < limit:
        token = packed[at]
        at += 1
        size = token >> 4
        if size == _LONG:
            at, size = _longer(packed, at, size)
        out += packed[at : at + size]
        at += size
        if at >= end:
            break
        offset = int.from_bytes(packed[at : at + 2], "little")
        at += 2
        size = token & 15
        if size == _LONG:
            at, size = _longer(packed, at, size)
        _copy(out, offset, min(size + _MIN_MATCH, limit - len(out)))
    return bytes(out[WINDOW_SIZE:limit])


def _longer(packed: bytes, at: int, size: int) -> tuple[int, int]:
    """(position, length) after the bytes that a length goes on in."""
    while at < len(packed):
        step = packed[at]
        at += 1
        size += step
        if step != 255:
            break
    return at, size


def _copy(out: bytearray, offset: int, size: int) -> None:
    if size <= 0:
        return
    if offset == 0:
        out += bytes(size)
    elif offset >= size:
        start = len(out) - offset
        out += out[start : start + size]
    else:
        pattern = out[-offset:]
        out += (pattern * (size // offset + 1))[:size]


def pack(body: bytes, dictionary: Dictionary) -> bytes:
    """An LZ4 block that unpacks to `body`, as short as the library makes it."""
    return lz4.block.compress(  # type: ignore[no-any-return]
        body, mode="high_compression", compression=9, store_size=False, dict=dictionary.text
    )
