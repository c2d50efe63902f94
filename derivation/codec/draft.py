"""A chunk that is being written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Self, TypeAlias

from derivation.codec.compact import (
    FEES_EARLIER,
    FEES_NEW,
    FEES_SAME,
    FEES_SAME_TIP,
    FEES_SHIFT,
    HAS_DATA,
    HAS_GAS_LIMIT,
    HAS_VALUE,
    MAX_SIGNATURES,
    NEXT_NONCE,
    SIGNATURE_SIZE,
    TRANSFER_GAS,
)
from derivation.codec.dictionary import ADDRESS_SIZE, WORD_SIZE, Dictionary
from derivation.codec.elements import Element, elements_of_data
from derivation.codec.fields import Fields
from derivation.codec.items import MAX_ITEMS_PER_CHUNK, ItemKind
from derivation.codec.layout import CHUNK_SIZE
from derivation.codec.lz import MAX_BODY, pack
from derivation.codec.reader import HEAD_SIZE, MAX_TAGS, OTHER_KINDS, VERSION
from derivation.codec.streams import number_bytes, varint_bytes
from derivation.codec.strings import BARE, RIGHT

ROOM = CHUNK_SIZE - HEAD_SIZE  # bytes for what is packed, and signatures
_RUN, _RUN_REACH = 3, 3  # so many unknown addresses among so many elements before and after one
_MARGIN = 16  # bytes: LZ4 may do a little worse when the streams grow


@dataclass(frozen=True, slots=True)
class Delta:
    """A BLOCK_START: seconds after the block before it, 1 to 2^56 - 1."""

    seconds: int


@dataclass(frozen=True, slots=True)
class Text:
    """A TRANSACTION, FRAGMENT or LAST_FRAGMENT that is a string."""

    kind: ItemKind
    elements: tuple[Element, ...]


Entry: TypeAlias = Delta | Text | Fields


class Draft:
    """The entries so far, and the streams that they make. Never changed: what it becomes depends on nothing but its entries."""

    def __init__(self, dictionary: Dictionary) -> None:
        self._dictionary = dictionary
        self.entries: list[Entry] = []
        self._kinds = bytearray()
        self._tags = bytearray()
        self._operands = bytearray()
        self._signatures: list[bytes] = []
        self._own: dict[bytes, int] = {}
        self._next_nonce = 0
        self._fees: list[tuple[int, int]] = []
        self._packed_size = 0  # as of `_measured` bytes of body
        self._measured = 0
        self._packed: bytes | None = None

    def copy(self) -> Self:
        other = type(self)(self._dictionary)
        other.entries, other._signatures, other._fees = self.entries[:], self._signatures[:], self._fees[:]
        other._kinds, other._tags, other._operands = self._kinds[:], self._tags[:], self._operands[:]
        other._own, other._next_nonce = self._own.copy(), self._next_nonce
        other._packed_size, other._measured = self._packed_size, self._measured
        return other

    def with_entry(self, entry: Entry, *, exact: bool = False) -> Self | None:
        """One entry more, in a new draft; None if that is too much for a chunk.

        Unless `exact`, packing is put off while there seems to be room enough: `chunk` can still find that there isn't.
        """
        other = self.copy()
        other._add(entry)
        if len(other.entries) > MAX_ITEMS_PER_CHUNK or len(other._signatures) > MAX_SIGNATURES:
            return None
        if len(other._tags) > MAX_TAGS:
            return None
        if other._body_size <= MAX_BODY and other._likely_room >= _MARGIN and not exact:
            return other
        other._packed_size, other._measured = len(other._pack()), other._body_size
        return other if other.room >= 0 else None

    @property
    def room(self) -> int:
        """Bytes left; negative: it is too much."""
        if len(body := self._body()) > MAX_BODY:
            return MAX_BODY - len(body)
        return ROOM - SIGNATURE_SIZE * len(self._signatures) - len(self._pack())

    @property
    def _likely_room(self) -> int:
        """The same without packing: about, and rather too little."""
        grown = self._body_size - self._measured
        return ROOM - SIGNATURE_SIZE * len(self._signatures) - self._packed_size - grown - grown // 128

    def _pack(self) -> bytes:
        if self._packed is None:
            self._packed = pack(self._body(), self._dictionary)
        return self._packed

    def chunk(self) -> bytes | None:
        """2,032 bytes; None if it is too much after all."""
        if self.room < 0:
            return None
        packed = self._pack()
        head = bytes((VERSION, len(self.entries))) + len(packed).to_bytes(2, "big")
        signatures = b"".join(reversed(self._signatures))
        return (head + packed).ljust(CHUNK_SIZE - len(signatures), b"\x00") + signatures

    @property
    def _body_size(self) -> int:
        return len(self._kinds) + 2 + len(self._tags) + len(self._operands)

    def _body(self) -> bytes:
        return b"".join((self._kinds, varint_bytes(len(self._tags)), self._tags, self._operands))

    # --- additions -------------------------------------------------------------------------------------------

    def _add(self, entry: Entry) -> None:
        self.entries.append(entry)
        match entry:
            case Delta(seconds):
                self._kinds.append(_other(ItemKind.BLOCK_START))
                self._tags += varint_bytes(seconds)
            case Text(kind, elements):
                self._kinds.append(_other(kind))
                self._string(elements)
            case Fields():
                self._compact(entry)

    def _compact(self, fields: Fields) -> None:
        operands = self._operands
        kind = fields.lane
        if fields.nonce == self._next_nonce:
            kind |= NEXT_NONCE
        else:
            operands += varint_bytes(fields.nonce)
        self._next_nonce = fields.nonce + 1
        kind |= self._write_fees(fields) << FEES_SHIFT
        if fields.gas_limit != TRANSFER_GAS:
            kind |= HAS_GAS_LIMIT
            operands += number_bytes(fields.gas_limit)
        self._address(fields.to)
        if fields.value:
            kind |= HAS_VALUE
            operands += number_bytes(fields.value)
        if fields.data:
            kind |= HAS_DATA
            self._string(elements_of_data(fields.data, self._dictionary))
        self._kinds.append(kind)
        self._signatures.append(fields.signature)

    def _write_fees(self, fields: Fields) -> int:
        """The mode; operands are written."""
        known = self._fees
        last_tip, last_cap = known[-1] if known else (0, 0)
        tip, cap = last_tip if fields.tip is None else fields.tip, fields.cap
        pair = (tip, cap)
        known.append(pair)
        if pair == (last_tip, last_cap):
            return FEES_SAME
        same_tip = tip == last_tip
        for back, other in enumerate(reversed(known[:-1])):
            if other[1] == cap and (other[0] == tip or fields.tip is None):
                known[-1] = other
                self._operands.append(back)
                return FEES_EARLIER
        if not same_tip:
            self._operands += number_bytes(tip)
        self._operands += number_bytes(cap)
        return FEES_SAME_TIP if same_tip else FEES_NEW

    def _string(self, elements: Iterable[Element]) -> None:
        elements = list(elements)
        self._tags += varint_bytes(sum(element.size for element in elements))
        plain = self._in_runs(elements)
        for place, element in enumerate(elements):
            if place in plain:
                self._tags.append((RIGHT if element.size == WORD_SIZE else BARE) + ADDRESS_SIZE - 1)
                self._operands += element.operand
                continue
            self._tags += element.tags
            if element.is_address:
                self._address(element.operand)
            else:
                self._operands += element.operand

    def _in_runs(self, elements: Sequence[Element]) -> set[int]:
        """Places of unknown addresses that come once each and several together, as in an airdrop: nobody will name them
        again, so they are spelled without a byte that puts them on the chunk's list."""
        times = Counter(element.operand for element in elements if element.is_address)
        fresh = [
            place
            for place, element in enumerate(elements)
            if element.is_address and times[element.operand] == 1
            and element.operand not in self._own and element.operand not in self._dictionary.address_index
        ]  # fmt: skip
        return {
            place for at, place in enumerate(fresh)
            if sum(abs(other - place) <= _RUN_REACH for other in fresh[max(0, at - _RUN_REACH) : at + _RUN_REACH + 1]) >= _RUN
        }  # fmt: skip

    def _address(self, address: bytes) -> None:
        index = self._dictionary.address_index.get(address)
        if index is not None:
            self._operands += varint_bytes(index + 1)
        elif (own := self._own.get(address)) is not None:
            self._operands += varint_bytes(self._dictionary.address_count + 1 + own)
        else:
            self._own[address] = len(self._own)
            self._operands += b"\x00" + address


def _other(kind: ItemKind) -> int:
    """The kind byte in lane 0."""
    return OTHER_KINDS.index(kind) << 2
