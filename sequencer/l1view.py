"""What the sequencer reads of L1: the newest usable origin, the Inbox's queues and its head batch.

Everything is read at a block and checked to be still canonical afterwards, so that a reorg in between can't mix two L1s.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace

from eth_hash.auto import keccak

from derivation.batch import MAX_DEPOSITS_PER_BATCH, MAX_FORCED_PER_BATCH, Deposit
from l1.account_view import AccountView
from l1.client import L1Client
from l1.contracts import Inbox
from l1.events import TransactionForced, read_inbox_event
from l1.fees import FeeMarket
from l1.log_ranges import LogRanges
from sequencer.batches import Anchor, L1Origin, QueueSlice

_TRANSACTION_FORCED = keccak(b"TransactionForced(uint64,bytes32,bytes)")
_MESSAGE_SENT = keccak(b"MessageSent(uint256,bytes32,(uint256,address,address,uint256,address,bytes))")
MESSAGES_BACK = 5_000
"""L1 blocks that are searched at first."""


class L1Moved(Exception):
    """L1 was reorganised while it was being read: read again."""


@dataclass(frozen=True, slots=True)
class L1Snapshot:
    """`head`, `head_timestamp`: of the newest block. `origin`: the newest that is deep enough. Queue lengths as of the
    origin. `batch_hash`, `batch_count`: the Inbox's head at the newest block. `exclusive_until`: L1 timestamp."""

    head: int
    head_hash: bytes
    head_timestamp: int
    origin: L1Origin
    deposit_count: int
    forced_count: int
    batch_hash: bytes
    batch_count: int
    sequencer: bytes
    exclusive_until: int
    market: FeeMarket | None = None  # what the next block charges
    last_message: int = 0  # L1 block of the newest message to L2, as of the origin; 0: none lately

    def due(self, tip: Anchor) -> bool:
        """Whether a batch after `tip` would take something from the queues, or let L2 know of a message."""
        queued = self.deposit_count > tip.deposit_end or self.forced_count > tip.forced_end
        return queued or self.last_message > tip.origin_number

    def may_post(self, poster: bytes) -> bool:
        return self.sequencer in (bytes(20), poster) or self.head_timestamp > self.exclusive_until

    def exclusive(self, poster: bytes) -> bool:
        """Whether nobody else may post."""
        return self.sequencer == poster and self.head_timestamp <= self.exclusive_until


class L1View:
    """`confirmations`: L1 blocks on top of one before it is used as an origin. `min_tip`: wei per gas that our transactions
    offer at least. `portal`: 20 bytes, whose messages are looked for."""

    def __init__(
        self, l1: L1Client, inbox: Inbox, confirmations: int, min_tip: int = 0, portal: bytes | None = None
    ) -> None:
        self._l1 = l1
        self._ranges = LogRanges(l1)
        self._inbox = inbox
        self._prices = AccountView(l1, bytes(20))
        self._confirmations = confirmations
        self._min_tip = min_tip
        self._portal = portal
        self._searched = self._last_message = 0

    async def snapshot(self) -> L1Snapshot:
        """Raises L1Moved, or what the connection raises."""
        head = await self._l1.head()
        block = head if self._confirmations == 0 else await self._l1.block(max(0, head.number - self._confirmations))
        if block is None:
            raise L1Moved
        inbox = self._inbox
        origin = L1Origin(block.number, block.hash, block.timestamp, block.prev_randao, block.rlp)
        deposits = await inbox.deposit_count(origin.number)
        forced = await inbox.forced_count(origin.number)
        batch_hash, batch_count = await inbox.head_batch(head.number)
        sequencer = await inbox.sequencer(head.number)
        exclusive_until = await inbox.exclusive_until(head.number)
        market = await self._prices.market()
        market = replace(market, tip=max(market.tip, self._min_tip))
        last_message = await self._newest_message(origin.number)
        if await self.block_hash(head.number) != head.hash:
            raise L1Moved
        return L1Snapshot(head.number, head.hash, head.timestamp, origin, deposits, forced, batch_hash, batch_count,
                          sequencer, exclusive_until, market, last_message)

    async def _newest_message(self, last: int) -> int:
        """The L1 block with the newest message up to `last`, or one that a reorg took away: that costs an empty batch at most.
        At first only the last MESSAGES_BACK blocks are searched."""
        if self._portal is not None and last > self._searched:
            first = max(self._searched + 1, last - MESSAGES_BACK)
            async for end, logs in self._ranges.read(first, last, [self._portal], ["0x" + _MESSAGE_SENT.hex()]):
                self._last_message = max((log.block_number for log in logs), default=self._last_message)
                self._searched = end
        return self._last_message

    async def has_pages(self, pages: Sequence[bytes], number: int) -> bool:
        """Whether the Inbox had all of them at that L1 block."""
        return all(await asyncio.gather(*(self._inbox.is_page(page, number) for page in pages)))

    async def queue(self, snapshot: L1Snapshot, tip: Anchor) -> QueueSlice:
        """What a batch after `tip` with the snapshot's origin takes. Raises L1Moved."""
        at = snapshot.origin.number
        deposits: list[Deposit] = []
        for index in range(tip.deposit_end, min(snapshot.deposit_count, tip.deposit_end + MAX_DEPOSITS_PER_BATCH)):
            deposits.append(Deposit(index, *await self._inbox.deposit_at(index, at)))
        forced: list[bytes] = []
        for index in range(tip.forced_end, min(snapshot.forced_count, tip.forced_end + MAX_FORCED_PER_BATCH)):
            forced.append(await self._forced(index, *await self._inbox.forced_at(index, at)))
        if await self.block_hash(snapshot.origin.number) != snapshot.origin.hash:
            raise L1Moved
        return QueueSlice(tip.deposit_end, tuple(deposits), tip.forced_end, tuple(forced))

    async def block_hash(self, number: int) -> bytes | None:
        """Of the canonical block; None if there is none of that number."""
        block = await self._l1.block(number)
        return None if block is None else block.hash

    async def _forced(self, index: int, raw_hash: bytes, number: int) -> bytes:
        topics = ["0x" + _TRANSACTION_FORCED.hex(), "0x" + index.to_bytes(32, "big").hex(), "0x" + raw_hash.hex()]
        for log in await self._l1.logs_in_range(number, number, [self._inbox.address], topics):
            event = read_inbox_event(log)
            if isinstance(event, TransactionForced) and keccak(event.raw) == raw_hash:
                return event.raw
        raise L1Moved
