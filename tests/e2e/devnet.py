"""A whole rollup for end-to-end tests: an embedded L1 on free ports, deployed contracts, real daemons over sockets.

    async with Devnet(tmp_path, {"dispute.stride": 1}) as net:
        async with net.sequencer(), net.challenger():
            await net.send_l2(net.account(3), to=..., value=...)
            await net.until(lambda: net.confirmed_batches(), "a batch confirmed")
            await net.travel(600)

Times are seconds, amounts wei. L1 time runs ahead of the wall clock if `block_time` is below one second, since every
L1 block is at least a second later than its parent.
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from eth_account.signers.local import LocalAccount
from web3 import AsyncWeb3

from l1.client import L1Client, L1Unavailable
from l1.embedded.service import EmbeddedL1
from l1.embedded.settings import EmbeddedL1Settings
from l1.http_provider import HttpProvider
from verdict.config import Config, parse_config
from verdict.deploy import deploy
from verdict.deployment import Deployment
from verdict.keys import test_account as mnemonic_account
from verdict.keys import write_key
from verdict.onchain import Contracts

DEPLOYER, SEQUENCER, CHALLENGER, USER, LIAR = 0, 1, 2, 3, 4
"""Accounts of the test mnemonic and the parts they play. 5 to 9 are free."""

ETHER = 10**18


def free_ports(count: int) -> list[int]:
    """Ports nobody listens on now."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


def base_configuration() -> dict[str, Any]:
    """As a TOML file would have it; the URLs are filled in when L1 runs."""
    funded = [{"address": mnemonic_account(index).address, "balance": "1000 ether"} for index in range(3, 10)]
    return {
        "name": "e2e",
        "data_dir": "data",
        "l1": {"chain_id": 31337, "block_time": "1s"},
        "rollup": {
            "chain_id": 42069,
            "fee_recipient": mnemonic_account(SEQUENCER).address,
            "sequencer": mnemonic_account(SEQUENCER).address,
            "alloc": funded,
        },
        "dispute": {"stride": 16, "arity": 2, "window": "10m", "clock": "3m"},
        "sequencer": {
            "block_time": "250ms", "batch_interval": "2s", "poll": "200ms", "assert_patience": "2s", "due_patience": "1s",
            "transactions": {"resubmit_after": "5s"}},
        "challenger": {"poll": "200ms", "transactions": {"resubmit_after": "5s"}},
        "node": {"poll": "200ms"},
        "blobs": {"workers": 0},  # a process each would cost more than it saves
    }


@dataclass(frozen=True)
class Daemon:
    """A daemon running in this process. `stop()` ends it in order; `kill()` cancels it where it stands."""

    config: Config
    task: asyncio.Task[None]
    stopping: asyncio.Event

    async def stop(self) -> None:
        self.stopping.set()
        await asyncio.wait_for(self.task, 30)

    async def kill(self) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)


class Devnet:
    """`overrides`: dotted configuration keys, as in `load_config`. `block_time` None: L1 blocks only by `mine`
    or, with `automine`, for each transaction."""

    l1: EmbeddedL1
    rpc: L1Client
    config: Config
    deployment: Deployment
    contracts: Contracts

    def __init__(
        self,
        directory: Path,
        overrides: Mapping[str, object] | None = None,
        *,
        block_time: float | None = 0.5,
        automine: bool = False,
        l1_settings: Mapping[str, Any] | None = None,
    ) -> None:
        self.directory = directory
        self.overrides = dict(overrides or {})
        self._settings = EmbeddedL1Settings(
            **{"port": 0, "beacon_port": 0, "block_time": block_time, "automine": automine, **(l1_settings or {})})
        self._stack = contextlib.AsyncExitStack()
        self._copies = 0
        self._providers: list[HttpProvider] = []

    async def __aenter__(self) -> Self:
        async with contextlib.AsyncExitStack() as stack:
            self.l1 = await stack.enter_async_context(EmbeddedL1(self._settings))
            self.rpc = await stack.enter_async_context(L1Client(self.l1.rpc_url))
            self.config = self.configure(self.overrides)
            for role, index in (("sequencer", SEQUENCER), ("challenger", CHALLENGER)):
                write_key(self.config.data_dir, role, mnemonic_account(index))
            deploying = asyncio.create_task(deploy(self.config, self.account(DEPLOYER), self.rpc))
            while not (await asyncio.wait([deploying], timeout=0.1))[0] and self._settings.block_time is None:
                await self.mine()
            self.deployment = await deploying
            assert self.rpc.w3 is not None
            self.contracts = Contracts(self.rpc.w3, self.deployment)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for provider in self._providers:
            await provider.disconnect()
        await self._stack.aclose()

    # ---- configuration

    def tree(self, overrides: Mapping[str, object] | None = None) -> dict[str, Any]:
        """This network's configuration as its TOML file has it, with further changes; a free port for the daemons."""
        tree = base_configuration()
        tree["l1"] |= {"rpc_url": self.l1.rpc_url, "beacon_url": self.l1.beacon_url}
        port, node_port = free_ports(2)
        for dotted, value in {
            "sequencer.port": port, "node.port": node_port, **self.overrides, **(overrides or {})}.items():
            *tables, key = dotted.split(".")
            table = tree
            for name in tables:
                table = table.setdefault(name, {})
            if value is None:
                table.pop(key, None)
            else:
                table[key] = value
        return tree

    def configure(self, overrides: Mapping[str, object] | None = None) -> Config:
        """The configuration of `tree`."""
        return parse_config(self.tree(overrides), base=self.directory, source="devnet")

    def another(self, overrides: Mapping[str, object] | None = None, **keys: LocalAccount) -> Config:
        """A configuration for one more node of this rollup: its own data directory, the same deployment.
        `another(challenger=account)` gives it that key."""
        self._copies += 1
        config = self.configure({"data_dir": f"data-{self._copies}", **(overrides or {})})
        config.data_dir.mkdir()
        shutil.copy(self.config.deployment_path, config.deployment_path)
        for role in ("sequencer", "challenger"):
            index = SEQUENCER if role == "sequencer" else CHALLENGER
            write_key(config.data_dir, role, keys.get(role) or mnemonic_account(index))
        return config

    def account(self, index: int) -> LocalAccount:
        return mnemonic_account(index)

    # ---- daemons

    @contextlib.asynccontextmanager
    async def sequencer(self, config: Config | None = None) -> AsyncIterator[Daemon]:
        """A sequencer that answers JSON-RPC. Stopped at the end; what made it fail is raised there."""
        from sequencer.service import run_sequencer

        config = config or self.config
        async with self._daemon(config, run_sequencer) as daemon:
            l2 = self.l2(config)
            try:
                await self.until(l2.is_connected, "the sequencer answers", daemon=daemon)
            finally:
                await l2.provider.disconnect()  # type: ignore[attr-defined]
            yield daemon

    @contextlib.asynccontextmanager
    async def challenger(self, config: Config | None = None) -> AsyncIterator[Daemon]:
        from challenger.service import run_challenger

        async with self._daemon(config or self.config, run_challenger) as daemon:
            yield daemon

    @contextlib.asynccontextmanager
    async def node(self, config: Config | None = None) -> AsyncIterator[Daemon]:
        """A node that answers JSON-RPC at `l2_node(config)`."""
        from node.service import run_node

        async with self._daemon(config or self.config, run_node) as daemon:
            l2 = self.l2_node(config)
            try:
                await self.until(l2.is_connected, "the node answers", daemon=daemon)
            finally:
                await l2.provider.disconnect()  # type: ignore[attr-defined]
            yield daemon

    @contextlib.asynccontextmanager
    async def _daemon(
        self, config: Config, main: Callable[[Config, asyncio.Event], Awaitable[None]]
    ) -> AsyncIterator[Daemon]:
        stopping = asyncio.Event()

        async def run() -> None:
            await main(config, stopping)

        daemon = Daemon(config, asyncio.create_task(run(), name=main.__name__), stopping)
        try:
            yield daemon
        finally:
            if not daemon.task.cancelled():
                try:
                    await daemon.stop()
                except TimeoutError:
                    await daemon.kill()
                    raise AssertionError(f"{main.__name__} did not stop within 30 s") from None

    def l2(self, config: Config | None = None) -> AsyncWeb3:
        """web3.py on the sequencer's JSON-RPC."""
        return self._web3((config or self.config).sequencer.port)

    def l2_node(self, config: Config | None = None) -> AsyncWeb3:
        """web3.py on the node's JSON-RPC."""
        return self._web3((config or self.config).node.port)

    def _web3(self, port: int) -> AsyncWeb3:
        provider = HttpProvider(f"http://127.0.0.1:{port}")
        self._providers.append(provider)
        return AsyncWeb3(provider)

    # ---- L1

    @property
    def w3(self) -> AsyncWeb3:
        """web3.py on L1."""
        assert self.rpc.w3 is not None
        return self.rpc.w3

    async def mine(self, blocks: int = 1) -> None:
        await self.rpc.request("anvil_mine", [hex(blocks)])

    async def travel(self, seconds: int) -> None:
        """L1 time goes ahead, and a block is mined there."""
        await self.rpc.request("evm_increaseTime", [hex(seconds)])
        await self.mine()

    async def now(self) -> int:
        """L1 time."""
        return (await self.rpc.head()).timestamp

    async def confirmed_batches(self) -> int:
        """How many batches the latest confirmed assertion covers."""
        count: int = (await self.contracts.rollup.functions.latestConfirmed().call())[1]
        return count

    async def events(self, *names: str) -> list[Any]:
        """Events of Inbox and Rollup so far (verdict.onchain.Event), of these names."""
        head = await self.rpc.head()
        return [event async for event in self.contracts.events(0, head.number) if not names or event.name in names]

    async def send(self, w3: AsyncWeb3, account: LocalAccount, **fields: Any) -> Any:
        """Signs and sends a type-2 transaction (on L1: net.w3, on L2: net.l2()) and waits for its receipt."""
        fields = {"value": 0, "chainId": await w3.eth.chain_id, **fields}
        fields.setdefault("nonce", await w3.eth.get_transaction_count(account.address, "pending"))
        fields.setdefault("maxFeePerGas", 10 * 10**9)
        fields.setdefault("maxPriorityFeePerGas", 10**9)
        if "gas" not in fields:
            fields["gas"] = await w3.eth.estimate_gas({**fields, "from": account.address}) * 5 // 4
        sent = await w3.eth.send_raw_transaction(account.sign_transaction(fields).raw_transaction)
        return await w3.eth.wait_for_transaction_receipt(sent, timeout=60, poll_latency=0.1)

    # ---- waiting

    async def until(
        self,
        condition: Callable[[], Awaitable[Any]],
        what: str,
        *,
        timeout: float = 60,
        daemon: Daemon | None = None,
    ) -> Any:
        """Polls until `condition` is true and returns what it gave. Fails at once if `daemon` has ended."""
        deadline = time.monotonic() + timeout
        while True:
            try:
                found = await condition()
            except (TimeoutError, L1Unavailable):  # L1 is in this process too: when that is busy for long, it doesn't answer
                found = None
            if found:
                return found
            if daemon is not None and daemon.task.done():
                daemon.task.result()
                raise AssertionError(f"the daemon ended before: {what}")
            if time.monotonic() > deadline:
                raise AssertionError(f"not within {timeout} s: {what}")
            await asyncio.sleep(0.1)
