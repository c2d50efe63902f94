"""Sends L1 transactions from one key, in nonce order, until each is included deep enough.

What is in flight is in the journal before it is on the wire, so a restart goes on with the same signed versions.
A labelled candidate is sent once however often it is asked for, also across restarts; one without a label isn't sent
beside the same call that was in flight when the process before this one was killed.

Every tick, for each nonce in flight, lowest first:
* a receipt of any version: finished when `confirmations` blocks lie on top; one that a reorg takes away is
  simply not there at the next tick;
* the nonce is used on chain, twice in a row without a receipt of ours: someone else used it, so the candidate gets a
  new nonce;
* otherwise it is broadcast again if the node has lost it, and replaced at a higher fee if it is next in line
  and has waited `resubmit_after`, or the base fee has passed it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

import structlog

from l1.account_view import AccountView, JsonRpc
from l1.answers import quantity
from l1.call_failures import call_failure
from l1.candidates import (
    InsufficientFunds,
    L1Receipt,
    TransactionError,
    TransactionPolicy,
    TransactionRefused,
    TransactionReverted,
    TxCandidate,
    call_fields,
    parse_receipt,
)
from l1.client import L1Inconsistent, L1Unavailable
from l1.fees import FeeMarket, ample_gas, first_offer, outbid, replacement
from l1.figures import SentFigures
from l1.journal import JournalEntry, SignedVersion, TransactionJournal
from l1.rejections import Rejection, classify
from l1.rpc_errors import rpc_error_of
from l1.signing import BlobCommitments, SidecarFormat, Signer, commit_blobs, network_form, prove_blobs
from l1.worker_pool import WorkerPool

__all__ = ["InsufficientFunds", "JsonRpc", "L1Receipt", "TransactionError", "TransactionManager", "TransactionPolicy",
           "TransactionRefused", "TransactionReverted", "TxCandidate", "parse_receipt"]

log = structlog.get_logger("txmanager")

REPLACEMENT_ATTEMPTS = 12
PATIENCE = 2  # looks at L1 before what is seen there is believed
NO_ANSWER = (L1Unavailable, L1Inconsistent, OSError, TimeoutError)
"""What a connection raises when it has no usable answer: says nothing about the transaction."""


@dataclass(slots=True, eq=False)
class _Flight:
    """One nonce in flight. `since`: monotonic time at which the current version started to wait for its turn; `began`: the first."""

    entry: JournalEntry
    done: asyncio.Future[L1Receipt]
    commitments: BlobCommitments
    since: float
    began: float
    proofs: dict[SidecarFormat, tuple[bytes, ...]] = field(default_factory=dict)
    watched: bool = False
    accepted: bool = False
    usurped: int = 0
    capped: bool = False
    unclaimed: bool = False  # of an earlier run, and nobody has asked for it again


class TransactionManager:
    """Use as `async with TransactionManager(...) as transactions: await transactions.send(...)`.

    `errors`: names of custom errors by selector, if other contracts than the rollup's are called. `workers`: for KZG; else a thread.
    """

    def __init__(self, rpc: JsonRpc, key: bytes | str, chain_id: int, journal_dir: Path, policy: TransactionPolicy, *,
                 errors: Mapping[bytes, str] | None = None, sidecar: SidecarFormat = SidecarFormat.CELL_PROOFS,
                 clock: Callable[[], float] = time.monotonic, workers: WorkerPool | None = None) -> None:
        self._rpc = rpc
        self._signer = Signer(key, chain_id)
        self._account = AccountView(rpc, self._signer.address)
        self._directory = journal_dir / self.address.hex()
        self._policy = policy
        self._errors = errors
        self._sidecar = sidecar
        self._clock = clock
        self._flights: dict[int, _Flight] = {}
        self._order = asyncio.Lock()  # one candidate at a time gets its nonce and goes on the wire
        self._admitting: set[asyncio.Task[_Flight | L1Receipt]] = set()
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._journal: TransactionJournal
        self._compute = asyncio.to_thread if workers is None else workers.run
        self._gaps = self.bumps = 0
        self.figures = SentFigures()

    @property
    def address(self) -> bytes:
        return self._signer.address

    @property
    def in_flight(self) -> int:
        return len(self._flights)

    @property
    def oldest(self) -> float:
        """For how many seconds the oldest of them has been in flight; 0 if there is none."""
        return max((self._clock() - flight.began for flight in self._flights.values()), default=0.0)

    async def __aenter__(self) -> Self:
        self._journal = TransactionJournal(self._directory)
        for entry in self._journal.entries():
            flight = await self._flight(entry)
            flight.watched = flight.unclaimed = True
            self._flights[entry.nonce] = flight
            log.info("resuming", nonce=entry.nonce, label=entry.label, versions=len(entry.versions))
        self._task = asyncio.create_task(self._run(), name="txmanager")
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        assert self._task is not None
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        for flight in self._flights.values():
            flight.done.cancel()
        for admitting in self._admitting:
            admitting.cancel()
        await asyncio.gather(*self._admitting, return_exceptions=True)
        self._journal.close()

    async def send(self, candidate: TxCandidate) -> L1Receipt:
        """Returns the receipt of the successful transaction. Cancelling the caller leaves it in flight."""
        admitting = asyncio.create_task(self._admitted(candidate))
        self._admitting.add(admitting)
        admitting.add_done_callback(self._admitting.discard)
        flight_or_receipt = await asyncio.shield(admitting)
        if isinstance(flight_or_receipt, L1Receipt):
            return flight_or_receipt
        return await asyncio.shield(flight_or_receipt.done)

    # ---- admitting a candidate

    async def _admitted(self, candidate: TxCandidate) -> _Flight | L1Receipt:
        async with self._order:
            for flight in self._flights.values():
                if flight.entry.is_for(candidate, unclaimed=flight.unclaimed):
                    flight.unclaimed = False
                    return flight
            if candidate.label and (outcome := self._journal.outcome(candidate.label)) is not None:
                receipt = await self._account.receipt(outcome.tx_hash)
                if receipt is not None and receipt.succeeded:
                    return receipt
                if receipt is None:
                    log.warning("a finished transaction is gone from L1, sending it again", label=candidate.label)
                    return await self._launch(candidate, None, outcome.tx_hash)
                # A reorg put it before or behind others, and there it reverts: it has done nothing after all.
                log.warning("a finished transaction fails since a reorg, sending it again", label=candidate.label)
                self._journal.forget(candidate.label)
            return await self._launch(candidate, None)

    async def _launch(self, candidate: TxCandidate, done: asyncio.Future[L1Receipt] | None,
                      earlier: bytes | None = None) -> _Flight:
        """Estimates, signs, journals, broadcasts. Raises if the node says at once that it can't be. `earlier`: hash of a
        transaction that did the same until a reorg; it may come back, and then it counts."""
        if self._policy.only_to_code and candidate.to not in (None, self.address) and not await self._account.has_code(candidate.to):
            raise TransactionRefused(f"L1 has no contract at 0x{candidate.to.hex()}: was it started afresh?")
        commitments = await self._compute(commit_blobs, candidate.blobs) if candidate.blobs else BlobCommitments((), ())
        gas = candidate.gas_limit or await self._estimate(candidate, commitments)
        nonce = await self._account.nonce("latest")
        while nonce in self._flights:
            nonce += 1
        entry = JournalEntry(nonce, candidate.label, candidate.to, candidate.data, candidate.value, gas, candidate.blobs)
        fees = first_offer(
            await self._account.market(), self._policy.caps, blobs=bool(candidate.blobs), urgency=candidate.urgency)
        if earlier is not None:
            entry.versions.append(SignedVersion(earlier, b"", fees))
        entry.versions.append(self._signer.sign(entry, fees, commitments.versioned_hashes))
        flight = await self._flight(entry, commitments, done)
        self._journal.put(entry)
        self._flights[nonce] = flight
        try:
            await self._broadcast(flight)
        except TransactionError:
            del self._flights[nonce]
            self._journal.discard(nonce)
            raise
        except NO_ANSWER as error:
            log.warning("broadcast failed, will retry", nonce=nonce, error=repr(error))
        flight.watched = True
        self._wake.set()
        log.info("sent", nonce=nonce, label=entry.label, tx=entry.versions[-1].hash.hex(), blobs=len(entry.blobs),
                 max_fee=fees.max_fee, tip=fees.tip, gas=gas)
        return flight

    async def _flight(self, entry: JournalEntry, commitments: BlobCommitments | None = None,
                      done: asyncio.Future[L1Receipt] | None = None) -> _Flight:
        if commitments is None:
            commitments = await self._compute(commit_blobs, entry.blobs) if entry.blobs else BlobCommitments((), ())
        if done is None:
            done = asyncio.get_running_loop().create_future()
            done.add_done_callback(lambda it: it.cancelled() or it.exception())  # told by the log: nobody may be waiting
        return _Flight(entry, done, commitments, self._clock(), self._clock())

    async def _estimate(self, candidate: TxCandidate, commitments: BlobCommitments) -> int:
        try:
            estimate = await self._rpc.request("eth_estimateGas", [call_fields(self.address, candidate, commitments.versioned_hashes, self._policy.caps)])
        except Exception as error:
            raise call_failure(error, self.address, self._errors) from error
        return ample_gas(quantity("eth_estimateGas", estimate))

    # ---- on the wire

    async def _broadcast(self, flight: _Flight) -> None:
        """Sends the newest version; raises TransactionError only if no version was ever accepted."""
        formats_left = 1
        for _ in range(REPLACEMENT_ATTEMPTS):
            try:
                await self._rpc.request("eth_sendRawTransaction", ["0x" + (await self._wrapped(flight)).hex()])
                flight.accepted = True
                return
            except Exception as error:
                answer = rpc_error_of(error)
                if answer is None:
                    raise
            rejection = classify(answer.message)
            if rejection in (Rejection.ALREADY_KNOWN, Rejection.NONCE_TOO_LOW):
                flight.accepted = True
                return
            if rejection is Rejection.REPLACEMENT_UNDERPRICED:
                if not await self._replace(flight):
                    return
                continue
            if flight.entry.blobs and formats_left and rejection in (
                    Rejection.SIDECAR_FORMAT, Rejection.INVALID, Rejection.UNKNOWN):
                formats_left -= 1
                self._sidecar = self._sidecar.other
                continue
            flight.accepted = False
            log.warning("refused by the node", nonce=flight.entry.nonce, label=flight.entry.label,
                        rejection=rejection.name, message=answer.message)
            if not flight.watched and rejection is Rejection.INSUFFICIENT_FUNDS:
                raise InsufficientFunds(f"0x{self.address.hex()}: {answer.message}")
            if not flight.watched and rejection in (Rejection.INVALID, Rejection.SIDECAR_FORMAT):
                raise TransactionRefused(answer.message)
            return

    async def _replace(self, flight: _Flight) -> bool:
        """Signs and journals a version at higher fees; False if the caps forbid."""
        fees = replacement(flight.entry.versions[-1].fees, await self._account.market(), self._policy.caps)
        if fees is None:
            if not flight.capped:
                log.warning("fee caps reached, waiting for lower fees", nonce=flight.entry.nonce, label=flight.entry.label)
            flight.capped = True
            return False
        flight.capped = False
        flight.entry.versions.append(self._signer.sign(flight.entry, fees, flight.commitments.versioned_hashes))
        self._journal.put(flight.entry)
        flight.since = self._clock()
        flight.accepted = False
        self.bumps += 1
        log.info("replacing", nonce=flight.entry.nonce, label=flight.entry.label, max_fee=fees.max_fee, tip=fees.tip,
                 blob_fee=fees.blob_fee, tx=flight.entry.versions[-1].hash.hex())
        return True

    async def _wrapped(self, flight: _Flight) -> bytes:
        raw, form = flight.entry.versions[-1].raw, self._sidecar
        if not flight.entry.blobs:
            return raw
        if form not in flight.proofs:
            flight.proofs[form] = await self._compute(prove_blobs, flight.entry.blobs, flight.commitments, form)
        return network_form(raw, flight.entry.blobs, flight.commitments, flight.proofs[form], form)

    # ---- watching

    async def _run(self) -> None:
        while True:
            if not self._flights:
                self._wake.clear()
                await self._wake.wait()
            try:
                await self._tick()
            except NO_ANSWER as error:
                log.warning("L1 not reachable", error=repr(error))
            except Exception as error:
                if rpc_error_of(error) is None:
                    log.exception("transaction manager stopped")
                    for flight in self._flights.values():
                        if not flight.done.done():
                            flight.done.set_exception(error)
                    raise
                log.warning("L1 answered with an error", error=str(error))
            await asyncio.sleep(self._policy.poll)

    async def _tick(self) -> None:
        head = quantity("eth_blockNumber", await self._rpc.request("eth_blockNumber", []))
        used = await self._account.nonce("latest")  # before the receipts: a used nonce then has its receipt
        market = await self._account.market()
        await self._fill_gap(used)
        for nonce in sorted(self._flights):
            flight = self._flights[nonce]
            if not flight.watched:
                continue
            receipt = await self._account.receipt_of_any(version.hash for version in reversed(flight.entry.versions))
            if receipt is not None:
                flight.usurped, flight.accepted = 0, True
                if receipt.block_number + self._policy.confirmations <= head:
                    await self._finish(flight, receipt)
            elif nonce < used:
                await self._usurped(flight, head)
            else:
                await self._push(flight, market, next_in_line=nonce == used)

    async def _fill_gap(self, used: int) -> None:
        """A reorg took a finished transaction away, and the node does not have it: what follows it would wait for ever."""
        lowest = min(self._flights, default=used)
        if lowest <= used or await self._account.nonce("pending") > used:
            self._gaps = 0
            return
        self._gaps += 1
        if self._gaps >= PATIENCE:
            log.warning("filling a nonce gap", nonce=used, waiting=lowest)
            async with self._order:
                await self._launch(TxCandidate(self.address, gas_limit=21_000), None)

    async def _finish(self, flight: _Flight, receipt: L1Receipt) -> None:
        self.figures.note(flight.entry, receipt)
        reverted: TransactionReverted | None = None
        if not receipt.succeeded:
            reverted = await self._why_reverted(flight, receipt)
        if reverted is None:
            self._journal.finish(flight.entry, receipt.tx_hash)
        else:
            self._journal.discard(flight.entry.nonce)
        del self._flights[flight.entry.nonce]
        log.info("included", nonce=flight.entry.nonce, label=flight.entry.label, tx=receipt.tx_hash.hex(),
                 block=receipt.block_number, succeeded=receipt.succeeded)
        if flight.done.done():
            return
        if reverted is None:
            flight.done.set_result(receipt)
        else:
            flight.done.set_exception(reverted)

    async def _why_reverted(self, flight: _Flight, receipt: L1Receipt) -> TransactionReverted:
        call = call_fields(self.address, flight.entry, flight.commitments.versioned_hashes, self._policy.caps)
        call["gas"] = hex(flight.entry.gas_limit)
        try:
            await self._rpc.request("eth_call", [call, hex(receipt.block_number)])
        except Exception as error:  # noqa: BLE001  # best effort: whatever fails here, the receipt says it reverted
            failure = call_failure(error, self.address, self._errors)
            if isinstance(failure, TransactionReverted):
                return TransactionReverted(failure.reason, failure.data, receipt)
        reason = "out of gas" if receipt.gas_used >= flight.entry.gas_limit else "reverted for an unknown reason"
        return TransactionReverted(reason, b"", receipt)

    async def _usurped(self, flight: _Flight, head: int) -> None:
        """The nonce is used but not by us. Believed once it is as deep as a confirmation, twice in a row."""
        settled = head - self._policy.confirmations
        if settled < 0 or flight.entry.nonce >= await self._account.nonce(hex(settled)):
            return
        flight.usurped += 1
        if flight.usurped < PATIENCE:
            return
        entry = flight.entry
        log.warning("nonce was used by someone else, sending again", nonce=entry.nonce, label=entry.label)
        async with self._order:
            self._journal.discard(entry.nonce)
            del self._flights[entry.nonce]
            candidate = TxCandidate(entry.to, entry.data, entry.value, entry.blobs, None, entry.label)
            try:
                await self._launch(candidate, flight.done)
            except Exception as error:  # noqa: BLE001  # belongs to whoever waits for the candidate
                if not flight.done.done():
                    flight.done.set_exception(error)

    async def _push(self, flight: _Flight, market: FeeMarket, *, next_in_line: bool) -> None:
        now = self._clock()
        if not next_in_line:
            flight.since = now  # it waits for a lower nonce, not for its own fees
        newest = flight.entry.versions[-1]
        overdue = now - flight.since >= self._policy.resubmit_after
        if next_in_line and (overdue or outbid(newest.fees, market)):
            await self._replace(flight)
        if not flight.accepted or await self._rpc.request("eth_getTransactionByHash", ["0x" + newest.hash.hex()]) is None:
            await self._broadcast(flight)
