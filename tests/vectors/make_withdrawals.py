"""Writes withdrawals.json: an L2 state in which withdrawals were initiated, and proofs of them (docs/protocol.md, section 11).

    python tests/vectors/make_withdrawals.py
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from random import Random
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from eth_abi import encode

from execution.encoding import EMPTY_ROOT, keccak
from execution.trie import NoSource
from execution.world import WorldState

PATH = Path(__file__).with_name("withdrawals.json")
MESSAGE_PASSER = bytes.fromhex("7665726469637400000000000000000000000001")
IMPOSTOR = b"\x1b" * 20  # has the same slots, but isn't the MessagePasser
ACCOUNTS, WITHDRAWALS, PROVED = 300, 300, 6

Message = tuple[int, bytes, bytes, int, bytes]


def message(nonce: int, random: Random) -> Message:
    """nonce, sender, target, value in wei, data."""
    return nonce, random.randbytes(20), b"\x7a" + random.randbytes(19), random.randrange(10**9), random.randbytes(7 * nonce)


def message_hash(m: Message) -> bytes:
    """keccak256(abi.encode(WithdrawalMessage))"""
    nonce, sender, target, value, data = m
    return keccak(encode(["(uint256,address,address,uint256,bytes)"], [(nonce, "0x" + sender.hex(), "0x" + target.hex(), value, data)]))


def slot_of(m: Message) -> int:
    """Of `sent[hash]`, a mapping at slot 0."""
    return int.from_bytes(keccak(message_hash(m) + bytes(32)))


def shown(m: Message) -> dict[str, Any]:
    nonce, sender, target, value, data = m
    return {"nonce": nonce, "sender": "0x" + sender.hex(), "target": "0x" + target.hex(), "value": value,
            "data": "0x" + data.hex(), "hash": "0x" + message_hash(m).hex()}


def nodes(proof: list[bytes]) -> list[str]:
    return ["0x" + node.hex() for node in proof]


def build() -> dict[str, Any]:
    random = Random(5)
    world = WorldState(NoSource(), EMPTY_ROOT)
    for _ in range(ACCOUNTS):
        world.set_balance(random.randbytes(20), random.randrange(1, 10**20))
    sent = [message(nonce, random) for nonce in range(WITHDRAWALS)]
    never, elsewhere, odd = (message(nonce, random) for nonce in (3, 4, 5))
    for each in (MESSAGE_PASSER, IMPOSTOR):
        world.set_nonce(each, 1)
    for m in sent:
        world.set_storage(MESSAGE_PASSER, slot_of(m), 1)
    world.set_storage(IMPOSTOR, slot_of(elsewhere), 1)
    for _ in range(20):
        world.set_storage(IMPOSTOR, random.getrandbits(256), 1)
    world.set_storage(MESSAGE_PASSER, slot_of(odd), 2)  # no contract writes that
    return {
        "stateRoot": "0x" + world.root().hex(),
        "accountProof": nodes(world.account_proof(MESSAGE_PASSER)),
        "withdrawals": [
            shown(m) | {"storageProof": nodes(world.storage_proof(MESSAGE_PASSER, slot_of(m)))} for m in sent[:PROVED]
        ],
        # What nodes answer for what isn't there: the way to where it would be.
        "never": shown(never) | {"storageProof": nodes(world.storage_proof(MESSAGE_PASSER, slot_of(never)))},
        "noAccountProof": nodes(world.account_proof(b"\x77" * 20)),
        "elsewhere": shown(elsewhere) | {
            "accountProof": nodes(world.account_proof(IMPOSTOR)),
            "storageProof": nodes(world.storage_proof(IMPOSTOR, slot_of(elsewhere)))},
        "odd": shown(odd) | {"storageProof": nodes(world.storage_proof(MESSAGE_PASSER, slot_of(odd)))},
    }  # fmt: skip


if __name__ == "__main__":
    PATH.write_text(json.dumps(build(), indent=1) + "\n")
