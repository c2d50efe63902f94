"""The Inbox's two ways to post and its dictionary, on the embedded L1: what Python reads off the logs is what it sent."""

from __future__ import annotations

from random import Random

import pytest
from eth_account import Account
from web3 import AsyncWeb3

from chain.store import ChainStore
from derivation.codec import CHUNK_SIZE, MAX_CALLDATA_CHUNKS, Dictionary, chunks_to_blobs
from derivation.encoder import encode_blocks
from derivation.inputs import DerivationParams
from derivation.node import NodeSettings, RollupNode
from execution.genesis import build_genesis
from execution.rules import Rules
from l1.artifacts import artifact
from l1.beacon import BeaconSource
from l1.blob_client import BlobClient
from l1.blobs import to_sidecar
from l1.client import L1Client
from l1.contracts import Inbox, revert_reason
from l1.embedded.service import EmbeddedL1
from l1.pointers import MAX_POINTER_DATA
from l1.rpc_errors import RpcError
from tests.e2e.l1.chain import GWEI, send

USER = Account.from_key(b"\x07" * 32)
CHAIN_ID = 42069
GENESIS = build_genesis({bytes.fromhex(USER.address[2:]): 10**20}, CHAIN_ID, 30_000_000, 1_600_000_000, 10**9)
PAYEE = b"\x77" * 20


def payment(nonce: int) -> bytes:
    return bytes(USER.sign_transaction({
        "chainId": CHAIN_ID, "nonce": nonce, "to": PAYEE, "value": 3, "gas": 21_000, "maxFeePerGas": 10**10,
        "maxPriorityFeePerGas": GWEI, "data": b"", "type": 2}).raw_transaction)


async def origin(client: L1Client) -> bytes:
    """RLP of the newest block's header."""
    return (await client.head()).rlp


async def test_batches_in_calldata_and_pages(l1: EmbeddedL1, w3: AsyncWeb3) -> None:
    poster = l1.accounts[0]
    created = await send(w3, poster, data=artifact("Inbox").deployment(bytes(20), 0, 100, poster.address, 1), gas=5_000_000)
    at = bytes.fromhex(created.contractAddress[2:])
    text = Random(5).randbytes(MAX_POINTER_DATA)
    page_of = [text, PAYEE * 50]

    async with L1Client(l1.rpc_url) as client, BlobClient([BeaconSource(l1.beacon_url)]) as beacon:
        inbox = Inbox(client, at)
        pointers = [inbox.page_pointer(page) for page in page_of]
        assert not await inbox.is_page(pointers[0])
        with pytest.raises(RpcError) as refused:  # nobody has published them yet
            await client.call(at, Inbox.post_batch(bytes(32), 0, pointers, await origin(client)))
        assert revert_reason(refused.value).startswith("NoSuchPage(")
        for page, events in ((text, 1), (page_of[1], 1), (text, 0)):
            receipt = await send(w3, poster, to=at, data=Inbox.publish_page(page), gas=8_000_000)
            assert receipt.status == 1 and len(receipt.logs) == events
        assert [await inbox.is_page(pointer) for pointer in pointers] == [True, True]
        assert bytes(await w3.eth.get_code(AsyncWeb3.to_checksum_address(pointers[0]))) == b"\x00" + text

        dictionary = Dictionary(page_of)
        small = encode_blocks(CHAIN_ID, [payment(0)], [(1, [payment(1)])], dictionary)
        longest = [Random(n).randbytes(CHUNK_SIZE) for n in range(MAX_CALLDATA_CHUNKS - 1)]
        longest.append(encode_blocks(CHAIN_ID, [payment(2)])[0])
        for chunks, pages in ((small, pointers), (longest, [])):
            head, _ = await inbox.head_batch()
            data = Inbox.post_calldata(head, b"".join(chunks), pages, await origin(client))
            assert len(data) < 128 * 1024 - 1024  # what mempools take, less the rest of a transaction
            assert (await send(w3, poster, to=at, data=data, gas=8_000_000)).status == 1

        blobs = chunks_to_blobs(encode_blocks(CHAIN_ID, [payment(3)], (), dictionary))
        sidecar = to_sidecar(blobs)
        head, count = await inbox.head_batch()
        assert count == 2
        transaction = {
            "chainId": await w3.eth.chain_id, "nonce": await w3.eth.get_transaction_count(poster.address), "type": 3,
            "to": AsyncWeb3.to_checksum_address(at), "value": 0, "gas": 1_000_000, "maxFeePerGas": 50 * GWEI,
            "maxPriorityFeePerGas": GWEI, "maxFeePerBlobGas": GWEI, "blobVersionedHashes": list(sidecar.versioned_hashes),
            "data": Inbox.post_batch(head, 1, pointers, await origin(client)),
        }  # fmt: skip
        sent = await w3.eth.send_raw_transaction(poster.sign_transaction(transaction, blobs=blobs).raw_transaction)
        assert (await w3.eth.wait_for_transaction_receipt(sent, timeout=60, poll_latency=0.02)).status == 1

        params = DerivationParams(CHAIN_ID, b"\xfe" * 20, 30_000_000, 1800)
        settings = NodeSettings(Rules(CHAIN_ID), params, at, created.blockNumber)
        with ChainStore.open(None, GENESIS) as store:
            node = RollupNode(settings, store, client, beacon)
            try:
                while await node.advance():
                    pass
                assert node.batch_count == 3 and (node.derived(2).hash, 3) == await inbox.head_batch()  # type: ignore[union-attr]
                world = store.world_at(store.head)
                assert world.get_balance(PAYEE) == 4 * 3 and world.get_nonce(bytes.fromhex(USER.address[2:])) == 4
                for index, chunks in ((0, small), (1, longest)):
                    record = node.derived(index)
                    assert record is not None
                    batch = await node.data_of(record)
                    assert [batch.chunk(n) for n in range(len(chunks))] == chunks
                    assert batch.pages == (tuple(page_of) if index == 0 else ())
            finally:
                node.close()
