"""What the builder seals is, bit for bit, what derivation makes of the batch; and it survives restarts and reorgs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_hash.auto import keccak

from chain.mempool import PoolError, PoolLimits
from chain.store import ChainStore
from derivation.batch import BatchData, Deposit
from derivation.deriver import Deriver, derive_batch, stored_headers
from derivation.inputs import DerivationParams
from derivation.merkle import chunk_root
from execution.genesis import build_genesis
from execution.rules import Rules
from execution.types import Cursor, StepState
from l1.blobs import blob_versioned_hash
from l1.client import L1Inconsistent, L1Unavailable
from l1.fees import FeeMarket
from l1.rpc_errors import RpcError
from l1.worker_pool import WorkerPool
from sequencer.batcher import posting_call
from sequencer.batches import Anchor, L1Origin, LocalBatch, QueueSlice
from sequencer.builder import Builder
from sequencer.contest import Contest
from sequencer.data_policy import DataKind, DataPolicy
from sequencer.l1view import L1Snapshot
from sequencer.ledger import BatchLedger
from sequencer.node import L2Node
from sequencer.policy import BuilderSettings

CHAIN_ID = 42069
GWEI = 10**9
KEYS: list[LocalAccount] = [Account.from_key(bytes(31) + bytes([i])) for i in range(1, 5)]
PARAMS = DerivationParams(CHAIN_ID, b"\xfe" * 20, 30_000_000, 1800)
RULES = Rules(chain_id=CHAIN_ID)


class FakeL1:
    """One origin a test sets; every deposit and forced transaction is due."""

    def __init__(self) -> None:
        self.deposits: list[Deposit] = []
        self.forced: list[bytes] = []
        self.number, self.timestamp = 100, 1_000_000
        self.market: FeeMarket | None = None
        self.pages: dict[bytes, int] = {}  # L1 block in which one was published

    def snapshot(self) -> L1Snapshot:
        origin = L1Origin(self.number, keccak(b"l1" + bytes([self.number % 256])), self.timestamp, keccak(b"randao"), b"")
        return L1Snapshot(self.number, origin.hash, self.timestamp, origin, len(self.deposits), len(self.forced),
                          bytes(32), 0, bytes(20), 0, self.market)

    async def has_pages(self, pages: tuple[bytes, ...], number: int) -> bool:
        return all(self.pages.get(page, number + 1) <= number for page in pages)

    async def queue(self, at: L1Snapshot, tip: Anchor) -> QueueSlice:
        return QueueSlice(tip.deposit_end, tuple(self.deposits[tip.deposit_end:tip.deposit_end + 16]),
                          tip.forced_end, tuple(self.forced[tip.forced_end:tip.forced_end + 16]))


def noise(size: int, seed: int) -> bytes:
    """Bytes that don't shrink."""
    return Random(seed).randbytes(size)


class Bench:
    """A node with a builder, a settable clock, and a second store in which batches are derived."""

    def __init__(self, path: Path | None, data: DataPolicy | None = None, contest: Contest | None = None,
                 workers: WorkerPool | None = None) -> None:
        alloc = {bytes.fromhex(key.address[2:]): 10**20 for key in KEYS}
        self.genesis = build_genesis(alloc, CHAIN_ID, PARAMS.gas_limit, 0, GWEI)
        self.store = ChainStore.open(path, self.genesis)
        self.l1 = FakeL1()
        self.now = 1_000_001.0
        self.node = L2Node(self.store, RULES, PARAMS, PoolLimits(), clock=lambda: self.now)
        self.ledger = BatchLedger(self.store, CHAIN_ID)
        self.builder = Builder(self.node, self.ledger, self.l1, BuilderSettings(30, 1800, 7200, False),  # type: ignore[arg-type]
                               block_time=1, data=data or DataPolicy(), contest=contest, clock=lambda: self.now, workers=workers)

    async def tick(self) -> bool:
        self.now += 1
        return await self.builder.tick(self.l1.snapshot())

    def check_derivation(self) -> None:
        """Derives every closed batch on a fresh store and compares block by block."""
        with ChainStore.open(None, self.genesis) as store:
            state = StepState(self.genesis[0].state_root, self.genesis[0].hash, cursor=Cursor())
            for batch in self.ledger:
                if batch.header is None:
                    break
                chunks = self.ledger.encoder(batch).chunks()
                _, blobs = posting_call(batch, chunks)
                calldata = b"".join(chunks) if batch.header.in_calldata else b""
                assert not calldata or chunk_root(chunks) == batch.header.data_root
                assert [blob_versioned_hash(blob) for blob in blobs] == list(batch.header.blob_hashes)
                pages = tuple(page for pointer in batch.pages if (page := self.ledger.pages.get(pointer)))
                data = BatchData(batch.header, blobs, batch.queue.deposits, batch.queue.forced, None, pages, calldata)
                derived = derive_batch(Deriver(RULES, store, stored_headers(store.header_by_hash), state, data, PARAMS))
                assert [block.sealed.hash for block in derived.blocks] == [block.hash for block in batch.blocks]
                for block in derived.blocks:
                    store.put_block(block.sealed, block.nodes, block.codes, senders=block.senders)
                state = derived.final_state


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path / "chain")
    yield bench
    bench.store.close()


def transfer(key: int, nonce: int, *, data: bytes = b"", gas: int = 21000, tip: int = GWEI, chain_id: int = CHAIN_ID) -> bytes:
    fields = {"chainId": chain_id, "nonce": nonce, "gas": gas, "to": "0x" + "99" * 20, "value": 1, "type": 2,
              "data": data, "maxFeePerGas": 20 * GWEI, "maxPriorityFeePerGas": tip}
    return bytes(KEYS[key].sign_transaction(fields).raw_transaction)


async def test_blocks_are_what_derivation_derives(bench: Bench) -> None:
    bench.l1.deposits.append(Deposit(0, b"\x77" * 20, 5, 90))
    bench.l1.forced += [transfer(3, 0), b"\x02garbage", transfer(3, 7), transfer(3, 1)]
    assert await bench.tick()
    assert bench.node.store.world_at(bench.node.head()).get_balance(b"\x77" * 20) == 5 * GWEI
    for nonce in range(3):
        await bench.node.submit(transfer(0, nonce))
        await bench.node.submit(transfer(1, nonce, data=bytes(range(256)) * 9, gas=200_000, tip=2 * GWEI))
        assert await bench.tick()
    assert not await bench.tick()  # nothing to do, no empty block
    bench.now += 40
    assert not await bench.tick()
    batch = bench.ledger.get(0)
    assert batch is not None and batch.header is not None and len(batch.blocks) == 4
    assert len(bench.node.pool) == 0
    bench.l1.number, bench.l1.timestamp = 105, int(bench.now)
    await bench.node.submit(transfer(2, 0))
    assert await bench.tick()
    bench.now += 40
    await bench.tick()
    assert len(bench.ledger) == 2
    bench.check_derivation()


async def test_a_restart_goes_on_with_the_open_batch(tmp_path: Path) -> None:
    first = Bench(tmp_path / "chain")
    await first.node.submit(transfer(0, 0))
    assert await first.tick()
    first.store.close()
    second = Bench(tmp_path / "chain")
    second.now = first.now
    assert second.ledger.open_batch is not None
    await second.node.submit(transfer(0, 1))
    assert await second.tick()
    await second.builder.close("test")
    assert [len(second.store.block(b.hash).transactions) for b in second.ledger.get(0).blocks] == [1, 1]  # type: ignore[union-attr]
    second.check_derivation()
    second.store.close()


@pytest.mark.parametrize("trouble", [L1Unavailable("down"), L1Inconsistent("odd"), RpcError(-32000, "header not found")], ids=repr)
async def test_no_batch_is_begun_while_l1_gives_no_queue(bench: Bench, trouble: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    """It ended the sequencer once. L1 isn't asked again at once."""
    await bench.node.submit(transfer(0, 0))
    queue, asked = bench.l1.queue, 0

    async def failing(at: L1Snapshot, tip: Anchor) -> QueueSlice:
        nonlocal asked
        asked += 1
        raise trouble

    monkeypatch.setattr(bench.l1, "queue", failing)
    for _ in range(10):
        assert not await bench.tick()
    assert asked == 1
    bench.builder._ask_again_at = 0.0  # the wait is over
    assert not await bench.tick() and asked == 2
    monkeypatch.setattr(bench.l1, "queue", queue)
    bench.builder._ask_again_at = 0.0
    assert await bench.tick()
    await bench.builder.close("test")
    bench.check_derivation()


async def test_blobs_are_committed_to_in_another_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    workers = WorkerPool(1)
    bench = Bench(tmp_path / "chain", workers=workers)
    try:
        await bench.node.submit(transfer(0, 0))
        assert await bench.tick()
        with monkeypatch.context() as patched:
            patched.setattr("sequencer.builder.blob_versioned_hash", lambda blob: bytes(32))  # in this process only
            await bench.builder.close("test")
        bench.check_derivation()
    finally:
        workers.close()
        bench.store.close()


async def test_a_full_batch_is_closed_and_the_rest_goes_into_the_next(bench: Bench) -> None:
    size = 60_000
    for nonce in range(4):
        await bench.node.submit(transfer(0, nonce, data=noise(size, nonce), gas=16_000_000))
    for _ in range(12):
        await bench.tick()
    await bench.builder.close("test")
    assert len(bench.ledger) == 2 and len(bench.node.pool) == 0
    assert all(batch.header is not None and len(batch.header.blob_hashes) == 1 for batch in bench.ledger)
    bench.check_derivation()


async def test_truncating_returns_transactions_to_the_pool(bench: Bench) -> None:
    for nonce in range(2):
        await bench.node.submit(transfer(0, nonce))
        assert await bench.tick()
    _, switch = bench.ledger.truncate(0)
    bench.builder.forget()
    bench.node.announce(switch)
    assert bench.node.head().number == 0 and len(bench.node.pool) == 2
    assert await bench.tick()
    assert len(bench.node.pool) == 0
    await bench.builder.close("test")
    bench.check_derivation()


async def test_blob_transactions_are_refused_with_a_reason(bench: Bench) -> None:
    with pytest.raises(PoolError, match="blob transactions are not supported"):
        await bench.node.submit(b"\x03\xf8")


async def test_a_smaller_target_after_a_restart_closes_the_batch(tmp_path: Path) -> None:
    first = Bench(tmp_path / "chain", DataPolicy(target_blobs=3))
    for nonce in range(3):
        await first.node.submit(transfer(0, nonce, data=noise(60_000, nonce), gas=16_000_000))
    assert await first.tick()
    first.store.close()
    second = Bench(tmp_path / "chain")
    second.now = first.now
    assert not await second.tick()
    batch = second.ledger.get(0)
    assert batch is not None and batch.header is not None and len(batch.header.blob_hashes) == 2
    second.check_derivation()
    second.store.close()


# --- calldata, pages -----------------------------------------------------------------------------------------

CHEAP_BLOBS, DEAR_BLOBS = FeeMarket(GWEI, 0, 1), FeeMarket(GWEI, 0, 100 * GWEI)


def closed(bench: Bench, index: int) -> LocalBatch:
    batch = bench.ledger.get(index)
    assert batch is not None and batch.header is not None
    return batch


async def a_batch(bench: Bench, key: int, nonce: int) -> LocalBatch:
    await bench.node.submit(transfer(key, nonce, data=noise(300, nonce), gas=200_000))
    assert await bench.tick()
    bench.now += 40
    assert not await bench.tick()
    bench.l1.number, bench.l1.timestamp = bench.l1.number + 1, int(bench.now)
    return closed(bench, len(bench.ledger) - 1)


async def test_a_batch_in_calldata_is_closed_with_what_calldata_holds(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "chain", DataPolicy("calldata", target_blobs=6))
    for nonce in range(4):
        await bench.node.submit(transfer(0, nonce, data=noise(60_000, nonce), gas=16_000_000))
    for _ in range(12):
        await bench.tick()
    await bench.builder.close("test")
    assert len(bench.ledger) == 2 and len(bench.node.pool) == 0
    for index in range(2):
        header = closed(bench, index).header
        assert header is not None and header.in_calldata and 55 < header.chunk_count <= 61 and not header.blob_hashes
        call, blobs = posting_call(closed(bench, index), bench.ledger.encoder(closed(bench, index)).chunks())
        assert len(call) < 128 * 1024 - 1000 and not blobs
    bench.check_derivation()
    bench.store.close()


async def test_where_the_data_goes_follows_the_prices(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "chain", DataPolicy("auto", target_blobs=2))
    kinds = []
    for nonce, market in enumerate((CHEAP_BLOBS, DEAR_BLOBS, DEAR_BLOBS, CHEAP_BLOBS)):
        bench.l1.market = market
        batch = await a_batch(bench, 0, nonce)
        kinds.append(batch.header.in_calldata)  # type: ignore[union-attr]
        assert batch.max_blobs == (0 if market is DEAR_BLOBS else 2)
    assert kinds == [False, True, True, False]
    bench.check_derivation()
    bench.store.close()


async def test_pages_are_named_once_l1_has_them_and_kept_over_a_restart(tmp_path: Path) -> None:
    """The open batch goes on with the pages it was begun with; the next one names the new ones."""
    page, other = noise(2000, 7), noise(2000, 8)
    first = Bench(tmp_path / "chain", DataPolicy(pages=(b"\x01" * 20,)))
    first.ledger.pages.put({b"\x01" * 20: page})
    first.l1.pages[b"\x01" * 20] = 101
    assert (await a_batch(first, 0, 0)).header.pages == ()  # type: ignore[union-attr]  # the origin is 100
    assert (await a_batch(first, 0, 1)).header.pages == (b"\x01" * 20,)  # type: ignore[union-attr]
    await first.node.submit(transfer(0, 2, data=page[:1000], gas=300_000))
    assert await first.tick()
    first.store.close()
    second = Bench(tmp_path / "chain", DataPolicy("calldata", pages=(b"\x02" * 20, b"\x01" * 20)))
    second.ledger.pages.put({b"\x02" * 20: other})
    second.l1.pages = {b"\x01" * 20: 101, b"\x02" * 20: 101}
    second.now, second.l1.number, second.l1.timestamp = first.now, first.l1.number, first.l1.timestamp
    await second.node.submit(transfer(0, 3, data=page[1000:], gas=300_000))
    assert await second.tick()
    await second.builder.close("test")
    assert closed(second, 2).pages == (b"\x01" * 20,)
    assert closed(second, 2).transactions == 2 and closed(second, 2).transaction_bytes > 2000
    assert closed(second, 2).header.chunk_count == 1  # type: ignore[union-attr]  # its data is in the page
    second.l1.number, second.l1.timestamp = 110, int(second.now)
    assert (await a_batch(second, 0, 4)).pages == (b"\x02" * 20, b"\x01" * 20)
    second.check_derivation()
    second.store.close()


async def test_the_ledger_remembers_kind_and_cost(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "chain", DataPolicy("calldata"))
    assert bench.ledger.last_kind() is None
    batch = await a_batch(bench, 0, 0)
    bench.ledger.note_cost(batch, 12345)
    bench.store.close()
    again = Bench(tmp_path / "chain")
    assert again.ledger.last_kind() is DataKind.CALLDATA
    assert closed(again, 0).cost == 12345 and closed(again, 0).header == batch.header
    again.ledger.note_cost(closed(again, 0).closed((), 0), 1)  # another batch with that index
    assert closed(again, 0).cost == 12345
    again.store.close()


def paid_on(key: int, nonce: int, to: LocalAccount, value: int) -> bytes:
    fields = {"chainId": CHAIN_ID, "nonce": nonce, "gas": 21000, "to": to.address, "value": value, "type": 2,
              "maxFeePerGas": 20 * GWEI, "maxPriorityFeePerGas": GWEI}
    return bytes(KEYS[key].sign_transaction(fields).raw_transaction)


async def test_what_dropped_blocks_had_comes_back_when_it_can_be_paid(bench: Bench) -> None:
    """A deposit and a payment, spent in the next block. When both blocks are gone nobody has the money, so the pool can take
    neither; as the money comes again, so do they."""
    heir, owner = Account.create(), Account.create()
    bench.l1.deposits = [Deposit(0, bytes.fromhex(owner.address[2:]), 10**9, 90)]
    await bench.node.submit(paid_on(0, 0, heir, 10**18))
    assert await bench.tick()
    spent = []
    for account in (heir, owner):
        raw = bytes(account.sign_transaction({
            "chainId": CHAIN_ID, "nonce": 0, "gas": 21000, "to": "0x" + "99" * 20, "value": 5, "type": 2,
            "maxFeePerGas": 20 * GWEI, "maxPriorityFeePerGas": GWEI}).raw_transaction)
        await bench.node.submit(raw)
        spent.append(raw)
    assert await bench.tick()
    await bench.node.submit(late := bytes(heir.sign_transaction({
        "chainId": CHAIN_ID, "nonce": 1, "gas": 21000, "to": "0x" + "99" * 20, "value": 6, "type": 2,
        "maxFeePerGas": 20 * GWEI, "maxPriorityFeePerGas": GWEI}).raw_transaction))  # still in the pool

    _, switch = bench.ledger.truncate(0)
    bench.builder.forget()
    bench.node.announce(switch)
    assert len(bench.node.pool) == 1 and len(bench.node.displaced) == 3
    for _ in range(3):
        await bench.tick()
    assert len(bench.node.displaced) == len(bench.node.pool) == 0
    blocks = [bench.store.block(block.hash) for block in bench.ledger.open_batch.blocks]  # type: ignore[union-attr]
    included = [raw for block in blocks for raw in block.transactions]  # type: ignore[union-attr]
    assert sorted(included) == sorted([paid_on(0, 0, heir, 10**18), *spent, late])


async def test_what_cannot_be_paid_for_an_hour_is_forgotten(bench: Bench) -> None:
    poor = Account.create()
    raw = bytes(poor.sign_transaction({
        "chainId": CHAIN_ID, "nonce": 0, "gas": 21000, "to": "0x" + "99" * 20, "value": 5, "type": 2,
        "maxFeePerGas": 20 * GWEI, "maxPriorityFeePerGas": GWEI}).raw_transaction)
    bench.node.displaced.take([(raw, bench.node.pool.decode(raw))])
    await bench.node.submit(transfer(0, 0))
    assert await bench.tick() and len(bench.node.displaced) == 1
    bench.now += 3600
    bench.l1.number, bench.l1.timestamp = 400, int(bench.now)
    await bench.builder.close("test")
    await bench.node.submit(transfer(0, 1))
    assert await bench.tick() and len(bench.node.displaced) == 0


async def test_deposits_alone_are_left_to_others_where_they_post(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "chain", contest=Contest(b"\x0a" * 20, due_patience=20))
    await bench.node.submit(transfer(0, 0))
    await bench.tick()
    await bench.builder.close("test")
    bench.l1.deposits = [Deposit(0, b"\x77" * 20, 10**9, 90)]
    bench.l1.number, bench.l1.timestamp = 101, int(bench.now) + 1
    closed = bench.ledger.get(0)
    assert closed is not None
    bench.ledger.put(replace(closed, foreign=True))
    for _ in range(20):
        assert not await bench.tick()
    assert await bench.tick(), "nobody else took it"
    bench.store.close()
