"""The embedded L1's node: a ChainView that makes its own blocks.

Blocks are built on one thread, one at a time; the pool, the clock and the events belong to the event loop.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TypeVar

from chain.canonical import Switch
from chain.events import Broadcast, NewHead, PendingTransaction
from chain.mempool import PooledTransaction, PoolError, TransactionPool
from chain.store import ChainStore
from chain.view import BlockRef, BlockUnavailable, StoredBlock
from execution.block import BlockBuilder
from execution.header import Header, next_base_fee, next_excess_blob_gas
from execution.receipt import Receipt
from execution.rules import Rules
from execution.transactions import decode_transaction
from execution.vm import blob_base_fee
from execution.world import WorldState
from l1.blobs import Sidecar
from l1.embedded.beacon import block_at_time, root_record_key
from l1.embedded.clock import ChainClock
from l1.embedded.producer import (
    BlockProducer,
    Candidates,
    ExecutionCrashed,
    HeaderEdit,
    InOrder,
    Produced,
    StateEdit,
)
from l1.embedded.settings import EmbeddedL1Settings
from l1.embedded.sidecars import BLOB_TYPE, decode_record, record_key, split_network_form, verify_proofs

log = logging.getLogger("verdict.l1")
T = TypeVar("T")

Proposer = Callable[[Sequence[PooledTransaction]], Sequence[PooledTransaction]]
"""What a block's maker makes of the pool's transactions, best paid first: which it takes, and in which order."""


class EmbeddedL1Node:
    """Implements chain.view.ChainView and l1.embedded.beacon_api.BeaconView."""

    def __init__(
        self,
        settings: EmbeddedL1Settings,
        store: ChainStore,
        rules: Rules,
        producer: BlockProducer,
        clock: ChainClock,
    ) -> None:
        self.settings = settings
        self.rules = rules
        self.store = store
        self.clock = clock
        self.pool = TransactionPool(rules, block_gas_limit=settings.gas_limit)
        self.events = Broadcast()
        self.automine = settings.automine
        self.block_time = settings.block_time
        self.proposer: Proposer | None = None
        self.made_at = time.monotonic()  # when the newest block was made
        self.genesis_time = clock.genesis_time
        self.seconds_per_slot = clock.seconds_per_slot
        self._producer = producer
        self._building = asyncio.Lock()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="l1-blocks")
        self._kzg_thread = ThreadPoolExecutor(1, thread_name_prefix="l1-kzg")
        self._interval_changed = asyncio.Event()

    def close(self) -> None:
        """Waits for a block under way. The store is the caller's to close."""
        self.events.close()
        self._thread.shutdown(wait=True)
        self._kzg_thread.shutdown(wait=True)

    # --- ChainView: reading --------------------------------------------------------------------------------

    def head(self) -> Header:
        return self.store.head

    def resolve(self, ref: BlockRef) -> Header | None:
        if ref == "finalized" or ref == "safe":
            depth = self.settings.finality_depth if ref == "finalized" else self.settings.finality_depth // 2
            return self.store.header_by_number(max(self.head().number - depth, 0))
        return self.store.resolve(ref)

    def block(self, block_hash: bytes) -> StoredBlock | None:
        return self.store.block(block_hash)

    def receipts(self, block_hash: bytes) -> tuple[Receipt, ...]:
        return self.store.receipts(block_hash)

    def locate(self, tx_hash: bytes) -> tuple[bytes, int] | None:
        return self.store.locate(tx_hash)

    def world_at(self, header: Header) -> WorldState:
        return self.store.world_at(header)

    def pending_builder(self) -> BlockBuilder:
        head = self.head()
        return self._producer.open(head, self.clock.peek(head.timestamp))[0]

    def block_hashes(self, header: Header) -> Callable[[int], bytes]:
        return self.store.block_hashes(header)

    # --- BeaconView ----------------------------------------------------------------------------------------

    def slot_of(self, header: Header) -> int:
        return self.clock.slot(header.timestamp)

    def block_in_slot(self, slot: int) -> Header | None:
        timestamp = self.genesis_time + slot * self.seconds_per_slot
        return block_at_time(timestamp, self.head(), self.store.header_by_number)

    def block_of_beacon_root(self, root: bytes) -> Header | None:
        block_hash = self.store.get_meta(root_record_key(root))
        return None if block_hash is None else self.store.header_by_hash(block_hash)

    def sidecar_of(self, header: Header) -> Sidecar | None:
        record = self.store.get_meta(record_key(header.number, header.hash))
        if record is not None:
            return decode_record(record)
        return None if header.blob_gas_used else Sidecar((), (), ())

    # --- transactions --------------------------------------------------------------------------------------

    async def submit(self, raw: bytes) -> bytes:
        """Takes a transaction (a blob transaction in its network form) and returns its hash. Raises PoolError.

        With automine the transaction has been mined when this returns, if it could be.
        """
        sidecar: Sidecar | None = None
        if raw[:1] == bytes([BLOB_TYPE]):
            raw, sidecar = await self._on_thread(self._kzg_thread, lambda: _checked_blobs(raw))
        pooled = self._admit(raw, sidecar)
        self.events.publish(PendingTransaction(pooled.hash))
        if self.automine:
            await self._mine_until(pooled.hash)
        return pooled.hash

    def _admit(self, raw: bytes, sidecar: Sidecar | None) -> PooledTransaction:
        if len(raw) > self.pool.limits.max_size:
            raise PoolError(f"oversized data: transaction size {len(raw)}, limit {self.pool.limits.max_size}")
        tx = self.pool.decode(raw)
        head = self.head()
        world = self.store.world_at(head)
        nonce, balance = world.get_nonce(tx.sender), world.get_balance(tx.sender)
        code = world.get_code(tx.sender)
        if code and not code.startswith(b"\xef\x01\x00"):
            raise PoolError(f"sender not an eoa: address 0x{tx.sender.hex()}, len(code): {len(code)}")
        return self.pool.add(raw, nonce, balance, next_base_fee(head), companion=sidecar, decoded=tx)

    async def _mine_until(self, tx_hash: bytes) -> None:
        """Blocks, as long as they take something from the pool, until this transaction is in one."""
        while tx_hash in self.pool:
            before = len(self.pool)
            produced = await self._mine(only_with_transactions=tx_hash)
            if produced is None or (not produced.sealed.transactions and len(self.pool) == before):
                return

    # --- making blocks -------------------------------------------------------------------------------------

    async def mine(self, count: int = 1, interval: int | None = None) -> list[Header]:
        """Makes `count` blocks now; `interval`: seconds between their timestamps."""
        headers: list[Header] = []
        for index in range(count):
            if interval is not None and index:
                head = self.head()
                self.clock.ask(head.timestamp + max(interval, self.seconds_per_slot), head.timestamp)
            produced = await self._mine()
            assert produced is not None
            headers.append(produced.sealed.header)
        return headers

    async def edit_state(self, *edits: StateEdit) -> Header:
        """Makes a block in which these changes to the state come first."""
        produced = await self._mine(edits=edits)
        assert produced is not None
        return produced.sealed.header

    async def set_prices(self, base_fee: int | None, excess_blob_gas: int | None) -> Header:
        """Makes an empty block with these prices (None: as it would be), from which later blocks' prices follow."""

        def amend(header: Header) -> Header:
            return replace(
                header,
                base_fee_per_gas=header.base_fee_per_gas if base_fee is None else base_fee,
                excess_blob_gas=header.excess_blob_gas if excess_blob_gas is None else excess_blob_gas,
            )

        async with self._building:
            head = self.head()
            produced = await self.build(head, self.clock.take(head.timestamp), None, amend=amend)
            return produced.sealed.header

    async def _mine(
        self, *, edits: Sequence[StateEdit] = (), only_with_transactions: bytes | None = None
    ) -> Produced | None:
        """One block on the head. `only_with_transactions`: none if that one has left the pool meanwhile, or if
        there is nothing to take."""
        async with self._building:
            head = self.head()
            best = self.pool.best(next_base_fee(head), blob_base_fee(next_excess_blob_gas(head)))
            if only_with_transactions is not None and (only_with_transactions not in self.pool or best.empty):
                return None
            timestamp = self.clock.take(head.timestamp)
            candidates: Candidates = best if self.proposer is None else InOrder(self.proposer(tuple(best)))
            return await self.build(head, timestamp, candidates, edits=edits)

    async def build(
        self, parent: Header, timestamp: int, candidates: Candidates | None,
        *, salt: bytes = b"", edits: Iterable[StateEdit] = (), amend: HeaderEdit | None = None, make_head: bool = True,
    ) -> Produced:  # fmt: skip
        """Builds and stores one block on the building thread. The caller holds `exclusive`."""
        try:
            produced = await self._on_thread(
                self._thread,
                lambda: self._producer.produce(
                    parent, timestamp, candidates, salt=salt, edits=edits, amend=amend, make_head=make_head
                ),
            )
        except ExecutionCrashed as crash:
            self.pool.remove([crash.tx_hash])
            raise
        self.pool.remove(produced.refused)
        if make_head:
            self.made_at = time.monotonic()
            self.announce(produced.switch)
        return produced

    @property
    def exclusive(self) -> asyncio.Lock:
        """Held while blocks are built or the head is moved."""
        return self._building

    def announce(self, switch: Switch, *, whole_pool: bool = False) -> None:
        """The head has moved: tells the pool and all who follow."""
        if not switch.added and not switch.removed:
            return
        world = self.store.world_at(self.head())
        senders: Iterable[bytes] = self.pool.senders()
        if not whole_pool and not switch.removed:
            touched = {sender for header in switch.added for sender in self._senders(header)}
            senders = touched.intersection(senders)
        accounts = {sender: (world.get_nonce(sender), world.get_balance(sender)) for sender in senders}
        self.pool.on_block(accounts)
        self.events.publish(NewHead(self.head(), switch.removed, switch.added))

    def _senders(self, header: Header) -> tuple[bytes, ...]:
        block = self.store.block(header.hash)
        if block is None:
            raise BlockUnavailable(f"no block 0x{header.hash.hex()}")
        return block.senders

    def readmit(self, raw: bytes, sidecar: Sidecar | None) -> None:
        """A transaction of a removed block returns to the pool, if it is still valid."""
        try:
            self._admit(raw, sidecar)
        except PoolError as error:
            log.info("a transaction of a removed block is dropped: %s", error)

    async def _on_thread(self, thread: ThreadPoolExecutor, call: Callable[[], T]) -> T:
        """Waits for the thread even when cancelled: what it does to the store must not be forgotten half-way."""
        future = asyncio.get_running_loop().run_in_executor(thread, call)
        try:
            return await asyncio.shield(future)
        except asyncio.CancelledError:
            await asyncio.wait([future])
            raise

    # --- the timer -----------------------------------------------------------------------------------------

    def set_block_time(self, seconds: float | None) -> None:
        """None: no timer."""
        self.block_time = seconds
        self._interval_changed.set()

    async def run_timer(self) -> None:
        """A block every `block_time` seconds, until cancelled. A failure to build one is logged and tried again."""
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            if self.block_time is None:
                await self._interval_changed.wait()
            else:
                due = max(due + self.block_time, loop.time())
                if not await self._interval_change_within(due - loop.time()):
                    try:
                        await self._mine()
                    except Exception:
                        log.exception("could not make a block")
                    continue
            self._interval_changed.clear()
            due = loop.time()

    async def _interval_change_within(self, seconds: float) -> bool:
        try:
            async with asyncio.timeout(seconds):
                await self._interval_changed.wait()
        except TimeoutError:
            return False
        return True


def _checked_blobs(raw: bytes) -> tuple[bytes, Sidecar]:
    tx_raw, sidecar = split_network_form(raw)
    if sidecar is None:
        raise PoolError("missing sidecar in blob transaction")
    try:
        tx = decode_transaction(tx_raw)
    except Exception as error:
        raise PoolError(str(error)) from error
    verify_proofs(sidecar, tx.blob_versioned_hashes)
    return tx_raw, sidecar
