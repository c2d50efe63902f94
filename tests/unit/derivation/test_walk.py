"""Walking a batch gives the Inputs that deriving it gives, without executing anything."""

from __future__ import annotations

import random

import pytest

from chain.store import ChainStore
from derivation.batch import BatchData, BatchHeader
from derivation.batches import genesis_state
from derivation.codec import CHUNK_SIZE
from derivation.deriver import Deriver, stored_headers
from derivation.walk import steps_with, walk
from execution.encoding import keccak
from execution.genesis import build_genesis
from execution.rules import Rules
from execution.types import BlockStart, Fragment, Skip, Transaction
from tests.unit.derivation.test_hostile_batches import CHAIN, GARBAGE, PARAMS, TIME, literal, varint


def mixed(rng: random.Random) -> bytes:
    """63 items of any kinds in any order; the last one may be a fragment."""
    kinds = bytes(rng.choice((0, 4, 4, 12, 3)) for _ in range(62)) + bytes([rng.choice((8, 8, 12, 3))])
    strings = b"".join(varint(8) + b"\xa7" + rng.randbytes(8) for kind in kinds if kind in (4, 8, 12))
    deltas = bytes(rng.choice((1, 60, 90)) for kind in kinds if kind == 0)
    return literal(kinds + varint(len(deltas)) + deltas + varint(len(strings)) + strings)


def batch(rng: random.Random) -> BatchData:
    chunks = [make() for make, _ in GARBAGE.values()] + [mixed(rng) for _ in range(8)] + [bytes(CHUNK_SIZE)] * 2
    rng.shuffle(chunks)
    data, forced = b"".join(chunks), tuple(rng.randbytes(50) for _ in range(3))
    header = BatchHeader(
        parent_hash=bytes(32), index=0, blob_hashes=(), data_root=b"\x01" * 32, pages=(), chunk_count=len(chunks),
        origin_number=1, origin_hash=bytes(32), origin_timestamp=TIME, origin_prev_randao=bytes(32), deposit_start=0,
        deposit_end=0, forced_start=0, forced_end=len(forced))
    return BatchData(header, (), forced=forced, data=data)


@pytest.mark.parametrize("seed", range(4))
def test_as_it_is_derived(seed: int) -> None:
    given = batch(random.Random(seed))
    genesis = build_genesis({b"\x01" * 20: 10**24}, CHAIN, 30_000_000, 0, 10**9)
    with ChainStore.open(None, genesis) as store:
        deriver = Deriver(Rules(CHAIN), store, stored_headers(store.header_by_hash), genesis_state(genesis[0]), given, PARAMS)
        derived = []
        while not deriver.ended:
            derived.append((len(derived), deriver.state.cursor, deriver.next_input()))
            deriver.step()
    walked = list(walk(given, PARAMS, genesis[0].timestamp))
    assert walked == derived
    kinds = [type(item) for _, _, item in walked]
    assert set(kinds) >= {BlockStart, Transaction, Fragment, Skip} and kinds.count(BlockStart) > 5
    wanted = keccak(given.forced[1])
    assert steps_with(given, PARAMS, 0, wanted) == [2]
    assert steps_with(given, PARAMS, 0, bytes(32)) == []
