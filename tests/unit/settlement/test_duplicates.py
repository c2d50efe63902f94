"""Assertions that say what a settled one says: what stands on them, for the challenger and for the sequencer."""

from __future__ import annotations

from dataclasses import replace

from challenger.chronicle import Chronicle, Point
from l1.contracts import Rollup
from l1.events import AssertionConfirmed, AssertionKilled, AssertionMade, KillReason, RollupEvent
from sequencer.claims import Expected
from sequencer.rollup_log import RollupLog

GENESIS, EQUAL, WRONG, SETTLED, CHILD, TWIN = (bytes([n]) * 32 for n in range(6))
BATCH, NEXT = b"\xb0" * 32, b"\xb1" * 32
RIGHT, FALSE, AFTER = (bytes([n]) * 31 for n in (7, 8, 9))
WHO, NOBODY = b"\x33" * 20, bytes(20)


def made(id: bytes, parent: bytes, batch: bytes, commitment: bytes, asserter: bytes = WHO) -> AssertionMade:
    blobs = (b"\x01" * 32,) if any(asserter) else ()
    return AssertionMade(id, parent, batch, asserter, 5, commitment, b"\x0a" * 32, b"\x0b" * 32, blobs)


EVENTS: list[RollupEvent] = [
    made(EQUAL, GENESIS, BATCH, RIGHT), made(WRONG, GENESIS, BATCH, FALSE), made(CHILD, EQUAL, NEXT, AFTER),
    made(SETTLED, GENESIS, BATCH, RIGHT, NOBODY), AssertionConfirmed(SETTLED, b"\x0a" * 32, b"\x0b" * 32),
]


def log_of(events: list[RollupEvent]) -> RollupLog:
    log = RollupLog(None, Rollup(None, bytes(20)), 0)  # type: ignore[arg-type]
    log._events = {1: events}
    log._index()
    return log


def test_what_stands_on_a_duplicate_is_found() -> None:
    log = log_of(EVENTS)
    assert [each.id for each in log.children(SETTLED, NEXT)] == [CHILD] == [each.id for each in log.children(EQUAL, NEXT)]
    assert list(log.children(WRONG, NEXT)) == []
    assert {each.id for each in log.orphans()} == {EQUAL, WRONG}
    log = log_of([*EVENTS, AssertionConfirmed(EQUAL, b"\x0a" * 32, b"\x0b" * 32), made(TWIN, SETTLED, NEXT, FALSE)])
    assert [each.id for each in log.orphans()] == [WRONG], "the duplicate is confirmed too"
    assert [each.id for each in log.children(SETTLED, NEXT)] == [CHILD, TWIN]
    log = log_of([*EVENTS, AssertionConfirmed(EQUAL, b"\x0a" * 32, b"\x0b" * 32), made(TWIN, SETTLED, NEXT, FALSE),
                  AssertionConfirmed(CHILD, b"\x0a" * 32, b"\x0b" * 32)])
    assert {each.id for each in log.orphans()} == {WRONG, TWIN}, "a rival under the other parent"
    log = log_of([*EVENTS, AssertionKilled(EQUAL, WHO, KillReason.TIMEOUT, 0, 0)])
    assert list(log.children(SETTLED, NEXT)) == [], "what stands on a dead one is dead, whatever it said"


def test_what_stands_on_a_lie_is_not_what_stands_on_the_truth() -> None:
    """A right end is not enough: whatever hangs on a lie dies with it."""
    truth, lie, astray = (bytes([0x20 + n]) * 32 for n in range(3))
    honest = [made(EQUAL, GENESIS, BATCH, RIGHT), made(truth, EQUAL, NEXT, AFTER)]
    on_a_lie = [made(WRONG, GENESIS, BATCH, FALSE), made(lie, WRONG, NEXT, AFTER), made(astray, lie, b"\xb2" * 32, RIGHT)]
    log = log_of([*honest, *on_a_lie])
    assert list(log.children(truth, b"\xb2" * 32)) == [] and [each.id for each in log.children(lie, b"\xb2" * 32)] == [astray]
    log = log_of([*honest, *on_a_lie, AssertionConfirmed(EQUAL, b"", b""), AssertionConfirmed(truth, b"", b"")])
    assert list(log.children(truth, b"\xb2" * 32)) == [], "not when the truth is confirmed and the lie still pending either"
    false_middle = replace(made(TWIN, GENESIS, BATCH, RIGHT), checkpoint_blobs=(b"\x02" * 32,))
    log = log_of([made(EQUAL, GENESIS, BATCH, RIGHT), false_middle, made(CHILD, TWIN, NEXT, AFTER)])
    assert list(log.children(EQUAL, NEXT)) == [], "a parent with the right end by another way may be a lie"
    twin = replace(false_middle, checkpoint_blobs=(b"\x01" * 32,))
    log = log_of([made(EQUAL, GENESIS, BATCH, RIGHT), twin, made(CHILD, TWIN, NEXT, AFTER)])
    assert [each.id for each in log.children(EQUAL, NEXT)] == [CHILD], "one that says the very same is as good"


def test_a_settled_assertion_says_what_was_expected() -> None:
    expected = Expected(BATCH, 5, RIGHT, (b"\x02" * 32,))
    assert expected.is_said_by(made(SETTLED, GENESIS, BATCH, RIGHT, NOBODY))
    assert not expected.is_said_by(made(SETTLED, GENESIS, BATCH, FALSE, NOBODY))
    assert not expected.is_said_by(made(EQUAL, GENESIS, BATCH, RIGHT)), "with other checkpoints"


def test_the_challenger_sees_rivals_under_either_parent() -> None:
    chronicle, point = Chronicle(), Point(1, b"\x01" * 32)
    chronicle.apply(point, [(event, point, bytes(32)) for event in EVENTS])
    assert chronicle.confirmed_child == {GENESIS: SETTLED} and CHILD in chronicle.pending
    assert chronicle.origin(EQUAL) == chronicle.origin(SETTLED) == RIGHT != chronicle.origin(WRONG)
    later = Point(2, b"\x02" * 32)
    more: list[RollupEvent] = [made(TWIN, SETTLED, NEXT, FALSE), AssertionConfirmed(EQUAL, b"", b""), AssertionConfirmed(CHILD, b"", b"")]
    chronicle.apply(later, [(event, later, bytes(32)) for event in more])
    assert chronicle.confirmed_child[chronicle.origin(SETTLED)] == CHILD, "the rival of TWIN, which has another parent"
    assert set(chronicle.pending) == {WRONG, TWIN}
    chronicle.rewind(point)
    assert chronicle.confirmed_child == {GENESIS: SETTLED} and CHILD in chronicle.pending
