"""The demo's story: what happens in which order, and whether the honest side won."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from rich.console import Console
from web3 import AsyncWeb3

from l1.client import L1Client, L1Unavailable
from l1.http_provider import HttpProvider
from verdict.config import Config
from verdict.demo.money import CAROL, finalize_withdrawal, force_withdrawal, settle_now
from verdict.demo.network import (
    ALICE,
    BOB,
    CHALLENGER,
    DEPLOYER,
    L2_CHAIN,
    LIAR,
    NAMES,
    SEQUENCER,
    Network,
    account,
    prepare,
)
from verdict.demo.processes import ProcessDied, Processes
from verdict.demo.result import Outcome, judge, print_outcome
from verdict.demo.timeline import Timeline, balances
from verdict.demo.traffic import ETHER, GWEI, Sent, Token, Wallet, refusal
from verdict.deploy import Stage, deploy
from verdict.errors import failure_of
from verdict.logging import configure_logging
from verdict.onchain import Contracts
from web.pages import PREFIX

LOOT = 500_000 * ETHER
"""What the liar writes into its own token balance."""


class DemoFailed(Exception):
    """Something did not happen in time."""


def run_demo(*, keep: bool, directory: Path | None, stride: int, arity: int, wait: bool) -> int:
    """The exit code: 0 only if the honest side won. `wait`: let windows pass instead of moving L1's clock."""
    console = Console(highlight=False, soft_wrap=True)
    place = directory or Path(tempfile.mkdtemp(prefix="verdict-demo-"))
    place.mkdir(parents=True, exist_ok=True)
    configure_logging("console", "error")
    with Processes(place) as processes:
        try:
            return asyncio.run(_until_signal(_show(prepare(place, processes, stride, arity), console, keep, wait)))
        except _Stopped:
            console.print("\nstopped; ending the processes")
            return 130
        except Exception as error:  # noqa: BLE001  # whatever it was: show the logs, then say it
            _print_logs(console, processes)
            failure = failure_of(error)
            console.print(f"[bold red]the demo failed:[/bold red] {failure.message if failure else repr(error)}",
                          markup=True)
            if failure is None and not isinstance(error, (DemoFailed, ProcessDied)):
                console.print_exception()
            console.print(f"logs and data: {place}")
            return 1


class _Stopped(Exception):
    """SIGINT or SIGTERM."""


async def _until_signal(story: Awaitable[int]) -> int:
    task = asyncio.ensure_future(story)
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    try:
        return await task
    except asyncio.CancelledError:
        raise _Stopped from None


async def _show(network: Network, console: Console, keep: bool, wait: bool) -> int:
    config = network.config
    names = {account(index).address.lower(): name for index, name in NAMES.items()} | {"0x" + CAROL.hex(): "Carol"}
    timeline = Timeline(console, names)
    console.print(f"[bold]Verdict[/bold]: a wrong assertion dies by one L2 transaction and one EXECUTE call. "
                  f"[dim]Files: {network.directory}[/dim]")
    async with contextlib.AsyncExitStack() as stack:
        l1 = await stack.enter_async_context(L1Client(config.l1.rpc_url))
        provider = HttpProvider(f"http://127.0.0.1:{config.sequencer.port}")
        stack.push_async_callback(provider.disconnect)
        story = Story(network, timeline, l1, AsyncWeb3(provider), wait)
        outcome = await story.tell()
        print_outcome(console, outcome, timeline.record)
        if not outcome.won:
            _print_logs(console, network.processes)
            console.print(f"logs and data: {network.directory}")
        if keep:
            with contextlib.suppress(asyncio.CancelledError):  # Ctrl-C is how it ends
                await _keep(network, console)
    return 0 if outcome.won else 1


class Story:
    """One run. `l2` is web3.py on the sequencer; `wait`: windows pass in real time."""

    def __init__(self, network: Network, timeline: Timeline, l1: L1Client, l2: AsyncWeb3, wait: bool) -> None:
        self.wait = wait
        self.network, self.config = network, network.config
        self.timeline, self.l1, self.l2 = timeline, l1, l2
        self.contracts: Contracts
        self.token: Token
        self.alice = Wallet(l2, account(ALICE), L2_CHAIN)
        self.bob = Wallet(l2, account(BOB), L2_CHAIN)

    async def tell(self) -> Outcome:
        assert self.l1.w3 is not None
        await self._start()
        follower = asyncio.create_task(self.timeline.run())
        try:
            await self._honest_batch()
            players = {NAMES[index]: account(index).address for index in (SEQUENCER, CHALLENGER, LIAR)}
            before = await balances(self.l1.w3, players)
            target = await self._second_batch()
            await self._lie(target)
            await self._goes_on()
            await self.unconfirmed_batch()
            await settle_now(self)
            after = await balances(self.l1.w3, players)
        finally:
            follower.cancel()
            await asyncio.gather(follower, return_exceptions=True)
        return await judge(self.contracts, self.l2, self.timeline, self.token, before, after)

    # ---- scenes

    async def _start(self) -> None:
        timeline, network, config = self.timeline, self.network, self.config
        timeline.title("the network")
        network.start_l1()
        await self._until(self._l1_answers, "the embedded L1 answers", 30)
        timeline.say("L1", f"up: JSON-RPC {config.l1.rpc_url}, beacon API {config.l1.beacon_url}")

        def report(stage: Stage) -> None:
            gas = f" [dim]{stage.gas_used:>10,} gas[/dim]" if stage.gas_used else ""
            timeline.say("deployer", f"{stage.name:14} {stage.detail}{gas}")

        deployment = await deploy(config, account(DEPLOYER), self.l1, report)
        assert self.l1.w3 is not None
        self.contracts = Contracts(self.l1.w3, deployment)
        timeline.follow(self.contracts, deployment.block_number)
        network.start_daemon("sequencer", SEQUENCER)
        network.start_daemon("challenger", CHALLENGER)
        await self._until(self._l2_answers, "the sequencer answers", 40)
        timeline.say("sequencer", f"up: L2 JSON-RPC http://127.0.0.1:{config.sequencer.port} (process of its own)")
        timeline.say("challenger", "up: watching (process of its own)")
        timeline.say("", f"[bold]watch it in a browser: {_page(config)}[/bold]")

    async def _honest_batch(self) -> None:
        timeline, alice, bob = self.timeline, self.alice, self.bob
        timeline.title("L2 transactions, over JSON-RPC")
        deposit = asyncio.create_task(self.on_l1(self.contracts.portal.functions.deposit(account(BOB).address), 2 * ETHER))
        self._tell(await alice.send("Alice sends Bob 5 ether", to=account(BOB).address, value=5 * ETHER))
        self._tell(await bob.send("Bob sends Alice 1 ether", to=account(ALICE).address, value=ETHER))
        token = Token(self.l2)
        created = await alice.send("Alice deploys an ERC-20 with 1,000,000 DEMO", data=token.creation)
        self._tell(created)
        self.token = token = Token(self.l2, created.contract)
        address = str(created.contract)
        timeline.names = {**timeline.names, address.lower(): "DEMO token"}
        for amount in (100, 250):
            self._tell(await alice.send(f"Alice sends Bob {amount} DEMO", to=address,
                                        data=token.transfer(account(BOB).address, amount * ETHER)))
        self._tell(await bob.send("Bob sends 1,000 DEMO he does not have", to=address, gas=100_000,
                                  data=token.transfer(account(ALICE).address, 1000 * ETHER)))
        poor = Wallet(self.l2, account(LIAR), L2_CHAIN)
        reason = await refusal(poor, to=account(ALICE).address, value=ETHER, gas=21_000)
        timeline.say("L2", f"the liar sends an ether it does not have: [red]refused[/red], {reason}")
        raw = await Wallet(self.l2, account(LIAR), L2_CHAIN, nonce=0).sign(to=account(ALICE).address, value=ETHER, gas=21_000)
        await deposit
        timeline.say("L2", "and forces the same through L1, where nobody can refuse it: it will be a no-op")
        fee = await self.contracts.inbox.functions.forceFee().call()
        await self.on_l1(self.contracts.inbox.functions.forceTransaction(raw), 2 * fee)
        withdrawal = await force_withdrawal(self)
        timeline.title("an honest assertion")
        made = await self._until(self._all_asserted, "the sequencer asserts its batches", 60)
        await self._window_passes(made)
        await self._until(self._seen("AssertionConfirmed", id=made), "the honest assertion is confirmed", 60)
        await finalize_withdrawal(self, withdrawal)

    async def _second_batch(self) -> Sent:
        """More transactions; one of them is what the liar will lie about."""
        timeline, alice, address = self.timeline, self.alice, self.token.contract.address
        timeline.title("more L2 transactions, and a dishonest asserter")
        for number in range(3):
            self._tell(await alice.send(f"Alice sends Bob {number + 1} ether", to=account(BOB).address, value=(number + 1) * ETHER))
        target = await alice.send("Alice sends Bob 42 DEMO", to=address,
                                  data=self.token.transfer(account(BOB).address, 42 * ETHER))
        self._tell(target)
        for number in range(3):
            self._tell(await self.bob.send(f"Bob sends Alice {number + 1} DEMO", to=address,
                                           data=self.token.transfer(account(ALICE).address, (number + 1) * ETHER)))
        return target

    async def _lie(self, target: Sent) -> None:
        timeline = self.timeline
        self.network.start_liar(target.hash, str(self.token.contract.address), LOOT)
        timeline.say("liar", f"[red]will claim that {target.hash[:18]}… also gave it 500,000 DEMO[/red] (process of its own)")
        liar = account(LIAR).address
        made = await self._until(self._seen("AssertionMade", asserter=liar), "the liar asserts", 90)
        lied_at = time.monotonic()
        await self._until(self._seen("AssertionKilled", id=made.args["id"]), "the lie dies", 2 * self.config.dispute.window)
        timeline.say("", f"[bold green]the lie lived {time.monotonic() - lied_at:.0f} s[/bold green]")
        for process in list(self.network.processes.running):
            if process.name == "liar":
                self.network.processes.stop(process)
        await self._until(self._credit_collected, "the challenger collects its reward", 30)

    async def _goes_on(self) -> None:
        timeline = self.timeline
        timeline.title("the rollup goes on")
        self._tell(await self.alice.send("Alice sends Bob 7 DEMO", to=self.token.contract.address,
                                         data=self.token.transfer(account(BOB).address, 7 * ETHER)))
        rival = await self._until(self._rival_of_the_lie, "an honest assertion of the same batch", 60)
        await self._window_passes(rival)
        await self._until(self._seen("AssertionConfirmed", id=rival), "the honest assertion is confirmed", 60)
        await asyncio.sleep(1)

    async def _window_passes(self, assertion: bytes) -> None:
        """Until the window of this assertion is over: moves L1's clock there, no game being open, or waits for it."""
        found = await self.contracts.rollup.functions.assertion(assertion).call()
        left = found.createdAt + self.config.dispute.window - (await self.l1.head()).timestamp
        if left <= 0:
            return
        if self.wait:
            self.timeline.say("", f"[dim]its window lasts {left} s more[/dim]")
            await asyncio.sleep(left)
        else:
            self.timeline.say("L1", f"nobody disputes it; its window lasts {left} s more, so [yellow]L1's clock is moved "
                              f"{left} s ahead[/yellow] [dim](evm_increaseTime; --wait to wait)[/dim]")
            await self.l1.request("evm_increaseTime", [hex(left)])

    # ---- conditions

    async def _l1_answers(self) -> bool:
        try:
            return int(await self.l1.request("eth_chainId"), 16) == self.config.l1.chain_id
        except L1Unavailable:
            return False

    async def _l2_answers(self) -> bool:
        return await self.l2.is_connected()

    def _seen(self, name: str, **args: Any) -> Callable[[], Awaitable[Any]]:
        async def condition() -> Any:
            return self.timeline.record.find(name, **args)

        return condition

    async def _credit_collected(self) -> bool:
        challenger = account(CHALLENGER).address
        return not await self.contracts.rollup.functions.credit(challenger).call()

    async def _all_asserted(self) -> bytes | None:
        """Id of the newest assertion, if all batches are asserted and nothing waits on L1 for the next one."""
        record, inbox = self.timeline.record, self.contracts.inbox.functions
        asserted = [event.args for _, event in record.events if event.name == "AssertionMade"]
        posted = [event.args for _, event in record.events if event.name == "BatchPosted"]
        if not posted or len(asserted) < len(posted):
            return None
        if posted[-1]["header"]["forcedEnd"] < await inbox.forcedCount().call():
            return None
        return bytes(asserted[-1]["id"])

    async def unconfirmed_batch(self) -> None:
        """Waits for one."""
        self._tell(await self.alice.send("Alice sends Bob 1 ether", to=account(BOB).address, value=ETHER))
        await self._until(self._unconfirmed_batch, "one more batch is on L1", 60)

    async def _unconfirmed_batch(self) -> bool:
        confirmed = await self.contracts.rollup.functions.latestConfirmed().call()
        posted: int = (await self.contracts.inbox.functions.headBatch().call())[1]
        return posted > int(confirmed[1])

    async def _rival_of_the_lie(self) -> bytes | None:
        """Id of the honest assertion of the batch that was lied about."""
        record = self.timeline.record
        lie = record.find("AssertionMade", asserter=account(LIAR).address)
        assert lie is not None
        for _, event in record.events:
            same = event.name == "AssertionMade" and event.args["batchHash"] == lie.args["batchHash"]
            if same and event.args["asserter"] != account(LIAR).address:
                return bytes(event.args["id"])
        return None

    async def _until(self, condition: Callable[[], Awaitable[Any]], what: str, timeout: float) -> Any:
        deadline = time.monotonic() + timeout
        while not (found := await condition()):
            self.network.processes.check()
            if time.monotonic() > deadline:
                raise DemoFailed(f"not within {timeout:.0f} s: {what}")
            await asyncio.sleep(0.2)
        return found

    # ---- small things

    def _tell(self, sent: Sent) -> None:
        failed = "" if sent.succeeded else " [red]failed[/red], and paid for it"
        self.timeline.say("L2", f"[magenta]block {sent.block_number:<3}[/magenta] {sent.detail}{failed} [dim]{sent.gas_used:,} gas[/dim]")

    async def on_l1(self, call: Any, value: int) -> None:
        """From Bob's account on L1."""
        w3 = self.l1.w3
        assert w3 is not None
        bob = account(BOB)
        fields = await call.build_transaction({
            "from": bob.address, "value": value, "nonce": await w3.eth.get_transaction_count(bob.address, "pending"),
            "maxFeePerGas": 20 * GWEI, "maxPriorityFeePerGas": GWEI})
        sent = await w3.eth.send_raw_transaction(bob.sign_transaction(fields).raw_transaction)
        await w3.eth.wait_for_transaction_receipt(sent, timeout=30, poll_latency=0.2)


async def _keep(network: Network, console: Console) -> None:
    config = network.config
    console.print()
    console.print("[bold]The network stays up until Ctrl-C.[/bold]")
    console.print(f"  L1 JSON-RPC   {config.l1.rpc_url}   (chain {config.l1.chain_id}; beacon API {config.l1.beacon_url})")
    console.print(f"  L2 JSON-RPC   http://127.0.0.1:{config.sequencer.port}   (chain {config.rollup.chain_id}; HTTP and WebSocket)")
    console.print(f"  look at it    {_page(config)}   (a web page), or verdict status --config {network.toml}")
    console.print(f"  an account    {account(ALICE).address}  {account(ALICE).key.to_0x_hex()}  (test mnemonic, account {ALICE})")
    while True:
        await asyncio.sleep(1)
        network.processes.check()


def _page(config: Config) -> str:
    return f"http://127.0.0.1:{config.sequencer.port}{PREFIX}/"


def _print_logs(console: Console, processes: Processes) -> None:
    for process in processes.running:
        code = process.popen.poll()
        state = "running" if code is None else f"ended with exit code {code}"
        console.rule(f"{process.name} ({state}): the end of {process.log}", align="left")
        console.print(process.tail(), markup=False)
