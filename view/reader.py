"""What events don't say, asked of L1 once: times, receipts, games' clocks, proofs, balances. All caches are bounded."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

from lru import LRU

from challenger.game import Game
from challenger.watch import game_on_l1
from l1.answers import quantity, understood
from l1.client import L1Block, L1Client, unhex
from l1.contracts import Execute, GameRecord, Inbox, Rollup
from l1.events import AssertionMade, GameOpened
from l1.follower import L1Moving, Point
from l1.rpc_errors import RpcError
from view.history import History
from view.proofs import ProofReader
from view.shapes import Proof

AT_ONCE = 16  # requests under way

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Figures:
    """Of L1 as of one block: EXECUTE's meter, fees in wei, the finalized block's number."""

    gas_price: int
    gas_left: int
    congestion: int
    blob_base_fee: int | None
    finalized: int | None


@dataclass(frozen=True, slots=True)
class Paid:
    """What is kept of an L1 receipt: its logs are known from elsewhere, and may be large."""

    sender: bytes
    gas_used: int
    block_hash: bytes


def _read_receipt(answer: Any) -> Paid:
    return Paid(unhex(answer["from"]), quantity("eth_getTransactionReceipt", answer["gasUsed"]), unhex(answer["blockHash"]))


class L1Reader:
    """`window`: of the rollup's disputes, seconds. Methods raise L1Moving, and what the L1 client raises."""

    def __init__(self, l1: L1Client, inbox: Inbox, rollup: Rollup, verifier: bytes, history: History, window: int) -> None:
        self._l1 = l1
        self._inbox = inbox
        self._rollup = rollup
        self._execute = Execute(l1)
        self._history = history
        self._window = window
        self._prover = ProofReader(l1, rollup.address, inbox.address, verifier)
        self._free = asyncio.Semaphore(AT_ONCE)
        self._times: LRU[bytes, int] = LRU(16_384)  # by block hash
        self._receipts: LRU[tuple[bytes, bytes], Paid] = LRU(2_048)  # by transaction and block
        self._games: LRU[bytes, tuple[Any, Game]] = LRU(8_192)
        self._proofs: LRU[tuple[bytes, bytes], Proof] = LRU(1_024)
        self._balances: LRU[tuple[bytes, bytes], tuple[int, int]] = LRU(256)
        self._indices: LRU[bytes, int] = LRU(4_096)

    async def all(self, work: Iterable[Awaitable[T]]) -> list[T]:
        """A few at once."""
        async def one(each: Awaitable[T]) -> T:
            async with self._free:
                return await each

        return list(await asyncio.gather(*(one(each) for each in work)))

    async def figures(self, head: L1Block) -> Figures:
        execute, at = self._execute, head.hash
        final, price, left, congestion = await asyncio.gather(
            self._l1.block("finalized"), execute.gas_price(at), execute.gas_left(at), execute.congested_seconds(at))
        try:
            blob_fee = quantity("eth_blobBaseFee", await self._l1.request("eth_blobBaseFee"))
        except RpcError:
            blob_fee = None
        return Figures(price, left, congestion, blob_fee, final.number if final else None)

    async def time_of(self, point: Point) -> int:
        """Timestamp of that L1 block."""
        known: int | None = self._times.get(point.hash)
        if known is None:
            block = await self._l1.block(point.hash)
            if block is None:
                raise L1Moving(f"L1 block {point.number} is gone")
            known = self._times[point.hash] = block.timestamp
        return known

    async def receipt(self, transaction: bytes, point: Point) -> Paid | None:
        """As it lies in that block."""
        known: Paid | None = self._receipts.get((transaction, point.hash))
        if known is None:
            answer = await self._l1.receipt(transaction)
            found = None if answer is None else understood("eth_getTransactionReceipt", answer, _read_receipt)
            if found is None or found.block_hash != point.hash:
                return None
            known = self._receipts[transaction, point.hash] = found
        return known

    async def batch_index(self, made: AssertionMade) -> int:
        index = self._history.indices.get(made.batch_hash)
        if index is None:
            index = self._indices.get(made.batch_hash)
        if index is None:
            index = self._indices[made.batch_hash] = await self._inbox.batch_index(made.batch_hash)
        return index

    async def game(self, game_id: bytes, head: L1Block) -> Game:
        """As of `head`. Read again only when something has happened to it."""
        history = self._history
        opened = history.opened[game_id].event
        assert isinstance(opened, GameOpened)
        death = history.death(opened.assertion_id)
        moves = history.moves[game_id]
        state = len(moves), moves[-1].block.hash, death and death.block.hash
        known = self._games.get(game_id)
        if known is not None and known[0] == state:
            return known[1]
        read: GameRecord = await self._rollup.game(game_id, head.hash)
        made = await self.time_of(history.made[opened.assertion_id].block)
        game = game_on_l1(game_id, read, history.split.get(game_id), made + self._window)
        self._games[game_id] = state, game
        return game

    async def proof(self, assertion_id: bytes) -> Proof | None:
        """The call of EXECUTE that killed it, if one did."""
        told = self._history.proved.get(assertion_id)
        if told is None:
            return None
        key = assertion_id, told.block.hash
        known: Proof | None = self._proofs.get(key)
        if known is None:
            made = self._history.made[assertion_id].event
            assert isinstance(made, AssertionMade)
            receipt = await self.receipt(told.transaction_hash, told.block)
            gas_used = 0 if receipt is None else receipt.gas_used
            known = self._proofs[key] = await self._prover.read(told, await self.batch_index(made), gas_used)
        return known

    async def balance(self, who: bytes, head: L1Block) -> tuple[int, int]:
        """(wei on L1, wei that the Rollup owes them)."""
        key = who, head.hash
        known: tuple[int, int] | None = self._balances.get(key)
        if known is None:
            known = self._balances[key] = (
                await self._l1.balance(who, head.hash), await self._rollup.credit(who, head.hash))
        return known
