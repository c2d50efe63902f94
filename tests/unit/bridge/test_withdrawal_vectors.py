"""The withdrawals that forge proves to the Portal (tests/vectors/withdrawals.json) are the same for Python."""

from __future__ import annotations

import json

import pytest

from bridge.withdrawals import WithdrawalMessage
from tests.vectors.make_withdrawals import PATH, build

VECTORS = json.loads(PATH.read_text())


def test_the_vectors_are_what_the_program_makes() -> None:
    """Mend with: python tests/vectors/make_withdrawals.py"""
    assert build() == VECTORS


@pytest.mark.parametrize("given", [*VECTORS["withdrawals"], VECTORS["never"]], ids=lambda given: given["hash"][:10])
def test_messages_have_the_hashes_that_solidity_has(given: dict[str, object]) -> None:
    data = {key: bytes.fromhex(str(given[key])[2:]) for key in ("sender", "target", "data", "hash")}
    nonce, value = given["nonce"], given["value"]
    assert isinstance(nonce, int) and isinstance(value, int)
    assert WithdrawalMessage(nonce, data["sender"], data["target"], value, data["data"]).hash == data["hash"]
