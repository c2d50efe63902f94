"""Blob transactions with real KZG, and the beacon API that gives the blobs back."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from hashlib import sha256
from itertools import pairwise
from typing import Any

import ckzg
from eth_account.signers.local import LocalAccount
from web3 import AsyncHTTPProvider, AsyncWeb3

from execution.encoding import encode_bytes, wrap_list
from l1.beacon import BeaconSource
from l1.blob_client import BlobClient
from l1.blobs import to_sidecar, trusted_setup
from l1.embedded.service import EmbeddedL1
from tests.e2e.l1.chain import GWEI, ON_DEMAND, Beacon, blob_of, rpc, rpc_error

BLOBS = (blob_of(b"the first blob"), blob_of(b"and the second"))


async def blob_fields(w3: AsyncWeb3, l1: EmbeddedL1, account: LocalAccount) -> dict[str, Any]:
    return {
        "type": 3,
        "chainId": await w3.eth.chain_id,
        "nonce": await w3.eth.get_transaction_count(account.address, "pending"),
        "gas": 21_000,
        "maxFeePerGas": 50 * GWEI,
        "maxPriorityFeePerGas": GWEI,
        "maxFeePerBlobGas": GWEI,
        "to": l1.accounts[1].address,
        "value": 0,
    }


async def send_blobs(w3: AsyncWeb3, l1: EmbeddedL1, blobs: tuple[bytes, ...]) -> Any:
    """As eth_account wraps them: EIP-7594, five seconds a blob."""
    account = l1.accounts[0]
    signed = account.sign_transaction(await blob_fields(w3, l1, account), blobs=list(blobs))
    sent = await w3.eth.send_raw_transaction(signed.raw_transaction)
    return await w3.eth.wait_for_transaction_receipt(sent, timeout=120, poll_latency=0.02)


def eip4844_form(l1: EmbeddedL1, fields: dict[str, Any], blobs: tuple[bytes, ...]) -> bytes:
    """The wrapper with blob proofs, which eth_account does no more."""
    sidecar = to_sidecar(blobs)
    signed = l1.accounts[0].sign_transaction(
        {**fields, "blobVersionedHashes": list(sidecar.versioned_hashes)}
    ).raw_transaction
    parts = [b"".join(encode_bytes(item) for item in items) for items in (blobs, sidecar.commitments, sidecar.proofs)]
    return b"\x03" + wrap_list(bytes(signed[1:]) + b"".join(wrap_list(part) for part in parts))


async def test_the_form_with_cell_proofs_is_taken_too(l1: EmbeddedL1, w3: AsyncWeb3, beacon: Beacon) -> None:
    receipt = await send_blobs(w3, l1, BLOBS[:1])
    assert receipt.status == 1
    (sidecar,) = (await beacon.get("/eth/v1/beacon/blob_sidecars/head"))["data"]
    blob, commitment, proof = (bytes.fromhex(sidecar[key][2:]) for key in ("blob", "kzg_commitment", "kzg_proof"))
    assert blob == BLOBS[0]
    assert ckzg.verify_blob_kzg_proof(blob, commitment, proof, trusted_setup())


async def test_blobs_come_back_from_the_beacon_api(l1: EmbeddedL1, w3: AsyncWeb3, beacon: Beacon) -> None:
    sent = await w3.eth.send_raw_transaction(eip4844_form(l1, await blob_fields(w3, l1, l1.accounts[0]), BLOBS))
    receipt = await w3.eth.wait_for_transaction_receipt(sent, timeout=120)
    assert (receipt.status, receipt.blobGasUsed, receipt.blobGasPrice) == (1, 2 * 131_072, 1)
    transaction = await w3.eth.get_transaction(sent)
    block = await w3.eth.get_block(receipt.blockNumber)
    assert block.blobGasUsed == 2 * 131_072

    genesis = (await beacon.get("/eth/v1/beacon/genesis"))["data"]
    spec = (await beacon.get("/eth/v1/config/spec"))["data"]
    slot = (block.timestamp - int(genesis["genesis_time"])) // int(spec["SECONDS_PER_SLOT"])
    sidecars = (await beacon.get(f"/eth/v1/beacon/blob_sidecars/{slot}"))["data"]
    assert [int(each["index"]) for each in sidecars] == [0, 1]
    for each, blob, versioned_hash in zip(sidecars, BLOBS, transaction.blobVersionedHashes, strict=True):
        given, commitment, proof = (
            bytes.fromhex(each[key][2:]) for key in ("blob", "kzg_commitment", "kzg_proof")
        )
        assert given == blob
        assert b"\x01" + sha256(commitment).digest()[1:] == bytes(versioned_hash)
        assert ckzg.verify_blob_kzg_proof(given, commitment, proof, trusted_setup())
    second = (await beacon.get("/eth/v1/beacon/blob_sidecars/head?indices=1"))["data"]
    assert [each["index"] for each in second] == ["1"]
    wanted = "0x" + bytes(transaction.blobVersionedHashes[1]).hex()
    only = (await beacon.get(f"/eth/v1/beacon/blobs/{slot}?versioned_hashes={wanted}"))["data"]
    assert only == ["0x" + BLOBS[1].hex()]
    assert (await beacon.get("/eth/v1/beacon/blobs/genesis"))["data"] == []

    async with BlobClient([BeaconSource(l1.beacon_url)]) as client:
        hashes = [bytes(each) for each in transaction.blobVersionedHashes]
        assert await client.blobs(block.timestamp, hashes) == BLOBS


async def test_beacon_blocks_are_found_by_every_name(l1: EmbeddedL1, w3: AsyncWeb3, beacon: Beacon) -> None:
    await rpc(w3, "anvil_mine", 3, 5)
    blocks = [await w3.eth.get_block(number) for number in range(4)]
    for block, child in pairwise(blocks):
        root = "0x" + bytes(child.parentBeaconBlockRoot).hex()
        by_root = (await beacon.get(f"/eth/v1/beacon/headers/{root}"))["data"]
        slot = by_root["header"]["message"]["slot"]
        by_slot = (await beacon.get(f"/eth/v1/beacon/headers/{slot}"))["data"]
        assert by_root == by_slot
        assert by_root["root"] == root
        assert by_root["canonical"] is True
        assert int(slot) == block.timestamp - blocks[0].timestamp
    head = (await beacon.get("/eth/v1/beacon/headers/head"))["data"]
    assert (await beacon.get("/eth/v1/beacon/headers/finalized"))["data"] == head
    assert head["header"]["message"]["parent_root"] == "0x" + bytes(blocks[3].parentBeaconBlockRoot).hex()
    assert (await beacon.get("/eth/v1/beacon/blocks/head/root"))["data"]["root"] == head["root"]
    empty = int(head["header"]["message"]["slot"]) - 1
    assert (await beacon.get(f"/eth/v1/beacon/headers/{empty}", 404))["code"] == 404
    assert (await beacon.get("/eth/v1/beacon/headers/0x12", 400))["code"] == 400
    assert (await beacon.get("/eth/v1/beacon/nothing", 404))["code"] == 404


async def test_wrong_sidecars_are_refused(l1: EmbeddedL1, w3: AsyncWeb3) -> None:
    fields = await blob_fields(w3, l1, l1.accounts[0])
    good = eip4844_form(l1, fields, BLOBS[:1])
    other = to_sidecar(BLOBS[1:])
    bare = l1.accounts[0].sign_transaction({**fields, "blobVersionedHashes": list(other.versioned_hashes)})
    cases = [
        (good.replace(BLOBS[0], BLOBS[1]), "a blob proof doesn't hold"),
        (good.replace(BLOBS[0], b"\xff" * 131_072), "invalid blob sidecar"),
        (good.replace(to_sidecar(BLOBS[:1]).commitments[0], other.commitments[0]), "mismatches transaction one"),
        (bytes(bare.raw_transaction), "missing sidecar in blob transaction"),
        (good[:-1], "rlp"),
    ]
    for raw, message in cases:
        assert message in (await rpc_error(w3, "eth_sendRawTransaction", "0x" + raw.hex()))["message"]
    assert await w3.eth.block_number == 0
    await w3.eth.send_raw_transaction(good)
    assert (await w3.eth.get_block("latest")).blobGasUsed == 131_072


async def test_blob_base_fee_follows_demand(l1: EmbeddedL1, w3: AsyncWeb3) -> None:
    """Nine blobs a block, three above the target."""
    raw = eip4844_form(l1, await blob_fields(w3, l1, l1.accounts[0]), (BLOBS[0],) * 9)
    await w3.eth.send_raw_transaction(raw)
    await rpc(w3, "evm_mine")
    block = await w3.eth.get_block("latest")
    assert (block.excessBlobGas, block.blobGasUsed) == (3 * 131_072, 0)


async def test_blobs_are_pruned_and_survive_nothing_else() -> None:
    async with EmbeddedL1(replace(ON_DEMAND, blob_retention=2)) as l1:
        w3 = AsyncWeb3(AsyncHTTPProvider(l1.rpc_url))
        fields = await blob_fields(w3, l1, l1.accounts[0])
        await w3.eth.send_raw_transaction(eip4844_form(l1, fields, BLOBS[:1]))
        header = l1.node.resolve(1)
        assert header is not None
        sidecar = l1.node.sidecar_of(header)
        assert sidecar is not None and sidecar.blobs == BLOBS[:1]
        await rpc(w3, "anvil_mine", 1)
        assert l1.node.sidecar_of(header) == sidecar
        await rpc(w3, "anvil_mine", 1)
        assert l1.node.sidecar_of(header) is None
        await w3.provider.disconnect()


async def test_the_node_answers_while_it_checks_proofs(l1: EmbeddedL1, w3: AsyncWeb3) -> None:
    """Proofs are checked on a thread: many blob transactions at once come in whole."""
    raws = []
    for index in range(3):
        fields = await blob_fields(w3, l1, l1.accounts[index])
        sidecar_account = l1.accounts[index]
        sidecar = to_sidecar(BLOBS[:1])
        signed = sidecar_account.sign_transaction({**fields, "blobVersionedHashes": list(sidecar.versioned_hashes)})
        parts = [encode_bytes(BLOBS[0]), encode_bytes(sidecar.commitments[0]), encode_bytes(sidecar.proofs[0])]
        body = bytes(signed.raw_transaction[1:]) + b"".join(wrap_list(part) for part in parts)
        raws.append(b"\x03" + wrap_list(body))
    hashes = await asyncio.gather(*(w3.eth.send_raw_transaction(raw) for raw in raws))
    receipts = [await w3.eth.wait_for_transaction_receipt(each, timeout=60) for each in hashes]
    assert all(receipt.status == 1 for receipt in receipts)
