"""A node that has only L1 ends where the sequencer is, bit for bit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from chain.store import ChainStore
from derivation.node import RollupNode
from l1.beacon import BeaconSource
from l1.blob_client import BlobClient
from l1.client import L1Client
from l1.contracts import Inbox, Portal
from tests.e2e.devnet import ETHER, Devnet
from verdict.genesis import l2_genesis
from verdict.node_settings import node_settings

LARGE = "0x6001600052" + "5b" * 5_000 + "00"
"""Initcode larger than a chunk: it crosses L1 in fragments."""


async def test_a_node_derived_from_l1_alone_has_the_sequencers_blocks(tmp_path: Path) -> None:
    async with Devnet(tmp_path, {"sequencer.batch_interval": "2s"}) as net, net.sequencer():
        l2, user, poor = net.l2(), net.account(6), net.account(20)
        await net.send(net.w3, net.account(9), to=net.deployment.portal, data=Portal.deposit(b"\x0d" * 20), value=ETHER)
        for chain_id in (42069, 1):  # a forced transaction that is included, and one that is a no-op
            raw = net.account(8).sign_transaction({
                "nonce": 0, "chainId": chain_id, "gas": 21_000, "to": poor.address, "value": 5,
                "maxFeePerGas": 10**10, "maxPriorityFeePerGas": 10**9}).raw_transaction
            await net.send(net.w3, net.account(9), to=net.deployment.inbox, data=Inbox.force_transaction(bytes(raw)),
                           value=ETHER // 1000)
        last: Any = None
        for value in range(4):
            await net.send(l2, user, to=poor.address, value=value, gas=21_000)
            last = await net.send(l2, user, to=None, data=LARGE, gas=2_000_000)

        async def safe() -> bool:
            return bool((await l2.eth.get_block("safe"))["number"] >= last["blockNumber"])

        await net.until(safe, "everything is on L1")
        head = (await l2.eth.get_block("safe"))["number"]

        async with L1Client(net.l1.rpc_url) as l1, BlobClient([BeaconSource(net.l1.beacon_url)]) as beacon:
            with ChainStore.open(None, l2_genesis(net.config, net.deployment.l1_addresses)) as store:
                node = RollupNode(node_settings(net.config, net.deployment), store, l1, beacon)
                try:

                    async def derived() -> bool:
                        await node.advance()
                        return store.head.number >= head

                    await net.until(derived, "the other node has derived as much")
                    for number in range(head + 1):
                        assert store.hash_by_number(number) == bytes((await l2.eth.get_block(number))["hash"])
                    assert node.batch_count > 1
                finally:
                    node.close()
        assert await l2.eth.get_balance(l2.to_checksum_address("0x" + "0d" * 20)) == ETHER
        await l2.provider.disconnect()  # type: ignore[attr-defined]
