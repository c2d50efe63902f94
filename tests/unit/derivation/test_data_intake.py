"""Dictionary pages and calldata batches, read off L1's logs: what belongs to a batch comes with it, and an L1 node that
says anything the Inbox would not is noticed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
from eth_abi import encode as abi_encode

from chain.store import ChainStore
from derivation.codec import CHUNK_SIZE, Dictionary, Item, ItemKind, encode_chunk
from derivation.encoder import encode_blocks
from derivation.inbox import InboxTracker
from derivation.merkle import chunk_root
from derivation.node import BatchDerived
from derivation.pages import StoredPages
from derivation.pipeline import BatchSeen, Pipeline, Rewound
from l1.client import L1Inconsistent
from l1.pointers import MAX_POINTER_DATA, pointer_address
from tests.unit.derivation.fake_l1 import FIRST, INBOX, FakeBeacon, FakeL1, topic
from tests.unit.derivation.test_rollup_node import GENESIS, RULES, follow, make, transfer

CHUNKS = [encode_chunk([Item(ItemKind.TRANSACTION, b"\x02 number %d" % n)]) for n in range(3)]
TEXT = Random(1).randbytes(MAX_POINTER_DATA)


def pipeline_of(l1: FakeL1, **options) -> Pipeline:
    return Pipeline(l1, FakeBeacon(l1), INBOX, FIRST, 1, **options)


async def drain(pipeline: Pipeline) -> list:
    events: list = []
    while found := await pipeline.advance():
        events += found
    return events


def batches(events: list) -> list:
    return [event.batch for event in events if isinstance(event, BatchSeen)]


async def test_calldata_comes_with_its_batch() -> None:
    l1 = FakeL1()
    l1.mine()
    l1.post(CHUNKS[:1])
    l1.post_calldata(CHUNKS)
    l1.post_calldata(CHUNKS[1:])  # three batches in a block
    l1.mine()
    first, second, third = batches(await drain(pipeline_of(l1)))
    assert first.data == b"" and len(first.blobs) == 1
    assert second.blobs == third.blobs == () and second.data == b"".join(CHUNKS)
    assert [second.chunk(n) for n in range(3)] == CHUNKS and third.chunk(1) == CHUNKS[2]
    assert [second.items(n, 1)[0].payload for n in range(3)] == [b"\x02 number %d" % n for n in range(3)]


async def test_the_order_of_the_two_events_does_not_matter() -> None:
    l1 = FakeL1()
    l1.mine()
    l1.post_calldata(CHUNKS)
    l1.pending.reverse()
    l1.mine()
    assert batches(await drain(pipeline_of(l1)))[0].data == b"".join(CHUNKS)


async def test_a_batch_brings_the_contents_of_its_pages() -> None:
    l1 = FakeL1()
    text = l1.publish(TEXT)
    l1.mine()
    other = l1.publish(b"\x11")  # in the batch's own block
    l1.post(CHUNKS, pages=[text, other, text])
    l1.mine()
    l1.publish(TEXT)  # what the Inbox never does is harmless
    l1.post_calldata(CHUNKS, pages=[other])
    l1.mine()
    first, second = batches(await drain(pipeline_of(l1)))
    assert first.pages == (TEXT, b"\x11", TEXT) and second.pages == (b"\x11",)


async def test_pages_outlive_reorgs_but_not_the_rule_that_they_come_first() -> None:
    l1 = FakeL1()
    l1.mine()
    page = l1.publish(TEXT)
    l1.mine(2)
    pipeline = pipeline_of(l1)
    await drain(pipeline)
    l1.reorg(2)
    assert l1.publish(TEXT) == page
    l1.mine()
    l1.post(CHUNKS, pages=[page])
    l1.mine(2)
    events = await drain(pipeline)
    assert isinstance(events[0], Rewound) and batches(events)[0].pages == (TEXT,)
    l1 = FakeL1()
    l1.mine()
    l1.post(CHUNKS, pages=[page])
    l1.publish(TEXT)
    l1.mine()
    with pytest.raises(L1Inconsistent, match="not published"):
        await drain(pipeline_of(l1))


async def test_what_is_kept_has_neither_pages_nor_data() -> None:
    l1 = FakeL1()
    l1.mine()
    l1.post_calldata(CHUNKS * 20, pages=[l1.publish(TEXT)])
    l1.pending.sort(key=lambda entry: entry[0][0] != topic("PagePublished"))
    l1.mine()
    pipeline = pipeline_of(l1)
    assert batches(await drain(pipeline))[0].pages == (TEXT,)
    assert len(pipeline.tracker.snapshot()) < 5_000
    l1.reorg(1)
    l1.mine(2)
    (posted,) = (await pipeline.advance())[0].batches
    assert posted.header.in_calldata and (posted.pages, posted.data) == ((), b"")


@pytest.mark.parametrize(
    "data", [b"", b"".join(CHUNKS[:2]), b"".join(CHUNKS) + bytes(CHUNK_SIZE), b"".join(reversed(CHUNKS)), bytes(3 * CHUNK_SIZE)]
)
async def test_other_calldata_than_the_header_names_is_refused(data: bytes) -> None:
    l1 = FakeL1()
    l1.mine()
    header = l1.post_calldata(CHUNKS)
    l1.pending, l1.batches = [], []
    l1.calldata[header.hash] = data
    l1.repost(header)
    l1.mine()
    await refuses(l1, "calldata")


async def test_calldata_that_is_missing_or_nobodys_is_refused() -> None:
    l1 = FakeL1()
    l1.mine()
    l1.post_calldata(CHUNKS)
    l1.pending.pop()
    l1.mine()
    await refuses(l1, "0 bytes of calldata")
    for beside_blobs in (False, True):
        l1 = FakeL1()
        l1.mine()
        about = l1.post(CHUNKS).hash if beside_blobs else b"\x01" * 32
        l1.pending.append(((topic("CalldataPosted"), about), abi_encode(["bytes"], [CHUNKS[0]])))
        l1.mine()
        await refuses(l1, "calldata")


@pytest.mark.parametrize("size", [0, MAX_POINTER_DATA + 1, 70_000])
async def test_pages_of_impossible_sizes_are_refused(size: int) -> None:
    l1 = FakeL1()
    pointer = pointer_address(INBOX, bytes(size)) if size < 1 << 16 else b"\x0a" * 20
    l1.mine()
    l1.pending.append(((topic("PagePublished"), pointer.rjust(32, b"\0")), abi_encode(["bytes"], [bytes(size)])))
    l1.mine()
    await refuses(l1, "PagePublished")


async def test_a_page_elsewhere_than_its_bytes_say_is_refused() -> None:
    l1 = FakeL1()
    l1.mine()
    elsewhere = pointer_address(b"\x01" * 20, TEXT).rjust(32, b"\0")  # another Inbox's
    l1.pending.append(((topic("PagePublished"), elsewhere), abi_encode(["bytes"], [TEXT])))
    l1.mine()
    await refuses(l1, "other bytes")


async def test_headers_that_no_inbox_makes_are_refused() -> None:
    l1 = FakeL1()
    l1.mine()
    page = l1.publish(b"page")
    l1.mine()
    blobs, calldata = l1.post(CHUNKS), l1.post_calldata(CHUNKS)
    for lie, why in (
        (replace(blobs, pages=(page,) * 17), "17 pages"), (replace(blobs, pages=(b"\x01" * 20,)), "not published"),
        (replace(blobs, chunk_count=65), "65 chunks in 1 blobs"), (replace(blobs, blob_hashes=()), "3 chunks in 0 blobs"),
        (replace(blobs, blob_hashes=blobs.blob_hashes * 7, chunk_count=448), "448 chunks in 7 blobs"),
        (replace(blobs, chunk_count=(1 << 64) - 1), "in 1 blobs"), (replace(blobs, data_root=b"\x01" * 32), "and 1 blobs"),
        (replace(calldata, index=0, parent_hash=bytes(32), chunk_count=62), "62 chunks in calldata"),
        (replace(calldata, index=0, parent_hash=bytes(32), chunk_count=0), "0 chunks in calldata"),
    ):  # fmt: skip
        l1.pending, l1.batches = [], []
        l1.repost(lie)
        l1.mine()
        await refuses(l1, why)
        l1.reorg(1)


async def test_what_was_read_ahead_for_another_header_of_that_hash_is_not_taken() -> None:
    l1 = FakeL1()
    l1.mine()
    honest = l1.post(CHUNKS[:1])
    l1.mine()
    other = l1.post(CHUNKS[1:2])
    (_, index, _, poster), data = l1.pending.pop()
    l1.pending.append(((topic("BatchPosted"), index, honest.hash, poster), data))
    l1.mine()
    (batch,) = batches(await pipeline_of(l1).advance())
    assert batch.header == honest != other and batch.chunk(0) == CHUNKS[0]


async def refuses(l1: FakeL1, why: str) -> None:
    """The newest block, and nothing has changed."""
    pipeline = pipeline_of(l1)
    await pipeline.advance()  # what comes before it
    before = pipeline.tracker.snapshot()
    with pytest.raises(L1Inconsistent, match=why):
        await pipeline.advance()
    assert pipeline.tracker.snapshot() == before


# ---- the node


async def test_blobs_calldata_and_a_dictionary_give_the_same_blocks(tmp_path: Path) -> None:
    """The same transactions three ways; records hold neither pages nor data, and a restarted node has both."""
    first = [transfer(0, 0), transfer(1, 0)]
    later = [(2, [transfer(0, 1)]), (1, [transfer(2, 0, data=Random(4).randbytes(5_000))])]
    page = (b"\x01" * 20 + b"".join(first)).ljust(9_216, b"\0") + b"".join(first)
    plain = encode_blocks(RULES.chain_id, first, later)
    packed = encode_blocks(RULES.chain_id, first, later, Dictionary([page, b"\x77" * 20]))
    assert packed != plain and len(b"".join(plain).strip(b"\0")) > len(b"".join(packed).strip(b"\0"))
    heads = []
    for way in ("blobs", "calldata", "dictionary"):
        l1 = FakeL1()
        pages = [l1.publish(page), l1.publish(b"\x77" * 20)]
        l1.mine()
        if way == "blobs":
            l1.post(plain)
        else:
            l1.post_calldata(*((plain,) if way == "calldata" else (packed,)), pages=pages if way == "dictionary" else ())
        l1.mine()
        with ChainStore.open(tmp_path / way, GENESIS) as store:
            node = make(l1, store)
            derived = [event for event in await follow(node) if isinstance(event, BatchDerived)]
            node.close()
            heads.append([store.block(each).transactions for each in derived[0].record.block_hashes])
        with ChainStore.open(tmp_path / way, GENESIS) as store:
            node = make(l1, store)
            record = node.derived(0)
            assert (record.posted.pages, record.posted.data) == ((), b"")
            data = await node.data_of(record)
            assert data.pages == (() if way != "dictionary" else (page, b"\x77" * 20))
            assert [data.chunk(n) for n in range(len(plain))] == (packed if way == "dictionary" else plain)
            assert way == "blobs" or chunk_root([data.chunk(n) for n in range(len(plain))]) == record.posted.header.data_root
            l1.post(plain[:0], pages=pages)  # the restarted node still knows the pages
            l1.mine()
            await follow(node)
            assert node.derived(1) is not None
            node.close()
    assert heads[0] == heads[1] == heads[2] and [len(each) for each in heads[0]] == [2, 1, 1]


async def test_each_page_is_stored_once() -> None:
    with ChainStore.open(None, GENESIS) as store:
        pages = StoredPages(store)
        pages.put({bytes([n]) * 20: bytes([n]) * 30 for n in range(100)})
        assert [pages.get(bytes([n]) * 20) for n in range(101)] == [*(bytes([n]) * 30 for n in range(100)), None]
        l1 = FakeL1()
        page = l1.publish(TEXT)
        for _ in range(3):
            l1.post(CHUNKS, pages=[page, page])
        l1.mine()
        tracker = InboxTracker(INBOX, pages=StoredPages(store))
        assert len(batches(await drain(pipeline_of(l1, tracker=tracker)))) == 3
        assert sum(value == TEXT for _, value in store.metas(b"")) == 1
