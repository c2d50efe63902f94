"""Where batches lie and what they are packed with, over real sockets: calldata, prices that change, dictionary pages."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from math import log
from pathlib import Path
from typing import Any

import pytest
from web3.exceptions import TransactionNotFound

from chain.store import ChainStore
from derivation.codec import CHUNK_SIZE
from derivation.node import RollupNode
from l1.beacon import BeaconSource
from l1.blob_client import BlobClient
from l1.client import L1Client
from l1.contracts import Inbox
from l1.fees import FeeMarket
from l1.txmanager import TransactionManager
from sequencer.data_policy import blobs_cost, calldata_cost
from tests.e2e.devnet import DEPLOYER, ETHER, USER, Devnet
from tests.e2e.sequencer.test_sequencer import batch, status, transfer
from verdict.deploy import deploy, transaction_policy
from verdict.dictionary.history import from_rpc
from verdict.dictionary.pages import PageProblem, write_pages
from verdict.dictionary.publish import publish_pages
from verdict.dictionary.trial import train_and_try
from verdict.dictionary.usage import read_usage
from verdict.genesis import l2_genesis
from verdict.node_settings import node_settings

STARTER = Path(__file__).resolve().parents[3] / "configs" / "pages" / "starter.bin"
FAST = {"sequencer.batch_interval": "1s", "sequencer.assert_batches": False}
GWEI = 10**9
_UPDATE_FRACTION = 5_007_716  # EIP-7691


async def set_prices(net: Devnet, base_fee: float, blob_fee: float) -> None:
    """In Gwei; about."""
    excess = int(_UPDATE_FRACTION * log(blob_fee * GWEI))
    answer = await net.rpc.request("verdict_setPrices", [{"baseFee": hex(int(base_fee * GWEI)), "excessBlobGas": hex(excess)}])
    assert 0.8 * blob_fee * GWEI < int(answer["blobBaseFee"], 16) < 1.2 * blob_fee * GWEI


async def post_one(net: Devnet, l2: Any) -> Any:
    """A transfer, and the batch that has it, from L1. A reorg of L1 may put it into another block meanwhile."""
    sent = bytes((await transfer(net, l2))["transactionHash"])

    async def derived() -> Any:
        found = await status(l2)
        with contextlib.suppress(TransactionNotFound):
            receipt = await l2.eth.get_transaction_receipt(sent)
            block = "0x" + bytes(receipt["blockHash"]).hex()
            for index in reversed(range(found["derivedBatches"])):
                record = await batch(l2, index)
                if record is not None and block in record.get("blocks", ()):
                    assert found["alarms"] == 0
                    return record
        return None

    return await net.until(derived, "a batch has the transfer")


async def post_until(net: Devnet, l2: Any, wanted: Callable[[Any], bool], what: str) -> Any:
    async def posted() -> Any:
        record = await post_one(net, l2)
        return record if wanted(record) else None

    return await net.until(posted, what)


async def known_cost(net: Devnet, l2: Any, index: int) -> Any:
    """The batch, once the sequencer knows what posting it cost: derivation may be quicker than its receipt."""
    async def known() -> Any:
        record = await batch(l2, index)
        return record if record["cost"] else None

    return await net.until(known, f"the cost of batch {index} is known")


async def check_derived(net: Devnet, l2: Any) -> None:
    """A node that has L1 alone derives every batch to the sequencer's blocks."""
    head = (await l2.eth.get_block("safe"))["number"]
    async with L1Client(net.l1.rpc_url) as l1, BlobClient([BeaconSource(net.l1.beacon_url)]) as beacon:
        with ChainStore.open(None, l2_genesis(net.config, net.deployment.l1_addresses)) as store:
            node = RollupNode(node_settings(net.config, net.deployment), store, l1, beacon)
            try:

                async def derived() -> bool:
                    await node.advance()
                    return store.head.number >= head

                await net.until(derived, "the other node has derived as much")
                assert [store.hash_by_number(n) for n in range(head + 1)] == [
                    bytes((await l2.eth.get_block(n))["hash"]) for n in range(head + 1)]
            finally:
                node.close()


async def test_a_rollup_that_posts_calldata_only(tmp_path: Path) -> None:
    overrides = {**FAST, "sequencer.data": "calldata", "sequencer.assert_batches": True}
    async with Devnet(tmp_path, overrides) as net, net.sequencer(), net.challenger():
        l2 = net.l2()
        await post_one(net, l2)
        noise = bytes(range(1, 251)) * 40  # shrinks
        await net.send(l2, net.account(USER), to="0x" + "99" * 20, data=noise, gas=500_000)
        record = await post_one(net, l2)
        assert record["data"] == "calldata" and not record["blobHashes"] and int(record["dataRoot"], 16)
        transaction = await net.w3.eth.get_transaction(record["l1Transaction"])
        receipt = await net.w3.eth.get_transaction_receipt(record["l1Transaction"])
        assert transaction["type"] == 2 and record["dataBytes"] == CHUNK_SIZE * record["chunks"]
        record = await known_cost(net, l2, record["index"])
        assert record["cost"] == receipt["gasUsed"] * receipt["effectiveGasPrice"]
        assert {(await batch(l2, index))["data"] for index in range(record["index"] + 1)} == {"calldata"}
        await check_derived(net, l2)

        async def asserted() -> Any:
            return len(await net.events("AssertionMade")) > record["index"]

        await net.until(asserted, "every batch is asserted")
        await net.travel(601)

        async def confirmed() -> Any:
            return await net.confirmed_batches() > record["index"]

        await net.until(confirmed, "what a challenger watched is confirmed")
        assert not await net.events("GameOpened", "StepProved")
        await l2.provider.disconnect()


async def test_auto_follows_the_prices_both_ways(tmp_path: Path) -> None:
    overrides = {**FAST, "sequencer.data": "auto", "sequencer.transactions.max_fee": "10000 gwei",
                 "sequencer.transactions.max_blob_fee": "10000 gwei"}
    async with Devnet(tmp_path, overrides) as net, net.sequencer():
        l2 = net.l2()
        kinds = []
        for base_fee, blob_fee, kind in ((1, 0.001, "blobs"), (1, 500, "calldata"), (20, 0.001, "blobs")):
            await set_prices(net, base_fee, blob_fee)
            record = await post_until(net, l2, lambda posted, kind=kind: posted["data"] == kind, f"a batch as {kind}")
            kinds.append((await known_cost(net, l2, record["index"]))["data"])
            raw = await net.w3.eth.get_transaction(record["l1Transaction"])
            assert raw["type"] == (3 if kind == "blobs" else 2)
            gas = (await net.w3.eth.get_transaction_receipt(record["l1Transaction"]))["gasUsed"]
            call, gas_only = bytes(raw["input"]), FeeMarket(1, 0, 0)
            estimate = blobs_cost(call, 1, gas_only) if kind == "blobs" else calldata_cost(call, record["chunks"], gas_only)
            assert 0.98 < estimate / gas < 1.02 or record["index"] == 0  # the first one fills empty slots
        assert kinds == ["blobs", "calldata", "blobs"]
        await check_derived(net, l2)
        await l2.provider.disconnect()


async def test_pages_from_the_first_batch_and_new_ones_in_mid_run(tmp_path: Path) -> None:
    """The deployment publishes a starter; later pages trained from the running L2 are published, and named after a restart."""
    async with Devnet(tmp_path, {**FAST, "data.dictionary": [str(STARTER)]}) as net:
        l2 = net.l2()
        (starter,) = net.deployment.pages
        async with net.sequencer():
            first = await post_one(net, l2)
            assert first["pages"] == [starter.lower()] and first["ratio"] is not None
            for _ in range(5):
                await transfer(net, l2)
            async with L1Client(f"http://127.0.0.1:{net.config.sequencer.port}") as node:
                chain_id, history = await from_rpc(node, 1000, 1000)
            assert chain_id == net.config.rollup.chain_id and len(history) >= 6
            pages, _ = train_and_try(history, chain_id, 1)
            files = write_pages(tmp_path / "trained", pages)
            async with TransactionManager(net.rpc, net.account(DEPLOYER).key.hex(), 31337, net.config.data_dir / "deployer",
                                          transaction_policy(net.config)) as transactions:
                inbox = Inbox(net.rpc, net.deployment.inbox)
                named = [(path.name, path.read_bytes()) for path in files]
                published = await publish_pages(named, inbox, transactions)
                again = await publish_pages(named, inbox, transactions)
            assert all(page.gas_used for page in published) and not any(page.gas_used for page in again)
            assert [page.pointer for page in again] == [page.pointer for page in published]
            last_old = await post_one(net, l2)
        trained = ["0x" + page.pointer.hex() for page in published]
        changed = net.configure({"sequencer.pages": [str(files[0]), trained[1]]})  # by file, and by address
        async with net.sequencer(changed):
            l2 = net.l2(changed)
            new = await post_until(net, l2, lambda posted: posted["pages"] == trained, "a batch names the new pages")
            assert new["index"] > last_old["index"] and (await batch(l2, 0))["pages"] == [starter.lower()]
            await check_derived(net, l2)
            found = await status(l2)
            assert found["alarms"] == 0
        use = await read_usage(net.contracts, net.deployment.block_number, (await net.rpc.head()).number)
        assert [page.size for page in use.pages.values()] == [len(STARTER.read_bytes()), *map(len, pages)]
        assert use.pages[starter].roles == {"text"} and use.pages[starter].last_batch < new["index"]
        assert use.without == 0 and [pointer.lower() for pointer in use.current] == trained
        assert list(use.pages.values())[2].roles == {"addresses"}
        await l2.provider.disconnect()


async def test_a_page_that_l1_does_not_have_is_refused_at_the_start(tmp_path: Path) -> None:
    async with Devnet(tmp_path, FAST) as net:
        config = net.configure({"sequencer.pages": ["0x" + "ab" * 20]})
        with pytest.raises((PageProblem, ExceptionGroup), match="no such page"):
            async with net.sequencer(config):
                pass


async def test_deploying_again_publishes_what_the_configuration_names_since(tmp_path: Path) -> None:
    page = tmp_path / "page.bin"
    page.write_bytes(b"a page" * 100)
    async with Devnet(tmp_path, FAST) as net:
        assert net.deployment.pages == ()
        account, config = net.account(DEPLOYER), net.configure({"data.dictionary": [str(STARTER), str(page)]})
        deployment = await deploy(config, account, net.rpc)
        assert len(deployment.pages) == 2 and deployment.inbox == net.deployment.inbox
        sent = await net.w3.eth.get_transaction_count(account.address)
        assert await deploy(config, account, net.rpc) == deployment
        reordered = await deploy(net.configure({"data.dictionary": [str(page), str(STARTER)]}), account, net.rpc)
        assert reordered.pages == deployment.pages[::-1]
        assert await net.w3.eth.get_transaction_count(account.address) == sent
        with pytest.raises(PageProblem, match="no such page"):
            await deploy(net.configure({"data.dictionary": ["nowhere.bin"]}), account, net.rpc)


async def test_a_reorg_that_takes_a_page_away_takes_its_batches_too(tmp_path: Path) -> None:
    """They are made anew, without the page, until it is on L1 again."""
    async with Devnet(tmp_path, FAST) as net:
        l2 = net.l2()
        page = b"a page that will be gone" * 40
        async with TransactionManager(net.rpc, net.account(DEPLOYER).key.hex(), 31337, net.config.data_dir / "deployer",
                                      transaction_policy(net.config)) as transactions:
            inbox = Inbox(net.rpc, net.deployment.inbox)
            before = (await net.rpc.head()).number
            (published,) = await publish_pages([("page", page)], inbox, transactions)
        pointer = "0x" + published.pointer.hex()
        config = net.configure({"sequencer.pages": [pointer]})
        async with net.sequencer(config):
            l2 = net.l2(config)
            await post_until(net, l2, lambda posted: posted["pages"] == [pointer], "a batch names the page")
            depth = (await net.rpc.head()).number - before
            await net.rpc.request("verdict_reorg", [hex(depth), {"drop_transactions": True}])
            assert not await inbox.is_page(published.pointer)
            await post_until(net, l2, lambda posted: posted["pages"] == [], "a batch without the page")
            await net.send(net.w3, net.account(5), to=net.deployment.inbox, data=Inbox.publish_page(page), gas=2_000_000)
            await post_until(net, l2, lambda posted: posted["pages"] == [pointer], "a batch names the page again")
            await check_derived(net, l2)
            assert await l2.eth.get_balance(net.account(USER).address) < 1000 * ETHER
        await l2.provider.disconnect()
