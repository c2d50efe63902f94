"""Packs blocks into chunks, in order: the incremental half of the codec.

What no longer fits into a chunk goes on in the next one: where enough room is left to be worth a step, a transaction is
cut in two, else the next chunk takes it whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

from derivation.codec.dictionary import EMPTY_DICTIONARY, Dictionary
from derivation.codec.draft import Delta, Draft, Entry, Text
from derivation.codec.elements import Element, cut, elements_of_bytes
from derivation.codec.fields import fields_of, raw_elements
from derivation.codec.items import MAX_TRANSACTION_SIZE, Item, ItemKind
from derivation.codec.layout import MAX_CHUNKS
from derivation.codec.streams import VARINT_LIMIT
from derivation.codec.strings import MAX_STRING

_WORTH_CUTTING = 40  # bytes: about what a cut transaction takes more than one that isn't


class ChunkWriter:
    """Adding never fails for want of room: it takes as many chunks as it needs. The same additions make the same chunks.

    `last`: the number of chunks from which on each is packed exactly, so that `likely_count` can't be too small there.
    """

    def __init__(self, chain_id: int, dictionary: Dictionary = EMPTY_DICTIONARY, *, last: int = MAX_CHUNKS) -> None:
        self._chain_id, self._dictionary, self._last = chain_id, dictionary, last
        self._closed: list[bytes] = []
        self._draft = Draft(dictionary)

    @property
    def likely_count(self) -> int:
        """Chunks that `chunks()` would give; below `last` it may be one more."""
        return len(self._closed) + bool(self._draft.entries)

    @property
    def chunk_count(self) -> int:
        """Chunks that `chunks()` would give."""
        return self.likely_count if self._draft.room >= 0 else len(self.chunks())

    def chunks(self) -> list[bytes]:
        """All chunks, 2,032 bytes each. More can be added afterwards."""
        if not self._draft.entries:
            return list(self._closed)
        ended = self.copy()
        ended._close()
        return ended._closed

    def copy(self) -> Self:
        """An independent writer with the same content, to try additions on."""
        other = type(self)(self._chain_id, self._dictionary, last=self._last)
        other._closed, other._draft = list(self._closed), self._draft
        return other

    def block_start(self, delta: int) -> None:
        """`delta` in seconds, 1 to 2^56 - 1 (ValueError)."""
        if not 0 < delta < VARINT_LIMIT:
            raise ValueError(f"a block starts 1 to {VARINT_LIMIT - 1} seconds after the one before it, not {delta}")
        self._put(Delta(delta))

    def transaction(self, raw: bytes) -> None:
        """ValueError if `raw` is empty or over MAX_TRANSACTION_SIZE (65,536 bytes)."""
        if not 0 < len(raw) <= MAX_TRANSACTION_SIZE:
            raise ValueError(f"a transaction has 1 to {MAX_TRANSACTION_SIZE} bytes, not {len(raw)}")
        entry = self._entry(raw)
        if entry is not None and self._takes(entry):
            return
        if self._draft.entries and self._draft.room < _WORTH_CUTTING:
            self._close()
            if entry is not None and self._takes(entry):
                return
        self._cut(list(raw_elements(raw, self._chain_id, self._dictionary)))

    def _entry(self, raw: bytes) -> Entry | None:
        """None if it is too large to be one item."""
        fields = fields_of(raw, self._chain_id)
        if fields is not None:
            return fields
        if len(raw) > MAX_STRING:
            return None
        return Text(ItemKind.TRANSACTION, tuple(raw_elements(raw, self._chain_id, self._dictionary)))

    def _takes(self, entry: Entry, *, exact: bool = False) -> bool:
        """Puts it into the chunk being written, if it fits."""
        draft = self._draft.with_entry(entry, exact=exact or len(self._closed) + 1 >= self._last)
        if draft is not None:
            self._draft = draft
        return draft is not None

    def _put(self, entry: Entry, *, exact: bool = False) -> None:
        """Into this chunk or the next."""
        if not self._takes(entry, exact=exact):
            self._close()
            if not self._takes(entry, exact=exact):
                raise AssertionError("an entry that no chunk takes")

    def _close(self) -> None:
        chunk, entries = self._draft.chunk(), self._draft.entries
        self._draft = Draft(self._dictionary)
        if chunk is not None:
            self._closed.append(chunk)
            return
        # Only made-up data gets here: there seemed to be room when it came, and then it packed worse.
        for entry in entries:
            self._put(entry, exact=True)
        if self._draft.entries:
            self._close()

    def _cut(self, elements: list[Element]) -> None:
        """Fragments and a last one; each but the first begins a chunk."""
        started = False
        while True:
            size = sum(element.size for element in elements)
            if started and size <= MAX_STRING and self._takes(Text(ItemKind.LAST_FRAGMENT, tuple(elements))):
                return
            part, rest = self._most(elements, size)
            if part:
                self._put(Text(ItemKind.FRAGMENT, tuple(part)))
                elements, started = rest, True
            elif not self._draft.entries:
                raise AssertionError("an empty chunk takes some of any transaction")
            self._close()

    def _most(self, elements: list[Element], size: int) -> tuple[list[Element], list[Element]]:
        """As much of the beginning as fits into the chunk, never all of its `size` bytes; and the rest."""
        fits, too_much = 0, min(size, MAX_STRING + 1)
        while too_much - fits > max(1, fits // 64):
            middle = (fits + too_much) // 2
            text = Text(ItemKind.FRAGMENT, tuple(_first(elements, middle)[0]))
            if self._draft.with_entry(text) is not None:
                fits = middle
            else:
                too_much = middle
        return _first(elements, fits)


def _first(elements: list[Element], size: int) -> tuple[list[Element], list[Element]]:
    """Elements of at most `size` bytes, and the rest; bare bytes are cut, other elements aren't."""
    at = 0
    for index, element in enumerate(elements):
        if at + element.size > size:
            pieces = cut(element, size - at)
            if pieces is None:
                return elements[:index], elements[index:]
            return [*elements[:index], pieces[0]], [pieces[1], *elements[index + 1 :]]
        at += element.size
    return elements, []


def encode_chunk(items: Sequence[Item], dictionary: Dictionary = EMPTY_DICTIONARY) -> bytes:
    """One chunk (2,032 bytes) with just these items, transactions as strings. ValueError if they don't fit."""
    draft: Draft | None = Draft(dictionary)
    for item in items:
        if item.kind == ItemKind.SKIP:
            raise ValueError("no encoder makes Skips")
        is_start = item.kind == ItemKind.BLOCK_START
        entry = Delta(item.delta) if is_start else Text(item.kind, tuple(elements_of_bytes(item.payload)))
        draft = draft and draft.with_entry(entry, exact=True)
    chunk = draft and draft.chunk()
    if chunk is None:
        raise ValueError(f"these {len(items)} items do not make a chunk")
    return chunk


def encode(entries: Sequence[Item], chain_id: int, dictionary: Dictionary = EMPTY_DICTIONARY) -> list[bytes]:
    """Chunks (2,032 bytes each) that carry these BLOCK_STARTs and TRANSACTIONs (of up to 65,536 bytes here).

    ValueError for anything else."""
    writer = ChunkWriter(chain_id, dictionary)
    for item in entries:
        match item.kind:
            case ItemKind.BLOCK_START:
                writer.block_start(item.delta)
            case ItemKind.TRANSACTION:
                writer.transaction(item.payload)
            case _:
                raise ValueError("the encoder makes the fragments itself")
    return writer.chunks()
