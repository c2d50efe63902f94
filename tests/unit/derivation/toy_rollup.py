"""A toy L2: the derivation half of `step` without execution, so that data rules are tested in microseconds."""

from __future__ import annotations

from dataclasses import replace

from eth_hash.auto import keccak

from derivation.batch import BatchData, BatchHeader, Deposit, blob_count
from derivation.inputs import DerivationParams, next_input
from execution.types import (
    EMPTY_BLOOM,
    ZERO_HASH,
    BatchEnd,
    BlockStart,
    Cursor,
    Fragment,
    Input,
    OpenBlock,
    StepState,
    Transaction,
)
from tests.unit.derivation.blob_data import blobs_of

PARAMS = DerivationParams(chain_id=42069, fee_recipient=b"\xfe" * 20, gas_limit=30_000_000, max_drift=1800)
ORIGIN_TIMESTAMP = 1_700_000_000


def make_batch(chunks=(), *, index=0, deposits=0, forced=(), origin_timestamp=ORIGIN_TIMESTAMP) -> BatchData:
    header = BatchHeader(
        parent_hash=ZERO_HASH, index=index,
        blob_hashes=tuple(bytes([1, n]) + bytes(30) for n in range(blob_count(len(chunks)))),
        data_root=ZERO_HASH, pages=(), chunk_count=len(chunks), origin_number=100, origin_hash=b"\x0a" * 32, origin_timestamp=origin_timestamp,
        origin_prev_randao=b"\x0b" * 32, deposit_start=7, deposit_end=7 + deposits,
        forced_start=3, forced_end=3 + len(forced),
    )  # fmt: skip
    queued = tuple(Deposit(7 + n, bytes([n]) * 20, 10**9 + n, 90) for n in range(deposits))
    return BatchData(header, tuple(blobs_of(chunks)), queued, tuple(forced))


def toy_step(state: StepState, chosen: Input) -> StepState:
    """What protocol.md says of every step, less the execution."""
    if isinstance(chosen, Fragment):
        chain = keccak(state.fragments_hash + chosen.data)
        size = state.fragments_size + len(chosen.data)
        return replace(state, fragments_hash=chain, fragments_size=size, cursor=chosen.next)
    opened = state.open
    if isinstance(chosen, BlockStart):
        number = opened.number + 1 if opened else 1
        opened = OpenBlock(number, chosen.attributes, 7, 0, 0, 0, EMPTY_BLOOM, ZERO_HASH, ZERO_HASH, b"")
    elif isinstance(chosen, BatchEnd):
        opened = None
    return replace(state, open=opened, fragments_hash=ZERO_HASH, fragments_size=0, cursor=chosen.next)


def derive(batch: BatchData, parent_timestamp: int = 0) -> list[tuple[StepState, Input]]:
    """Every (state before, Input) of the batch."""
    state = StepState(ZERO_HASH, ZERO_HASH, cursor=Cursor(batch.header.index, 0, 0))
    found = []
    while state.cursor.batch == batch.header.index:
        chosen = next_input(batch, PARAMS, state, parent_timestamp)
        found.append((state, chosen))
        state = toy_step(state, chosen)
    return found


def blocks_of(batch: BatchData, parent_timestamp: int = 0) -> list[tuple[int, tuple[bytes, ...]]]:
    """(timestamp, transactions) of each block of the batch."""
    blocks: list[tuple[int, tuple[bytes, ...]]] = []
    for _, chosen in derive(batch, parent_timestamp):
        if isinstance(chosen, BlockStart):
            blocks.append((chosen.attributes.timestamp, ()))
        elif isinstance(chosen, Transaction):
            timestamp, transactions = blocks.pop()
            blocks.append((timestamp, (*transactions, chosen.raw)))
    return blocks
