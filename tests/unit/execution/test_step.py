"""Steps: at once, one by one, and from witnesses alone they come to the same; nothing else is ever proved."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from execution.abi import encode_trace
from execution.errors import InvalidWitness, Rejection
from execution.execute import execute
from execution.rules import Rules
from execution.step import Machine, step
from execution.types import BatchEnd, BlockStart, Cursor, Fragment, Skip, Trace, Transaction, Witness
from execution.witness import build_witness
from tests.unit.execution.small_rollup import (
    ANCESTOR_AT,
    CHAIN_ID,
    FACTORY_AT,
    HEADERS,
    MORTAL_INIT,
    READER_AT,
    RULES,
    SOURCE,
    START,
    STORE_AT,
    WALLETS,
    attributes,
    inputs_of,
    scripts,
    word,
)
from tests.vectors import make_step_state

CAP = 1 << 24
SETTINGS = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


def fresh_machine() -> Machine:
    return Machine(RULES, SOURCE, START, HEADERS.__getitem__)


def proved(pre, post, inputs, witness, gas) -> bool:
    trace = encode_trace(Trace(CHAIN_ID, "prague", CAP, pre, post, tuple(inputs), witness))
    return execute(pre.state_root, post.state_root, gas, trace).result


@settings(SETTINGS, max_examples=100)
@given(scripts)
def test_one_by_one_from_witnesses_is_the_same_as_at_once(script):
    machine = fresh_machine()
    inputs, gas = [], 0
    for item in inputs_of(script, machine):
        before, source = machine.state, machine.roots_source()
        predicted = build_witness(RULES, before, [item], source, machine.header)
        outcome = machine.step(item)
        assert predicted[:2] == (machine.state, outcome.gas_used)
        assert step(RULES, before, item, predicted[2]) == (machine.state, outcome.gas_used)
        assert proved(before, machine.state, [item], predicted[2], outcome.gas_used)
        inputs.append(item)
        gas += outcome.gas_used
    post, total, witness = build_witness(RULES, START, inputs, SOURCE, HEADERS.__getitem__)
    assert (post, total) == (machine.state, gas)
    assert proved(START, post, inputs, witness, gas)


@settings(SETTINGS, max_examples=30)
@given(scripts)
def test_every_item_of_a_witness_is_needed(script):
    machine = fresh_machine()
    for item in inputs_of(script, machine):
        before = machine.state
        post, gas, witness = build_witness(RULES, before, [item], machine.roots_source(), machine.header)
        for name in ("state", "codes", "headers"):
            items = getattr(witness, name)
            for i in range(len(items)):
                partial = replace(witness, **{name: items[:i] + items[i + 1 :]})
                with pytest.raises(InvalidWitness):
                    step(RULES, before, item, partial)
                assert not proved(before, post, [item], partial, gas)
        machine.step(item)


@settings(SETTINGS, max_examples=30)
@given(scripts)
def test_no_other_outcome_is_proved(script):
    machine = fresh_machine()
    for item in inputs_of(script, machine):
        before = machine.state
        post, gas, witness = build_witness(RULES, before, [item], machine.roots_source(), machine.header)
        wrong = [
            replace(post, state_root=b"\x01" * 32),
            replace(post, block_hash=b"\x01" * 32),
            replace(post, fragments_size=post.fragments_size + 1),
            replace(post, cursor=replace(post.cursor, item=post.cursor.item + 1)),
        ]
        if post.open is not None:
            wrong += [
                replace(post, open=None),
                replace(post, open=replace(post.open, gas_used=post.open.gas_used + 1)),
                replace(post, open=replace(post.open, receipts_root=b"\x01" * 32)),
                replace(post, open=replace(post.open, logs_bloom=b"\x01" * 256)),
            ]
        for claimed in wrong:
            assert not proved(before, claimed, [item], witness, gas)
        assert not proved(before, post, [item], witness, gas + 1)
        assert not (gas and proved(before, post, [item], witness, gas - 1))
        assert not proved(before, post, [], witness, gas) or before == post
        extra = Witness((*witness.state, b"junk"), (*witness.codes, b"junk"), (*witness.headers, b"junk"))
        assert proved(before, post, [item], extra, gas)
        machine.step(item)


def test_roots_given_to_execute_must_be_those_of_the_trace():
    item = Skip(Cursor(0, 0, 1))
    post, _, witness = build_witness(RULES, START, [item], SOURCE, HEADERS.__getitem__)
    trace = encode_trace(Trace(CHAIN_ID, "prague", CAP, START, post, (item,), witness))
    assert execute(START.state_root, post.state_root, 0, trace).result
    assert not execute(b"\x01" * 32, post.state_root, 0, trace).result
    assert not execute(START.state_root, b"\x01" * 32, 0, trace).result
    for bent in (trace[:-1], trace + bytes(32), b"", b"\xff" * 1000, trace[:32] + trace):
        assert not execute(START.state_root, post.state_root, 0, bent).result
    other_fork = encode_trace(Trace(CHAIN_ID, "osaka", CAP, START, post, (item,), witness))
    assert not execute(START.state_root, post.state_root, 0, other_fork).result


def test_no_ops_have_their_reasons():
    machine = fresh_machine()
    wallet = WALLETS[0]
    send = {"chain_id": CHAIN_ID, "to": b"\x99" * 20, "gas": 21_000}
    assert machine.step(Transaction(wallet.typed(**send))).rejection.reason is Rejection.NO_OPEN_BLOCK
    machine.step(BlockStart(attributes(1_002)))
    before = machine.state
    for raw, reason in {
        b"": Rejection.UNDECODABLE,
        b"\x05\xc0": Rejection.UNKNOWN_TYPE,
        b"\x80": Rejection.UNKNOWN_TYPE,
        wallet.typed(**send) + b"\x00": Rejection.UNDECODABLE,
        wallet.typed(**send | {"chain_id": 1}): Rejection.WRONG_CHAIN_ID,
        wallet.legacy(**send | {"chain_id": 1}): Rejection.WRONG_CHAIN_ID,
        wallet.typed(**send, nonce=1): Rejection.NONCE_TOO_HIGH,
        wallet.typed(**send, nonce=2**64 - 1): Rejection.NONCE_OVERFLOW,
        wallet.typed(**send, value=10**21): Rejection.INSUFFICIENT_FUNDS,
        wallet.typed(**send | {"gas": 20_999}): Rejection.INTRINSIC_GAS,
        wallet.typed(**send | {"gas": 25_500}, data=b"\x01" * 200): Rejection.FLOOR_GAS,
        wallet.typed(**send | {"gas": CAP + 1}): Rejection.TX_GAS_CAP,
        wallet.typed(**send, fee=10, tip=1): Rejection.MAX_FEE,
        wallet.typed(**send, fee=10**10, tip=10**11): Rejection.PRIORITY_FEE,
        wallet.typed(kind=3, **send, blob_hashes=[b"\x01" * 32]): Rejection.BLOB_NOT_ALLOWED,
        wallet.typed(kind=4, **send): Rejection.EMPTY_AUTHORIZATIONS,
        wallet.typed(kind=4, **send | {"to": b""}): Rejection.CREATE_NOT_ALLOWED,
        wallet.typed(**send | {"to": b"", "gas": CAP}, data=bytes(49_153)): Rejection.INITCODE_SIZE,
    }.items():
        outcome = machine.step(Transaction(raw))
        assert outcome.rejection is not None and outcome.rejection.reason is reason, (reason, outcome)
        assert machine.state == replace(before, cursor=Cursor())


def test_block_gas_left_is_what_the_rejection_says():
    rules = Rules(CHAIN_ID, tx_gas_cap=None)
    machine = Machine(rules, SOURCE, START, HEADERS.__getitem__)
    machine.step(BlockStart(attributes(1_002)))
    raw = WALLETS[0].typed(chain_id=CHAIN_ID, to=b"\x99" * 20, gas=30_000_001)
    assert machine.step(Transaction(raw)).rejection.reason is Rejection.BLOCK_GAS


def test_fragments_chain_and_are_forgotten():
    machine = fresh_machine()
    machine.step(Fragment(b"ab", Cursor(0, 1, 1)))
    machine.step(Fragment(b"c", Cursor(0, 1, 2)))
    assert machine.state.fragments_size == 3
    machine.step(Skip(Cursor(0, 1, 3)))
    assert machine.state == replace(START, cursor=Cursor(0, 1, 3))


def test_contract_created_and_destroyed_in_one_transaction_leaves_nothing():
    machine = fresh_machine()
    machine.step(BlockStart(attributes(1_002)))
    call = {"chain_id": CHAIN_ID, "to": FACTORY_AT, "data": MORTAL_INIT, "gas": 300_000}
    outcome = machine.step(Transaction(WALLETS[0].typed(**call)))
    assert outcome.receipt.succeeded
    created = machine.world.get_storage(FACTORY_AT, 0).to_bytes(32, "big")[12:]
    assert created != bytes(20) and not machine.world.account_exists(created)
    assert machine.world.get_storage(created, 0) == 0


def test_blockhash_needs_the_headers_in_between():
    machine = fresh_machine()
    for timestamp in (1_002, 1_004, 1_006, 1_008):
        machine.step(BlockStart(attributes(timestamp)))
    raw = WALLETS[0].typed(chain_id=CHAIN_ID, to=ANCESTOR_AT, data=word(4), gas=100_000)
    _, _, witness = build_witness(
        RULES, machine.state, [Transaction(raw)], machine.roots_source(), machine.header
    )
    assert len(witness.headers) == 3
    machine.step(Transaction(raw))
    assert machine.world.get_storage(ANCESTOR_AT, 0).to_bytes(32, "big") == next(iter(HEADERS))


def test_code_of_an_account_that_is_read_is_part_of_the_witness():
    machine = fresh_machine()
    machine.step(BlockStart(attributes(1_002)))
    raw = WALLETS[0].typed(chain_id=CHAIN_ID, to=READER_AT, data=STORE_AT.rjust(32, b"\0"), gas=100_000)
    _, _, witness = build_witness(
        RULES, machine.state, [Transaction(raw)], machine.roots_source(), machine.header
    )
    assert len(witness.codes) == 2


def test_work_stops_at_what_was_paid_for():
    """An endless loop with 16M gas, claimed to have used little, is given up on early."""
    machine = fresh_machine()
    machine.step(BlockStart(attributes(1_002)))
    loop = bytes.fromhex("5b5f56")
    raw = WALLETS[0].typed(chain_id=CHAIN_ID, to=b"", data=loop, gas=CAP)
    pre = machine.state
    post, gas, witness = build_witness(RULES, pre, [Transaction(raw)], machine.roots_source(), machine.header)
    assert gas == CAP
    trace = encode_trace(Trace(CHAIN_ID, "prague", CAP, pre, post, (Transaction(raw),), witness))
    verdict = execute(pre.state_root, post.state_root, 60_000, trace)
    assert not verdict.result and "WorkLimitExceeded" in verdict.reason
    assert execute(pre.state_root, post.state_root, CAP, trace).result


def test_sealed_blocks_link():
    machine = fresh_machine()
    first = machine.step(BlockStart(attributes(1_002))).sealed
    assert first is None
    second = machine.step(BlockStart(attributes(1_004))).sealed
    third = machine.step(BatchEnd()).sealed
    assert second.header.parent_hash == START.block_hash
    assert third.header.parent_hash == second.hash
    assert machine.header(second.hash) == second.header.rlp()
    assert machine.step(BatchEnd()).sealed is None
    assert machine.state.block_hash == third.hash


def test_vectors_are_up_to_date():
    path = Path(make_step_state.__file__).with_name("step_state.json")
    assert json.loads(path.read_text()) == make_step_state.vectors()
