"""Data as contract code at an address that follows from it: what solidity/src/Stage.sol and Dictionary.sol do with
SSTORE2. Pure."""

from __future__ import annotations

from execution.encoding import keccak

MAX_POINTER_DATA = 24_575
"""Bytes: the largest contract (EIP-170) without the STOP that it begins with."""

_SALT = bytes(32)


def pointer_address(contract: bytes, data: bytes) -> bytes:
    """Where `contract` (20 bytes) puts `data` (CREATE2, EIP-1014): 20 bytes."""
    return keccak(b"\xff" + contract + _SALT + keccak(creation_code(data)))[12:]


def creation_code(data: bytes) -> bytes:
    """SSTORE2's: PUSH2 size, DUP1, PUSH1 10, RETURNDATASIZE, CODECOPY, RETURNDATASIZE, RETURN; then 0x00 and the data,
    which it returns. `data`: at most MAX_POINTER_DATA bytes."""
    return b"\x61" + (1 + len(data)).to_bytes(2, "big") + bytes.fromhex("80600a3d393df3") + b"\x00" + data
