"""Transactions waiting for a block. Sans-IO: the caller brings account states and says what was mined.

Each sender's transactions form a run of nonces from the account's own ("pending": they can be executed now)
and those behind a gap ("queued"). Rules and messages are geth's. The pool never lets a sender's transactions
cost more together than the balance it was told. Not thread-safe: it belongs to the node's event loop.
"""

from __future__ import annotations

import heapq
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from chain.admission import BLOB_TYPE, PoolLimits, check, cost
from chain.pool_errors import (
    AccountLimitExceeded,
    AlreadyKnown,
    InsufficientFunds,
    PoolError,
    PoolFull,
    ReplacementUnderpriced,
    Underpriced,
)
from execution.errors import InvalidTransaction
from execution.rules import Rules
from execution.transactions import SignedTransaction, decode_transaction

__all__ = ["BestTransactions", "PoolError", "PoolLimits", "PooledTransaction", "TransactionPool"]


@dataclass(frozen=True, slots=True)
class PooledTransaction:
    """`raw`: EIP-2718 bytes; `cost`: the most it can take from the sender, in wei; `arrival`: a counter;
    `companion`: what travels with it outside the block (a blob sidecar), opaque here."""

    raw: bytes
    tx: SignedTransaction
    cost: int
    arrival: int
    companion: object = None

    @property
    def hash(self) -> bytes:
        return self.tx.hash

    @property
    def sender(self) -> bytes:
        return self.tx.sender

    @property
    def nonce(self) -> int:
        return self.tx.nonce

    def tip(self, base_fee: int) -> int:
        """Wei per gas for the block's producer; negative if it can't pay the base fee."""
        return min(self.tx.max_priority_fee_per_gas, self.tx.max_fee_per_gas - base_fee)


class _Account:
    """One sender. `ready`: how many of its transactions follow the account's nonce without a gap."""

    __slots__ = ("balance", "by_nonce", "nonce", "ready", "total_cost")

    def __init__(self, nonce: int, balance: int) -> None:
        self.nonce = nonce
        self.balance = balance
        self.by_nonce: dict[int, PooledTransaction] = {}
        self.total_cost = 0
        self.ready = 0

    @property
    def queued(self) -> int:
        return len(self.by_nonce) - self.ready

    @property
    def next_nonce(self) -> int:
        return self.nonce + self.ready


class TransactionPool:
    """See the module."""

    def __init__(self, rules: Rules, limits: PoolLimits | None = None, *, block_gas_limit: int = 1 << 63) -> None:
        self.rules = rules
        self.limits = limits or PoolLimits()
        self.block_gas_limit = block_gas_limit  # gas of the block to come; `on_block` updates it
        self._accounts: dict[bytes, _Account] = {}
        self._by_hash: dict[bytes, PooledTransaction] = {}
        self._queued = 0
        self._arrivals = 0
        self._cheapest: list[tuple[int, int, int, bytes]] = []  # heap; entries of removed ones are stale

    # --- reading -------------------------------------------------------------------------------------------

    def __len__(self) -> int:
        return len(self._by_hash)

    def __contains__(self, tx_hash: object) -> bool:
        return tx_hash in self._by_hash

    def __iter__(self) -> Iterator[PooledTransaction]:
        return iter(tuple(self._by_hash.values()))

    def get(self, tx_hash: bytes) -> PooledTransaction | None:
        return self._by_hash.get(tx_hash)

    def senders(self) -> tuple[bytes, ...]:
        return tuple(self._accounts)

    def pending_nonce(self, address: bytes) -> int | None:
        """The nonce after the sender's executable transactions; None if the pool has nothing of it."""
        account = self._accounts.get(address)
        return None if account is None else account.next_nonce

    def counts(self) -> tuple[int, int]:
        """(pending, queued)."""
        return len(self._by_hash) - self._queued, self._queued

    def content(
        self,
    ) -> tuple[dict[bytes, dict[int, PooledTransaction]], dict[bytes, dict[int, PooledTransaction]]]:
        """(pending, queued), each sender -> nonce -> transaction in nonce order."""
        pending: dict[bytes, dict[int, PooledTransaction]] = {}
        queued: dict[bytes, dict[int, PooledTransaction]] = {}
        for sender, account in self._accounts.items():
            for nonce in sorted(account.by_nonce):
                side = pending if nonce < account.next_nonce else queued
                side.setdefault(sender, {})[nonce] = account.by_nonce[nonce]
        return pending, queued

    def best(self, base_fee: int, blob_base_fee: int = 0) -> BestTransactions:
        """What can pay these fees (wei per gas), best tip first, each sender's in nonce order."""
        runs = [
            [account.by_nonce[account.nonce + i] for i in range(account.ready)]
            for account in self._accounts.values()
            if account.ready
        ]
        return BestTransactions(runs, base_fee, blob_base_fee)

    # --- adding --------------------------------------------------------------------------------------------

    def add(
        self,
        raw: bytes,
        account_nonce: int,
        balance: int,
        base_fee: int = 0,
        *,
        companion: object = None,
        decoded: SignedTransaction | None = None,
    ) -> PooledTransaction:
        """Takes a transaction of an account with this nonce and balance (wei) after the head block.

        Raises PoolError. `base_fee` decides nothing: a transaction that can't pay it waits.
        `decoded`: what `decode_transaction(raw)` gives, if the caller has done it already.
        """
        if len(raw) > self.limits.max_size:
            raise PoolError(f"oversized data: transaction size {len(raw)}, limit {self.limits.max_size}")
        tx = decoded or self.decode(raw)
        if tx.hash in self._by_hash:
            raise AlreadyKnown()
        check(tx, raw, self.rules, self.limits, self.block_gas_limit, account_nonce)
        self._arrivals += 1
        pooled = PooledTransaction(bytes(raw), tx, cost(tx), self._arrivals, companion)
        account = self._accounts.get(tx.sender)
        if account is not None and (account.nonce, account.balance) != (account_nonce, balance):
            self._refresh(tx.sender, account_nonce, balance)
            account = self._accounts.get(tx.sender)
        account = account or _Account(account_nonce, balance)
        replaced = account.by_nonce.get(tx.nonce)
        self._check_funds(pooled, account, replaced)
        if replaced is not None:
            self._check_bump(pooled.tx, replaced.tx)
            self._unlink(replaced)
        else:
            self._check_room(pooled, account)
        self._link(pooled, account_nonce, balance)
        return pooled

    @staticmethod
    def decode(raw: bytes) -> SignedTransaction:
        """Raises PoolError for what isn't a signed transaction."""
        try:
            return decode_transaction(raw)
        except InvalidTransaction as error:
            raise PoolError(str(error)) from error

    @staticmethod
    def _check_funds(pooled: PooledTransaction, account: _Account, replaced: PooledTransaction | None) -> None:
        if pooled.cost > account.balance:
            raise InsufficientFunds(account.balance, pooled.cost)
        others = account.total_cost - (replaced.cost if replaced is not None else 0)
        if others + pooled.cost > account.balance:
            raise InsufficientFunds(account.balance, pooled.cost, others)

    def _check_bump(self, new: SignedTransaction, old: SignedTransaction) -> None:
        blobs = BLOB_TYPE in (new.type, old.type)
        percent = 100 + (self.limits.blob_price_bump if blobs else self.limits.price_bump)
        fees = [
            ("gas fee cap", new.max_fee_per_gas, old.max_fee_per_gas),
            ("gas tip cap", new.max_priority_fee_per_gas, old.max_priority_fee_per_gas),
        ]
        if new.type == old.type == BLOB_TYPE:
            fees.append(("blob fee cap", new.max_fee_per_blob_gas, old.max_fee_per_blob_gas))
        elif blobs:
            raise PoolError("address already reserved")  # as geth: blob and other transactions don't mix
        for name, offered, present in fees:
            needed = (present * percent + 99) // 100
            if offered < needed or (offered <= present and name != "gas tip cap"):
                raise ReplacementUnderpriced(f"new {name} {offered} < {needed} needed")

    def _check_room(self, pooled: PooledTransaction, account: _Account) -> None:
        if len(account.by_nonce) >= self.limits.max_per_sender:
            raise AccountLimitExceeded(self.limits.max_per_sender)
        if pooled.nonce > account.next_nonce and self._queued >= self.limits.max_queued:
            raise PoolFull()
        if len(self._by_hash) < self.limits.max_transactions:
            return
        worst = self._worst()
        if worst is None or worst.sender == pooled.sender:
            raise PoolFull()
        if _price(pooled.tx) <= _price(worst.tx):
            raise Underpriced("transaction underpriced")
        others = self._accounts[worst.sender].by_nonce
        self._unlink(others[max(others)])  # the sender's last one: it leaves no gap

    def _worst(self) -> PooledTransaction | None:
        while self._cheapest:
            found = self._by_hash.get(self._cheapest[0][3])
            if found is not None:
                return found
            heapq.heappop(self._cheapest)
        return None

    # --- what happened on the chain ------------------------------------------------------------------------

    def on_block(
        self,
        accounts: Mapping[bytes, tuple[int, int]],
        *,
        block_gas_limit: int | None = None,
    ) -> tuple[PooledTransaction, ...]:
        """The chain has a new head where these accounts have (nonce, balance): drops what that rules out.

        To be told of every sender the pool knows that may have changed; after a reorg, of all `senders()`.
        Returns what was dropped, mined ones included.
        """
        dropped: list[PooledTransaction] = []
        for address, (nonce, balance) in accounts.items():
            if address in self._accounts:
                dropped += self._refresh(address, nonce, balance)
        if block_gas_limit is not None:
            self.block_gas_limit = block_gas_limit
            dropped += self.remove(p.hash for p in self if p.tx.gas_limit > block_gas_limit)
        return tuple(dropped)

    def remove(self, hashes: Iterable[bytes]) -> tuple[PooledTransaction, ...]:
        """Drops these transactions (what follows one waits behind the gap); unknown ones are ignored."""
        found = tuple(p for h in hashes if (p := self._by_hash.get(h)) is not None)
        for pooled in found:
            self._unlink(pooled)
        return found

    def clear(self) -> None:
        self.remove(tuple(self._by_hash))

    # --- bookkeeping ---------------------------------------------------------------------------------------

    def _refresh(self, address: bytes, nonce: int, balance: int) -> list[PooledTransaction]:
        account = self._accounts[address]
        account.nonce, account.balance = nonce, balance
        dropped = [pooled for known, pooled in account.by_nonce.items() if known < nonce]
        affordable = account.total_cost - sum(pooled.cost for pooled in dropped)
        for known in sorted(account.by_nonce, reverse=True):
            if affordable <= balance or known < nonce:
                break
            dropped.append(account.by_nonce[known])
            affordable -= account.by_nonce[known].cost
        for pooled in dropped:
            self._unlink(pooled)
        if address in self._accounts:
            self._count_ready(account)
        return dropped

    def _link(self, pooled: PooledTransaction, account_nonce: int, balance: int) -> None:
        account = self._accounts.setdefault(pooled.sender, _Account(account_nonce, balance))
        account.by_nonce[pooled.nonce] = pooled
        account.total_cost += pooled.cost
        self._by_hash[pooled.hash] = pooled
        self._queued += 1
        self._count_ready(account)
        heapq.heappush(self._cheapest, (*_price(pooled.tx), -pooled.arrival, pooled.hash))
        if len(self._cheapest) > 4 * len(self._by_hash) + 64:
            self._cheapest = [(*_price(p.tx), -p.arrival, p.hash) for p in self._by_hash.values()]
            heapq.heapify(self._cheapest)

    def _unlink(self, pooled: PooledTransaction) -> None:
        account = self._accounts[pooled.sender]
        was_queued = account.queued
        del self._by_hash[pooled.hash]
        del account.by_nonce[pooled.nonce]
        account.total_cost -= pooled.cost
        if account.by_nonce:
            self._queued -= was_queued
            account.ready = len(account.by_nonce)
            self._count_ready(account)
        else:
            self._queued -= was_queued
            del self._accounts[pooled.sender]

    def _count_ready(self, account: _Account) -> None:
        ready = 0
        while account.nonce + ready in account.by_nonce:
            ready += 1
        self._queued += account.ready - ready
        account.ready = ready


class BestTransactions:
    """An iterator over a snapshot of the pool: changing the pool meanwhile is safe."""

    def __init__(
        self, runs: Collection[list[PooledTransaction]], base_fee: int, blob_base_fee: int
    ) -> None:
        self._base_fee = base_fee
        self._blob_base_fee = blob_base_fee
        self._heap: list[tuple[int, int, int, list[PooledTransaction]]] = []
        self._last: list[PooledTransaction] | None = None
        self._position = 0
        for run in runs:
            self._push(run, 0)

    def __iter__(self) -> Iterator[PooledTransaction]:
        return self

    def __next__(self) -> PooledTransaction:
        if self._last is not None:
            self._push(self._last, self._position + 1)
            self._last = None
        if not self._heap:
            raise StopIteration
        _tip, _arrival, self._position, self._last = heapq.heappop(self._heap)
        return self._last[self._position]

    @property
    def empty(self) -> bool:
        """Whether nothing is left to give, apart from what follows the transaction just given."""
        return not self._heap

    def skip_sender(self) -> None:
        """Nothing more of the sender of the transaction just given: it could not be included."""
        self._last = None

    def _push(self, run: list[PooledTransaction], position: int) -> None:
        if position == len(run):
            return
        pooled = run[position]
        if pooled.tx.max_fee_per_gas < self._base_fee:
            return
        if pooled.tx.type == BLOB_TYPE and pooled.tx.max_fee_per_blob_gas < self._blob_base_fee:
            return
        heapq.heappush(self._heap, (-pooled.tip(self._base_fee), pooled.arrival, position, run))


def _price(tx: SignedTransaction) -> tuple[int, int]:
    return tx.max_fee_per_gas, tx.max_priority_fee_per_gas
