"""Codec version 1: what a chunk of blob data says (docs/protocol.md, section 3).

    chunk  = version(0x01) item* padding          version 0x00: an empty chunk
    item   = kind(1) length(2, big-endian) payload(length)

A chunk lies in 64 field elements of a blob, 31 bytes in each. The decoder is total: whatever isn't a
chunk has no items. The rest of the project knows the codec by `Item`, `decode_chunk` and `ChunkWriter` only.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from itertools import pairwise

ELEMENTS_PER_CHUNK = 64
ELEMENT_BYTES = 32
PAYLOAD_PER_ELEMENT = 31
CHUNK_ELEMENTS_SIZE = ELEMENTS_PER_CHUNK * ELEMENT_BYTES  # 2048: a chunk as it lies in the blob
CHUNK_SIZE = ELEMENTS_PER_CHUNK * PAYLOAD_PER_ELEMENT  # 1984: the bytes it carries
CHUNKS_PER_BLOB = 64
BLOB_SIZE = CHUNKS_PER_BLOB * CHUNK_ELEMENTS_SIZE  # 131072
MAX_BLOBS = 6
MAX_CHUNKS = CHUNKS_PER_BLOB * MAX_BLOBS

MAX_ITEMS_PER_CHUNK = 32
MAX_TRANSACTION_SIZE = 131072

VERSION_EMPTY = 0x00
VERSION_1 = 0x01
ITEM_HEADER_SIZE = 3
MAX_PAYLOAD = CHUNK_SIZE - 1 - ITEM_HEADER_SIZE  # 1980: what an otherwise empty chunk can carry in one item
_MIN_FRAGMENT = 64  # a shorter first piece isn't worth its step: the transaction starts in the next chunk


class ItemKind(IntEnum):
    """The kind byte of an item."""

    BLOCK_START = 1
    TRANSACTION = 2
    FRAGMENT = 3
    LAST_FRAGMENT = 4


@dataclass(frozen=True, slots=True)
class Item:
    """One item of a chunk. `payload` is 1 to 1980 bytes; for BLOCK_START exactly 2, the delta, not 0."""

    kind: ItemKind
    payload: bytes

    @property
    def delta(self) -> int:
        """Of a BLOCK_START: seconds after the open block, 1 to 65535."""
        return int.from_bytes(self.payload, "big")


def block_start_item(delta: int) -> Item:
    """`delta` in seconds; ValueError unless 1 to 65535."""
    if not 0 < delta < 1 << 16:
        raise ValueError(f"a block can start 1 to 65535 seconds after the one before it, not {delta}")
    return Item(ItemKind.BLOCK_START, delta.to_bytes(2, "big"))


def decode_chunk(elements: bytes) -> tuple[Item, ...]:
    """The items of one chunk, given as its 64 field elements (2048 bytes). Malformed: no items.

    ValueError only if `elements` isn't 2048 bytes long: that is the caller's mistake, not the data's.
    """
    if len(elements) != CHUNK_ELEMENTS_SIZE:
        raise ValueError(f"a chunk is {CHUNK_ELEMENTS_SIZE} bytes of field elements, not {len(elements)}")
    if any(elements[::ELEMENT_BYTES]):  # some element is at or above 2**248
        return ()
    data = b"".join(elements[i + 1 : i + ELEMENT_BYTES] for i in range(0, CHUNK_ELEMENTS_SIZE, ELEMENT_BYTES))
    return _decode_items(data)


def _decode_items(data: bytes) -> tuple[Item, ...]:
    if data[0] != VERSION_1:
        return ()
    items: list[Item] = []
    at, end = 1, len(data)
    while at < end and data[at] != 0:
        kind, start = data[at], at + ITEM_HEADER_SIZE
        if kind > ItemKind.LAST_FRAGMENT or start > end or len(items) == MAX_ITEMS_PER_CHUNK:
            return ()
        at = start + int.from_bytes(data[at + 1 : start], "big")
        if at == start or at > end:
            return ()
        item = Item(ItemKind(kind), data[start:at])
        if kind == ItemKind.BLOCK_START and (len(item.payload) != 2 or item.delta == 0):
            return ()
        items.append(item)
    return tuple(items)


def encode_chunk(items: Sequence[Item]) -> bytes:
    """One chunk, as 2048 bytes of field elements. ValueError if the items don't fit or one is ill-formed."""
    data = bytearray([VERSION_1])
    for item in items:
        data += item.kind.to_bytes(1, "big") + len(item.payload).to_bytes(2, "big") + item.payload
    data += bytes(max(0, CHUNK_SIZE - len(data)))
    if len(data) > CHUNK_SIZE or _decode_items(bytes(data)) != tuple(items):
        raise ValueError(f"these {len(items)} items do not make a chunk")
    return to_elements(bytes(data))


def to_elements(data: bytes) -> bytes:
    """1984 bytes as 64 field elements."""
    return b"".join(
        b"\x00" + data[i : i + PAYLOAD_PER_ELEMENT] for i in range(0, len(data), PAYLOAD_PER_ELEMENT)
    )


class ChunkWriter:
    """Packs items greedily, in order: the incremental half of the codec.

    A transaction that fits an empty chunk but not the rest of the current one starts a new chunk; a larger one
    is cut into Fragments and a LastFragment, from where the current chunk ends.
    """

    def __init__(self) -> None:
        self._closed: list[tuple[Item, ...]] = []
        self._items: list[Item] = []
        self._used = 1  # bytes of the current chunk, its version included

    @property
    def chunk_count(self) -> int:
        """Chunks that `chunks()` would give."""
        return len(self._closed) + bool(self._items)

    def chunks(self) -> list[bytes]:
        """All chunks so far, 2048 bytes each. More can be added afterwards."""
        open_chunk = [tuple(self._items)] if self._items else []
        return [encode_chunk(items) for items in self._closed + open_chunk]

    def copy(self) -> ChunkWriter:
        """An independent writer with the same content, to try additions on."""
        other = ChunkWriter()
        other._closed, other._items, other._used = list(self._closed), list(self._items), self._used
        return other

    def block_start(self, delta: int) -> None:
        self._put(block_start_item(delta))

    def transaction(self, raw: bytes) -> None:
        """ValueError if `raw` is empty or over MAX_TRANSACTION_SIZE (131072 bytes)."""
        for kind, piece in self._pieces(raw):
            self._put(Item(kind, piece))

    def _pieces(self, raw: bytes) -> list[tuple[ItemKind, bytes]]:
        """The items that carry `raw`; each after the first begins a chunk."""
        if not 0 < len(raw) <= MAX_TRANSACTION_SIZE:
            raise ValueError(f"a transaction has 1 to {MAX_TRANSACTION_SIZE} bytes, not {len(raw)}")
        if len(raw) <= MAX_PAYLOAD:
            return [(ItemKind.TRANSACTION, raw)]
        room = CHUNK_SIZE - self._used - ITEM_HEADER_SIZE
        first = room if self._fits(_MIN_FRAGMENT) else MAX_PAYLOAD
        cuts = [0, *range(first, len(raw), MAX_PAYLOAD), len(raw)]
        pieces = [(ItemKind.FRAGMENT, raw[a:b]) for a, b in pairwise(cuts)]
        return [*pieces[:-1], (ItemKind.LAST_FRAGMENT, pieces[-1][1])]

    def _fits(self, payload_size: int) -> bool:
        return (
            self._used + ITEM_HEADER_SIZE + payload_size <= CHUNK_SIZE and len(self._items) < MAX_ITEMS_PER_CHUNK
        )

    def _put(self, item: Item) -> None:
        if not self._fits(len(item.payload)):
            self._closed.append(tuple(self._items))
            self._items, self._used = [], 1
        self._items.append(item)
        self._used += ITEM_HEADER_SIZE + len(item.payload)


def encode(entries: Iterable[Item]) -> list[bytes]:
    """Chunks (2048 bytes each) that carry BLOCK_START and TRANSACTION items, whose payload may be a
    transaction of up to 131072 bytes here. ValueError for anything else."""
    writer = ChunkWriter()
    for item in entries:
        match item.kind:
            case ItemKind.BLOCK_START:
                writer.block_start(item.delta)
            case ItemKind.TRANSACTION:
                writer.transaction(item.payload)
            case _:
                raise ValueError("the encoder makes the fragments itself")
    return writer.chunks()


def chunks_to_blobs(chunks: Sequence[bytes]) -> list[bytes]:
    """Blobs of 131072 bytes that hold these chunks in order; the last one is padded with empty chunks."""
    if len(chunks) > MAX_CHUNKS:
        raise ValueError(f"a batch has at most {MAX_CHUNKS} chunks, not {len(chunks)}")
    data = b"".join(chunks)
    return [data[i : i + BLOB_SIZE].ljust(BLOB_SIZE, b"\x00") for i in range(0, len(data), BLOB_SIZE)]


def blob_chunks(blobs: Sequence[bytes], chunk_count: int) -> Iterator[bytes]:
    """The first `chunk_count` chunks (2048 bytes each) of these blobs."""
    for chunk in range(chunk_count):
        yield chunk_of(blobs, chunk)


def chunk_of(blobs: Sequence[bytes], chunk: int) -> bytes:
    """Chunk number `chunk` (from 0) of a batch's blobs: its 64 field elements. IndexError if there is none."""
    start = chunk % CHUNKS_PER_BLOB * CHUNK_ELEMENTS_SIZE
    return blobs[chunk // CHUNKS_PER_BLOB][start : start + CHUNK_ELEMENTS_SIZE]
