"""What the sequencer asks of derivation: batches as L1 has them, re-executed, apart from anything the builder remembers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from chain.view import StoredBlock
from derivation.batch import BatchData
from execution.types import StepState


@dataclass(frozen=True, slots=True)
class DerivedRecord:
    """A batch and what it does. `blocks`: hashes of its L2 blocks, in order; `steps`: N."""

    data: BatchData
    blocks: tuple[bytes, ...]
    steps: int
    final_state: StepState

    @property
    def batch_hash(self) -> bytes:
        return self.data.header.hash


class DerivedChain(Protocol):
    """Follows L1. Its answers change when L1 is reorganised."""

    @property
    def count(self) -> int:
        """How many batches are derived."""
        ...

    def batch_hash(self, index: int) -> bytes | None: ...

    def record(self, index: int) -> DerivedRecord | None:
        """None if that batch isn't derived (any more)."""
        ...

    def block(self, block_hash: bytes) -> StoredBlock | None: ...

    def commitments(self, index: int) -> Sequence[bytes] | None:
        """N + 1 commitments of 31 bytes, step 0's included."""
        ...
