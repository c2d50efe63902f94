"""Writes l1_state.json: a state of L1 with its block's header, and proofs of what it has (docs/protocol.md, section 12).

    python tests/vectors/make_l1_state.py
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from random import Random
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from execution.block import HISTORY_STORAGE_ADDRESS
from execution.encoding import EMPTY_ROOT, keccak
from execution.header import Header
from execution.trie import NoSource
from execution.world import WorldState

PATH = Path(__file__).with_name("l1_state.json")
CONTRACT = b"\xc0" * 20
NUMBER, WINDOW = 20_000, 8_191


def shown(values: list[bytes]) -> list[str]:
    return ["0x" + value.hex() for value in values]


def build() -> dict[str, Any]:
    random = Random(12)
    world = WorldState(NoSource(), EMPTY_ROOT)
    for _ in range(300):
        world.set_balance(random.randbytes(20), random.randrange(1, 10**20))
    world.set_nonce_and_balance(CONTRACT, 7, 10**18 + 1)
    world.set_code(CONTRACT, b"\xfe any code")
    slots = {random.getrandbits(256): random.getrandbits(bits) or 1 for bits in (1, 7, 8, 64, 255, 256) for _ in range(20)}
    for slot, value in slots.items():
        world.set_storage(CONTRACT, slot, value)
    world.set_nonce(HISTORY_STORAGE_ADDRESS, 1)
    hashes = {number: random.randbytes(32) for number in (NUMBER - WINDOW, *range(NUMBER - 300, NUMBER))}
    for number, block_hash in hashes.items():
        world.set_storage(HISTORY_STORAGE_ADDRESS, number % WINDOW, int.from_bytes(block_hash))
    header = Header(
        parent_hash=hashes[NUMBER - 1], fee_recipient=bytes(20), state_root=world.root(), number=NUMBER, gas_limit=36_000_000,
        timestamp=1_700_000_000, base_fee_per_gas=10**9, extra_data=b"l1")
    wanted = random.sample(sorted(slots), 6)
    return {
        "header": "0x" + header.rlp().hex(),
        "hash": "0x" + header.hash.hex(),
        "contract": "0x" + CONTRACT.hex(),
        "nonce": 7,
        "balance": 10**18 + 1,
        "codeHash": "0x" + keccak(b"\xfe any code").hex(),
        "accountProof": shown(world.account_proof(CONTRACT)),
        "slots": [{"slot": f"0x{slot:064x}", "value": f"0x{slots[slot]:064x}", "proof": shown(world.storage_proof(CONTRACT, slot))}
                  for slot in wanted],
        "absentSlot": {"slot": f"0x{5:064x}", "proof": shown(world.storage_proof(CONTRACT, 5))},
        "absentAccountProof": shown(world.account_proof(b"\x77" * 20)),
        "history": shown(world.account_proof(HISTORY_STORAGE_ADDRESS)),
        "ancestors": [{"number": number, "hash": "0x" + hashes[number].hex(),
                       "proof": shown(world.storage_proof(HISTORY_STORAGE_ADDRESS, number % WINDOW))}
                      for number in (NUMBER - 300, NUMBER - WINDOW, NUMBER - 1)],
    }  # fmt: skip


if __name__ == "__main__":
    PATH.write_text(json.dumps(build(), indent=1) + "\n")
