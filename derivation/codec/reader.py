"""What a chunk means (docs/data.md). Total: any 2,032 bytes have one meaning."""

from __future__ import annotations

from derivation.codec.compact import LANE_DYNAMIC_FEE, LANE_LEGACY, LANE_OTHER, CompactReader
from derivation.codec.dictionary import Dictionary
from derivation.codec.items import MAX_ITEMS_PER_CHUNK, SKIP, Item, ItemKind, block_start_item
from derivation.codec.layout import CHUNK_SIZE
from derivation.codec.lz import unpack
from derivation.codec.streams import Addresses, Stream
from derivation.codec.strings import read_string

VERSION = 2
HEAD_SIZE = 4  # version, count, size
MAX_TAGS = 4_096  # bytes of T: it bounds the elements of a chunk, and so what L1 pays to decode it

# Of lane 0, by the kind byte's upper six bits.
OTHER_KINDS = (ItemKind.BLOCK_START, ItemKind.TRANSACTION, ItemKind.FRAGMENT, ItemKind.LAST_FRAGMENT)


def decode_chunk(chunk: bytes, chain_id: int, dictionary: Dictionary) -> tuple[Item, ...]:
    """The items of a chunk of 2,032 bytes (ValueError if it has others: the caller's mistake)."""
    if len(chunk) != CHUNK_SIZE:
        raise ValueError(f"a chunk has {CHUNK_SIZE} bytes, not {len(chunk)}")
    count = chunk[1]
    if chunk[0] != VERSION or count > MAX_ITEMS_PER_CHUNK:
        return ()
    body = unpack(chunk[HEAD_SIZE : HEAD_SIZE + int.from_bytes(chunk[2:4], "big")], dictionary)
    kinds = body[:count].ljust(count, b"\x00")
    rest = Stream(body[count:])
    tags_size = min(rest.varint(), MAX_TAGS)
    tags = Stream(rest.data[rest.at : rest.at + tags_size])
    operands = Stream(rest.data[rest.at + tags_size :])
    addresses = Addresses(dictionary)
    compact = CompactReader(chunk, chain_id)
    items = []
    for kind in kinds:
        lane = kind & 3
        if lane == LANE_LEGACY or lane == LANE_DYNAMIC_FEE:
            raw = compact.read(kind, tags, operands, addresses, dictionary)
            items.append(Item(ItemKind.TRANSACTION, raw))
        elif lane != LANE_OTHER or kind >> 2 >= len(OTHER_KINDS):
            items.append(SKIP)
        elif kind >> 2 == 0:
            delta = tags.varint()
            items.append(block_start_item(delta) if delta else SKIP)
        else:
            payload = read_string(tags, operands, addresses, dictionary)
            items.append(Item(OTHER_KINDS[kind >> 2], payload) if payload else SKIP)
    return tuple(items)
