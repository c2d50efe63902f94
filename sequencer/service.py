"""Puts the sequencer together and runs it.

    async with SequencerService(config) as sequencer: ...   # tests
    await run_sequencer(config, stop)                       # `verdict sequencer`

On disk, in data_dir/sequencer: `chain` (unsafe chain and ledger), `derived` (what L1 says), `blobs`, `transactions`
(the L1 transaction journal), `identity`. Everything can be killed at any moment; only `transactions` must not be lost
while something is in flight.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import structlog

from chain.mempool import PoolLimits
from chain.store import ChainStore
from challenger.game import Rules as GameRules
from derivation.codec import CHUNKS_PER_BLOB, MAX_CALLDATA_CHUNKS, MAX_TRANSACTION_SIZE
from derivation.node import RollupNode
from derivation.pages import StoredPages
from l1.artifacts import address_bytes
from l1.blob_client import BlobClient
from l1.blob_server import BlobEndpoint
from l1.blobs import ChunkProofKind
from l1.client import L1Client
from l1.contracts import Inbox, Rollup
from l1.fees import FeeCaps
from l1.kzg import Prover, trusted_setup
from l1.txmanager import TransactionManager, TransactionPolicy
from l1.worker_pool import WorkerPool
from node.archive_keeper import ArchiveKeeper
from rpc.prometheus import serve_metrics
from sequencer.api import VerdictNamespace
from sequencer.asserter import Asserter, AsserterSettings
from sequencer.batcher import Batcher
from sequencer.builder import Builder, prepare_commitments
from sequencer.claims import ClaimSource, DerivedClaims
from sequencer.contest import Contest
from sequencer.data_policy import DataPolicy
from sequencer.derived import DerivedView
from sequencer.dictionary import load_pages, named_pages
from sequencer.follower import Follower
from sequencer.l1view import L1Snapshot, L1View
from sequencer.ledger import BatchLedger
from sequencer.metrics import SequencerCollector
from sequencer.node import L2Node
from sequencer.policy import BuilderSettings
from settlement.settler import Settler
from verdict.blob_settings import blob_client, blob_retention
from verdict.chunk_proofs import chunk_proofs
from verdict.config import Config
from verdict.deployment import Deployment
from verdict.keys import load_key
from verdict.node_settings import node_settings
from verdict.observability.health import Health, disk, stuck
from verdict.observability.metrics import daemon_registry
from verdict.observability.observer import Observer
from verdict.progress import show_progress
from verdict.service import Service, check_identity, check_l1, rollup_genesis, run_service
from view.of_daemon import of_sequencer
from view.rollup_view import RollupView
from web.pages import Pages

log = structlog.get_logger("sequencer")

_LEAST_PER_CHUNK = 1_990  # bytes of a transaction that a chunk holds even if they do not shrink

_LONGEST_KZG = 60.0  # seconds for the proofs of a batch's blobs; a quarter of one each on an idle core

MIN_POLL = 0.02
STUCK = 10
"""Times `resubmit_after` that a transaction may be in flight before that is a fault."""

Claims = Callable[[DerivedClaims], ClaimSource]
"""What the asserter claims, given what was derived: for adversaries in tests."""


@dataclass(slots=True)
class Parts:
    """The running daemon, for those who look into it."""

    node: L2Node
    ledger: BatchLedger
    derivation: RollupNode
    derived: DerivedView
    builder: Builder
    batcher: Batcher
    contest: Contest
    follower: Follower
    asserter: Asserter
    transactions: TransactionManager
    caught_up: bool = field(default=False)

    def view_of_l1(self) -> L1Snapshot | None:
        """For the builder and the batcher: None until derivation has once reached what L1 has, so that nothing is built
        on a chain that is about to be rebuilt."""
        at = self.follower.snapshot
        if at is not None and not self.caught_up:
            self.caught_up = self.derivation.synced and self.derived.count >= at.batch_count
        return at if self.caught_up else None


class SequencerService(Service):
    """`key`: of the L1 account; taken from environment or files if not given."""

    name = "sequencer"

    def __init__(self, config: Config, *, key: bytes | str | None = None, claims: Claims | None = None) -> None:
        super().__init__()
        self.config = config
        self._key = key
        self._claims = claims or (lambda honest: honest)
        self.parts: Parts
        self.view: RollupView
        self.observer: Observer
        self.health: Health
        self.url = ""
        self.ws_url = ""

    # ---- putting it together

    async def _run(self) -> None:
        from rpc.node import build_dispatcher
        from rpc.server import RpcServer

        config = self.config
        deployment = Deployment.load(config)
        genesis = rollup_genesis(config, deployment)
        directory = config.data_dir / "sequencer"
        check_identity(directory, config, deployment)
        async with contextlib.AsyncExitStack() as stack:
            l1 = await stack.enter_async_context(L1Client(config.l1.rpc_url))
            beacon = await stack.enter_async_context(blob_client(config, directory))
            await check_l1(l1, config, deployment)
            store = ChainStore.open(directory / "chain", genesis)
            stack.callback(store.close)
            derived_store = ChainStore.open(directory / "derived", genesis)
            stack.callback(derived_store.close)
            inbox = Inbox(l1, deployment.inbox)
            pages = named_pages(config, deployment, inbox)
            await load_pages(pages, inbox, StoredPages(store))
            key = self._key if self._key is not None else load_key("sequencer", config.data_dir).key.hex()
            await asyncio.to_thread(trusted_setup)  # holds the GIL for seconds: before anybody asks for anything
            workers = WorkerPool(min(1, config.blobs.workers), limit=_LONGEST_KZG)
            stack.callback(workers.close)
            warming = asyncio.create_task(workers.run(prepare_commitments))  # or the first batch would wait for it
            stack.callback(warming.cancel)
            transactions = await stack.enter_async_context(
                TransactionManager(l1, key, config.l1.chain_id, directory / "transactions", _policy(config), workers=workers))
            kind = await chunk_proofs(config, l1)
            self.parts = parts = _assemble(config, deployment, store, derived_store, l1, beacon, transactions, self._claims,
                                             pages, kind, workers)
            stack.callback(parts.derivation.close)
            dispatcher = build_dispatcher(parts.node)
            dispatcher.register(VerdictNamespace(parts.node, parts.ledger, parts.derived, parts.follower, self._figures))
            self.view = of_sequencer(parts, config, deployment, l1)
            page = await stack.enter_async_context(Pages(self.view, config.sequencer.page))
            server = RpcServer(dispatcher, host=config.sequencer.host, port=config.sequencer.port, health=self._health,
                               routes=[*BlobEndpoint(beacon.archive).routes(), *page.routes()])
            stack.callback(parts.node.events.close)
            bond = config.dispute.assertion_bond if config.sequencer.assert_batches else 0
            self.observer = observer = Observer(self.view, l1, config.l1.slot, transactions.address, bond)
            self.health = self._checks(parts, observer)
            registry = daemon_registry(
                "sequencer", observer, self.health, config.data_dir, transactions, SequencerCollector(parts))
            await stack.enter_async_context(
                serve_metrics(registry, config.sequencer.host, config.sequencer.metrics_port, self._health))
            keeper = ArchiveKeeper(beacon.archive, blob_retention(config), parts.derivation, Rollup(l1, deployment.rollup))
            await self._serve(parts, keeper, await stack.enter_async_context(server), page)

    async def _serve(self, parts: Parts, keeper: ArchiveKeeper, server: Any, page: Pages) -> None:
        config = self.config
        poll = max(config.sequencer.poll, MIN_POLL)
        self.url, self.ws_url = server.url, server.ws_url
        log.info("sequencer runs", rpc=server.url, page=page.at(server.url), account="0x" + parts.transactions.address.hex(),
                 head=parts.node.head().number, batches=parts.ledger.anchor.batch_count + len(parts.ledger))
        await self._work(
            derivation=parts.derivation.run(),
            derived=parts.derived.run(),
            follower=parts.follower.run(poll),
            builder=parts.builder.run(parts.view_of_l1),
            batcher=parts.batcher.run(parts.builder, parts.view_of_l1, parts.follower.refresh, poll),
            asserter=parts.asserter.run(poll),
            archive=keeper.run(),
            progress=show_progress(parts.derivation),
            observer=self.observer.run(),
        )
        log.info("sequencer stopped", head=parts.node.head().number)

    # ---- what it says of itself

    def _figures(self) -> dict[str, Any]:
        parts = self.parts
        return {
            "synced": parts.caught_up, "posting": parts.batcher.posting, "posted": parts.batcher.posted,
            "asserted": parts.asserter.asserted, "confirmed": parts.asserter.confirmed,
            "settled": parts.asserter.settled.batches, "splits": parts.asserter.splits,
            "racesLost": parts.contest.lost_on_l1, "racesSeenInTime": parts.contest.seen_in_time,
            "l1InFlight": parts.transactions.in_flight, "l1Bumps": parts.transactions.bumps,
            "l1Failure": parts.follower.failure or parts.derivation.failure or None,
        }

    def _checks(self, parts: Parts, observer: Observer) -> Health:
        patience = STUCK * self.config.sequencer.transactions.resubmit_after

        def derivation() -> str | None:
            of_l1 = parts.derivation.trouble if parts.derivation.blocked is None else None
            if failure := parts.follower.failure or of_l1:
                return failure
            return None if parts.caught_up else "not yet where L1 is"

        def chain() -> str | None:
            return f"{parts.follower.alarms} times L1 says otherwise than what was built" if parts.follower.alarms else None

        def data() -> str | None:
            return parts.derivation.blocked.reason if parts.derivation.blocked else None

        return Health({
            "l1": observer.l1_trouble, "derivation": derivation, "data": data, "chain": chain, "disk": disk(self.config.data_dir),
            "funds": observer.funds_trouble, "transactions": stuck(lambda: parts.transactions.oldest, patience)})

    def _health(self) -> dict[str, Any]:
        parts = self.parts
        at = parts.follower.snapshot
        return self.health.answer(
            unsafe=parts.node.head().number, derivedBatches=parts.derived.count, l1Head=None if at is None else at.head)


def _assemble(config: Config, deployment: Deployment, store: ChainStore, derived_store: ChainStore, l1: L1Client,
              beacon: BlobClient, transactions: TransactionManager, claims: Claims, pages: tuple[bytes, ...],
              kind: ChunkProofKind, workers: WorkerPool) -> Parts:
    rollup, settings, dispute = config.rollup, config.sequencer, config.dispute
    of_node = node_settings(config, deployment, max(settings.poll, MIN_POLL))
    inbox, contract = Inbox(l1, deployment.inbox), Rollup(l1, deployment.rollup)
    chunks = settings.target_blobs * CHUNKS_PER_BLOB if settings.data == "blobs" else MAX_CALLDATA_CHUNKS
    limits = PoolLimits(settings.mempool.max_transactions, settings.mempool.max_per_sender,
                        max_size=min(MAX_TRANSACTION_SIZE, chunks * _LEAST_PER_CHUNK))
    node = L2Node(store, of_node.rules, of_node.params, limits)
    ledger = BatchLedger(store, of_node.rules.chain_id)
    derivation = RollupNode(of_node, derived_store, l1, beacon, workers=beacon.workers)
    derived = DerivedView(derivation)
    view = L1View(l1, inbox, config.l1.confirmations, settings.transactions.min_tip, bytes.fromhex(deployment.portal[2:]))
    contest = Contest(transactions.address, 2 * config.l1.slot if settings.stagger is None else settings.stagger, settings.due_patience)
    builder = Builder(
        node, ledger, view,
        BuilderSettings(settings.batch_interval, int(rollup.max_drift), rollup.max_origin_age, settings.empty_blocks),
        block_time=settings.block_time, data=DataPolicy(settings.data, settings.target_blobs, pages), contest=contest,
        workers=workers)

    async def confirmed_block() -> bytes:
        return (await contract.latest_confirmed()).block_hash

    follower = Follower(node, ledger, view, derived, builder, max_origin_age=rollup.max_origin_age,
                        confirmed_block=confirmed_block, overtaken=lambda batch: batcher.overtaken(batch))
    batcher = Batcher(ledger, transactions, inbox, contest, refused=follower.refused)

    def unsafe_block(index: int) -> bytes | None:
        batch = ledger.get(index)
        if batch is None or batch.header is None or batch.header.hash != derived.batch_hash(index):
            return None  # L1 has somebody else's batch there, and it is about to be adopted
        return batch.last_block

    def ours(index: int) -> bool:
        record = derived.record(index)
        return record is not None and record.posted.inclusion.poster == transactions.address

    instant = settings.settlement == "instant"
    prover = Prover(1 if instant else 0)  # cell proofs take seconds
    settler = Settler(l1, contract, address_bytes(deployment.stage), derivation, transactions, prover, kind,
                      config.challenger.max_proof_calldata)
    asserter = Asserter(
        l1, contract, deployment.block_number, transactions, claims(DerivedClaims(derived)),
        AsserterSettings(GameRules(dispute.stride, dispute.arity, int(dispute.window), int(dispute.clock)),
                         dispute.assertion_bond, settings.assert_batches, settings.confirm, settings.assert_patience),
        prover=prover, unsafe_block=unsafe_block, ours=ours,
        settle=settler.settle if instant else None)
    derived.on_change(follower.refresh)
    derived.on_change(asserter.refresh)
    return Parts(node, ledger, derivation, derived, builder, batcher, contest, follower, asserter, transactions)


def _policy(config: Config) -> TransactionPolicy:
    own = config.sequencer.transactions
    return TransactionPolicy(
        FeeCaps(own.max_fee, own.max_blob_fee, own.min_tip), resubmit_after=own.resubmit_after,
        confirmations=config.l1.confirmations, poll=max(MIN_POLL, min(config.sequencer.poll, config.l1.slot / 2)),
        only_to_code=True)


async def run_sequencer(config: Config, stop: asyncio.Event) -> None:
    """Runs until `stop` is set. Raises what made it fail."""
    await run_service(SequencerService(config), stop)
