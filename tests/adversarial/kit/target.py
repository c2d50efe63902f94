"""A sequencer as a process, attacked through its JSON-RPC, and what must hold all the while.

    async with target(stage) as sequencer:
        await sequencer.post(b"{" * 1000)
        await sequencer.serves()
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Mapping
from typing import Any

import aiohttp

from tests.adversarial.kit.devnet import Devnet
from tests.adversarial.kit.processes import DaemonProcess, Nursery
from tests.adversarial.kit.scenario import Stage
from tests.e2e.devnet import ETHER

CHAIN_ID = 42069
MOST_MEMORY = 300 * 2**20
"""Bytes that a sequencer may hold beyond what it held before anybody attacked it."""
HONEST_WAIT = 120.0
"""Seconds within which an honest transaction is in a block, on a machine with other things to do."""


class Target:
    """`port`: of its JSON-RPC. `before`: bytes of memory it held at first."""

    def __init__(self, net: Devnet, daemon: DaemonProcess) -> None:
        self.net = net
        self.daemon = daemon
        self.port = net.config.sequencer.port
        self.url = f"http://127.0.0.1:{self.port}"
        self.before = daemon.rss()
        self.most = self.before
        self._honest = net.account(5)
        self.session: aiohttp.ClientSession

    # ---- asking

    async def ask(self, method: str, *params: Any, timeout: float = 60) -> Any:
        """The whole answer: {"result": ...} or {"error": ...}."""
        request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)}
        async with self.session.post(self.url, json=request, timeout=aiohttp.ClientTimeout(total=timeout)) as answer:
            return await answer.json()

    async def result(self, method: str, *params: Any) -> Any:
        answer = await self.ask(method, *params)
        assert "result" in answer, f"{method}: {answer}"
        return answer["result"]

    async def post(self, body: bytes, timeout: float = 60) -> tuple[int, bytes]:
        """HTTP status and body."""
        async with self.session.post(self.url, data=body, headers={"Content-Type": "application/json"},
                                     timeout=aiohttp.ClientTimeout(total=timeout)) as answer:
            return answer.status, await answer.read()

    def signed(self, account: Any, nonce: int, **fields: Any) -> str:
        """A raw transaction."""
        raw = account.sign_transaction({
            "nonce": nonce, "chainId": CHAIN_ID, "gas": 21_000, "value": 1, "to": self.net.account(7).address,
            "maxFeePerGas": 10**10, "maxPriorityFeePerGas": 10**9, **fields}).raw_transaction
        return "0x" + bytes(raw).hex()

    # ---- promises

    async def serves(self, *, tip: int = 2 * 10**9) -> float:
        """An honest transaction gets into a block, health is fine, memory bounded. Seconds that the transaction took."""
        assert self.daemon.running, f"the sequencer ended:\n{self.daemon.said()[-3000:]}"
        begun = time.monotonic()
        nonce = int(await self.result("eth_getTransactionCount", self._honest.address, "latest"), 16)
        sent = await self.result("eth_sendRawTransaction", self.signed(
            self._honest, nonce, maxPriorityFeePerGas=tip, maxFeePerGas=10**10 + tip))

        async def included() -> Any:
            return await self.result("eth_getTransactionReceipt", sent)

        receipt = await self.net.until(included, "an honest transaction is in a block", timeout=HONEST_WAIT)
        assert receipt["status"] == "0x1"
        took = time.monotonic() - begun
        await self.is_healthy()
        self.is_bounded()
        return took

    async def is_healthy(self) -> None:
        async def healthy() -> bool:
            async with self.session.get(self.url + "/healthz") as answer:
                return answer.status == 200

        await self.net.until(healthy, "/healthz says that all is well", timeout=HONEST_WAIT)

    def is_bounded(self) -> int:
        """Its memory now, in bytes."""
        now = self.daemon.rss()
        self.most = max(self.most, now)
        assert now < self.before + MOST_MEMORY, f"{now >> 20} MB, and {self.before >> 20} MB before the attack"
        return now

    def memory(self) -> str:
        return f"{self.before >> 20} MB before, {self.most >> 20} MB at most"

    async def fund(self, accounts: list[Any], wei: int = ETHER) -> None:
        """L2 ether for accounts of the attacker's."""
        bank = self.net.account(9)
        nonce = int(await self.result("eth_getTransactionCount", bank.address, "latest"), 16)
        sent = ""
        for number, each in enumerate(accounts):
            sent = await self.result("eth_sendRawTransaction", self.signed(bank, nonce + number, to=each.address, value=wei))
        await self.net.until(lambda: self.result("eth_getTransactionReceipt", sent), "the attacker has ether")


@contextlib.asynccontextmanager
async def target(stage: Stage, settings: Mapping[str, object] | None = None, *, connections: int = 100) -> AsyncIterator[Target]:
    """A network with one sequencer that builds, posts and answers."""
    async with Devnet(stage, {"blobs.workers": 0, **(settings or {})}) as net, Nursery(stage.directory) as nursery:
        net.write_toml("daemon.toml", **{"sequencer.port": net.config.sequencer.port, "node.port": net.config.node.port})
        daemon = await nursery.start("sequencer", net.directory / "daemon.toml")
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=connections)) as session:
            async def answers() -> bool:
                with contextlib.suppress(aiohttp.ClientError, OSError):
                    async with session.get(f"http://127.0.0.1:{net.config.sequencer.port}/healthz") as answer:
                        return answer.status == 200
                return False

            await net.until(answers, "the sequencer is up", timeout=120)
            attacked = Target(net, daemon)
            attacked.session = session
            await attacked.serves()
            attacked.before = max(attacked.before, daemon.rss())
            yield attacked
            stage.say("sequencer", attacked.memory())
            assert await daemon.stop() == 0
            said = daemon.said()
            assert "Traceback" not in said, said[said.index("Traceback") - 500:][:3000]


async def raw_connection(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection("127.0.0.1", port)


def requests(*calls: tuple[str, list[Any]]) -> bytes:
    """A batch."""
    return json.dumps([{"jsonrpc": "2.0", "id": number, "method": method, "params": params}
                       for number, (method, params) in enumerate(calls)]).encode()
