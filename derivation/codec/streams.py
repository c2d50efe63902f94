"""Reading T and X: zeros past the end, so that every read means something (docs/data.md, section 4)."""

from __future__ import annotations

from derivation.codec.dictionary import ADDRESS_SIZE, Dictionary

MAX_VARINT_BYTES = 8
VARINT_LIMIT = 1 << 7 * MAX_VARINT_BYTES  # 2^56
_ZERO_EXPONENT = 31
_RAW = 7  # n of a number that is written as it is
_LONGEST_MANTISSA = 6
_ZERO_ADDRESS = bytes(ADDRESS_SIZE)


class Stream:
    """Bytes and a position in them, which may be past the end."""

    __slots__ = ("at", "data", "end")

    def __init__(self, data: bytes) -> None:
        self.data, self.at, self.end = data, 0, len(data)

    def byte(self) -> int:
        at = self.at
        self.at = at + 1
        return self.data[at] if at < self.end else 0

    def take(self, size: int) -> bytes:
        """The next `size` bytes. The caller bounds `size`."""
        at = self.at
        self.at = stop = at + size
        return self.data[at:stop] if stop <= self.end else self.data[at:].ljust(size, b"\x00")

    def varint(self) -> int:
        value = self.byte()
        if value < 0x80:
            return value
        value &= 0x7F
        for shift in range(7, 7 * MAX_VARINT_BYTES, 7):
            byte = self.byte()
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                break
        return value

    def number(self) -> int:
        head = self.byte()
        size, exponent = head >> 5, head & 31
        if size == _RAW:
            return int.from_bytes(self.take(exponent + 1), "big")
        if size == 0:
            return 0 if exponent == _ZERO_EXPONENT else 10**exponent
        return int.from_bytes(self.take(size), "big") * 10**exponent


class Addresses:
    """Addresses as a chunk names them: the dictionary's, then the chunk's own in the order in which it spells them."""

    __slots__ = ("_count", "_dictionary", "_own")

    def __init__(self, dictionary: Dictionary) -> None:
        self._dictionary, self._count = dictionary, dictionary.address_count
        self._own: list[bytes] = []

    def read(self, operands: Stream) -> bytes:
        """The next address, 20 bytes."""
        reference = operands.varint()
        if reference == 0:
            address = operands.take(ADDRESS_SIZE)
            self._own.append(address)
            return address
        if reference <= self._count:
            return self._dictionary.address(reference - 1)
        index = reference - self._count - 1
        return self._own[index] if index < len(self._own) else _ZERO_ADDRESS


def varint_bytes(value: int) -> bytes:
    """`value` below 2^56."""
    if value < 0x80:
        return bytes((value,))
    if value >= VARINT_LIMIT:
        raise ValueError("a varint is below 2^56")
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def number_bytes(value: int) -> bytes:
    """The shortest form of a number below 2^256."""
    if value == 0:
        return bytes((_ZERO_EXPONENT,))
    exponent, mantissa = 0, value
    while mantissa % 10 == 0 and exponent < 31:
        mantissa //= 10
        exponent += 1
    if mantissa == 1 and exponent < _ZERO_EXPONENT:
        return bytes((exponent,))
    size = (mantissa.bit_length() + 7) // 8
    whole = (value.bit_length() + 7) // 8
    if size > _LONGEST_MANTISSA or size > whole:
        return bytes((_RAW << 5 | whole - 1,)) + value.to_bytes(whole, "big")
    return bytes((size << 5 | exponent,)) + mantissa.to_bytes(size, "big")
