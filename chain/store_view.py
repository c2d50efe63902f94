"""The reading half of a ChainView over a ChainStore, as every L2 node has it."""

from __future__ import annotations

import time
from collections.abc import Callable

from chain.events import Broadcast
from chain.mempool import PoolLimits, TransactionPool
from chain.store import ChainStore
from chain.view import BlockRef, StoredBlock
from execution.block import BlockBuilder
from execution.header import Header
from execution.receipt import Receipt
from execution.rules import Rules
from execution.types import BlockAttributes
from execution.world import WorldState


class StoreView:
    """`fee_recipient` (20 bytes) and `gas_limit` are those of the next block; `clock` gives Unix time."""

    def __init__(
        self,
        store: ChainStore,
        rules: Rules,
        fee_recipient: bytes,
        gas_limit: int,
        limits: PoolLimits,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.store = store
        self.rules = rules
        self.pool = TransactionPool(rules, limits, block_gas_limit=gas_limit)
        self.events = Broadcast()
        self._fee_recipient = fee_recipient
        self._gas_limit = gas_limit
        self._clock = clock

    def head(self) -> Header:
        return self.store.head

    def resolve(self, ref: BlockRef) -> Header | None:
        return self.store.resolve(ref)

    def block(self, block_hash: bytes) -> StoredBlock | None:
        return self.store.block(block_hash)

    def receipts(self, block_hash: bytes) -> tuple[Receipt, ...]:
        return self.store.receipts(block_hash)

    def locate(self, tx_hash: bytes) -> tuple[bytes, int] | None:
        return self.store.locate(tx_hash)

    def world_at(self, header: Header) -> WorldState:
        return self.store.world_at(header)

    def block_hashes(self, header: Header) -> Callable[[int], bytes]:
        return self.store.block_hashes(header)

    def pending_builder(self) -> BlockBuilder:
        parent = self.store.head
        attributes = BlockAttributes(
            timestamp=max(int(self._clock()), parent.timestamp + 1), fee_recipient=self._fee_recipient,
            prev_randao=parent.prev_randao, gas_limit=self._gas_limit,
            parent_beacon_block_root=parent.parent_beacon_block_root,
        )  # fmt: skip
        return BlockBuilder.open(
            self.rules, self.store.world_at(parent), parent, attributes, self.store.block_hashes(parent)
        )
