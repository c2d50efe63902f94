"""Blobs or calldata: by what is cheaper, and not to and fro."""

from __future__ import annotations

import pytest

from l1.fees import FeeMarket
from sequencer.data_policy import DataKind, DataPolicy, blobs_cost, calldata_cost, chunk_limit

GWEI = 10**9
CHUNK = bytes(range(1, 128)) * 16  # no zero byte
CALL = b"\x01" * 700
BLOBS, CALLDATA = DataKind.BLOBS, DataKind.CALLDATA


def at(blob_fee: float, base_fee: float = 1.0) -> FeeMarket:
    """Prices in Gwei."""
    return FeeMarket(int(base_fee * GWEI), 0, int(blob_fee * GWEI))


def test_costs() -> None:
    """EIP-7623: 40 gas a byte that isn't zero, 10 one that is, where that is more than 16, 4 and the execution."""
    assert calldata_cost(b"\x01" * 100_000, 50, at(0)) == (21_000 + 40 * 100_000) * GWEI
    assert calldata_cost(bytes(100_000), 1, at(0)) == (21_000 + 10 * 100_000) * GWEI
    assert calldata_cost(b"", 1, at(0)) == (21_000 + 81_000 + 20_000) * GWEI  # what the Inbox does
    assert blobs_cost(CALL, 3, at(5)) - blobs_cost(CALL, 2, at(5)) == 131_072 * 5 * GWEI
    assert blobs_cost(CALL, 1, FeeMarket(GWEI, GWEI, 0)) == 2 * blobs_cost(CALL, 1, at(0))  # the tip is paid too


@pytest.mark.parametrize(("chunks", "blob_fee", "expected"), [
    (1, 0.001, BLOBS), (1, 10, CALLDATA), (8, 0.5, BLOBS), (8, 10, CALLDATA), (61, 10, BLOBS), (61, 100, CALLDATA),
    (62, 100, BLOBS), (0, 100, BLOBS)])
def test_a_small_batch_goes_into_calldata_sooner(chunks: int, blob_fee: float, expected: DataKind) -> None:
    assert DataPolicy("auto").kind([CHUNK] * chunks, CALL, at(blob_fee), None) is expected


def test_without_a_choice() -> None:
    for blob_fee in (0, 1000):
        assert DataPolicy("blobs").kind([CHUNK], CALL, at(blob_fee), CALLDATA) is BLOBS
        assert DataPolicy("calldata").kind([CHUNK] * 61, CALL, at(blob_fee), BLOBS) is CALLDATA
    assert DataPolicy("calldata").kind([CHUNK] * 62, CALL, at(0), CALLDATA) is BLOBS  # begun for blobs, before a restart
    assert [DataPolicy(mode, 3).limit(at(0), None) for mode in ("blobs", "calldata", "auto")] == [3, 0, 3]
    assert DataPolicy("auto", 3).limit(at(1000), None) == 0
    assert (DataPolicy("calldata", 6).most_chunks, DataPolicy("auto", 2).most_chunks) == (61, 128)
    assert [chunk_limit(0), chunk_limit(2)] == [61, 128]


def test_prices_that_waver_change_nothing() -> None:
    policy, chunks = DataPolicy("auto"), [CHUNK] * 10
    even = next(fee / 100 for fee in range(1, 5000) if policy.kind(chunks, CALL, at(fee / 100), None) is CALLDATA)
    for last in (BLOBS, CALLDATA):
        assert all(policy.kind(chunks, CALL, at(even * drift), last) is last for drift in (0.9, 1.0, 1.1))
    assert policy.kind(chunks, CALL, at(1.5 * even), BLOBS) is CALLDATA
    assert policy.kind(chunks, CALL, at(0.7 * even), CALLDATA) is BLOBS


def test_unknown_prices_leave_things_as_they_are() -> None:
    assert DataPolicy("auto").kind([CHUNK], CALL, None, None) is BLOBS
    assert DataPolicy("auto").kind([CHUNK], CALL, None, CALLDATA) is CALLDATA
    assert DataPolicy("auto", 2).limit(None, CALLDATA) == 2
