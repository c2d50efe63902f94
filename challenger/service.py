"""The challenger daemon: its own node, the watcher of the Rollup, and one task for each thing there is to do.

    async with ChallengerService(config) as challenger: ...     # tests; challenger.events tells what happens
    await run_challenger(config, stop)                          # `verdict challenger`

On disk, in data_dir/challenger: `chain` (what L1 says of L2), `blobs`, `transactions` (what is in flight on L1). All of
it can be deleted: assertions, games and credits are read from L1, and the node derives again.
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from typing import Any

import structlog

from chain.store import ChainStore
from challenger.checkpoints import CheckpointReader
from challenger.events import EventStream
from challenger.game import Rules as GameRules
from challenger.knowledge import Knowledge, NodeKnowledge
from challenger.metrics import ChallengerMetrics
from challenger.player import Player
from challenger.responder import Responder, Terms
from challenger.scheduler import Scheduler
from challenger.sources import L1Sources
from challenger.staging import Stager
from challenger.watch import Watcher
from derivation.node import RollupNode
from l1.artifacts import address_bytes
from l1.blob_client import BlobClient
from l1.blob_server import BlobEndpoint
from l1.blobs import ChunkProofKind
from l1.client import L1Client
from l1.contracts import Rollup
from l1.fees import FeeCaps
from l1.kzg import Prover
from l1.txmanager import TransactionManager, TransactionPolicy
from node.archive_keeper import ArchiveKeeper
from rpc.http import HttpServer
from rpc.prometheus import serve_metrics
from verdict.blob_settings import blob_client, blob_retention
from verdict.chunk_proofs import chunk_proofs
from verdict.config import Config
from verdict.deployment import Deployment, DeploymentError
from verdict.keys import load_key
from verdict.node_settings import node_settings
from verdict.observability.health import Health, disk, stuck
from verdict.observability.metrics import daemon_registry
from verdict.observability.observer import Observer
from verdict.progress import show_progress
from verdict.service import Service, check_identity, check_l1, rollup_genesis, run_service
from view.of_daemon import of_challenger
from view.rollup_view import RollupView
from web.pages import Pages

log = structlog.get_logger("challenger")

MIN_POLL = 0.05  # seconds
FAR_BEHIND = 50  # L1 blocks
STUCK = 10
"""Times `resubmit_after` that a transaction may be in flight before that is a fault."""
WORTH_COLLECTING = 10**14
"""Wei: less credit than that isn't worth a transaction."""


@dataclass(frozen=True)
class Parts:
    """What runs. `terms` are the contract's own."""

    terms: Terms
    node: RollupNode
    watcher: Watcher
    transactions: TransactionManager
    player: Player
    scheduler: Scheduler


class ChallengerService(Service):
    """`key`: the private key, instead of the role's. `knowledge`: instead of its own node's."""

    name = "challenger"

    def __init__(self, config: Config, *, key: str | None = None, events: EventStream | None = None,
                 knowledge: Knowledge | None = None) -> None:
        super().__init__()
        self.config = config
        self.events = events or EventStream()
        self._key = key
        self._knowledge = knowledge
        self.parts: Parts
        self.view: RollupView
        self.observer: Observer
        self.health: Health
        self.url = ""  # of its HTTP server, if it has one

    @property
    def address(self) -> bytes:
        """20 bytes: who challenges."""
        return self.parts.transactions.address

    # ---- putting it together

    async def _run(self) -> None:
        config = self.config
        deployment = Deployment.load(config)
        genesis = rollup_genesis(config, deployment)
        directory = config.data_dir / "challenger"
        check_identity(directory, config, deployment)
        async with contextlib.AsyncExitStack() as stack:
            l1 = await stack.enter_async_context(L1Client(config.l1.rpc_url))
            others = [await stack.enter_async_context(L1Client(url)) for url in config.challenger.l1_rpc_urls]
            beacon = await stack.enter_async_context(blob_client(config, directory))
            rollup = Rollup(l1, deployment.rollup)
            await check_l1(l1, config, deployment)
            terms = await _terms(config, rollup)
            store = ChainStore.open(directory / "chain", genesis)
            stack.callback(store.close)
            prover = Prover()
            stack.callback(prover.close)
            key = self._key if self._key is not None else load_key("challenger", config.data_dir).key.hex()
            transactions = await stack.enter_async_context(
                TransactionManager(l1, key, config.l1.chain_id, directory / "transactions", _policy(config)))
            node = RollupNode(node_settings(config, deployment, max(config.challenger.poll, MIN_POLL)), store, l1, beacon,
                              workers=beacon.workers)
            stack.callback(node.close)
            kind = await chunk_proofs(config, l1)
            self.parts = self._assemble(deployment, l1, others, beacon, rollup, terms, prover, kind, transactions, node)
            self.view = of_challenger(self.parts, config, deployment, l1)
            self.observer = observer = Observer(self.view, l1, config.l1.slot, transactions.address, terms.challenge_bond)
            self.health = self._checks(self.parts, observer)
            registry = daemon_registry(
                "challenger", observer, self.health, config.data_dir, transactions, ChallengerMetrics(self.events))
            await stack.enter_async_context(
                serve_metrics(registry, "127.0.0.1", config.challenger.metrics_port, self._health))
            page = await stack.enter_async_context(Pages(self.view, config.challenger.page))
            if config.challenger.port:
                server = await stack.enter_async_context(HttpServer(
                    host=config.challenger.host, port=config.challenger.port, health=self._health,
                    routes=[*BlobEndpoint(beacon.archive).routes(), *page.routes()]))
                self.url = server.url
            await self._serve(self.parts, ArchiveKeeper(beacon.archive, blob_retention(config), node, rollup), page)

    def _assemble(self, deployment: Deployment, l1: L1Client, others: list[L1Client], beacon: BlobClient,
                  rollup: Rollup, terms: Terms, prover: Prover, kind: ChunkProofKind,
                  transactions: TransactionManager, node: RollupNode) -> Parts:
        knowledge = self._knowledge or NodeKnowledge(node, prover, kind)
        checkpoints = CheckpointReader(beacon, prover, terms.rules.stride)
        watcher = Watcher(l1, rollup, transactions.address, deployment.block_number, terms.rules.window,
                          self.config.l1.confirmations)
        stager = Stager(l1, address_bytes(deployment.stage), transactions, self.events)
        responder = Responder(l1, rollup, terms, transactions, knowledge, checkpoints, stager, self.events)
        sources = L1Sources(l1, others, node.settings.inbox)
        player = Player(terms.rules, knowledge, sources, checkpoints, responder, self.events, WORTH_COLLECTING)
        scheduler = Scheduler(watcher, player, self.events)
        return Parts(terms, node, watcher, transactions, player, scheduler)

    async def _serve(self, parts: Parts, keeper: ArchiveKeeper, page: Pages) -> None:
        poll = max(self.config.challenger.poll, MIN_POLL)
        log.info("challenger runs", account=parts.transactions.address, stride=parts.terms.rules.stride,
                 arity=parts.terms.rules.arity, page=page.at(self.url),
                 l1_sources=1 + len(self.config.challenger.l1_rpc_urls))
        await self._work(derivation=parts.node.run(), scheduler=parts.scheduler.run(poll), archive=keeper.run(),
                         progress=show_progress(parts.node), observer=self.observer.run())
        log.info("challenger stopped")

    def _checks(self, parts: Parts, observer: Observer) -> Health:
        node, patience = parts.node, STUCK * self.config.challenger.transactions.resubmit_after

        def derivation() -> str | None:
            if node.blocked is None and node.trouble is not None:
                return node.trouble
            return None if node.synced else "not yet where L1 is"

        def watching() -> str | None:
            if failure := parts.scheduler.failure:
                return failure
            head, last = node.pipeline.head, parts.watcher.chronicle.last
            behind = head.number - last.number - self.config.l1.confirmations if head and last else 0
            return None if behind <= FAR_BEHIND else f"assertions and games were last read {behind} L1 blocks ago"

        def data() -> str | None:
            return node.blocked.reason if node.blocked else None

        return Health({
            "l1": observer.l1_trouble, "derivation": derivation, "data": data, "watching": watching,
            "disk": disk(self.config.data_dir), "funds": observer.funds_trouble,
            "transactions": stuck(lambda: parts.transactions.oldest, patience)})

    def _health(self) -> dict[str, Any]:
        node, watcher = self.parts.node, self.parts.watcher
        head, last = node.pipeline.head, watcher.chronicle.last
        return self.health.answer(
            derivedBatches=node.batch_count, l1Head=head.number if head else None, l1Watched=last.number if last else None,
            pendingAssertions=len(watcher.chronicle.pending))


async def _terms(config: Config, rollup: Rollup) -> Terms:
    """What the contract was deployed with. DeploymentError if that isn't what the configuration says."""
    stride, arity, window, clock, bond = [
        await rollup.constant(name) for name in ("stride", "arity", "window", "clock", "challengeBond")]
    dispute = config.dispute
    configured = (dispute.stride, dispute.arity, int(dispute.window), int(dispute.clock), dispute.challenge_bond)
    if configured != (stride, arity, window, clock, bond):
        raise DeploymentError(f"[dispute] says (stride, arity, window, clock, challenge_bond) {configured}, the contract "
                              f"says {(stride, arity, window, clock, bond)}")
    return Terms(GameRules(stride, arity, window, clock), bond, config.challenger.max_proof_calldata)


def _policy(config: Config) -> TransactionPolicy:
    own = config.challenger.transactions
    return TransactionPolicy(
        FeeCaps(own.max_fee, own.max_blob_fee, own.min_tip), resubmit_after=own.resubmit_after,
        confirmations=config.l1.confirmations, poll=max(MIN_POLL, min(config.challenger.poll, config.l1.slot / 2)),
        only_to_code=True)


async def run_challenger(config: Config, stop: asyncio.Event) -> None:
    """Runs until `stop` is set. Raises what made it fail."""
    await run_service(ChallengerService(config), stop)
