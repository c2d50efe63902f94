"""What an asserter claims of a batch. The honest source is the node's own derivation; tests compose dishonest ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from derivation.commitments import checkpoint_blobs
from execution.types import StepState
from l1.blobs import blob_versioned_hash
from l1.events import AssertionMade
from sequencer.derived import DerivedChain


@dataclass(frozen=True, slots=True)
class BatchClaims:
    """`commitments`: N + 1 of 31 bytes, step 0's included. `final_state`: whose commitment the last one is."""

    batch_index: int
    batch_hash: bytes
    commitments: Sequence[bytes]
    final_state: StepState

    @property
    def steps(self) -> int:
        return len(self.commitments) - 1

    def commitment(self, step: int) -> bytes:
        """After `step` steps: what a game is answered with."""
        return self.commitments[step]


class ClaimSource(Protocol):
    """Where an asserter has its claims from."""

    def batch_hash(self, index: int) -> bytes | None:
        """Of the batch on L1, None if there is none (yet)."""
        ...

    async def claims(self, index: int) -> BatchClaims | None:
        """None: not known yet."""
        ...


class DerivedClaims:
    """What the node derived from L1."""

    def __init__(self, derived: DerivedChain) -> None:
        self._derived = derived

    def batch_hash(self, index: int) -> bytes | None:
        return self._derived.batch_hash(index)

    async def claims(self, index: int) -> BatchClaims | None:
        record = self._derived.record(index)
        if record is None:
            return None
        return BatchClaims(index, record.hash, record.commitments, record.final_state)


@dataclass(frozen=True, slots=True)
class Expected:
    """What an assertion of some claims looks like on L1."""

    batch_hash: bytes
    steps: int
    commitment: bytes
    checkpoint_blobs: tuple[bytes, ...]  # versioned hashes

    def is_said_by(self, made: AssertionMade) -> bool:
        if made.settled:
            return (self.batch_hash, self.steps, self.commitment) == (made.batch_hash, made.steps, made.commitment)
        return (self.batch_hash, self.steps, self.commitment, self.checkpoint_blobs) == (
            made.batch_hash, made.steps, made.commitment, made.checkpoint_blobs)


def expected_assertion(claims: BatchClaims, stride: int) -> tuple[Expected, list[bytes]]:
    """It, and the blobs of its checkpoints. A few ms a blob."""
    blobs = checkpoint_blobs(claims.commitments, stride)
    hashes = tuple(blob_versioned_hash(blob) for blob in blobs)
    return Expected(claims.batch_hash, claims.steps, claims.commitments[-1], hashes), blobs
