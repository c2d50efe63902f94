"""eth_call, eth_estimateGas and eth_createAccessList: results, reverts, overrides, limits."""

from __future__ import annotations

import pytest
from web3.exceptions import ContractLogicError

from tests.e2e.rpc.memory_chain import (
    ALICE,
    BOB,
    CONTEXT,
    ETHER,
    FORWARD,
    INVALID,
    LOOP,
    PARENT_HASH,
    REVERT,
    STORE,
    signed,
)

WORD = "0x" + (5).to_bytes(32, "big").hex()


def at(address: bytes, **fields):
    return {"to": "0x" + address.hex(), **fields}


async def test_call_returns_and_leaves_no_trace(rpc, chain):
    root = chain.head().state_root
    assert int(await rpc("eth_call", at(STORE)), 16) == 7
    assert await rpc("eth_call", at(STORE, input=WORD), "latest") == "0x"
    assert int(await rpc("eth_call", at(STORE)), 16) == 7
    assert chain.head().state_root == root
    chain.mine(signed(ALICE, 0, to=STORE, data=bytes.fromhex(WORD[2:])))
    assert int(await rpc("eth_call", at(STORE), "latest"), 16) == 5
    assert int(await rpc("eth_call", at(STORE), "0x0"), 16) == 7
    assert int(await rpc("eth_call", at(STORE), "pending"), 16) == 5


async def test_reverts_carry_data_and_reason(w3, rpc):
    error = await rpc("eth_call", at(REVERT))
    assert error["code"] == 3 and error["message"] == "execution reverted: nope"
    assert error["data"].startswith("0x08c379a0")
    assert await rpc("eth_estimateGas", at(REVERT)) == error
    with pytest.raises(ContractLogicError, match="nope"):
        await w3.eth.call({"to": w3.to_checksum_address(REVERT)})


async def test_other_failures(rpc):
    assert await rpc("eth_call", at(INVALID)) == {"code": -32000, "message": "invalid opcode: 0xfe"}
    assert await rpc("eth_call", at(LOOP, gas="0x186a0")) == {"code": -32000, "message": "out of gas"}
    poor = {"from": "0x" + "77" * 20, "to": BOB.address, "value": "0x1"}
    assert "insufficient funds" in (await rpc("eth_call", poor))["message"]
    assert "intrinsic gas too low" in (await rpc("eth_call", at(STORE, gas="0x1")))["message"]
    assert (await rpc("eth_call", at(STORE, gasPrice="0x1", maxFeePerGas="0x1")))["code"] == -32602
    assert (await rpc("eth_call", at(STORE, data="0x1")))["message"].startswith(
        "invalid argument 0 (transaction): data"
    )
    assert (await rpc("eth_call", at(STORE, chainId="0x1")))["code"] == -32602
    assert "base fee" in (await rpc("eth_call", at(STORE, gasPrice="0x1")))["message"]


async def test_endless_call_ends(rpc, w3):
    error = await rpc("eth_call", at(LOOP))
    assert error["message"] in ("out of gas", "request timed out")
    assert await w3.eth.block_number == 0


async def test_block_context(rpc, chain):
    chain.mine()
    head = chain.mine()

    async def context(*arguments, **fields):
        words = await rpc("eth_call", at(CONTEXT, **fields), *arguments)
        return [int(words[2 + 64 * i : 66 + 64 * i], 16) for i in range(3)]

    assert await context("latest") == [head.number, head.timestamp, 0]  # no fee given: gas is free
    assert await context("latest", gasPrice=hex(ETHER // 10**8), **{"from": ALICE.address}) == [
        head.number,
        head.timestamp,
        head.base_fee_per_gas,
    ]
    assert (await context("pending"))[0] == head.number + 1
    assert (await context("0x1"))[0] == 1
    assert await context("latest", {}, {"number": "0x64", "time": "0x65", "baseFeePerGas": "0x66"}) == [
        100,
        101,
        102,
    ]
    assert await rpc("eth_call", at(PARENT_HASH), "latest") == "0x" + chain.resolve(1).hash.hex()


async def test_state_overrides(rpc):
    store = "0x" + STORE.hex()
    slot, value = "0x" + "00" * 32, "0x" + "09".zfill(64)
    assert await rpc("eth_call", at(STORE), "latest", {store: {"stateDiff": {slot: value}}}) == value
    assert await rpc("eth_call", at(STORE), "latest", {store: {"state": {slot: value}}}) == value
    assert int(await rpc("eth_call", at(STORE), "latest", {store: {"state": {}}}), 16) == 0
    assert await rpc(
        "eth_call", at(STORE), "latest", {store: {"code": "0x60015f5260205ff3"}}
    ) == "0x" + "1".zfill(64)
    poor = "0x" + "77" * 20
    rich = {poor: {"balance": hex(ETHER)}}
    assert await rpc("eth_call", {"from": poor, "to": BOB.address, "value": "0x1"}, "latest", rich) == "0x"
    both = {store: {"state": {}, "stateDiff": {}}}
    assert (await rpc("eth_call", at(STORE), "latest", both))["code"] == -32602


async def test_estimates_are_enough_and_tight(w3, rpc, chain):
    assert (
        await rpc("eth_estimateGas", {"to": BOB.address, "value": "0x1", "from": ALICE.address}) == "0x5208"
    )
    for nonce, call in enumerate(
        (
            at(STORE, input=WORD),
            at(FORWARD, input=WORD[:-1] + "6"),
            {"input": "0x60015f5360015ff3"},
            at(STORE, input="0x" + "ff" * 5_000),  # EIP-7623's floor
        )
    ):
        gas = int(await rpc("eth_estimateGas", {**call, "from": ALICE.address}), 16)
        fields = {"data": call["input"], **({"to": call["to"]} if "to" in call else {})}
        header = chain.mine(signed(ALICE, nonce, gas=gas, **fields))
        (receipt,) = chain.receipts(header.hash)
        assert receipt.succeeded
        assert gas <= receipt.gas_used * 64 // 63 * 1.1 + 5_000


async def test_estimate_refusals(rpc):
    assert (await rpc("eth_estimateGas", at(INVALID)))["message"] == "invalid opcode: 0xfe"
    error = await rpc("eth_estimateGas", at(LOOP, gas="0x186a0"))
    assert error["message"] == "gas required exceeds allowance (100000)"
    poor = {"from": "0x" + "77" * 20, "to": BOB.address, "value": "0x1", "maxFeePerGas": hex(10**10)}
    assert (await rpc("eth_estimateGas", poor))["message"] == "insufficient funds for transfer"


async def test_access_list(rpc):
    answer = await rpc("eth_createAccessList", at(FORWARD, input=WORD))
    assert {"address": "0x" + STORE.hex(), "storageKeys": ["0x" + "00" * 32]} in answer["accessList"]
    gas = int(await rpc("eth_estimateGas", at(FORWARD, input=WORD, accessList=answer["accessList"])), 16)
    assert int(answer["gasUsed"], 16) <= gas
    assert (await rpc("eth_createAccessList", at(REVERT)))["error"] == "execution reverted: nope"
