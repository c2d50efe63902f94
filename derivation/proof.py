"""Step proofs: what the StepVerifier contract takes to judge one step, checked here before anyone pays for it."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, replace
from typing import Any, Self

from derivation.batch import BatchData, BatchHeader
from derivation.inputs import pending_fragments
from derivation.merkle import chunk_path, split_chunks
from derivation.node import RollupNode
from derivation.records import DerivedRecord
from execution.abi import commitment, encode_trace, encode_witness, state_tuple
from execution.execute import Verdict, execute
from execution.types import Input, StepState, Trace, Transaction, Witness
from execution.witness import build_witness
from l1.blobs import ChunkProof, ChunkProofKind, open_chunk
from l1.kzg import CELLS_PER_BLOB, Prover

NO_CHUNK = ChunkProof(b"")


class UnknownStep(Exception):
    """The batch isn't derived here, or has no such step."""


class ProofRejected(Exception):
    """The proof that was built isn't true by this node's own EXECUTE: a bug, don't send it."""

    def __init__(self, step: int, verdict: Verdict) -> None:
        self.step, self.verdict = step, verdict
        super().__init__(f"the proof of step {step} is not accepted: {verdict.reason}")


@dataclass(frozen=True, slots=True)
class StepProof:
    """`StepProof` in solidity/src/IRollup.sol. `witness`: RLP([[node...], [code...], [header...]]), empty if it is
    staged; then `witness_pointers` says where, 20 bytes each."""

    batch: BatchHeader
    pre: StepState
    post: StepState
    parent_header: bytes
    forced_transaction: bytes
    chunk: ChunkProof
    fragments: tuple[bytes, ...]
    witness: bytes
    witness_pointers: tuple[bytes, ...] = ()

    def staged(self, pointers: tuple[bytes, ...]) -> Self:
        """The same proof with its witness at these addresses instead of in it."""
        return replace(self, witness=b"", witness_pointers=pointers)

    def as_tuple(self) -> tuple[Any, ...]:
        """In the shape eth-abi and web3 take."""
        return (
            self.batch.as_tuple(), state_tuple(self.pre), state_tuple(self.post), self.parent_header,
            self.forced_transaction, self.chunk.as_tuple(), list(self.fragments), self.witness,
            list(self.witness_pointers),
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class BuiltProof:
    """A proof and what it implies. `trace`: the bytes the contract will give to EXECUTE; `gas_used`: L2 gas EXECUTE
    charges for; `input` is None if the batch has no such step (too many claimed), then nothing is executed."""

    proof: StepProof
    input: Input | None
    gas_used: int
    trace: bytes

    @property
    def pre_commitment(self) -> bytes:
        return commitment(self.proof.pre)

    @property
    def post_commitment(self) -> bytes:
        return commitment(self.proof.post)


@dataclass(frozen=True, slots=True)
class _Executed:
    """One step, executed."""

    pre: StepState
    post: StepState
    input: Input
    gas_used: int
    witness: Witness
    parent_header: bytes
    fragments: tuple[bytes, ...]


async def state_at(node: RollupNode, batch: int | bytes, step: int) -> StepState:
    """The StepState after `step` steps of a batch, 0 to N. UnknownStep; BlobsMissing if its data can't be had."""
    record = _known(node, batch, step)
    if step == record.steps:
        return record.final_state
    if step == 0:
        return _start(node, record)
    data = await node.data_of(record)
    return await node.in_thread(_replay, node, record, data, step)


async def build_step_proof(
    node: RollupNode,
    batch: int | bytes,
    step: int,
    prover: Prover | None = None,
    kind: ChunkProofKind = ChunkProofKind.CELL,
) -> BuiltProof:
    """Proves the step from `step` to `step + 1`, 0 <= step < N; `step == N` proves that there is none.

    UnknownStep; BlobsMissing or L1Unavailable if the data can't be had; ProofRejected if EXECUTE would say false.
    A chunk to be opened takes KZG proofs, on the prover's processes: l1.blobs.open_chunk.
    """
    record = _known(node, batch, step)
    header = record.posted.header
    if step == record.steps:
        final = record.final_state
        return BuiltProof(StepProof(header, final, final, b"", b"", NO_CHUNK, (), b""), None, 0, b"")
    data = await node.data_of(record)
    done: _Executed = await node.in_thread(_execute, node, record, data, step)
    cursor = done.pre.cursor
    forced = done.input.raw if cursor.chunk == 0 and isinstance(done.input, Transaction) else b""
    chunk = NO_CHUNK
    if 1 <= cursor.chunk <= header.chunk_count:
        chunk = await _open(data, cursor.chunk - 1, prover, kind)
    proof = StepProof(
        header, done.pre, done.post, done.parent_header, forced, chunk, done.fragments, encode_witness(done.witness)
    )
    trace = trace_of(node, done.pre, done.post, done.input, done.witness)
    verdict = await node.in_thread(execute, done.pre.state_root, done.post.state_root, done.gas_used, trace)
    if not verdict.result:
        raise ProofRejected(step, verdict)
    return BuiltProof(proof, done.input, done.gas_used, trace)


async def _open(data: BatchData, chunk: int, prover: Prover | None, kind: ChunkProofKind) -> ChunkProof:
    """Chunk `chunk` of a batch, from 0."""
    if data.header.in_calldata:
        chunks = split_chunks(data.data)
        return ChunkProof(chunks[chunk], path=chunk_path(chunks, chunk))
    blob, cell = divmod(chunk, CELLS_PER_BLOB)
    if prover is not None:
        return await open_chunk(prover, data.blobs[blob], cell, kind)
    with contextlib.closing(Prover()) as own:
        return await open_chunk(own, data.blobs[blob], cell, kind)


def trace_of(node: RollupNode, pre: StepState, post: StepState, chosen: Input, witness: Witness) -> bytes:
    """abi.encode(Trace) as the StepVerifier builds it for one step."""
    rules = node.settings.rules
    return encode_trace(
        Trace(rules.chain_id, rules.fork, rules.tx_gas_cap or 0, pre, post, (chosen,), witness)
    )


def _known(node: RollupNode, batch: int | bytes, step: int) -> DerivedRecord:
    record = node.derived(batch)
    if record is None:
        raise UnknownStep(f"batch {batch.hex() if isinstance(batch, bytes) else batch} is not derived here")
    if not 0 <= step <= record.steps:
        raise UnknownStep(f"batch {record.index} has {record.steps} steps, there is no step {step}")
    return record


def _start(node: RollupNode, record: DerivedRecord) -> StepState:
    state = node.state_before(record)
    if state is None:
        raise UnknownStep(f"the parent of batch {record.index} is not derived here")
    return state


def _replay(node: RollupNode, record: DerivedRecord, data: BatchData, step: int) -> StepState:
    deriver = node.deriver(data, _start(node, record))
    for _ in range(step):
        deriver.step()
    return deriver.state


def _execute(node: RollupNode, record: DerivedRecord, data: BatchData, step: int) -> _Executed:
    deriver = node.deriver(data, _start(node, record))
    for _ in range(step):
        deriver.step()
    pre, machine, chosen = deriver.state, deriver.machine, deriver.next_input()
    post, gas_used, witness = build_witness(
        node.settings.rules, pre, [chosen], machine.roots_source(), machine.header
    )
    if (commitment(pre), commitment(post)) != (record.commitment(step), record.commitment(step + 1)):
        raise UnknownStep(f"batch {record.index}, step {step}: the record disagrees with a second derivation")
    derived_start = pre.cursor.chunk == 0 and pre.cursor.item == 0
    parent_header = machine.header(pre.block_hash) if derived_start else b""
    joined = pre.fragments_size > 0 and isinstance(chosen, Transaction)
    fragments = pending_fragments(data, pre, node.settings.rules.chain_id) if joined else ()
    return _Executed(pre, post, chosen, gas_used, witness, parent_header, fragments)
