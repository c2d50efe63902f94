"""Headers that prove what L2 burned: the vectors that Solidity reads too, and nodes that give others."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from bridge.burned_fees import MAX_HEADER_SIZE, check_header
from bridge.errors import ProofError
from execution.encoding import keccak
from tests.vectors import make_burned_fees

VECTORS = Path(make_burned_fees.__file__).with_name("burned_fees.json")


def test_the_vectors_are_of_this_program() -> None:
    assert json.loads(VECTORS.read_text()) == make_burned_fees.vectors(), "run python tests/vectors/make_burned_fees.py"


def test_only_the_header_that_l1_stands_for_is_taken() -> None:
    vectors = json.loads(VECTORS.read_text())
    headers = [bytes.fromhex(each[2:]) for each in vectors["headers"]]
    burned = 0
    expected = keccak(headers[-1])
    for rlp in reversed(headers):
        header = check_header(rlp, expected)
        burned += header.base_fee_per_gas * header.gas_used
        expected = header.parent_hash
    assert expected.hex() == vectors["genesis"][2:]
    assert burned == sum(map(int, vectors["burned"]))
    right = check_header(headers[0], keccak(headers[0]))
    for wrong in (b"", headers[1], headers[0] + b"\0", headers[0][:-1], replace(right, gas_used=30_000_000).rlp(),
                  bytes(MAX_HEADER_SIZE + 1)):
        with pytest.raises(ProofError, match="wrong or behind"):
            check_header(wrong, keccak(headers[0]))
