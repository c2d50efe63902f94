"""The cursor table: every place once, in order, whatever the data says."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest
from eth_abi import encode as abi_encode
from eth_hash.auto import keccak
from hypothesis import given
from hypothesis import strategies as st

from derivation.batch import BatchData, BatchInconsistent, due_end, header_flaw
from derivation.codec import CHUNK_SIZE, MAX_TRANSACTION_SIZE, Item, ItemKind, block_start_item, encode_chunk
from derivation.encoder import BatchEncoder, BatchFull, encode_blocks
from derivation.inputs import CursorOutOfBatch, next_input, pending_fragments
from execution.types import ZERO_HASH, BatchEnd, BlockStart, Cursor, Fragment, Skip, StepState, Transaction
from tests.unit.derivation.blob_data import MALFORMED, NOTHING
from tests.unit.derivation.toy_rollup import ORIGIN_TIMESTAMP, PARAMS, blocks_of, derive, make_batch

TX, FRAGMENT, LAST = ItemKind.TRANSACTION, ItemKind.FRAGMENT, ItemKind.LAST_FRAGMENT

items = st.one_of(
    st.integers(1, 3000).map(block_start_item),
    st.builds(Item, st.sampled_from([TX, FRAGMENT, LAST]), st.binary(min_size=1, max_size=60)),
)
chunks = st.one_of(
    st.lists(items, max_size=8).map(encode_chunk),
    st.just(NOTHING),
    st.binary(min_size=CHUNK_SIZE - 2, max_size=CHUNK_SIZE - 2).map(lambda noise: bytes([2, noise[0] % 64]) + noise),
    st.just(MALFORMED),
)


@given(st.lists(chunks, max_size=8), st.lists(st.binary(max_size=9), max_size=4), st.integers(0, 3))
def test_cursor_passes_every_place_once(chunks, forced, deposits) -> None:
    batch = make_batch(chunks, forced=forced, deposits=deposits)
    steps = derive(batch)
    expected = [Cursor(0, 0, i) for i in range(len(forced) + 1)]
    for chunk in range(len(chunks)):
        expected += [Cursor(0, chunk + 1, i) for i in range(max(1, len(batch.items(chunk, PARAMS.chain_id))))]
    expected.append(Cursor(0, len(chunks) + 1, 0))
    assert [state.cursor for state, _ in steps] == expected
    assert isinstance(steps[-1][1], BatchEnd) and steps[-1][1].next == Cursor(1, 0, 0)
    assert isinstance(steps[0][1], BlockStart)
    for state, _ in steps:  # the pending fragments are found again from any state
        chain = ZERO_HASH
        for piece in pending_fragments(batch, state, PARAMS.chain_id):
            chain = keccak(chain + piece)
        assert chain == state.fragments_hash


def test_first_block_is_derived_from_l1_alone() -> None:
    batch = make_batch(deposits=2, forced=[b"\x01", b"\x02"])
    start, *forced, end = [chosen for _, chosen in derive(batch)]
    assert isinstance(start, BlockStart)
    attributes = start.attributes
    assert attributes.timestamp == ORIGIN_TIMESTAMP
    assert (attributes.fee_recipient, attributes.gas_limit) == (PARAMS.fee_recipient, PARAMS.gas_limit)
    assert attributes.parent_beacon_block_root == batch.header.origin_hash
    assert attributes.prev_randao == batch.header.origin_prev_randao
    assert attributes.extra_data == b""
    assert [(w.index, w.validator_index, w.amount) for w in attributes.withdrawals] == [
        (7, 0, 10**9), (8, 0, 10**9 + 1),
    ]  # fmt: skip
    assert forced == [Transaction(b"\x01", Cursor(0, 0, 2)), Transaction(b"\x02", Cursor(0, 1, 0))]
    assert isinstance(end, BatchEnd)


@pytest.mark.parametrize("parent", [0, ORIGIN_TIMESTAMP - 1, ORIGIN_TIMESTAMP, ORIGIN_TIMESTAMP + 5000])
def test_time_goes_on_when_the_origin_is_older_than_the_parent(parent: int) -> None:
    assert blocks_of(make_batch(), parent)[0][0] == max(ORIGIN_TIMESTAMP, parent + 1)


def test_a_block_beyond_the_drift_is_skipped_and_its_transactions_stay() -> None:
    chunk = encode_chunk([block_start_item(1800), Item(TX, b"a"), block_start_item(1), Item(TX, b"b")])
    batch = make_batch([chunk])
    assert blocks_of(batch) == [(ORIGIN_TIMESTAMP, ()), (ORIGIN_TIMESTAMP + 1800, (b"a", b"b"))]
    assert isinstance(derive(batch)[3][1], Skip)
    skipped = derive(batch, ORIGIN_TIMESTAMP + 1)[1][1]
    assert isinstance(skipped, Skip)


def test_later_blocks_take_no_withdrawals() -> None:
    batch = make_batch([encode_chunk([block_start_item(3)])], deposits=3)
    later = derive(batch)[1][1]
    assert isinstance(later, BlockStart) and later.attributes.withdrawals == ()
    assert later.attributes.parent_beacon_block_root == batch.header.origin_hash


def inputs_of(*chunks: list[Item]) -> list:
    return [chosen for _, chosen in derive(make_batch([encode_chunk(items) for items in chunks]))[1:-1]]


def test_fragments_make_one_transaction() -> None:
    found = inputs_of([Item(TX, b"t"), Item(FRAGMENT, b"ab")], [Item(FRAGMENT, b"cd")], [Item(LAST, b"e"), Item(LAST, b"f")])
    assert found[3] == Transaction(b"abcde", Cursor(0, 3, 1))
    assert isinstance(found[4], Skip)


def test_a_fragment_is_the_last_item_of_its_chunk() -> None:
    found = inputs_of([Item(FRAGMENT, b"ab"), Item(LAST, b"c")], [Item(FRAGMENT, b"d"), Item(FRAGMENT, b"e")], [Item(LAST, b"f")])
    assert [type(chosen) for chosen in found[:3]] == [Skip, Skip, Skip]
    assert found[3:] == [Fragment(b"e", Cursor(0, 3, 0)), Transaction(b"ef", Cursor(0, 4, 0))]


def test_anything_between_fragments_drops_them() -> None:
    found = inputs_of([Item(FRAGMENT, b"ab")], [Item(TX, b"t"), Item(LAST, b"e")])
    assert [type(chosen) for chosen in found] == [Fragment, Transaction, Skip]
    found = inputs_of([Item(FRAGMENT, b"ab")], [block_start_item(1), Item(FRAGMENT, b"x")], [Item(LAST, b"y")])
    assert found[3] == Transaction(b"xy", Cursor(0, 4, 0))


def test_an_empty_chunk_between_fragments_drops_them() -> None:
    fragment, last = encode_chunk([Item(FRAGMENT, b"ab")]), encode_chunk([Item(LAST, b"c")])
    found = derive(make_batch([fragment, NOTHING, last]))
    assert [type(chosen) for _, chosen in found[1:-1]] == [Fragment, Skip, Skip]
    found = derive(make_batch([fragment, last]))
    assert found[2][1] == Transaction(b"abc", Cursor(0, 3, 0))


@pytest.mark.parametrize("last_size, whole", [(MAX_TRANSACTION_SIZE % 1024 or 1024, True), (1025, False)])
def test_size_limit_of_joined_fragments(last_size: int, whole: bool) -> None:
    pieces = [encode_chunk([Item(FRAGMENT, bytes([n]) * 1024)]) for n in range(63)]
    batch = make_batch([*pieces, encode_chunk([Item(LAST, b"z" * last_size)])])
    state, chosen = derive(batch)[-2]
    assert state.fragments_size == 63 * 1024
    assert isinstance(chosen, Transaction if whole else Skip)
    if whole:
        assert len(chosen.raw) == MAX_TRANSACTION_SIZE


def test_a_fragment_over_the_limit_is_skipped_and_drops_the_others() -> None:
    pieces = [encode_chunk([Item(FRAGMENT, b"x" * 1024)]) for _ in range(65)]
    found = [chosen for _, chosen in derive(make_batch([*pieces, encode_chunk([Item(LAST, b"z")])]))]
    assert isinstance(found[64], Fragment) and isinstance(found[65], Skip) and isinstance(found[66], Skip)


def test_states_of_another_batch_are_refused() -> None:
    batch = make_batch([encode_chunk([Item(TX, b"t")])], forced=[b"f"])
    for cursor in (Cursor(1, 0, 0), Cursor(0, 0, 2), Cursor(0, 1, 1), Cursor(0, 2, 1), Cursor(0, 3, 0)):
        with pytest.raises(CursorOutOfBatch):
            next_input(batch, PARAMS, StepState(ZERO_HASH, ZERO_HASH, cursor=cursor), 0)


blocks = st.lists(st.tuples(st.integers(1, 60), st.lists(st.binary(min_size=1, max_size=2500), max_size=6)), max_size=9)


@given(st.lists(st.binary(min_size=1, max_size=4000), max_size=5), blocks)
def test_derivation_gives_back_the_encoded_blocks(first, later) -> None:
    batch = make_batch(encode_blocks(PARAMS.chain_id, first, later), forced=[b"forced"], deposits=1)
    timestamp, expected = ORIGIN_TIMESTAMP, [(ORIGIN_TIMESTAMP, (b"forced", *first))]
    for delta, transactions in later:
        timestamp += delta
        expected.append((timestamp, tuple(transactions)))
    assert blocks_of(batch) == expected


def test_encoder_stops_at_its_blobs_and_adds_whole_blocks_or_nothing() -> None:
    random = Random(1)
    encoder, count = BatchEncoder(PARAMS.chain_id, max_blobs=1), 0
    with pytest.raises(BatchFull):
        while True:
            encoder.add_block(1, [random.randbytes(400), random.randbytes(1500)])
            count += 1
    before = encoder.chunks()
    assert encoder.chunk_count == len(before) <= 64 and encoder.fill > 0.95 and len(encoder.blobs()) == 1
    with pytest.raises(BatchFull):
        encoder.add_block(1, [b"\x01", random.randbytes(9000)])
    assert encoder.chunks() == before and not encoder.fits([random.randbytes(9000)])
    assert len(blocks_of(make_batch(before))) == count + 1


def test_batch_hash_is_soliditys() -> None:
    header = make_batch([NOTHING] * 65, deposits=2).header
    header = replace(header, data_root=b"\x0d" * 32, pages=(b"\x0e" * 20,))
    encoded = abi_encode(
        ["bytes32", "uint64", "uint256", "bytes32", "uint256"]
        + ["uint64", "uint64", "bytes32", "uint64", "bytes32"] + ["uint64"] * 4,
        [header.parent_hash, header.index, 14 * 32, header.data_root, 17 * 32, header.chunk_count, header.origin_number, header.origin_hash,
         header.origin_timestamp, header.origin_prev_randao, 7, 9, 3, 3],
    )  # fmt: skip
    blob_hashes = (2).to_bytes(32, "big") + b"".join(header.blob_hashes)
    pages = (1).to_bytes(32, "big") + bytes(12) + header.pages[0]
    assert header.hash == keccak((32).to_bytes(32, "big") + encoded + blob_hashes + pages)


@pytest.mark.parametrize(
    "l1_blocks, origin, expected",
    [([], 100, 5), ([90, 100, 101], 100, 7), ([101], 100, 5), ([1] * 40, 100, 21), ([1, 200, 2], 100, 6)],
)
def test_due_entries(l1_blocks: list[int], origin: int, expected: int) -> None:
    assert due_end(l1_blocks, 5, origin, 16) == expected


@pytest.mark.parametrize(
    "chunk_count, blobs, valid",
    [(0, 0, True), (0, 1, False), (1, 0, False), (1, 1, True), (64, 1, True), (65, 1, False), (65, 2, True),
     (384, 6, True), (385, 7, False), (64, 2, False)],
)  # fmt: skip
def test_shape_of_a_batch(chunk_count: int, blobs: int, valid: bool) -> None:
    header = replace(make_batch().header, chunk_count=chunk_count, blob_hashes=(b"\x01" * 32,) * blobs)
    assert (header_flaw(header) is None) is valid


@pytest.mark.parametrize(
    "chunk_count, blobs, pages, valid",
    [(1, 0, 0, True), (61, 0, 16, True), (0, 0, 0, False), (62, 0, 0, False), (1, 1, 0, False), (1, 0, 17, False)],
)
def test_shape_of_a_batch_in_calldata(chunk_count: int, blobs: int, pages: int, valid: bool) -> None:
    header = replace(
        make_batch().header, chunk_count=chunk_count, blob_hashes=(b"\x01" * 32,) * blobs,
        data_root=b"\x02" * 32, pages=(b"\x03" * 20,) * pages,
    )  # fmt: skip
    assert (header_flaw(header) is None) is valid


def test_parts_of_different_batches_are_refused() -> None:
    batch = make_batch([NOTHING], deposits=1, forced=[b"f"])
    header, blobs, deposits = batch.header, batch.blobs, batch.deposits
    for parts in (((), deposits, (b"f",)), (blobs, (), (b"f",)), (blobs, deposits, ()), ((b"",), deposits, (b"f",))):
        with pytest.raises(BatchInconsistent):
            BatchData(header, *parts)
