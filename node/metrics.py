"""Prometheus metrics of the node, read off its parts when they are asked for."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from derivation.node import RollupNode
from l1.blob_client import BlobClient
from l1.blob_server import BlobEndpoint


class NodeCollector:
    """One scrape reads everything at one moment of the event loop."""

    def __init__(self, node: RollupNode, blobs: BlobClient, served: BlobEndpoint) -> None:
        self._node = node
        self._blobs = blobs
        self._served = served

    def collect(self) -> Iterator[Metric]:
        node = self._node
        last = node.pipeline.tracker.last
        gauges: dict[str, tuple[str, float]] = {
            "l1_block": ("number of the newest L1 block read", last.number if last else 0),
            "derived_batches": ("batches on L1 that are derived", node.batch_count),
            "synced": ("1 if all of L1 has been read", node.synced),
            "blocked": ("1 if the next batch's data can't be had", node.blocked is not None),
        }
        counters: dict[str, tuple[str, float]] = {
            "l1_reorgs": ("reorgs of L1 followed since the start", node.pipeline.reorgs),
            "steps": ("steps executed since the start", node.steps_executed),
            "blobs_served": ("blobs given to other nodes", self._served.served),
        }
        for name, (text, value) in gauges.items():
            yield GaugeMetricFamily(f"verdict_node_{name}", text, value=value)
        for name, (text, value) in counters.items():
            yield CounterMetricFamily(f"verdict_node_{name}", text, value=value)
        fetched = CounterMetricFamily("verdict_node_blobs", "blobs verified, by source", labels=["source"])
        for source, count in self._blobs.fetched.items():
            fetched.add_metric([source], count)
        failed = CounterMetricFamily("verdict_node_blob_failures", "failures of a source", labels=["source"])
        for source, count in self._blobs.failed.items():
            failed.add_metric([source], count)
        yield fetched
        yield failed

