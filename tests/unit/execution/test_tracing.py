"""A step that is watched goes as one that isn't, and what it changed is all that it changed."""

from __future__ import annotations

from hypothesis import given, settings

from execution.step import Machine
from execution.tracing import Watched, watch_step
from execution.types import BlockStart, Cursor, Transaction
from execution.world import WorldState
from tests.unit.execution.small_rollup import (
    CONTRACTS,
    FACTORY_AT,
    HEADERS,
    MORTAL_INIT,
    REVERT_AT,
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
from tests.unit.execution.test_step import SETTINGS

CURSOR = Cursor(0, 1, 0)


@settings(SETTINGS, max_examples=40)
@given(scripts)
def test_watching_changes_nothing_and_misses_nothing(script):
    machine = Machine(RULES, SOURCE, START, HEADERS.__getitem__)
    for item in inputs_of(script, machine):
        before, source = machine.state, machine.roots_source()
        watched = watch_step(RULES, source, machine.header, before, item, limit=50)
        outcome = machine.step(item)
        assert watched.after == machine.state
        assert (watched.outcome.receipt, watched.outcome.rejection is None) == (outcome.receipt, outcome.rejection is None)
        old, new = WorldState(source, before.state_root), WorldState(machine.roots_source(), machine.state.state_root)
        told = {each.address for each in watched.accounts}
        for address in [*CONTRACTS, *(wallet.address for wallet in WALLETS)]:
            assert (old.account(address) != new.account(address)) == (address in told)
            slots = {each.slot for each in watched.slots if each.address == address}
            for slot in range(10):
                assert (old.get_storage(address, slot) != new.get_storage(address, slot)) == (slot in slots)
        for each in watched.accounts:
            assert (old.account(each.address), new.account(each.address)) == (each.before, each.after)
        assert len(watched.opcodes.opcodes) == min(50, watched.opcodes.count)
        if not isinstance(item, Transaction) or outcome.receipt is None:
            assert watched.opcodes.count == 0


def called(to: bytes, data: bytes, limit: int = 1000) -> Watched:
    machine = Machine(RULES, SOURCE, START, HEADERS.__getitem__)
    machine.step(BlockStart(attributes(2_000), CURSOR))
    raw = WALLETS[0].typed(chain_id=RULES.chain_id, gas=400_000, to=to, data=data)
    return watch_step(RULES, machine.roots_source(), machine.header, machine.state, Transaction(raw, CURSOR), limit)


def test_the_instructions_of_a_call() -> None:
    watched = called(STORE_AT, word(7) + word(9))
    names = [each.name for each in watched.opcodes.opcodes]
    assert names[:4] == ["PUSH1", "CALLDATALOAD", "PUSH0", "CALLDATALOAD"] and names[-1] == "STOP"
    store = watched.opcodes.opcodes[names.index("SSTORE")]
    assert store.stack == (7, 9) and store.depth == 0 and store.address == STORE_AT and store.cost == 5_000
    [slot] = watched.slots
    assert (slot.address, slot.slot, slot.before, slot.after) == (STORE_AT, 7, 7, 9)
    assert len(called(STORE_AT, word(7) + word(9), limit=3).opcodes.opcodes) == 3
    for before, after in zip(watched.opcodes.opcodes, watched.opcodes.opcodes[1:], strict=False):
        assert before.gas - before.cost == after.gas, "in one frame, what one leaves the next has"


def test_frames_in_frames_and_what_fails() -> None:
    watched = called(FACTORY_AT, MORTAL_INIT)
    opcodes = watched.opcodes.opcodes
    assert {each.depth for each in opcodes} == {0, 1}
    create = next(each for each in opcodes if each.name == "CREATE2")
    inside = [each for each in opcodes if each.depth == 1]
    assert create.cost > sum(each.cost for each in inside[:3]), "with what it called"
    reverted = called(REVERT_AT, b"")
    assert reverted.outcome.receipt is not None and not reverted.outcome.receipt.succeeded
    assert reverted.opcodes.opcodes[-1].name == "REVERT" and not reverted.slots
    bad = called(FACTORY_AT, b"\xfe")
    failed = next(each for each in bad.opcodes.opcodes if each.depth == 1)
    assert failed.name == "0xfe" or "INVALID" in failed.name
    assert failed.error and failed.cost == failed.gas, "an invalid instruction takes all that its frame has"
