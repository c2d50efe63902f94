"""Bytes and amounts as the shapes have them."""

from __future__ import annotations

from functools import lru_cache

from eth_utils.address import to_checksum_address


def hexed(value: bytes) -> str:
    return "0x" + value.hex()


@lru_cache(4096)
def address(value: bytes) -> str:
    """Checksummed (EIP-55)."""
    return to_checksum_address(value)


def unhexed(text: str, size: int = 32) -> bytes | None:
    """None unless it is 0x and that many bytes."""
    try:
        value = bytes.fromhex(text.removeprefix("0x"))
    except ValueError:
        return None
    return value if len(value) == size else None
