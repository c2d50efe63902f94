"""The embedded L1 as web3.py sees it."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from itertools import pairwise

import rlp
from eth_utils import keccak
from trie import HexaryTrie
from web3 import AsyncHTTPProvider, AsyncWeb3, WebSocketProvider

from l1.embedded.genesis import CREATE2_DEPLOYER, CREATE2_DEPLOYER_CODE
from l1.embedded.service import EmbeddedL1, run_l1
from tests.e2e.l1.chain import GWEI, ON_DEMAND, rpc, rpc_error, send, signed

# Adds one to slot 0, logs the new value under TOPIC, returns it.
TOPIC = keccak(b"Counted(uint256)")
COUNTER = bytes.fromhex("5f54600101805f555f527f") + TOPIC + bytes.fromhex("60205fa160205ff3")
INIT = bytes.fromhex(f"60{len(COUNTER):02x}600a5f3960{len(COUNTER):02x}5ff3") + COUNTER


async def deploy(w3: AsyncWeb3, l1: EmbeddedL1) -> str:
    receipt = await send(w3, l1.accounts[0], data=INIT)
    assert receipt.status == 1
    assert await w3.eth.get_code(receipt.contractAddress) == COUNTER
    return receipt.contractAddress


async def test_deploy_call_logs_and_filters(l1: EmbeddedL1, w3: AsyncWeb3) -> None:
    address = await deploy(w3, l1)
    log_filter = await w3.eth.filter({"address": address, "topics": ["0x" + TOPIC.hex()]})
    assert int.from_bytes(await w3.eth.call({"to": address}), "big") == 1
    for _count in range(3):
        assert (await send(w3, l1.accounts[1], to=address)).status == 1
    assert int.from_bytes(await w3.eth.call({"to": address}), "big") == 4
    assert int.from_bytes(await w3.eth.call({"to": address}, "latest", {}), "big") == 4
    first_block = await w3.eth.block_number - 2
    assert int.from_bytes(await w3.eth.call({"to": address}, first_block), "big") == 2
    logs = await w3.eth.get_logs({"address": address, "fromBlock": 0})
    assert [int.from_bytes(log["data"], "big") for log in logs] == [1, 2, 3]
    assert [log["blockNumber"] for log in await log_filter.get_new_entries()] == [log["blockNumber"] for log in logs]
    assert await w3.eth.estimate_gas({"to": address, "from": l1.accounts[0].address}) > 21_000


async def test_account_and_storage_proofs_hold(l1: EmbeddedL1, w3: AsyncWeb3) -> None:
    address = await deploy(w3, l1)
    await send(w3, l1.accounts[0], to=address)
    block = await w3.eth.get_block("latest")
    proof = await rpc(w3, "eth_getProof", address, ["0x0"], hex(block.number))
    nodes = [rlp.decode(bytes.fromhex(node[2:])) for node in proof["accountProof"]]
    account = HexaryTrie.get_from_proof(bytes(block.stateRoot), keccak(bytes.fromhex(address[2:])), nodes)
    nonce, _balance, storage_root, code_hash = rlp.decode(account)
    assert (nonce, code_hash) == (b"\x01", keccak(COUNTER))
    slot_nodes = [rlp.decode(bytes.fromhex(node[2:])) for node in proof["storageProof"][0]["proof"]]
    assert HexaryTrie.get_from_proof(storage_root, keccak(bytes(32)), slot_nodes) == b"\x01"


async def test_a_chain_of_valid_blocks(l1: EmbeddedL1, w3: AsyncWeb3) -> None:
    for _count in range(3):
        await send(w3, l1.accounts[0], to=l1.accounts[1].address, value=1)
    blocks = [await w3.eth.get_block(number) for number in range(4)]
    for parent, block in pairwise(blocks):
        assert block.parentHash == parent.hash
        assert block.timestamp > parent.timestamp
        assert block.mixHash != parent.mixHash
    assert blocks[0].baseFeePerGas == ON_DEMAND.base_fee > blocks[1].baseFeePerGas > 0


async def test_the_create2_deployer_of_foundry_is_there(l1: EmbeddedL1, w3: AsyncWeb3) -> None:
    deployer = w3.to_checksum_address(CREATE2_DEPLOYER)
    assert keccak(CREATE2_DEPLOYER_CODE).hex() == "2fa86add0aed31f33a762c9d88e807c475bd51d0f52bd0955754b2608f7e4989"
    salt = keccak(b"salt")
    await send(w3, l1.accounts[0], to=deployer, data=salt + INIT)
    expected = keccak(b"\xff" + CREATE2_DEPLOYER + salt + keccak(INIT))[12:]
    assert await w3.eth.get_code(w3.to_checksum_address(expected)) == COUNTER


async def test_refusals_have_geth_s_words(l1: EmbeddedL1, w3: AsyncWeb3) -> None:
    rich = l1.accounts[0]
    await send(w3, rich, to=rich.address)
    poor = w3.eth.account.create()
    cases = [
        (await signed(w3, rich, nonce=0), "nonce too low: next nonce 1, tx nonce 0"),
        (await signed(w3, poor, gas=21_000, to=rich.address), "insufficient funds for gas * price + value"),
        (await signed(w3, rich, gas=20_000), "intrinsic gas too low"),
        (await signed(w3, rich, gas=36_000_001), "exceeds block gas limit"),
        (await signed(w3, rich, chainId=1), "invalid chain id for signer"),
        (await signed(w3, rich, data=b"\x01" * 131_072, gas=30_000_000, to=rich.address), "oversized data"),
    ]
    for raw, message in cases:
        error = await rpc_error(w3, "eth_sendRawTransaction", "0x" + raw.hex())
        assert error["code"] == -32000
        assert message in error["message"]


async def test_without_automine_transactions_wait_and_can_be_replaced(l1: EmbeddedL1, w3: AsyncWeb3) -> None:
    await rpc(w3, "evm_setAutomine", False)
    account = l1.accounts[0]
    low = await w3.eth.send_raw_transaction(await signed(w3, account, to=account.address, nonce=0))
    error = await rpc_error(
        w3, "eth_sendRawTransaction", "0x" + (await signed(w3, account, to=account.address, nonce=0, value=1)).hex()
    )
    assert error["message"].startswith("replacement transaction underpriced")
    fees = {"maxFeePerGas": 55 * GWEI, "maxPriorityFeePerGas": 2 * GWEI}
    high = await w3.eth.send_raw_transaction(await signed(w3, account, to=account.address, nonce=0, **fees))
    assert await w3.eth.get_transaction_count(account.address, "pending") == 1
    assert await w3.eth.block_number == 0
    await rpc(w3, "evm_mine")
    assert (await w3.eth.get_transaction_receipt(high)).status == 1
    assert (await rpc_error(w3, "eth_getTransactionByHash"))["code"] == -32602
    assert await rpc(w3, "eth_getTransactionByHash", "0x" + bytes(low).hex()) is None


async def test_time_state_and_snapshots(l1: EmbeddedL1, w3: AsyncWeb3) -> None:
    stranger = "0x" + "ab" * 20
    start = (await w3.eth.get_block("latest")).timestamp
    snapshot = await rpc(w3, "evm_snapshot")
    await rpc(w3, "evm_setNextBlockTimestamp", start + 10_000)
    await rpc(w3, "evm_mine")
    assert (await w3.eth.get_block("latest")).timestamp == start + 10_000
    await rpc(w3, "evm_increaseTime", "0x3e8")
    await rpc(w3, "anvil_mine", 3, 60)
    times = [(await w3.eth.get_block(number)).timestamp for number in (2, 3, 4)]
    assert times[0] >= start + 11_000
    assert (times[1] - times[0], times[2] - times[1]) == (60, 60)
    await rpc(w3, "anvil_setBalance", stranger, hex(10**18))
    assert await w3.eth.get_balance(w3.to_checksum_address(stranger)) == 10**18
    assert await rpc(w3, "evm_revert", snapshot) is True
    assert await rpc(w3, "evm_revert", snapshot) is False
    assert await w3.eth.block_number == 0
    assert await w3.eth.get_balance(w3.to_checksum_address(stranger)) == 0


async def test_blocks_come_on_the_timer_and_new_heads_are_told() -> None:
    settings = replace(ON_DEMAND, automine=False, block_time=0.1)
    async with EmbeddedL1(settings) as l1, AsyncWeb3(WebSocketProvider(l1.ws_url)) as w3:
        await w3.eth.subscribe("newHeads")
        raw = await signed(w3, l1.accounts[0], to=l1.accounts[1].address, gas=21_000)
        sent = await w3.eth.send_raw_transaction(raw)
        numbers: list[int] = []
        async with asyncio.timeout(60):
            async for message in w3.socket.process_subscriptions():
                numbers.append(message["result"]["number"])
                if len(numbers) == 3:
                    break
        assert numbers == list(range(numbers[0], numbers[0] + 3))
        await w3.eth.wait_for_transaction_receipt(sent, timeout=60)


async def test_run_l1_stops_when_told_and_frees_its_ports() -> None:
    stop = asyncio.Event()
    probe = await asyncio.start_server(lambda _reader, _writer: None, "127.0.0.1", 0)
    port = probe.sockets[0].getsockname()[1]
    probe.close()
    await probe.wait_closed()
    settings = replace(ON_DEMAND, port=port, block_time=0.05)
    for _round in range(2):
        running = asyncio.create_task(run_l1(settings, stop))
        w3 = AsyncWeb3(AsyncHTTPProvider(f"http://127.0.0.1:{port}"))
        async with asyncio.timeout(60):
            while not await w3.is_connected():
                await asyncio.sleep(0.02)
            assert await w3.eth.chain_id == settings.chain_id
            stop.set()
            await running
        await w3.provider.disconnect()
        stop.clear()
