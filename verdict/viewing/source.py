"""Where the commands have their view from: L1, the L2 node that answers, and the databases of daemons on this machine."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Coroutine
from dataclasses import dataclass
from typing import Any, TypeVar

from chain.database import ChainStoreError
from chain.store import ChainStore
from derivation.batches import DerivedBatches
from derivation.records import DerivedRecord
from l1.client import L1Client, L1Inconsistent, L1Unavailable, RetryPolicy
from l1.rpc_errors import RpcError
from verdict.blob_settings import blob_client
from verdict.config import Config
from verdict.deploy import check_deployment
from verdict.deployment import Deployment
from verdict.node_settings import node_settings
from view.rollup_view import RollupView

WINDOW = 64  # newest L1 blocks that are read one by one, for a command that looks once
DATABASES = (("node", "chain"), ("sequencer", "derived"), ("challenger", "chain"))
"""In the data directory: where daemons keep what they derived."""

T = TypeVar("T")


class L2Heads:
    """`url`: of the node that answered last, empty if none did. Nothing of it is believed: it is shown."""

    def __init__(self, config: Config, url: str | None = None) -> None:
        self._urls = [url] if url else [
            f"http://{'127.0.0.1' if own.host in ('0.0.0.0', '::') else own.host}:{own.port}"
            for own in (config.sequencer, config.node)]
        self.url = ""
        self.now: dict[str, Any] = {}

    async def refresh(self) -> None:
        for url in self._urls:
            async with L1Client(url, retry=RetryPolicy(tries=1, timeout=3.0)) as client:
                try:
                    self.now = {
                        name: await _head(client, label)
                        for name, label in (("unsafe", "latest"), ("safe", "safe"), ("finalized", "finalized"))}
                except (L1Unavailable, L1Inconsistent, RpcError):
                    continue
                self.url = url
                return
        self.url, self.now = "", {}


async def _head(client: L1Client, label: str) -> dict[str, Any] | None:
    try:
        block = await client.block(label)
    except RpcError:
        return None
    return None if block is None else {"number": block.number, "hash": "0x" + block.hash.hex(), "timestamp": block.timestamp}


@dataclass(frozen=True)
class Sight:
    """`local`: what daemons of this data directory have derived and which these are, the furthest first."""

    config: Config
    deployment: Deployment
    l1: L1Client
    heads: L2Heads
    local: list[tuple[DerivedBatches, str]]
    view: RollupView


@contextlib.asynccontextmanager
async def sight(config: Config, l2_url: str | None = None, *, window: int = WINDOW) -> AsyncIterator[Sight]:
    """Raises what is wrong with L1 or the deployment."""
    async with contextlib.AsyncExitStack() as stack:
        l1 = await stack.enter_async_context(L1Client(config.l1.rpc_url))
        deployment = await check_deployment(config, l1)
        local = await _open_local(config, deployment, stack)
        heads = L2Heads(config, l2_url)
        await heads.refresh()

        def truth(index: int) -> DerivedRecord | None:
            return next((record for each, _ in local if (record := each.derived(index)) is not None), None)

        view = RollupView(l1, config, deployment, lambda: heads.now, truth, window=window)
        yield Sight(config, deployment, l1, heads, local, view)


async def _open_local(
    config: Config, deployment: Deployment, stack: contextlib.AsyncExitStack
) -> list[tuple[DerivedBatches, str]]:
    """The daemons may run: their databases are only read."""
    found: list[tuple[DerivedBatches, str]] = []
    for daemon, name in DATABASES:
        path = config.data_dir / daemon / name
        if not (path / "data.mdb").exists():
            continue
        try:
            store = ChainStore.open_shared(path, bytes.fromhex(deployment.genesis.block_hash[2:]))
        except ChainStoreError:
            continue  # another chain's, or this very process's
        stack.callback(store.close)
        blobs = await stack.enter_async_context(blob_client(config, config.data_dir / daemon, workers=0))
        batches = DerivedBatches(node_settings(config, deployment), store, blobs)
        stack.callback(batches.close)
        found.append((batches, daemon))
    return sorted(found, key=lambda each: -each[0].kept_count)


def run(main: Coroutine[Any, Any, T]) -> T:
    """A command's work, quiet but for errors."""
    from verdict.logging import configure_logging

    configure_logging("console", "error")
    return asyncio.run(main)
