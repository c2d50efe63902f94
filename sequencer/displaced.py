"""Transactions that a change of the head pushed out: those of blocks that were dropped, and those of the pool that could not
be paid for any more. Whoever sent one was told that it is in a block, so it is not forgotten while it can still be included.

The pool alone can't keep them: between the blocks that were dropped and those that take their place a sender may have less
(its deposit, or what somebody paid it, is not there yet), and the pool takes nothing that its sender can't pay. So they are
offered to the pool again after each new head.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import structlog

from chain.mempool import TransactionPool
from chain.pool_errors import AccountLimitExceeded, InsufficientFunds, PoolError, PoolFull, Underpriced
from execution.transactions import SignedTransaction

log = structlog.get_logger("sequencer.displaced")

KEPT_FOR = 3600.0  # seconds
_PASSING = (InsufficientFunds, PoolFull, Underpriced, AccountLimitExceeded)
"""Refusals that another head may not have."""


@dataclass(frozen=True, slots=True)
class _Kept:
    raw: bytes
    tx: SignedTransaction
    until: float


class Displaced:
    """`limit`: the oldest go when there are more. `clock`: seconds."""

    def __init__(self, pool: TransactionPool, limit: int, clock: Callable[[], float]) -> None:
        self._pool = pool
        self._limit = limit
        self._clock = clock
        self._kept: dict[bytes, _Kept] = {}

    def __len__(self) -> int:
        return len(self._kept)

    def take(self, transactions: Iterable[tuple[bytes, SignedTransaction]]) -> None:
        """(raw, decoded), each sender's in nonce order."""
        for raw, tx in transactions:
            self._kept.setdefault(tx.hash, _Kept(raw, tx, self._clock() + KEPT_FOR))
        for tx_hash in list(self._kept)[:max(0, len(self._kept) - self._limit)]:
            del self._kept[tx_hash]

    def offer(self, account: Callable[[bytes], tuple[int, int]]) -> int:
        """Gives the pool what it takes now. `account`: (nonce, balance in wei) of a sender at the head. Returns how many
        entered."""
        entered = 0
        for tx_hash, kept in list(self._kept.items()):
            nonce, balance = account(kept.tx.sender)
            if kept.tx.nonce < nonce or tx_hash in self._pool or self._clock() >= kept.until:
                del self._kept[tx_hash]  # included, or another of its nonce was
                continue
            try:
                self._pool.add(kept.raw, nonce, balance, decoded=kept.tx)
            except _PASSING:
                continue
            except PoolError as error:
                log.debug("transaction does not return to the pool", hash=tx_hash.hex(), reason=str(error))
            else:
                entered += 1
            del self._kept[tx_hash]
        return entered
