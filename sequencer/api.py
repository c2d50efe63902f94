"""The sequencer's own JSON-RPC: how far it has come, and its batches. Hashes are 0x hex, numbers plain JSON ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from node.rendering import data_json, head_json, record_json
from rpc.codec import Count, data
from rpc.dispatch import method
from sequencer.batches import LocalBatch
from sequencer.derived import DerivedChain
from sequencer.follower import Follower
from sequencer.ledger import BatchLedger
from sequencer.node import L2Node


class VerdictNamespace:
    """`details`: further figures for `verdict_syncStatus`, by name."""

    def __init__(self, node: L2Node, ledger: BatchLedger, derived: DerivedChain, follower: Follower,
                 details: Callable[[], dict[str, Any]]) -> None:
        self._node = node
        self._ledger = ledger
        self._derived = derived
        self._follower = follower
        self._details = details

    @method("verdict_syncStatus")
    def sync_status(self) -> dict[str, Any]:
        """Heads and batches, as far as each has come."""
        at = self._follower.snapshot
        l1 = None if at is None else {
            "head": at.head, "headHash": data(at.head_hash), "timestamp": at.head_timestamp,
            "origin": at.origin.number, "batches": at.batch_count, "deposits": at.deposit_count,
            "forced": at.forced_count}
        pending = [batch for batch in self._ledger if batch.index >= self._derived.count]
        return {
            "l1": l1,
            "unsafe": head_json(self._node.head()),
            "safe": head_json(self._node.resolve("safe")),
            "finalized": head_json(self._node.resolve("finalized")),
            "derivedBatches": self._derived.count,
            "pendingBatches": [_batch(batch) for batch in pending],
            "pool": dict(zip(("pending", "queued"), self._node.pool.counts(), strict=True)),
            "alarms": self._follower.alarms,
            **self._details(),
        }

    @method("rollup_syncStatus")
    def rollup_sync_status(self) -> dict[str, Any]:
        return self.sync_status()

    @method("verdict_batch")
    def batch(self, index: Count) -> dict[str, Any] | None:
        """A batch by index: as L1 has it, else as the sequencer holds it; null if neither has it."""
        record, local = self._derived.record(index), self._ledger.get(index)
        if record is not None:
            sizes = _sizes(local) if local is not None and local.header == record.posted.header and not local.foreign else {}
            return {**record_json(record), **sizes}
        return None if local is None else _batch(local)

    @method("eth_syncing")
    def syncing(self) -> Any:
        """False once the sequencer has seen L1 and adopted what was there."""
        if self._follower.snapshot is not None:
            return False
        number = hex(self._node.head().number)
        return {"startingBlock": "0x0", "currentBlock": number, "highestBlock": number}


def _batch(batch: LocalBatch) -> dict[str, Any]:
    header = batch.header
    return {
        "index": batch.index, "hash": None if header is None else data(header.hash),
        "parentHash": data(batch.parent_hash), "onL1": False, "open": batch.is_open, "foreign": batch.foreign,
        "origin": batch.origin.number, "chunks": None if header is None else header.chunk_count,
        "blocks": [data(block.hash) for block in batch.blocks],
        "deposits": [batch.queue.deposit_start, batch.queue.deposit_end],
        "forced": [batch.queue.forced_start, batch.queue.forced_end],
        "pages": [data(page) for page in batch.pages], **({} if header is None else data_json(header)), **_sizes(batch),
    }


def _sizes(batch: LocalBatch) -> dict[str, Any]:
    """Of a batch of ours. `ratio`: bytes of chunks for each byte of transactions; `cost`: wei that posting took, if known."""
    used, raw = batch.data_bytes, batch.transaction_bytes
    return {"transactions": batch.transactions, "transactionBytes": raw, "dataBytes": used,
            "ratio": round(used / raw, 4) if used and raw else None, "cost": batch.cost}
