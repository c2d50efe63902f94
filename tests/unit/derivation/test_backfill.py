"""Catching up with a long L1: few requests, bounded reading ahead, chunks decoded elsewhere, and the same result."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from random import Random

import pytest

from derivation.batch import MAX_AHEAD, BatchData, BatchHeader, decode_ahead
from derivation.codec import EMPTY_DICTIONARY, Item, ItemKind, decode_chunk, encode
from derivation.l1_reader import LONGEST_RANGE, NEAR_HEAD, L1Reader
from derivation.pipeline import BatchSeen, L1Advanced, Pipeline, Rewound
from derivation.prefetch import BATCHES_AHEAD
from l1.client import L1Inconsistent, L1Log
from l1.worker_pool import WorkerPool
from tests.unit.derivation.blob_data import MALFORMED, blobs_of
from tests.unit.derivation.fake_l1 import FIRST, INBOX, FakeBeacon, FakeL1
from tests.unit.derivation.test_pipeline import drain

LENGTH = 3_000  # L1 blocks
CHAIN = 1


def long_l1(batches: int = 30, seed: int = 1) -> FakeL1:
    random, l1 = Random(seed), FakeL1()
    at = set(random.sample(range(LENGTH), batches))
    for number in range(LENGTH):
        if number in at:
            l1.post(encode([Item(ItemKind.TRANSACTION, b"\x02" + random.randbytes(20)) for _ in range(3)], CHAIN))
        elif random.random() < 0.02:
            l1.deposit(random.randbytes(20), 1)
        l1.mine()
    l1.finality = 10
    return l1


def make(l1: FakeL1, **options) -> Pipeline:
    return Pipeline(l1, FakeBeacon(l1), INBOX, FIRST, CHAIN, **options)


def hashes(events: list) -> list[bytes]:
    return [event.hash for event in events if isinstance(event, BatchSeen)]


async def test_a_long_history_takes_few_requests_and_ends_where_the_slow_way_ends() -> None:
    l1 = long_l1()
    quick = make(l1)
    found = await drain(quick)
    requests = [kind for kind, _ in l1.requests]
    with_events = sum(bool(block.entries) for block in l1.blocks)
    assert 1 < requests.count("range") < 20
    assert requests.count("block") < 2 * with_events + 2 * NEAR_HEAD + 100 < LENGTH / 3
    last = [event.block.number for event in found if isinstance(event, L1Advanced)]
    assert last[-NEAR_HEAD:] == list(range(last[-1] - NEAR_HEAD + 1, last[-1] + 1)) and last[-1] == l1.blocks[-1].number
    l1.finality = None
    l1.requests.clear()
    slow = make(l1)
    assert hashes(await drain(slow)) == hashes(found) == [header.hash for _, header in l1.batches]
    assert "range" not in [kind for kind, _ in l1.requests]
    assert (slow.tracker.deposit_count, slow.tracker.last) == (quick.tracker.deposit_count, quick.tracker.last)
    l1.reorg(5)
    l1.mine(7)
    await drain(quick)
    assert quick.synced and quick.tracker.last.hash == l1.blocks[-1].hash and quick.reorgs == 1


@pytest.mark.parametrize("longest", [0, 10, 100, 900])
async def test_a_node_that_limits_ranges_is_read_all_the_same(longest: int) -> None:
    l1 = long_l1(10)
    l1.longest_range = longest
    assert hashes(await drain(make(l1))) == [header.hash for _, header in l1.batches]


@pytest.mark.parametrize("lie", ["another block", "another address", "outside", "no bloom"])
async def test_logs_that_do_not_belong_there_are_noticed(lie: str) -> None:
    l1 = long_l1(10)
    honest, empty = l1.logs_in_range, next(block for block in l1.blocks[50:] if not block.entries)

    async def lies(first: int, last: int, addresses: list[bytes]) -> list[L1Log]:
        found = await honest(first, last, addresses)
        if not found:
            return found
        changed = {
            "another block": {"block_hash": b"\x01" * 32},
            "another address": {"address": b"\x01" * 20},
            "outside": {"block_number": last + 1},
            "no bloom": {"block_number": empty.number, "block_hash": empty.hash},
        }[lie]
        return [*found[:-1], replace(found[-1], **changed)]

    l1.logs_in_range = lies  # type: ignore[method-assign]
    pipeline = make(l1)
    with pytest.raises(L1Inconsistent):
        await drain(pipeline)
    l1.logs_in_range = honest  # type: ignore[method-assign]
    assert pipeline.tracker.batch_count + len(hashes(await drain(pipeline))) == len(l1.batches)


async def test_what_a_range_left_out_is_read_again() -> None:
    """A node that did not have all logs for a moment: what follows then contradicts what was read, for ever."""
    l1 = long_l1(10)
    honest, left_out = l1.logs_in_range, 0

    async def forgetful(first: int, last: int, addresses: list[bytes]) -> list[L1Log]:
        nonlocal left_out
        found = await honest(first, last, addresses)
        if len(found) > 1 and not left_out:
            left_out = len(found) - 1
            return found[:-1]  # what contradicts it comes with the next range
        return found

    l1.logs_in_range = forgetful  # type: ignore[method-assign]
    pipeline, events, refused = make(l1), [], 0
    while not pipeline.synced:
        try:
            events += await pipeline.advance()
        except L1Inconsistent:
            refused += 1
            assert refused < 10
    assert left_out and refused
    rewound = [at for at, event in enumerate(events) if isinstance(event, Rewound)]
    assert len(rewound) == 1 and events[rewound[0]].to is None  # type: ignore[union-attr]
    assert hashes(events[rewound[0] :]) == [header.hash for _, header in l1.batches]


async def test_l1_changing_while_a_range_is_read_is_seen() -> None:
    """Logs of one fork and headers of another must not be put together, though no block with logs differs."""
    l1 = FakeL1()
    l1.mine(300)
    l1.finality = 0
    honest = l1.logs_in_range

    async def changes(first: int, last: int, addresses: list[bytes]) -> list[L1Log]:
        found = await honest(first, last, addresses)
        l1.logs_in_range = honest  # type: ignore[method-assign]
        l1.reorg(295)
        l1.post()
        l1.mine(300)
        return found

    l1.logs_in_range = changes  # type: ignore[method-assign]
    pipeline = make(l1)
    assert await drain(pipeline) == []  # L1 moved under its feet
    assert hashes(await drain(pipeline)) == [header.hash for _, header in l1.batches] and pipeline.tracker.batch_count == 1


async def test_ranges_grow_to_a_bound() -> None:
    l1 = FakeL1()
    l1.mine(2_500)
    reader, at = L1Reader(l1, INBOX), FIRST
    while at < l1.blocks[-1].number:
        blocks = await reader.next(at, l1.blocks[-1].number, l1.blocks[-1].number)
        at = blocks[-1].block.number + 1
    sizes = [each[1] - each[0] + 1 for kind, each in l1.requests if kind == "range"]  # type: ignore[index]
    assert sizes[:3] == sorted(sizes[:3]) and max(sizes) <= LONGEST_RANGE and sizes[-2] > 4 * sizes[0]


async def test_blobs_are_fetched_ahead_and_not_too_far() -> None:
    l1 = FakeL1()
    for n in range(30):
        l1.post(encode([Item(ItemKind.TRANSACTION, b"\x02" + bytes([n]))], CHAIN))
        l1.mine()
    beacon, asked = FakeBeacon(l1), []

    class Counting:
        async def blobs(self, timestamp: int, wanted: tuple[bytes, ...]) -> tuple[bytes, ...]:
            asked.append(wanted)
            return await beacon.blobs(timestamp, wanted)

    pipeline = Pipeline(l1, Counting(), INBOX, FIRST, CHAIN)
    told = len(hashes(await pipeline.advance()))
    for _ in range(20):
        await asyncio.sleep(0)  # what a busy node gives to other tasks
    assert told == 8 and told < len(asked) <= told + BATCHES_AHEAD
    await drain(pipeline)
    assert len(asked) == 30  # each once


def test_decoded_ahead_is_decoded() -> None:
    rng = Random(5)
    chunks = encode([Item(ItemKind.TRANSACTION, b"\x02" + rng.randbytes(rng.randrange(1, 900))) for _ in range(200)], CHAIN)
    parts = [*chunks, MALFORMED, rng.randbytes(2032)]
    blobs = tuple(blobs_of(parts))
    lazy, ahead = (_batch(blobs, len(parts)) for _ in range(2))
    ahead.keep(decode_ahead(blobs, b"", len(parts), CHAIN, ()))
    assert len(ahead._ahead) == len(parts)
    assert [ahead.items(n, CHAIN) for n in range(len(parts))] == [lazy.items(n, CHAIN) for n in range(len(parts))]
    assert len(lazy._decoded) < len(parts)  # the last few only


def test_a_bomb_is_not_kept_whole() -> None:
    """Each chunk says a megabyte of zeros."""
    length = b"\x80\x80\x01"  # 16,384 as a varint
    tags = (length + b"\xe8" + length) * 63  # a string of that many bytes: so many zeros
    body = b"\x08" * 63 + b"\xb9\x03" + tags
    packed = b"\xf0\xff" + bytes([len(body) - 15 - 255]) + body  # LZ4: literals only
    bomb = (b"\x02\x3f" + len(packed).to_bytes(2, "big") + packed).ljust(2_032, b"\0")
    assert decode_chunk(bomb, CHAIN, EMPTY_DICTIONARY) == (Item(ItemKind.FRAGMENT, bytes(16_384)),) * 63
    blobs = tuple(blobs_of([bomb] * 64))
    found = decode_ahead(blobs, b"", 64, CHAIN, ())
    assert 0 < sum(len(each) for _, payloads in found for each in payloads) <= MAX_AHEAD and len(found) < 10
    batch = _batch(blobs, 64)
    batch.keep(found)
    assert all(len(batch.items(n, CHAIN)) == 63 for n in range(64))


async def test_workers_decode_while_there_is_much_to_come() -> None:
    l1 = long_l1(12)
    pool = WorkerPool(1)
    try:
        pipeline = make(l1, workers=pool)
        found = [event for event in await drain(pipeline) if isinstance(event, BatchSeen)]
        assert [event.hash for event in found] == [header.hash for _, header in l1.batches]
        assert sum(bool(event.batch._ahead) for event in found) >= 6 and not pool.lost
        assert not pool.active
        assert all(len(event.batch.items(0, CHAIN)) == 3 for event in found)
    finally:
        pool.close()


def _batch(blobs: tuple[bytes, ...], chunks: int) -> BatchData:
    header = BatchHeader(
        parent_hash=bytes(32), index=0, blob_hashes=(b"\x01" * 32,) * len(blobs), data_root=bytes(32), pages=(),
        chunk_count=chunks, origin_number=1, origin_hash=bytes(32), origin_timestamp=1, origin_prev_randao=bytes(32),
        deposit_start=0, deposit_end=0, forced_start=0, forced_end=0,
    )  # fmt: skip
    return BatchData(header, blobs)
