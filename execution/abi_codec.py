"""A strict codec for the Solidity ABI's standard encoding, for values whose shape is known.

Encoding gives exactly what `abi.encode` gives. Decoding takes exactly that and nothing else: every offset must
be the canonical one, padding must be zero, nothing may be left over. So a hostile trace can't make two pointers
share one tail (which would let a few kilobytes unfold to gigabytes), and work is linear in the input's length.
eth-abi neither refuses such encodings nor is fast enough to run after every step.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


class AbiError(ValueError):
    """Not the canonical ABI encoding of a value of the expected shape."""


@dataclass(frozen=True, slots=True)
class Uint:
    bits: int = 256
    dynamic = False
    size = 32  # bytes in the head

    def encode(self, value: int) -> bytes:
        if value < 0 or value >> self.bits:
            raise AbiError(f"{value} does not fit uint{self.bits}")
        return value.to_bytes(32, "big")

    def decode(self, data: bytes, pos: int) -> tuple[int, int]:
        value = int.from_bytes(_word(data, pos), "big")
        if value >> self.bits:
            raise AbiError(f"value does not fit uint{self.bits}")
        return value, pos + 32


@dataclass(frozen=True, slots=True)
class FixedBytes:
    """bytesN, left-aligned; `right=True` is `address`, right-aligned."""

    length: int
    right: bool = False
    dynamic = False
    size = 32

    def encode(self, value: bytes) -> bytes:
        if len(value) != self.length:
            raise AbiError(f"expected {self.length} bytes, got {len(value)}")
        return value.rjust(32, b"\0") if self.right else value.ljust(32, b"\0")

    def decode(self, data: bytes, pos: int) -> tuple[bytes, int]:
        word = _word(data, pos)
        value, padding = (
            (word[-self.length :], word[: -self.length])
            if self.right
            else (
                word[: self.length],
                word[self.length :],
            )
        )
        if any(padding):
            raise AbiError("padding is not zero")
        return value, pos + 32


@dataclass(frozen=True, slots=True)
class Bytes:
    dynamic = True
    size = 32

    def encode(self, value: bytes) -> bytes:
        return len(value).to_bytes(32, "big") + value + bytes(-len(value) % 32)

    def decode(self, data: bytes, pos: int) -> tuple[bytes, int]:
        length = int.from_bytes(_word(data, pos), "big")
        start, end = pos + 32, pos + 32 + length
        padded = end + -length % 32
        if padded > len(data):
            raise AbiError("bytes run past the end")
        if any(data[end:padded]):
            raise AbiError("padding is not zero")
        return data[start:end], padded


class Struct:
    """A tuple. Encodes from a sequence, decodes to a tuple."""

    def __init__(self, *fields: AbiType) -> None:
        self.fields = fields
        self.dynamic = any(field.dynamic for field in fields)
        self.head = sum(32 if field.dynamic else field.size for field in fields)
        self.size = 32 if self.dynamic else self.head

    def encode(self, value: Sequence[Any]) -> bytes:
        if len(value) != len(self.fields):
            raise AbiError(f"expected {len(self.fields)} fields, got {len(value)}")
        return _encode_members(self.fields, value, self.head)

    def decode(self, data: bytes, pos: int) -> tuple[tuple[Any, ...], int]:
        return _decode_members(self.fields, data, pos, self.head)


class Array:
    """T[]. Encodes from a sequence, decodes to a tuple."""

    dynamic = True
    size = 32

    def __init__(self, item: AbiType) -> None:
        self.item = item

    def encode(self, value: Sequence[Any]) -> bytes:
        head = len(value) * (32 if self.item.dynamic else self.item.size)
        return len(value).to_bytes(32, "big") + _encode_members([self.item] * len(value), value, head)

    def decode(self, data: bytes, pos: int) -> tuple[tuple[Any, ...], int]:
        length = int.from_bytes(_word(data, pos), "big")
        head = length * (32 if self.item.dynamic else self.item.size)
        if head > len(data) - pos:
            raise AbiError("array runs past the end")
        return _decode_members([self.item] * length, data, pos + 32, head)


AbiType = Uint | FixedBytes | Bytes | Struct | Array


def encode(kind: AbiType, value: Any) -> bytes:
    """`abi.encode(value)`: one argument. Raises AbiError for a value that does not fit the type."""
    return Struct(kind).encode((value,))


def decode(kind: AbiType, data: bytes) -> Any:
    """The inverse of `encode`; raises AbiError unless `data` is exactly `encode(kind, result)`."""
    (value,), end = Struct(kind).decode(data, 0)
    if end != len(data):
        raise AbiError("trailing bytes")
    return value


def _word(data: bytes, pos: int) -> bytes:
    if pos + 32 > len(data):
        raise AbiError("cut off")
    return data[pos : pos + 32]


def _encode_members(kinds: Sequence[AbiType], values: Sequence[Any], head: int) -> bytes:
    heads: list[bytes] = []
    tails: list[bytes] = []
    offset = head
    for kind, value in zip(kinds, values, strict=True):
        encoded = kind.encode(value)
        if kind.dynamic:
            heads.append(offset.to_bytes(32, "big"))
            tails.append(encoded)
            offset += len(encoded)
        else:
            heads.append(encoded)
    return b"".join(heads + tails)


def _decode_members(
    kinds: Sequence[AbiType], data: bytes, start: int, head: int
) -> tuple[tuple[Any, ...], int]:
    values: list[Any] = []
    pos, tail = start, start + head
    for kind in kinds:
        if kind.dynamic:
            if int.from_bytes(_word(data, pos), "big") != tail - start:
                raise AbiError("offset is not the canonical one")
            pos += 32
            value, tail = kind.decode(data, tail)
        else:
            value, pos = kind.decode(data, pos)
        values.append(value)
    return tuple(values), tail
