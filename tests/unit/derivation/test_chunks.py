"""Codec version 1: total decoder, faithful encoder, the vectors it shares with Solidity."""

from __future__ import annotations

import json
import runpy
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from derivation.chunks import (
    BLOB_SIZE,
    CHUNK_ELEMENTS_SIZE,
    CHUNK_SIZE,
    MAX_ITEMS_PER_CHUNK,
    MAX_TRANSACTION_SIZE,
    ChunkWriter,
    Item,
    ItemKind,
    blob_chunks,
    block_start_item,
    chunks_to_blobs,
    decode_chunk,
    encode,
    encode_chunk,
    to_elements,
)

VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "chunks.json").read_text())

sizes = st.one_of(st.integers(1, 150), st.integers(1900, 2100), st.integers(1, 9000))
transactions = st.builds(lambda size, byte: bytes([byte]) * size, sizes, st.integers(0, 255)).map(
    lambda raw: Item(ItemKind.TRANSACTION, raw)
)
entries = st.lists(st.one_of(transactions, st.integers(1, 65535).map(block_start_item)), max_size=80)


def joined(chunks: list[bytes]) -> list[Item]:
    """Items of the chunks, with fragments put together again."""
    found: list[Item] = []
    pending = b""
    for item in (item for chunk in chunks for item in decode_chunk(chunk)):
        if item.kind == ItemKind.FRAGMENT:
            pending += item.payload
        elif item.kind == ItemKind.LAST_FRAGMENT:
            found.append(Item(ItemKind.TRANSACTION, pending + item.payload))
            pending = b""
        else:
            assert not pending
            found.append(item)
    return found


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_shared_vector(vector: dict) -> None:
    items = decode_chunk(bytes.fromhex(vector["chunk"][2:]))
    assert [(int(item.kind), "0x" + item.payload.hex()) for item in items] == [
        (item["kind"], item["payload"]) for item in vector["items"]
    ]


def test_committed_vectors_are_what_the_generator_writes() -> None:
    cases = runpy.run_path(str(Path(__file__).parents[2] / "vectors" / "make_chunks.py"))["cases"]
    assert {vector["name"]: vector["chunk"] for vector in VECTORS} == {
        name: "0x" + elements.hex() for name, (elements, _) in cases().items()
    }


@given(st.binary(min_size=CHUNK_SIZE, max_size=CHUNK_SIZE), st.binary(max_size=40))
def test_decoder_is_total(noise: bytes, start: bytes) -> None:
    data = b"\x01" + start + noise
    assert len(decode_chunk(to_elements(data[:CHUNK_SIZE]))) <= MAX_ITEMS_PER_CHUNK


@given(entries, st.lists(st.tuples(st.integers(0, CHUNK_ELEMENTS_SIZE - 1), st.integers(1, 255)), max_size=4))
def test_mutated_chunks_decode_to_something_that_encodes_to_the_same_items(entries, mutations) -> None:
    for chunk in encode(entries)[:2]:
        mutated = bytearray(chunk)
        for position, change in mutations:
            mutated[position] ^= change
        items = decode_chunk(bytes(mutated))
        assert decode_chunk(encode_chunk(items)) == items
        if any(mutated[::32]):
            assert items == ()


@given(entries)
def test_encoded_entries_decode_to_themselves(entries: list[Item]) -> None:
    chunks = encode(entries)
    assert joined(chunks) == entries
    assert all(len(chunk) == CHUNK_ELEMENTS_SIZE and decode_chunk(chunk) for chunk in chunks)


@given(entries)
def test_writer_counts_what_it_writes(entries: list[Item]) -> None:
    writer = ChunkWriter()
    for item in entries:
        before, untouched = writer.copy(), writer.chunks()
        if item.kind == ItemKind.BLOCK_START:
            writer.block_start(item.delta)
        else:
            writer.transaction(item.payload)
        assert before.chunks() == untouched
        assert before.chunk_count <= writer.chunk_count == len(writer.chunks())


def test_small_transactions_are_packed_greedily() -> None:
    chunks = encode([Item(ItemKind.TRANSACTION, b"\x02" * 110)] * 100)
    assert [len(decode_chunk(chunk)) for chunk in chunks] == [17, 17, 17, 17, 17, 15]


def test_what_fits_an_empty_chunk_is_never_cut() -> None:
    small, large = Item(ItemKind.TRANSACTION, b"\x02" * 500), Item(ItemKind.TRANSACTION, b"\x02" * 1980)
    assert [decode_chunk(chunk) for chunk in encode([small, large])] == [(small,), (large,)]


def test_larger_ones_begin_in_the_current_chunk() -> None:
    small, huge = Item(ItemKind.TRANSACTION, b"\x02" * 500), Item(ItemKind.TRANSACTION, b"\x03" * 1981)
    first, second = map(decode_chunk, encode([small, huge]))
    assert [item.kind for item in first] == [ItemKind.TRANSACTION, ItemKind.FRAGMENT]
    assert [item.kind for item in second] == [ItemKind.LAST_FRAGMENT]


@pytest.mark.parametrize("size", [0, MAX_TRANSACTION_SIZE + 1])
def test_writer_refuses_what_no_derivation_takes(size: int) -> None:
    with pytest.raises(ValueError):
        ChunkWriter().transaction(bytes(size))


def test_largest_transaction_round_trips() -> None:
    huge = Item(ItemKind.TRANSACTION, bytes(range(256)) * (MAX_TRANSACTION_SIZE // 256))
    assert joined(encode([huge])) == [huge]


@pytest.mark.parametrize("delta", [0, 65536, -1])
def test_delta_must_fit(delta: int) -> None:
    with pytest.raises(ValueError):
        block_start_item(delta)


@pytest.mark.parametrize(
    "items",
    [
        [Item(ItemKind.TRANSACTION, b"")],
        [Item(ItemKind.BLOCK_START, b"\x01")],
        [Item(ItemKind.TRANSACTION, b"\x01" * 1981)],
        [Item(ItemKind.TRANSACTION, b"\x01")] * 33,
    ],
)
def test_ill_formed_chunks_are_not_written(items: list[Item]) -> None:
    with pytest.raises(ValueError):
        encode_chunk(items)


def test_blobs_hold_the_chunks_in_order() -> None:
    chunks = encode([Item(ItemKind.TRANSACTION, bytes([n]) * 1900) for n in range(1, 70)])
    blobs = chunks_to_blobs(chunks)
    assert [len(blob) for blob in blobs] == [BLOB_SIZE, BLOB_SIZE]
    assert list(blob_chunks(blobs, len(chunks))) == chunks
    assert decode_chunk(blobs[1][-CHUNK_ELEMENTS_SIZE:]) == ()
    assert chunks_to_blobs([]) == []
    with pytest.raises(ValueError):
        chunks_to_blobs([bytes(CHUNK_ELEMENTS_SIZE)] * 385)
    with pytest.raises(ValueError):
        decode_chunk(b"\x01")
