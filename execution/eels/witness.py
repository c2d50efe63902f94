"""What a witness holds, by hash: so each item is what it claims to be, and one that is missing is never "empty"."""

from __future__ import annotations

from ethereum.crypto.hash import keccak256

from execution.errors import InvalidWitness
from execution.types import Witness

# How many, and bytes of one: the limits of EIP-8025, for codes as in execution/execute.py.
LIMITS = {
    "state": (1 << 20, 1 << 20),
    "codes": (1 << 16, 1 << 16),
    "headers": (256, 1 << 10),
}


class Hashed:
    """Nodes, codes and headers of a witness. The getters raise InvalidWitness."""

    def __init__(self, witness: Witness) -> None:
        for name, (count, size) in LIMITS.items():
            items = getattr(witness, name)
            if len(items) > count or max(map(len, items), default=0) > size:
                raise InvalidWitness(f"{name}: more than {count} or one larger than {size} bytes")
        self._nodes = {bytes(keccak256(item)): item for item in witness.state}
        self._codes = {bytes(keccak256(item)): item for item in witness.codes}
        self._headers = {bytes(keccak256(item)): item for item in witness.headers}

    def node(self, wanted: bytes) -> bytes:
        return _get(self._nodes, wanted, "node")

    def code(self, wanted: bytes) -> bytes:
        return _get(self._codes, wanted, "code")

    def header(self, wanted: bytes) -> bytes:
        return _get(self._headers, wanted, "header")


def _get(items: dict[bytes, bytes], wanted: bytes, kind: str) -> bytes:
    found = items.get(bytes(wanted))
    if found is None:
        raise InvalidWitness(f"the witness lacks {kind} 0x{wanted.hex()}")
    return found
