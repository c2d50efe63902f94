"""Writes src/KzgSetup.sol: what a cell proof needs of the powers of s that Ethereum's KZG ceremony left.

    python solidity/tools/kzg_setup.py          needs py-evm's copy of the ceremony's output and py_arkworks_bls12381

Page: [s^0]_1 to [s^63]_1 (x ‖ y, 48 bytes each), then [s^64]_2 and -[1]_2 (x.c0 ‖ x.c1 ‖ y.c0 ‖ y.c1, 48 bytes each):
6,528 bytes. Each power is checked against the one before it by a pairing.
"""

from __future__ import annotations

from pathlib import Path

import eth._utils
from eth_hash.auto import keccak
from py_arkworks_bls12381 import GT, G1Point, G2Point

CELL = 64
SOURCE = Path(__file__).parent.parent / "src" / "KzgSetup.sol"
_CODE_START = b"\0"  # STOP: the page can't be called

_CONTRACT = """\
// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

// Hash of KzgSetup's code.
bytes32 constant KZG_SETUP_HASH = {hash};

/// What a cell proof needs of Ethereum's KZG ceremony, s being its secret. The code is data: a STOP, [s^0]_1 to [s^63]_1 (x and
/// y, 48 bytes each), [s^64]_2 and -[1]_2 (x.c0, x.c1, y.c0 and y.c1, 48 bytes each). Made by tools/kzg_setup.py.
contract KzgSetup {{
    constructor() {{
        bytes memory code = hex"00"
{rows};
        assembly ("memory-safe") {{
            return(add(code, 0x20), mload(code))
        }}
    }}
}}
"""


def page() -> bytes:
    """The 6,528 bytes. ValueError if the ceremony's output isn't one."""
    text = (Path(eth._utils.__path__[0]) / "kzg_trusted_setup.txt").read_text().split()
    g1_count, g2_count = int(text[0]), int(text[1])
    points = [bytes.fromhex(word) for word in text[2:]]
    g2_start, g1_start = g1_count, g1_count + g2_count  # Lagrange points first, then monomial ones
    g1 = [G1Point.from_compressed_bytes(point) for point in points[g1_start : g1_start + CELL + 1]]
    g2 = [G2Point.from_compressed_bytes(points[g2_start + power]) for power in (0, 1, CELL)]
    if g1[0] != G1Point() or g2[0] != G2Point():
        raise ValueError("the setup doesn't begin with the generators")
    for lower, higher in zip(g1, g1[1:]):
        if not GT.pairing_check([lower, -higher], [g2[1], g2[0]]):
            raise ValueError("the setup's points are not the powers of one number")
    if not GT.pairing_check([g1[0], -g1[CELL]], [g2[2], g2[0]]):
        raise ValueError(f"[s^{CELL}]_2 is not [s^{CELL}]_1's")
    return b"".join(point.to_xy_bytes_be() for point in [*g1[:CELL], g2[2], -g2[0]])


def source() -> str:
    """KzgSetup.sol."""
    data = page()
    rows = "\n".join(f'            hex"{data[pos : pos + 48].hex()}"' for pos in range(0, len(data), 48))
    return _CONTRACT.format(hash="0x" + keccak(_CODE_START + data).hex(), rows=rows)


if __name__ == "__main__":
    SOURCE.write_text(source())
