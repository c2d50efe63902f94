"""The cursor table: which Input comes next (docs/protocol.md, section 4). Pure and total.

    (b, 0, 0)              the BlockStart that L1 alone decides
    (b, 0, i)              forced transaction i-1
    (b, c, i), c in 1..C   item i of chunk c-1; a chunk without items is one Skip
    (b, C+1, 0)            BatchEnd

No content of a batch makes it fail: errors here mean that caller and state don't belong together.
"""

from __future__ import annotations

from dataclasses import dataclass

from derivation.batch import BatchData, BatchHeader
from derivation.codec import MAX_TRANSACTION_SIZE, Item, ItemKind
from execution.types import (
    BatchEnd,
    BlockAttributes,
    BlockStart,
    Cursor,
    Fragment,
    Input,
    Skip,
    StepState,
    Transaction,
    Withdrawal,
)


@dataclass(frozen=True, slots=True)
class DerivationParams:
    """What a rollup's configuration says to derivation. `max_drift` in seconds."""

    chain_id: int
    fee_recipient: bytes  # 20 bytes
    gas_limit: int
    max_drift: int


class CursorOutOfBatch(ValueError):
    """The cursor names no place in this batch: the state isn't of this batch."""


def attributes_of(
    header: BatchHeader, params: DerivationParams, timestamp: int, withdrawals: tuple[Withdrawal, ...] = ()
) -> BlockAttributes:
    """Attributes of a block of this batch."""
    return BlockAttributes(
        timestamp=timestamp,
        fee_recipient=params.fee_recipient,
        prev_randao=header.origin_prev_randao,
        gas_limit=params.gas_limit,
        parent_beacon_block_root=header.origin_hash,
        withdrawals=withdrawals,
    )


def first_timestamp(origin_timestamp: int, parent_timestamp: int) -> int:
    """Timestamp of a batch's first block."""
    return max(origin_timestamp, parent_timestamp + 1)


def start_cursor(batch: int) -> Cursor:
    return Cursor(batch, 0, 0)


def next_input(
    batch: BatchData, params: DerivationParams, state: StepState, parent_timestamp: int | None = None
) -> Input:
    """The Input at `state.cursor`. `parent_timestamp`, of the header `state.block_hash`, is needed at item
    (b, 0, 0) only. CursorOutOfBatch if the cursor names no place in `batch`."""
    header, at = batch.header, state.cursor
    if at.batch != header.index:
        raise CursorOutOfBatch(f"{at} is not in batch {header.index}")
    if at.chunk == 0:
        return _derived_input(batch, params, at, parent_timestamp)
    if at.chunk > header.chunk_count:
        if at != Cursor(at.batch, header.chunk_count + 1, 0):
            raise CursorOutOfBatch(f"{at} is past the end of batch {header.index}")
        return BatchEnd(start_cursor(at.batch + 1))
    items = batch.items(at.chunk - 1, params.chain_id)
    following = _item_after(at, len(items))
    if not items and at.item == 0:
        return Skip(following)
    if at.item >= len(items):
        raise CursorOutOfBatch(f"{at}: the chunk has {len(items)} items")
    return _item_input(batch, params, state, items[at.item], following)


def _derived_input(
    batch: BatchData, params: DerivationParams, at: Cursor, parent_timestamp: int | None
) -> BlockStart | Transaction:
    forced = batch.forced
    if at.item > len(forced):
        raise CursorOutOfBatch(f"{at}: the batch has {len(forced)} forced transactions")
    following = Cursor(at.batch, 0, at.item + 1) if at.item < len(forced) else Cursor(at.batch, 1, 0)
    if at.item > 0:
        return Transaction(forced[at.item - 1], following)
    if parent_timestamp is None:
        raise ValueError("the derived BlockStart needs the parent's timestamp")
    timestamp = first_timestamp(batch.header.origin_timestamp, parent_timestamp)
    withdrawals = tuple(deposit.as_withdrawal() for deposit in batch.deposits)
    return BlockStart(attributes_of(batch.header, params, timestamp, withdrawals), following)


def _item_after(at: Cursor, items: int) -> Cursor:
    return Cursor(at.batch, at.chunk, at.item + 1) if at.item + 1 < items else Cursor(at.batch, at.chunk + 1, 0)


def _item_input(
    batch: BatchData, params: DerivationParams, state: StepState, item: Item, following: Cursor
) -> Input:
    size = state.fragments_size + len(item.payload)
    match item.kind:
        case ItemKind.BLOCK_START if state.open is not None:
            timestamp = state.open.attributes.timestamp + item.delta
            if timestamp <= batch.header.origin_timestamp + params.max_drift:
                return BlockStart(attributes_of(batch.header, params, timestamp), following)
        case ItemKind.TRANSACTION:
            return Transaction(item.payload, following)
        case ItemKind.FRAGMENT if following.item == 0 and size <= MAX_TRANSACTION_SIZE:
            return Fragment(item.payload, following)
        case ItemKind.LAST_FRAGMENT if 0 < state.fragments_size and size <= MAX_TRANSACTION_SIZE:
            return Transaction(b"".join(pending_fragments(batch, state, params.chain_id)) + item.payload, following)
    return Skip(following)


def pending_fragments(batch: BatchData, state: StepState, chain_id: int) -> tuple[bytes, ...]:
    """The payloads behind `fragments_hash`, in order, found by walking back from the cursor.

    Only an unbroken run of Fragments can be pending, so they are the last ones, as many as make the size; each is its
    chunk's last item, all but the first its only one.
    """
    found: list[bytes] = []
    left, chunk, item = state.fragments_size, state.cursor.chunk - 1, state.cursor.item
    while left > 0:
        while item == 0 and chunk > 0:
            chunk, item = chunk - 1, len(batch.items(chunk - 1, chain_id))
        item -= 1
        piece = batch.items(chunk, chain_id)[item] if item >= 0 else None
        if piece is None or piece.kind != ItemKind.FRAGMENT or len(piece.payload) > left:
            raise CursorOutOfBatch(f"{state.fragments_size} bytes of fragments are not before {state.cursor}")
        found.append(piece.payload)
        left -= len(piece.payload)
    return tuple(reversed(found))
