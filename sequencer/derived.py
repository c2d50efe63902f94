"""What the sequencer asks of derivation: which batches L1 has and what they do, apart from anything the builder remembers.

A thin view of the RollupNode that keeps batch hashes at hand and says when they change.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

from lru import LRU

from chain.events import Broadcast, SubscriptionOverflow
from chain.view import StoredBlock
from derivation.node import RollupNode
from derivation.node_events import BatchDerived, BatchesGone
from derivation.records import DerivedRecord

KEPT_RECORDS = 64


class DerivedChain(Protocol):
    """Follows L1. Its answers change when L1 is reorganised."""

    @property
    def count(self) -> int:
        """How many batches are derived."""
        ...

    def batch_hash(self, index: int) -> bytes | None:
        """None if that batch isn't derived (any more)."""
        ...

    def record(self, index: int) -> DerivedRecord | None: ...

    def block(self, block_hash: bytes) -> StoredBlock | None: ...


class DerivedView:
    """`changed` callbacks are told after batches were derived or taken back."""

    def __init__(self, node: RollupNode) -> None:
        self._node = node
        self._hashes: dict[int, bytes] = {}
        self._records: LRU[bytes, DerivedRecord] = LRU(KEPT_RECORDS)
        self._callbacks: list[Callable[[], None]] = []

    def on_change(self, callback: Callable[[], None]) -> None:
        self._callbacks.append(callback)

    @property
    def count(self) -> int:
        count = self._node.batch_count
        while count and self.batch_hash(count - 1) is None:  # seen, but not derived yet
            count -= 1
        return count

    def batch_hash(self, index: int) -> bytes | None:
        if index not in self._hashes and (record := self._node.derived(index)) is not None:
            self._keep(record)
        return self._hashes.get(index)

    def record(self, index: int) -> DerivedRecord | None:
        batch_hash = self.batch_hash(index)
        if batch_hash is None:
            return None
        record = self._records.get(batch_hash)
        if record is None and (record := self._node.derived(batch_hash)) is not None:
            self._records[batch_hash] = record
        return record

    def block(self, block_hash: bytes) -> StoredBlock | None:
        return self._node.store.block(block_hash)

    async def run(self) -> None:
        """Keeps the view true. Belongs into a task beside the node's `run`."""
        while True:
            self._hashes.clear()
            try:
                await self._follow(self._node.events)
                return
            except SubscriptionOverflow:
                continue

    async def _follow(self, events: Broadcast) -> None:
        with events.subscribe() as subscription:
            async for event in subscription:
                match event:
                    case BatchDerived(record=record):
                        self._keep(record)
                    case BatchesGone(records=records):
                        first = min((gone.index for gone in records), default=None)
                        if first is None:
                            self._hashes.clear()
                        for index in [index for index in self._hashes if first is not None and index >= first]:
                            del self._hashes[index]
                    case _:
                        continue
                for callback in self._callbacks:
                    callback()
                await asyncio.sleep(0)

    def _keep(self, record: DerivedRecord) -> None:
        self._hashes[record.index] = record.hash
        self._records[record.hash] = record
