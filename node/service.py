"""Puts the node together and runs it.

    async with NodeService(config) as node: ...   # tests
    await run_node(config, stop)                  # `verdict node`

On disk, in data_dir/node: `chain` (what L1 says of L2), `blobs`, `identity`. All of it can be deleted: it is derived again.
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, replace
from typing import Any

import structlog

from chain.store import ChainStore
from derivation.node import RollupNode
from l1.blob_client import BlobClient
from l1.blob_server import BlobEndpoint
from l1.client import L1Client
from l1.contracts import Rollup
from l1.kzg import trusted_setup
from node.api import NodeNamespace
from node.archive_keeper import ArchiveKeeper
from node.chain import DerivedChain
from node.forward import Forwarder
from node.metrics import NodeCollector
from rpc.prometheus import serve_metrics
from verdict.blob_settings import blob_client, blob_retention
from verdict.config import Config
from verdict.deployment import Deployment
from verdict.node_settings import node_settings
from verdict.observability.health import Health, disk
from verdict.observability.metrics import daemon_registry
from verdict.observability.observer import Observer
from verdict.progress import show_progress
from verdict.service import Service, check_identity, check_l1, rollup_genesis, run_service
from view.of_daemon import of_node
from view.rollup_view import RollupView
from web.pages import Pages

log = structlog.get_logger("node")

MIN_POLL = 0.02  # seconds


@dataclass(frozen=True)
class Parts:
    """What runs, for those who look into it."""

    chain: DerivedChain
    derivation: RollupNode
    blobs: BlobClient
    keeper: ArchiveKeeper


class NodeService(Service):
    name = "node"

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        self.parts: Parts
        self.view: RollupView
        self.observer: Observer
        self.health: Health
        self.url = ""
        self.ws_url = ""

    async def _run(self) -> None:
        from rpc.node import build_dispatcher
        from rpc.server import RpcServer

        config, own = self.config, self.config.node
        deployment = Deployment.load(config)
        genesis = rollup_genesis(config, deployment)
        directory = config.data_dir / "node"
        check_identity(directory, config, deployment)
        async with contextlib.AsyncExitStack() as stack:
            l1 = await stack.enter_async_context(L1Client(config.l1.rpc_url))
            await check_l1(l1, config, deployment)
            blobs = await stack.enter_async_context(blob_client(config, directory))
            await asyncio.to_thread(trusted_setup)  # holds the GIL for seconds: before anybody asks for anything
            store = ChainStore.open(directory / "chain", genesis)
            stack.callback(store.close)
            forwarder = Forwarder(own.sequencer_url) if own.sequencer_url else None
            if forwarder is not None:
                stack.push_async_callback(forwarder.close)
            settings = replace(node_settings(config, deployment, max(own.poll, MIN_POLL)), head_is_safe=True)
            chain = DerivedChain(store, settings.rules, settings.params, forwarder)
            stack.callback(chain.events.close)
            derivation = RollupNode(settings, store, l1, blobs, on_switch=chain.announce, workers=blobs.workers)
            stack.callback(derivation.close)
            keeper = ArchiveKeeper(blobs.archive, blob_retention(config), derivation, Rollup(l1, deployment.rollup))
            self.parts = Parts(chain, derivation, blobs, keeper)
            endpoint = BlobEndpoint(blobs.archive)
            self.view = of_node(self.parts, config, deployment, l1)
            page = await stack.enter_async_context(Pages(self.view, own.page))
            self.observer = Observer(self.view, l1, config.l1.slot)
            self.health = self._checks(derivation, self.observer)
            dispatcher = build_dispatcher(chain)
            dispatcher.register(NodeNamespace(chain, derivation))
            server = await stack.enter_async_context(RpcServer(
                dispatcher, host=own.host, port=own.port, health=self._health,
                routes=[*endpoint.routes(), *page.routes()]))
            self.url, self.ws_url = server.url, server.ws_url
            registry = daemon_registry(
                "node", self.observer, self.health, config.data_dir, None, NodeCollector(derivation, blobs, endpoint))
            await stack.enter_async_context(serve_metrics(registry, own.host, own.metrics_port, self._health))
            log.info("node runs", rpc=server.url, page=page.at(server.url), head=store.head.number,
                     batches=derivation.batch_count, transactions=own.sequencer_url or "refused")
            await self._work(derivation=derivation.run(), progress=show_progress(derivation), archive=keeper.run(),
                             observer=self.observer.run())
            log.info("node stopped", head=store.head.number)

    def _checks(self, derivation: RollupNode, observer: Observer) -> Health:
        def derived() -> str | None:
            if derivation.blocked is None and derivation.trouble is not None:
                return derivation.trouble
            return None if derivation.synced else "not yet where L1 is"

        def data() -> str | None:
            return derivation.blocked.reason if derivation.blocked else None

        return Health({
            "l1": observer.l1_trouble, "derivation": derived, "data": data, "disk": disk(self.config.data_dir)})

    def _health(self) -> dict[str, Any]:
        derivation = self.parts.derivation
        head, last = derivation.pipeline.head, derivation.pipeline.tracker.last
        return self.health.answer(
            safe=self.parts.chain.head().number, derivedBatches=derivation.batch_count,
            l1Head=head.number if head else None, l1Read=last.number if last else None)


async def run_node(config: Config, stop: asyncio.Event) -> None:
    """Runs until `stop` is set. Raises what made it fail."""
    await run_service(NodeService(config), stop)
