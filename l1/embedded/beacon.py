"""The consensus layer that isn't there: slots and beacon block roots, all derived from execution blocks.

A block's slot follows from its timestamp. Its beacon root is a hash of its own hash, and the next block carries
that root as its `parent_beacon_block_root`, as on mainnet.
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256

from execution.header import Header

_ROOT_DOMAIN = b"verdict embedded beacon block"
_ROOT_PREFIX = b"beacon-root:"


def beacon_root(block_hash: bytes) -> bytes:
    """Root of the beacon block that carries this execution block. 32 bytes."""
    return sha256(_ROOT_DOMAIN + block_hash).digest()


def root_record_key(root: bytes) -> bytes:
    """Where the store keeps the execution block's hash of a beacon root."""
    return _ROOT_PREFIX + root


def block_at_time(timestamp: int, head: Header, by_number: Callable[[int], Header | None]) -> Header | None:
    """The canonical block with exactly this timestamp: a binary search, since they only rise."""
    low, high = 0, head.number
    while low <= high:
        middle = (low + high) // 2
        header = by_number(middle)
        if header is None:
            return None
        if header.timestamp == timestamp:
            return header
        if header.timestamp < timestamp:
            low = middle + 1
        else:
            high = middle - 1
    return None
