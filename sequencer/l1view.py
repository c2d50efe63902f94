"""What the sequencer reads of L1: the newest usable origin, the Inbox's queues and its head batch.

Everything is read at a block and checked to be still canonical afterwards, so that a reorg in between can't mix two L1s.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from eth_abi import decode as abi_decode
from eth_abi import encode as abi_encode
from eth_hash.auto import keccak

from derivation.batch import MAX_DEPOSITS_PER_BATCH, MAX_FORCED_PER_BATCH, Deposit
from l1.client import L1Client
from sequencer.batches import Anchor, L1Origin, QueueSlice

_TRANSACTION_FORCED = keccak(b"TransactionForced(uint64,bytes32,bytes)")


class L1Moved(Exception):
    """L1 was reorganised while it was being read: read again."""


@dataclass(frozen=True, slots=True)
class L1Snapshot:
    """`head`, `head_timestamp`: of the newest block. `origin`: the newest that is deep enough. Queue lengths as of the
    origin. `batch_hash`, `batch_count`: the Inbox's head at the newest block. `exclusive_until`: L1 timestamp."""

    head: int
    head_timestamp: int
    origin: L1Origin
    deposit_count: int
    forced_count: int
    batch_hash: bytes
    batch_count: int
    sequencer: bytes
    exclusive_until: int

    def due(self, tip: Anchor) -> bool:
        """Whether a batch after `tip` would take something from the queues."""
        return self.deposit_count > tip.deposit_end or self.forced_count > tip.forced_end

    def may_post(self, poster: bytes) -> bool:
        return self.sequencer in (bytes(20), poster) or self.head_timestamp > self.exclusive_until


class L1View:
    """`confirmations`: L1 blocks on top of one before it is used as an origin."""

    def __init__(self, l1: L1Client, inbox: bytes, confirmations: int) -> None:
        self._l1 = l1
        self._inbox = inbox
        self._confirmations = confirmations

    async def snapshot(self) -> L1Snapshot:
        """Raises L1Moved, or what the connection raises."""
        head = await self._l1.head()
        block = head if self._confirmations == 0 else await self._l1.block(max(0, head.number - self._confirmations))
        if block is None:
            raise L1Moved
        origin = L1Origin(block.number, block.hash, block.timestamp, block.prev_randao, block.rlp)
        (deposits,) = await self._read("depositCount()", (), (), ("uint64",), origin.number)
        (forced,) = await self._read("forcedCount()", (), (), ("uint64",), origin.number)
        batch_hash, count = await self._read("headBatch()", (), (), ("bytes32", "uint64"), head.number)
        (sequencer,) = await self._read("sequencer()", (), (), ("address",), head.number)
        (until,) = await self._read("exclusiveUntil()", (), (), ("uint64",), head.number)
        if await self.block_hash(head.number) != head.hash:
            raise L1Moved
        return L1Snapshot(head.number, head.timestamp, origin, deposits, forced, batch_hash, count,
                          bytes.fromhex(sequencer[2:]), until)

    async def queue(self, snapshot: L1Snapshot, tip: Anchor) -> QueueSlice:
        """What a batch after `tip` with the snapshot's origin takes. Raises L1Moved."""
        at = snapshot.origin.number
        deposits: list[Deposit] = []
        for index in range(tip.deposit_end, min(snapshot.deposit_count, tip.deposit_end + MAX_DEPOSITS_PER_BATCH)):
            to, amount, block = await self._read("depositAt(uint64)", ("uint64",), (index,),
                                                 ("address", "uint64", "uint64"), at)
            deposits.append(Deposit(index, bytes.fromhex(to[2:]), amount, block))
        forced: list[bytes] = []
        for index in range(tip.forced_end, min(snapshot.forced_count, tip.forced_end + MAX_FORCED_PER_BATCH)):
            raw_hash, block = await self._read("forcedAt(uint64)", ("uint64",), (index,), ("bytes32", "uint64"), at)
            forced.append(await self._forced(index, raw_hash, block))
        if await self.block_hash(snapshot.origin.number) != snapshot.origin.hash:
            raise L1Moved
        return QueueSlice(tip.deposit_end, tuple(deposits), tip.forced_end, tuple(forced))

    async def block_hash(self, number: int) -> bytes | None:
        """Of the canonical block; None if there is none of that number."""
        block = await self._l1.block(number)
        return None if block is None else block.hash

    async def _forced(self, index: int, raw_hash: bytes, block: int) -> bytes:
        topics = ["0x" + _TRANSACTION_FORCED.hex(), "0x" + index.to_bytes(32, "big").hex(), "0x" + raw_hash.hex()]
        for log in await self._l1.logs_in_range(block, block, [self._inbox], topics):
            raw: bytes = abi_decode(["bytes"], log.data)[0]
            if keccak(raw) == raw_hash:
                return raw
        raise L1Moved

    async def _read(self, signature: str, types: tuple[str, ...], values: tuple[object, ...], results: tuple[str, ...],
                    at: int) -> tuple[Any, ...]:
        data = keccak(signature.encode())[:4] + abi_encode(list(types), list(values))
        return abi_decode(list(results), await self._l1.call(self._inbox, data, at))
