"""How EXECUTE may be called, what is refused, what a call costs in L1 gas, and traces that are staged as code."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from execution.calls import DELEGATION_MARKER
from execution.encoding import keccak
from l1.embedded import precompile
from l1.embedded.execute_abi import EXECUTE, EXECUTE_STAGED, Malformed, decode_arguments
from l1.embedded.meter import EXECUTE_ADDRESS
from l1.embedded.precompile import (
    COLD_POINTER_GAS,
    CONGESTED_SELECTOR,
    GAS_LEFT_SELECTOR,
    GAS_PRICE_SELECTOR,
    VIEW_GAS,
    WARM_POINTER_GAS,
)
from tests.unit.chain.execute_block import (
    CALL,
    CALLCODE,
    DELEGATECALL,
    DISPUTED,
    PARAMS,
    PRICE,
    SENDER,
    STATICCALL,
    Block,
    execute_data,
    forwarder,
    staged_data,
    word,
)

KINDS = (CALL, CALLCODE, DELEGATECALL, STATICCALL)
FORWARDER = b"\x0f" * 20
FIRST, SECOND = b"\x01" * 20, b"\x02" * 20
FAILED, DONE = word(0), word(1)


@pytest.fixture
def block() -> Block:
    block = Block()
    block.fund(10**9)
    return block


def error(message: str) -> bytes:
    text = f"EXECUTE: {message}".encode()
    padded = text.ljust((len(text) + 31) // 32 * 32, b"\0")
    return keccak(b"Error(string)")[:4] + word(32) + word(len(text)) + padded


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("value", [0, 70])
def test_views_can_be_called_in_any_way(block: Block, kind: str, value: int) -> None:
    """Also where CALLVALUE isn't zero but no ether comes along."""
    block.put(FORWARDER, forwarder(kind, value="5f"))
    block.send(EXECUTE_ADDRESS, 3 * PRICE, execute_data(3))
    for selector, answer in ((GAS_PRICE_SELECTOR, PRICE), (GAS_LEFT_SELECTOR, 57), (CONGESTED_SELECTOR, 5)):
        assert block.call(FORWARDER, selector, value).output == DONE + word(answer)
    block.put(FORWARDER, forwarder(kind, value="34"))
    if value and kind == CALL:
        assert block.call(FORWARDER, GAS_PRICE_SELECTOR, value).output == FAILED + error("this function takes no value")


def test_a_view_costs_little(block: Block) -> None:
    used = block.call(EXECUTE_ADDRESS, GAS_PRICE_SELECTOR).max_gas_used
    assert used == 21_000 + 4 * 16 + VIEW_GAS


@pytest.mark.parametrize("kind", [CALLCODE, DELEGATECALL, STATICCALL])
@pytest.mark.parametrize("data", [execute_data(0), staged_data(0, b"", [])], ids=["execute", "executeStaged"])
def test_execute_by_call_only(block: Block, kind: str, data: bytes) -> None:
    """Even where nothing would have to be paid."""
    block.put(FORWARDER, forwarder(kind))
    assert block.call(FORWARDER, data).output == FAILED + error("only by CALL")
    block.put(FORWARDER, forwarder(CALL))
    assert block.call(FORWARDER, data).output == DONE + word(1)
    # A CALL inside a STATICCALL is static too.
    block.put(FIRST, forwarder(STATICCALL, FORWARDER))
    assert block.call(FIRST, data).output == DONE + FAILED + error("only by CALL")


@pytest.mark.parametrize(
    ("value", "data", "reason"),
    [
        (3 * PRICE - 1, execute_data(3), f"value {3 * PRICE - 1} wei, fee {3 * PRICE} wei"),
        (100 * PRICE, execute_data(61), "61 L2 gas wanted, 60 left in the block"),
        (DISPUTED * PRICE + 5, execute_data(DISPUTED), "clients disagree"),
        (DISPUTED * PRICE, staged_data(DISPUTED, b"", []), "clients disagree"),
        (PRICE, staged_data(1, b"", [FIRST]), f"no code at the pointer 0x{FIRST.hex()}"),
        (0, b"\x12\x34\x56\x78", "unknown function"),
        (0, b"", "unknown function"),
    ],
)
def test_a_refusal_costs_nothing_but_gas(block: Block, value: int, data: bytes, reason: str) -> None:
    result = block.call(EXECUTE_ADDRESS, data, value)
    assert (result.reverted, result.output) == (True, error(reason))
    had = block.world.get_balance(SENDER.address)
    receipt = block.send(EXECUTE_ADDRESS, value, data)
    assert not receipt.succeeded and receipt.gas_used < 100_000
    assert block.world.get_balance(SENDER.address) == had - receipt.gas_used * block.gas_price
    assert (block.meter.used, block.fees, block.clients.sold) == (0, 0, [])


def test_a_block_sells_up_to_its_limit_and_no_more(block: Block) -> None:
    assert block.send(EXECUTE_ADDRESS, 59 * PRICE, execute_data(59)).succeeded
    assert not block.send(EXECUTE_ADDRESS, 2 * PRICE, execute_data(2)).succeeded
    assert block.send(EXECUTE_ADDRESS, 1 * PRICE, execute_data(1)).succeeded
    assert not block.send(EXECUTE_ADDRESS, 1 * PRICE, execute_data(1)).succeeded
    assert block.send(EXECUTE_ADDRESS, 0, execute_data(0)).succeeded  # nothing bought: there is always room
    assert (block.meter.used, block.fees) == (60, 60 * PRICE)


def test_the_answer_does_not_change_what_is_paid(block: Block) -> None:
    for gas, answer in ((4, 1), (5, 0)):
        assert block.call(EXECUTE_ADDRESS, execute_data(gas), 10**6).output == word(answer)
        had, fees = block.world.get_balance(SENDER.address), block.fees
        receipt = block.send(EXECUTE_ADDRESS, 10**6, execute_data(gas))
        assert block.fees - fees == gas * PRICE
        assert block.world.get_balance(SENDER.address) == had - gas * PRICE - receipt.gas_used * block.gas_price


def test_an_account_that_delegates_to_execute_runs_nothing(block: Block) -> None:
    """EIP-7702: as with every precompile; the ether stays with the account."""
    block.world.set_code(FIRST, DELEGATION_MARKER + EXECUTE_ADDRESS)
    receipt = block.send(FIRST, 5 * PRICE, execute_data(5))
    assert receipt.succeeded and block.world.get_balance(FIRST) == 5 * PRICE
    for kind in KINDS:
        block.put(FORWARDER, forwarder(kind, FIRST))
        assert block.call(FORWARDER, execute_data(5), 5 * PRICE).output == DONE
        assert block.call(FORWARDER, GAS_PRICE_SELECTOR).output == DONE
    assert (block.clients.sold, block.meter.used, block.fees) == ([], 0, 0)


# --- L1 gas --------------------------------------------------------------------------------------------------


def needed(block: Block, data: bytes, value: int = 0) -> int:
    """L1 gas that the precompile takes of a transaction."""
    intrinsic = 21_000 + sum(16 if byte else 4 for byte in data)
    return block.call(EXECUTE_ADDRESS, data, value).max_gas_used - intrinsic


@pytest.mark.parametrize("size", [0, 1, 31, 32, 1000])
def test_gas_of_execute(size: int) -> None:
    block = Block(replace(PARAMS, fixed_gas=100_000, gas_per_byte=40))  # above the floor of EIP-7623
    data = execute_data(0, bytes([7]) * size)
    assert needed(block, data) == 100_000 + 40 * size
    exact = 21_000 + sum(16 if byte else 4 for byte in data) + needed(block, data)
    block.fund(0)
    assert block.send(EXECUTE_ADDRESS, data=data, gas=exact).succeeded
    failed = block.send(EXECUTE_ADDRESS, data=data, gas=exact - 1)
    assert (failed.succeeded, failed.gas_used) == (False, exact - 1)
    assert len(block.clients.sold) == 3


@pytest.mark.parametrize(("size", "words"), [(1, 1), (32, 1), (33, 2), (24_576, 768)])
def test_gas_of_pointers(size: int, words: int) -> None:
    block = Block(replace(PARAMS, fixed_gas=100_000))
    block.put(FIRST, bytes(size))
    once = needed(block, staged_data(0, b"", [FIRST]))
    assert once == 100_000 + COLD_POINTER_GAS + 12 * words
    twice = needed(block, staged_data(0, b"", [FIRST, FIRST]))
    assert twice - once == WARM_POINTER_GAS + 12 * words


def test_codes_are_read_only_as_far_as_gas_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    block = Block(replace(PARAMS, fixed_gas=100_000))  # above the floor of EIP-7623
    read: list[bytes] = []
    get_code = block.world.get_code
    monkeypatch.setattr(block.builder.state, "get_code", lambda address: read.append(address) or get_code(address))
    block.put(FIRST, bytes(24_576))
    data = staged_data(0, b"", [FIRST] * 10)
    intrinsic = 21_000 + sum(16 if byte else 4 for byte in data)
    pointers = 10 * WARM_POINTER_GAS
    cold = COLD_POINTER_GAS - WARM_POINTER_GAS
    gas = intrinsic + 100_000 + pointers + cold + 2 * 12 * 768
    result = block.call(EXECUTE_ADDRESS, data, gas=gas)
    assert (result.error or "").startswith("OutOfGas")
    assert len(read) == 3  # the third told its size
    del read[:]
    block.call(EXECUTE_ADDRESS, data, gas=intrinsic + 100_000 + pointers - 1)
    assert read == []


# --- staged traces -------------------------------------------------------------------------------------------


def test_a_staged_trace_is_what_lies_there_without_first_bytes_and_padded(block: Block) -> None:
    block.put(FIRST, b"\x00" + b"a" * 40)
    block.put(SECOND, b"\xfe" + b"b" * 5)
    block.world.set_code(FORWARDER, DELEGATION_MARKER + SECOND)  # read as it is, as EXTCODECOPY does
    data = staged_data(2, b"head", [FIRST, SECOND, FIRST, FORWARDER])
    assert block.send(EXECUTE_ADDRESS, 2 * PRICE, data).succeeded
    trace = b"head" + b"a" * 40 + b"b" * 5 + b"a" * 40 + b"\x01\x00" + SECOND
    assert block.clients.traces == [trace.ljust(128, b"\0")]
    assert len(trace) == 111
    assert (block.meter.used, block.fees) == (2, 2 * PRICE)
    assert block.call(EXECUTE_ADDRESS, staged_data(0, b"odd", [])).output == DONE
    assert block.clients.traces[-1] == b"odd".ljust(32, b"\0")


def test_code_made_in_the_same_transaction_can_be_pointed_to(block: Block) -> None:
    """CREATE2 of its calldata's first 32 bytes as initcode; then EXECUTE with the rest."""
    pointer_init = bytes.fromhex("60205f5f39" + "60205ff3").ljust(32, b"\0")  # deploys the first 32 bytes of itself
    made = keccak(b"\xff" + FIRST + bytes(32) + keccak(pointer_init))[12:]
    create = "60205f5f37" + "5f60205f5ff550"  # calldatacopy(0, 0, 32) create2(0, 0, 32, 0)
    call = "6020360360205f37" + "5f5f602036035f346101015af1"  # calldatacopy(0, 32, rest) call(gas, 0x0101, value, 0, rest)
    block.put(FIRST, bytes.fromhex(create + call + "5f5260205ff3"))
    data = pointer_init + staged_data(2, b"", [made])
    result = block.call(FIRST, data, 2 * PRICE)
    assert result.output == DONE
    assert block.clients.traces == [pointer_init[1:] + b"\0"]


def test_a_trace_has_a_limit(block: Block, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precompile, "MAX_TRACE", 1000)
    block.put(FIRST, bytes(401))
    assert block.call(EXECUTE_ADDRESS, staged_data(0, bytes(200), [FIRST, FIRST])).output == DONE
    refused = block.call(EXECUTE_ADDRESS, staged_data(0, bytes(201), [FIRST, FIRST]))
    assert refused.output == error("the trace has more than 1000 bytes")
    assert block.call(EXECUTE_ADDRESS, execute_data(0, bytes(1001))).output == error("the trace has more than 1000 bytes")


# --- canonical arguments -------------------------------------------------------------------------------------

GOOD = execute_data(5, b"xyz")
STAGED = staged_data(5, b"x" * 40, [FIRST, SECOND])


def changed(data: bytes, at: int, value: bytes) -> bytes:
    return data[:at] + value + data[at + len(value) :]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (GOOD[:4], "arguments cut off"),
        (GOOD[:163], "arguments cut off"),
        (GOOD[:-1], "the trace has another length than announced"),
        (GOOD[:-29], "the trace has another length than announced"),
        (GOOD + bytes(32), "the trace has another length than announced"),
        (changed(GOOD, 132, word(2**255)), "the trace has another length than announced"),
        (changed(GOOD, 68, word(2**64)), "arguments not in the canonical ABI encoding"),
        (changed(GOOD, 100, word(96)), "arguments not in the canonical ABI encoding"),
        (GOOD[:-1] + b"\x01", "the trace is not padded with zeros"),
        (STAGED[:195], "arguments cut off"),
        (STAGED[:-1], "the pointers have another length than announced"),
        (STAGED[:-96], "the pointers have another length than announced"),
        (STAGED + bytes(32), "the pointers have another length than announced"),
        (changed(STAGED, 132, word(160)), "arguments not in the canonical ABI encoding"),
        (changed(STAGED, 100, word(128)), "arguments not in the canonical ABI encoding"),
        (changed(STAGED, len(STAGED) - 96, word(2**251 + 2)), "the pointers have another length than announced"),
        (changed(STAGED, 4 + 192 + 40, b"\x01"), "the trace is not padded with zeros"),
        (changed(STAGED, len(STAGED) - 64, b"\x01"), "a pointer is not an address"),
    ],
)
def test_only_canonical_arguments_are_taken(block: Block, data: bytes, reason: str) -> None:
    block.put(FIRST, b"\0first")
    block.put(SECOND, b"\0second")
    assert block.call(EXECUTE_ADDRESS, data, 5 * PRICE).output == error(reason)
    for good in (GOOD, STAGED):
        assert block.call(EXECUTE_ADDRESS, good, 5 * PRICE).output == FAILED  # an answer: false


@given(st.sampled_from([EXECUTE, EXECUTE_STAGED]), st.binary(max_size=400), st.integers(0, 40))
def test_arguments_that_decode_are_what_abi_encode_gives(selector: bytes, data: bytes, size: int) -> None:
    for guess in (selector + data, changed(STAGED, size, data[:40]), changed(GOOD, size, data[:40])):
        try:
            found = decode_arguments(guess)
        except Malformed:
            continue
        pointers = list(found.pointers())
        if found.staged:
            again = staged_data(found.gas_used, found.trace(), pointers)
        else:
            again = execute_data(found.gas_used, found.trace())
        assert guess[68:] == again[68:] and guess[4:68] == found.pre_root + found.post_root
