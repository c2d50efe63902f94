"""Decoding RLP from strangers. Encoding, and giving what was decoded its types, is ethereum_rlp's.

ethereum_rlp decodes by slicing: an item costs its list's length, a level of nesting its depth, so a small trace
could take hours or gigabytes. This one is linear, and takes only what an encoder gives (yellow paper, appendix B).
"""

from __future__ import annotations

from typing import TypeAlias

Simple: TypeAlias = "bytes | list[Simple]"


class DecodingError(ValueError):
    """Not canonical RLP, or nested deeper than what is expected."""


def decode(data: bytes, depth: int) -> Simple:
    """`depth`: how many lists may lie in each other."""
    item, end = _item(data, 0, len(data), depth)
    if end != len(data):
        raise DecodingError("trailing bytes")
    return item


def _item(data: bytes, at: int, limit: int, depth: int) -> tuple[Simple, int]:
    if at >= limit:
        raise DecodingError("nothing where an item belongs")
    prefix = data[at]
    if prefix < 0x80:
        return data[at : at + 1], at + 1
    short = 0x80 if prefix < 0xC0 else 0xC0
    start, size = at + 1, prefix - short
    if size >= 56:
        width = size - 55
        big_endian = data[start : start + width]
        start, size = start + width, int.from_bytes(big_endian, "big")
        if start > limit or size < 56 or big_endian[0] == 0:
            raise DecodingError("not the shortest form of a length")
    end = start + size
    if end > limit:
        raise DecodingError("an item longer than what holds it")
    if short == 0x80:
        if size == 1 and data[start] < 0x80:
            raise DecodingError("not the shortest form of a byte")
        return data[start:end], end
    if depth == 0:
        raise DecodingError("lists nested too deep")
    items = []
    while start < end:
        item, start = _item(data, start, end, depth - 1)
        items.append(item)
    return items, end
