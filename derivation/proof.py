"""Step proofs: what the StepVerifier contract takes to judge a step, or several in a row, checked here before anyone pays
for it."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

from derivation.batch import BatchData, BatchHeader
from derivation.batches import DerivedBatches
from derivation.inputs import pending_fragments
from derivation.merkle import chunk_path, split_chunks
from derivation.records import DerivedRecord
from execution.abi import commitment, encode_trace, encode_witness, state_tuple
from execution.execute import Verdict, execute
from execution.types import Cursor, Fragment, Input, StepState, Trace, Transaction, Witness
from execution.witness import build_witness
from l1.blobs import ChunkProof, ChunkProofKind, open_chunk
from l1.kzg import CELLS_PER_BLOB, Prover


class UnknownStep(Exception):
    """The batch isn't derived here, or has no such step."""


class ProofRejected(Exception):
    """The proof that was built isn't true by this node's own EXECUTE: a bug, don't send it."""

    def __init__(self, step: int, verdict: Verdict) -> None:
        self.step, self.verdict = step, verdict
        super().__init__(f"the proof from step {step} on is not accepted: {verdict.reason}")


@dataclass(frozen=True, slots=True)
class StepProof:
    """`StepProof` in solidity/src/IRollup.sol. `witness`: RLP([[node...], [code...], [header...]]), empty if it is
    staged; then `witness_pointers` says where, 20 bytes each."""

    batch: BatchHeader
    pre: StepState
    post: StepState
    parent_header: bytes = b""
    forced_transactions: tuple[bytes, ...] = ()
    chunks: tuple[ChunkProof, ...] = ()
    fragments: tuple[bytes, ...] = ()
    witness: bytes = b""
    witness_pointers: tuple[bytes, ...] = ()

    def staged(self, pointers: tuple[bytes, ...]) -> Self:
        """The same proof with its witness at these addresses instead of in it."""
        return replace(self, witness=b"", witness_pointers=pointers)

    def as_tuple(self) -> tuple[Any, ...]:
        """In the shape eth-abi and web3 take."""
        return (
            self.batch.as_tuple(), state_tuple(self.pre), state_tuple(self.post), self.parent_header,
            list(self.forced_transactions), [chunk.as_tuple() for chunk in self.chunks], list(self.fragments),
            self.witness, list(self.witness_pointers),
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class BuiltProof:
    """A proof and what it implies. `trace`: the bytes the contract will give to EXECUTE; `gas_used`: L2 gas EXECUTE
    charges for; `inputs` is empty if the batch has no such step (too many claimed), then nothing is executed."""

    proof: StepProof
    inputs: tuple[Input, ...]
    gas_used: int
    trace: bytes

    @property
    def input(self) -> Input | None:
        """Of a single step; None if the batch has none there."""
        return self.inputs[0] if self.inputs else None

    @property
    def pre_commitment(self) -> bytes:
        return commitment(self.proof.pre)

    @property
    def post_commitment(self) -> bytes:
        return commitment(self.proof.post)


@dataclass(frozen=True, slots=True)
class _Executed:
    """Some steps, executed. `cursors`: where each begins."""

    pre: StepState
    post: StepState
    inputs: tuple[Input, ...]
    cursors: tuple[Cursor, ...]
    gas_used: int
    witness: Witness
    parent_header: bytes
    fragments: tuple[bytes, ...]


async def state_at(node: DerivedBatches, batch: int | bytes, step: int) -> StepState:
    """The StepState after `step` steps of a batch, 0 to N. UnknownStep; BlobsMissing if its data can't be had."""
    record = known_record(node, batch, step)
    if step == record.steps:
        return record.final_state
    if step == 0:
        return start_of(node, record)
    data = await node.data_of(record)
    return await node.in_thread(_replay, node, record, data, step)


async def build_step_proof(
    node: DerivedBatches,
    batch: int | bytes,
    step: int,
    prover: Prover | None = None,
    kind: ChunkProofKind = ChunkProofKind.CELL,
) -> BuiltProof:
    """Proves the step from `step` to `step + 1`, 0 <= step < N; `step == N` proves that there is none. Raises what
    `build_proof` raises."""
    record = known_record(node, batch, step)
    if step == record.steps:
        final = record.final_state
        return BuiltProof(StepProof(record.posted.header, final, final), (), 0, b"")
    return await build_proof(node, batch, step, 1, prover, kind)


async def build_proof(
    node: DerivedBatches,
    batch: int | bytes,
    first: int,
    steps: int,
    prover: Prover | None = None,
    kind: ChunkProofKind = ChunkProofKind.CELL,
) -> BuiltProof:
    """Proves the steps from `first` to `first + steps`, 0 <= first < first + steps <= N.

    UnknownStep; BlobsMissing or L1Unavailable if the data can't be had; ProofRejected if EXECUTE would say false.
    A chunk to be opened takes KZG proofs, on the prover's processes: l1.blobs.open_chunk.
    """
    if steps < 1:
        raise ValueError(f"{steps} steps")
    record = known_record(node, batch, first + steps)
    header = record.posted.header
    data = await node.data_of(record)
    done: _Executed = await node.in_thread(_execute, node, record, data, first, steps)
    starts = list(zip(done.cursors, done.inputs, strict=True))
    forced = tuple(chosen.raw for at, chosen in starts if at.chunk == 0 and isinstance(chosen, Transaction))
    wanted = dict.fromkeys(at.chunk - 1 for at in done.cursors if 1 <= at.chunk <= header.chunk_count)
    chunks = await _open_all(data, list(wanted), prover, kind)
    proof = StepProof(header, done.pre, done.post, done.parent_header, forced, chunks, done.fragments,
                      encode_witness(done.witness))
    trace = trace_of(node, done.pre, done.post, done.inputs, done.witness)
    verdict = await node.in_thread(execute, done.pre.state_root, done.post.state_root, done.gas_used, trace)
    if not verdict.result:
        raise ProofRejected(first, verdict)
    return BuiltProof(proof, done.inputs, done.gas_used, trace)


async def _open_all(
    data: BatchData, chunks: list[int], prover: Prover | None, kind: ChunkProofKind
) -> tuple[ChunkProof, ...]:
    """These chunks of a batch, from 0."""
    if data.header.in_calldata:
        every = split_chunks(data.data)
        return tuple(ChunkProof(every[chunk], path=chunk_path(every, chunk)) for chunk in chunks)
    with contextlib.ExitStack() as stack:
        if prover is None and chunks:
            prover = stack.enter_context(contextlib.closing(Prover()))
        return tuple([await _open(data, chunk, prover, kind) for chunk in chunks])


async def _open(data: BatchData, chunk: int, prover: Prover | None, kind: ChunkProofKind) -> ChunkProof:
    assert prover is not None
    blob, cell = divmod(chunk, CELLS_PER_BLOB)
    return await open_chunk(prover, data.blobs[blob], cell, kind)


def trace_of(node: DerivedBatches, pre: StepState, post: StepState, inputs: tuple[Input, ...], witness: Witness) -> bytes:
    """abi.encode(Trace) as the StepVerifier builds it."""
    rules = node.settings.rules
    return encode_trace(Trace(rules.chain_id, rules.fork, rules.tx_gas_cap or 0, pre, post, inputs, witness))


def known_record(node: DerivedBatches, batch: int | bytes, step: int) -> DerivedRecord:
    record = node.derived(batch)
    if record is None:
        raise UnknownStep(f"batch {batch.hex() if isinstance(batch, bytes) else batch} is not derived here")
    if not 0 <= step <= record.steps:
        raise UnknownStep(f"batch {record.index} has {record.steps} steps, there is no step {step}")
    return record


def start_of(node: DerivedBatches, record: DerivedRecord) -> StepState:
    state = node.state_before(record)
    if state is None:
        raise UnknownStep(f"the parent of batch {record.index} is not derived here")
    return state


def _replay(node: DerivedBatches, record: DerivedRecord, data: BatchData, step: int) -> StepState:
    deriver = node.deriver(data, start_of(node, record))
    for _ in range(step):
        deriver.step()
    return deriver.state


def _execute(node: DerivedBatches, record: DerivedRecord, data: BatchData, first: int, steps: int) -> _Executed:
    deriver = node.deriver(data, start_of(node, record))
    for _ in range(first):
        deriver.step()
    pre, machine = deriver.state, deriver.machine
    source = machine.roots_source()
    parent_header = machine.header(pre.block_hash) if pre.cursor.chunk == 0 and pre.cursor.item == 0 else b""
    inputs: list[Input] = []
    cursors: list[Cursor] = []
    while len(inputs) < steps:
        cursors.append(deriver.state.cursor)
        inputs.append(deriver.next_input())
        if len(inputs) < steps:
            deriver.step()
    post, gas_used, witness = build_witness(node.settings.rules, pre, inputs, source, machine.header)
    if (commitment(pre), commitment(post)) != (record.commitment(first), record.commitment(first + steps)):
        raise UnknownStep(f"batch {record.index}, step {first}: the record disagrees with a second derivation")
    return _Executed(pre, post, tuple(inputs), tuple(cursors), gas_used, witness, parent_header,
                     _pending(data, pre, inputs, node.settings.rules.chain_id))


def _pending(data: BatchData, pre: StepState, inputs: Sequence[Input], chain_id: int) -> tuple[bytes, ...]:
    """The fragments pending at `pre`, if the first Input that is none may be what joins them."""
    joining = next((chosen for chosen in inputs if not isinstance(chosen, Fragment)), None)
    if pre.fragments_size > 0 and isinstance(joining, Transaction):
        return pending_fragments(data, pre, chain_id)
    return ()
