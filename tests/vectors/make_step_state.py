"""Writes tests/vectors/step_state.json: StepStates as `abi.encode` gives them, and their commitments.

python tests/vectors/make_step_state.py
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from execution.abi import commitment, encode_state
from execution.encoding import EMPTY_ROOT, keccak
from execution.types import BlockAttributes, Cursor, OpenBlock, StepState, Withdrawal

PATH = Path(__file__).with_name("step_state.json")


def states() -> dict[str, StepState]:
    attributes = BlockAttributes(
        timestamp=1_700_000_000,
        fee_recipient=bytes(range(20)),
        prev_randao=keccak(b"randao"),
        gas_limit=30_000_000,
        parent_beacon_block_root=keccak(b"origin"),
    )
    withdrawals = tuple(Withdrawal(i, 0, keccak(bytes((i,)))[:20], 10**9 + i) for i in range(3))
    fresh = OpenBlock(
        number=1,
        attributes=attributes,
        base_fee_per_gas=10**9,
        excess_blob_gas=0,
        transaction_count=0,
        gas_used=0,
        logs_bloom=bytes(256),
        transactions_root=EMPTY_ROOT,
        receipts_root=EMPTY_ROOT,
        deposit_requests=b"",
    )
    full = OpenBlock(
        number=2**64 - 1,
        attributes=BlockAttributes(
            timestamp=2**64 - 1,
            fee_recipient=b"\xff" * 20,
            prev_randao=b"\xff" * 32,
            gas_limit=2**64 - 1,
            parent_beacon_block_root=b"\xff" * 32,
            extra_data=b"\xff" * 32,
            withdrawals=withdrawals,
        ),
        base_fee_per_gas=2**256 - 1,
        excess_blob_gas=2**64 - 1,
        transaction_count=7,
        gas_used=147_000,
        logs_bloom=b"\xaa" * 256,
        transactions_root=keccak(b"transactions"),
        receipts_root=keccak(b"receipts"),
        deposit_requests=b"\x01" * 192,
    )
    root, block_hash = keccak(b"state"), keccak(b"block")
    return {
        "genesis": StepState(root, block_hash),
        "between batches": StepState(root, block_hash, cursor=Cursor(9, 0, 0)),
        "open block": StepState(root, block_hash, fresh, cursor=Cursor(0, 0, 1)),
        "open block, everything set": StepState(
            root, block_hash, full, keccak(b"fragments"), 131_072, Cursor(2**64 - 1, 385, 31)
        ),
        "fragments pending": StepState(root, block_hash, fresh, keccak(b"fragment"), 1, Cursor(3, 2, 1)),
    }


def vectors() -> list[dict[str, str]]:
    return [
        {
            "name": name,
            "state": "0x" + encode_state(state).hex(),
            "commitment": "0x" + commitment(state).hex(),
        }
        for name, state in states().items()
    ]


def render() -> str:
    return json.dumps(vectors(), indent=1) + "\n"


if __name__ == "__main__":
    PATH.write_text(render())
