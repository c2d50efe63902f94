"""Storage slots proved against a state root (EIP-1186), checked here before a contract has to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bridge.errors import ProofError
from execution.account import address_key, decode_account, slot_key
from execution.encoding import RlpError, as_bytes, as_int, decode, decode_list, keccak
from execution.errors import InvalidWitness
from execution.trie import Trie
from l1.client import L1Block, L1Client, L1Inconsistent, unhex

MAX_NODES = 65
"""Of one proof: a path has 64 nibbles."""
MAX_NODE = 1_024
"""Bytes. A branch of 16 hashes has 532."""
_STATE_ROOT = 3  # of a header's fields


@dataclass(frozen=True, slots=True)
class SlotProof:
    """RLP of the trie nodes from the root down, none too many: as contracts take them. `value` 0: there is no such slot."""

    value: int
    account_proof: tuple[bytes, ...]
    storage_proof: tuple[bytes, ...]


def check_slot(
    state_root: bytes, address: bytes, slot: int, account_proof: Sequence[bytes], storage_proof: Sequence[bytes]
) -> SlotProof:
    """What the nodes prove of `slot` of the account `address` (20 bytes), superfluous ones left out. ProofError."""
    account, on_the_way = _look_up(state_root, address_key(address), account_proof, "account")
    if account is None:
        raise ProofError(f"there is no account 0x{address.hex()} in state 0x{state_root.hex()}")
    try:
        storage_root = decode_account(account).storage_root
    except InvalidWitness as error:
        raise ProofError(str(error)) from None
    stored, below = _look_up(storage_root, slot_key(slot), storage_proof, "storage")
    try:
        value = 0 if stored is None else as_int(decode(stored), 32)
    except RlpError as error:
        raise ProofError(f"slot {slot:#x} holds no number: {error}") from None
    return SlotProof(value, on_the_way, below)


async def prove_slot(rpc: L1Client, address: bytes, slot: int, block_hash: bytes, state_root: bytes) -> SlotProof:
    """By `eth_getProof` of a node that has that block, checked against `state_root`. ProofError; RpcError if the node
    does not know the block, or no longer has its state."""
    answer = await rpc.proof(address, [slot], block_hash)
    account_proof, storage_proof = _read(answer, slot)
    return check_slot(state_root, address, slot, account_proof, storage_proof)


def state_root_of(block: L1Block) -> bytes:
    """Of a header whose hash was checked: 32 bytes."""
    try:
        return as_bytes(decode_list(block.rlp)[_STATE_ROOT], 32)
    except (RlpError, IndexError) as error:
        raise ProofError(f"block 0x{block.hash.hex()} has no state root: {error}") from None


def _look_up(root: bytes, key: bytes, nodes: Sequence[bytes], kind: str) -> tuple[bytes | None, tuple[bytes, ...]]:
    if len(nodes) > MAX_NODES or any(len(node) > MAX_NODE for node in nodes):
        raise ProofError(f"the {kind} proof is larger than any can be")
    trie = Trie(_Nodes(nodes), root, MAX_NODE)
    try:
        return trie.get(key), tuple(trie.proof(key))
    except InvalidWitness as error:
        raise ProofError(f"the {kind} proof does not lead to root 0x{root.hex()}: {error}") from None


class _Nodes:
    """The nodes of a proof as a source."""

    def __init__(self, nodes: Sequence[bytes]) -> None:
        self._nodes = {keccak(node): node for node in nodes}

    def node(self, node_hash: bytes) -> bytes:
        try:
            return self._nodes[node_hash]
        except KeyError:
            raise InvalidWitness(f"node 0x{node_hash.hex()} is missing") from None

    def code(self, code_hash: bytes) -> bytes:
        raise InvalidWitness("a proof has no code")


def _read(answer: Any, slot: int) -> tuple[list[bytes], list[bytes]]:
    """The two lists of nodes in an answer of eth_getProof."""
    try:
        if not isinstance(answer, Mapping):
            raise TypeError("not an object")
        (entry,) = answer["storageProof"]
        if int(entry["key"], 16) != slot:
            raise ValueError("of another slot")
        return [unhex(node) for node in answer["accountProof"]], [unhex(node) for node in entry["proof"]]
    except (KeyError, TypeError, ValueError, L1Inconsistent) as error:
        raise ProofError(f"the node's answer to eth_getProof is malformed: {error}") from None
