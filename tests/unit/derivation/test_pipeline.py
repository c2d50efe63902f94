"""Following L1: order, reorgs of every kind, missing blobs, restarts. And an L1 node that lies is noticed."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from random import Random

import pytest

from derivation.codec import Item, ItemKind, encode
from derivation.inbox import InboxTracker, batch_from_json, batch_to_json
from derivation.pipeline import BatchSeen, Blocked, L1Advanced, Pipeline, Rewound
from l1.client import L1Inconsistent, L1Unavailable
from tests.unit.derivation.fake_l1 import FIRST, INBOX, FakeBeacon, FakeL1

CHUNKS = encode([Item(ItemKind.TRANSACTION, b"\x02 a transaction")], 1)


def make(l1: FakeL1, **options) -> Pipeline:
    return Pipeline(l1, FakeBeacon(l1), INBOX, FIRST, 1, **options)


async def drain(pipeline: Pipeline) -> list:
    """Events until nothing is new."""
    events: list = []
    while found := await pipeline.advance():
        events += found
        if isinstance(found[-1], Blocked):
            break
    return events


def seen(events: list) -> list[int]:
    return [event.batch.header.index for event in events if isinstance(event, BatchSeen)]


async def test_batches_come_in_order_with_their_data() -> None:
    l1 = FakeL1()
    l1.deposit(b"\xaa" * 20, 5)
    l1.force(b"\x02forced")
    l1.mine()
    first = l1.post(CHUNKS)
    second = l1.post()
    l1.mine(40)
    pipeline = make(l1)
    events = await drain(pipeline)
    batches = [event for event in events if isinstance(event, BatchSeen)]
    assert [event.hash for event in batches] == [first.hash, second.hash]
    batch = batches[0].batch
    assert batch.items(0, 1) == (Item(ItemKind.TRANSACTION, b"\x02 a transaction"),)
    assert [(each.recipient, each.amount_gwei) for each in batch.deposits] == [(b"\xaa" * 20, 5)]
    assert batch.forced == (b"\x02forced",) and batches[1].batch.deposits == ()
    assert [e.block.number for e in events if isinstance(e, L1Advanced)] == list(range(FIRST, FIRST + 41))
    assert pipeline.synced and pipeline.tracker.batch_count == 2
    assert sum(kind == "logs" for kind, _ in l1.requests) == 2  # only blocks whose bloom has the Inbox


async def test_nothing_new_is_nothing() -> None:
    l1 = FakeL1()
    l1.mine(3)
    pipeline = make(l1)
    await drain(pipeline)
    assert await pipeline.advance() == [] and pipeline.synced


async def test_confirmations_are_waited_for() -> None:
    l1 = FakeL1()
    l1.post(CHUNKS)
    l1.mine(2)
    pipeline = make(l1, confirmations=2)
    assert seen(await drain(pipeline)) == []
    l1.mine()
    assert seen(await drain(pipeline)) == [0]


@pytest.mark.parametrize("depth", [1, 2, 5, 11])
async def test_reorg_rewinds_to_the_common_ancestor(depth: int) -> None:
    l1 = FakeL1()
    l1.mine(2)
    for _ in range(10):
        l1.post(CHUNKS)
        l1.mine()
    pipeline = make(l1)
    await drain(pipeline)
    gone = [header.index for at, header in l1.batches if at > l1.blocks[-1].number - depth]
    l1.reorg(depth)
    l1.mine(depth + 1)
    l1.post()
    l1.mine()
    rewound, *later = await drain(pipeline)
    assert isinstance(rewound, Rewound) and rewound.to.number == l1.blocks[-1].number - depth - 2
    assert [posted.header.index for posted in rewound.batches] == gone
    assert seen(later) == [10 - len(gone)]


async def test_a_batch_included_again_is_the_same_batch() -> None:
    l1 = FakeL1()
    l1.mine(3)
    header = l1.post(CHUNKS)
    l1.mine()
    pipeline = make(l1)
    before = next(event for event in await drain(pipeline) if isinstance(event, BatchSeen))
    l1.reorg(1)
    l1.mine()
    l1.repost(header)
    l1.mine()
    after = next(event for event in await drain(pipeline) if isinstance(event, BatchSeen))
    assert after.hash == before.hash
    assert after.batch.inclusion.block_hash != before.batch.inclusion.block_hash


async def test_reorg_to_a_shorter_chain_and_back() -> None:
    l1 = FakeL1()
    l1.mine(2)
    l1.post(CHUNKS)
    l1.mine(3)
    pipeline = make(l1)
    await drain(pipeline)
    long = list(l1.blocks), list(l1.batches)
    l1.reorg(3)
    events = await drain(pipeline)
    assert isinstance(events[0], Rewound) and len(events[0].batches) == 1
    l1.blocks, l1.batches = long
    assert seen(await drain(pipeline)) == [0]


async def test_deposits_of_an_orphaned_block_are_forgotten() -> None:
    l1 = FakeL1()
    l1.deposit(b"\x01" * 20, 1)
    l1.mine(2)
    pipeline = make(l1)
    await drain(pipeline)
    l1.reorg(2)
    l1.mine()
    l1.deposit(b"\x02" * 20, 2)
    l1.mine()
    l1.post()
    l1.mine()
    batch = next(event for event in await drain(pipeline) if isinstance(event, BatchSeen)).batch
    assert [each.recipient for each in batch.deposits] == [b"\x02" * 20]


async def test_reorg_beyond_the_window_starts_anew() -> None:
    l1 = FakeL1()
    l1.mine(2)
    l1.post(CHUNKS)
    l1.mine(12)
    pipeline = make(l1, tracker=InboxTracker(INBOX, window=4))
    await drain(pipeline)
    l1.reorg(10)
    l1.mine(20)
    events = await drain(pipeline)
    assert isinstance(events[0], Rewound) and events[0].to is None
    assert pipeline.tracker.last.hash == l1.blocks[-1].hash and seen(events) == [0]


async def test_missing_blobs_stop_it_and_are_waited_for() -> None:
    l1 = FakeL1()
    l1.post(CHUNKS)
    l1.mine()
    header = l1.post(encode([Item(ItemKind.TRANSACTION, b"\x02 withheld")], 1))
    l1.mine()
    l1.post(CHUNKS)
    l1.mine()
    l1.withheld.update(header.blob_hashes)
    pipeline = make(l1)
    events = await drain(pipeline)
    assert seen(events) == [0] and isinstance(events[-1], Blocked) and events[-1].posted.header == header
    assert await pipeline.advance() == [] and pipeline.blocked is not None and not pipeline.synced
    l1.withheld.clear()
    assert seen(await drain(pipeline)) == [1, 2] and pipeline.blocked is None


async def test_a_reorg_takes_the_blocked_batch_away() -> None:
    l1 = FakeL1()
    l1.mine()
    header = l1.post(CHUNKS)
    l1.mine()
    l1.withheld.update(header.blob_hashes)
    pipeline = make(l1)
    assert isinstance((await drain(pipeline))[-1], Blocked)
    l1.reorg(1)
    l1.mine(2)
    await drain(pipeline)
    assert pipeline.blocked is None and pipeline.tracker.batch_count == 0 and pipeline.synced


async def test_a_blocked_batch_that_is_orphaned_is_left_at_the_next_round() -> None:
    """Also if the new chain is longer, and the same number has another batch with other blobs."""
    l1 = FakeL1()
    l1.post(CHUNKS)
    l1.mine(3)
    l1.withheld = set(l1.blobs)
    pipeline = make(l1)
    assert isinstance((await drain(pipeline))[-1], Blocked)
    l1.reorg(3)
    l1.post(encode([Item(ItemKind.TRANSACTION, b"\x02 another")], 1))
    l1.mine(9)
    events = await pipeline.advance()
    assert seen(events) == [0] and not any(isinstance(each, Blocked) for each in events) and pipeline.blocked is None


async def test_a_round_cancelled_while_it_waits_for_blobs_loses_nothing() -> None:
    l1 = FakeL1()
    l1.mine()
    l1.post(CHUNKS)
    l1.mine()
    beacon, asked, released = FakeBeacon(l1), asyncio.Event(), asyncio.Event()

    class Slow:
        async def blobs(self, timestamp: int, hashes: tuple[bytes, ...]) -> tuple[bytes, ...]:
            asked.set()
            await released.wait()
            return await beacon.blobs(timestamp, hashes)

    pipeline = Pipeline(l1, Slow(), INBOX, FIRST, 1)
    round_ = asyncio.create_task(pipeline.advance())
    await asyncio.wait_for(asked.wait(), 10)
    round_.cancel()
    with pytest.raises(asyncio.CancelledError):
        await round_
    released.set()
    assert seen(await drain(pipeline)) == [0]


async def test_restart_goes_on_where_it_stood() -> None:
    l1 = FakeL1()
    l1.deposit(b"\x01" * 20, 1)
    l1.force(b"\x02x")
    l1.mine()
    l1.post(CHUNKS)
    l1.mine()
    l1.deposit(b"\x02" * 20, 2)
    l1.mine()
    pipeline = make(l1)
    await drain(pipeline)
    restored = InboxTracker.restore(pipeline.tracker.snapshot(), INBOX)
    assert restored.snapshot() == pipeline.tracker.snapshot()
    l1.post(CHUNKS)
    l1.mine()
    l1.requests.clear()
    events = await drain(make(l1, tracker=restored))
    assert seen(events) == [1] and [each.index for each in events[0].batch.deposits] == [1]
    posted = events[0].posted
    assert batch_from_json(batch_to_json(posted)) == posted


@pytest.mark.parametrize("data", [b"", b"{}", b"[]", b'{"version":99}'])
def test_bad_snapshots_are_refused(data: bytes) -> None:
    with pytest.raises(ValueError):
        InboxTracker.restore(data, INBOX)


async def test_lies_are_noticed_and_change_nothing() -> None:
    l1 = FakeL1()
    l1.mine()
    pipeline = make(l1)
    await drain(pipeline)
    honest = l1.post(CHUNKS)
    for lie in (
        replace(honest, index=1), replace(honest, parent_hash=b"\x01" * 32), replace(honest, deposit_end=1),
        replace(honest, forced_start=1, forced_end=1),
    ):  # fmt: skip
        l1.pending, l1.batches = [], []
        l1.repost(lie)
        l1.mine()
        before = pipeline.tracker.snapshot()
        with pytest.raises(L1Inconsistent):
            await drain(pipeline)
        assert pipeline.tracker.snapshot() == before
        l1.reorg(1)
    l1.pending, l1.batches = [], []
    l1.repost(honest)
    l1.mine()
    assert seen(await drain(pipeline)) == [0]


async def test_l1_away_is_an_error_and_no_event() -> None:
    l1 = FakeL1()
    l1.mine(2)
    pipeline = make(l1)

    async def away() -> None:
        raise L1Unavailable("away")

    l1.head, head = away, l1.head  # type: ignore[method-assign]
    with pytest.raises(L1Unavailable):
        await pipeline.advance()
    l1.head = head  # type: ignore[method-assign]
    assert len(await drain(pipeline)) == 2


async def test_what_happened_before_a_failure_is_told() -> None:
    l1 = FakeL1()
    l1.mine()
    l1.post(CHUNKS)
    l1.mine()
    pipeline = make(l1)
    await drain(pipeline)
    l1.reorg(2)
    l1.mine()
    for _ in range(2):
        l1.post(CHUNKS)
        l1.mine()
    logs, calls = l1.logs, []

    async def second_fails(block_hash: bytes, addresses: list[bytes]) -> list:
        calls.append(block_hash)
        if len(calls) in (2, 3):
            raise L1Unavailable("away")
        return await logs(block_hash, addresses)

    l1.logs = second_fails  # type: ignore[method-assign]
    events = await pipeline.advance()
    assert isinstance(events[0], Rewound) and seen(events) == [0]
    with pytest.raises(L1Unavailable):
        await pipeline.advance()
    assert seen(await pipeline.advance()) == [1]


@pytest.mark.parametrize("finality", [None, 0, 5])
@pytest.mark.parametrize("seed", range(15))
def test_any_history_ends_where_a_fresh_reader_ends(seed: int, finality: int | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Random mining, posting, reorgs, withholding, restarts with a small window: the batches held are L1's. Also where L1
    says of blocks that they are final, and takes them back."""
    monkeypatch.setattr("derivation.pipeline.NEAR_HEAD", 2)
    monkeypatch.setattr("derivation.l1_reader.READ_AT_ONCE", 3)
    random = Random(seed)
    l1 = FakeL1()
    l1.finality = finality
    pipeline = make(l1, tracker=InboxTracker(INBOX, window=8))
    held: list[bytes] = []

    async def look() -> None:
        for event in await drain(pipeline):
            if isinstance(event, BatchSeen):
                held.append(event.hash)
            elif isinstance(event, Rewound):
                for posted in reversed(event.batches):
                    assert held.pop() == posted.hash
                if event.to is None:
                    held.clear()

    async def play() -> None:
        nonlocal pipeline
        for _ in range(60):
            match random.choice(["mine", "mine", "post", "post", "deposit", "force", "reorg", "look", "restart", "blobs"]):
                case "mine":
                    l1.mine(random.randint(1, 4))
                case "post":
                    l1.post(CHUNKS, max(FIRST - 1, l1.batches[-1][1].origin_number if l1.batches else 0,
                                        l1.blocks[-1].number - random.randint(0, 1)))  # fmt: skip
                    l1.mine()
                case "deposit":
                    l1.deposit(random.randbytes(20), random.randint(1, 99))
                    l1.mine()
                case "force":
                    l1.force(random.randbytes(5))
                    l1.mine()
                case "reorg" if len(l1.blocks) > 14:
                    l1.reorg(random.randint(1, 12))
                    l1.mine(random.randint(0, 3))
                case "look":
                    await look()
                case "restart":
                    restored = InboxTracker.restore(pipeline.tracker.snapshot(), INBOX, window=8)
                    pipeline = make(l1, tracker=restored)
                case "blobs":
                    l1.withheld = {each for each in l1.blobs if random.random() < 0.2}
        l1.withheld.clear()
        await look()

    asyncio.run(play())
    assert held == [header.hash for _, header in l1.batches]
    assert pipeline.tracker.deposit_count == len(l1.deposits) and pipeline.tracker.forced_count == len(l1.forced)
