"""What a node keeps of each derived batch, and how it lies in the chain's database.

A batch hash fixes everything a batch does (its parent, data, L1 origin and with that its deposits and forced
transactions), so a record by hash never changes. Which batches are on L1, and where, is kept apart.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from functools import cached_property

import rlp

from derivation.batch import BatchData, Inclusion
from derivation.inbox import PostedBatch, batch_from_json, batch_to_json
from execution.abi import COMMITMENT_SIZE, decode_state, encode_state
from execution.types import StepState

RECORD_PREFIX = b"derivation/batch/"  # + batch hash -> DerivedRecord
CALLDATA_PREFIX = b"derivation/calldata/"  # + batch hash -> the chunks of a batch in calldata
PLACE_PREFIX = b"derivation/place/"  # + index, 8 bytes -> batch hash and Inclusion
TRACKER_KEY = b"derivation/l1"  # InboxTracker's snapshot
_RECORD_VERSION = b"\x02"


@dataclass(frozen=True)
class DerivedRecord:
    """What a batch does. `posted` is without pages and calldata. `commitments`: after 0, 1, .. N steps, 31 bytes each,
    end to end."""

    posted: PostedBatch
    commitment_bytes: bytes
    final_state: StepState
    block_hashes: tuple[bytes, ...]  # of the L2 blocks, in order; at least one
    last_number: int  # of the last of them

    @property
    def index(self) -> int:
        return self.posted.header.index

    @property
    def hash(self) -> bytes:
        """Batch hash."""
        return self.posted.hash

    @property
    def steps(self) -> int:
        """N."""
        return len(self.commitment_bytes) // COMMITMENT_SIZE - 1

    def commitment(self, step: int) -> bytes:
        """After `step` steps, 0 to N: 31 bytes."""
        if not 0 <= step <= self.steps:
            raise IndexError(f"batch {self.index} has {self.steps} steps, there is no step {step}")
        return self.commitment_bytes[COMMITMENT_SIZE * step : COMMITMENT_SIZE * (step + 1)]

    @cached_property
    def commitments(self) -> tuple[bytes, ...]:
        """All N + 1."""
        return tuple(self.commitment(step) for step in range(self.steps + 1))

    @property
    def last_block_hash(self) -> bytes:
        return self.block_hashes[-1]

    @property
    def first_number(self) -> int:
        return self.last_number - len(self.block_hashes) + 1

    def data(self, blobs: tuple[bytes, ...], pages: tuple[bytes, ...], data: bytes) -> BatchData:
        """The batch, given its blobs or its calldata, and its pages' contents, again."""
        return replace(self.posted, pages=pages, data=data).with_blobs(blobs)


def encode_record(record: DerivedRecord) -> bytes:
    return _RECORD_VERSION + rlp.encode([
        batch_to_json(record.posted).encode(),
        record.commitment_bytes,
        encode_state(record.final_state),
        list(record.block_hashes),
        record.last_number,
    ])  # fmt: skip


def decode_record(data: bytes) -> DerivedRecord:
    """ValueError if it was written by another version."""
    if data[:1] != _RECORD_VERSION:
        raise ValueError(f"a batch record of version {data[:1].hex()}")
    posted, commitments, state, hashes, number = rlp.decode(data[1:])
    return DerivedRecord(
        batch_from_json(posted), commitments, decode_state(state), tuple(hashes), int.from_bytes(number, "big")
    )


def record_key(batch_hash: bytes) -> bytes:
    return RECORD_PREFIX + batch_hash


def calldata_key(batch_hash: bytes) -> bytes:
    return CALLDATA_PREFIX + batch_hash


def place_key(index: int) -> bytes:
    return PLACE_PREFIX + index.to_bytes(8, "big")


def encode_place(batch_hash: bytes, inclusion: Inclusion) -> bytes:
    return json.dumps([
        batch_hash.hex(), inclusion.block_number, inclusion.block_hash.hex(), inclusion.block_timestamp,
        inclusion.transaction_hash.hex(), inclusion.poster.hex(),
    ]).encode()  # fmt: skip


def decode_place(data: bytes) -> tuple[bytes, Inclusion]:
    """(batch hash, where it lies)."""
    batch_hash, number, block_hash, timestamp, transaction, poster = json.loads(data)
    inclusion = Inclusion(
        number, bytes.fromhex(block_hash), timestamp, bytes.fromhex(transaction), bytes.fromhex(poster)
    )
    return bytes.fromhex(batch_hash), inclusion
