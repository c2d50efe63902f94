"""Prometheus metrics of the sequencer, read off its parts when they are asked for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

if TYPE_CHECKING:
    from sequencer.service import Parts


class SequencerCollector:
    """One scrape reads everything at one moment of the event loop."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def collect(self) -> Iterator[Metric]:
        parts = self._parts
        node = parts.node
        pending, queued = node.pool.counts()
        totals = parts.batcher.totals
        waiting = [batch for batch in parts.ledger if batch.index >= parts.derived.count]
        gauges: dict[str, tuple[str, float]] = {
            "derived_batches": ("batches on L1 that are derived", parts.derived.count),
            "pending_batches": ("batches not on L1 yet, the open one included", len(waiting)),
            "pending_bytes": ("of the closed ones' chunks", sum(batch.data_bytes for batch in waiting)),
            "pool_pending": ("executable transactions in the pool", pending),
            "pool_queued": ("transactions behind a nonce gap", queued),
            "pool_displaced": ("transactions of dropped blocks that the pool can't take yet", len(node.displaced)),
        }
        counters: dict[str, tuple[str, float]] = {
            "blocks_built": ("L2 blocks sealed since the start", parts.builder.blocks_built),
            "batches_posted": ("batches posted since the start", parts.batcher.posted),
            "posted_transactions": ("L2 transactions in the batches posted", totals.transactions),
            "posted_transaction_bytes": ("their raw bytes", totals.transaction_bytes),
            "posted_data_bytes": ("bytes of the chunks they were posted in", totals.data_bytes),
            "posted_blobs": ("blobs of the batches posted; each has room for 64 chunks", totals.blobs),
            "assertions_made": ("assertions made since the start", parts.asserter.asserted),
            "assertions_confirmed": ("assertions confirmed by this process", parts.asserter.confirmed),
            "batches_settled": ("batches settled by this process", parts.asserter.settled.batches),
            "segments_settled": ("transactions that it took", parts.asserter.settled.segments),
            "settlement_gas": ("their L1 gas", parts.asserter.settled.gas),
            "settlement_wei": ("what they cost, EXECUTE included", parts.asserter.settled.wei),
            "settlements_too_large": ("batches asserted since they can't be settled", parts.asserter.settled.fallbacks),
            "splits": ("moves in games", parts.asserter.splits),
            "races_lost": ("batches that lost a race on L1 and cost gas", parts.contest.lost_on_l1),
            "races_seen_in_time": ("batches not sent, since another came first", parts.contest.seen_in_time),
            "wasted_wei": ("fees of batches that lost a race", parts.contest.wasted),
            "alarms": ("disagreements between derivation and what was built", parts.follower.alarms),
        }
        for name, (text, value) in gauges.items():
            yield GaugeMetricFamily(f"verdict_sequencer_{name}", text, value=value)
        for name, (text, value) in counters.items():
            yield CounterMetricFamily(f"verdict_sequencer_{name}", text, value=value)
        for name, text, by_kind in (("posted_batches", "batches posted, by where their data is", totals.batches),
                                    ("posting_cost_wei", "fees of posting them, blob gas included", totals.cost)):
            family = CounterMetricFamily(f"verdict_sequencer_{name}", text, labels=["data"])
            for kind, value in by_kind.items():
                family.add_metric([str(kind)], value)
            yield family

