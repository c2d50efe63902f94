"""Which batch is posted next: only ours, only on top of what L1 has."""

from __future__ import annotations

from dataclasses import replace

from sequencer.batcher import next_to_post
from sequencer.batches import Anchor, L1Origin, LocalBatch, LocalBlock, QueueSlice, decode_batch, encode_batch
from sequencer.l1view import L1Snapshot

ORIGIN = L1Origin(5, b"\x05" * 32, 50, bytes(32), b"\xc0")
OURS = b"\x0a" * 20


class Ledger:
    def __init__(self, *batches: LocalBatch) -> None:
        self.batches = {batch.index: batch for batch in batches}

    def get(self, index: int) -> LocalBatch | None:
        return self.batches.get(index)


def make(index: int, parent: bytes) -> LocalBatch:
    return LocalBatch(index, parent, bytes(32), ORIGIN, QueueSlice(0, (), 0, ()), 1.5,
                      (LocalBlock(bytes([index]) * 32, None, 2), LocalBlock(bytes([index + 1]) * 32, 3, 4)))


FIRST = make(0, bytes(32)).closed([b"\x01" * 32], 3)
assert FIRST.header is not None
SECOND = make(1, FIRST.header.hash).closed((), 0)


def l1(count: int, head: bytes, **more: object) -> L1Snapshot:
    base = L1Snapshot(9, b"\x09" * 32, 90, ORIGIN, 0, 0, head, count, OURS, 100)
    return replace(base, **more)  # type: ignore[arg-type]


def test_the_next_one_builds_on_l1s_head() -> None:
    assert FIRST.header is not None and SECOND.header is not None
    ledger = Ledger(FIRST, SECOND, make(2, SECOND.header.hash))
    assert next_to_post(ledger, l1(0, bytes(32))) == FIRST  # type: ignore[arg-type]
    assert next_to_post(ledger, l1(1, FIRST.header.hash)) == SECOND  # type: ignore[arg-type]
    assert next_to_post(ledger, l1(2, SECOND.header.hash)) is None  # type: ignore[arg-type]  # open
    assert next_to_post(ledger, l1(3, b"\x07" * 32)) is None  # type: ignore[arg-type]


def test_on_someone_elses_batch_nothing_is_posted() -> None:
    assert next_to_post(Ledger(FIRST, SECOND), l1(1, b"\x07" * 32)) is None  # type: ignore[arg-type]
    assert next_to_post(Ledger(replace(FIRST, foreign=True)), l1(0, bytes(32))) is None  # type: ignore[arg-type]


def test_exclusive_right() -> None:
    assert l1(0, bytes(32)).may_post(OURS)
    assert not l1(0, bytes(32)).may_post(b"\x0b" * 20)
    assert l1(0, bytes(32), sequencer=bytes(20)).may_post(b"\x0b" * 20)
    assert l1(0, bytes(32), head_timestamp=101).may_post(b"\x0b" * 20)


def test_due() -> None:
    tip = Anchor(0, bytes(32), bytes(32), 0, 3, 2)
    assert not l1(0, bytes(32), deposit_count=3, forced_count=2).due(tip)
    assert l1(0, bytes(32), deposit_count=4, forced_count=2).due(tip)
    assert l1(0, bytes(32), deposit_count=3, forced_count=3).due(tip)


def test_records_keep_everything() -> None:
    for batch in (FIRST, SECOND, make(7, b"\x07" * 32), replace(SECOND, foreign=True)):
        assert decode_batch(encode_batch(batch)) == batch
