"""The L2 node: a ChainView over the store, with a pool and events. JSON-RPC reads it, the builder writes it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator

import structlog

from chain.canonical import Switch
from chain.events import NewHead, PendingTransaction
from chain.mempool import PoolError, PoolLimits
from chain.store import ChainStore
from chain.store_view import StoreView
from derivation.inputs import DerivationParams
from execution.header import Header, next_base_fee
from execution.rules import Rules
from execution.transactions import SignedTransaction, decode_transaction
from sequencer.displaced import Displaced

log = structlog.get_logger("sequencer.node")


class L2Node(StoreView):
    """`building` is held by whoever changes the chain: the builder, or the follower when L1 says otherwise."""

    def __init__(self, store: ChainStore, rules: Rules, params: DerivationParams, limits: PoolLimits,
                 clock: Callable[[], float] = time.time) -> None:
        super().__init__(store, rules, params.fee_recipient, params.gas_limit, limits, clock)
        self.params = params
        self.building = asyncio.Lock()
        self.displaced = Displaced(self.pool, limits.max_transactions, clock)
        self.arrived = asyncio.Event()  # set when a transaction entered the pool

    async def submit(self, raw: bytes) -> bytes:
        if raw[:1] == b"\x03":
            raise PoolError("blob transactions are not supported on this chain (transaction type 3)")
        decoded = self.pool.decode(raw)
        head = self.store.head
        world = self.store.world_at(head)
        pooled = self.pool.add(raw, world.get_nonce(decoded.sender), world.get_balance(decoded.sender),
                               head.base_fee_per_gas, decoded=decoded)
        self.arrived.set()
        self.events.publish(PendingTransaction(pooled.hash))
        return pooled.hash

    # ---- what the builder and the follower do to it

    def next_base_fee(self) -> int:
        """Of the block after the head, in wei per gas."""
        return next_base_fee(self.store.head)

    def has_executable(self) -> bool:
        """Whether the pool has something the next block could take."""
        return next(iter(self.pool.best(self.next_base_fee())), None) is not None

    def announce(self, switch: Switch) -> None:
        """The head has changed: brings the pool in line and tells the subscribers. Transactions of removed blocks
        go back to the pool, at once or when they can."""
        if not switch.removed and not switch.added:
            return
        world = self.store.world_at(self.store.head)

        def account(address: bytes) -> tuple[int, int]:
            return world.get_nonce(address), world.get_balance(address)

        changed = set(self.pool.senders()) if switch.removed else self._senders_in(switch.added)
        dropped = self.pool.on_block({address: account(address) for address in changed})
        if switch.removed:
            self.displaced.take(self._transactions_of(reversed(switch.removed)))
            self.displaced.take(sorted(((each.raw, each.tx) for each in dropped), key=lambda each: each[1].nonce))
        if self.displaced.offer(account):
            self.arrived.set()
        if switch.removed:
            log.warning("unsafe chain reorganised", removed=len(switch.removed), added=len(switch.added),
                        head=self.store.head.number)
        self.events.publish(NewHead(self.store.head, switch.removed, switch.added))

    def _senders_in(self, headers: Iterable[Header]) -> set[bytes]:
        """Who sent something in these blocks. Others' balances can only have been lowered by EIP-7702 code of theirs:
        their transactions show that when their turn comes."""
        blocks = (self.store.block(header.hash) for header in headers)
        return {sender for block in blocks if block is not None for sender in block.senders}

    def _transactions_of(self, headers: Iterable[Header]) -> Iterator[tuple[bytes, SignedTransaction]]:
        for header in headers:
            block = self.store.block(header.hash)
            for raw in block.transactions if block else ():
                yield raw, decode_transaction(raw)
