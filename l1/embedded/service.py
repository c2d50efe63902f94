"""Puts the embedded L1 together and runs it: store, node, JSON-RPC, beacon API, timer.

    async with EmbeddedL1(settings) as l1: ...        # tests
    await run_l1(settings, stop)                      # `verdict l1`
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from eth_account.signers.local import LocalAccount

from chain.store import ChainStore
from engines.alarm import AlarmStore
from engines.panel import Panel
from engines.registry import select
from l1.blobs import trusted_setup
from l1.embedded.beacon import beacon_root, root_record_key
from l1.embedded.beacon_api import BeaconApi
from l1.embedded.clock import ChainClock
from l1.embedded.genesis import devnet_accounts, l1_genesis
from l1.embedded.judge import Judge
from l1.embedded.methods import DevelopmentMethods
from l1.embedded.metrics import health, l1_registry
from l1.embedded.node import EmbeddedL1Node
from l1.embedded.precompile import execute_rules
from l1.embedded.producer import BlockProducer
from l1.embedded.reorg import Reorganizer
from l1.embedded.settings import EmbeddedL1Settings
from rpc.limits import ServerLimits
from rpc.node import build_dispatcher
from rpc.prometheus import serve_metrics
from rpc.server import RpcServer

log = logging.getLogger("verdict.l1")

GENESIS_TIME_FILE = "genesis_time"  # in the data directory: seconds since the epoch
MAX_REQUEST = 16_000_000  # bytes; nine blobs in hex are 2.4 MB, a batch of such transactions more


class EmbeddedL1:
    """An embedded L1 that runs while its `async with` block does."""

    def __init__(self, settings: EmbeddedL1Settings | None = None) -> None:
        self.settings = settings or EmbeddedL1Settings()
        self.node: EmbeddedL1Node
        self.reorganizer: Reorganizer
        self._rpc: RpcServer
        self._beacon: BeaconApi
        self._timer: asyncio.Task[None]
        self._stack = contextlib.AsyncExitStack()

    @property
    def rpc_url(self) -> str:
        return self._rpc.url

    @property
    def ws_url(self) -> str:
        return self._rpc.ws_url

    @property
    def beacon_url(self) -> str:
        return self._beacon.url

    @property
    def accounts(self) -> tuple[LocalAccount, ...]:
        """The funded devnet accounts."""
        return devnet_accounts(self.settings.mnemonic, self.settings.accounts)

    async def __aenter__(self) -> Self:
        async with contextlib.AsyncExitStack() as stack:
            await self._start(stack)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    async def _start(self, stack: contextlib.AsyncExitStack) -> None:
        settings = self.settings
        genesis_time = _genesis_time(settings)
        genesis = l1_genesis(settings, genesis_time)
        store = ChainStore.open(settings.data_dir, genesis)
        stack.callback(store.close)
        store.put_meta(root_record_key(beacon_root(genesis[0].hash)), genesis[0].hash)
        judge = Judge(_panel(settings), settings.trace_dir)
        stack.callback(judge.close)
        rules = execute_rules(settings.chain_id, settings.execute, judge.verdict)
        clock = ChainClock(genesis_time, settings.seconds_per_slot)
        producer = BlockProducer(store, rules, settings)
        self.node = node = EmbeddedL1Node(settings, store, rules, producer, clock)
        stack.callback(node.close)
        self.reorganizer = Reorganizer(node)
        call_timeout = settings.execute.time_limit + 10
        dispatcher = build_dispatcher(
            node, limits=ServerLimits(max_body=MAX_REQUEST, call_timeout=call_timeout, batch_timeout=4 * call_timeout)
        )
        dispatcher.register(DevelopmentMethods(node, self.reorganizer))
        self._beacon = await stack.enter_async_context(
            BeaconApi(node, host=settings.host, port=settings.beacon_port)
        )
        self._rpc = await stack.enter_async_context(
            RpcServer(dispatcher, host=settings.host, port=settings.port, health=lambda: health(node))
        )
        await stack.enter_async_context(serve_metrics(l1_registry(node), settings.host, settings.metrics_port, lambda: health(node)))
        await asyncio.to_thread(trusted_setup)
        self._timer = asyncio.create_task(node.run_timer(), name="l1-timer")
        stack.push_async_callback(_cancelled, self._timer)
        log.info("embedded L1 at %s, beacon API at %s", self.rpc_url, self.beacon_url)

    async def wait(self) -> None:
        """Until the block timer fails; it doesn't end otherwise."""
        await asyncio.shield(self._timer)


def _panel(settings: EmbeddedL1Settings) -> Panel:
    """Raises EngineUnavailable, ValueError."""
    execute = settings.execute
    specs, left_out = select(execute.engines)
    for reason in left_out:
        log.warning("EXECUTE goes on without an engine: %s", reason)
    log.info("EXECUTE is judged by %s; %d must agree", ", ".join(spec.name for spec in specs), execute.threshold)
    return Panel(
        specs, execute.threshold, time_limit=execute.time_limit, memory_limit=execute.memory_limit,
        alarms=None if settings.alarm_dir is None else AlarmStore(settings.alarm_dir),
    )  # fmt: skip


async def run_l1(settings: EmbeddedL1Settings, stop: asyncio.Event) -> None:
    """Runs until `stop` is set. Raises what made it fail (a port taken, a data directory of another chain)."""
    async with EmbeddedL1(settings) as l1, asyncio.TaskGroup() as group:
        running = group.create_task(l1.wait())
        await stop.wait()
        running.cancel()


async def _cancelled(task: asyncio.Task[None]) -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


def _genesis_time(settings: EmbeddedL1Settings) -> int:
    """As configured; else that of the chain in the data directory; else now."""
    if settings.genesis_time is not None:
        return settings.genesis_time
    if settings.data_dir is None:
        return int(time.time())
    file = Path(settings.data_dir) / GENESIS_TIME_FILE
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        partial = file.with_suffix(".partial")
        partial.write_text(f"{int(time.time())}\n")
        partial.replace(file)
    return int(file.read_text())
