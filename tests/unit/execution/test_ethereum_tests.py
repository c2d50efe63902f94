"""Ethereum's own blockchain tests: on full state as blocks, and as traces for EXECUTE from a witness alone."""

from dataclasses import replace

import pytest

from execution.abi import encode_trace
from execution.block_import import attributes_of, decode_block, import_block
from execution.errors import InvalidBlock
from execution.execute import execute
from execution.header import ancestor_hashes
from execution.step import Machine, OverlaySource
from execution.trie import NoSource
from execution.types import BatchEnd, BlockStart, Cursor, StepState, Trace, Transaction
from execution.witness import build_witness
from tests.unit.execution.ethereum_fixtures import PATH, cases, quick

ALL = cases()
QUICK = quick(ALL)
UNPAID_GAS = 120_000_000  # some tests replace the system contracts by ones that use up all they are given
pytestmark = pytest.mark.skipif(not ALL, reason=f"{PATH} is not here")


def judge_blocks(case):
    world, parent = case.world(), case.genesis
    headers = {parent.hash: parent.rlp()}
    for block in case.blocks:
        attempt = world.copy()
        hashes = ancestor_hashes(parent.hash, parent.number, headers.__getitem__)
        if block.exception:
            with pytest.raises(InvalidBlock):
                import_block(case.rules, attempt, parent, block.rlp, hashes)
            continue
        sealed = import_block(case.rules, attempt, parent, block.rlp, hashes)
        assert sealed.rlp() == block.rlp
        world, parent = attempt, sealed.header
        headers[parent.hash] = parent.rlp()


def trace_of(case, block, parent, headers, world):
    """The trace of a block, what its last step sealed, and the witness; None if it has blob transactions."""
    claimed, transactions, withdrawals = decode_block(block.rlp)
    if any(raw[0] == 3 for raw in transactions):
        return None
    inputs = [BlockStart(attributes_of(claimed, withdrawals), Cursor(0, 0, 1))]
    inputs += [Transaction(raw, Cursor(0, 1, i)) for i, raw in enumerate(transactions)]
    inputs.append(BatchEnd(Cursor(1, 0, 0)))
    pre = StepState(parent.state_root, parent.hash)
    rules = replace(case.rules, blobs=False)
    source = OverlaySource(world.new_nodes(), world.new_codes(), NoSource())
    post, gas_used, witness = build_witness(rules, pre, inputs, source, headers.__getitem__)
    return Trace(case.chain_id, "prague", 0, pre, post, tuple(inputs), witness), gas_used, claimed


def traces(case):
    """Of its blocks up to the first with blobs: (block, trace, gas used, the header claimed)."""
    world, parent = case.world(), case.genesis
    headers = {parent.hash: parent.rlp()}
    for block in case.blocks:
        try:
            made = trace_of(case, block, parent, headers, world)
        except InvalidBlock:
            assert block.exception
            continue
        if made is None:
            return
        yield block, *made
        if not block.exception:
            attempt = world.copy()
            hashes = ancestor_hashes(parent.hash, parent.number, headers.__getitem__)
            parent = import_block(case.rules, attempt, parent, block.rlp, hashes).header
            world, headers[parent.hash] = attempt, parent.rlp()


def judge_traces(case):
    for block, trace, gas_used, claimed in traces(case):
        if block.exception:
            # The step is total: an invalid block just comes out as another one.
            assert trace.post.block_hash != claimed.hash
        else:
            assert (trace.post.block_hash, gas_used) == (claimed.hash, claimed.gas_used)
        encoded = encode_trace(trace)
        verdict = execute(trace.pre.state_root, trace.post.state_root, gas_used, encoded, unpaid_gas=UNPAID_GAS)
        # The one no-op that takes paid work to find out; a genesis made here rules it out (genesis.py).
        unpaid = block.exception == "BlockException.INVALID_DEPOSIT_EVENT_LAYOUT"
        assert verdict.result != unpaid, verdict.reason


@pytest.mark.parametrize("case", QUICK, ids=lambda case: case.name)
def test_blocks(case):
    judge_blocks(case)


@pytest.mark.parametrize("case", QUICK[::2], ids=lambda case: case.name)
def test_traces(case):
    judge_traces(case)


@pytest.mark.slow
@pytest.mark.parametrize("case", ALL, ids=lambda case: case.name)
def test_all_blocks(case):
    judge_blocks(case)


@pytest.mark.slow
@pytest.mark.parametrize("case", ALL, ids=lambda case: case.name)
def test_all_traces(case):
    judge_traces(case)


VALID = [case for case in QUICK if not any(block.exception for block in case.blocks)]


@pytest.mark.parametrize("case", VALID[3::20], ids=lambda case: case.name)
def test_dropping_any_item_of_a_witness_makes_the_trace_false(case):
    world, parent = case.world(), case.genesis
    made = trace_of(case, case.blocks[0], parent, {parent.hash: parent.rlp()}, world)
    if made is None:
        pytest.skip("blobs")
    trace, gas_used, _ = made
    for name in ("state", "codes", "headers"):
        items = getattr(trace.witness, name)
        for i in range(len(items)):
            partial = replace(trace.witness, **{name: items[:i] + items[i + 1 :]})
            encoded = encode_trace(replace(trace, witness=partial))
            verdict = execute(trace.pre.state_root, trace.post.state_root, gas_used, encoded, unpaid_gas=UNPAID_GAS)
            assert not verdict.result
            assert "InvalidWitness" in verdict.reason


def test_machine_goes_through_a_whole_chain():
    """Several blocks in one machine come out as the blocks one by one."""
    case = next(case for case in ALL if len(case.blocks) > 2 and not any(b.exception for b in case.blocks))
    world = case.world()
    source = OverlaySource(world.new_nodes(), world.new_codes(), NoSource())
    state = StepState(case.genesis.state_root, case.genesis.hash)
    machine = Machine(case.rules, source, state, {case.genesis.hash: case.genesis.rlp()}.__getitem__)
    for block in case.blocks:
        claimed, transactions, withdrawals = decode_block(block.rlp)
        machine.step(BlockStart(attributes_of(claimed, withdrawals)))
        for raw in transactions:
            machine.step(Transaction(raw))
        sealed = machine.step(BatchEnd()).sealed
        assert sealed.rlp() == block.rlp
