"""Forced transactions: signed L2 transactions that L1 makes every batch take in, in their turn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bridge.deposits import inbox_events_in
from bridge.errors import BridgeError
from execution.errors import InvalidTransaction
from execution.transactions import BLOB, SignedTransaction, decode_transaction
from l1.contracts import Inbox
from l1.events import TransactionForced

MAX_FORCED_SIZE = 32_768
"""Bytes; Inbox.MAX_FORCED_SIZE."""
PER_BATCH = 16
"""Inbox.MAX_FORCED_PER_BATCH."""


def check_forced(raw: bytes, chain_id: int, gas_cap: int) -> SignedTransaction:
    """What is worth forcing: BridgeError for what would be a no-op whatever the state is, so that nobody pays for it.
    `chain_id`, `gas_cap` (0: none): the L2's."""
    if not 0 < len(raw) <= MAX_FORCED_SIZE:
        raise BridgeError(f"a forced transaction has at most {MAX_FORCED_SIZE:,} bytes, and this one has {len(raw):,}")
    try:
        transaction = decode_transaction(raw)
    except InvalidTransaction as error:
        raise BridgeError(f"this is no transaction: {error}") from None
    if transaction.chain_id not in (None, chain_id):
        raise BridgeError(f"the transaction is for chain {transaction.chain_id}, and this L2 is {chain_id}")
    if transaction.type == BLOB:
        raise BridgeError("L2 takes no blob transactions")
    if gas_cap and transaction.gas_limit > gas_cap:
        raise BridgeError(f"its gas limit is {transaction.gas_limit:,}, and L2 takes at most {gas_cap:,}")
    needed = max(transaction.intrinsic_gas, transaction.floor_gas)
    if transaction.gas_limit < needed:
        raise BridgeError(f"its gas limit is {transaction.gas_limit:,}, and it takes at least {needed:,}")
    return transaction


def forced_in(receipt: Mapping[str, Any], inbox: bytes) -> tuple[TransactionForced, ...]:
    """What an L1 transaction (its receipt as JSON) forced, in order."""
    return tuple(event for event in inbox_events_in(receipt, inbox) if isinstance(event, TransactionForced))


@dataclass(frozen=True, slots=True)
class Turn:
    """When a forced transaction must be taken in. `batches_before`: that take others first; None: it has been taken in.
    `l1_block`: the first batch after those with this L1 block or a later one for its origin takes it. `anyone_from` (L1 time):
    from then on whoever likes may post that batch, if the sequencer has not; 0: always."""

    batches_before: int | None
    l1_block: int
    anyone_from: int


async def turn_of(inbox: Inbox, index: int, exclusive_timeout: int) -> Turn:
    """Of the entry `index` of the queue. `exclusive_timeout`: seconds, 0 for based rollups."""
    _, next_forced = await inbox.next_due()
    _, l1_block = await inbox.forced_at(index)
    if index < next_forced:
        return Turn(None, l1_block, 0)
    before = (index - next_forced) // PER_BATCH
    if not exclusive_timeout:
        return Turn(before, l1_block, 0)
    block = await inbox.l1.block(l1_block)
    queued_at = block.timestamp if block is not None else 0
    # Batches that leave waiting what was there at the last renewal don't renew the sequencer's right.
    return Turn(before, l1_block, max(await inbox.exclusive_until(), queued_at + 2 * exclusive_timeout))
