"""The interpreter's plumbing: depth, jump destinations, missing ancestors, precompiles, `python -O`."""

import subprocess
import sys

import pytest

from execution.block import BlockBuilder
from execution.errors import InvalidBlock, InvalidWitness
from execution.genesis import GenesisAccount, build_genesis
from execution.header import ancestor_hashes
from execution.precompiles import precompile_address
from execution.rules import Rules
from execution.simulation import CallFields
from execution.step import OverlaySource
from execution.trie import NoSource
from execution.vm import MAX_EXCESS_BLOB_GAS, blob_base_fee, jump_destinations
from execution.world import WorldState
from tests.unit.execution.small_rollup import attributes

ME = b"\xc1" * 20
ANY_GAS = Rules(1, tx_gas_cap=None)


def builder_for(code: bytes, rules: Rules = ANY_GAS, gas_limit: int = 30_000_000) -> BlockBuilder:
    alloc = {ME: GenesisAccount(nonce=1, code=code)}
    genesis, nodes, codes = build_genesis(alloc, 1, gas_limit, 1_000, 10**9)
    world = WorldState(OverlaySource(nodes, codes, NoSource()), genesis.state_root)
    block = attributes(1_002)
    block = type(block)(block.timestamp, block.fee_recipient, block.prev_randao, gas_limit, bytes(32))
    hashes = ancestor_hashes(genesis.hash, 0, {}.__getitem__)
    return BlockBuilder.open(rules, world, genesis, block, hashes)


def run(code: bytes, data: bytes = b"", **options):
    return builder_for(code, **options).call(CallFields(to=ME, data=data))


def test_1024_frames_deep():
    # counts in transient storage how often it could call itself, returns the count
    code = bytes.fromhex("5f5c6001015f5d" + "5f5f5f5f5f305af1" + "5f5c5f5260205ff3")
    result = run(code, gas_limit=10**14)
    assert result.error is None
    assert int.from_bytes(result.output, "big") == 1025


def test_jump_destinations_of_hostile_code():
    assert sum(jump_destinations(b"\x60" * 24_575 + b"\x5b")) == 0
    assert sum(jump_destinations(b"\x60" * 24_574 + b"\x5b")) == 1
    assert sum(jump_destinations(b"\x7f\x5b" * 12_288)) in range(12_289)
    assert list(jump_destinations(b"\x61\x5b\x5b\x5b\x7f\x5b")) == [0, 0, 0, 1, 0, 0]


def test_a_missing_ancestor_is_an_invalid_witness():
    genesis, nodes, codes = build_genesis({ME: GenesisAccount(nonce=1, code=b"")}, 1, 30_000_000, 0, 1)
    world = WorldState(OverlaySource(nodes, codes, NoSource()), genesis.state_root)

    def no_headers(block_hash: bytes) -> bytes:
        raise InvalidWitness("none")

    builder = BlockBuilder.open(
        Rules(1), world, genesis, attributes(9), ancestor_hashes(genesis.hash, 300, no_headers)
    )
    builder.state.execution_context.block_number = 301
    for number, known in ((300, True), (299, False), (301, False), (44, True)):
        fields = CallFields(data=bytes.fromhex("61" + f"{number:04x}" + "405f5260205ff3"), gas=100_000)
        if number == 299:
            with pytest.raises(InvalidWitness):
                builder.call(fields)
        else:
            expected = genesis.hash if number == 300 else bytes(32)
            assert builder.call(fields).output == expected, known


def test_missing_state_is_never_swallowed_by_a_frame():
    genesis, nodes, codes = build_genesis(
        {ME: GenesisAccount(nonce=1, code=bytes.fromhex("5f5f5f5f5f60ee5af15000"))}, 1, 30_000_000, 0, 1
    )
    # Only the root is there: the call target can't be looked up.
    partial = {genesis.state_root: nodes[genesis.state_root]}
    world = WorldState(OverlaySource(partial, codes, NoSource()), genesis.state_root)
    with pytest.raises(InvalidWitness):
        BlockBuilder.open(Rules(1), world, genesis, attributes(9), lambda number: genesis.hash)


def test_extra_precompiles_are_called_and_warm():
    at = precompile_address(0x101)
    calls = []

    def precompile(computation):
        computation.consume_gas(7, "extra")
        calls.append(computation.msg.data_as_bytes)
        computation.output = b"yes"

    rules = Rules(1, precompiles={at: precompile})
    code = bytes.fromhex("60035f60025f5f6101015af1505f5160035ff3".replace("5f5160035ff3", "60035ff3"))
    result = run(code, rules=rules)
    assert result.output == b"yes" and calls == [bytes(2)]
    # pushes, 100 for the warm access, 7, POP, RETURN, one word of memory
    assert result.gas_used < 21_000 + 200
    assert run(code).output == bytes(3)


@pytest.mark.parametrize(
    "lengths", [(0, 2**255, 0), (2**200, 1, 1), (1, 2**256 - 1, 1), (0, 0, 0), (0, 2**40, 0), (2**31, 0, 0)]
)
def test_modexp_lengths_cost_before_they_are_read(lengths):
    data = b"".join(length.to_bytes(32, "big") for length in lengths)
    builder = builder_for(b"")
    result = builder.call(CallFields(to=precompile_address(5), data=data, gas=10_000_000))
    assert (result.error is None) == (lengths[0] == lengths[2] == 0)


def test_blob_base_fee_is_bounded():
    assert blob_base_fee(0) == 1
    assert blob_base_fee(MAX_EXCESS_BLOB_GAS) > 2**255
    with pytest.raises(InvalidBlock):
        blob_base_fee(2**64 - 1)


def test_attributes_no_client_accepts_are_refused():
    genesis, nodes, codes = build_genesis({}, 1, 30_000_000, 1_000, 1)
    good = attributes(1_001)
    for change in (
        {"timestamp": 1_000},
        {"gas_limit": 31_000_000},
        {"gas_limit": 4_999},
        {"extra_data": bytes(33)},
    ):
        bad = type(good)(**{name: getattr(good, name) for name in good.__dataclass_fields__} | change)
        world = WorldState(OverlaySource(nodes, codes, NoSource()), genesis.state_root)
        with pytest.raises(InvalidBlock):
            BlockBuilder.open(Rules(1), world, genesis, bad, lambda number: genesis.hash)


def test_python_O_is_refused():
    done = subprocess.run(
        [sys.executable, "-O", "-c", "import execution.vm"], capture_output=True, text=True, check=False
    )
    assert done.returncode != 0 and "python -O" in done.stderr
