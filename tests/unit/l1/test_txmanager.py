"""The transaction manager against a scripted L1. Time is the test's; waiting is for conditions, never for a while."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from scripted_l1 import GWEI, ScriptedL1

from l1.fees import FeeCaps
from l1.journal import KeyInUse
from l1.rpc_errors import RpcError
from l1.txmanager import (
    InsufficientFunds,
    TransactionManager,
    TransactionPolicy,
    TransactionRefused,
    TransactionReverted,
    TxCandidate,
)
from l1.worker_pool import WorkerPool

KEY = bytes(31) + b"\x07"
TO = b"\x11" * 20
REVERT = bytes.fromhex("08c379a0") + bytes(31) + b"\x20" + bytes(31) + b"\x04" + b"nope" + bytes(28)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def manager(l1: ScriptedL1, path: Path, clock: Clock | None = None, *, confirmations: int = 0,
            max_fee: int = 500 * GWEI, workers: WorkerPool | None = None) -> TransactionManager:
    caps = FeeCaps(max_fee=max_fee, max_blob_fee=500 * GWEI, min_tip=GWEI)
    policy = TransactionPolicy(caps, resubmit_after=48, confirmations=confirmations, poll=0.001)
    return TransactionManager(l1, KEY, l1.chain_id, path, policy, clock=clock or Clock(), workers=workers)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):  # loading KZG's setup has taken 11 s on a machine that was busy
        while not condition():
            await asyncio.sleep(0.001)


async def ticks(l1: ScriptedL1, count: int = 3) -> None:
    start = l1.methods.count("eth_blockNumber")
    await until(lambda: l1.methods.count("eth_blockNumber") >= start + count)


async def test_concurrent_sends_take_nonces_in_order(tmp_path: Path) -> None:
    l1 = ScriptedL1()
    async with manager(l1, tmp_path) as transactions:
        sends = [asyncio.create_task(transactions.send(TxCandidate(TO, bytes([i])))) for i in range(5)]
        await until(lambda: len(l1.pool) == 5)
        assert [tx.nonce for tx in l1.received] == list(range(5))
        l1.mine()
        receipts = await asyncio.gather(*sends)
    assert [r.tx_hash for r in receipts] == [bytes.fromhex(tx.hash[2:]) for tx in l1.received]
    assert l1.received[0].max_fee == 3 * GWEI


async def test_fee_spike_is_outbid_at_once_and_caps_are_kept(tmp_path: Path) -> None:
    l1 = ScriptedL1()
    async with manager(l1, tmp_path, max_fee=50 * GWEI) as transactions:
        send = asyncio.create_task(transactions.send(TxCandidate(TO)))
        await until(lambda: len(l1.received) == 1)
        l1.base_fee = 20 * GWEI
        await until(lambda: len(l1.received) == 2)
        assert l1.received[1].max_fee == 41 * GWEI
        l1.base_fee = 60 * GWEI
        await until(lambda: len(l1.received) == 3)
        assert l1.received[2].max_fee == 50 * GWEI
        l1.base_fee = 70 * GWEI
        await ticks(l1)
        assert len(l1.received) == 3  # nodes would want 55 gwei, the cap is 50
        l1.base_fee = 40 * GWEI
        l1.mine()
        assert (await send).tx_hash.hex() == l1.received[2].hash[2:]


async def test_waiting_too_long_bumps_by_a_tenth(tmp_path: Path) -> None:
    l1, clock = ScriptedL1(), Clock()
    async with manager(l1, tmp_path, clock) as transactions:
        send = asyncio.create_task(transactions.send(TxCandidate(TO)))
        await until(lambda: len(l1.received) == 1)
        await ticks(l1)
        assert len(l1.received) == 1
        clock.now = 48
        await until(lambda: len(l1.received) == 2)
        assert (l1.received[1].tip, l1.received[1].max_fee) == (11 * GWEI // 10, 33 * GWEI // 10)
        l1.mine()
        await send


async def test_blob_transactions_double_and_flip_the_sidecar_format(tmp_path: Path) -> None:
    l1, clock = ScriptedL1(refuse_cell_proofs=True, blob_base_fee=10), Clock()
    async with manager(l1, tmp_path, clock) as transactions:
        send = asyncio.create_task(transactions.send(TxCandidate(TO, blobs=(bytes(131072),))))
        await until(lambda: len(l1.received) == 1)
        clock.now = 50
        await until(lambda: len(l1.received) == 2)
        assert [(tx.tip, tx.max_fee, tx.blob_fee) for tx in l1.received] == [
            (GWEI, 3 * GWEI, 20), (2 * GWEI, 6 * GWEI, 40)]
        l1.mine()
        await send


async def test_kzg_is_computed_in_another_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It holds the GIL for a quarter of a second a blob: JSON-RPC of the same daemon would stand still."""
    def here(*_: object) -> None:
        raise AssertionError("computed in this process")

    for name in ("commitment_of", "trusted_setup"):
        monkeypatch.setattr(f"l1.signing.{name}", here)
    l1, workers = ScriptedL1(), WorkerPool(1)
    try:
        async with manager(l1, tmp_path, workers=workers) as transactions:
            send = asyncio.create_task(transactions.send(TxCandidate(TO, blobs=(bytes(131072),))))
            async with asyncio.timeout(90):  # a process starts, and loads the setup
                while not l1.received:
                    assert not send.done()
                    await asyncio.sleep(0.01)
            l1.mine()
            await send
    finally:
        workers.close()


async def test_dropped_transaction_is_broadcast_again(tmp_path: Path) -> None:
    l1 = ScriptedL1()
    async with manager(l1, tmp_path) as transactions:
        send = asyncio.create_task(transactions.send(TxCandidate(TO)))
        await until(lambda: len(l1.received) == 1)
        l1.pool.clear()
        await until(lambda: len(l1.received) == 2)
        assert l1.received[0].hash == l1.received[1].hash
        l1.mine()
        await send


@pytest.mark.parametrize("keep_in_pool", [True, False])
async def test_reorged_receipt_is_waited_for_again(tmp_path: Path, keep_in_pool: bool) -> None:
    l1 = ScriptedL1()
    async with manager(l1, tmp_path, confirmations=2) as transactions:
        send = asyncio.create_task(transactions.send(TxCandidate(TO)))
        await until(lambda: len(l1.received) == 1)
        l1.mine()
        l1.mine()
        await ticks(l1)
        assert not send.done()
        l1.reorg(2, keep_in_pool=keep_in_pool)
        await until(lambda: len(l1.pool) == 1)
        for _ in range(3):
            l1.mine()
        assert (await send).block_number == 1


async def test_an_earlier_version_may_be_the_one_that_is_mined(tmp_path: Path) -> None:
    l1, clock = ScriptedL1(), Clock()
    async with manager(l1, tmp_path, clock) as transactions:
        send = asyncio.create_task(transactions.send(TxCandidate(TO)))
        await until(lambda: len(l1.received) == 1)
        first = l1.received[0]
        clock.now = 50
        await until(lambda: len(l1.received) == 2)
        l1.pool[(first.sender, 0)] = first
        l1.mine()
        assert (await send).tx_hash.hex() == first.hash[2:]


async def test_a_nonce_used_by_someone_else_is_replaced_by_a_new_one(tmp_path: Path) -> None:
    l1 = ScriptedL1()
    async with manager(l1, tmp_path) as transactions:
        send = asyncio.create_task(transactions.send(TxCandidate(TO, label="a")))
        await until(lambda: len(l1.received) == 1)
        l1.usurp(l1.received[0].sender, 0)
        await until(lambda: len(l1.received) == 2)
        assert l1.received[1].nonce == 1
        l1.mine()
        assert (await send).succeeded


async def test_a_foreign_pending_transaction_is_outbid(tmp_path: Path) -> None:
    l1 = ScriptedL1()
    async with manager(l1, tmp_path / "lost") as transactions:
        lost = asyncio.create_task(transactions.send(TxCandidate(TO)))
        await until(lambda: len(l1.received) == 1)
    assert lost.cancelled() or isinstance(await asyncio.gather(lost, return_exceptions=True), list)
    async with manager(l1, tmp_path / "new") as transactions:
        send = asyncio.create_task(transactions.send(TxCandidate(TO, b"other")))
        await until(lambda: len(l1.received) == 2)
        l1.mine()
        assert (await send).tx_hash.hex() == l1.received[1].hash[2:]


async def test_restart_resumes_and_never_sends_a_label_twice(tmp_path: Path) -> None:
    l1 = ScriptedL1()
    candidate = TxCandidate(TO, b"x", blobs=(bytes(131072),), label="batch-1")
    async with manager(l1, tmp_path) as transactions:
        first = asyncio.create_task(transactions.send(candidate))
        await until(lambda: len(l1.received) == 1)
        with pytest.raises(KeyInUse):
            await manager(l1, tmp_path).__aenter__()
    await asyncio.gather(first, return_exceptions=True)
    l1.pool.clear()  # the node restarted, too
    async with manager(l1, tmp_path) as transactions:
        send = asyncio.create_task(transactions.send(candidate))
        await until(lambda: len(l1.received) == 2)
        assert l1.received[0].hash == l1.received[1].hash
        l1.mine()
        receipt = await send
    async with manager(l1, tmp_path) as transactions:
        assert await transactions.send(candidate) == receipt
        assert transactions.in_flight == 0
    assert len(l1.received) == 2


async def test_what_was_in_flight_without_a_label_is_not_sent_beside_itself(tmp_path: Path) -> None:
    l1 = ScriptedL1()
    async with manager(l1, tmp_path) as transactions:
        first = asyncio.create_task(transactions.send(TxCandidate(TO, b"withdraw")))
        await until(lambda: len(l1.received) == 1)
    await asyncio.gather(first, return_exceptions=True)
    async with manager(l1, tmp_path) as transactions:
        again = asyncio.create_task(transactions.send(TxCandidate(TO, b"withdraw")))
        another = asyncio.create_task(transactions.send(TxCandidate(TO, b"withdraw")))  # of this run: that is one more
        await until(lambda: len({each.nonce for each in l1.received}) == 2)
        l1.mine()
        receipts = await asyncio.gather(again, another)
    assert [bytes.fromhex(l1.received[0].hash[2:]) == each.tx_hash for each in receipts] == [True, False]


async def test_offline_node_is_retried(tmp_path: Path) -> None:
    l1 = ScriptedL1()
    async with manager(l1, tmp_path) as transactions:
        send = asyncio.create_task(transactions.send(TxCandidate(TO)))
        await until(lambda: len(l1.received) == 1)
        l1.offline = True
        await until(lambda: l1.methods[-3:] == ["eth_blockNumber"] * 3)
        l1.offline = False
        l1.mine()
        assert (await send).succeeded


async def test_failing_estimate_raises_the_reason_and_sends_nothing(tmp_path: Path) -> None:
    l1 = ScriptedL1(estimate_error=RpcError(3, "execution reverted", "0x" + REVERT.hex()))
    async with manager(l1, tmp_path) as transactions:
        with pytest.raises(TransactionReverted, match="nope"):
            await transactions.send(TxCandidate(TO))
    assert not l1.received


async def test_revert_on_chain_raises_with_receipt_and_frees_the_label(tmp_path: Path) -> None:
    l1 = ScriptedL1(revert_next=True, call_error=RpcError(3, "execution reverted", "0x" + REVERT.hex()))
    async with manager(l1, tmp_path) as transactions:
        send = asyncio.create_task(transactions.send(TxCandidate(TO, label="a")))
        await until(lambda: len(l1.received) == 1)
        l1.mine()
        with pytest.raises(TransactionReverted, match="nope") as caught:
            await send
        assert caught.value.receipt is not None
        again = asyncio.create_task(transactions.send(TxCandidate(TO, label="a")))
        await until(lambda: len(l1.received) == 2)
        l1.mine()
        assert (await again).succeeded


async def test_insufficient_funds_are_said_clearly_and_the_nonce_is_free(tmp_path: Path) -> None:
    l1 = ScriptedL1(balance_ok=False)
    async with manager(l1, tmp_path) as transactions:
        with pytest.raises(InsufficientFunds, match="insufficient funds"):
            await transactions.send(TxCandidate(TO))
        l1.balance_ok = True
        send = asyncio.create_task(transactions.send(TxCandidate(TO)))
        await until(lambda: len(l1.received) == 1)
        assert l1.received[0].nonce == 0
        l1.mine()
        await send


async def test_a_nonce_gap_left_by_a_reorg_is_filled(tmp_path: Path) -> None:
    l1 = ScriptedL1()
    async with manager(l1, tmp_path) as transactions:
        first = asyncio.create_task(transactions.send(TxCandidate(TO, b"a")))
        await until(lambda: len(l1.received) == 1)
        l1.mine()
        await first
        second = asyncio.create_task(transactions.send(TxCandidate(TO, b"b")))
        await until(lambda: len(l1.received) == 2)
        l1.reorg(1)  # the first one is gone, nobody remembers it
        await until(lambda: len(l1.received) == 3)
        assert [tx.nonce for tx in l1.received] == [0, 1, 0]
        l1.mine()
        assert (await second).tx_hash.hex() == l1.received[1].hash[2:]


async def test_cancelling_a_send_leaves_it_in_flight(tmp_path: Path) -> None:
    l1 = ScriptedL1()
    async with manager(l1, tmp_path) as transactions:
        send = asyncio.create_task(transactions.send(TxCandidate(TO, label="a")))
        await asyncio.sleep(0)
        send.cancel()
        other = asyncio.create_task(transactions.send(TxCandidate(TO, label="b")))
        await until(lambda: len(l1.received) == 2)
        assert sorted(tx.nonce for tx in l1.received) == [0, 1]
        again = asyncio.create_task(transactions.send(TxCandidate(TO, label="a")))
        await ticks(l1)
        l1.mine()
        assert {(await other).succeeded, (await again).succeeded} == {True}
        assert len(l1.received) == 2


async def test_a_finished_transaction_that_a_reorg_brings_back_counts(tmp_path: Path) -> None:
    l1 = ScriptedL1()
    async with manager(l1, tmp_path) as transactions:
        first = asyncio.create_task(transactions.send(TxCandidate(TO, label="a")))
        await until(lambda: len(l1.received) == 1)
        l1.mine()
        await first
        l1.reorg(1)
        l1.base_fee *= 2
        again = asyncio.create_task(transactions.send(TxCandidate(TO, label="a")))
        await until(lambda: len(l1.received) == 2)
        old, new = l1.received
        assert old.nonce == new.nonce and old.hash != new.hash
        l1.pool[(old.sender, 0)] = old
        l1.mine()
        assert (await again).tx_hash.hex() == old.hash[2:]
        assert (await transactions.send(TxCandidate(TO, label="a"))).tx_hash.hex() == old.hash[2:]


async def test_a_finished_transaction_that_fails_after_a_reorg_is_sent_again(tmp_path: Path) -> None:
    """A challenge was mined before the assertion it is about, once L1 had gone back. It counted as made for ever."""
    l1 = ScriptedL1()
    async with manager(l1, tmp_path) as transactions:
        first = asyncio.create_task(transactions.send(TxCandidate(TO, label="a")))
        await until(lambda: len(l1.received) == 1)
        l1.mine()
        assert (await first).succeeded
        l1.reorg(1, keep_in_pool=True)
        l1.revert_next = True
        l1.mine()
        again = asyncio.create_task(transactions.send(TxCandidate(TO, label="a")))
        await until(lambda: len(l1.received) == 2)
        l1.mine()
        receipt = await again
        assert receipt.succeeded and receipt.tx_hash.hex() == l1.received[1].hash[2:] and l1.received[1].nonce == 1
        assert (await transactions.send(TxCandidate(TO, label="a"))).tx_hash == receipt.tx_hash and len(l1.received) == 2


@pytest.mark.parametrize("odd", [None, "", 7, {}, [], "0xzz"], ids=repr)
async def test_answers_of_the_wrong_type_are_waited_out(tmp_path: Path, odd: object) -> None:
    """They ended the manager's task once, and with it everything that would ever be sent, without a word."""
    l1 = ScriptedL1()
    async with manager(l1, tmp_path) as transactions:
        sending = asyncio.create_task(transactions.send(TxCandidate(TO, b"\x01")))
        await until(lambda: len(l1.pool) == 1)
        request = l1.request

        async def oddly(method: str, params: list[object]) -> object:
            await request(method, params)
            return odd

        l1.request = oddly  # type: ignore[method-assign]
        await ticks(l1, 6)
        l1.request = request  # type: ignore[method-assign]
        l1.mine()
        assert (await asyncio.wait_for(sending, 10)).succeeded


async def test_nothing_is_sent_where_there_is_no_contract(tmp_path: Path) -> None:
    """On another L1 than the one that it was meant for."""
    l1 = ScriptedL1()
    code = "0x"
    l1.eth_getCode = lambda address, block: code  # type: ignore[attr-defined]
    policy = TransactionPolicy(FeeCaps(500 * GWEI, 500 * GWEI, GWEI), poll=0.001, only_to_code=True)
    async with TransactionManager(l1, KEY, l1.chain_id, tmp_path, policy, clock=Clock()) as transactions:
        with pytest.raises(TransactionRefused, match="no contract at 0x11"):
            await transactions.send(TxCandidate(TO, b"\x01", value=10**18))
        assert not l1.pool and not transactions.in_flight
        code = "0x60"
        sending = asyncio.create_task(transactions.send(TxCandidate(TO, b"\x01", value=10**18)))
        await until(lambda: len(l1.pool) == 1)
        l1.mine()
        assert (await sending).succeeded
