"""The strict ABI codec gives what eth-abi gives, and takes nothing that it would not give itself."""

import pytest
from eth_abi import encode as eth_abi_encode
from hypothesis import given
from hypothesis import strategies as st

from execution import abi
from execution.errors import InvalidTrace
from execution.types import (
    BatchEnd,
    BlockAttributes,
    BlockStart,
    Cursor,
    Fragment,
    OpenBlock,
    Skip,
    StepState,
    Trace,
    Transaction,
    Withdrawal,
    Witness,
)

ATTRIBUTES = "(uint64,address,bytes32,uint64,bytes32,bytes,(uint64,uint64,address,uint64)[])"
STATE = (
    f"(bytes32,bytes32,(uint64,{ATTRIBUTES},uint256,uint64,uint64,uint64,bytes,bytes32,bytes32,bytes),"
    "bytes32,uint64,(uint64,uint64,uint64))"
)
TRACE = f"(uint64,bytes32,uint64,{STATE},{STATE},(uint8,bytes,(uint64,uint64,uint64))[],bytes)"

u64 = st.integers(0, 2**64 - 1)
b32 = st.binary(min_size=32, max_size=32)
address = st.binary(min_size=20, max_size=20)
cursors = st.builds(Cursor, u64, u64, u64)
withdrawals = st.builds(Withdrawal, u64, u64, address, u64)
attributes = st.builds(
    BlockAttributes,
    u64,
    address,
    b32,
    u64,
    b32,
    st.binary(max_size=32),
    st.lists(withdrawals, max_size=3).map(tuple),
)
open_blocks = st.builds(
    OpenBlock,
    st.integers(1, 2**64 - 1),
    attributes,
    st.integers(0, 2**256 - 1),
    u64,
    u64,
    u64,
    st.binary(min_size=256, max_size=256),
    b32,
    b32,
    st.binary(max_size=200),
)
states = st.builds(StepState, b32, b32, st.none() | open_blocks, b32, u64, cursors)
inputs = st.one_of(
    st.builds(BlockStart, attributes, cursors),
    st.builds(Transaction, st.binary(max_size=70), cursors),
    st.builds(Fragment, st.binary(max_size=70), cursors),
    st.builds(Skip, cursors),
    st.builds(BatchEnd, cursors),
)
blobs = st.lists(st.binary(max_size=70), max_size=3).map(tuple)
traces = st.builds(
    Trace,
    u64,
    st.just("prague"),
    u64,
    states,
    states,
    st.lists(inputs, max_size=3).map(tuple),
    st.builds(Witness, blobs, blobs, blobs),
)


@given(states)
def test_state_is_abi_encoded(state: StepState) -> None:
    encoded = abi.encode_state(state)
    assert encoded == eth_abi_encode([STATE], [abi.state_tuple(state)])
    assert abi.decode_state(encoded) == state
    assert len(abi.commitment(state)) == abi.COMMITMENT_SIZE


@given(traces)
def test_trace_is_abi_encoded(trace: Trace) -> None:
    encoded = abi.encode_trace(trace)
    assert encoded == eth_abi_encode(
        [TRACE],
        [
            (
                trace.chain_id,
                b"prague".ljust(32, b"\0"),
                trace.tx_gas_cap,
                abi.state_tuple(trace.pre),
                abi.state_tuple(trace.post),
                [abi.input_tuple(item) for item in trace.inputs],
                abi.encode_witness(trace.witness),
            )
        ],
    )
    assert abi.decode_trace(encoded) == trace


@given(traces, st.data())
def test_a_changed_trace_is_another_trace_or_none(trace: Trace, data: st.DataObject) -> None:
    encoded = bytearray(abi.encode_trace(trace))
    encoded[data.draw(st.integers(0, len(encoded) - 1))] ^= data.draw(st.integers(1, 255))
    try:
        decoded = abi.decode_trace(bytes(encoded))
    except InvalidTrace:
        return
    assert abi.encode_trace(decoded) == bytes(encoded)


@given(st.binary(max_size=400))
def test_junk_is_refused(junk: bytes) -> None:
    with pytest.raises(InvalidTrace):
        abi.decode_trace(junk)


def test_shared_tails_are_refused() -> None:
    """A thousand inputs pointing at one payload must not unfold to a thousand copies."""
    many = eth_abi_encode(["(uint8,bytes,(uint64,uint64,uint64))[]"], [[(1, b"x" * 64, (0, 0, 0))] * 1000])
    kind = abi.Array(abi.INPUT)
    assert len(abi.decode(kind, many)) == 1000
    first = int.from_bytes(many[64:96], "big").to_bytes(32, "big")
    shared = many[:64] + first * 1000 + many[64 + 32 * 1000 :]
    with pytest.raises(abi.AbiError, match="offset"):
        abi.decode(kind, shared)
