"""Blocks, transactions, receipts, accounts and proofs through web3.py, over a chain in memory."""

from __future__ import annotations

import pytest
import rlp
from eth_account import Account
from eth_utils import keccak
from trie import HexaryTrie
from web3.exceptions import BlockNotFound, TransactionNotFound

from execution.types import Withdrawal
from tests.e2e.rpc.memory_chain import ALICE, BOB, CHAIN_ID, ETHER, STORE, signed

WORD = (5).to_bytes(32, "big")
BLOB_HASH = b"\x01" + b"\x22" * 31


def all_types() -> list[bytes]:
    """One transaction of each type, 0 unprotected and protected, to 4."""
    access = [{"address": "0x" + STORE.hex(), "storageKeys": ["0x" + "00" * 32]}]
    authorization = BOB.sign_authorization({"chainId": CHAIN_ID, "address": STORE, "nonce": 0})
    to = "0x" + STORE.hex()
    blob = {"type": 3, "maxFeePerBlobGas": 100, "blobVersionedHashes": [BLOB_HASH]}
    return [
        signed(ALICE, 0, to=to, data=WORD, gasPrice=3 * 10**9),
        signed(ALICE, 1, to=to, data=WORD, gasPrice=3 * 10**9, type=1, accessList=access),
        signed(ALICE, 2, to=to, data=WORD, accessList=access),
        signed(ALICE, 3, to=to, data=WORD, **blob),
        signed(ALICE, 4, to=to, data=WORD, authorizationList=[authorization]),
        signed(ALICE, 5, data=bytes.fromhex("60015f5360015ff3")),
    ]


async def test_chain_facts(w3, rpc):
    assert await w3.eth.chain_id == CHAIN_ID
    assert await w3.eth.block_number == 0
    assert await w3.eth.syncing is False
    assert await w3.eth.accounts == []
    assert await w3.net.version == str(CHAIN_ID)
    assert await rpc("net_listening") is True and await rpc("net_peerCount") == "0x0"
    assert (await w3.client_version).startswith("Verdict/v0.1.0/")
    assert await rpc("web3_sha3", "0x") == "0x" + keccak(b"").hex()


async def test_all_transaction_types(w3, rpc, chain):
    raws = all_types()
    header = chain.mine(*raws, withdrawals=(Withdrawal(3, 4, b"\x0c" * 20, 5),))
    block = await w3.eth.get_block(1, full_transactions=True)
    assert bytes(block["hash"]) == header.hash
    assert [tx["type"] for tx in block["transactions"]] == [0, 1, 2, 3, 4, 2]
    hashes = await w3.eth.get_block("latest")
    assert [bytes(each) for each in hashes["transactions"]] == [keccak(raw) for raw in raws]
    assert block["withdrawals"][0]["amount"] == 5 and block["withdrawals"][0]["validatorIndex"] == 4
    first_log = 0
    receipts = await rpc("eth_getBlockReceipts", "latest")
    for index, (raw, tx) in enumerate(zip(raws, block["transactions"], strict=True)):
        expected = Account.recover_transaction(raw)
        assert tx["from"] == expected == ALICE.address
        assert tx["transactionIndex"] == index and tx["nonce"] == index and tx["chainId"] == CHAIN_ID
        single = await w3.eth.get_transaction(keccak(raw))
        assert single == tx
        assert await w3.eth.get_transaction_by_block(1, index) == tx
        assert bytes(await w3.eth.get_raw_transaction(keccak(raw))) == raw
        receipt = await rpc("eth_getTransactionReceipt", "0x" + keccak(raw).hex())
        assert receipt == receipts[index]
        assert receipt["status"] == "0x1" and receipt["type"] == hex(tx["type"])
        assert [int(log["logIndex"], 16) for log in receipt["logs"]] == list(
            range(first_log, first_log + len(receipt["logs"]))
        )
        first_log += len(receipt["logs"])
        assert int(receipt["effectiveGasPrice"], 16) == tx["gasPrice"]
        assert ("blobGasUsed" in receipt) == (tx["type"] == 3) == ("blobGasPrice" in receipt)
        assert ("yParity" in tx) == ("accessList" in tx) == (tx["type"] > 0)
        assert ("maxFeePerGas" in tx) == (tx["type"] > 1)
    assert int(receipts[3]["blobGasUsed"], 16) == 131_072
    assert block["transactions"][4]["authorizationList"][0]["address"] == "0x" + STORE.hex()
    assert receipts[5]["to"] is None
    created = receipts[5]["contractAddress"]
    assert bytes(await w3.eth.get_code(w3.to_checksum_address(created))) == b"\x01"
    assert int(receipts[-1]["cumulativeGasUsed"], 16) == block["gasUsed"]


async def test_block_shape(rpc, chain):
    chain.mine(*all_types())
    block = await rpc("eth_getBlockByNumber", "0x1", False)
    assert set(block) == {
        "number",
        "hash",
        "parentHash",
        "nonce",
        "mixHash",
        "sha3Uncles",
        "logsBloom",
        "stateRoot",
        "miner",
        "difficulty",
        "extraData",
        "gasLimit",
        "gasUsed",
        "timestamp",
        "transactionsRoot",
        "receiptsRoot",
        "baseFeePerGas",
        "withdrawalsRoot",
        "blobGasUsed",
        "excessBlobGas",
        "parentBeaconBlockRoot",
        "requestsHash",
        "size",
        "transactions",
        "uncles",
        "withdrawals",
    }
    raw = await rpc("debug_getRawBlock", "0x1")
    assert int(block["size"], 16) == len(raw) // 2 - 1
    assert "0x" + keccak(bytes.fromhex((await rpc("debug_getRawHeader", "0x1"))[2:])).hex() == block["hash"]
    assert rlp.decode(bytes.fromhex(raw[2:]))[0] == rlp.decode(chain.head().rlp())
    raw_receipts = [bytes.fromhex(each[2:]) for each in await rpc("debug_getRawReceipts", "0x1")]
    assert raw_receipts == [receipt.rlp() for receipt in chain.receipts(chain.head().hash)]
    pending = await rpc("eth_getBlockByNumber", "pending", False)
    assert pending["hash"] is None and pending["number"] == "0x2" and pending["parentHash"] == block["hash"]


async def test_what_is_not_there(w3, rpc):
    with pytest.raises(BlockNotFound):
        await w3.eth.get_block(99)
    with pytest.raises(TransactionNotFound):
        await w3.eth.get_transaction(b"\x01" * 32)
    with pytest.raises(TransactionNotFound):
        await w3.eth.get_transaction_receipt(b"\x01" * 32)
    assert await rpc("eth_getTransactionByBlockNumberAndIndex", "latest", "0x5") is None
    assert await rpc("eth_getBlockReceipts", "0x63") is None
    assert (await rpc("eth_getBalance", ALICE.address, "0x63"))["message"] == "header not found"
    unknown = "0x" + "11" * 32
    assert (await rpc("eth_getBalance", ALICE.address, unknown))["code"] == -32000
    assert (await rpc("eth_getBalance", ALICE.address, {}))["code"] == -32602


async def test_accounts_at_blocks(w3, rpc, chain):
    genesis = chain.head()
    await w3.eth.send_raw_transaction(signed(ALICE, 0, to=BOB.address, value=ETHER))
    assert await w3.eth.get_balance(BOB.address) == 1_001 * ETHER
    assert await w3.eth.get_balance(BOB.address, 0) == 1_000 * ETHER
    assert await w3.eth.get_balance(BOB.address, "earliest") == 1_000 * ETHER
    by_hash = {"blockHash": "0x" + genesis.hash.hex(), "requireCanonical": True}
    assert int(await rpc("eth_getBalance", BOB.address, by_hash), 16) == 1_000 * ETHER
    assert await w3.eth.get_transaction_count(ALICE.address) == 1
    assert int.from_bytes(await w3.eth.get_storage_at(w3.to_checksum_address(STORE), 0), "big") == 7
    removed = chain.head()
    chain.reorg(1)
    by_hash = {"blockHash": "0x" + removed.hash.hex()}
    assert int(await rpc("eth_getBalance", BOB.address, by_hash), 16) == 1_001 * ETHER
    error = await rpc("eth_getBalance", BOB.address, {**by_hash, "requireCanonical": True})
    assert error == {"code": -32000, "message": "hash is not currently canonical"}


async def test_pool_is_visible(w3, rpc, chain):
    chain.automine = False
    sent = await w3.eth.send_raw_transaction(signed(ALICE, 0, to=BOB.address))
    await w3.eth.send_raw_transaction(signed(ALICE, 2, to=BOB.address))
    assert await w3.eth.get_transaction_count(ALICE.address, "pending") == 1
    assert await w3.eth.get_transaction_count(ALICE.address) == 0
    pending = await w3.eth.get_transaction(sent)
    assert pending["blockHash"] is None and pending["gasPrice"] == pending["maxFeePerGas"]
    assert await rpc("txpool_status") == {"pending": "0x1", "queued": "0x1"}
    content = await rpc("txpool_content")
    assert content["pending"][ALICE.address]["0"]["hash"] == sent.to_0x_hex()
    assert list(content["queued"][ALICE.address]) == ["2"]
    assert await rpc("txpool_contentFrom", ALICE.address) == {
        side: content[side][ALICE.address] for side in ("pending", "queued")
    }
    assert "wei" in (await rpc("txpool_inspect"))["pending"][ALICE.address]["0"]
    assert (await rpc("eth_sendRawTransaction", "0x" + signed(ALICE, 0, to=BOB.address).hex()))[
        "message"
    ] == ("already known")
    assert (await rpc("eth_sendRawTransaction", "0x01"))["code"] == -32000
    chain.mine(signed(BOB, 0, to=ALICE.address))
    error = await rpc("eth_sendRawTransaction", "0x" + signed(BOB, 0, to=ALICE.address, value=1).hex())
    assert error["code"] == -32000 and error["message"].startswith("nonce too low")


async def test_proofs_verify(rpc, chain):
    chain.mine(signed(ALICE, 0, to=STORE, data=WORD))

    def verified(root: bytes, key: bytes, proof: list[str]) -> bytes:
        return HexaryTrie.get_from_proof(root, key, [rlp.decode(bytes.fromhex(node[2:])) for node in proof])

    proof = await rpc("eth_getProof", "0x" + STORE.hex(), ["0x0", "0x" + "01".zfill(64)], "latest")
    leaf = verified(chain.head().state_root, keccak(STORE), proof["accountProof"])
    nonce, balance, storage_root, code_hash = rlp.decode(leaf)
    assert "0x" + storage_root.hex() == proof["storageHash"] and "0x" + code_hash.hex() == proof["codeHash"]
    assert (nonce, balance) == (b"\x01", b"") and (proof["nonce"], proof["balance"]) == ("0x1", "0x0")
    assert [entry["key"] for entry in proof["storageProof"]] == ["0x0", "0x" + "01".zfill(64)]
    for entry, value in zip(proof["storageProof"], (5, 0), strict=True):
        found = verified(storage_root, keccak(int(entry["key"], 16).to_bytes(32, "big")), entry["proof"])
        assert int.from_bytes(rlp.decode(found) if found else b"", "big") == value == int(entry["value"], 16)

    absent = await rpc("eth_getProof", "0x" + "99" * 20, ["0x0"], "latest")
    assert verified(chain.head().state_root, keccak(b"\x99" * 20), absent["accountProof"]) == b""
    assert absent["balance"] == "0x0" and absent["storageProof"] == [
        {"key": "0x0", "value": "0x0", "proof": []}
    ]
    assert absent["storageHash"] == "0x56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421"
    assert absent["codeHash"] == "0xc5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"


async def test_execution_witness_suffices(rpc, chain):
    from execution.block import BlockBuilder
    from execution.block_import import attributes_of
    from execution.header import ancestor_hashes
    from execution.types import Witness
    from execution.witness import WitnessSource
    from execution.world import WorldState
    from tests.e2e.rpc.memory_chain import PARENT_HASH

    parent = chain.mine(signed(ALICE, 0, to=BOB.address))
    header = chain.mine(signed(ALICE, 1, to=STORE, data=WORD), signed(BOB, 0, to=PARENT_HASH))
    answer = await rpc("debug_executionWitness", "latest")
    parts = {name: tuple(bytes.fromhex(each[2:]) for each in answer[name]) for name in answer}
    assert keccak(parts["headers"][0]) == parent.hash
    source = WitnessSource(Witness(**parts))
    builder = BlockBuilder.open(
        chain.rules,
        WorldState(source, parent.state_root),
        parent,
        attributes_of(header, ()),
        ancestor_hashes(parent.hash, parent.number, source.header),
    )
    for raw in chain.block(header.hash).transactions:
        builder.apply(raw)
    assert builder.seal().hash == header.hash
    assert (await rpc("debug_executionWitness", "0x0"))["code"] == -32000


async def test_fee_history(w3, rpc, chain):
    chain.mine(*all_types())
    chain.mine()
    history = await w3.eth.fee_history(5, "latest", [0, 50, 100])
    assert history["oldestBlock"] == 0
    assert len(history["baseFeePerGas"]) == 4 and len(history["gasUsedRatio"]) == 3
    assert len(history["baseFeePerBlobGas"]) == 4 and history["blobGasUsedRatio"][1] == 131_072 / 1_179_648
    assert history["reward"][0] == [0, 0, 0] and history["reward"][1][0] == 10**9
    for number in range(3):
        assert history["baseFeePerGas"][number] == (await w3.eth.get_block(number))["baseFeePerGas"]
    assert "reward" not in await rpc("eth_feeHistory", "0x1", "latest")
    assert await rpc("eth_feeHistory", "0x0", "latest") == {"oldestBlock": "0x0", "gasUsedRatio": None}
    assert (await rpc("eth_feeHistory", "0x1", "0x63"))[
        "message"
    ] == "request beyond head block: requested 99, head 2"
    assert (await rpc("eth_feeHistory", 1, "latest", [50, 10]))["code"] == -32000
    assert (await rpc("eth_feeHistory", 1, "latest", ["x"]))["code"] == -32602
    assert await w3.eth.max_priority_fee > 0
    assert await w3.eth.gas_price > await w3.eth.max_priority_fee
    assert int(await rpc("eth_blobBaseFee"), 16) == 1
