"""Carries an action out on L1: calldata, fee and bond, a simulation, then one labelled transaction.

The label makes a move idempotent: asked for again, also after a restart or from an older snapshot, the transaction
manager gives the receipt of the first time. A proof is simulated first: what L1's own EXECUTE doesn't accept isn't sent.
One too large for a transaction has its witness staged before, in transactions of their own.

A proof that fails in a block, after all, has most likely come behind others that bought all of EXECUTE's gas, or raised
its price. It is sent again with what the fee then is, and with twice the tip, so that it comes before them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import structlog
from eth_abi import encode as abi_encode
from eth_hash.auto import keccak

from challenger.checkpoints import CheckpointReader
from challenger.claims import Assertion
from challenger.events import CreditCollected, EventStream, GameStarted, MovePicked, StepSettled
from challenger.execute_fee import value_to_send
from challenger.game import Rules, boundary, checkpoint_interval
from challenger.knowledge import Knowledge, ProofStruct, ReadyProof
from challenger.solver import (
    Action,
    KillOrphan,
    OpenGame,
    PickSegment,
    ProveStep,
    ProveStepInGame,
    Reclaim,
    TimeOutGames,
    Withdraw,
)
from challenger.staging import Stager
from l1.client import L1Client, read_log
from l1.contracts import Execute, Rollup, revert_reason
from l1.events import StepProved, read_rollup_event
from l1.rpc_errors import RpcError
from l1.txmanager import InsufficientFunds, L1Receipt, TransactionManager, TransactionReverted, TxCandidate

log = structlog.get_logger("challenger.responder")

MAX_URGENCY = 1 << 10
"""Times the usual tip; the fee caps end it sooner."""
GAS_RESERVE = 10**16
"""Wei kept beside a bond or fee for the transaction itself."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What the contract wants: its rules, and the bond of a game in wei. `max_proof_calldata`: bytes; what our
    transactions may have."""

    rules: Rules
    challenge_bond: int
    max_proof_calldata: int = 100_000


class Responder:
    """`me`: the address that `transactions` sends from."""

    def __init__(self, l1: L1Client, rollup: Rollup, terms: Terms, transactions: TransactionManager,
                 knowledge: Knowledge, checkpoints: CheckpointReader, stager: Stager, events: EventStream) -> None:
        self._l1 = l1
        self._rollup = rollup
        self._execute = Execute(l1)
        self._terms = terms
        self._transactions = transactions
        self._knowledge = knowledge
        self._checkpoints = checkpoints
        self._stager = stager
        self._events = events
        self._failed: dict[str, int] = {}  # by label: how often a proof failed in a block
        self.me = transactions.address

    async def carry_out(self, action: Action, assertion: Assertion | None = None) -> int:
        """`assertion`: the one the action is about, for those that need it. Returns the number of the L1 block that
        has it, or what was done for it so far. Raises TransactionError and what L1 raises; carried out again, it does
        nothing twice."""
        match action:
            case ProveStep(assertion_id, j, step):
                assert assertion is not None
                opening = await self._checkpoints.opening(assertion, j)
                proof = await self._knowledge.step_proof(assertion.batch_hash, step)
                return await self._prove(
                    assertion_id, step, proof, lambda struct: Rollup.prove_step(assertion_id, j, opening, struct),
                    f"prove {assertion_id.hex()} {j}")
            case ProveStepInGame(game_id, assertion_id, step):
                assert assertion is not None
                proof = await self._knowledge.step_proof(assertion.batch_hash, step)
                return await self._prove(
                    assertion_id, step, proof, lambda struct: Rollup.prove_step_in_game(game_id, struct),
                    f"prove {game_id.hex()}")
            case OpenGame(assertion_id, j):
                assert assertion is not None
                receipt = await self._open(assertion, j)
            case PickSegment(game_id, lo, hi, commitments, segment):
                receipt = await self._send(
                    Rollup.pick(game_id, lo, hi, commitments, segment), f"pick {game_id.hex()} {lo} {hi}")
                at = [boundary(lo, hi, self._terms.rules.arity, segment + end) for end in (0, 1)]
                log.info("picked", game=game_id, lo=at[0], hi=at[1])
                self._events.publish(MovePicked(game_id, at[0], at[1], receipt.gas_used))
            case TimeOutGames(game_ids):
                receipt = await self._send(Rollup.timeout(game_ids), "timeout " + " ".join(each.hex() for each in game_ids))
                log.info("the asserter ran out of time", games=[each.hex() for each in game_ids])
            case Reclaim(game_id):
                receipt = await self._send(Rollup.reclaim(game_id), f"reclaim {game_id.hex()}")
            case KillOrphan(assertion_id):
                receipt = await self._send(Rollup.kill_orphan(assertion_id), f"orphan {assertion_id.hex()}")
                log.info("orphan removed", assertion=assertion_id)
            case Withdraw(amount):
                receipt = await self._send(Rollup.withdraw(self.me), "")
                log.info("credit collected", wei=amount)
                self._events.publish(CreditCollected(amount))
            case _:
                raise ValueError(f"{action} is nothing to carry out")
        return receipt.block_number

    async def _open(self, assertion: Assertion, j: int) -> L1Receipt:
        opening = await self._checkpoints.opening(assertion, j)
        data = Rollup.open_game(assertion.id, j, opening)
        receipt = await self._send(data, f"open {assertion.id.hex()} {j}", self._terms.challenge_bond)
        game_id = game_id_of(assertion.id, self.me, j)
        lo, hi = checkpoint_interval(assertion.steps, self._terms.rules.stride, j)
        log.info("game opened", game=game_id, assertion=assertion.id, lo=lo, hi=hi)
        self._events.publish(GameStarted(assertion.id, game_id, j, lo, hi, receipt.gas_used))
        return receipt

    async def _prove(self, assertion_id: bytes, step: int, proof: ReadyProof,
                     encode: Callable[[ProofStruct], bytes], label: str) -> int:
        """`encode`: the calldata with that proof. Returns after a part of the staging too: the next turn goes on."""
        data, pointers = encode(proof.struct), 0
        if len(data) > self._terms.max_proof_calldata:
            staged = await self._stager.stage(assertion_id, proof.struct.witness)
            if staged.missing:
                return staged.block_number
            data, pointers = encode(proof.struct.staged(staged.pointers)), len(staged.pointers)
        receipt = await self._send_proof(data, proof.gas_used, label)
        fee = next((event.execute_fee for event in _step_proofs(receipt) if event.id == assertion_id), 0)
        log.info("step proved, the assertion is dead", assertion=assertion_id, step=step, gas=receipt.gas_used, fee=fee,
                 witness=proof.witness_size, calldata=len(data), pointers=pointers)
        self._events.publish(StepSettled(assertion_id, step, receipt.tx_hash, receipt.gas_used, fee,
                                         proof.witness_size, len(data), pointers))
        return receipt.block_number

    async def _send_proof(self, data: bytes, gas_used: int, label: str) -> L1Receipt:
        price = await self._execute.gas_price()
        balance = await self._l1.balance(self.me)
        value = value_to_send(price, gas_used, balance - GAS_RESERVE)
        urgency = min(1 << self._failed.get(label, 0), MAX_URGENCY)
        await self._check_funds(value)
        await self._simulate(data, value)
        try:
            receipt = await self._transactions.send(
                TxCandidate(self._rollup.address, data, value, label=label, urgency=urgency))
        except TransactionReverted as error:
            if error.receipt is not None:
                self._failed[label] = self._failed.get(label, 0) + 1
                log.warning("a proof failed in its block: EXECUTE was full, or dearer than what was sent",
                            label=label, block=error.receipt.block_number, gas=error.receipt.gas_used, reason=error.reason)
            raise
        self._failed.pop(label, None)
        return receipt

    async def _send(self, data: bytes, label: str, value: int = 0) -> L1Receipt:
        if value:
            await self._check_funds(value)
        return await self._transactions.send(TxCandidate(self._rollup.address, data, value, label=label))

    async def _simulate(self, data: bytes, value: int) -> None:
        try:
            await self._l1.call(self._rollup.address, data, value=value, sender=self.me)
        except RpcError as error:
            raise TransactionReverted(f"not sent, it would fail: {revert_reason(error)}") from error

    async def _check_funds(self, value: int) -> None:
        balance = await self._l1.balance(self.me)
        if balance < value + GAS_RESERVE:
            raise InsufficientFunds(f"0x{self.me.hex()} has {balance} wei and needs {value} and gas: send it funds")


def game_id_of(assertion_id: bytes, challenger: bytes, j: int) -> bytes:
    """keccak256(abi.encode(assertionId, challenger, j)), as in Disputes.openGame."""
    return keccak(abi_encode(["bytes32", "address", "uint64"], [assertion_id, challenger, j]))


def _step_proofs(receipt: L1Receipt) -> list[StepProved]:
    found = (read_rollup_event(read_log(entry)) for entry in receipt.logs)
    return [event for event in found if isinstance(event, StepProved)]
