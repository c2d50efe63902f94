"""Fees never pass a cap, a replacement is always one that nodes take, and the journal keeps what it is given."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from l1.fees import (
    MAX_GAS,
    FeeCaps,
    FeeMarket,
    Fees,
    ample_gas,
    first_offer,
    market_from_history,
    outbid,
    replacement,
)
from l1.journal import JournalEntry, KeyInUse, SignedVersion, TransactionJournal
from l1.rejections import Rejection, classify

WEI = st.integers(0, 10**13)
MARKETS = st.builds(FeeMarket, WEI, WEI, st.integers(1, 10**13))
CAPS = st.builds(FeeCaps, WEI, WEI, WEI)


@given(market=MARKETS, caps=CAPS, blobs=st.booleans(), urgency=st.integers(1, 1 << 10))
def test_a_first_offer_keeps_the_caps(market: FeeMarket, caps: FeeCaps, blobs: bool, urgency: int) -> None:
    fees = first_offer(market, caps, blobs=blobs, urgency=urgency)
    assert fees.tip <= fees.max_fee <= caps.max_fee
    assert (fees.blob_fee is not None) == blobs and (fees.blob_fee or 0) <= caps.max_blob_fee


@given(market=MARKETS, later=MARKETS, caps=CAPS, blobs=st.booleans())
def test_a_replacement_is_one_that_nodes_take(market: FeeMarket, later: FeeMarket, caps: FeeCaps, blobs: bool) -> None:
    fees, percent = first_offer(market, caps, blobs=blobs), 200 if blobs else 110
    for _ in range(50):
        following = replacement(fees, later, caps)
        if following is None:
            return
        assert following.tip <= following.max_fee <= caps.max_fee
        assert following.tip * 100 >= fees.tip * percent and following.max_fee * 100 >= fees.max_fee * percent
        assert following.max_fee > fees.max_fee
        if fees.blob_fee is not None:
            assert fees.blob_fee * 2 <= (following.blob_fee or 0) <= caps.max_blob_fee
        fees = following


def test_urgency_multiplies_the_tip() -> None:
    market, caps = FeeMarket(100, 3, 1), FeeCaps(1_000, 1, 5)
    assert first_offer(market, caps, blobs=False) == Fees(5, 205)
    assert first_offer(market, caps, blobs=False, urgency=8) == Fees(40, 240)
    assert first_offer(market, caps, blobs=False, urgency=1 << 10) == Fees(1_000, 1_000)


@given(estimate=st.integers(21_000, 2 * MAX_GAS))
def test_a_margin_never_passes_what_l1_takes(estimate: int) -> None:
    limit = ample_gas(estimate)
    assert estimate <= limit <= estimate * 5 // 4
    assert limit <= MAX_GAS or estimate > MAX_GAS


def test_outbid() -> None:
    assert outbid(Fees(1, 10), FeeMarket(11, 0, 1)) and not outbid(Fees(1, 11), FeeMarket(11, 0, 1))
    assert outbid(Fees(1, 11, 5), FeeMarket(11, 0, 6))


def test_history_of_nodes_with_and_without_blob_fees() -> None:
    history = {"baseFeePerGas": ["0x1", "0x2"], "reward": [["0x5"], ["0x7"], ["0x6"]]}
    assert market_from_history(history, 9) == FeeMarket(2, 6, 9)
    assert market_from_history({**history, "baseFeePerBlobGas": ["0x3", "0x4"], "reward": None}, None) == FeeMarket(2, 0, 4)


@pytest.mark.parametrize(("message", "meaning"), [
    ("already known", Rejection.ALREADY_KNOWN),
    ("AlreadyKnown", Rejection.ALREADY_KNOWN),
    ("nonce too low: next nonce 5, tx nonce 4", Rejection.NONCE_TOO_LOW),
    ("replacement transaction underpriced: new tx gas fee cap 1 <= 2 queued", Rejection.REPLACEMENT_UNDERPRICED),
    ("ReplacementNotAllowed", Rejection.REPLACEMENT_UNDERPRICED),
    ("transaction underpriced: tip needed 1", Rejection.FEE_TOO_LOW),
    ("max fee per gas less than block base fee: address 0x", Rejection.FEE_TOO_LOW),
    ("insufficient funds for gas * price + value: balance 0", Rejection.INSUFFICIENT_FUNDS),
    ("address already reserved", Rejection.NOT_YET),
    ("txpool is full", Rejection.NOT_YET),
    ("intrinsic gas too low: gas 1", Rejection.INVALID),
    ("unsupported sidecar version", Rejection.SIDECAR_FORMAT),
    ("the moon is full", Rejection.UNKNOWN),
])
def test_what_nodes_say(message: str, meaning: Rejection) -> None:
    assert classify(message) is meaning


def test_journal(tmp_path: Path) -> None:
    entry = JournalEntry(300, "label", b"\x01" * 20, b"data", 5, 21000, (bytes(131072), b"\x01" * 131072),
                         [SignedVersion(b"\x02" * 32, b"raw", Fees(1, 2, 3))])
    create = JournalEntry(7, "", None, b"", 0, 1, (), [SignedVersion(b"\x03" * 32, b"r", Fees(1, 2))])
    with TransactionJournal(tmp_path) as journal:
        journal.put(entry)
        journal.put(create)
        with pytest.raises(KeyInUse):
            TransactionJournal(tmp_path)
    with TransactionJournal(tmp_path) as journal:
        assert list(journal.entries()) == [create, entry]
        journal.finish(entry, b"\x02" * 32)
        journal.discard(7)
        assert list(journal.entries()) == []
        outcome = journal.outcome("label")
        assert outcome is not None and (outcome.tx_hash, outcome.nonce) == (b"\x02" * 32, 300)
        journal.forget("label")
        assert journal.outcome("label") is None
