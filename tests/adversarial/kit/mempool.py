"""Who reads L1's mempool and sends what others send as their own, before it.

    async with Copycat(net, thief, {honest.address}, "proveStep") as copycat: ...
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Collection
from types import TracebackType
from typing import Self

from chain.mempool import PooledTransaction
from l1.artifacts import address_bytes, artifact
from l1.blobs import Sidecar
from l1.txmanager import L1Receipt, TransactionManager, TransactionReverted, TxCandidate
from tests.adversarial.kit.devnet import Devnet
from tests.adversarial.kit.proposer import Proposer

POLL = 0.05  # seconds


class Copycat:
    """Sends each call of these functions of the Rollup that `victims` send, with the same value and blobs, on the account of
    `thief`. Whoever makes L1's blocks is its friend: the victim's waits until the copy is there, and comes after it.

    `outcomes`: of the copies, in the order in which they ended."""

    def __init__(self, net: Devnet, thief: TransactionManager, victims: Collection[bytes], *functions: str,
                 proposer: Proposer | None = None) -> None:
        self._pool = net.l1.node.pool
        self._rollup = address_bytes(net.deployment.rollup)
        self._thief = thief
        self._victims = frozenset(victims)
        self._selectors = tuple(artifact("Rollup").function(name).selector for name in functions)
        self._proposer = proposer or Proposer(net.l1)
        self._seen: set[bytes] = set()  # calldata
        self._there: set[bytes] = set()  # calldata of copies that are, or were, in the pool
        self._copies: set[asyncio.Task[None]] = set()
        self._stack = contextlib.ExitStack()
        self._task: asyncio.Task[None]
        self.outcomes: list[L1Receipt | TransactionReverted] = []

    async def __aenter__(self) -> Self:
        self._stack.enter_context(
            self._proposer.leaving_out(lambda each: self._wanted(each) and each.tx.data not in self._there))
        self._stack.enter_context(self._proposer.preferring(self._thief.address))
        self._task = asyncio.create_task(self._watch(), name="copycat")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()
        for task in (self._task, *self._copies):
            task.cancel()
        await asyncio.gather(self._task, *self._copies, return_exceptions=True)

    def _wanted(self, each: PooledTransaction) -> bool:
        return each.sender in self._victims and each.tx.to == self._rollup and each.tx.data.startswith(self._selectors)

    async def _watch(self) -> None:
        while True:
            for each in self._pool:
                if each.sender == self._thief.address:
                    self._there.add(each.tx.data)
                elif self._wanted(each) and each.tx.data not in self._seen:
                    self._seen.add(each.tx.data)
                    self._copies.add(asyncio.create_task(self._copy(each), name="copy"))
            await asyncio.sleep(POLL)

    async def _copy(self, each: PooledTransaction) -> None:
        """With the victim's gas limit: an estimate would only say that it fails."""
        blobs = each.companion.blobs if isinstance(each.companion, Sidecar) else ()
        try:
            self.outcomes.append(await self._thief.send(
                TxCandidate(each.tx.to, each.tx.data, each.tx.value, blobs, gas_limit=each.tx.gas_limit)))
        except TransactionReverted as error:
            self.outcomes.append(error)
