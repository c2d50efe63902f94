"""The price of L2 gas in EXECUTE, and the chain's clock."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from l1.embedded.clock import ChainClock
from l1.embedded.meter import BlockMeter, next_price
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


def test_meter_only_gives_what_is_left() -> None:
    meter = BlockMeter(price=1, limit=100)
    meter.take(60)
    assert meter.left == 40
    with pytest.raises(ValueError, match="41 L2 gas wanted, 40 left"):
        meter.take(41)
    meter.take(40)
    assert (meter.used, meter.left) == (100, 0)


@pytest.mark.parametrize("wrong", [{"cumulative_gas_target": 0}, {"cumulative_gas_limit": 1}, {"min_gas_price": 0}])
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
