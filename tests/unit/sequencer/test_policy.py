"""The builder's decisions, one rule at a time and over random histories."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from sequencer.batches import L1Origin, LocalBatch, LocalBlock, QueueSlice
from sequencer.policy import (
    LEAD,
    MAX_BACKLOG,
    MAX_DELTA,
    BuilderSettings,
    CloseBatch,
    ExtendBatch,
    Situation,
    StartBatch,
    Wait,
    decide,
)

SETTINGS = BuilderSettings(batch_interval=30, max_drift=600, max_origin_age=1000, empty_blocks=False)


def batch(opened_at: float = 1000.0, origin_number: int = 10, origin_timestamp: int = 990) -> LocalBatch:
    origin = L1Origin(origin_number, b"\x01" * 32, origin_timestamp, bytes(32), b"")
    return LocalBatch(0, bytes(32), bytes(32), origin, QueueSlice(0, (), 0, ()), opened_at,
                      (LocalBlock(b"\x02" * 32, None, 0),))


IDLE = Situation(now=1000.5, parent_timestamp=995, origin_number=10, origin_timestamp=990, l1_head=10, open_batch=None,
                 fill=0.0, transactions=False, due=False)


def test_nothing_to_do_makes_no_block() -> None:
    assert decide(IDLE, SETTINGS) == Wait()
    assert decide(replace(IDLE, open_batch=batch()), SETTINGS) == Wait()


def test_work_starts_a_batch_at_the_origins_time_or_right_after_the_parent() -> None:
    assert decide(replace(IDLE, transactions=True), SETTINGS) == StartBatch(996)
    assert decide(replace(IDLE, due=True, parent_timestamp=900), SETTINGS) == StartBatch(990)
    assert decide(IDLE, replace(SETTINGS, empty_blocks=True)) == StartBatch(996)


def test_later_blocks_are_at_the_wall_clock() -> None:
    at = replace(IDLE, open_batch=batch(), transactions=True)
    assert decide(at, SETTINGS) == ExtendBatch(1000, 5)
    assert decide(replace(at, parent_timestamp=1000), SETTINGS) == ExtendBatch(1001, 1)


def test_l2_time_does_not_run_away() -> None:
    at = replace(IDLE, open_batch=batch(), transactions=True, parent_timestamp=1000 + LEAD)
    assert isinstance(decide(at, SETTINGS), Wait)
    assert isinstance(decide(replace(at, open_batch=None, last_opened_at=971.0), SETTINGS), Wait)
    assert decide(replace(at, origin_timestamp=2000), SETTINGS) == ExtendBatch(1001 + LEAD, 1)


def test_somebody_elses_batch_far_ahead_does_not_stop_the_chain() -> None:
    at = replace(IDLE, transactions=True, parent_timestamp=1500)
    assert decide(at, SETTINGS) == StartBatch(1501)
    ours = replace(at, parent_timestamp=1501, last_opened_at=at.now)
    assert isinstance(decide(ours, SETTINGS), Wait), "one every batch_interval"
    assert decide(replace(ours, now=at.now + SETTINGS.batch_interval), SETTINGS) == StartBatch(1502)
    assert isinstance(decide(replace(at, open_batch=batch()), SETTINGS), Wait), "and of one block"


def test_nothing_is_built_that_may_not_be_posted() -> None:
    at = replace(IDLE, transactions=True, due=True, may_post=False)
    assert isinstance(decide(at, SETTINGS), Wait)
    assert decide(replace(at, may_post=True), SETTINGS) == StartBatch(996)


def test_old_full_drifted_and_stale_batches_are_closed() -> None:
    at = replace(IDLE, open_batch=batch(), transactions=True)
    assert decide(replace(at, now=1030.0), SETTINGS) == CloseBatch("age")
    assert decide(replace(at, fill=1.0), SETTINGS) == CloseBatch("full")
    assert isinstance(decide(replace(at, l1_head=510), SETTINGS), CloseBatch)
    assert decide(replace(at, open_batch=batch(origin_timestamp=399)), SETTINGS) == CloseBatch("drift")
    assert decide(replace(at, parent_timestamp=1000 - MAX_DELTA - 1), SETTINGS) == CloseBatch("drift")


def test_a_standing_l1_stops_the_chain_but_not_what_is_due() -> None:
    at = replace(IDLE, transactions=True, now=5000.0, parent_timestamp=1590)
    assert isinstance(decide(at, SETTINGS), Wait)
    assert decide(replace(at, due=True), SETTINGS) == StartBatch(1591)


def test_promises_stay_within_what_l1_takes() -> None:
    at = replace(IDLE, transactions=True, backlog=MAX_BACKLOG)
    assert isinstance(decide(at, SETTINGS), Wait)
    assert isinstance(decide(replace(at, backlog=MAX_BACKLOG - 1), SETTINGS), StartBatch)


@given(now=st.floats(0, 10**6), parent=st.integers(0, 10**6), origin=st.integers(0, 10**6), opened=st.floats(0, 10**6),
       fill=st.floats(0, 1), flags=st.tuples(st.booleans(), st.booleans(), st.booleans(), st.booleans()))
def test_no_decision_breaks_a_rule_of_derivation(now: float, parent: int, origin: int, opened: float, fill: float,
                                                 flags: tuple[bool, bool, bool, bool]) -> None:
    transactions, due, empty, is_open = flags
    current = batch(opened, origin_timestamp=origin) if is_open else None
    at = replace(IDLE, now=now, parent_timestamp=parent, origin_timestamp=origin, open_batch=current, fill=fill,
                 transactions=transactions, due=due)
    match decide(at, replace(SETTINGS, empty_blocks=empty)):
        case StartBatch(timestamp):
            assert not is_open and timestamp == max(origin, parent + 1)
        case ExtendBatch(timestamp, delta):
            assert is_open and timestamp == parent + delta and 1 <= delta <= MAX_DELTA
            assert timestamp <= origin + SETTINGS.max_drift
