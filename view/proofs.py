"""The transaction that proved a step wrong, read back from L1: what the step was, and what proving it took.

What the transaction's sender wrote is taken apart only where the Rollup itself was called; a contract in between can do as
it likes, and then there is only what the events say.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from eth_abi import decode as abi_decode
from eth_abi.exceptions import DecodingError

from challenger.chronicle import Told
from execution.errors import InvalidTransaction
from execution.transactions import decode_transaction
from l1.answers import understood
from l1.artifacts import AnswerMalformed, artifact
from l1.client import L1Client, unhex
from l1.events import StepProved
from l1.rpc_errors import RpcError
from view.rendering import address, hexed
from view.shapes import Proof

KINDS = ("block start", "transaction", "fragment", "skip", "batch end")  # InputKind in Types.sol
_PROOF = {"proveStep": 3, "proveStepInGame": 1}  # which of the arguments it is
_PRE, _WITNESS, _POINTERS = 1, 7, 8  # fields of StepProof in IRollup.sol
_CURSOR = 5  # of StepState


@dataclass(frozen=True, slots=True)
class ProofReader:
    """`rollup`, `inbox`, `verifier`: 20 bytes each."""

    l1: L1Client
    rollup: bytes
    inbox: bytes
    verifier: bytes

    async def read(self, told: Told, batch: int, l1_gas: int) -> Proof:
        """`told`: a StepProved; `batch`: index of the assertion's; `l1_gas`: used by the transaction.
        Raises what the L1 client raises."""
        event = told.event
        assert isinstance(event, StepProved)
        found: Proof = {
            "step": event.step, "batch": batch, "place": None, "kind": None, "l2_transaction": None, "sender": None,
            "to": None, "witness_bytes": None, "calldata_bytes": None, "l2_gas": event.gas_used,
            "l1_gas": l1_gas, "execute_fee": str(event.execute_fee),
            "claimed": hexed(event.claimed), "proved": hexed(event.proved), "transaction": hexed(told.transaction_hash),
            "l1_block": told.block.number}  # fmt: skip
        sent = await self.l1.transaction(told.transaction_hash)
        if sent is None:
            return found
        to, data = understood(
            "eth_getTransactionByHash", sent, lambda sent: (unhex(sent["to"] or "0x"), unhex(sent["input"])))
        if to != self.rollup:
            return found
        proof = _proof_in(data)
        if proof is not None:
            found["calldata_bytes"] = len(data)
            found["witness_bytes"] = len(proof[_WITNESS]) + await self._staged(proof[_POINTERS])
            await self._add_input(found, proof)
        return found

    async def _staged(self, pointers: Sequence[str]) -> int:
        """Bytes of a witness that lies in contracts' code."""
        codes = [await self.l1.code(bytes.fromhex(pointer[2:])) for pointer in pointers[:64]]
        return sum(max(0, len(code) - 1) for code in codes)

    async def _add_input(self, found: Proof, proof: Sequence[Any]) -> None:
        """What the step was, as the contract derives it."""
        cursor = proof[_PRE][_CURSOR]
        if cursor[0] != found["batch"]:
            found["kind"], found["place"] = "no step", "after the batch's end"
            return
        found["place"] = place(*cursor[1:])
        verifier = artifact("StepVerifier")
        try:
            answer = await self.l1.call(self.verifier, verifier.call("deriveInput", self.inbox, proof))
            kind, payload, _ = verifier.answer("deriveInput", answer)[0]
        except (RpcError, AnswerMalformed):  # a node that allows too little gas
            return
        found["kind"] = KINDS[kind]
        if found["kind"] == "batch end":
            found["place"] = "the batch's end"
        if found["kind"] == "transaction":
            try:
                transaction = decode_transaction(payload)
            except InvalidTransaction:
                return
            found["l2_transaction"], found["sender"] = hexed(transaction.hash), address(transaction.sender)
            found["to"] = address(transaction.to) if transaction.to else None


def place(chunk: int, item: int) -> str:
    """Where a step's Input lies in its batch, of a cursor."""
    if chunk == 0:
        return f"forced transaction {item - 1}" if item else "the first block's start"
    return f"chunk {chunk}, item {item}"


def _proof_in(data: bytes) -> Sequence[Any] | None:
    """The StepProof in calldata of the Rollup."""
    contract = artifact("Rollup")
    for name, position in _PROOF.items():
        shape = contract.function(name)
        if data[:4] == shape.selector:
            try:
                return abi_decode(shape.inputs, data[4:])[position]
            except (DecodingError, OverflowError):
                return None
    return None
