"""Items: what a chunk says, whatever way it says it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

MAX_ITEMS_PER_CHUNK = 63
MAX_TRANSACTION_SIZE = 65_536  # bytes, fragments joined: with them a step proof still fits into an L1 transaction


class ItemKind(IntEnum):
    """As Solidity's ChunkCodec numbers them."""

    SKIP = 0
    BLOCK_START = 1
    TRANSACTION = 2
    FRAGMENT = 3
    LAST_FRAGMENT = 4


@dataclass(frozen=True, slots=True)
class Item:
    """`payload`: of a TRANSACTION its EIP-2718 bytes, of a fragment its part of them, 1 to 16,384 bytes; of a BLOCK_START
    the delta in seconds as 8 bytes, not 0; of a SKIP empty."""

    kind: ItemKind
    payload: bytes = b""

    @property
    def delta(self) -> int:
        """Of a BLOCK_START: seconds after the open block."""
        return int.from_bytes(self.payload, "big")


SKIP = Item(ItemKind.SKIP)


def block_start_item(delta: int) -> Item:
    """`delta` in seconds, 1 to 2^56 - 1."""
    return Item(ItemKind.BLOCK_START, delta.to_bytes(8, "big"))
