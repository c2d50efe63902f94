"""On random worlds: at once, step by step and from witnesses alone inputs come to the same; nothing else is proved."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, fields, replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from execution.abi import encode_trace
from execution.errors import Rejection
from execution.execute import Verdict, execute
from execution.genesis import GenesisAccount
from execution.rules import L2_TX_GAS_CAP
from execution.step import Machine, step
from execution.trie import NodeSource
from execution.types import Input, OpenBlock, StepState, Trace, Witness
from execution.witness import WitnessSource, build_witness
from tests.unit.execution.random_worlds import (
    CHAIN_ID,
    CONTRACTS,
    COUNTER,
    INITCODES,
    RULES,
    WRONG,
    Creation,
    Plan,
    Play,
    Send,
    call_depth,
    plans,
    push_address,
)

SETTINGS = settings(
    deadline=None, derandomize=True, database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)  # fmt: skip
MANY = settings(SETTINGS, derandomize=False, max_examples=3_000)


@dataclass(frozen=True)
class Run:
    """A script executed step by step, with roots after each: `states[i]` is the state before input i."""

    inputs: list[Input]
    states: list[StepState]
    gas: list[int]
    sources: list[NodeSource]
    machine: Machine
    seen: Counter


def eagerly(play: Play) -> Run:
    machine = play.machine()
    run = Run([], [machine.state], [], [machine.roots_source()], machine, Counter())
    for item in play.inputs(machine):
        outcome = machine.step(item)
        run.inputs.append(item)
        run.states.append(machine.state)
        run.gas.append(outcome.gas_used)
        run.sources.append(machine.roots_source())
        if outcome.rejection is not None:
            run.seen[outcome.rejection.reason] += 1
        if outcome.receipt is not None:
            run.seen["included", outcome.receipt.succeeded] += 1
            run.seen["delegated"] += item.raw[0] == 4
            run.seen["created"] += outcome.receipt.contract_address is not None
        run.seen["sealed"] += outcome.sealed is not None
    return run


def verdict(pre: StepState, post: StepState, inputs: list[Input], witness: Witness, gas: int) -> Verdict:
    trace = encode_trace(Trace(CHAIN_ID, "prague", L2_TX_GAS_CAP, pre, post, tuple(inputs), witness))
    return execute(pre.state_root, post.state_root, gas, trace)


def segment_witness(run: Run, first: int, last: int) -> Witness:
    """Of inputs first .. last-1 in one go. Checks that they end where the steps did."""
    inputs = run.inputs[first:last]
    post, gas, witness = build_witness(
        RULES, run.states[first], inputs, run.sources[first], run.machine.header
    )
    assert post == run.states[last]
    assert gas == sum(run.gas[first:last])
    return witness


def check_segment(run: Run, first: int, last: int) -> Witness:
    witness = segment_witness(run, first, last)
    inputs, gas = run.inputs[first:last], sum(run.gas[first:last])
    found = verdict(run.states[first], run.states[last], inputs, witness, gas)
    assert found == Verdict(True, "proved", gas)
    return witness


@call_depth()
def same_however_executed(play: Play, data: st.DataObject) -> None:
    run = eagerly(play)
    count = len(run.inputs)
    for i in range(count):
        witness = check_segment(run, i, i + 1)
        assert step(RULES, run.states[i], run.inputs[i], witness) == (run.states[i + 1], run.gas[i])
    check_segment(run, 0, count)
    first = data.draw(st.integers(0, count - 1))
    check_segment(run, first, data.draw(st.integers(first + 1, count)))
    # Roots at some steps only: what is computed lazily must not depend on when.
    machine = play.machine()
    asked = data.draw(st.sets(st.integers(0, count - 1), max_size=count))
    for i, item in enumerate(run.inputs):
        machine.step(item)
        if i in asked:
            assert machine.state == run.states[i + 1]
    assert machine.state == run.states[-1]


@settings(SETTINGS, max_examples=100)
@given(plans(), st.data())
def test_at_once_step_by_step_and_from_witnesses(plan, data):
    same_however_executed(Play(plan), data)


@pytest.mark.slow
@pytest.mark.timeout(3_600)
@settings(MANY)
@given(plans(16), st.data())
def test_at_once_step_by_step_and_from_witnesses_on_many(plan, data):
    same_however_executed(Play(plan), data)


def without(witness: Witness, name: str, index: int) -> Witness:
    items = getattr(witness, name)
    return replace(witness, **{name: items[:index] + items[index + 1 :]})


@call_depth()
def needed_and_nothing_else(play: Play, data: st.DataObject) -> None:
    """Of a random segment: each item of its witness is needed, and only its own end and gas are proved."""
    run = eagerly(play)
    first = data.draw(st.integers(0, len(run.inputs) - 1))
    last = data.draw(st.integers(first + 1, len(run.inputs)))
    pre, post, inputs, gas = run.states[first], run.states[last], run.inputs[first:last], sum(run.gas[first:last])
    witness = segment_witness(run, first, last)
    items = [(name, i) for name in ("state", "codes", "headers") for i in range(len(getattr(witness, name)))]
    if items:
        for name, index in data.draw(st.lists(st.sampled_from(items), max_size=6, unique=True)):
            found = verdict(pre, post, inputs, without(witness, name, index), gas)
            assert not found.result and "InvalidWitness" in found.reason
    for wrong in bent(post):
        assert not verdict(pre, wrong, inputs, witness, gas).result
    for wrong_gas in (gas + 1, gas - 1, 2**64 - 1):
        assert wrong_gas < 0 or not verdict(pre, post, inputs, witness, wrong_gas).result
    # Anything more does no harm: duplicates, what belongs to no one, any order.
    extra = Witness(
        (*reversed(witness.state), *witness.state, b"junk"), (b"", *witness.codes), (*witness.headers, b"\x80")
    )
    assert verdict(pre, post, inputs, extra, gas).result


def bent(state: StepState) -> list[StepState]:
    """States that differ from `state` in one field each."""
    wrong = [replace(state, **{f.name: _other(getattr(state, f.name))}) for f in fields(state) if f.name != "open"]
    block = state.open
    if block is not None:
        wrong.append(replace(state, open=None))
        wrong += [
            replace(state, open=replace(block, **{f.name: _other(getattr(block, f.name))})) for f in fields(OpenBlock)
        ]
    return wrong


def _other(value):
    if isinstance(value, int):
        return value + 1
    if isinstance(value, bytes):
        return bytes((value[0] ^ 1,)) + value[1:] if value else b"\x01"
    if isinstance(value, tuple):
        return value[1:] if value else (1,)
    name = fields(value)[0].name
    return replace(value, **{name: _other(getattr(value, name))})


@settings(SETTINGS, max_examples=60)
@given(plans(), st.data())
def test_all_of_a_witness_is_needed_and_nothing_else_is_proved(plan, data):
    needed_and_nothing_else(Play(plan), data)


@pytest.mark.slow
@pytest.mark.timeout(3_600)
@settings(MANY)
@given(plans(12), st.data())
def test_all_of_a_witness_is_needed_and_nothing_else_is_proved_on_many(plan, data):
    needed_and_nothing_else(Play(plan), data)


def test_the_plans_do_what_they_are_for():
    """They include, fail, delete, delegate and collide: otherwise they prove little."""
    seen: Counter = Counter()

    @settings(SETTINGS, max_examples=100)
    @given(plans())
    def collect(plan):
        with call_depth():
            seen.update(eagerly(Play(plan)).seen)

    collect()
    assert seen["included", True] > 60 and seen["included", False] > 20
    assert min(seen["delegated"], seen["created"], seen["sealed"]) > 5, seen


def test_every_reason_to_refuse():
    burner = GenesisAccount(code=b"\xfe")
    squatter = (Creation(b"", 0, 0, 0), 1, GenesisAccount(5))
    burn = Send(0, 2, CONTRACTS[0], 0, b"", 2_000_000, (), "")
    actions = [burn, *(Send(0, 2, CONTRACTS[0], 0, b"", 100_000, (), wrong) for wrong in WRONG), ("end",), burn]
    run = eagerly(Play(Plan((burner,) * len(CONTRACTS), squatter, tuple(actions))))
    for i in range(len(run.inputs)):
        check_segment(run, i, i + 1)
    check_segment(run, 0, len(run.inputs))
    assert seen_reasons(run) == set(Rejection) - {
        # An L2 has no blobs, so these can't come up; the deposit contract's place is taken (genesis.py).
        Rejection.BLOB_GAS, Rejection.NO_BLOBS, Rejection.BLOB_VERSION, Rejection.BLOB_FEE, Rejection.DEPOSIT_LAYOUT,
    }  # fmt: skip


def seen_reasons(run: Run) -> set[Rejection]:
    return {reason for reason in run.seen if isinstance(reason, Rejection)}


def test_witness_sources_are_strict():
    """They find by hash alone: a node that is there under another hash is not found."""
    source = WitnessSource(Witness((b"node",), (b"code",), (b"header",)))
    for look in (source.node, source.code, source.header):
        with pytest.raises(Exception, match="missing"):
            look(bytes(32))


def test_code_of_an_account_that_is_read_is_in_the_witness_even_if_the_trace_makes_the_same():
    """Engines differ in when they look a code up by its hash: what the state had must not depend on what is made."""
    made = Creation(INITCODES["counter"], 0, 0, 0)
    read = push_address(CONTRACTS[2]) + bytes.fromhex("3b") + bytes.fromhex("5f55")
    accounts = [GenesisAccount(code=code) for code in (read, b"\x00", COUNTER, b"\x00", b"\x00")]
    send = Send(0, 2, CONTRACTS[0], 0, b"", 900_000, (), "")
    # CONTRACTS[0] first makes a contract with the code of CONTRACTS[2], then reads the size of that.
    run = eagerly(Play(Plan(tuple(accounts), (made, 0, GenesisAccount(5)), (send,))))
    assert run.seen["included", True] == 1
    assert COUNTER in segment_witness(run, 1, 2).codes
