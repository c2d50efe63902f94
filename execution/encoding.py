"""Strict canonical RLP (yellow paper, appendix B) and keccak-256.

Decoding takes what a canonical encoder gives and nothing else: shortest lengths only, no trailing bytes.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

from sha3 import keccak_256 as _keccak_256

Rlp: TypeAlias = "bytes | list[Rlp]"

EMPTY_ROOT = bytes.fromhex("56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421")
EMPTY_CODE_HASH = bytes.fromhex("c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470")

_SINGLE = [bytes([i]) for i in range(256)]


class RlpError(ValueError):
    """Not canonical RLP of the expected shape."""


def keccak(data: bytes) -> bytes:
    return _keccak_256(data).digest()


def encode_bytes(data: bytes) -> bytes:
    size = len(data)
    if size == 1 and data[0] < 0x80:
        return bytes(data)
    if size < 56:
        return _SINGLE[0x80 + size] + data
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return _SINGLE[0xB7 + len(length)] + length + data


def encode_int(value: int) -> bytes:
    if value < 0x80:
        return _SINGLE[value] if value else b"\x80"
    return encode_bytes(value.to_bytes((value.bit_length() + 7) // 8, "big"))


def wrap_list(payload: bytes) -> bytes:
    """The list whose already encoded items are `payload`."""
    size = len(payload)
    if size < 56:
        return _SINGLE[0xC0 + size] + payload
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return _SINGLE[0xF7 + len(length)] + length + payload


def encode_list(items: Iterable[bytes]) -> bytes:
    """A list of byte strings."""
    return wrap_list(b"".join([encode_bytes(item) for item in items]))


def header(data: bytes, pos: int, end: int) -> tuple[bool, int, int]:
    """(is a list, start, stop) of the payload of the item at `pos`; it must end at or before `end`."""
    if pos >= end:
        raise RlpError("item cut off")
    first = data[pos]
    if first < 0x80:
        return False, pos, pos + 1
    is_list = first >= 0xC0
    size = first - (0xC0 if is_list else 0x80)
    start = pos + 1
    if size > 55:
        width = size - 55
        if start + width > end:
            raise RlpError("length cut off")
        size = int.from_bytes(data[start : start + width], "big")
        if size < 56 or data[start] == 0:
            raise RlpError("length not in its shortest form")
        start += width
    stop = start + size
    if stop > end:
        raise RlpError("item runs past the end")
    if size == 1 and not is_list and data[start] < 0x80:
        raise RlpError("single byte not in its shortest form")
    return is_list, start, stop


def decode(data: bytes, max_depth: int = 8) -> Rlp:
    """One item that fills `data`; lists nested at most `max_depth` deep."""
    is_list, start, stop = header(data, 0, len(data))
    if stop != len(data):
        raise RlpError("trailing bytes")
    return _items(data, start, stop, max_depth) if is_list else data[start:stop]


def decode_list(data: bytes, max_depth: int = 8) -> list[Rlp]:
    item = decode(data, max_depth)
    if not isinstance(item, list):
        raise RlpError("expected a list")
    return item


def _items(data: bytes, pos: int, end: int, depth: int) -> list[Rlp]:
    if depth == 0:
        raise RlpError("nested too deep")
    items: list[Rlp] = []
    while pos < end:
        is_list, start, stop = header(data, pos, end)
        items.append(_items(data, start, stop, depth - 1) if is_list else data[start:stop])
        pos = stop
    return items


def as_int(item: Rlp, size: int = 32) -> int:
    """An integer of at most `size` bytes, no leading zeros."""
    if not isinstance(item, bytes) or len(item) > size:
        raise RlpError(f"expected an integer of at most {size} bytes")
    if item and item[0] == 0:
        raise RlpError("integer with a leading zero")
    return int.from_bytes(item, "big")


def as_bytes(item: Rlp, size: int | None = None) -> bytes:
    if not isinstance(item, bytes) or (size is not None and len(item) != size):
        raise RlpError(f"expected {'bytes' if size is None else f'{size} bytes'}")
    return item


def as_list(item: Rlp, size: int | None = None) -> list[Rlp]:
    if not isinstance(item, list) or (size is not None and len(item) != size):
        raise RlpError(f"expected a list{'' if size is None else f' of {size}'}")
    return item
