"""The life of a daemon: start, wait until it works, stop in order, pass on what made it fail.

    async with SomeService(config) as service: ...   # in tests: runs inside the block
    await run_service(SomeService(config), stop)     # as a process: until `stop` is set
"""

from __future__ import annotations

import asyncio
import json
from abc import ABC, abstractmethod
from collections.abc import Coroutine
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from l1.artifacts import address_bytes
from l1.client import L1Client
from verdict.config import Config
from verdict.deployment import Deployment, DeploymentError
from verdict.errors import L1Problem
from verdict.genesis import l2_genesis


class Service(ABC):
    """A daemon puts itself together in `_run` and then works in `_work`."""

    name: str

    def __init__(self) -> None:
        self._ready = asyncio.Event()
        self._stop = asyncio.Event()
        self._main: asyncio.Task[None] | None = None

    @abstractmethod
    async def _run(self) -> None:
        """All of its life; calls `_work` when everything is in place."""

    async def _work(self, **tasks: Coroutine[Any, Any, None]) -> None:
        """Runs these, by name, until the daemon is stopped or one of them fails. Says that the daemon is ready."""
        async with asyncio.TaskGroup() as group:
            running = [group.create_task(each, name=name) for name, each in tasks.items()]
            self._ready.set()
            await self._stop.wait()
            for task in running:
                task.cancel()

    async def __aenter__(self) -> Self:
        self._main = asyncio.create_task(self._run(), name=self.name)
        ready = asyncio.create_task(self._ready.wait())
        try:
            await asyncio.wait({self._main, ready}, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            await _end(self._main)
            raise
        finally:
            await _end(ready)
        if self._main.done():
            self._main.result()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._main is not None
        self._stop.set()
        try:
            await self._main
        except asyncio.CancelledError:
            await _end(self._main)
            raise

    @property
    def running(self) -> bool:
        """False before it was started, and when it has stopped or failed."""
        return self._main is not None and not self._main.done()

    async def wait(self) -> None:
        """Until it fails; it doesn't end otherwise."""
        assert self._main is not None
        await asyncio.shield(self._main)


async def run_service(service: Service, stop: asyncio.Event) -> None:
    """Runs until `stop` is set. Raises what made it fail."""
    async with service:
        failed = asyncio.create_task(service.wait())
        stopped = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait({failed, stopped}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (failed, stopped):
                await _end(task)


def rollup_genesis(config: Config, deployment: Deployment) -> tuple:
    """The L2 genesis, as ChainStore.open takes it. DeploymentError if the contracts were deployed with another one."""
    genesis = l2_genesis(config, deployment.l1_addresses)
    mine = "0x" + genesis[0].hash.hex()
    if mine != deployment.genesis.block_hash:
        raise DeploymentError(
            f"the L2 genesis block of this program is {mine}, the contracts were deployed with "
            f"{deployment.genesis.block_hash}")
    return genesis


async def check_l1(l1: L1Client, config: Config, deployment: Deployment) -> None:
    """L1Problem if it is another chain than the configuration says, DeploymentError if it hasn't got the rollup's contracts."""
    if (chain_id := await l1.chain_id()) != config.l1.chain_id:
        raise L1Problem(f"{config.l1.rpc_url} is chain {chain_id}, and l1.chain_id says {config.l1.chain_id}")
    for address in (deployment.inbox, deployment.rollup, deployment.portal, deployment.stage):
        if not await l1.code(address_bytes(address)):
            raise DeploymentError(f"L1 has no contract at {address}: was it started afresh since `verdict deploy`?")


def check_identity(directory: Path, config: Config, deployment: Deployment) -> None:
    """Refuses a data directory that belongs to another rollup or another deployment of it. Raises DeploymentError."""
    directory.mkdir(parents=True, exist_ok=True)
    file = directory / "identity"
    mine = {"fingerprint": config.fingerprint(), "inbox": deployment.inbox, "rollup": deployment.rollup,
            "deployed_at": deployment.block_hash}
    if not file.exists():
        partial = file.with_suffix(".partial")
        partial.write_text(json.dumps(mine) + "\n")
        partial.replace(file)
        return
    try:
        found = json.loads(file.read_text())
        changed = sorted(name for name in mine if found.get(name) != mine[name])
    except (ValueError, AttributeError):
        raise DeploymentError(f"{file} is damaged: remove it if the directory is this rollup's, else move the directory "
                              "away") from None
    if changed:
        raise DeploymentError(
            f"{directory} belongs to another rollup or deployment ({', '.join(changed)} changed): change the configuration "
            f"back, or move the directory away; the chain is then derived from L1 again")


async def _end(task: asyncio.Task[Any]) -> None:
    """Cancels a task and waits for it; what it raises is told elsewhere."""
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
