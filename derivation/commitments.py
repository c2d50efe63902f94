"""Checkpoints: every stride-th commitment of a batch, in field elements of blobs (docs/protocol.md, section 5)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from l1.blobs import ELEMENTS_PER_BLOB, element_of, pack_elements
from l1.kzg import Opening, Prover, commitment_of

COMMITMENT_SIZE = 31


@dataclass(frozen=True, slots=True)
class CheckpointProof:
    """Opens two checkpoints; `CheckpointOpening` in solidity/src/IRollup.sol.

    `commitments`: KZG commitment (48 bytes) of the blob of each, the same one twice if it is one blob.
    """

    commitments: tuple[bytes, bytes]
    elements: tuple[Opening, Opening]

    def as_tuple(self) -> tuple:
        """In the shape eth-abi and web3 take."""
        return list(self.commitments), [(opening.value, opening.proof) for opening in self.elements]


def effective_stride(stride: int, steps: int) -> int:
    """The stride in steps; 0 in a configuration means a whole batch."""
    return stride or steps


def checkpoint_count(steps: int, stride: int) -> int:
    """M = ceil(N / stride) + 1."""
    return -(-steps // effective_stride(stride, steps)) + 1


def checkpoint_step(checkpoint: int, steps: int, stride: int) -> int:
    """The step that checkpoint is the commitment after: min(j * stride, N)."""
    return min(checkpoint * effective_stride(stride, steps), steps)


def checkpoints(commitments: Sequence[bytes], stride: int) -> list[bytes]:
    """The checkpoints (31 bytes each) among the N + 1 commitments of a batch's steps, step 0's included."""
    steps = len(commitments) - 1
    return [commitments[checkpoint_step(j, steps, stride)] for j in range(checkpoint_count(steps, stride))]


def checkpoint_blobs(commitments: Sequence[bytes], stride: int) -> list[bytes]:
    """The blobs an assertion carries: checkpoint j is element j % 4096 of blob j // 4096, 0x00 ‖ commitment."""
    return pack_elements(checkpoints(commitments, stride))


def checkpoints_in(blobs: Sequence[bytes], steps: int, stride: int) -> list[bytes]:
    """The field elements (32 bytes each) an assertion's blobs hold at the checkpoints' places.

    An honest element is 0x00 ‖ commitment; one with another first byte disputes itself. Places beyond the blobs
    given are left out.
    """
    data = b"".join(blobs)
    count = min(checkpoint_count(steps, stride), len(data) // 32)
    return [data[32 * j : 32 * (j + 1)] for j in range(count)]


def first_wrong(claimed: Sequence[bytes], right: Sequence[bytes]) -> int | None:
    """Index of the first checkpoint that isn't as it should be, None if all are.

    `claimed`: 32-byte elements, `right`: 31-byte commitments. A missing element is wrong; extra ones are ignored.
    """
    for index, commitment in enumerate(right):
        if index >= len(claimed) or claimed[index] != b"\x00" + commitment:
            return index
    return None


async def open_checkpoints(prover: Prover, blobs: Sequence[bytes], first: int, second: int) -> CheckpointProof:
    """Openings of the checkpoints `first` and `second` (j and j+1, or 0 and M-1): two proofs of 55 ms."""
    places = [(blobs[j // ELEMENTS_PER_BLOB], j % ELEMENTS_PER_BLOB) for j in (first, second)]
    if places[0][0] == places[1][0]:
        opened = await prover.open_elements(places[0][0], [places[0][1], places[1][1]])
    else:
        opened = [(await prover.open_elements(blob, [index]))[0] for blob, index in places]
    commitments = tuple(commitment_of(blob) for blob, _ in places)
    assert all(opening.value == element_of(blob, index) for opening, (blob, index) in zip(opened, places))
    return CheckpointProof(commitments, tuple(opened))  # type: ignore[arg-type]
