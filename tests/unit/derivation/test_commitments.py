"""Checkpoints: which commitments an assertion's blobs hold, where, and how two of them are opened."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from derivation.commitments import (
    checkpoint_blobs,
    checkpoint_count,
    checkpoint_step,
    checkpoints,
    checkpoints_in,
    first_wrong,
    open_checkpoints,
)
from l1.blobs import verify_opening
from l1.kzg import Prover


def commitments_of(steps: int) -> list[bytes]:
    return [bytes([7]) + n.to_bytes(30, "big") for n in range(steps + 1)]


@given(st.integers(1, 300), st.integers(0, 40))
def test_checkpoints_are_every_stride_th_and_the_last(steps: int, stride: int) -> None:
    found = checkpoints(commitments_of(steps), stride)
    each = stride or steps
    expected = [*range(0, steps, each), steps]
    assert [int.from_bytes(value[1:], "big") for value in found] == expected
    assert checkpoint_count(steps, stride) == len(expected) == -(-steps // each) + 1
    assert [checkpoint_step(j, steps, stride) for j in range(len(expected))] == expected


def test_blobs_hold_them_and_the_first_wrong_one_is_found() -> None:
    commitments = commitments_of(5000)
    blobs = checkpoint_blobs(commitments, 1)
    assert len(blobs) == 2 and len(checkpoint_blobs(commitments, 2)) == 1
    claimed = checkpoints_in(blobs, 5000, 1)
    right = checkpoints(commitments, 1)
    assert len(claimed) == 5001 and first_wrong(claimed, right) is None
    for index in (0, 4095, 4096, 5000):
        wrong = list(claimed)
        wrong[index] = b"\x01" + claimed[index][1:]  # only the top byte
        assert first_wrong(wrong, right) == index
    assert first_wrong(checkpoints_in(blobs[:1], 5000, 1), right) == 4096


@pytest.mark.parametrize("first, second", [(3, 4), (4095, 4096), (0, 4100)])
def test_openings_verify(first: int, second: int) -> None:
    blobs = checkpoint_blobs(commitments_of(4100), 1)
    proof = asyncio.run(open_checkpoints(Prover(workers=0), blobs, first, second))
    for commitment, element, j in zip(proof.commitments, proof.elements, (first, second), strict=True):
        assert verify_opening(commitment, j % 4096, element)
        assert element.value == b"\x00" + commitments_of(4100)[j]
    assert (proof.commitments[0] == proof.commitments[1]) == (first // 4096 == second // 4096)
    assert len(proof.as_tuple()[0]) == len(proof.as_tuple()[1]) == 2
