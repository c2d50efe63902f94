"""Carries a batch through its settlement on L1: segment by segment, until it is confirmed.

Nothing is remembered: how far a batch is settled is asked of L1 each time, so a restart, a reorg, or others who settle the same
at the same time are found by asking. A segment is built by the own node, estimated by the L1 node (so what L1's own EXECUTE
does not accept is not sent), and sent with the fee that EXECUTE takes and some headroom; what is left comes back.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import structlog

from challenger.events import EventStream
from challenger.execute_fee import value_to_send
from challenger.pieces import MAX_TRANSACTION_GAS
from challenger.staging import Stager
from derivation.node import RollupNode
from derivation.proof import BuiltProof, build_proof, known_record
from derivation.records import DerivedRecord
from l1.answers import quantity
from l1.blobs import ChunkProofKind
from l1.client import L1Client, read_log
from l1.contracts import Execute, Rollup, revert_reason
from l1.events import SegmentSettled, read_rollup_event
from l1.fees import ample_gas
from l1.kzg import Prover
from l1.rpc_errors import RpcError, rpc_error_of
from l1.txmanager import (
    InsufficientFunds,
    L1Receipt,
    TransactionError,
    TransactionManager,
    TransactionReverted,
    TxCandidate,
)
from settlement.costs import step_costs
from settlement.plan import DoesNotFit, Limits, Segment, StepCost, check_stageable, next_segment, shorter

log = structlog.get_logger("settler")

GAS_RESERVE = 10**16
"""Wei kept beside EXECUTE's fee for the transaction itself."""
ATTEMPTS = 6
"""Times that a segment may fail in its block before somebody should look at it; each time the tip doubles."""


class CannotSettle(TransactionError):
    """Not now, or not at all; says why."""


@dataclass(frozen=True, slots=True)
class Settled:
    """One transaction's share: steps from `first` to `end` of the batch's `total`. `fee`: wei paid to EXECUTE, `cost`: wei for
    the transaction itself. `confirmed`: it was the batch's end."""

    batch: int
    first: int
    end: int
    total: int
    l2_gas: int
    fee: int
    l1_gas: int
    cost: int
    tx_hash: bytes
    calldata: int
    pointers: int

    @property
    def confirmed(self) -> bool:
        return self.end == self.total


@dataclass(frozen=True, slots=True)
class _Ready:
    """A segment that the L1 node finds to be right. `gas`: its estimate."""

    segment: Segment
    data: bytes
    gas_used: int
    value: int
    gas: int
    pointers: int


class _TooLarge(Exception):
    """`taken`: how many times what there is."""

    def __init__(self, taken: float, reason: str) -> None:
        self.taken = taken
        super().__init__(reason)


class Settler:
    """`kind`: how chunks of blobs are opened. `max_calldata`: bytes that a transaction's calldata may have. `told` hears of each
    segment that is on L1."""

    def __init__(self, l1: L1Client, rollup: Rollup, stage: bytes, node: RollupNode, transactions: TransactionManager,
                 prover: Prover, kind: ChunkProofKind, max_calldata: int,
                 told: Callable[[Settled], None] = lambda settled: None) -> None:
        self._l1 = l1
        self._rollup = rollup
        self._execute = Execute(l1)
        self._node = node
        self._transactions = transactions
        self._stager = Stager(l1, stage, transactions, EventStream())
        self._prover = prover
        self._kind = kind
        self._max_calldata = max_calldata
        self._told = told

    # ---- beforehand

    async def limits(self, record: DerivedRecord) -> Limits:
        """What L1 allows one segment now."""
        return Limits(
            l2_gas=await self._execute.gas_left(),
            l1_gas=min(MAX_TRANSACTION_GAS, (await self._l1.head()).gas_limit),
            calldata=self._max_calldata,
            proofs=None if record.posted.header.in_calldata else self._kind,
        )

    async def progress(self, index: int) -> int:
        """How many steps of that batch are settled; all of them, if it is confirmed. CannotSettle if its turn hasn't come, or
        L1 says something else than our node."""
        record = self._record(index)
        latest = await self._rollup.latest_confirmed()
        if latest.batch_count > index:
            return record.steps
        if latest.batch_count < index:
            raise CannotSettle(f"batch {latest.batch_count} is not confirmed: it comes first")
        before = self._node.state_before(record)
        if before is not None and before.block_hash != latest.block_hash:
            raise CannotSettle("what L1 has confirmed is not what our node has: look at it before anything else")
        reached, steps = await self._rollup.settled(record.hash)
        if steps and (steps > record.steps or record.commitment(steps) != reached):
            raise CannotSettle("what is settled of the batch is not what our node has: look at it before anything else")
        return steps

    def _record(self, index: int) -> DerivedRecord:
        record = known_record(self._node, index, 0)
        if not self._node.is_on_l1(record.hash):
            raise CannotSettle(f"batch {index} is not on L1")
        return record

    # ---- settling

    async def settle(self, index: int) -> list[Settled]:
        """Until the batch is confirmed, by us or by others. What we did for it. DoesNotFit, CannotSettle, UnknownStep;
        TransactionError; what L1 and the batch's data raise."""
        costs = await step_costs(self._node, index)
        done: list[Settled] = []
        failed = 0
        while (first := await self.progress(index)) < len(costs):
            record = self._record(index)
            try:
                settled = await self._advance(record, costs, first, failed)
            except TransactionReverted as error:
                if await self.progress(index) != first:
                    failed = 0
                    log.info("somebody else settled that", batch=index, reason=error.reason)
                    continue
                failed += 1
                log.warning("a segment failed: EXECUTE was full, or dearer than what was sent", batch=index, first=first,
                            reason=error.reason, attempt=failed)
                if failed == ATTEMPTS or error.receipt is None:
                    raise
                continue
            failed = 0
            done.append(settled)
            self._told(settled)
            if await self.progress(index) == first:
                raise TransactionError("L1 took a segment and does not show it: it is being reorganised, or its node lags")
        return done

    async def _advance(self, record: DerivedRecord, costs: tuple[StepCost, ...], first: int, failed: int) -> Settled:
        ready = await self._ready(record, costs, first)
        receipt = await self._transactions.send(TxCandidate(
            self._rollup.address, ready.data, ready.value, gas_limit=ample_gas(ready.gas), urgency=1 << failed,
            label=f"settle {record.hash.hex()} {first} {ready.segment.end}"))
        return self._result(record, ready, receipt)

    async def _ready(self, record: DerivedRecord, costs: tuple[StepCost, ...], first: int) -> _Ready:
        """The longest segment from there that fits. DoesNotFit if not even one step does."""
        limits, most = await self.limits(record), len(costs)
        while True:
            segment = next_segment(costs, first, limits, most)
            built = await build_proof(self._node, record.hash, first, segment.steps, self._prover, self._kind)
            try:
                return await self._estimated(record, segment, built, limits)
            except _TooLarge as large:
                if segment.steps == 1:
                    raise DoesNotFit(first, str(large)) from None
                most = shorter(segment, large.taken)
                log.info("a segment is too large", batch=record.index, first=first, steps=segment.steps, reason=str(large),
                         next=most)

    async def _estimated(self, record: DerivedRecord, segment: Segment, built: BuiltProof, limits: Limits) -> _Ready:
        proof, pointers = built.proof, 0
        data = self._calldata(record, segment, built)
        if len(data) > limits.calldata:
            if segment.steps > 1:
                raise _TooLarge(len(data) / limits.calldata, f"{len(data):,} bytes of calldata")
            check_stageable(segment.first, len(proof.witness))
            staged = await self._stage(record, proof.witness)
            built = BuiltProof(proof.staged(staged), built.inputs, built.gas_used, built.trace)
            data, pointers = self._calldata(record, segment, built), len(staged)
            if len(data) > limits.calldata:
                raise _TooLarge(len(data) / limits.calldata, f"{len(data):,} bytes of calldata without its witness")
        value = await self._value(built.gas_used)
        gas = await self._estimate(data, value)
        if gas > limits.l1_gas:
            raise _TooLarge(gas / limits.l1_gas, f"{gas:,} L1 gas")
        return _Ready(segment, data, built.gas_used, value, gas, pointers)

    def _calldata(self, record: DerivedRecord, segment: Segment, built: BuiltProof) -> bytes:
        return Rollup.settle(record.hash, record.commitment(segment.first), segment.steps, built.gas_used, built.proof)

    async def _stage(self, record: DerivedRecord, witness: bytes) -> tuple[bytes, ...]:
        while True:
            staged = await self._stager.stage(record.hash, witness)
            if not staged.missing:
                return staged.pointers

    async def _value(self, gas_used: int) -> int:
        balance = await self._l1.balance(self._transactions.address)
        value = value_to_send(await self._execute.gas_price(), gas_used, balance - GAS_RESERVE)
        if balance < value + GAS_RESERVE:
            raise InsufficientFunds(f"0x{self._transactions.address.hex()} has {balance} wei and needs {value} for EXECUTE, "
                                    "and gas: send it funds")
        return value

    async def _estimate(self, data: bytes, value: int) -> int:
        call = {"from": "0x" + self._transactions.address.hex(), "to": "0x" + self._rollup.address.hex(),
                "value": hex(value), "data": "0x" + data.hex()}
        try:
            return quantity("eth_estimateGas", await self._l1.request("eth_estimateGas", [call]))
        except RpcError as error:
            answer = rpc_error_of(error)
            if answer is not None and not answer.data and "gas" in answer.message.lower():
                raise _TooLarge(2.0, answer.message) from None
            raise TransactionReverted(f"not sent, it would fail: {revert_reason(error)}") from error

    def _result(self, record: DerivedRecord, ready: _Ready, receipt: L1Receipt) -> Settled:
        events = (read_rollup_event(read_log(entry)) for entry in receipt.logs)
        fee = next((event.execute_fee for event in events if isinstance(event, SegmentSettled)), 0)
        settled = Settled(
            record.index, ready.segment.first, ready.segment.end, record.steps, ready.gas_used, fee,
            receipt.gas_used, receipt.fees, receipt.tx_hash, len(ready.data), ready.pointers)
        log.info("settled", batch=record.index, first=settled.first, end=settled.end, of=settled.total, gas=settled.l1_gas,
                 l2_gas=settled.l2_gas, fee=settled.fee, calldata=settled.calldata, pointers=settled.pointers)
        return settled
