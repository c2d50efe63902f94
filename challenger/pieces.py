"""A witness too large for one transaction, cut into pieces that are staged as contract code (docs/protocol.md, section
8, "Staged"; solidity/src/Stage.sol). Pure.

A piece's address follows from the Stage contract's and from its bytes alone. So whoever has the same witness finds on L1
what was staged of it before, by whomever: nothing has to be remembered.
"""

from __future__ import annotations

from dataclasses import dataclass

from l1.pointers import MAX_POINTER_DATA, pointer_address

MAX_PIECE = MAX_POINTER_DATA  # bytes
MAX_TRANSACTION_GAS = 1 << 24
"""L1 gas of one transaction at most (EIP-7825)."""

# A cold account (EIP-2929) for the contract, which asks for its size, a warm one for EXECUTE, calldata and memory.
_POINTER_GAS = 2_600 + 100 + 1_100
_STAGED_WORD_GAS = 3  # EXECUTE's `staged_gas_per_word`
_TRANSACTION_GAS = 21_000
_BYTE_GAS, _ZERO_BYTE_GAS = 16, 4
_FLOOR_BYTE_GAS, _FLOOR_ZERO_BYTE_GAS = 40, 10  # EIP-7623
_CREATE_GAS = 32_000
_CODE_BYTE_GAS = 200
_WORD_GAS = 32  # two hashes, two copies and init code (EIP-3860) take 20 a word, two memories as large 6 to 12
_OVERHEAD_GAS = 20_000  # everything else that Stage.sol does: it takes half of it


@dataclass(frozen=True, slots=True)
class Piece:
    """`data`: 1 to MAX_PIECE bytes; `address`: 20 bytes, where it lies once it is staged."""

    data: bytes
    address: bytes

    @property
    def code(self) -> bytes:
        """What must be there, and nothing else may."""
        return b"\x00" + self.data


def cut(witness: bytes, stage: bytes) -> tuple[Piece, ...]:
    """The pieces that make up `witness`, in order, each as large as can be but the last. `stage`: 20 bytes."""
    parts = [witness[start : start + MAX_PIECE] for start in range(0, len(witness), MAX_PIECE)]
    return tuple(Piece(part, pointer_address(stage, part)) for part in parts)


def staging_gas(data: bytes) -> int:
    """L1 gas to allow the transaction that stages `data`: for a whole piece 2% more than it takes."""
    words = len(data) // 32 + 1
    zeros = data.count(0) + 64  # the arguments' head, and padding
    others = len(data) - data.count(0) + 8
    calldata = _BYTE_GAS * others + _ZERO_BYTE_GAS * zeros
    floor = _FLOOR_BYTE_GAS * others + _FLOOR_ZERO_BYTE_GAS * zeros
    inner = _CODE_BYTE_GAS * (1 + len(data))
    inner += -(-inner // 63)  # EIP-150: the frame that creates keeps one part in 64 of its gas
    return _TRANSACTION_GAS + max(floor, calldata + _CREATE_GAS + inner + _WORD_GAS * words + _OVERHEAD_GAS)


def reading_gas(witness_size: int) -> int:
    """L1 gas that a proof takes for a staged witness of so many bytes, beside everything else."""
    pieces = -(-witness_size // MAX_PIECE)
    return pieces * _POINTER_GAS + (witness_size + pieces + 31) // 32 * _STAGED_WORD_GAS


def can_be_proved(witness_size: int) -> bool:
    """Whether pointers to a witness of so many bytes leave a transaction any gas. False: staging it would be for
    nothing."""
    return reading_gas(witness_size) + _TRANSACTION_GAS < MAX_TRANSACTION_GAS
