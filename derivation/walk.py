"""The Inputs of a batch in order, without executing them: what derivation reads of a StepState is kept, the rest is not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from derivation.batch import BatchData
from derivation.inputs import DerivationParams, next_input, start_cursor
from execution.encoding import keccak
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


def walk(batch: BatchData, params: DerivationParams, parent_timestamp: int) -> Iterator[tuple[int, Cursor, Input]]:
    """(step, where it begins, its Input), from step 0. `parent_timestamp`: of the L2 block before the batch, seconds."""
    state = StepState(ZERO_HASH, ZERO_HASH, cursor=start_cursor(batch.header.index))
    step = 0
    while state.cursor.batch == batch.header.index:
        chosen = next_input(batch, params, state, parent_timestamp)
        yield step, state.cursor, chosen
        size = state.fragments_size + len(chosen.data) if isinstance(chosen, Fragment) else 0
        state = replace(state, cursor=chosen.next, fragments_size=size, open=_open_after(state.open, chosen))
        step += 1


def steps_with(batch: BatchData, params: DerivationParams, parent_timestamp: int, transaction: bytes) -> list[int]:
    """Steps whose Input is the transaction with that hash (32 bytes): each time it was posted or forced."""
    return [
        step for step, _, chosen in walk(batch, params, parent_timestamp)
        if isinstance(chosen, Transaction) and keccak(chosen.raw) == transaction
    ]  # fmt: skip


def _open_after(before: OpenBlock | None, chosen: Input) -> OpenBlock | None:
    if isinstance(chosen, BlockStart):
        return OpenBlock(1, chosen.attributes, 0, 0, 0, 0, EMPTY_BLOOM, ZERO_HASH, ZERO_HASH, b"")
    return None if isinstance(chosen, BatchEnd) else before
