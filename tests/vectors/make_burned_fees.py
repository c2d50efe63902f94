"""Writes tests/vectors/burned_fees.json: headers of an L2 whose blocks burn base fees, and what they burn.

python tests/vectors/make_burned_fees.py
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from execution.block import BlockBuilder
from execution.encoding import EMPTY_ROOT, keccak
from execution.genesis import GenesisAccount, build_genesis
from execution.header import Header
from execution.rules import Rules
from execution.step import OverlaySource
from execution.trie import NoSource
from execution.types import BlockAttributes
from execution.world import WorldState
from tests.unit.execution.wallet import Wallet

PATH = Path(__file__).with_name("burned_fees.json")
WALLET = Wallet.number(77)
BURNER = b"\xb0" * 20  # uses all the gas it is given, so that the base fee moves
INVALID = b"\xfe"
BATCHES = (1, 24, 2, 3)  # blocks of each


def chain(chain_id: int, blocks: int) -> tuple[Header, list[Header]]:
    """Genesis and what follows, with blocks that are empty, nearly empty and more than half full."""
    genesis, nodes, codes = build_genesis(
        {WALLET.address: 10**24, BURNER: GenesisAccount(nonce=1, code=INVALID)}, chain_id, 30_000_000, 1_000, 10**9)
    world = WorldState(OverlaySource(nodes, codes, NoSource()), genesis.state_root)
    headers, hashes, nonce = [genesis], {0: genesis.hash}, 0
    for number in range(1, blocks + 1):
        attributes = BlockAttributes(
            1_000 + 2 * number, b"\xfe" * 20, keccak(b"randao%d" % number), 30_000_000, keccak(b"origin%d" % number))
        builder = BlockBuilder.open(Rules(chain_id), world, headers[-1], attributes, hashes.__getitem__)
        for place in range(number % 3):
            gas = 16_000_000 if number % 4 == 1 and place == 0 else 21_000
            builder.apply(WALLET.typed(chain_id=chain_id, nonce=nonce, tip=1, fee=10**12, gas=gas,
                                       to=BURNER if gas > 21_000 else b"\x99" * 20, value=place))
            nonce += 1
        sealed = builder.seal()
        headers.append(sealed.header)
        hashes[number] = sealed.hash
    return headers[0], headers[1:]


def vectors() -> dict[str, object]:
    genesis, headers = chain(42069, sum(BATCHES))
    assert genesis.withdrawals_root == EMPTY_ROOT
    burned = [header.base_fee_per_gas * header.gas_used for header in headers]
    assert len({header.base_fee_per_gas for header in headers}) > 10 and 0 in burned
    _, foreign = chain(42070, BATCHES[0])
    return {
        "genesis": "0x" + genesis.hash.hex(),
        "batches": list(BATCHES),
        "headers": ["0x" + header.rlp().hex() for header in headers],
        "burned": [str(wei) for wei in burned],
        "foreign": ["0x" + header.rlp().hex() for header in foreign],
    }


if __name__ == "__main__":
    PATH.write_text(json.dumps(vectors(), indent=1) + "\n")
