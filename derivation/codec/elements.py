"""Bytes to elements: how the encoder says calldata and raw transactions (docs/data.md, section 6). The writing half.

Any split of the bytes into elements means the same; what is here is chosen for few bytes, and for tags that
repeat from call to call, as LZ4 then takes them together.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from derivation.codec.dictionary import ADDRESS_SIZE, SELECTOR_SIZE, WORD_SIZE, Dictionary
from derivation.codec.streams import number_bytes, varint_bytes
from derivation.codec.strings import (
    ADDRESS,
    ADDRESS_WORD,
    ALL_ONES,
    BARE,
    FIRST_MULTIPLE,
    LEFT,
    MULTIPLE,
    NEGATIVE,
    NUMBER,
    RIGHT,
    RUN,
    SELECTOR,
    SPELLED_SELECTOR,
    WORD,
    ZEROS,
)

_ONES = b"\xff" * WORD_SIZE
_LARGEST_MULTIPLE = 32 * (RIGHT - 1 - FIRST_MULTIPLE)
_LEAST_ADDRESS = 17  # bytes: shorter integers are amounts
_MOST_PADDING = 28  # after a nested call of 4 + 32 n bytes
_PACKED_PATHS = {43: 1, 66: 2, 89: 3}  # length of a Uniswap path: token(20), then so many times fee(3), token(20)
_LONGEST_RUN = 32  # as one BARE element


class Element(NamedTuple):
    """`tags` go to T; then `operand` to X, as an address if `is_address`. `size`: bytes that it stands for."""

    tags: bytes
    operand: bytes
    size: int
    is_address: bool = False


_WORDS_BY_TAG = {value: Element(bytes((value,)), b"", WORD_SIZE) for value in range(MULTIPLE)} | {
    32 * (tag - FIRST_MULTIPLE): Element(bytes((tag,)), b"", WORD_SIZE) for tag in range(MULTIPLE, RIGHT)
}


def elements_of_data(data: bytes, dictionary: Dictionary) -> Iterator[Element]:
    """Calldata: a selector and words, with nested calls and packed paths where they can be recognised."""
    at, size = 0, len(data)
    if size % WORD_SIZE != 0 and size >= SELECTOR_SIZE:
        yield _selector(data[:SELECTOR_SIZE], dictionary)
        at = SELECTOR_SIZE
    previous = 0  # the word before, if it is a small integer: perhaps the length of what follows
    while size - at >= WORD_SIZE:
        if previous in _PACKED_PATHS and size - at >= previous:
            path = list(_path(data, at, _PACKED_PATHS[previous]))
            at += previous
            yield from path
            padding = min(-previous % WORD_SIZE, size - at)
            if padding and not any(data[at : at + padding]):
                yield Element(bytes((ZEROS,)) + varint_bytes(padding), b"", padding)
                at += padding
            previous = 0
            continue
        if previous % WORD_SIZE == SELECTOR_SIZE and _is_call(data, at, previous, dictionary):
            yield _selector(data[at : at + SELECTOR_SIZE], dictionary)
            stop = at + previous
            for start in range(at + SELECTOR_SIZE, stop, WORD_SIZE):
                yield _word(data[start : start + WORD_SIZE], dictionary)
            yield Element(bytes((ZEROS, _MOST_PADDING)), b"", _MOST_PADDING)
            at, previous = stop + _MOST_PADDING, 0
            continue
        word = data[at : at + WORD_SIZE]
        yield _word(word, dictionary)
        previous = int.from_bytes(word, "big")
        at += WORD_SIZE
    if at < size:
        yield from elements_of_bytes(data[at:])


def elements_of_bytes(data: bytes) -> Iterator[Element]:
    """Bytes of which nothing is known."""
    if 0 < len(data) <= _LONGEST_RUN:
        yield Element(bytes((BARE + len(data) - 1,)), data, len(data))
    elif data:
        yield Element(bytes((RUN,)) + varint_bytes(len(data)), data, len(data))


def address_element(address: bytes) -> Element:
    """20 bytes as they are."""
    return Element(bytes((ADDRESS,)), address, ADDRESS_SIZE, is_address=True)


def cut(element: Element, size: int) -> tuple[Element, Element] | None:
    """Its first `size` bytes and the others, if it is made of bare bytes."""
    if not 0 < size < element.size or not (BARE <= element.tags[0] < NEGATIVE or element.tags[0] == RUN):
        return None
    first, second = elements_of_bytes(element.operand[:size]), elements_of_bytes(element.operand[size:])
    return next(first), next(second)


def _selector(selector: bytes, dictionary: Dictionary) -> Element:
    index = dictionary.selector_index.get(selector)
    if index is None:
        return Element(bytes((SPELLED_SELECTOR,)) + selector, b"", SELECTOR_SIZE)
    return Element(bytes((SELECTOR, index)), b"", SELECTOR_SIZE)


def _is_call(data: bytes, at: int, size: int, dictionary: Dictionary) -> bool:
    """Whether the `size` bytes (4 more than whole words) from `at`, with their padding, look like a call."""
    stop = at + size
    if stop + _MOST_PADDING > len(data) or any(data[stop : stop + _MOST_PADDING]):
        return False
    return data[at : at + SELECTOR_SIZE] in dictionary.selector_index or size == SELECTOR_SIZE or (
        any(data[at : at + SELECTOR_SIZE]) and not any(data[at + SELECTOR_SIZE : at + SELECTOR_SIZE + 8])
    )


def _path(data: bytes, at: int, hops: int) -> Iterator[Element]:
    yield address_element(data[at : at + ADDRESS_SIZE])
    for _ in range(hops):
        at += ADDRESS_SIZE
        yield Element(bytes((BARE + 2,)), data[at : at + 3], 3)
        at += 3
        yield address_element(data[at : at + ADDRESS_SIZE])


def _word(word: bytes, dictionary: Dictionary) -> Element:
    value = int.from_bytes(word, "big")
    if value <= _LARGEST_MULTIPLE and (fixed := _WORDS_BY_TAG.get(value)) is not None:
        return fixed
    if (index := dictionary.word_index.get(word)) is not None:
        return Element(bytes((WORD, index)), b"", WORD_SIZE)
    size = (value.bit_length() + 7) // 8
    if _LEAST_ADDRESS <= size <= ADDRESS_SIZE or (
        size < _LEAST_ADDRESS and size > 8 and word[-ADDRESS_SIZE:] in dictionary.address_index
    ):
        return Element(bytes((ADDRESS_WORD,)), word[-ADDRESS_SIZE:], WORD_SIZE, is_address=True)
    if size < _LEAST_ADDRESS:
        number = number_bytes(value)
        if size > 4 or len(number) < size:
            return Element(bytes((NUMBER,)), number, WORD_SIZE)
        return Element(bytes((RIGHT + size - 1,)), word[-size:], WORD_SIZE)
    if word == _ONES:
        return Element(bytes((ALL_ONES,)), b"", WORD_SIZE)
    left = word.rstrip(b"\x00")
    negative = word.lstrip(b"\xff")
    if word[0] == 0xFF and len(negative) < min(size, len(left)):
        return Element(bytes((NEGATIVE + len(negative) - 1,)), negative, WORD_SIZE)
    if len(left) < size:
        return Element(bytes((LEFT + len(left) - 1,)), left, WORD_SIZE)
    return Element(bytes((RIGHT + size - 1,)), word[-size:], WORD_SIZE)
