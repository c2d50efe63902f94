"""The price of L2 gas in EXECUTE, what a block's meter leaves behind, and the chain's clock."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from eth.vm.forks.london.headers import calculate_expected_base_fee_per_gas
from hypothesis import assume, given
from hypothesis import strategies as st

from execution.genesis import build_genesis
from execution.step import OverlaySource
from execution.trie import NoSource
from execution.world import WorldState
from l1.embedded.clock import ChainClock
from l1.embedded.meter import EXECUTE_ADDRESS, BlockMeter, is_congested, next_price
from l1.embedded.settings import ExecuteParams

PARAMS = ExecuteParams(cumulative_gas_limit=60_000_000, cumulative_gas_target=30_000_000, min_gas_price=7)


@pytest.mark.parametrize(
    ("price", "used", "expected"),
    [
        (1000, 30_000_000, 1000),
        (1000, 60_000_000, 1125),
        (1000, 0, 875),
        (1000, 45_000_000, 1062),
        (7, 30_000_001, 8),
        (7, 0, 7),
        (8, 0, 7),
        (1, 0, 7),
    ],
)
def test_price_moves_as_eip_1559(price: int, used: int, expected: int) -> None:
    assert next_price(price, used, PARAMS) == expected


@given(st.integers(7, 10**30), st.integers(0, 60_000_000), st.integers(0, 60_000_000))
def test_price_is_monotonic_in_use_bounded_and_above_the_minimum(price: int, a: int, b: int) -> None:
    low, high = next_price(price, min(a, b), PARAMS), next_price(price, max(a, b), PARAMS)
    assert PARAMS.min_gas_price <= low <= high <= price + max(price // 8, 1)
    assert low >= price - price // 8 - 1


@given(st.integers(1, 10**40), st.integers(0, 2**26), st.integers(1, 2**25))
def test_price_is_py_evms_base_fee(price: int, used: int, target: int) -> None:
    """EIP-1559's arithmetic to the last wei, where the limit is twice the target."""
    assume(used <= 2 * target)
    parent = SimpleNamespace(base_fee_per_gas=price, gas_used=used, gas_limit=2 * target)
    params = ExecuteParams(cumulative_gas_limit=2 * target, cumulative_gas_target=target)
    assert next_price(price, used, params) == max(calculate_expected_base_fee_per_gas(parent), 1)


def meter(params: ExecuteParams) -> BlockMeter:
    """On a state where EXECUTE was never used."""
    genesis, nodes, codes = build_genesis({EXECUTE_ADDRESS: 1}, 1, 30_000_000, 0, 10)
    return BlockMeter(WorldState(OverlaySource(nodes, codes, NoSource()), genesis.state_root), params)


def stored(block: BlockMeter) -> list[int]:
    return [block._world.get_storage(EXECUTE_ADDRESS, slot) for slot in range(3)]


def test_meter_only_sells_what_is_left_and_stood_for() -> None:
    block = meter(ExecuteParams(cumulative_gas_limit=100, cumulative_gas_target=50, min_gas_price=3))
    block.begin(surety=300)
    block.take(60)
    assert (block.left, block.surety_left) == (40, 120)
    for gas in (41, -1):
        with pytest.raises(ValueError, match="40 gas and 120 wei"):
            block.take(gas)
    block.commit()
    block.begin(surety=119)
    with pytest.raises(ValueError, match="40 gas and 119 wei"):
        block.take(40)
    block.take(39)
    block.begin(surety=3)  # what was not committed is not sold
    assert (block.used, block.left) == (60, 40)


def test_a_block_leaves_price_use_and_congestion() -> None:
    block = meter(ExecuteParams(cumulative_gas_limit=100, cumulative_gas_target=50, min_gas_price=1000))
    for used, seconds, left_behind in ((100, 12, [1125, 100, 12]), (0, 7, [1000, 0, 12]), (1, 30, [1000, 1, 42])):
        block.begin(surety=10**9)
        block.take(used)
        block.commit()
        block.end_block(seconds)
        assert stored(block) == left_behind
        block.used = 0


@pytest.mark.parametrize(
    ("limit", "used", "congested"),
    [
        (60_000_000, 60_000_000 - 2**24, False),
        (60_000_000, 60_000_000 - 2**24 + 1, True),
        (60_000_000, 60_000_000, True),
        (2**24, 0, False),
        (2**24, 1, True),
        (1000, 0, False),
        (1000, 1, True),
    ],
)
def test_congested_is_what_leaves_no_room_for_the_largest_step(limit: int, used: int, congested: bool) -> None:
    assert is_congested(used, ExecuteParams(cumulative_gas_limit=limit, cumulative_gas_target=limit // 2)) is congested


@pytest.mark.parametrize(
    "wrong",
    [
        {"cumulative_gas_target": 0}, {"cumulative_gas_limit": 1}, {"min_gas_price": 0}, {"staged_gas_per_word": -1},
        {"fixed_gas": -1}, {"gas_per_byte": -1}, {"time_limit": 0},
    ],
)
def test_params_that_make_no_sense_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError):
        ExecuteParams(**wrong)


def test_clock_follows_the_wall_and_never_stands_still() -> None:
    now = 1000.9
    clock = ChainClock(990, 1, now=lambda: now)
    assert clock.take(990) == 1000
    assert clock.take(1000) == 1001
    assert clock.take(5000) == 5001


def test_clock_keeps_to_slots() -> None:
    clock = ChainClock(990, 12, now=lambda: 1025.0)
    assert clock.take(990) == 1014
    assert clock.take(1014) == 1026
    assert [clock.slot(t) for t in (990, 1014, 1026)] == [0, 2, 3]


def test_an_asked_for_timestamp_comes_once_and_time_goes_on_from_it() -> None:
    now = 1000.0
    clock = ChainClock(990, 1, now=lambda: now)
    clock.ask(2000, 990)
    assert clock.peek(990) == 2000 == clock.take(990)
    now = 1003.0
    assert clock.take(2000) == 2003
    clock.advance(100, 2003)
    assert clock.take(2003) == 2103
    clock.advance(50, 2200)  # blocks came faster than slots
    assert clock.take(2200) == 2250
    with pytest.raises(ValueError, match="not after"):
        clock.ask(2250, 2250)
    with pytest.raises(ValueError, match="back"):
        clock.advance(-1, 2250)
