"""Cutting batches into segments."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from l1.blobs import ChunkProofKind
from settlement.plan import (
    MARGIN,
    DoesNotFit,
    Limits,
    StepCost,
    check_stageable,
    estimate,
    next_segment,
    segments,
    shorter,
)

steps = st.builds(
    StepCost, gas=st.integers(0, 2_000_000), chunk=st.none() | st.integers(0, 5), size=st.integers(0, 5_000),
    transaction=st.booleans())
batches = st.lists(steps, min_size=1, max_size=60).map(
    lambda found: [StepCost(s.gas, c, s.size, s.transaction) for s, c in zip(
        found, sorted((s.chunk for s in found), key=lambda c: -1 if c is None else c), strict=True)])
limits = st.builds(
    Limits, l2_gas=st.integers(2_000_000, 60_000_000), l1_gas=st.integers(1_000_000, 1 << 24),
    calldata=st.integers(5_000, 128_000), proofs=st.sampled_from([None, *ChunkProofKind]))


@given(batches, limits)
def test_every_cut_covers_each_step_once(costs: list[StepCost], allowed: Limits) -> None:
    parts = list(segments(costs, allowed))
    assert [step for part in parts for step in range(part.first, part.end)] == list(range(len(costs)))
    for part in parts:
        assert part.steps >= 1 and part.l2_gas <= allowed.l2_gas
        if part.steps > 1:
            assert part.calldata <= MARGIN * allowed.calldata and part.l1_gas <= MARGIN * allowed.l1_gas


@given(batches, limits, st.data())
def test_segments_are_as_long_as_fits(costs: list[StepCost], allowed: Limits, data: st.DataObject) -> None:
    first = data.draw(st.integers(0, len(costs) - 1))
    part = next_segment(costs, first, allowed)
    if part.end < len(costs):
        longer = estimate(costs, first, part.end + 1, allowed)
        assert (longer.l2_gas > allowed.l2_gas or longer.calldata > MARGIN * allowed.calldata
                or longer.l1_gas > MARGIN * allowed.l1_gas)


@given(batches, limits, st.data())
def test_whatever_is_too_large_the_batch_gets_done(costs: list[StepCost], allowed: Limits, data: st.DataObject) -> None:
    """The witness turns out larger than thought, again and again: as long as single steps fit, each is taken once."""
    first, covered, tries = 0, [], 0
    while first < len(costs):
        most = len(costs)
        while True:
            part = next_segment(costs, first, allowed, most)
            assert part.steps <= most
            tries += 1
            if part.steps == 1 or data.draw(st.booleans()):
                break
            most = shorter(part, data.draw(st.floats(0.1, 50)))
            assert 1 <= most < part.steps
        covered += range(part.first, part.end)
        first = part.end
    assert covered == list(range(len(costs))) and tries <= 8 * len(costs)


def test_a_step_that_no_block_takes() -> None:
    costs = [StepCost(21_000, None, 100, True), StepCost(5_000_000, 0, 100, True)]
    allowed = Limits(l2_gas=4_000_000)
    with pytest.raises(DoesNotFit, match="step 1 .* 5,000,000 L2 gas") as caught:
        list(segments(costs, allowed))
    assert caught.value.step == 1
    assert next_segment(costs, 0, allowed).end == 1
    with pytest.raises(ValueError, match="2 steps"):
        next_segment(costs, 2, allowed)


def test_chunks_are_split_where_their_gas_is_too_much() -> None:
    costs = [StepCost(900_000, 3, 200, True)] * 10
    parts = list(segments(costs, Limits(l2_gas=2_000_000)))
    assert [part.steps for part in parts] == [2] * 5
    assert {part.l2_gas for part in parts} == {1_800_000}


def test_each_chunk_counts_once() -> None:
    allowed = Limits(l2_gas=10**9)
    one = estimate([StepCost(0, 0, 0, False)] * 5, 0, 5, allowed)
    two = estimate([StepCost(0, 0, 0, False)] * 4 + [StepCost(0, 1, 0, False)], 0, 5, allowed)
    assert 600_000 < two.l1_gas - one.l1_gas < 1_000_000
    points = estimate([StepCost(0, 0, 0, False)] * 5, 0, 5, Limits(l2_gas=10**9, proofs=ChunkProofKind.POINTS))
    assert points.l1_gas - one.l1_gas > 2_500_000


def test_witnesses_that_no_transaction_can_read() -> None:
    check_stageable(0, 40_000_000)
    with pytest.raises(DoesNotFit, match="80,000,000 bytes"):
        check_stageable(4, 80_000_000)
