"""Hex in and out: what is taken, and what is said about the rest."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rpc import codec
from rpc.codec import BlockId
from rpc.errors import INVALID_PARAMS, InvalidParams


def refused(parse, value) -> str:
    with pytest.raises(InvalidParams) as caught:
        parse(value)
    assert caught.value.code == INVALID_PARAMS
    return caught.value.message


@given(st.integers(0, 2**256 - 1))
def test_quantity_roundtrip(number):
    assert codec.parse_quantity(codec.quantity(number)) == number


@given(st.binary(max_size=100))
def test_data_roundtrip(content):
    assert codec.parse_data(codec.data(content)) == content
    assert codec.parse_data(codec.data(content).upper().replace("0X", "0x")) == content


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("", "empty hex string"),
        ("0x", 'hex string "0x"'),
        ("12", "hex string without 0x prefix"),
        ("0x0400", "hex number with leading zero digits"),
        ("0x00", "hex number with leading zero digits"),
        ("0xg", "invalid hex string"),
        ("0x1\n", "invalid hex string"),
        ("0x-1", "invalid hex string"),
        ("0x1_0", "invalid hex string"),
        ("0x١", "invalid hex string"),
        ("0x1" + "0" * 64, "hex number larger than 256 bits"),
        (1, "expected a hex string, got a number"),
        (True, "expected a hex string, got a boolean"),
        (None, "expected a hex string, got null"),
        ([], "expected a hex string, got an array"),
        ({}, "expected a hex string, got an object"),
    ],
)
def test_bad_quantities(value, message):
    assert refused(codec.parse_quantity, value) == message


def test_uint64_bound():
    assert codec.parse_uint64("0xffffffffffffffff") == 2**64 - 1
    assert refused(codec.parse_uint64, "0x10000000000000000") == "hex number larger than 64 bits"


def test_data():
    assert codec.parse_data("0x") == b""
    assert refused(codec.parse_data, "0x1") == "hex string of odd length"
    assert refused(codec.parse_data, "0x 1") == "invalid hex string"


def test_fixed_sizes():
    assert codec.parse_address("0x" + "Ab" * 20) == b"\xab" * 20
    assert refused(codec.parse_address, "0x11") == "hex string has length 2, want 40 for 20 bytes"
    assert refused(codec.parse_hash, "0x" + "1" * 65) == "hex string has length 65, want 64 for 32 bytes"
    assert codec.parse_slot("0x0") == codec.parse_slot("0x") == bytes(32)
    assert codec.parse_slot("0x1") == bytes(31) + b"\x01"
    assert "too long" in refused(codec.parse_slot, "0x" + "0" * 65)


def test_block_references():
    block_hash = "0x" + "12" * 32
    for value, expected in (
        ("latest", BlockId("latest")),
        ("0x10", BlockId(16)),
        (block_hash, BlockId(b"\x12" * 32)),
        ({"blockNumber": "0x1"}, BlockId(1)),
        ({"blockNumber": "safe"}, BlockId("safe")),
        ({"blockHash": block_hash}, BlockId(b"\x12" * 32)),
        ({"blockHash": block_hash, "requireCanonical": True}, BlockId(b"\x12" * 32, True)),
    ):
        assert codec.parse_block_id(value) == expected
    for value in ("newest", "Latest", "", 1, None, [], {}, {"blockHash": "0x1"}, "0x01", {"blockHash": 1}):
        refused(codec.parse_block_id, value)
    refused(codec.parse_block_id, {"blockHash": block_hash, "requireCanonical": "yes"})
    assert "cannot specify both" in refused(
        codec.parse_block_id, {"blockHash": block_hash, "blockNumber": "0x1"}
    )
    refused(codec.parse_block_number_or_tag, block_hash)


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(), lambda inner: st.lists(inner), max_leaves=5
    )
)
def test_parsers_are_total(value):
    for parse in (
        codec.parse_quantity,
        codec.parse_data,
        codec.parse_hash,
        codec.parse_slot,
        codec.parse_block_id,
    ):
        try:
            parse(value)
        except InvalidParams:
            pass
