"""A proof is believed only if it leads from the root to the value; whatever else a node gives is refused or left out."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.errors import ProofError
from bridge.state_proof import MAX_NODES, SlotProof, check_slot, prove_slot
from execution.encoding import keccak
from execution.trie import EMPTY_ROOT, NoSource
from execution.world import WorldState
from l1.client import L1Client

WHO, BARE = b"\x0d" * 20, b"\x0e" * 20
words = st.integers(0, 2**256 - 1)


def world_of(slots: dict[int, int], others: int = 40) -> WorldState:
    """A state in which WHO has these slots, among other accounts."""
    world = WorldState(NoSource(), EMPTY_ROOT)
    for each in range(others):
        world.set_balance(keccak(bytes([each]))[:20], each + 1)
    world.set_balance(WHO, 5)
    world.set_balance(BARE, 7)
    for slot, value in slots.items():
        world.set_storage(WHO, slot, value)
    world.root()
    return world


slot_maps = st.dictionaries(words, st.integers(1, 2**256 - 1), min_size=1, max_size=30)


@given(slot_maps, words, st.data())
def test_what_is_there_and_what_is_not(slots: dict[int, int], absent: int, data: st.DataObject) -> None:
    world = world_of(slots)
    for slot in (data.draw(st.sampled_from(sorted(slots))), absent):
        account, storage = world.account_proof(WHO), world.storage_proof(WHO, slot)
        found = check_slot(world.root(), WHO, slot, account, storage)
        assert found == SlotProof(slots.get(slot, 0), tuple(account), tuple(storage))
        # superfluous nodes and another order change nothing: contracts get the path alone
        padded = [*reversed(storage), *world.account_proof(BARE)]
        assert check_slot(world.root(), WHO, slot, [*account, b"\xc0"], padded) == found


@given(slot_maps, st.data())
def test_a_changed_node_never_proves_another_value(slots: dict[int, int], data: st.DataObject) -> None:
    world = world_of(slots)
    slot = data.draw(st.sampled_from(sorted(slots)))
    proofs = [list(world.account_proof(WHO)), list(world.storage_proof(WHO, slot))]
    proof = data.draw(st.sampled_from(proofs))
    place = data.draw(st.integers(0, len(proof) - 1))
    node = bytearray(proof[place])
    at = data.draw(st.integers(0, len(node) - 1))
    node[at] ^= data.draw(st.integers(1, 255))
    proof[place] = bytes(node)
    with pytest.raises(ProofError):
        check_slot(world.root(), WHO, slot, *proofs)


@given(slot_maps, st.binary(min_size=32, max_size=32))
def test_another_root_is_refused(slots: dict[int, int], root: bytes) -> None:
    world = world_of(slots)
    slot = min(slots)
    with pytest.raises(ProofError):
        check_slot(root, WHO, slot, world.account_proof(WHO), world.storage_proof(WHO, slot))
    with pytest.raises(ProofError):  # a node cut off
        check_slot(world.root(), WHO, slot, world.account_proof(WHO)[:-1], world.storage_proof(WHO, slot))


def test_accounts_without_storage_and_no_account() -> None:
    world = world_of({1: 2})
    assert check_slot(world.root(), BARE, 1, world.account_proof(BARE), []).value == 0
    nobody = b"\x99" * 20
    with pytest.raises(ProofError, match="no account"):
        check_slot(world.root(), nobody, 1, world.account_proof(nobody), [])


def test_oversized_proofs_are_not_even_hashed() -> None:
    with pytest.raises(ProofError, match="larger than any"):
        check_slot(bytes(32), WHO, 0, [b"\x00"] * (MAX_NODES + 1), [])
    with pytest.raises(ProofError, match="larger than any"):
        check_slot(bytes(32), WHO, 0, [b"\x00" * 5_000], [])


class Says:
    """A node that answers anything with `answer`."""

    def __init__(self, answer: Any) -> None:
        self._answer = answer

    async def make_request(self, method: str, params: Any) -> dict[str, Any]:
        return {"result": self._answer}


@pytest.mark.parametrize("answer", [
    None, [], "0x", {}, {"accountProof": [], "storageProof": []}, {"accountProof": 5, "storageProof": [{"key": "0x1", "proof": []}]},
    {"accountProof": ["zz"], "storageProof": [{"key": "0x1", "proof": []}]},
    {"accountProof": [], "storageProof": [{"key": "0x2", "proof": []}]},
    {"accountProof": [], "storageProof": [{"key": "0x1", "proof": [None]}]},
])  # fmt: skip
async def test_malformed_answers(answer: Any) -> None:
    with pytest.raises(ProofError):
        await prove_slot(L1Client(transports=[Says(answer)]), WHO, 1, bytes(32), bytes(32))


async def test_a_node_that_answers_right() -> None:
    world = world_of({1: 2, 3: 4})
    answer = {"accountProof": ["0x" + node.hex() for node in world.account_proof(WHO)],
              "storageProof": [{"key": "0x1", "value": "0x63", "proof": ["0x" + node.hex() for node in world.storage_proof(WHO, 1)]}]}
    found = await prove_slot(L1Client(transports=[Says(answer)]), WHO, 1, bytes(32), world.root())
    assert found.value == 2  # not the 99 that it says beside the proof
