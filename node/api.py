"""The node's own JSON-RPC: how far derivation has come, and its batches."""

from __future__ import annotations

from typing import Any

from derivation.node import RollupNode
from l1.client import L1Block
from node.chain import DerivedChain
from node.rendering import head_json, record_json
from rpc.codec import Count, data
from rpc.dispatch import method


class NodeNamespace:
    """`verdict_*` and `rollup_*` as the sequencer has them, and `optimism_syncStatus`, which tools for rollups know."""

    def __init__(self, chain: DerivedChain, node: RollupNode) -> None:
        self._chain = chain
        self._node = node

    @method("verdict_syncStatus")
    def sync_status(self) -> dict[str, Any]:
        """Heads and batches, as far as each has come."""
        node, blocked = self._node, self._node.blocked
        last, head = node.pipeline.tracker.last, node.pipeline.head
        return {
            "l1": None if head is None else {
                "head": head.number, "headHash": data(head.hash), "timestamp": head.timestamp,
                "read": None if last is None else last.number,
                "readHash": None if last is None else data(last.hash)},
            "unsafe": head_json(self._chain.head()),
            "safe": head_json(self._chain.resolve("safe")),
            "finalized": head_json(self._chain.resolve("finalized")),
            "derivedBatches": node.batch_count,
            "finalizedBatches": node.finalized_count,
            "blocked": None if blocked is None else {"batch": blocked.posted.header.index, "reason": blocked.reason},
            "synced": node.synced,
            "l1Failure": node.failure,
        }  # fmt: skip

    @method("rollup_syncStatus")
    def rollup_sync_status(self) -> dict[str, Any]:
        return self.sync_status()

    @method("optimism_syncStatus")
    def optimism_sync_status(self) -> dict[str, Any]:
        """In op-node's shape; without a sequencer's gossip, unsafe is safe."""
        node = self._node
        last, head = node.pipeline.tracker.last, node.pipeline.head
        safe, finalized = self._chain.resolve("safe"), self._chain.resolve("finalized")
        read = None if last is None else {"hash": data(last.hash), "number": last.number}
        return {
            "current_l1": read, "head_l1": _l1(head), "finalized_l1": _l1(node.l1_finalized),
            "unsafe_l2": head_json(self._chain.head()), "safe_l2": head_json(safe),
            "finalized_l2": head_json(finalized),
        }  # fmt: skip

    @method("verdict_batch")
    def batch(self, index: Count) -> dict[str, Any] | None:
        """A batch by index, as L1 has it; null if it isn't derived."""
        record = self._node.derived(index)
        return None if record is None else record_json(record)

    @method("eth_syncing")
    def syncing(self) -> Any:
        """False once all of L1 has been read. `currentBlock` is L2's; how much is left is known in L1 blocks only."""
        node = self._node
        if node.synced:
            return False
        number = hex(self._chain.head().number)
        last, head = node.pipeline.tracker.last, node.pipeline.head
        return {
            "startingBlock": "0x0", "currentBlock": number, "highestBlock": number,
            "l1CurrentBlock": hex(last.number if last else 0), "l1HighestBlock": hex(head.number if head else 0),
        }  # fmt: skip


def _l1(block: L1Block | None) -> dict[str, Any] | None:
    if block is None:
        return None
    return {
        "hash": data(block.hash), "number": block.number, "parentHash": data(block.parent_hash),
        "timestamp": block.timestamp,
    }  # fmt: skip
