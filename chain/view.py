"""What `rpc/eth` needs of a chain: the embedded L1 node and the L2 node implement `ChainView`.

`chain/store.py` offers the reading half. Hashes are 32 bytes, addresses 20 bytes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias, runtime_checkable

if TYPE_CHECKING:
    from chain.events import Broadcast
    from chain.mempool import TransactionPool
    from execution.block import BlockBuilder
    from execution.header import Header
    from execution.receipt import Receipt
    from execution.rules import Rules
    from execution.types import Withdrawal
    from execution.world import WorldState

BlockLabel: TypeAlias = Literal["latest", "pending", "safe", "finalized", "earliest"]
BlockRef: TypeAlias = int | bytes | BlockLabel
"""A block number, a block hash (32 bytes) or a label."""


class StateUnavailable(Exception):
    """The state of that block isn't kept here (any more)."""


class BlockUnavailable(Exception):
    """No such block in this chain."""


@dataclass(frozen=True, slots=True)
class StoredBlock:
    """A sealed block as the chain keeps it.

    `transactions` are EIP-2718 bytes in block order, `senders` their 20-byte addresses; `size` is the
    length in bytes of the block's RLP as devp2p would send it.
    """

    header: Header
    transactions: tuple[bytes, ...]
    senders: tuple[bytes, ...]
    withdrawals: tuple[Withdrawal, ...]
    size: int

    @property
    def hash(self) -> bytes:
        return self.header.hash

    @property
    def number(self) -> int:
        return self.header.number


@runtime_checkable
class ChainView(Protocol):
    """A chain to be read, called into and sent transactions. Synchronous methods may be called from any
    thread; `submit` and `events` belong to the node's event loop."""

    rules: Rules
    pool: TransactionPool
    events: Broadcast

    def head(self) -> Header:
        """Header of the newest canonical block."""
        ...

    def resolve(self, ref: BlockRef) -> Header | None:
        """The header meant: canonical for numbers and labels, by hash also if not canonical.

        "pending" resolves to the head: see `pending_builder` for what would come after it.
        """
        ...

    def block(self, block_hash: bytes) -> StoredBlock | None: ...

    def receipts(self, block_hash: bytes) -> tuple[Receipt, ...]:
        """Receipts of that block in order; empty if the block is unknown."""
        ...

    def locate(self, tx_hash: bytes) -> tuple[bytes, int] | None:
        """(canonical block hash, index in it) of a mined transaction."""
        ...

    def world_at(self, header: Header) -> WorldState:
        """The state after that block, for the caller alone. Raises StateUnavailable."""
        ...

    def pending_builder(self) -> BlockBuilder:
        """A throw-away builder for the block after the head, for calls at "pending" and "latest"."""
        ...

    def block_hashes(self, header: Header) -> Callable[[int], bytes]:
        """BLOCKHASH for a block whose parent is `header`: number -> hash, zero outside the last 256."""
        ...

    async def submit(self, raw: bytes) -> bytes:
        """Validates a transaction, adds it to the pool and returns its hash. Raises PoolError."""
        ...
