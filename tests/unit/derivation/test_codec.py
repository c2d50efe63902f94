"""The data format (docs/data.md): what is written is read again, and any bytes mean something, within bounds."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from derivation.codec import (
    CHUNK_SIZE,
    EMPTY_DICTIONARY,
    MAX_TRANSACTION_SIZE,
    ChunkWriter,
    Dictionary,
    Item,
    ItemKind,
    chunks_to_blobs,
    decode_chunk,
    from_elements,
    to_elements,
)
from derivation.codec.elements import elements_of_data
from derivation.codec.layout import CHUNKS_PER_BLOB, blob_elements
from derivation.codec.lz import MAX_BODY, pack, unpack
from derivation.codec.streams import Stream, number_bytes, varint_bytes
from derivation.codec.strings import MAX_STRING
from execution.encoding import encode_bytes, encode_int, wrap_list

VECTORS = json.loads(Path("tests/vectors/codec.json").read_text())
CHAIN_ID: int = VECTORS["chain_id"]
PAGES = tuple(bytes.fromhex(page[2:]) for page in VECTORS["pages"])
DICTIONARY = Dictionary(PAGES)
DICTIONARIES = st.sampled_from([EMPTY_DICTIONARY, DICTIONARY, Dictionary(PAGES[:1]), Dictionary([b"", PAGES[1]])])


def read(chunks: list[bytes], dictionary: Dictionary = EMPTY_DICTIONARY) -> list[bytes | int]:
    """Transactions, fragments joined, and deltas; no Skips."""
    found: list[bytes | int] = []
    pending = b""
    for chunk in chunks:
        for item in decode_chunk(chunk, CHAIN_ID, dictionary):
            match item.kind:
                case ItemKind.BLOCK_START:
                    found.append(item.delta)
                case ItemKind.TRANSACTION:
                    found.append(item.payload)
                case ItemKind.FRAGMENT:
                    pending += item.payload
                case ItemKind.LAST_FRAGMENT:
                    found.append(pending + item.payload)
                    pending = b""
                case _:
                    pytest.fail("a writer makes no Skips")
    assert not pending
    return found


@pytest.mark.parametrize("vector", VECTORS["chunks"], ids=lambda vector: vector["name"])
def test_vectors(vector):
    items = decode_chunk(bytes.fromhex(vector["chunk"][2:]), CHAIN_ID, DICTIONARY if vector["pages"] else EMPTY_DICTIONARY)
    assert items == tuple(Item(ItemKind(i["kind"]), bytes.fromhex(i["payload"][2:])) for i in vector["items"])


addresses = st.sampled_from([PAGES[1][:20], PAGES[1][40:60], PAGES[2][:20], bytes(20), b"\x42" * 20]) | st.binary(min_size=20, max_size=20)
amounts = st.one_of(
    st.integers(0, 3000), st.integers(0, 2**64), st.integers(0, 2**256 - 1),
    st.builds(lambda m, e: m * 10**e, st.integers(0, 999), st.integers(0, 40)),
)  # fmt: skip
words = st.one_of(
    st.builds(lambda amount: amount.to_bytes(32, "big"), amounts),
    st.builds(lambda address: bytes(12) + address, addresses),
    st.builds(lambda n: (2**256 - n).to_bytes(32, "big"), st.integers(1, 2**64)),
    st.builds(lambda text: text.ljust(32, b"\x00"), st.binary(max_size=32)),
    st.sampled_from([b"\x77" * 32, bytes(32), b"\xff" * 32]),
)
selectors = st.sampled_from([PAGES[0][:4], PAGES[0][4:8], bytes(4)]) | st.binary(min_size=4, max_size=4)
calls = st.builds(lambda selector, args: selector + b"".join(args), selectors, st.lists(words, max_size=12))
nested = st.builds(
    lambda outer, inner: outer + len(inner).to_bytes(32, "big") + inner + bytes(-len(inner) % 32), calls, calls
)
paths = st.builds(
    lambda call, path: call + len(b"".join(path)[3:]).to_bytes(32, "big") + b"".join(path)[3:] + bytes(21),
    calls, st.lists(st.builds(lambda fee, address: fee + address, st.binary(min_size=3, max_size=3), addresses), min_size=2, max_size=4),
)  # fmt: skip
calldata = st.one_of(st.just(b""), calls, nested, paths, st.binary(max_size=300), st.builds(lambda n: b"\x5b" * n, st.integers(0, 20_000)))


@st.composite
def transactions(draw) -> bytes:
    """Well-formed, mostly; nobody checks signatures here."""
    nonce = draw(st.sampled_from([0, 1, 2, 2**56 - 1, 2**56]) | st.integers(0, 2**64 - 1))
    tip, cap = draw(st.sampled_from([(0, 0), (1, 7), (10**6, 10**9), (10**6, 10**9 + 1)]) | st.tuples(amounts, amounts))
    gas = draw(st.sampled_from([21_000, 0, 100_000]) | st.integers(0, 2**64))
    to = draw(st.just(b"") | addresses)
    parity, r, s = draw(st.integers(0, 1)), draw(amounts), draw(st.integers(0, 2**255 - 1) | amounts)
    body = encode_int(gas) + encode_bytes(to) + encode_int(draw(amounts)) + encode_bytes(draw(calldata))
    if draw(st.booleans()):
        v = draw(st.sampled_from([35 + 2 * CHAIN_ID + parity, 27 + parity, 37 + parity]))
        return wrap_list(encode_int(nonce) + encode_int(cap) + body + encode_int(v) + encode_int(r) + encode_int(s))
    chain = draw(st.sampled_from([CHAIN_ID, CHAIN_ID, CHAIN_ID, 1]))
    access = draw(st.sampled_from([b"\xc0", b"\xc0", b"\xc0", wrap_list(wrap_list(encode_bytes(bytes(20)) + b"\xc0"))]))
    head = encode_int(chain) + encode_int(nonce) + encode_int(tip) + encode_int(cap)
    return b"\x02" + wrap_list(head + body + access + encode_int(parity) + encode_int(r) + encode_int(s))


entries = st.one_of(st.integers(1, 2**56 - 1), st.integers(1, 12), transactions(), transactions(), transactions(), st.binary(min_size=1, max_size=60))


@settings(max_examples=150, deadline=None)
@given(st.lists(entries, max_size=60), DICTIONARIES)
def test_what_is_written_is_read(given_entries, dictionary):
    writer = ChunkWriter(CHAIN_ID, dictionary)
    for entry in given_entries:
        counted, other = writer.chunk_count, writer.copy()
        if isinstance(entry, int):
            writer.block_start(entry)
        else:
            writer.transaction(entry)
        assert other.chunk_count == counted <= writer.chunk_count
    chunks = writer.chunks()
    assert len(chunks) == writer.chunk_count
    assert all(len(chunk) == CHUNK_SIZE for chunk in chunks)
    assert read(chunks, dictionary) == given_entries


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=CHUNK_SIZE - 4), st.integers(0, 70), st.integers(0, 3000), DICTIONARIES)
def test_any_bytes_mean_something(packed, count, size, dictionary):
    chunk = (bytes([2, count]) + size.to_bytes(2, "big") + packed).ljust(CHUNK_SIZE, b"\xa7")
    items = decode_chunk(chunk, CHAIN_ID, dictionary)
    assert len(items) == (count if count < 64 else 0)
    for item in items:
        assert (item.payload == b"") == (item.kind == ItemKind.SKIP)
        assert len(item.payload) <= MAX_STRING + 200  # a string, or a compact transaction around one
        if item.kind == ItemKind.BLOCK_START:
            assert len(item.payload) == 8 and item.delta > 0
    assert len(unpack(packed, dictionary)) <= MAX_BODY


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=MAX_BODY), DICTIONARIES)
def test_packed_is_unpacked(body, dictionary):
    assert unpack(pack(body, dictionary), dictionary) == body
    assert unpack(pack(DICTIONARY.text[9000:9000 + len(body)], dictionary), dictionary) == DICTIONARY.text[9000:9000 + len(body)]


@given(st.integers(0, 2**56 - 1), amounts)
def test_numbers_and_varints(varint, number):
    stream = Stream(varint_bytes(varint) + number_bytes(number))
    assert (stream.varint(), stream.number()) == (varint, number)
    assert stream.at == stream.end


@given(calldata, DICTIONARIES)
def test_elements_add_up(data, dictionary):
    assert sum(element.size for element in elements_of_data(data, dictionary)) == len(data)


@settings(max_examples=100)
@given(st.binary(min_size=CHUNK_SIZE, max_size=CHUNK_SIZE), st.integers(0, 63), st.integers(0x40, 0xFF))
def test_packing_into_field_elements(chunk, position, top):
    elements = to_elements(chunk)
    assert from_elements(elements) == chunk
    assert max(elements[::32]) < 0x40
    broken = bytearray(elements)
    broken[32 * position] = top
    assert from_elements(bytes(broken)) is None
    whole = int.from_bytes(chunk, "big")
    assert elements[32 * position : 32 * position + 32] == (whole >> 254 * (63 - position) & (1 << 254) - 1).to_bytes(32, "big")


def test_chunks_lie_in_cells():
    chunks = [bytes([i % 251]) * CHUNK_SIZE for i in range(CHUNKS_PER_BLOB + 3)]
    blobs = chunks_to_blobs(chunks)
    assert [len(blob) for blob in blobs] == [131072] * 2
    assert [from_elements(blob_elements(blobs, i)) for i in range(len(chunks))] == chunks
    assert from_elements(blob_elements(blobs, len(chunks))) == bytes(CHUNK_SIZE)


def test_a_transaction_takes_as_many_chunks_as_it_needs():
    for size in (1, 2000, 2029, 16_384, 16_385, MAX_TRANSACTION_SIZE):
        for fill in (b"\x00", b"\xab", b"0123456789abcdef"):
            raw = (fill * size)[:size]
            writer = ChunkWriter(CHAIN_ID)
            writer.transaction(raw)
            assert read(writer.chunks()) == [raw]
    with pytest.raises(ValueError, match="65536 bytes"):
        ChunkWriter(CHAIN_ID).transaction(bytes(MAX_TRANSACTION_SIZE + 1))
    with pytest.raises(ValueError, match="bytes"):
        ChunkWriter(CHAIN_ID).transaction(b"")


def test_sizes_are_checked():
    with pytest.raises(ValueError, match="2032"):
        decode_chunk(bytes(2048), CHAIN_ID, EMPTY_DICTIONARY)
    with pytest.raises(ValueError, match="2048"):
        from_elements(bytes(2032))
    with pytest.raises(ValueError, match="16 pages"):
        Dictionary([b"x"] * 17)
    with pytest.raises(ValueError, match="24575 bytes"):
        Dictionary([bytes(24_576)])
    for delta in (0, 2**56):
        with pytest.raises(ValueError, match="seconds"):
            ChunkWriter(CHAIN_ID).block_start(delta)
