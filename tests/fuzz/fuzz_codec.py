"""Chunks of any bytes: decoding never fails, stays within its bounds, and what is decoded can be written and read again.

The first byte of an input says which dictionary, and what the rest is: a chunk, or the body of one.
"""

from __future__ import annotations

from itertools import islice

from derivation.codec import (
    CHUNK_SIZE,
    MAX_ITEMS_PER_CHUNK,
    ChunkWriter,
    Dictionary,
    Item,
    ItemKind,
    decode_chunk,
)
from derivation.codec.lz import pack, unpack
from tests.fuzz.codec_cases import CHAIN_ID, DICTIONARIES, Cases
from tests.vectors.make_codec import literals

LARGEST_PAYLOAD = 16_384 + 400  # a compact transaction's other fields have less
_DICTIONARIES = [Dictionary(pages) for pages in DICTIONARIES]


def seeds() -> list[bytes]:
    cases = Cases(9)
    chunks = [cases.written() for _ in range(40)] + [maker() for maker in (cases.made_up, cases.sequences) for _ in range(20)]
    whole = [bytes([number]) + chunk[1:] for number, chunk in chunks]
    bodies = [
        bytes([0x80 | number, chunk[1]]) + unpack(chunk[4 : 4 + int.from_bytes(chunk[2:4], "big")], _DICTIONARIES[number])
        for number, chunk in islice(chunks, 30)
    ]
    return whole + bodies


def chunk_of(data: bytes, dictionary: Dictionary) -> bytes:
    """From a count and a body, or whatever comes after the version."""
    if data[0] & 0x80:
        packed = pack(data[2:], dictionary) if data[0] & 0x40 else literals(data[2:])
        data = data[:2] + len(packed).to_bytes(4, "big")[2:] + packed
    return (b"\x02" + data[1:CHUNK_SIZE]).ljust(CHUNK_SIZE, b"\x5a")


def one(data: bytes) -> None:
    if len(data) < 2:
        return
    dictionary = _DICTIONARIES[(data[0] & 0x3F) % len(_DICTIONARIES)]
    items = decode_chunk(chunk_of(data, dictionary), CHAIN_ID, dictionary)
    assert len(items) <= MAX_ITEMS_PER_CHUNK
    for item in items:
        assert (item.kind is ItemKind.SKIP) == (not item.payload)
        assert len(item.payload) <= LARGEST_PAYLOAD
    said = [item for item in items if item.kind in (ItemKind.BLOCK_START, ItemKind.TRANSACTION)]
    assert again(said, dictionary) == said


def again(items: list[Item], dictionary: Dictionary) -> list[Item]:
    """The same, through chunks that the writer makes."""
    writer = ChunkWriter(CHAIN_ID, dictionary)
    for item in items:
        if item.kind is ItemKind.BLOCK_START:
            writer.block_start(item.delta)
        else:
            writer.transaction(item.payload)
    found, pending = list[Item](), b""
    for chunk in writer.chunks():
        for item in decode_chunk(chunk, CHAIN_ID, dictionary):
            if item.kind is ItemKind.FRAGMENT:
                pending += item.payload
            elif item.kind is ItemKind.LAST_FRAGMENT:
                found.append(Item(ItemKind.TRANSACTION, pending + item.payload))
                pending = b""
            else:
                assert not pending, "fragments are together"
                found.append(item)
    assert not pending
    return found
