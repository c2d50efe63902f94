"""EXECUTE on chain: verdicts, fees, the block's meter, and who may call it how."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from eth_account import Account
from web3 import AsyncHTTPProvider, AsyncWeb3

from execution.abi import encode_trace
from execution.encoding import keccak
from execution.types import BatchEnd, BlockStart, Cursor, Trace, Transaction
from execution.witness import build_witness
from l1.embedded.execute_abi import EXECUTE
from l1.embedded.meter import EXECUTE_ADDRESS
from l1.embedded.service import EmbeddedL1
from l1.embedded.settings import ExecuteParams
from tests.e2e.l1.chain import GWEI, ON_DEMAND, rpc, rpc_error, send, signed
from tests.unit.execution.small_rollup import CHAIN_ID, HEADERS, RULES, SOURCE, START, WALLETS, attributes

AT = AsyncWeb3.to_checksum_address(EXECUTE_ADDRESS)
GAS = 21_000  # L2 gas of the trace
PARAMS = ExecuteParams(cumulative_gas_limit=3 * GAS, cumulative_gas_target=GAS, min_gas_price=100)
FEE = GAS * PARAMS.min_gas_price

# Each hands its calldata to EXECUTE by some kind of call and returns, or reverts with, what that answers.
_AT = "610101"
_PAID, _UNPAID, _HALF = "5f5f365f34", "5f5f365f", "5f5f365f60023404"


def _forwarder(*calls: str, end: str = "3d5ff3") -> bytes:
    return bytes.fromhex("365f5f37" + "50".join(calls) + "503d5f5f3e" + end)


RETURN_BACK = _forwarder(_PAID + _AT + "5af1")
REVERT_BACK = _forwarder(_PAID + _AT + "5af1", end="3d5ffd")
BY_CALLCODE = _forwarder(_PAID + _AT + "5af2")
BY_DELEGATECALL = _forwarder(_UNPAID + _AT + "5af4")
BY_STATICCALL = _forwarder(_UNPAID + _AT + "5afa")
TWICE = _forwarder(_HALF + _AT + "5af1", _HALF + _AT + "5af1")
CONTRACTS = {
    "call": RETURN_BACK,
    "revert": REVERT_BACK,
    "delegatecall": BY_DELEGATECALL,
    "staticcall": BY_STATICCALL,
    "callcode": BY_CALLCODE,
    "twice": TWICE,
}


def word(value: int) -> bytes:
    return value.to_bytes(32, "big")


def trace() -> Trace:
    """A block with one transfer."""
    wallet = WALLETS[0]
    raw = wallet.typed(chain_id=CHAIN_ID, to=WALLETS[1].address, value=5, gas=GAS)
    inputs = (
        BlockStart(attributes(START_TIME), Cursor(0, 0, 1)), Transaction(raw, Cursor(0, 1, 0)), BatchEnd(Cursor(1, 0, 0))
    )  # fmt: skip
    post, gas_used, witness = build_witness(RULES, START, inputs, SOURCE, HEADERS.__getitem__)
    assert gas_used == GAS
    return Trace(CHAIN_ID, "prague", RULES.tx_gas_cap or 0, START, post, inputs, witness)


START_TIME = 2_000
TRACE = trace()
ENCODED = encode_trace(TRACE)


def call_data(gas: int = GAS, post: bytes = TRACE.post.state_root, encoded: bytes = ENCODED) -> bytes:
    padded = encoded.ljust((len(encoded) + 31) // 32 * 32, b"\x00")
    return EXECUTE + START.state_root + post + word(gas) + word(128) + word(len(encoded)) + padded


TRUE = call_data()
FALSE = call_data(post=bytes(32))


@pytest.fixture
async def l1() -> AsyncIterator[EmbeddedL1]:
    async with EmbeddedL1(replace(ON_DEMAND, execute=PARAMS)) as running:
        yield running


@pytest.fixture
async def contracts(l1: EmbeddedL1, w3: AsyncWeb3) -> dict[str, str]:
    """Address of each forwarder; putting them there takes a block each."""
    addresses = {name: w3.to_checksum_address(keccak(name.encode())[:20]) for name in CONTRACTS}
    for name, code in CONTRACTS.items():
        await rpc(w3, "anvil_setCode", addresses[name], "0x" + code.hex())
    return addresses


async def price(w3: AsyncWeb3) -> int:
    return int.from_bytes(await w3.eth.call({"to": AT, "data": keccak(b"gasPrice()")[:4]}), "big")


async def gas_left(w3: AsyncWeb3, block: object = "latest") -> int:
    return int.from_bytes(await w3.eth.call({"to": AT, "data": keccak(b"gasLeft()")[:4]}, block), "big")


async def congested(w3: AsyncWeb3) -> int:
    return int.from_bytes(await w3.eth.call({"to": AT, "data": keccak(b"congestedSeconds()")[:4]}), "big")


async def asked(w3: AsyncWeb3, l1: EmbeddedL1, to: str, data: bytes, value: int) -> bytes:
    return bytes(await w3.eth.call({"from": l1.accounts[0].address, "to": to, "data": data, "value": value}))


async def test_true_false_and_the_fee(l1: EmbeddedL1, w3: AsyncWeb3) -> None:
    sender = l1.accounts[0]
    for data, answer in ((TRUE, 1), (FALSE, 0), (call_data(encoded=b"junk"), 0)):
        assert await asked(w3, l1, AT, data, FEE) == word(answer)
        paid = await w3.eth.get_balance(AT)
        due = GAS * await price(w3)
        before = await w3.eth.get_balance(sender.address)
        receipt = await send(w3, sender, to=AT, data=data, value=due + 12_345)
        assert receipt.status == 1
        spent = before - await w3.eth.get_balance(sender.address)
        assert spent == due + receipt.gasUsed * receipt.effectiveGasPrice  # the excess came back
        assert await w3.eth.get_balance(AT) == paid + due  # kept, whatever the answer


async def test_l1_gas_is_fixed_and_by_the_byte(l1: EmbeddedL1, w3: AsyncWeb3, contracts: dict[str, str]) -> None:
    short, long = call_data(encoded=b""), call_data(encoded=bytes(1024))
    used = [
        (await send(w3, l1.accounts[0], to=contracts["call"], data=data, value=FEE)).gasUsed for data in (short, long)
    ]
    calldata = 4 * 1024
    copied = 3 * (1024 // 32)
    length_word = 12  # 0x0400 has one byte that isn't zero where 0x0000 has none
    memory = used[1] - used[0] - calldata - copied - length_word - 8 * 1024
    assert 0 <= memory < 200
    estimate = await w3.eth.estimate_gas({"from": l1.accounts[0].address, "to": AT, "data": TRUE, "value": FEE})
    assert estimate >= 21_000 + PARAMS.fixed_gas + PARAMS.gas_per_byte * len(ENCODED)
    receipt = await send(w3, l1.accounts[0], to=AT, data=TRUE, value=FEE * 2, gas=estimate)
    assert receipt.status == 1


async def test_too_little_value_or_gas_left_reverts_with_a_reason(l1: EmbeddedL1, w3: AsyncWeb3) -> None:
    sender = l1.accounts[0].address
    for value, data, reason in (
        (FEE - 1, TRUE, f"EXECUTE: value {FEE - 1} wei, fee {FEE} wei"),
        (FEE * 10, call_data(gas=4 * GAS), f"EXECUTE: {4 * GAS} L2 gas wanted, {3 * GAS} left in the block"),
        (0, b"\x12\x34\x56\x78", "EXECUTE: unknown function"),
        (FEE, TRUE[:100], "EXECUTE: arguments cut off"),
        (FEE, TRUE[:-64], "EXECUTE: the trace has another length than announced"),
    ):
        call = {"from": sender, "to": AT, "data": "0x" + data.hex(), "value": hex(value)}
        error = await rpc_error(w3, "eth_call", call, "latest")
        assert error["code"] == 3
        assert reason in error["message"]
    before = await w3.eth.get_balance(AT)
    receipt = await send(w3, l1.accounts[0], to=AT, data=TRUE, value=FEE - 1)
    assert receipt.status == 0
    assert await w3.eth.get_balance(AT) == before


async def test_only_by_call(l1: EmbeddedL1, w3: AsyncWeb3, contracts: dict[str, str]) -> None:
    assert await asked(w3, l1, contracts["call"], TRUE, FEE) == word(1)
    free = call_data(gas=0)  # costs nothing, so that no value is missing
    for kind in ("delegatecall", "staticcall", "callcode"):
        assert b"EXECUTE: only by CALL" in await asked(w3, l1, contracts[kind], free, 0)
    view = keccak(b"gasPrice()")[:4]
    for kind in ("call", "delegatecall", "staticcall", "callcode"):
        assert await asked(w3, l1, contracts[kind], view, 0) == word(PARAMS.min_gas_price)


async def in_one_block(w3: AsyncWeb3, l1: EmbeddedL1, to: list[str], value: int) -> list[int]:
    """Sends TRUE to these addresses in one block; the status of each transaction."""
    await rpc(w3, "evm_setAutomine", False)
    start = await w3.eth.get_transaction_count(l1.accounts[0].address)
    sent = [
        await w3.eth.send_raw_transaction(
            await signed(w3, l1.accounts[0], to=address, data=TRUE, value=value, nonce=start + index)
        )
        for index, address in enumerate(to)
    ]
    await rpc(w3, "evm_mine")
    await rpc(w3, "evm_setAutomine", True)
    receipts = [await w3.eth.get_transaction_receipt(each) for each in sent]
    assert len({receipt.blockNumber for receipt in receipts}) == 1
    return [receipt.status for receipt in receipts]


async def test_the_price_follows_what_a_block_used(l1: EmbeddedL1, w3: AsyncWeb3) -> None:
    assert (await price(w3), await gas_left(w3)) == (100, 3 * GAS)
    assert await in_one_block(w3, l1, [AT, AT, AT, AT], FEE) == [1, 1, 1, 0]  # the fourth is above the limit
    assert await price(w3) == 125  # twice the target above the target: two eighths
    stored = await w3.eth.get_storage_at(AT, 0), await w3.eth.get_storage_at(AT, 1)
    assert [int.from_bytes(each, "big") for each in stored] == [125, 3 * GAS]
    assert await gas_left(w3) == 3 * GAS  # a new block
    assert await in_one_block(w3, l1, [AT], 125 * GAS) == [1]
    assert await price(w3) == 125  # exactly the target
    await rpc(w3, "evm_mine")
    assert await price(w3) == 110
    await rpc(w3, "anvil_mine", 5)
    assert await price(w3) == 100


async def test_the_meter_survives_a_revert_and_calls_do_not_touch_it(
    l1: EmbeddedL1, w3: AsyncWeb3, contracts: dict[str, str]
) -> None:
    for _call in range(5):
        assert await asked(w3, l1, contracts["call"], TRUE, FEE) == word(1)
    assert await gas_left(w3) == 3 * GAS
    before, had = await w3.eth.get_balance(AT), await w3.eth.get_balance(l1.accounts[0].address)
    assert await in_one_block(w3, l1, [contracts["revert"]] * 3 + [AT], FEE) == [0, 0, 0, 0]
    assert await w3.eth.get_balance(AT) == before + 3 * FEE  # a revert undoes neither use nor payment
    assert had - await w3.eth.get_balance(l1.accounts[0].address) > 3 * FEE
    assert await price(w3) == 125


async def test_an_estimate_is_what_the_transaction_needs(
    l1: EmbeddedL1, w3: AsyncWeb3, contracts: dict[str, str]
) -> None:
    """Also where the gas is priced, and the account has just what gas, value and fee come to."""
    poor = Account.create()
    for to, value in ((AT, FEE), (contracts["call"], FEE + 5), (contracts["twice"], 2 * FEE)):
        call = {"from": poor.address, "to": to, "data": TRUE, "value": value, "maxFeePerGas": 50 * GWEI}
        await rpc(w3, "anvil_setBalance", poor.address, hex(value + 600_000 * 50 * GWEI))
        estimate = await w3.eth.estimate_gas(call)
        await rpc(w3, "anvil_setBalance", poor.address, hex(value + estimate * 50 * GWEI))
        assert await w3.eth.estimate_gas(call) <= estimate
        fees = await w3.eth.get_balance(AT)
        receipt = await send(w3, poor, to=to, data=TRUE, value=value, gas=estimate)
        assert receipt.status == 1
        assert receipt.gasUsed <= estimate < receipt.gasUsed * 1.1
        assert await w3.eth.get_balance(AT) - fees == (2 * FEE if to == contracts["twice"] else FEE)
        await rpc(w3, "anvil_mine", 10)  # the price falls to its minimum again
    refused = {"from": poor.address, "to": contracts["call"], "data": "0x" + TRUE.hex(), "value": hex(FEE - 1)}
    await rpc(w3, "anvil_setBalance", poor.address, hex(10**18))
    await rpc(w3, "anvil_setBalance", contracts["call"], hex(10**18))
    assert await w3.eth.estimate_gas(refused) < 21_000 + 16 * len(TRUE) + PARAMS.fixed_gas + 8 * len(ENCODED) + 30_000


async def test_congested_seconds_and_price_follow_the_chain_through_reorgs(l1: EmbeddedL1, w3: AsyncWeb3) -> None:
    """With so low a limit a block that sold anything had no room for the largest step."""

    async def seen() -> tuple[int, int]:
        return await congested(w3), await price(w3)

    async def used_block(seconds: int) -> None:
        now = (await w3.eth.get_block("latest")).timestamp
        await rpc(w3, "evm_setNextBlockTimestamp", now + seconds)
        await send(w3, l1.accounts[0], to=AT, data=FALSE, value=2 * GAS * 200, nonce=None)

    assert await seen() == (0, 100)
    await used_block(12)
    assert await seen() == (12, 100)
    snapshot = await rpc(w3, "evm_snapshot")
    await used_block(30)
    await rpc(w3, "evm_mine")
    assert await seen() == (42, 100)
    assert await rpc(w3, "evm_revert", snapshot)
    assert await seen() == (12, 100)
    assert await in_one_block(w3, l1, [AT, AT, AT], FEE) == [1, 1, 1]
    before = (await w3.eth.get_block("latest")).timestamp - (await w3.eth.get_block("earliest")).timestamp
    assert await seen() == (before, 125)
    await rpc(w3, "verdict_reorg", 1, {"include": True, "blocks": 1})  # the same, a second after its parent
    assert await seen() == (13, 125)
    await rpc(w3, "verdict_reorg", 1, {"drop_transactions": True, "blocks": 1})
    assert await seen() == (12, 100)
    assert await gas_left(w3) == 3 * GAS


async def test_two_calls_in_one_eth_call_share_a_limit(
    l1: EmbeddedL1, w3: AsyncWeb3, contracts: dict[str, str]
) -> None:
    double = call_data(gas=2 * GAS)
    answer = await asked(w3, l1, contracts["twice"], double, 4 * FEE)
    assert f"EXECUTE: {2 * GAS} L2 gas wanted, {GAS} left in the block".encode() in answer


async def test_a_verdict_that_takes_too_long_is_false_and_the_node_goes_on() -> None:
    hasty = replace(PARAMS, time_limit=0.0001)
    async with EmbeddedL1(replace(ON_DEMAND, execute=hasty)) as l1:
        w3 = AsyncWeb3(AsyncHTTPProvider(l1.rpc_url))
        for _attempt in range(2):
            assert await asked(w3, l1, AT, call_data(encoded=bytes(200_000)), FEE) == word(0)
        assert (await send(w3, l1.accounts[0], to=AT, data=TRUE, value=FEE)).status == 1
        await w3.provider.disconnect()


async def test_the_event_loop_is_free_while_a_verdict_is_computed(l1: EmbeddedL1, w3: AsyncWeb3) -> None:
    """The answer to a cheap call comes before that of the expensive one sent first."""
    slow = asyncio.create_task(asked(w3, l1, AT, TRUE, FEE))  # starts a worker process: a second or more
    async with asyncio.timeout(5):
        assert await w3.eth.block_number == 0
    assert not slow.done()
    assert await slow == word(1)


async def test_a_transaction_that_breaks_the_engine_does_not_stop_the_chain(
    l1: EmbeddedL1, w3: AsyncWeb3, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_question: object) -> None:
        raise RuntimeError("a mistake in the engine")

    await rpc(w3, "evm_setAutomine", False)
    monkeypatch.setattr(l1.node.rules.precompiles[EXECUTE_ADDRESS], "_judge", broken)
    bad = await w3.eth.send_raw_transaction(await signed(w3, l1.accounts[0], to=AT, data=TRUE, value=FEE))
    good = await w3.eth.send_raw_transaction(await signed(w3, l1.accounts[1], to=l1.accounts[0].address))
    assert "internal error" in (await rpc_error(w3, "evm_mine"))["message"]
    assert await w3.eth.block_number == 0
    await rpc(w3, "evm_mine")
    assert (await w3.eth.get_transaction_receipt(good)).blockNumber == 1
    assert await rpc(w3, "eth_getTransactionByHash", "0x" + bytes(bad).hex()) is None
