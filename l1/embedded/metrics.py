"""Metrics of the embedded L1, and whether it makes the blocks it should."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from prometheus_client import REGISTRY, CollectorRegistry
from prometheus_client.core import GaugeMetricFamily, Metric

from execution.header import next_base_fee, next_excess_blob_gas
from execution.vm import blob_base_fee
from l1.embedded.node import EmbeddedL1Node

PATIENCE = 10.0  # seconds without a block, at least


class L1Collector:
    """One scrape reads everything at one moment of the event loop."""

    def __init__(self, node: EmbeddedL1Node) -> None:
        self._node = node

    def collect(self) -> Iterator[Metric]:
        head = self._node.head()
        pending, queued = self._node.pool.counts()
        for name, text, value in (
            ("head_block", "number of the newest block", head.number),
            ("head_age_seconds", "seconds since it was made", time.monotonic() - self._node.made_at),
            ("base_fee_wei", "price of gas in the next block", next_base_fee(head)),
            ("blob_base_fee_wei", "price of blob gas in the next block", blob_base_fee(next_excess_blob_gas(head))),
            ("gas_used", "gas of the newest block", head.gas_used),
            ("pool_pending", "executable transactions in the pool", pending),
            ("pool_queued", "transactions behind a nonce gap", queued),
        ):
            yield GaugeMetricFamily(f"verdict_l1_{name}", text, value=float(value))


class _Engines:
    """What the engines behind EXECUTE count in the process's own registry."""

    def collect(self) -> Iterator[Metric]:
        yield from REGISTRY.collect()


def l1_registry(node: EmbeddedL1Node) -> CollectorRegistry:
    registry = CollectorRegistry()
    registry.register(_Engines())  # type: ignore[arg-type]
    registry.register(L1Collector(node))  # type: ignore[arg-type]
    return registry


def health(node: EmbeddedL1Node) -> dict[str, Any]:
    """For /healthz: an L1 with a timer that makes no blocks is not fine."""
    age = time.monotonic() - node.made_at
    late = node.block_time is not None and age > max(PATIENCE, 5 * node.block_time)
    return {"ok": not late, "head": node.head().number, "failure": f"no block for {age:.0f} s" if late else None}
