"""Withdrawals: the message's hash, what a receipt may say of it, and how it stands."""

from __future__ import annotations

from typing import Any

import pytest
from eth_abi import encode as abi_encode
from hypothesis import given
from hypothesis import strategies as st

from bridge.errors import ProofError
from bridge.predeploys import L2_TOKEN_BRIDGE, MESSAGE_PASSER, MESSENGER
from bridge.withdrawals import (
    INITIATED,
    Facts,
    PendingCover,
    Stage,
    WithdrawalMessage,
    standing,
    withdrawals_in,
)
from execution.encoding import keccak
from l1.contracts import WithdrawalStatus

addresses = st.binary(min_size=20, max_size=20)
words = st.integers(0, 2**256 - 1)
messages = st.builds(WithdrawalMessage, words, addresses, addresses, words, st.binary(max_size=200))


def log_of(message: WithdrawalMessage, **changes: Any) -> dict[str, Any]:
    """The log that the MessagePasser emits, as JSON-RPC has it."""
    data = abi_encode(["uint256", "bytes", "bytes32"], [message.value, message.data, changes.pop("hash", message.hash)])
    topics = [INITIATED, message.nonce.to_bytes(32, "big"), message.sender.rjust(32, b"\0"), message.target.rjust(32, b"\0")]
    return {
        "address": "0x" + MESSAGE_PASSER.hex(), "topics": ["0x" + topic.hex() for topic in topics], "data": "0x" + data.hex(),
        "blockNumber": "0x5", "blockHash": "0x" + "05" * 32, "transactionHash": "0x" + "06" * 32, "logIndex": "0x0", **changes}


def test_predeploys_are_where_the_protocol_says() -> None:
    assert MESSAGE_PASSER.hex() == "7665726469637400000000000000000000000001"
    assert MESSENGER.hex() == "7665726469637400000000000000000000000002"
    assert L2_TOKEN_BRIDGE.hex() == "7665726469637400000000000000000000000003"


@given(messages)
def test_the_hash_is_abi_encoded_by_hand_too(message: WithdrawalMessage) -> None:
    word = lambda value: value.to_bytes(32, "big")
    padded = message.data + bytes(-len(message.data) % 32)
    body = b"".join((word(message.nonce), message.sender.rjust(32, b"\0"), message.target.rjust(32, b"\0"), word(message.value),
                     word(160), word(len(message.data)), padded))
    assert message.hash == keccak(word(32) + body)
    assert message.slot == int.from_bytes(keccak(message.hash + bytes(32)), "big")


@given(st.lists(messages, max_size=3))
def test_receipts_give_the_messages_back(sent: list[WithdrawalMessage]) -> None:
    noise = log_of(WithdrawalMessage(0, bytes(20), bytes(20), 0, b""), address="0x" + "11" * 20)
    receipt = {"logs": [noise, *(log_of(message) for message in sent), {**noise, "topics": []}]}
    found = withdrawals_in(receipt)
    assert [each.message for each in found] == sent
    assert all((each.l2_block, each.transaction) == (5, b"\x06" * 32) for each in found)


@given(messages, st.data())
def test_a_receipt_that_lies_about_the_message_is_refused(message: WithdrawalMessage, data: st.DataObject) -> None:
    other = data.draw(messages.filter(lambda each: each != message))
    with pytest.raises(ProofError, match="hash"):
        withdrawals_in({"logs": [log_of(other, hash=message.hash)]})


@pytest.mark.parametrize("changes", [{"data": "0x"}, {"data": "0x" + "ff" * 96}, {"data": "zz"}, {"blockNumber": None},
                                     {"topics": ["0x" + INITIATED.hex()]}])
def test_malformed_logs(changes: dict[str, Any]) -> None:
    with pytest.raises(ProofError):
        withdrawals_in({"logs": [log_of(WithdrawalMessage(1, bytes(20), bytes(20), 2, b""), **changes)]})


covers = st.builds(PendingCover, st.binary(min_size=32, max_size=32), st.integers(0, 50), st.integers(0, 1000), st.integers(0, 2))
all_facts = st.builds(
    Facts, st.just(WithdrawalStatus.UNKNOWN), st.integers(1, 50), st.integers(0, 50), st.integers(0, 50),
    st.lists(covers, max_size=4).map(tuple))


@given(all_facts)
def test_how_it_stands(facts: Facts) -> None:
    found = standing(facts)
    covering = [each for each in facts.pending if each.l2_block >= facts.l2_block]
    assert (found.stage is Stage.READY) == (facts.confirmed >= facts.l2_block)
    if found.stage is Stage.WAITING_FOR_CONFIRMATION:
        assert found.at == min(each.confirmable_at for each in covering)
    elif found.stage is not Stage.READY:
        assert not covering and found.at is None
        assert (found.stage is Stage.WAITING_FOR_ASSERTION) == (facts.safe >= facts.l2_block)


@given(all_facts, st.sampled_from([WithdrawalStatus.PROVEN, WithdrawalStatus.FINALIZED]))
def test_what_the_portal_knows_comes_first(facts: Facts, status: WithdrawalStatus) -> None:
    known = Facts(status, facts.l2_block, facts.safe, facts.confirmed, facts.pending)
    assert standing(known).stage.name == status.name


@given(all_facts, st.integers(0, 50))
def test_more_confirmed_never_sets_it_back(facts: Facts, more: int) -> None:
    later = Facts(facts.status, facts.l2_block, max(facts.safe, facts.confirmed + more), facts.confirmed + more, facts.pending)
    order = list(Stage)
    assert order.index(standing(later).stage) >= order.index(standing(facts).stage)
