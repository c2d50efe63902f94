"""The checkpoints an assertion brought to L1: fetched, verified against their hashes, opened for the contract.

Trust: that blobs exist is what L1 vouches for, that they can be *had* depends on beacon nodes and archives. While
nobody gives them, a wrong assertion is known to be wrong and can't be proved to be (docs/protocol.md, section 5: openings are
made from blobs). So they are fetched and kept as soon as an assertion is seen, and a missing one is an alarm.
"""

from __future__ import annotations

from challenger.claims import Assertion, Unknown
from challenger.game import COMMITMENT_SIZE
from derivation.commitments import CheckpointProof, checkpoints_in, open_checkpoints
from l1.blob_client import BlobClient
from l1.blob_sources import BlobsMissing
from l1.client import L1Unavailable
from l1.kzg import Prover

NO_COMMITMENT = bytes(COMMITMENT_SIZE)
"""What an element with a first byte that isn't zero commits to, for the contract too: nothing."""


class CheckpointReader:
    """`stride`: the rollup's, 0 for a whole batch."""

    def __init__(self, beacon: BlobClient, prover: Prover, stride: int) -> None:
        self._beacon = beacon
        self._prover = prover
        self._stride = stride

    async def claimed(self, assertion: Assertion) -> tuple[bytes, ...] | Unknown:
        """The commitments claimed, 31 bytes each."""
        try:
            blobs = await self._beacon.blobs(assertion.created_at, assertion.checkpoint_blobs)
        except BlobsMissing as error:
            return Unknown(str(error), alarm=True)
        except L1Unavailable as error:
            return Unknown(f"no beacon node answers: {error}", alarm=True)
        elements = checkpoints_in(blobs, assertion.steps, self._stride)
        return tuple(each[1:] if each[0] == 0 else NO_COMMITMENT for each in elements)

    async def opening(self, assertion: Assertion, j: int) -> CheckpointProof:
        """Of checkpoints `j` and `j + 1`. BlobsMissing, L1Unavailable."""
        blobs = await self._beacon.blobs(assertion.created_at, assertion.checkpoint_blobs)
        return await open_checkpoints(self._prover, blobs, j, j + 1)
