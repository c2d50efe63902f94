"""The transaction manager on the embedded L1: blobs, reorgs, pipelining, restarts, reverts in words."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from l1.contracts import Inbox
from l1.fees import FeeCaps
from l1.txmanager import TransactionManager, TransactionPolicy, TransactionReverted, TxCandidate
from tests.e2e.devnet import Devnet

GWEI = 10**9
POLICY = TransactionPolicy(FeeCaps(500 * GWEI, 500 * GWEI, GWEI), resubmit_after=30, confirmations=2, poll=0.05)


def manager(net: Devnet, path: Path, account: int = 5) -> TransactionManager:
    return TransactionManager(net.rpc, net.account(account).key, 31337, path, POLICY)


async def in_pool(net: Devnet, count: int) -> None:
    async def reached() -> bool:
        return int((await net.rpc.request("txpool_status"))["pending"], 16) >= count

    await net.until(reached, f"{count} transactions in L1's pool")


async def test_blobs_survive_a_reorg_and_a_restart(tmp_path: Path) -> None:
    candidate = TxCandidate(b"\x01" * 20, blobs=(bytes(131072), b"\x00\x01" * 65536), label="blobs")
    async with Devnet(tmp_path, block_time=None) as net:
        async with manager(net, tmp_path) as transactions:
            send = asyncio.create_task(transactions.send(candidate))
            await in_pool(net, 1)
            await net.mine()
        await asyncio.gather(send, return_exceptions=True)
        await net.rpc.request("verdict_reorg", ["0x1", {"drop_transactions": True}])
        async with manager(net, tmp_path) as transactions:
            send = asyncio.create_task(transactions.send(candidate))
            await in_pool(net, 1)
            await net.mine(3)
            receipt = await asyncio.wait_for(send, 30)
            assert receipt.succeeded
            assert await transactions.send(candidate) == receipt
        assert int(await net.rpc.request("eth_getTransactionCount", [net.account(5).address, "latest"]), 16) == 1


async def test_many_at_once_keep_their_order(tmp_path: Path) -> None:
    async with Devnet(tmp_path, block_time=None) as net, manager(net, tmp_path) as transactions:
        sends = [asyncio.create_task(transactions.send(TxCandidate(b"\x01" * 20, value=i))) for i in range(8)]
        await in_pool(net, 8)
        await net.mine(3)
        receipts = await asyncio.wait_for(asyncio.gather(*sends), 30)
        values = [(await net.w3.eth.get_transaction(r.tx_hash))["value"] for r in receipts]  # type: ignore[arg-type]
        nonces = [(await net.w3.eth.get_transaction(r.tx_hash))["nonce"] for r in receipts]  # type: ignore[arg-type]
        assert values == list(range(8)) == nonces


async def test_a_revert_is_named_before_anything_is_sent(tmp_path: Path) -> None:
    async with Devnet(tmp_path) as net, manager(net, tmp_path) as transactions:
        with pytest.raises(TransactionReverted, match="NotSequencer"):
            await transactions.send(TxCandidate(bytes.fromhex(net.deployment.inbox[2:]),
                                                Inbox.post_batch(bytes(32), 0, (), b"\xc0")))
        assert transactions.in_flight == 0
