"""Million gas a second on loops an attacker might choose: gas does not bound time equally.

python benchmarks/execution/gas_rate.py
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from execution.block import BlockBuilder
from execution.genesis import GenesisAccount, build_genesis
from execution.header import ancestor_hashes
from execution.rules import Rules
from execution.simulation import CallFields
from execution.step import OverlaySource
from execution.trie import NoSource
from execution.types import BlockAttributes
from execution.world import WorldState

ME, BIG = b"\xc1" * 20, b"\xc2" * 20
GAS = 16_777_216


def loop(body: str) -> bytes:
    return bytes.fromhex("5b" + body + "5f56")


# Calls the precompile at `number` with `size` bytes of memory over and over.
def precompile(number: int, size: int) -> str:
    return f"5f5f61{size:04x}5f60{number:02x}5afa50"


LOOPS = {
    "arithmetic": "6001600201600302600160020316" + "50",
    "keccak of 32 bytes": "60205f205f52",
    "cold SLOAD": "5a5450",
    "SSTORE of one slot": "5a5f55",
    "cold BALANCE": "5a3150",
    "CALL into 24 KB of code that jumps": "5f5f5f5f5f73" + BIG.hex() + "5af150",
    "CREATE with 48 KB of zero initcode": "61c0005f5ff050",
    "LOG1 of 32 bytes": "5f60205fa1",
    "MCOPY of 1 KB": "6104005f5f5e",
    "identity of 1 KB": precompile(4, 1024),
    "ecrecover": "601b60205260016040526001606052" + precompile(1, 128),
    "ecadd": precompile(6, 128),
    "ecpairing of 1": precompile(8, 192),
    "blake2f of 0 rounds": precompile(9, 213),
    "BLS12 G1 add": precompile(11, 256),
    "BLS12 G2 MSM of 1": precompile(14, 288),
    "BLS12 pairing of 1": precompile(15, 384),
}


def main() -> None:
    jumper = bytes.fromhex("615ffe56") + bytes(0x5FFE - 4) + b"\x5b\x00"
    for name, body in LOOPS.items():
        alloc = {ME: GenesisAccount(nonce=1, code=loop(body)), BIG: GenesisAccount(nonce=1, code=jumper)}
        genesis, nodes, codes = build_genesis(alloc, 1, 30_000_000, 0, 1)
        world = WorldState(OverlaySource(nodes, codes, NoSource()), genesis.state_root)
        attributes = BlockAttributes(1, bytes(20), bytes(32), 30_000_000, bytes(32))
        hashes = ancestor_hashes(genesis.hash, 0, {}.__getitem__)
        builder = BlockBuilder.open(Rules(1), world, genesis, attributes, hashes)
        gas = GAS // 20 if name.startswith(("BLS", "ec")) else GAS // 4
        start = time.perf_counter()
        builder.call(CallFields(to=ME, gas=gas))
        print(f"{name:38} {gas / 1e6 / (time.perf_counter() - start):8.2f} Mgas/s")


if __name__ == "__main__":
    main()
