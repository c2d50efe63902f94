"""Posts closed batches to the Inbox, oldest first, one at a time.

Which is next is read off L1 each time: the Inbox's head batch, and ours that builds on it. So nothing about
posting needs to be remembered, and a reorg of L1 that drops a batch makes it next again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog

from derivation.encoder import BatchEncoder
from l1.contracts import Inbox
from l1.txmanager import (
    InsufficientFunds,
    TransactionError,
    TransactionManager,
    TransactionReverted,
    TxCandidate,
)
from sequencer.batches import LocalBatch
from sequencer.builder import Builder
from sequencer.l1view import L1Snapshot
from sequencer.ledger import BatchLedger

log = structlog.get_logger("sequencer.batcher")

MAX_BACKOFF = 60.0  # seconds


def next_to_post(ledger: BatchLedger, at: L1Snapshot) -> LocalBatch | None:
    """The closed batch that builds on the Inbox's head; None if there is none, or L1 holds something else."""
    batch = ledger.get(at.batch_count)
    if batch is None or batch.header is None or batch.foreign or batch.header.parent_hash != at.batch_hash:
        return None
    if batch.origin.number >= at.head:
        return None  # the Inbox wants an origin in the past, also of the block that a gas estimate is made at
    return batch


class Batcher:
    """`refused` is called with a batch that the Inbox will not take as it is: the follower rebuilds from there."""

    def __init__(self, ledger: BatchLedger, transactions: TransactionManager, inbox: Inbox, *,
                 target_blobs: int, refused: Callable[[LocalBatch, str], None]) -> None:
        self._ledger = ledger
        self._transactions = transactions
        self._inbox = inbox
        self._target_blobs = target_blobs
        self._refused = refused
        self._complaint = ""
        self.posting: int | None = None
        self.posted = 0

    async def run(self, builder: Builder, snapshots: Callable[[], L1Snapshot | None],
                  refresh: Callable[[], None], poll: float) -> None:
        """`refresh` asks for a new snapshot, after a batch was posted."""
        backoff = poll
        while True:
            builder.closed.clear()
            at = snapshots()
            posted = False
            if at is not None:
                try:
                    posted = await self.step(at)
                    backoff = poll
                except TransactionError as error:
                    backoff = min(2 * backoff, MAX_BACKOFF)
                    log.warning("batch not posted", error=str(error), retry_in=backoff)
                    refresh()
            if posted:
                refresh()
            try:
                async with asyncio.timeout(backoff):
                    await builder.closed.wait()
            except TimeoutError:
                continue

    async def step(self, at: L1Snapshot) -> bool:
        """Posts the next batch, if there is one. True if L1 has changed by it."""
        batch = next_to_post(self._ledger, at)
        if batch is None:
            return False
        if not at.may_post(self._transactions.address):
            self._complain("another sequencer has the exclusive right to post", until=at.exclusive_until)
            return False
        assert batch.header is not None
        encoder: BatchEncoder = self._ledger.encoder(batch, self._target_blobs)
        candidate = TxCandidate(
            to=self._inbox.address, blobs=tuple(encoder.blobs()),
            data=Inbox.post_batch(batch.parent_hash, batch.header.chunk_count, batch.origin.header_rlp),
            label=f"batch {batch.header.hash.hex()}")
        self.posting = batch.index
        try:
            receipt = await self._transactions.send(candidate)
        except TransactionReverted as error:
            self._refused(batch, error.reason)
            raise
        except InsufficientFunds as error:
            self._complain("the sequencer's account on L1 can't pay for posting", error=str(error))
            raise
        finally:
            self.posting = None
        self.posted += 1
        self._complaint = ""
        log.info("batch posted", batch=batch.index, hash=batch.header.hash.hex(), l1_block=receipt.block_number,
                 gas=receipt.gas_used, blobs=len(candidate.blobs))
        return True

    def _complain(self, message: str, **details: object) -> None:
        if message != self._complaint:
            log.error(message, **details)
        self._complaint = message
