"""What the challenger's own node knows. Narrow, so that tests and other L2 clients can stand in for the node."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any, Protocol, Self

from lru import LRU

from challenger.claims import Trace, Unknown
from derivation.node import RollupNode
from derivation.proof import UnknownStep, build_step_proof
from l1.blobs import ChunkProofKind
from l1.kzg import Prover

KEPT_PROOFS = 16


class ProofStruct(Protocol):
    """`StepProof` in IRollup.sol."""

    @property
    def witness(self) -> bytes: ...

    def staged(self, pointers: tuple[bytes, ...]) -> Self:
        """The same with its witness at these addresses, 20 bytes each."""
        ...

    def as_tuple(self) -> tuple[Any, ...]: ...


@dataclass(frozen=True, slots=True)
class ReadyProof:
    """`gas_used`: L2 gas of the step, what EXECUTE is paid for; `witness_size` in bytes."""

    struct: ProofStruct
    gas_used: int
    witness_size: int


class Knowledge(Protocol):
    """Answers by batch hash, which fixes everything a batch does."""

    def trace(self, batch_hash: bytes) -> Trace | Unknown: ...

    async def step_proof(self, batch_hash: bytes, step: int) -> ReadyProof:
        """Of the step that starts after `step` steps; of the batch's end if it has no more. LookupError, BlobsMissing,
        L1Unavailable."""
        ...


class NodeKnowledge:
    """What a RollupNode has derived from L1. The newest proofs are kept: they are dear, and asked for again on retries
    and for other assertions that are wrong at the same step."""

    def __init__(self, node: RollupNode, prover: Prover, chunk_proofs: ChunkProofKind = ChunkProofKind.CELL) -> None:
        self._node = node
        self._prover = prover
        self._chunk_proofs = chunk_proofs
        self._proofs: LRU[tuple[bytes, int], ReadyProof] = LRU(KEPT_PROOFS)
        self._proving = asyncio.Lock()  # one at a time: each uses all of the prover's processes

    def trace(self, batch_hash: bytes) -> Trace | Unknown:
        record = self._node.derived(batch_hash)
        if record is None:
            return self._not_derived()
        if not self._node.is_on_l1(batch_hash):
            return Unknown(f"batch {record.index} is not on L1 as our node sees it")
        return record

    def _not_derived(self) -> Unknown:
        if self._node.failure is not None:
            return Unknown(f"our node can't read L1: {self._node.failure}", alarm=True)
        if (blocked := self._node.blocked) is not None:
            return Unknown(f"batch {blocked.posted.header.index} can't be derived: {blocked.reason}", alarm=True)
        if (trouble := self._node.trouble) is not None:
            return Unknown(f"the batch isn't derived, and {trouble}", alarm=True)
        return Unknown("the batch isn't derived yet")

    async def step_proof(self, batch_hash: bytes, step: int) -> ReadyProof:
        async with self._proving:
            known: ReadyProof | None = self._proofs.get((batch_hash, step))
            if known is not None:
                return known
            try:
                built = await build_step_proof(self._node, batch_hash, step, self._prover, self._chunk_proofs)
            except UnknownStep as error:
                raise LookupError(str(error)) from error
            ready = ReadyProof(built.proof, built.gas_used, len(built.proof.witness))
            self._proofs[batch_hash, step] = ready
            return ready
