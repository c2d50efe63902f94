"""The sequencer against an embedded L1 over real sockets: from a wallet's transaction to a confirmed assertion."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from web3 import AsyncWeb3

from challenger.game import Status
from tests.e2e.devnet import ETHER, SEQUENCER, USER, Devnet

FAST = {"sequencer.batch_interval": "1s"}


async def status(l2: AsyncWeb3) -> dict[str, Any]:
    answer = await l2.provider.make_request("verdict_syncStatus", [])  # type: ignore[arg-type]
    return answer["result"]


async def batch(l2: AsyncWeb3, index: int) -> Any:
    return (await l2.provider.make_request("verdict_batch", [index]))["result"]  # type: ignore[arg-type]


async def safe_at_least(net: Devnet, l2: AsyncWeb3, number: int) -> dict[str, Any]:
    async def reached() -> Any:
        found = await status(l2)
        return found if found["safe"]["number"] >= number else None

    return await net.until(reached, f"block {number} is safe")


async def transfer(net: Devnet, l2: AsyncWeb3, value: int = 1) -> Any:
    return await net.send(l2, net.account(USER), to="0x" + "99" * 20, value=value, gas=21000)


async def test_from_a_transaction_to_a_confirmed_assertion(tmp_path: Path) -> None:
    async with Devnet(tmp_path, FAST) as net, net.sequencer():
        l2 = net.l2()
        receipts = [await transfer(net, l2, value=i) for i in range(1, 4)]
        assert all(receipt["status"] == 1 for receipt in receipts)
        assert await l2.eth.get_balance(l2.to_checksum_address("0x" + "99" * 20)) == 6
        last = receipts[-1]["blockNumber"]
        found = await safe_at_least(net, l2, last)
        assert found["alarms"] == 0
        first = await batch(l2, 0)
        assert first["onL1"] and first["blocks"][0] == "0x" + (await l2.eth.get_block(1))["hash"].hex().removeprefix("0x")

        async def asserted() -> Any:
            return len(await net.events("AssertionMade")) >= found["derivedBatches"]

        await net.until(asserted, "every batch is asserted")
        await net.travel(601)

        async def confirmed() -> Any:
            return await net.confirmed_batches() >= found["derivedBatches"]

        await net.until(confirmed, "every batch is confirmed")

        async def finalized() -> Any:
            return (await l2.eth.get_block("finalized"))["number"] >= last

        await net.until(finalized, "the last transfer is final")

        async def paid_back() -> Any:
            owner = net.account(SEQUENCER).address
            return await net.contracts.rollup.functions.credit(owner).call() == 0

        await net.until(paid_back, "bonds are withdrawn")
        await l2.provider.disconnect()  # type: ignore[attr-defined]


async def test_deposits_and_forced_transactions_arrive(tmp_path: Path) -> None:
    async with Devnet(tmp_path, FAST) as net, net.sequencer():
        l2 = net.l2()
        user, recipient = net.account(5), l2.to_checksum_address("0x" + "77" * 20)
        await net.send(net.w3, user, to=net.deployment.portal, value=ETHER,
                       data=net.contracts.portal.encode_abi("deposit", [recipient]))
        raw = user.sign_transaction({
            "chainId": 42069, "nonce": 0, "gas": 21000, "to": recipient, "value": 7, "type": 2,
            "maxFeePerGas": 10**10, "maxPriorityFeePerGas": 0}).raw_transaction
        await net.send(net.w3, user, to=net.deployment.inbox, value=ETHER // 1000,
                       data=net.contracts.inbox.encode_abi("forceTransaction", [bytes(raw)]))

        async def arrived() -> Any:
            return await l2.eth.get_balance(recipient) == ETHER + 7

        await net.until(arrived, "deposit and forced transaction are on L2")
        found = await safe_at_least(net, l2, (await l2.eth.get_block("latest"))["number"])
        assert found["alarms"] == 0
        await l2.provider.disconnect()  # type: ignore[attr-defined]


async def test_killed_at_any_moment_it_goes_on(tmp_path: Path) -> None:
    async with Devnet(tmp_path, FAST) as net:
        l2 = net.l2()
        numbers: list[int] = []
        for _ in range(3):
            async with net.sequencer() as daemon:
                for number in numbers:
                    assert await l2.eth.get_block(number)
                numbers.append((await transfer(net, l2))["blockNumber"])
                await daemon.kill()
        async with net.sequencer():
            found = await safe_at_least(net, l2, numbers[-1])
            assert found["alarms"] == 0
            assert await l2.eth.get_transaction_count(net.account(USER).address) == 3
        await l2.provider.disconnect()  # type: ignore[attr-defined]


async def test_an_l1_reorg_puts_batches_back_without_changing_l2(tmp_path: Path) -> None:
    """The batch's transaction is dropped with the block that had it; origin and queue stay canonical."""
    async with Devnet(tmp_path, FAST) as net, net.sequencer():
        l2 = net.l2()
        receipt = await transfer(net, l2)
        await safe_at_least(net, l2, receipt["blockNumber"])
        before = await l2.eth.get_block(receipt["blockNumber"])
        included = (await batch(l2, 0))["l1Block"]
        depth = (await net.rpc.head()).number - included + 1
        await net.rpc.request("verdict_reorg", [hex(depth), {"drop_transactions": True}])

        async def again() -> Any:
            record = await batch(l2, 0)
            head = await net.rpc.block(record["l1Block"]) if record and record["onL1"] else None
            return head is not None and await net.contracts.inbox.functions.headBatch().call() and record

        await net.until(again, "the batch is on L1 again")
        found = await safe_at_least(net, l2, receipt["blockNumber"])
        assert found["alarms"] == 0
        assert (await l2.eth.get_block(receipt["blockNumber"]))["hash"] == before["hash"]
        await l2.provider.disconnect()  # type: ignore[attr-defined]


async def test_an_origin_reorged_away_rebuilds_the_unsafe_chain(tmp_path: Path) -> None:
    async with Devnet(tmp_path, FAST) as net, net.sequencer():
        l2 = net.l2()
        receipt = await transfer(net, l2)
        await safe_at_least(net, l2, receipt["blockNumber"])
        origin = (await batch(l2, 0))["origin"]
        depth = (await net.rpc.head()).number - origin + 1
        if origin <= net.deployment.block_number + 3:  # would take the contracts away, too
            depth = (await net.rpc.head()).number - (net.deployment.block_number + 3)
        await net.rpc.request("verdict_reorg", [hex(depth), {"drop_transactions": True}])

        async def there() -> Any:
            found = await status(l2)
            sent = await l2.eth.get_transaction_count(net.account(USER).address)
            return found if sent == 1 and found["safe"]["number"] >= 1 and found["l1Failure"] is None else None

        await net.until(there, "the transaction is safe again", timeout=90)
        assert (await status(l2))["alarms"] == 0
        await l2.provider.disconnect()  # type: ignore[attr-defined]


async def test_status_of_games_is_the_contracts() -> None:
    from l1.events import GameStatus

    assert [(each.name, each.value) for each in Status] == [(each.name, each.value) for each in GameStatus]
