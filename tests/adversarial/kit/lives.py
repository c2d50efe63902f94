"""What daemons have to work on while they are killed, and what must be true in the end."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import aiohttp

from derivation.commitments import checkpoint_blobs, open_checkpoints
from l1.client import L1Unavailable
from l1.contracts import Inbox, Rollup
from l1.events import AssertionStatus, GameStatus
from l1.kzg import Prover
from l1.rpc_errors import RpcError
from l1.txmanager import TransactionError, TxCandidate
from sequencer.claims import BatchClaims
from tests.adversarial.kit.devnet import Devnet
from tests.adversarial.kit.lies import Truth, lie_at, steal_more

CROWD = 3  # liars at a time
EVERY = 0.3  # seconds between two looks


@contextlib.asynccontextmanager
async def beside(work: Any) -> AsyncIterator[asyncio.Task[None]]:
    """`work` goes on while the block runs; that it fails is an error of the block."""
    task = asyncio.create_task(work)
    try:
        yield task
        if task.done():
            task.result()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


class Traffic:
    """Somebody who sends transfers on L2 whenever somebody takes them. `promised`: transaction -> block (hashes) of every receipt
    that was shown: none of it may ever change, whoever is killed."""

    def __init__(self, net: Devnet, url: str, account: int = 5) -> None:
        self._net = net
        self._url = url
        self._account = net.account(account)
        self._sent: list[str] = []
        self.promised: dict[str, str] = {}

    async def flow(self, every: float = 0.4) -> None:
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as session:
            while True:
                with contextlib.suppress(aiohttp.ClientError, TimeoutError, OSError):
                    await self._one(session)
                await asyncio.sleep(every)

    async def _one(self, session: aiohttp.ClientSession) -> None:
        nonce = await self._ask(session, "eth_getTransactionCount", [self._account.address, "pending"])
        if nonce is None:
            return
        raw = self._account.sign_transaction({
            "nonce": int(nonce, 16), "chainId": 42069, "gas": 21_000, "value": 1, "to": self._net.account(7).address,
            "maxFeePerGas": 10**10, "maxPriorityFeePerGas": 10**9}).raw_transaction
        if (sent := await self._ask(session, "eth_sendRawTransaction", ["0x" + bytes(raw).hex()])) is not None:
            self._sent = [*self._sent, sent][-50:]
        for each in [sent for sent in self._sent if sent not in self.promised]:
            if (receipt := await self._ask(session, "eth_getTransactionReceipt", [each])) is not None:
                self.promised[each] = receipt["blockHash"]

    async def _ask(self, session: aiohttp.ClientSession, method: str, params: list[Any]) -> Any:
        async with session.post(self._url, json={"jsonrpc": "2.0", "id": 1, "method": method, "params": params}) as answer:
            return (await answer.json()).get("result")

    async def on_l1(self) -> None:
        """Waits until all that was promised has been posted."""
        async def posted() -> bool:
            await derived_all(self._net)
            store = self._net.arena.node.store
            return all(store.locate(bytes.fromhex(each[2:])) is not None for each in self.promised)

        await self._net.until(posted, "every transaction with a receipt is in a batch on L1", timeout=180)

    async def kept(self) -> int:
        """Whether all that was promised is in what is derived from L1. How much it was."""
        store = self._net.arena.node.store
        for transaction, block in self.promised.items():
            found = store.locate(bytes.fromhex(transaction[2:]))
            assert found is not None, f"{transaction} had a receipt, and is not on the chain that L1 has"
            assert "0x" + found[0].hex() == block, f"{transaction} was in {block}, and is in 0x{found[0].hex()}"
        return len(self.promised)


async def derived_all(net: Devnet) -> int:
    """Derives, afresh, whatever is on L1; the number of batches."""
    inbox = Inbox(net.rpc, net.deployment.inbox)
    count = (await inbox.head_batch((await net.rpc.head()).number))[1]
    async with asyncio.timeout(120):
        while net.arena.node.batch_count < count:
            await net.arena.node.advance()
    return count


class SequencerLife:
    """Batches, assertions, false games against some of them, windows that pass."""

    def __init__(self, net: Devnet) -> None:
        self.net = net
        self.contested: list[bytes] = []
        self.contest = True

    async def run(self) -> None:
        async with self.net.attacker() as attacker:
            while True:
                with contextlib.suppress(L1Unavailable, RpcError, TransactionError):
                    await self._turn(attacker)
                await asyncio.sleep(EVERY)

    async def _turn(self, attacker: Any) -> None:
        net, rollup = self.net, self.net.arena.rollup
        pending = []
        for event in await net.events("AssertionMade"):
            assertion = bytes(event.args["id"])
            record = await rollup.assertion(assertion)
            if record.status is AssertionStatus.PENDING:
                pending.append((assertion, record))
        if not pending:
            return
        opened = await net.events("GameOpened")
        for event in opened:
            game = await rollup.game(bytes(event.args["gameId"]))
            if game.status is GameStatus.OPEN and any(game.split_hash):  # open, and the asserter has answered: our clock runs out
                await net.travel(int(net.arena.rules.clock) + 1)
                return
        if any(record.open_games for _, record in pending):
            return
        assertion, record = pending[-1]
        if self.contest and record.batch_index % 3 == 0 and assertion not in self.contested:
            await derived_all(net)
            derived = net.arena.node.derived(record.batch_index)
            assert derived is not None
            opening = await open_checkpoints(Prover(0), checkpoint_blobs(derived.commitments, net.arena.rules.stride), 0, 1)
            self.contested.append(assertion)
            await attacker.send(TxCandidate(rollup.address, Rollup.open_game(assertion, 0, opening), net.config.dispute.challenge_bond))
            return
        oldest = min(record.created_at for _, record in pending)
        if await net.now() <= oldest + net.arena.rules.window:
            await net.travel(int(net.arena.rules.window) + 1)

    async def settled(self) -> None:
        """Everything that is on L1 now gets confirmed. The daemon must be running, and `run` beside it."""
        self.contest = False
        count = await derived_all(self.net)

        async def confirmed() -> bool:
            return await self.net.confirmed_batches() >= count

        await self.net.until(confirmed, f"{count} batches are confirmed", timeout=600)

    async def is_whole(self) -> None:
        """No assertion of the sequencer's died, and L1 has confirmed just what is derived afresh."""
        net = self.net
        assert not await net.arena.kills(), "an honest assertion died"
        latest = await net.arena.rollup.latest_confirmed()
        derived = net.arena.node.derived(latest.batch_count - 1)
        assert derived is not None and derived.final_state.state_root == latest.state_root


def _lie(truth: Truth, number: int) -> BatchClaims:
    """Another one for every number: something else is stolen in a step of the batch."""
    step = number * 7 % truth.steps
    return lie_at(truth, step, steal_more(number))


class ChallengerLife:
    """One liar after the other asserts something else of batch 0, CROWD at a time, and defends it."""

    def __init__(self, net: Devnet, seed: int = 0) -> None:
        self.net = net
        self.lied: list[bytes] = []
        self.more = True
        self._seed = seed

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            for place in range(CROWD):
                group.create_task(self._liars(place))

    async def _liars(self, place: int) -> None:
        truth = self.net.arena.truth
        account = self.net.account(10 + place)
        number = 0
        while self.more:
            number += 1
            lie = await self.net.arena.node.in_thread(_lie, truth, CROWD * number + place + self._seed)
            async with self.net.asserter(lie, account=account) as liar:
                made = None
                while made is None:
                    events = await self.net.events("AssertionMade")
                    made = next((bytes(each.args["id"]) for each in events
                                 if bytes.fromhex(each.args["asserter"][2:]) == liar.address
                                 and bytes(each.args["id"]) not in self.lied), None)
                    await asyncio.sleep(EVERY)
                self.lied.append(made)
                while await self.net.arena.status(made) is not AssertionStatus.KILLED:
                    await asyncio.sleep(EVERY)

    async def all_dead(self) -> None:
        self.more = False

        async def dead() -> bool:
            return all([await self.net.arena.status(each) is AssertionStatus.KILLED for each in self.lied])

        await self.net.until(dead, f"{len(self.lied)} lies are dead", timeout=240)

    async def is_whole(self) -> None:
        """The honest assertion stands, and not one game was lost."""
        kills = await self.net.arena.kills()
        assert set(kills) == set(self.lied), "an honest assertion died"
        for event in await self.net.events("GameOpened"):
            game = await self.net.arena.rollup.game(bytes(event.args["gameId"]))
            assert game.status is not GameStatus.ASSERTER_WON, "the challenger lost a game"


async def sent_by(net: Devnet, account: int) -> tuple[Counter[tuple[str, str]], Counter[str]]:
    """What an account did on L1: successful calls by (to, calldata), and selectors of failed ones."""
    sender, done, failed = net.account(account).address.lower(), Counter[tuple[str, str]](), Counter[str]()
    head = (await net.rpc.head()).number
    for number in range(net.deployment.block_number, head + 1):
        block = await net.rpc.request("eth_getBlockByNumber", [hex(number), True])
        for each in block["transactions"]:
            if each["from"].lower() != sender:
                continue
            receipt = await net.rpc.receipt(bytes.fromhex(each["hash"][2:]))
            assert receipt is not None
            if int(receipt["status"], 16):
                done[(each["to"] or "", each["input"])] += 1
            else:
                failed[each["input"][:10]] += 1
    return done, failed


REPEATABLE = frozenset({"0x" + Rollup.withdraw(bytes(20)).hex()[:8], "0x"})
"""Calls that may be made twice: a withdrawal is of what there is then, and 0x fills a nonce gap."""


async def nothing_twice(net: Devnet, account: int) -> str:
    """No call of theirs took effect twice. What they did, in a few words."""
    done, failed = await sent_by(net, account)
    twice = {call[1][:10]: count for call, count in done.items() if count > 1 and call[1][:10] not in REPEATABLE}
    assert not twice, f"calls that took effect more than once, by selector: {twice}"
    return f"{sum(done.values())} transactions on L1, {sum(failed.values())} reverted {dict(failed)}"
