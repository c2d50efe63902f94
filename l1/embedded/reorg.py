"""Going back on purpose: reorgs of any depth, snapshots and returns to them."""

from __future__ import annotations

from dataclasses import dataclass

from chain.mempool import PooledTransaction, PoolError
from chain.view import BlockUnavailable
from execution.header import Header
from l1.blobs import Sidecar
from l1.embedded.node import EmbeddedL1Node
from l1.embedded.producer import InOrder
from l1.embedded.sidecars import BLOB_TYPE

_REORG_COUNT = b"embedded:reorgs"


@dataclass(frozen=True, slots=True)
class _Snapshot:
    head: bytes  # block hash
    time_offset: int  # seconds
    pool: tuple[PooledTransaction, ...]


@dataclass(frozen=True, slots=True)
class Reorg:
    """`removed` newest first, `added` oldest first."""

    removed: tuple[Header, ...]
    added: tuple[Header, ...]


class Reorganizer:
    """Moves the head of a node against the chain's growth."""

    def __init__(self, node: EmbeddedL1Node) -> None:
        self._node = node
        self._snapshots: dict[int, _Snapshot] = {}
        self._last_snapshot = 0

    async def reorg(
        self, depth: int, *, blocks: int | None = None, drop_transactions: bool = False, include: bool = False
    ) -> Reorg:
        """Replaces the last `depth` blocks by `blocks` (default `depth + 1`) other ones.

        The new blocks are empty and what the old ones held returns to the pool, unless it is dropped for good
        (`drop_transactions`) or goes into the first new block as far as it fits (`include`).
        Raises BlockUnavailable when the chain isn't that long.
        """
        node = self._node
        async with node.exclusive:
            old_head = node.head()
            ancestor = node.resolve(old_head.number - depth)
            if depth < 1 or ancestor is None:
                raise BlockUnavailable(f"can't drop {depth} blocks at height {old_head.number}")
            count = depth + 1 if blocks is None else blocks
            if count < 1:
                raise BlockUnavailable("a reorg makes at least one block")
            dropped = self._transactions(depth)
            salt = self._salt()
            parent = ancestor
            for index in range(count):
                candidates = InOrder(dropped) if include and index == 0 and not drop_transactions else None
                produced = await node.build(
                    parent, parent.timestamp + node.seconds_per_slot, candidates, salt=salt, make_head=False
                )
                parent = produced.sealed.header
            switch = node.store.set_head(parent.hash)
            node.announce(switch, whole_pool=True)
            if not drop_transactions:
                for pooled in dropped:
                    if node.locate(pooled.hash) is None:
                        companion = pooled.companion
                        node.readmit(pooled.raw, companion if isinstance(companion, Sidecar) else None)
            return Reorg(switch.removed, switch.added)

    def _transactions(self, depth: int) -> list[PooledTransaction]:
        """Of the last `depth` blocks in the order they were mined, with their blobs if those are still kept."""
        node = self._node
        found: list[PooledTransaction] = []
        for number in range(node.head().number - depth + 1, node.head().number + 1):
            header = node.resolve(number)
            block = None if header is None else node.block(header.hash)
            assert header is not None and block is not None
            blobs = node.sidecar_of(header) or Sidecar((), (), ())
            taken = 0
            for raw in block.transactions:
                tx = node.pool.decode(raw)
                companion: Sidecar | None = None
                if tx.type == BLOB_TYPE:
                    part = slice(taken, taken + len(tx.blob_versioned_hashes))
                    companion = Sidecar(blobs.blobs[part], blobs.commitments[part], blobs.proofs[part])
                    taken = part.stop
                found.append(PooledTransaction(raw, tx, 0, len(found), companion))
        return found

    def _salt(self) -> bytes:
        """Another one for every reorg, so that no new block equals a removed one."""
        store = self._node.store
        count = int.from_bytes(store.get_meta(_REORG_COUNT) or b"", "big") + 1
        store.put_meta(_REORG_COUNT, count.to_bytes(8, "big"))
        return b"reorg" + count.to_bytes(8, "big")

    def snapshot(self) -> int:
        """Remembers head, time and pool; returns the number to come back to them with."""
        node = self._node
        self._last_snapshot += 1
        pool = tuple(sorted(node.pool, key=lambda pooled: pooled.arrival))
        self._snapshots[self._last_snapshot] = _Snapshot(node.head().hash, node.clock.offset, pool)
        return self._last_snapshot

    async def revert(self, number: int) -> bool:
        """Returns to a snapshot, which it uses up together with all later ones. False if there is none."""
        snapshot = self._snapshots.get(number)
        if snapshot is None:
            return False
        node = self._node
        async with node.exclusive:
            self._snapshots = {known: kept for known, kept in self._snapshots.items() if known < number}
            node.clock.offset = snapshot.time_offset
            switch = node.store.set_head(snapshot.head)
            node.pool.clear()
            node.announce(switch)
            for pooled in snapshot.pool:
                companion = pooled.companion
                node.readmit(pooled.raw, companion if isinstance(companion, Sidecar) else None)
        return True


__all__ = ["PoolError", "Reorg", "Reorganizer"]
