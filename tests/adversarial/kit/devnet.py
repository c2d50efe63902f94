"""The network of a scenario and its cast.

    async with Devnet(stage, {"dispute.stride": 1}) as net, net.sequencer(), net.challenger() as honest:
        truth = await net.batch()
        async with net.asserter(LIES["gas used"](truth)) as liar:
            await net.dies(liar, by=honest)
        await net.stands()

Everybody is a real daemon or the honest code with other claims, over real sockets. Nothing runs out of time unless the scenario
travels: windows are of hours, and L1's blocks come every half second.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Mapping
from types import TracebackType
from typing import Any, Self

import tomli_w
from eth_account import Account
from eth_account.signers.local import LocalAccount

from chain.store import ChainStore
from challenger.service import ChallengerService
from derivation.node import RollupNode
from l1.beacon import BeaconSource
from l1.blob_client import BlobClient
from l1.client import L1Client
from l1.events import AssertionStatus, KillReason
from l1.txmanager import TransactionManager
from sequencer.claims import BatchClaims
from tests.adversarial.kit.arena import CLOCK, WINDOW, Arena, Party, derive, queue, transact
from tests.adversarial.kit.faulty_l1 import Fault, FaultyL1
from tests.adversarial.kit.lies import Truth, truth_of
from tests.adversarial.kit.scenario import Stage
from tests.e2e import devnet as e2e
from verdict.config import Config
from verdict.genesis import l2_genesis
from verdict.node_settings import node_settings

CROWD = 100
"""Funded accounts of L1's test mnemonic. 0 to 9 have roles (tests/e2e/devnet.py), asserters take theirs from 10 on, attackers
from 60 on."""
FIRST_ATTACKER = 60

DEFAULTS: dict[str, object] = {
    "dispute.window": f"{WINDOW}s", "dispute.clock": f"{CLOCK}s", "sequencer.batch_interval": "4s",
}  # fmt: skip


class Devnet(e2e.Devnet):
    """`overrides`: dotted configuration keys. `l1_options`: of e2e.Devnet, e.g. `block_time`. L1 is kept on disk, in the stage's
    directory, with `net.toml`: `verdict scenario replay` brings it up again. `queued`: two deposits and three forced transactions,
    two of them invalid, wait for the first batch.

    `arena`: what there is to know about batch 0, and who asserts something of it.
    """

    arena: Arena
    honest_l1: L1Client

    def __init__(self, stage: Stage, overrides: Mapping[str, object] | None = None, *, accounts: int = CROWD,
                 queued: bool = True, l1_settings: Mapping[str, Any] | None = None, **l1_options: Any) -> None:
        self.stage = stage
        self._attackers = 0
        self._queued = queued
        settings = {"accounts": accounts, "data_dir": stage.directory / "l1", "trace_dir": stage.directory / "traces",
                    **(l1_settings or {})}
        super().__init__(stage.directory, {**DEFAULTS, **(overrides or {})}, l1_settings=settings, **l1_options)

    async def __aenter__(self) -> Self:
        await super().__aenter__()
        async with contextlib.AsyncExitStack() as stack:
            stack.push_async_exit(super().__aexit__)
            self.honest_l1 = await stack.enter_async_context(L1Client(self.l1.rpc_url))
            blobs = await stack.enter_async_context(BlobClient([BeaconSource(self.l1.beacon_url)]))
            store = stack.enter_context(ChainStore.open(None, l2_genesis(self.config, self.deployment.l1_addresses)))
            node = RollupNode(node_settings(self.config, self.deployment), store, self.honest_l1, blobs)
            stack.callback(node.close)
            self.arena = Arena(self, self.honest_l1, node, None)  # type: ignore[arg-type]  # its truth comes with a batch
            self.write_toml()
            if self._queued:
                await queue(self)
            follower = asyncio.create_task(self._follow(), name="timeline")
            stack.push_async_callback(_ended, follower)
            self._whole = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._whole.__aexit__(kind, error, trace)

    def write_toml(self, config: str = "net.toml", **changes: object) -> None:
        """The network's configuration as a file of the stage's directory."""
        (self.directory / config).write_text(tomli_w.dumps(self.tree(changes)))

    async def _follow(self) -> None:
        """Tells the stage what happens to the rollup's contracts on L1."""
        following = self.deployment.block_number
        while True:
            head = (await self.rpc.head()).number
            if head < following - 1:
                self.say("L1", f"went back to block {head}")
            async for event in self.contracts.events(following, head):
                self.say(f"L1 #{event.block_number}", f"{event.name} {_briefly(event.args)}")
            following = head + 1
            await asyncio.sleep(0.3)

    def say(self, who: str, text: str) -> None:
        self.stage.say(who, text)

    # ---- the honest

    @contextlib.asynccontextmanager
    async def challenger(self, config: Config | None = None, **options: Any) -> AsyncIterator[ChallengerService]:  # type: ignore[override]
        """A challenger in this process: `.events` says what it does. `options` are ChallengerService's."""
        async with ChallengerService(config or self.config, **options) as service:
            yield service

    async def batch(self) -> Truth:
        """Fills batch 0 with a bit of everything (needs a sequencer), waits until it is on L1, and derives it. Begin with it:
        what waits on L1 goes into the first batch."""
        await transact(self, 0)
        return await self.truth(0)

    async def truth(self, index: int) -> Truth:
        """What a batch really does, once it is on L1."""
        await derive(self.arena.node, index)
        truth = await truth_of(self.arena.node, index)
        if index == 0:
            self.arena.truth = truth
        return truth

    async def transfer(self, nonce: int) -> str:
        """A transaction on L2, of an account that the first batch doesn't use: it makes a batch. Who gets one wei by it."""
        l2, recipient = self.l2(), Account.create().address
        try:
            await l2.eth.send_raw_transaction(self.account(5).sign_transaction({
                "nonce": nonce, "chainId": 42069, "gas": 21_000, "value": 1, "to": recipient,
                "maxFeePerGas": 10**10, "maxPriorityFeePerGas": 10**9}).raw_transaction)
        finally:
            await l2.provider.disconnect()  # type: ignore[attr-defined]
        return recipient

    async def batches_on_l1(self) -> int:
        """How many the Inbox has."""
        count: int = (await self.contracts.inbox.functions.headBatch().call())[1]
        return count

    def free_port(self) -> int:
        return e2e.free_ports(1)[0]

    async def l1_blocks(self, count: int) -> None:
        """Until L1 has made so many more."""
        until = (await self.rpc.head()).number + count

        async def made() -> bool:
            return (await self.rpc.head()).number >= until

        await self.until(made, f"L1 makes {count} blocks")

    # ---- the others

    @contextlib.asynccontextmanager
    async def asserter(self, *claims: BatchClaims, account: LocalAccount | None = None, poll: float = 1.0) -> AsyncIterator[Party]:
        """Asserts these claims and defends them in games, move by move, as the honest code does. `poll`: seconds."""
        async with self.arena.party(*claims, account=account, poll=poll) as party:
            yield party

    @contextlib.asynccontextmanager
    async def attacker(self, l1: L1Client | None = None) -> AsyncIterator[TransactionManager]:
        """Somebody with an account and ether on L1 who sends what they like."""
        account = self.account(FIRST_ATTACKER + self._attackers)
        self._attackers += 1
        async with self.arena.sender(account, l1) as sender:
            yield sender

    # ---- L1 as some see it

    def faulty_l1(self, *faults: Fault, rng: random.Random | None = None) -> FaultyL1:
        """A proxy in front of L1 with these faults, for `behind`. `async with net.faulty_l1(Lag(3)) as l1:`"""
        return FaultyL1(self.l1.rpc_url, self.l1.beacon_url, *faults, rng=rng or self.stage.rng)

    def behind(self, l1: FaultyL1, overrides: Mapping[str, object] | None = None, *, same_ports: bool = True,
               **keys: LocalAccount) -> Config:
        """A configuration for daemons that see L1 through that proxy, with a data directory of their own. `same_ports`: they
        listen on this network's, so that `l2()` and `l2_node()` reach them."""
        ports: dict[str, object] = {
            "sequencer.port": self.config.sequencer.port, "node.port": self.config.node.port} if same_ports else {}
        ports["challenger.port"] = self.free_port()
        return self.another({"l1.rpc_url": l1.rpc_url, "l1.beacon_url": l1.beacon_url, **ports, **(overrides or {})}, **keys)

    # ---- promises

    async def dies(self, liar: Party | bytes, *, by: ChallengerService | None = None,
                   reason: KillReason | None = KillReason.STEP_PROOF, timeout: float = 240) -> Mapping[str, Any]:
        """The party's first assertion (or this one, by id) is killed. Arguments of its AssertionKilled event."""
        lied = liar if isinstance(liar, bytes) else await self.arena.assertion_of(liar.address)
        await self.arena.until_status(lied, AssertionStatus.KILLED, timeout)

        async def told() -> Mapping[str, Any] | None:
            return (await self.arena.kills()).get(lied)  # a reorg may have taken the kill back for a moment

        killed: Mapping[str, Any] = await self.until(told, "the kill is on L1", timeout=timeout)
        assert reason is None or killed["reason"] == reason, KillReason(killed["reason"])
        assert by is None or bytes.fromhex(killed["by"][2:]) == by.address, f"killed by {killed['by']}"
        assert killed["paid"] + killed["burned"] == self.config.dispute.assertion_bond
        return killed

    async def stands(self) -> None:
        """The window passes, and the honest assertion of batch 0 is confirmed: L1 has the true state."""
        await self.arena.confirm_honest()


def _briefly(args: Mapping[str, Any]) -> str:
    """Arguments of an event, hashes shortened."""
    def short(value: Any) -> str:
        text = "0x" + bytes(value).hex() if isinstance(value, bytes) else str(value)
        return text if len(text) <= 14 else f"{text[:10]}…"

    return " ".join(f"{name}={short(value)}" for name, value in list(args.items())[:6])


async def _ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
