"""Posts closed batches to the Inbox, oldest first. The next is sent as soon as L1 has the one before it, without
waiting for confirmations. Where others may post as well, sequencer/contest.py says when it is our turn.

Which is next is read off L1 each time: the Inbox's head batch, and ours that builds on it. So nothing about
posting needs to be remembered, and a reorg of L1 that drops a batch makes it next again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import structlog

from derivation.batch import BatchHeader
from derivation.codec import chunks_to_blobs
from l1.client import L1Inconsistent, L1Unavailable
from l1.contracts import Inbox
from l1.rpc_errors import RpcError
from l1.txmanager import (
    InsufficientFunds,
    L1Receipt,
    TransactionError,
    TransactionManager,
    TransactionReverted,
    TxCandidate,
)
from sequencer.batches import LocalBatch
from sequencer.builder import Builder
from sequencer.contest import Contest
from sequencer.data_policy import DataKind
from sequencer.l1view import L1Snapshot
from sequencer.ledger import BatchLedger

log = structlog.get_logger("sequencer.batcher")

MIN_BACKOFF, MAX_BACKOFF = 0.5, 60.0  # seconds


def next_to_post(ledger: BatchLedger, at: L1Snapshot) -> LocalBatch | None:
    """The closed batch that builds on the Inbox's head; None if there is none, or L1 holds something else."""
    batch = ledger.get(at.batch_count)
    if batch is None or batch.header is None or batch.foreign or batch.header.parent_hash != at.batch_hash:
        return None
    if batch.origin.number >= at.head:
        return None  # the Inbox wants an origin in the past, also of the block that a gas estimate is made at
    return batch


def kind_of(batch: LocalBatch) -> DataKind:
    """Of a closed batch."""
    assert batch.header is not None
    return DataKind.CALLDATA if batch.header.in_calldata else DataKind.BLOBS


def posting_call(batch: LocalBatch, chunks: Sequence[bytes]) -> tuple[bytes, tuple[bytes, ...]]:
    """(calldata, blobs) that post a closed batch."""
    assert batch.header is not None
    if kind_of(batch) is DataKind.CALLDATA:
        return Inbox.post_calldata(batch.parent_hash, b"".join(chunks), batch.pages, batch.origin.header_rlp), ()
    call = Inbox.post_batch(batch.parent_hash, len(chunks), batch.pages, batch.origin.header_rlp)
    return call, tuple(chunks_to_blobs(chunks))


@dataclass(slots=True)
class PostedTotals:
    """Of what was posted since the start. Bytes: of raw transactions, and of the chunks they are in; `cost` in wei."""

    batches: dict[DataKind, int] = field(default_factory=lambda: dict.fromkeys(DataKind, 0))
    cost: dict[DataKind, int] = field(default_factory=lambda: dict.fromkeys(DataKind, 0))
    transactions: int = 0
    transaction_bytes: int = 0
    data_bytes: int = 0
    blobs: int = 0

    def add(self, batch: LocalBatch, receipt: L1Receipt) -> None:
        kind = kind_of(batch)
        self.batches[kind] += 1
        self.cost[kind] += receipt.fees
        self.transactions += batch.transactions
        self.transaction_bytes += batch.transaction_bytes
        self.data_bytes += batch.data_bytes
        self.blobs += len(batch.header.blob_hashes) if batch.header is not None else 0


class Batcher:
    """`refused` is called with a batch that the Inbox will not take as it is: the follower rebuilds from there."""

    def __init__(self, ledger: BatchLedger, transactions: TransactionManager, inbox: Inbox, contest: Contest, *,
                 refused: Callable[[LocalBatch, str], None]) -> None:
        self._contest = contest
        self._parent: tuple[bytes, float] = (b"", 0.0)  # L1's last batch, event loop's seconds at which it was first seen
        self._ledger = ledger
        self._transactions = transactions
        self._inbox = inbox
        self._refused = refused
        self._complaint = ""
        self._sending: dict[bytes, int] = {}  # batch hash -> index: sent, and not confirmed yet
        self._not_before = 0.0  # event loop's seconds
        self._backoff = 0.0
        self.totals = PostedTotals()

    @property
    def posted(self) -> int:
        """Batches since the start."""
        return sum(self.totals.batches.values())

    @property
    def posting(self) -> list[int]:
        """Indices of batches whose transactions are under way."""
        return sorted(self._sending.values())

    async def run(self, builder: Builder, snapshots: Callable[[], L1Snapshot | None],
                  refresh: Callable[[], None], poll: float) -> None:
        """`refresh` asks for a new snapshot, after a batch was posted or refused."""
        async with asyncio.TaskGroup() as tasks:
            while True:
                builder.closed.clear()
                at = snapshots()
                batch = None if at is None else self.next(at)
                if batch is not None:
                    self._begin(tasks, batch, refresh)
                try:
                    async with asyncio.timeout(poll):
                        await builder.closed.wait()
                except TimeoutError:
                    continue

    def next(self, at: L1Snapshot) -> LocalBatch | None:
        """The batch to send now, if there is one and nothing is in its way."""
        if self._parent[0] != at.batch_hash:
            self._parent = (at.batch_hash, asyncio.get_running_loop().time())
        batch = next_to_post(self._ledger, at)
        if batch is None or batch.header is None or batch.header.hash in self._sending:
            return None
        if asyncio.get_running_loop().time() < self._not_before:
            return None
        if not at.may_post(self._transactions.address):
            self._complain("another sequencer has the exclusive right to post", until=at.exclusive_until)
            return None
        return batch if self._its_turn(batch.header, at) else None

    def _its_turn(self, header: BatchHeader, at: L1Snapshot) -> bool:
        """False while others get the chance to come first."""
        return asyncio.get_running_loop().time() >= self._parent[1] + self._contest.wait(at, self._ledger, header)

    def _begin(self, tasks: asyncio.TaskGroup, batch: LocalBatch, refresh: Callable[[], None]) -> None:
        assert batch.header is not None
        batch_hash = batch.header.hash
        self._sending[batch_hash] = batch.index
        task = tasks.create_task(self._post(batch), name=f"batch {batch.index}")

        def done(_: asyncio.Task[None]) -> None:
            self._sending.pop(batch_hash, None)
            refresh()

        task.add_done_callback(done)

    async def _post(self, batch: LocalBatch) -> None:
        assert batch.header is not None
        chunks = (await asyncio.to_thread(self._ledger.encoder, batch)).chunks()
        call, blobs = posting_call(batch, chunks)
        try:
            receipt = await self._transactions.send(TxCandidate(
                self._inbox.address, call, blobs=blobs, label=f"batch {batch.header.hash.hex()}"))
        except TransactionReverted as error:
            if error.reason.startswith("ParentMismatch"):
                # The follower will adopt somebody else's batch, and what ours had is built anew.
                if error.receipt is not None:
                    self._contest.lost(error.receipt.fees)
                    log.warning("a race was lost on L1", batch=batch.index, wei=error.receipt.fees)
                elif not self._ledger.has(batch):
                    self._contest.lost(None)
                self._not_before = asyncio.get_running_loop().time() + MIN_BACKOFF
                return
            self._refused(batch, error.reason)
            self._retry_later(batch, error)
        except InsufficientFunds as error:
            self._complain("the sequencer's account on L1 can't pay for posting", error=str(error))
            self._retry_later(batch, error)
        except (TransactionError, L1Unavailable, L1Inconsistent, RpcError) as error:
            self._retry_later(batch, error)
        else:
            self._complaint, self._backoff = "", 0.0
            if not self._ledger.note_cost(batch, receipt.fees):
                return  # asked for again before its block was seen
            self.totals.add(batch, receipt)
            self._contest.won()
            log.info("batch posted", batch=batch.index, hash=batch.header.hash.hex(), l1_block=receipt.block_number,
                     gas=receipt.gas_used, data=str(kind_of(batch)), blobs=len(blobs), chunks=len(chunks),
                     transactions=batch.transactions, transaction_bytes=batch.transaction_bytes, wei=receipt.fees)

    def overtaken(self, batch: LocalBatch) -> None:
        """The follower drops this closed batch for somebody else's."""
        if batch.header is not None and batch.header.hash not in self._sending:
            self._contest.lost(None)

    def _retry_later(self, batch: LocalBatch, error: Exception) -> None:
        self._backoff = min(max(2 * self._backoff, MIN_BACKOFF), MAX_BACKOFF)
        self._not_before = asyncio.get_running_loop().time() + self._backoff
        log.warning("batch not posted", batch=batch.index, error=str(error), retry_in=self._backoff)

    def _complain(self, message: str, **details: object) -> None:
        if message != self._complaint:
            log.error(message, **details)
        self._complaint = message
