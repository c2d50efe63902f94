"""Cuts a batch's steps into segments that one L1 transaction each can prove. Pure.

What a segment takes is known in parts: the L2 gas of its steps exactly, its chunks' share of calldata and L1 gas nearly, its
witness only once it is built. So the first cut goes by an estimate of the witness; whoever builds a segment and finds that it
does not fit says by how much, and gets a shorter one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from challenger.pieces import MAX_TRANSACTION_GAS, can_be_proved
from l1.blobs import ChunkProofKind

MARGIN = 0.9
"""Of what just fits by an estimate, so much is tried."""

_ENVELOPE = 4_000  # bytes of calldata beside chunks, transactions and witness: both states, the batch header
_CHUNK_BYTES = {ChunkProofKind.CELL: 2_700, ChunkProofKind.POINTS: 8_600, None: 2_500}
_CHUNK_GAS = {ChunkProofKind.CELL: 640_000, ChunkProofKind.POINTS: 3_450_000, None: 40_000}
_DECODING_GAS = 120_000  # of a chunk that a writer filled, beside its items'
_STEP_GAS = 7_000
_CALL_GAS = 420_000  # the transaction, the meter's fixed price, storage
_BYTE_GAS = 32  # calldata, three copies in memory, EXECUTE's price
_WITNESS_BASE = 4_000  # bytes, of a segment that touches next to nothing
_WITNESS_PER_TRANSACTION = 450


@dataclass(frozen=True, slots=True)
class StepCost:
    """`gas`: L2 gas of the step. `chunk`: the data chunk that has to be opened for it, from 0; None: L1 alone has it.
    `size`: bytes of its Input."""

    gas: int
    chunk: int | None
    size: int
    transaction: bool


@dataclass(frozen=True, slots=True)
class Limits:
    """Of one segment. `l2_gas`: what EXECUTE sells in a block. `l1_gas`: of a transaction. `calldata`: bytes. `proofs`: how
    chunks are opened; None: the batch is in calldata."""

    l2_gas: int
    l1_gas: int = MAX_TRANSACTION_GAS
    calldata: int = 100_000
    proofs: ChunkProofKind | None = ChunkProofKind.CELL


@dataclass(frozen=True, slots=True)
class Segment:
    """The steps from `first` to `end`, and what they are thought to take."""

    first: int
    end: int
    l2_gas: int
    calldata: int
    l1_gas: int

    @property
    def steps(self) -> int:
        return self.end - self.first


class DoesNotFit(Exception):
    """A step that no transaction can settle: the batch has to go the optimistic way. `step`: from 0."""

    def __init__(self, step: int, reason: str) -> None:
        self.step, self.reason = step, reason
        super().__init__(f"step {step} can't be settled: {reason}")


def estimate(costs: Sequence[StepCost], first: int, end: int, limits: Limits) -> Segment:
    """What the steps from `first` to `end` take, their witness guessed."""
    some = costs[first:end]
    chunks = len({cost.chunk for cost in some if cost.chunk is not None})
    # What lies in chunks is not in the calldata, but in the trace.
    beside = sum(cost.size for cost in some if cost.chunk is None)
    witness = _WITNESS_BASE + _WITNESS_PER_TRANSACTION * sum(cost.transaction for cost in some)
    calldata = _ENVELOPE + beside + chunks * _CHUNK_BYTES[limits.proofs] + witness
    l1_gas = (_CALL_GAS + chunks * (_CHUNK_GAS[limits.proofs] + _DECODING_GAS) + len(some) * _STEP_GAS
              + calldata * _BYTE_GAS + sum(cost.size for cost in some) * (_BYTE_GAS // 2))
    return Segment(first, end, sum(cost.gas for cost in some), calldata, l1_gas)


def next_segment(costs: Sequence[StepCost], first: int, limits: Limits, most: int | None = None) -> Segment:
    """The longest segment from `first` that should fit, of at most `most` steps, at least one. DoesNotFit if the step has more
    L2 gas than EXECUTE sells in a block."""
    if not 0 <= first < len(costs):
        raise ValueError(f"the batch has {len(costs)} steps, there is none after {first}")
    if costs[first].gas > limits.l2_gas:
        raise DoesNotFit(first, f"it takes {costs[first].gas:,} L2 gas, and EXECUTE sells {limits.l2_gas:,} in an L1 block")
    low, high = 1, min(len(costs) - first, most or len(costs))
    while low < high:  # all that is estimated only grows with the steps
        middle = (low + high + 1) // 2
        if _fits(estimate(costs, first, first + middle, limits), limits):
            low = middle
        else:
            high = middle - 1
    return estimate(costs, first, first + low, limits)


def _fits(segment: Segment, limits: Limits) -> bool:
    return (segment.l2_gas <= limits.l2_gas and segment.calldata <= MARGIN * limits.calldata
            and segment.l1_gas <= MARGIN * limits.l1_gas)


def shorter(segment: Segment, taken: float) -> int:
    """How many steps to try instead of a segment that took `taken` times what there is: fewer, at least one."""
    return max(1, min(segment.steps - 1, int(segment.steps * MARGIN / max(taken, 1.0))))


def segments(costs: Sequence[StepCost], limits: Limits, first: int = 0) -> Iterator[Segment]:
    """All of a batch from step `first` on, as it would be cut if every estimate held. DoesNotFit."""
    while first < len(costs):
        segment = next_segment(costs, first, limits)
        yield segment
        first = segment.end


def check_stageable(step: int, witness: int) -> None:
    """DoesNotFit if no transaction could have EXECUTE read a staged witness of so many bytes."""
    if not can_be_proved(witness):
        raise DoesNotFit(step, f"its witness of {witness:,} bytes is more than one L1 transaction can read")
