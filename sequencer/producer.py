"""Makes one L2 block: the forced transactions first, then the pool's best as long as there is room.

Synchronous, for a worker thread; touches nothing but the store's reading half. A forced transaction that can't be
included is a no-op, as in derivation. One from the pool that can't be is left out of the data.
"""

from __future__ import annotations

import asyncio
import copy
import time
from collections.abc import Coroutine, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

from chain.mempool import BestTransactions
from chain.store import ChainStore
from derivation.encoder import BatchEncoder
from execution.block import BlockBuilder
from execution.errors import InvalidTransaction, Rejection
from execution.header import Header
from execution.rules import Rules
from execution.transactions import decode_transaction
from execution.types import BlockAttributes
from sequencer.batches import LocalBlock
from sequencer.ledger import NewBlock

MIN_TRANSACTION_GAS = 21000
T = TypeVar("T")


class ReplayMismatch(Exception):
    """A block executed again is not the block it was said to be."""


@dataclass(frozen=True, slots=True)
class ProducedBlock:
    """`encoder`: the batch's data with this block. `useless`: hashes of pool transactions that will never be
    included as they are. `data_full`: something was left out because the batch had no room for it."""

    new: NewBlock
    local: LocalBlock
    encoder: BatchEncoder
    useless: tuple[bytes, ...]
    data_full: bool


def produce(
    store: ChainStore, rules: Rules, parent: Header, attributes: BlockAttributes, *,
    delta: int | None, forced: Iterable[bytes], best: BestTransactions, encoder: BatchEncoder, seconds: float,
) -> ProducedBlock:
    """`delta` None: a batch's first block, into which `forced` go. `seconds`: stop taking from the pool after so long.

    Raises BatchFull if not even the block's start fits. `encoder` stays as it is.
    """
    encoder = copy.copy(encoder)
    if delta is not None:
        encoder.start_block(delta)
    world = store.world_at(parent)
    builder = BlockBuilder.open(rules, world, parent, attributes, store.block_hashes(parent))
    senders: list[bytes] = []
    for raw in forced:
        try:
            builder.apply(raw)
        except InvalidTransaction:
            continue
        senders.append(decode_transaction(raw).sender)
    forced_included = len(senders)
    useless: list[bytes] = []
    data_full = False
    deadline = time.monotonic() + seconds
    for pooled in best:
        left = attributes.gas_limit - builder.open_block.gas_used
        if left < MIN_TRANSACTION_GAS or time.monotonic() >= deadline:
            break
        if pooled.tx.gas_limit > left:
            best.skip_sender()
            continue
        if not encoder.fits((pooled.raw,)):
            data_full = True
            best.skip_sender()
            continue
        try:
            builder.apply(pooled.raw)
        except InvalidTransaction as error:
            best.skip_sender()
            if error.reason not in _PASSING:
                useless.append(pooled.hash)
            continue
        encoder.add_transaction(pooled.raw)
        senders.append(pooled.sender)
    sealed = builder.seal()
    new = NewBlock(sealed, world.new_nodes(), world.new_codes(), tuple(senders))
    size = sum(map(len, sealed.transactions[forced_included:]))
    return ProducedBlock(new, LocalBlock(sealed.hash, delta, len(senders) - forced_included, size), encoder,
                         tuple(useless), data_full)


def replay(store: ChainStore, rules: Rules, expected: Header, transactions: Iterable[bytes],
           attributes: BlockAttributes) -> NewBlock:
    """Executes a block that derivation made, on the store's own state. Raises ReplayMismatch if it comes out otherwise."""
    parent = store.header_by_hash(expected.parent_hash)
    if parent is None:
        raise ReplayMismatch(f"block {expected.number}: its parent 0x{expected.parent_hash.hex()} is not in the store")
    world = store.world_at(parent)
    builder = BlockBuilder.open(rules, world, parent, attributes, store.block_hashes(parent))
    senders = []
    for raw in transactions:
        builder.apply(raw)
        senders.append(decode_transaction(raw).sender)
    sealed = builder.seal()
    if sealed.hash != expected.hash:
        raise ReplayMismatch(
            f"block {expected.number} is 0x{sealed.hash.hex()} when executed here, not 0x{expected.hash.hex()}")
    return NewBlock(sealed, world.new_nodes(), world.new_codes(), tuple(senders))


_PASSING = frozenset({Rejection.BLOCK_GAS, Rejection.MAX_FEE, Rejection.NONCE_TOO_HIGH, Rejection.INSUFFICIENT_FUNDS})
"""Reasons that another block may not have."""

async def uninterrupted(work: Coroutine[Any, Any, T]) -> T:
    """Awaits work in a thread to its end even if cancelled: nobody may change or close the chain under it."""
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.gather(task, return_exceptions=True)
        raise
