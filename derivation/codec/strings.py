"""Strings: calldata and raw transactions as elements (docs/data.md, section 6). This is the reading half."""

from __future__ import annotations

from derivation.codec.dictionary import ADDRESS_SIZE, SELECTOR_SIZE, WORD_SIZE, Dictionary
from derivation.codec.streams import Addresses, Stream

MAX_STRING = 16_384  # bytes

# First tags of ranges of 32, then single tags.
SMALL, MULTIPLE, RIGHT, LEFT, BARE, NEGATIVE = 0x00, 0x40, 0x60, 0x80, 0xA0, 0xC0
ADDRESS_WORD, ADDRESS, NUMBER, WORD, SELECTOR, SPELLED_SELECTOR, ALL_ONES, RUN, ZEROS = range(0xE0, 0xE9)
FIRST_MULTIPLE = 0x3E  # tag 0x40 is 2 * 32

_SMALL_WORDS = [value.to_bytes(WORD_SIZE, "big") for value in range(MULTIPLE)]
_MULTIPLES = [(32 * (tag - FIRST_MULTIPLE)).to_bytes(WORD_SIZE, "big") for tag in range(MULTIPLE, RIGHT)]
_FIXED = _SMALL_WORDS + _MULTIPLES  # by tag
_ONES = b"\xff" * WORD_SIZE
_WORD_LIMIT = 1 << 256
_TWELVE_ZEROS = bytes(WORD_SIZE - ADDRESS_SIZE)


def read_string(tags: Stream, operands: Stream, addresses: Addresses, dictionary: Dictionary) -> bytes:
    """The next string: at most 16,384 bytes."""
    length = min(tags.varint(), MAX_STRING)
    parts: list[bytes] = []
    size, end = 0, tags.end
    while size < length and tags.at < end:
        tag = tags.data[tags.at]
        tags.at += 1
        if tag < RIGHT:
            part = _FIXED[tag]
        elif tag < ADDRESS_WORD:
            part = _with_bytes(tag, operands)
        elif tag == ADDRESS_WORD:
            part = _TWELVE_ZEROS + addresses.read(operands)
        elif tag == NUMBER:
            part = (operands.number() % _WORD_LIMIT).to_bytes(WORD_SIZE, "big")
        elif tag == SELECTOR:
            part = dictionary.selector(tags.byte())
        elif tag == SPELLED_SELECTOR:
            part = tags.take(SELECTOR_SIZE)
        elif tag == WORD:
            part = dictionary.word(tags.byte())
        elif tag == ADDRESS:
            part = addresses.read(operands)
        elif tag == ALL_ONES:
            part = _ONES
        elif tag == RUN:
            count = tags.varint()
            part = operands.take(min(count, length - size))
            operands.at += count - len(part)
        elif tag == ZEROS:
            part = bytes(min(tags.varint(), length - size))
        else:
            continue
        parts.append(part)
        size += len(part)
    whole = b"".join(parts)
    return whole if size <= length else whole[:length]


def _with_bytes(tag: int, operands: Stream) -> bytes:
    """The elements of 1 to 32 operand bytes."""
    part = operands.take((tag & 31) + 1)
    if tag < LEFT:
        return part.rjust(WORD_SIZE, b"\x00")
    if tag < BARE:
        return part.ljust(WORD_SIZE, b"\x00")
    if tag < NEGATIVE:
        return part
    return part.rjust(WORD_SIZE, b"\xff")
