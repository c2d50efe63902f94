"""Prometheus metrics of the sequencer, read off its parts when they are asked for."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from typing import TYPE_CHECKING

from aiohttp import web
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

if TYPE_CHECKING:
    from sequencer.service import Parts

CONTENT_TYPE = "text/plain; version=0.0.4"


class SequencerCollector:
    """One scrape reads everything at one moment of the event loop."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def collect(self) -> Iterator[Metric]:
        parts = self._parts
        node, at = parts.node, parts.follower.snapshot
        safe, finalized = node.resolve("safe"), node.resolve("finalized")
        pending, queued = node.pool.counts()
        gauges: dict[str, tuple[str, float]] = {
            "unsafe_block": ("number of the newest L2 block", node.head().number),
            "safe_block": ("number of the newest L2 block derived from L1", safe.number if safe else 0),
            "finalized_block": ("number of the newest L2 block of a confirmed assertion", finalized.number if finalized else 0),
            "l1_block": ("number of the newest L1 block seen", at.head if at else 0),
            "derived_batches": ("batches on L1 that are derived", parts.derived.count),
            "pending_batches": ("batches not on L1 yet, the open one included",
                                sum(batch.index >= parts.derived.count for batch in parts.ledger)),
            "pool_pending": ("executable transactions in the pool", pending),
            "pool_queued": ("transactions behind a nonce gap", queued),
            "l1_in_flight": ("L1 transactions sent and not finished", parts.transactions.in_flight),
            "open_games": ("games open on any assertion", len(parts.asserter.log.open_games)),
        }
        counters: dict[str, tuple[str, float]] = {
            "blocks_built": ("L2 blocks sealed since the start", parts.builder.blocks_built),
            "batches_posted": ("batches posted since the start", parts.batcher.posted),
            "assertions_made": ("assertions made since the start", parts.asserter.asserted),
            "assertions_confirmed": ("assertions confirmed by this process", parts.asserter.confirmed),
            "splits": ("moves in games", parts.asserter.splits),
            "l1_bumps": ("L1 transactions replaced at a higher fee", parts.transactions.bumps),
            "alarms": ("disagreements between derivation and what was built", parts.follower.alarms),
        }
        for name, (text, value) in gauges.items():
            yield GaugeMetricFamily(f"verdict_sequencer_{name}", text, value=value)
        for name, (text, value) in counters.items():
            yield CounterMetricFamily(f"verdict_sequencer_{name}", text, value=value)


def metrics_app(parts: Parts) -> web.Application:
    """`GET /metrics`."""
    registry = CollectorRegistry()
    registry.register(SequencerCollector(parts))
    app = web.Application()
    app.router.add_get("/metrics", _handler(registry))
    return app


def _handler(registry: CollectorRegistry) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def metrics(_: web.Request) -> web.StreamResponse:
        return web.Response(body=generate_latest(registry), headers={"Content-Type": CONTENT_TYPE})

    return metrics
