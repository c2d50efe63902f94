"""Whatever a sequencer posts, each of its steps can be proved by a transaction that public mempools take: else that step could
be lied about."""

from __future__ import annotations

from random import Random

import pytest

from chain.store import ChainStore
from derivation import proof as proofs
from derivation.codec import MAX_TRANSACTION_SIZE, Item, ItemKind, encode_chunk
from derivation.commitments import CheckpointProof
from derivation.proof import build_step_proof
from execution.types import Fragment, Skip, Transaction
from l1.blobs import ChunkProof, Opening
from l1.contracts import Rollup
from tests.unit.derivation.fake_l1 import FakeL1
from tests.unit.derivation.test_rollup_node import GENESIS, follow, make, transfer
from verdict.config.checks import FULL_TRANSACTION

ENVELOPE = 300  # bytes of an L1 transaction beside its calldata
CHUNKS = 384
POINTERS = 200  # to 4.9 MB of witness
LARGEST_OPENING = ChunkProof(bytes(2048), bytes(48), (bytes(48),) * 64)
FRAGMENT, LAST = ItemKind.FRAGMENT, ItemKind.LAST_FRAGMENT


@pytest.fixture(autouse=True)
def _no_kzg(monkeypatch: pytest.MonkeyPatch) -> None:
    """FakeL1's blobs have no commitments; the largest opening there is stands for each."""

    async def opened(*_: object) -> ChunkProof:
        return LARGEST_OPENING

    monkeypatch.setattr(proofs, "_open", opened)


async def test_the_largest_proof_fits_into_an_l1_transaction() -> None:
    """384 chunks, each but the last with a fragment, in all as large as they may be, after as many deposits as there can be."""
    random, l1 = Random(1), FakeL1()
    for _ in range(16):
        l1.deposit(random.randbytes(20), 1)
    pages = [l1.publish(bytes([n + 1])) for n in range(16)]
    l1.mine()
    part, more = divmod(MAX_TRANSACTION_SIZE - 1, CHUNKS - 1)
    raw = transfer(0, 0, data=random.randbytes(MAX_TRANSACTION_SIZE - 120), gas=5_000_000)
    raw += random.randbytes(MAX_TRANSACTION_SIZE - len(raw))
    pieces, at = [], 0
    for number in range(CHUNKS - 1):
        size = part + (number < more)
        pieces.append(Item(FRAGMENT, raw[at : at + size]))
        at += size
    l1.post([encode_chunk([piece]) for piece in (*pieces, Item(LAST, raw[at:]))], pages=pages)
    l1.mine()
    with ChainStore.open(None, GENESIS) as store:
        node = make(l1, store)
        await follow(node)
        record = node.derived(0)
        assert record is not None
        built = await build_step_proof(node, 0, record.steps - 2)
        assert isinstance(built.input, Transaction) and built.input.raw == raw and len(built.proof.fragments) == CHUNKS - 1
        assert len(calldata(built.proof.staged((bytes(20),) * POINTERS))) + ENVELOPE <= FULL_TRANSACTION
        node.close()


async def test_crumbs_are_no_fragments() -> None:
    """As many as a batch has items: to bring them to L1 would take megabytes."""
    l1 = FakeL1()
    l1.mine()
    raw = transfer(0, 0, data=bytes(63 * 20 - 120))
    crumbs = [Item(FRAGMENT, raw[n : n + 1]) for n in range(len(raw) - 1)] + [Item(LAST, raw[-1:])]
    chunks = [crumbs[at : at + 63] for at in range(0, len(crumbs), 63)]
    l1.post([encode_chunk(items) for items in chunks])
    l1.mine()
    with ChainStore.open(None, GENESIS) as store:
        node = make(l1, store)
        await follow(node)
        record = node.derived(0)
        assert record is not None
        state = node.state_before(record)
        assert state is not None
        deriver = node.deriver(await node.data_of(record), state)
        found = []
        while not deriver.ended:
            found.append(type(deriver.next_input()))
            deriver.step()
            assert deriver.state.fragments_size <= len(chunks)
        assert found.count(Fragment) == len(chunks) - 1 and Transaction not in found[2:] and found.count(Skip) > 1000
        node.close()


def calldata(proof: proofs.StepProof) -> bytes:
    ends = CheckpointProof((bytes(48),) * 2, (Opening(bytes(32), bytes(48)),) * 2)
    return Rollup.prove_step(bytes(32), 0, ends, proof)
