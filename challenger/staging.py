"""Puts a witness into contract code on L1, over as many transactions as it takes.

What is there already is found by asking for the code at each piece's address, so it doesn't matter who staged it, nor
what this process did before it was killed. Whatever goes wrong, the next turn asks L1 again and stages what is missing:
a reorg that drops pieces is nothing else.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import structlog

from challenger.events import EventStream, WitnessStaged
from challenger.pieces import MAX_TRANSACTION_GAS, Piece, can_be_proved, cut, reading_gas, staging_gas
from l1.answers import quantity
from l1.client import L1Client
from l1.contracts import Stage
from l1.txmanager import InsufficientFunds, L1Receipt, TransactionError, TransactionManager, TxCandidate

log = structlog.get_logger("challenger.staging")

IN_FLIGHT = 16
"""Pieces on their way at a time: geth's pool guarantees an account so many slots, and one piece takes one."""
ASKED_AT_ONCE = 16
TURN = 120.0
"""Seconds after which no further piece is begun with in this turn, so that other things about the assertion are seen."""


class WitnessTooLarge(TransactionError):
    """No transaction could have EXECUTE read it."""


@dataclass(frozen=True, slots=True)
class Staged:
    """`pointers`: 20 bytes each, in order. `missing`: pieces still to come. `block_number`: of the L1 block with the last
    piece staged in this turn, 0 if none was."""

    pointers: tuple[bytes, ...]
    missing: int
    block_number: int


class Stager:
    """`stage`: address of the Stage contract. Calls for the same witness at the same time share their transactions."""

    def __init__(self, l1: L1Client, stage: bytes, transactions: TransactionManager, events: EventStream) -> None:
        self._l1 = l1
        self._stage = stage
        self._transactions = transactions
        self._events = events

    async def stage(self, subject: bytes, witness: bytes) -> Staged:
        """Stages what is missing of `witness`, as much as one turn allows. `subject`: what it is for, an assertion's id.
        WitnessTooLarge, InsufficientFunds and other TransactionErrors; L1Unavailable, RpcError."""
        if not can_be_proved(len(witness)):
            raise WitnessTooLarge(
                f"a witness of {len(witness):,} bytes can't be proved: to read it takes {reading_gas(len(witness)):,} "
                f"L1 gas, and a transaction has at most {MAX_TRANSACTION_GAS:,}")
        pieces = await asyncio.to_thread(cut, witness, self._stage)
        pointers = tuple(piece.address for piece in pieces)
        missing = await self._missing(pieces)
        if not missing:
            return Staged(pointers, 0, 0)
        dearer = await self._dearer(missing[0])
        await self._check_funds(missing, dearer)
        log.info("staging a witness", subject=subject, bytes=len(witness), pieces=len(pieces), missing=len(missing))
        receipts = await self._send_all(missing, dearer)
        left = await self._missing(missing)
        gas = sum(receipt.gas_used for receipt in receipts)
        log.info("staged", subject=subject, sent=len(receipts), missing=len(left), gas=gas)
        self._events.publish(WitnessStaged(subject, len(witness), len(pieces), len(receipts), len(left), gas))
        if len(left) > len(missing) - len(receipts):
            raise TransactionError("L1 no longer has, or doesn't show yet, pieces that were staged just now")
        return Staged(pointers, len(left), max((receipt.block_number for receipt in receipts), default=0))

    async def _missing(self, pieces: Sequence[Piece]) -> list[Piece]:
        """Those whose code isn't at their address."""
        asking = asyncio.Semaphore(ASKED_AT_ONCE)

        async def missing(piece: Piece) -> bool:
            async with asking:
                return not await self._is_there(piece)

        found = await asyncio.gather(*map(missing, pieces))
        # A witness may hold the same piece twice, nothing but zeros for one.
        return list(dict.fromkeys(piece for piece, absent in zip(pieces, found, strict=True) if absent))

    async def _is_there(self, piece: Piece) -> bool:
        return await self._l1.code(piece.address) == piece.code

    async def _dearer(self, piece: Piece) -> int:
        """L1 gas that a piece takes more than we know, after a fork for one that prices code anew."""
        call = {"from": "0x" + self._transactions.address.hex(), "to": "0x" + self._stage.hex(),
                "data": "0x" + Stage.stage(piece.data).hex()}
        estimate = quantity("eth_estimateGas", await self._l1.request("eth_estimateGas", [call]))
        return max(0, estimate - staging_gas(piece.data))

    async def _check_funds(self, missing: Sequence[Piece], dearer: int) -> None:
        """Half a witness is worth nothing: better to know before."""
        gas = sum(staging_gas(piece.data) + dearer for piece in missing)
        price = quantity("eth_gasPrice", await self._l1.request("eth_gasPrice"))
        balance = await self._l1.balance(self._transactions.address)
        if balance < gas * price:
            message = (
                f"0x{self._transactions.address.hex()} has {balance} wei, and staging {len(missing)} pieces of a witness "
                f"takes {gas:,} gas, {gas * price} wei at this price: send it funds")
            log.error("a witness can't be staged", reason=message)
            raise InsufficientFunds(message)

    async def _send_all(self, pieces: Sequence[Piece], dearer: int) -> list[L1Receipt]:
        """Several at a time; after the first failure, or when the turn is over, no more."""
        until = asyncio.get_running_loop().time() + TURN
        queue = iter(pieces)
        receipts: list[L1Receipt] = []
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(min(IN_FLIGHT, len(pieces))):
                    group.create_task(self._send_some(queue, receipts, until, dearer))
        except BaseExceptionGroup as failures:
            raise failures.exceptions[0] from None
        return receipts

    async def _send_some(self, queue: Iterator[Piece], receipts: list[L1Receipt], until: float, dearer: int) -> None:
        """`queue` and `receipts` are shared: each takes the next piece that nobody has."""
        for piece in queue:
            if asyncio.get_running_loop().time() >= until:
                return
            if not await self._is_there(piece):  # somebody else may stage the same
                receipts.append(await self._transactions.send(TxCandidate(
                    self._stage, Stage.stage(piece.data), gas_limit=staging_gas(piece.data) + dearer,
                    label=f"stage 0x{piece.address.hex()}")))
