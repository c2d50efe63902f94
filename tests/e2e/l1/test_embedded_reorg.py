"""Reorgs on demand."""

from __future__ import annotations

import asyncio

import pytest
from web3 import AsyncWeb3, WebSocketProvider

from chain.events import NewHead
from l1.embedded.service import EmbeddedL1
from tests.e2e.l1.chain import Beacon, rpc, rpc_error, send
from tests.e2e.l1.test_embedded_blobs import BLOBS, blob_fields, eip4844_form


async def test_dropped_transactions_return_to_the_pool_and_are_mined_again(l1: EmbeddedL1, w3: AsyncWeb3) -> None:
    sender, receiver = l1.accounts[0], l1.accounts[1].address
    receipts = [await send(w3, sender, to=receiver, value=1) for _ in range(3)]
    before = await w3.eth.get_balance(receiver)
    done = await rpc(w3, "verdict_reorg", 2)
    assert done["removed"] == ["0x" + bytes(receipt.blockHash).hex() for receipt in reversed(receipts[1:])]
    assert (len(done["added"]), await w3.eth.block_number) == (3, 4)
    assert await w3.eth.get_balance(receiver) == before - 2
    assert await rpc(w3, "eth_getTransactionReceipt", "0x" + bytes(receipts[2].transactionHash).hex()) is None
    assert (await w3.eth.get_block(done["removed"][0])).number == 3  # still known by hash
    await rpc(w3, "evm_mine")
    again = await w3.eth.get_transaction_receipt(receipts[2].transactionHash)
    assert again.blockNumber == 5
    assert await w3.eth.get_balance(receiver) == before


async def test_dropped_for_good(l1: EmbeddedL1, w3: AsyncWeb3) -> None:
    receipt = await send(w3, l1.accounts[0], to=l1.accounts[1].address, value=1)
    await rpc(w3, "verdict_reorg", "0x1", {"drop_transactions": True})
    await rpc(w3, "evm_mine")
    assert await rpc(w3, "eth_getTransactionByHash", "0x" + bytes(receipt.transactionHash).hex()) is None
    assert await w3.eth.get_transaction_count(l1.accounts[0].address, "pending") == 0


async def test_included_again_in_another_block(l1: EmbeddedL1, w3: AsyncWeb3) -> None:
    receipts = [await send(w3, l1.accounts[0], to=l1.accounts[1].address, value=1) for _ in range(2)]
    await rpc(w3, "verdict_reorg", 2, {"include": True, "blocks": 1})
    assert await w3.eth.block_number == 1
    for old in receipts:
        new = await w3.eth.get_transaction_receipt(old.transactionHash)
        assert new.blockNumber == 1
        assert new.blockHash != old.blockHash


async def test_blobs_of_a_removed_block_come_back_with_their_transaction(
    l1: EmbeddedL1, w3: AsyncWeb3, beacon: Beacon
) -> None:
    raw = eip4844_form(l1, await blob_fields(w3, l1, l1.accounts[0]), BLOBS)
    sent = await w3.eth.send_raw_transaction(raw)
    await w3.eth.wait_for_transaction_receipt(sent, timeout=60)
    await rpc(w3, "verdict_reorg", 1)
    assert (await beacon.get("/eth/v1/beacon/blobs/head"))["data"] == []
    await rpc(w3, "evm_mine")
    assert (await w3.eth.get_transaction_receipt(sent)).status == 1
    assert (await beacon.get("/eth/v1/beacon/blobs/head"))["data"] == ["0x" + blob.hex() for blob in BLOBS]


async def test_no_deeper_than_the_chain(l1: EmbeddedL1, w3: AsyncWeb3) -> None:
    await rpc(w3, "anvil_mine", 2)
    for wrong in ([3], [0]):
        assert "can't drop" in (await rpc_error(w3, "verdict_reorg", *wrong))["message"]
    assert "unknown options" in (await rpc_error(w3, "verdict_reorg", 1, {"typo": True}))["message"]
    await rpc(w3, "verdict_reorg", 2)
    assert await w3.eth.block_number == 3


async def test_no_two_reorgs_make_the_same_block(l1: EmbeddedL1, w3: AsyncWeb3) -> None:
    await rpc(w3, "anvil_mine", 1)
    seen = {bytes((await w3.eth.get_block(1)).hash)}
    for count in range(2, 6):
        await rpc(w3, "verdict_reorg", await w3.eth.block_number, {"blocks": 1})
        seen.add(bytes((await w3.eth.get_block(1)).hash))
        assert len(seen) == count


async def test_followers_hear_what_was_removed_and_added(l1: EmbeddedL1, w3: AsyncWeb3) -> None:
    await rpc(w3, "anvil_mine", 3)
    with l1.node.events.subscribe() as subscription:
        done = await rpc(w3, "verdict_reorg", 2)
        event = await anext(subscription)
    assert isinstance(event, NewHead) and event.reorged
    assert ["0x" + header.hash.hex() for header in event.removed] == done["removed"]
    assert ["0x" + header.hash.hex() for header in event.added] == done["added"]
    assert event.header.hash == l1.node.head().hash


async def test_websocket_subscribers_see_the_new_branch(l1: EmbeddedL1, w3: AsyncWeb3) -> None:
    await rpc(w3, "anvil_mine", 2)
    async with AsyncWeb3(WebSocketProvider(l1.ws_url)) as socket, asyncio.timeout(60):
        await socket.eth.subscribe("newHeads")
        done = await rpc(w3, "verdict_reorg", 1)
        seen: list[str] = []
        async for message in socket.socket.process_subscriptions():
            seen.append("0x" + bytes(message["result"]["hash"]).hex())
            if len(seen) == 2:
                break
    assert seen == done["added"]


@pytest.mark.parametrize("rounds", [8])
async def test_reorgs_and_blocks_at_once_leave_one_chain(l1: EmbeddedL1, w3: AsyncWeb3, rounds: int) -> None:
    await rpc(w3, "anvil_mine", 4)
    calls = [rpc(w3, "verdict_reorg", 1 + i % 3) for i in range(rounds)]
    calls += [rpc(w3, "evm_mine") for _ in range(rounds)]
    calls += [send(w3, l1.accounts[0], to=l1.accounts[1].address, value=1, nonce=i) for i in range(rounds)]
    await asyncio.gather(*calls)
    header = l1.node.head()
    while header.number:
        assert l1.node.resolve(header.number) == header
        parent = l1.node.resolve(header.parent_hash)
        assert parent is not None and parent.timestamp < header.timestamp
        header = parent
