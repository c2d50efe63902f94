"""What the builder seals is, bit for bit, what derivation makes of the batch; and it survives restarts and reorgs."""

from __future__ import annotations

from collections.abc import Iterator
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
from execution.genesis import build_genesis
from execution.rules import Rules
from execution.types import Cursor, StepState
from sequencer.batches import Anchor, L1Origin, QueueSlice
from sequencer.builder import Builder
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

    def snapshot(self) -> L1Snapshot:
        origin = L1Origin(self.number, keccak(b"l1" + bytes([self.number % 256])), self.timestamp, keccak(b"randao"), b"")
        return L1Snapshot(self.number, origin.hash, self.timestamp, origin, len(self.deposits), len(self.forced),
                          bytes(32), 0, bytes(20), 0)

    async def queue(self, at: L1Snapshot, tip: Anchor) -> QueueSlice:
        return QueueSlice(tip.deposit_end, tuple(self.deposits[tip.deposit_end:tip.deposit_end + 16]),
                          tip.forced_end, tuple(self.forced[tip.forced_end:tip.forced_end + 16]))


def noise(size: int, seed: int) -> bytes:
    """Bytes that don't shrink."""
    return Random(seed).randbytes(size)


class Bench:
    """A node with a builder, a settable clock, and a second store in which batches are derived."""

    def __init__(self, path: Path | None, target_blobs: int = 1) -> None:
        alloc = {bytes.fromhex(key.address[2:]): 10**20 for key in KEYS}
        self.genesis = build_genesis(alloc, CHAIN_ID, PARAMS.gas_limit, 0, GWEI)
        self.store = ChainStore.open(path, self.genesis)
        self.l1 = FakeL1()
        self.now = 1_000_001.0
        self.target_blobs = target_blobs
        self.node = L2Node(self.store, RULES, PARAMS, PoolLimits(), clock=lambda: self.now)
        self.ledger = BatchLedger(self.store, CHAIN_ID)
        self.builder = Builder(self.node, self.ledger, self.l1, BuilderSettings(30, 1800, 7200, False),  # type: ignore[arg-type]
                               block_time=1, target_blobs=target_blobs, clock=lambda: self.now)

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
                blobs = tuple(self.ledger.encoder(batch).blobs())
                data = BatchData(batch.header, blobs, batch.queue.deposits, batch.queue.forced)
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
    first = Bench(tmp_path / "chain", target_blobs=3)
    for nonce in range(3):
        await first.node.submit(transfer(0, nonce, data=noise(60_000, nonce), gas=16_000_000))
    assert await first.tick()
    first.store.close()
    second = Bench(tmp_path / "chain", target_blobs=1)
    second.now = first.now
    assert not await second.tick()
    batch = second.ledger.get(0)
    assert batch is not None and batch.header is not None and len(batch.header.blob_hashes) == 2
    second.check_derivation()
    second.store.close()
