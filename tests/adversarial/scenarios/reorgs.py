"""L1 goes back, one block or sixty-four, while something is under way: everybody ends where they would have ended.

What is checked in the end: sequencer, node, challenger and a node that derives L1 anew have the same chain; who should have
been paid was paid, once; the Rollup's books are right to the wei; the honest have lost nothing but gas.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from eth_account import Account

from challenger.service import ChallengerService
from l1.contracts import Portal
from l1.events import AssertionStatus
from node.service import NodeService
from sequencer.service import SequencerService
from tests.adversarial.kit import Devnet, Stage, scenario
from tests.adversarial.kit.books import balanced, lost
from tests.adversarial.kit.lies import LIES
from tests.adversarial.kit.reorgs import KINDS, Moment, Reorgs, agree
from tests.e2e.devnet import CHALLENGER, SEQUENCER

DEPTHS = (1, 2, 7, 32, 64)
ROOM = 70  # L1 blocks
DEPOSIT = 3 * 10**15  # wei


@dataclass
class Cast:
    """The honest, all three; who was sent one wei on L2, in `paid`."""

    net: Devnet
    sequencer: SequencerService
    node: NodeService
    challenger: ChallengerService
    reorgs: Reorgs
    paid: dict[bytes, int]

    async def pay(self) -> None:
        """One wei to somebody new on L2, which makes a batch."""
        l2, who = self.net.l2(), Account.create()
        nonce = len(self.paid)
        await l2.eth.send_raw_transaction(self.net.account(5).sign_transaction({
            "nonce": nonce, "chainId": 42069, "gas": 21_000, "value": 1, "to": who.address,
            "maxFeePerGas": 10**10, "maxPriorityFeePerGas": 10**9}).raw_transaction)
        self.paid[bytes.fromhex(who.address[2:])] = 1

    async def during(self, kind: str, moment: Moment, depth: int, **options: Any) -> None:
        await self.reorgs.strike(KINDS[kind], moment, depth, **options)

    async def agree(self, balances: dict[bytes, int] | None = None) -> None:
        await agree(self.net, self.sequencer.parts.derivation, self.node.parts.derivation, self.challenger.parts.node,
                    balances={**self.paid, **(balances or {})})
        assert self.sequencer.parts.follower.alarms == 0

    async def asserted(self) -> None:
        """The last batch is."""
        net = self.net

        async def made() -> bool:
            known = {bytes(each.args["batchHash"]) for each in await net.events("AssertionMade")}
            return (await net.contracts.inbox.functions.headBatch().call())[0] in known

        await net.until(made, "the last batch is asserted", timeout=120)

    async def confirmed(self) -> None:
        """All that is on L1 now is confirmed, and the books are right: nobody honest has lost more than gas."""
        net = self.net
        await self.asserted()
        count: int = (await net.contracts.inbox.functions.headBatch().call())[1]
        for _ in range(count):
            if await net.confirmed_batches() >= count:
                break
            before = await net.confirmed_batches()
            await net.travel(int(net.config.dispute.window) + 1)

            async def more(before: int = before) -> bool:
                return await net.confirmed_batches() > before

            await net.until(more, "what has waited for its window is confirmed", timeout=120)
        await self.honest_books()

    async def honest_books(self, execute_fees: int = 0) -> None:
        """`execute_fees`: wei that the sequencer has paid for settling."""
        net = self.net
        await net.rpc.request("evm_setIntervalMining", [0])
        await balanced(net)
        for index in (SEQUENCER, CHALLENGER):
            who = bytes.fromhex(net.account(index).address[2:])
            wei = await lost(net, who)
            net.say("scenario", f"account {index} lost {wei} wei beside gas")
            assert wei <= (execute_fees if index == SEQUENCER else 0), f"account {index} lost {wei} wei beside gas"
        await net.rpc.request("evm_setIntervalMining", [500])


@contextlib.asynccontextmanager
async def cast(stage: Stage, overrides: dict[str, object] | None = None, room: int = ROOM) -> AsyncIterator[Cast]:
    settings = {"sequencer.batch_interval": "1s", "dispute.stride": 16, "dispute.arity": 4, **(overrides or {})}
    async with Devnet(stage, settings) as net:
        reorgs = Reorgs(net, stage.rng)
        await reorgs.room(room)
        async with (SequencerService(net.config) as sequencer, NodeService(net.config) as node, net.challenger() as challenger):
            yield Cast(net, sequencer, node, challenger, reorgs, {})


def payer(net: Devnet) -> Any:
    return net.account(9)


# ---- each kind of transaction, at each moment


async def batches(stage: Stage, data: str, kind: str) -> None:
    async with cast(stage, {"sequencer.data": data}) as here:
        rng = here.reorgs.rng
        for moment in Moment:
            for depth in (rng.choice(DEPTHS), rng.randint(1, 64)):
                await here.pay()
                await here.during(kind, moment, depth, **here.reorgs.options())
        for depth in DEPTHS:
            await here.pay()
            await here.during(kind, rng.choice(list(Moment)), depth, **here.reorgs.options())
        await here.agree()
        await here.confirmed()


@scenario(slow=True, timeout=900)
async def reorgs_of_batches_in_blobs(stage: Stage) -> None:
    """Whatever L1 forgets of the transactions that post batches in blobs, waiting, just mined or buried, and 1 to 64 blocks deep, L2 loses no transaction and has none twice."""
    await batches(stage, "blobs", "postBatch")


# ---- odd ways of going back


@scenario(slow=True, timeout=600)
async def the_challenge_stays_and_the_assertion_is_gone(stage: Stage) -> None:
    """L1 forgets a lie but not the challenge to it, which fails alone and costs its gas; when the lie is back it is challenged again and dies."""
    async with cast(stage, {"dispute.stride": 0, "dispute.arity": 8}) as here:
        net = here.net
        await net.batch()
        lie = await net.arena.node.in_thread(LIES["gas used"], net.arena.truth)
        async with net.asserter(lie) as liar:
            lied = await net.arena.assertion_of(liar.address)

            async def opened() -> Any:
                return next((each for each in await net.events("GameOpened") if bytes(each.args["assertionId"]) == lied), None)

            game = await net.until(opened, "the challenger opens a game", timeout=120)
            made = next(each for each in await net.events("AssertionMade") if bytes(each.args["id"]) == lied)
            with here.reorgs.holding(liar.address):
                await here.reorgs.below(made.block_number)

                async def failed() -> bool:
                    receipt = await net.rpc.request("eth_getTransactionReceipt", [game.transaction])
                    return receipt is not None and receipt["status"] == "0x0"

                assert await net.arena.status(lied) is AssertionStatus.NONE
                await net.until(failed, "the challenge is mined without what it is about", timeout=60)
            await net.dies(liar, by=here.challenger)
        await here.agree()
        await here.confirmed()


@scenario()
async def deposits_that_l1_forgets(stage: Stage) -> None:
    """L2 has credited a deposit when L1 forgets it: L2's chain is built anew without it; made again it counts once, and what others did on L2 stays done."""
    async with Devnet(stage, {"sequencer.batch_interval": "2s"}, queued=False) as net, SequencerService(net.config) as sequencer:
        reorgs, l2, who = Reorgs(net, stage.rng), net.l2(), Account.create().address
        await reorgs.room(3)

        async def has(wei: int) -> bool:
            return await l2.eth.get_balance(who) == wei

        async def gives() -> int:
            data = Portal.deposit(bytes.fromhex(who[2:]))
            return (await net.send(net.w3, payer(net), to=net.deployment.portal, data=data, value=DEPOSIT))["blockNumber"]

        at = await gives()
        await net.until(lambda: has(DEPOSIT), "L2 has credited it", timeout=90)
        sent = await l2.eth.get_block("latest")
        await net.mine(reorgs.rng.choice((1, 6, 31, 63)))
        await reorgs.below(at, drop_transactions=True)
        await net.until(lambda: has(0), "L2 takes the credit back", timeout=90)
        assert (await l2.eth.get_block("latest"))["hash"] != sent["hash"]
        await gives()
        await net.until(lambda: has(DEPOSIT), "the second one is credited", timeout=90)
        await agree(net, sequencer.parts.derivation, balances={bytes.fromhex(who[2:]): DEPOSIT})
        assert await l2.eth.get_balance(who) == DEPOSIT
        await balanced(net)


@scenario(slow=True, timeout=600)
async def a_reorg_while_the_challenger_is_down(stage: Stage) -> None:
    """The challenger is stopped in mid-game, L1 takes back all that it has done, and even forgets it; started again it does what is now to be done, and wins."""
    async with Devnet(stage, {"dispute.stride": 0, "dispute.arity": 4}) as net, SequencerService(net.config) as sequencer:
        reorgs = Reorgs(net, stage.rng)
        truth = await net.batch()
        await reorgs.room(ROOM)
        lie = await net.arena.node.in_thread(LIES["gas used"], truth)
        async with net.asserter(lie) as liar:
            lied = await net.arena.assertion_of(liar.address)
            for options in ({"drop_transactions": True}, {}):
                async with net.challenger():

                    async def moved() -> bool:
                        return bool(await net.events("Picked"))

                    await net.until(moved, "the challenger has made a move", timeout=120)
                opened = (await net.events("GameOpened"))[-1]
                await reorgs.below(opened.block_number - reorgs.rng.randint(0, 2), **options)
            async with net.challenger() as again:
                await net.dies(lied, by=again)
                await agree(net, sequencer.parts.derivation, again.parts.node)
        await net.rpc.request("evm_setIntervalMining", [0])
        assert await lost(net, bytes.fromhex(net.account(CHALLENGER).address[2:])) <= 0
        await balanced(net)
