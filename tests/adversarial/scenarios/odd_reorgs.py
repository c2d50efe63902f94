"""Odd ways in which L1 goes back: undecided, reordered, by chance, while daemons are down or start. What must be true in the end: see
reorgs.py."""

from __future__ import annotations

import asyncio
import contextlib
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
from tests.adversarial.kit.reorg_cast import DEPOSIT, ROOM, cast, payer
from tests.adversarial.kit.reorgs import Moment, Reorgs, agree
from tests.e2e.devnet import CHALLENGER


@scenario(slow=True, timeout=600)
async def flip_flopping_heads(stage: Stage) -> None:
    """While L1 can't decide between two branches, again and again, batches are posted and a lie is disputed: in the end all is as on an L1 that had decided at once."""
    async with cast(stage, {"dispute.stride": 0, "dispute.arity": 8}) as here:
        net, rng = here.net, here.reorgs.rng
        await net.batch()
        lie = await net.arena.node.in_thread(LIES["gas used"], net.arena.truth)
        async with net.asserter(lie) as liar:
            since = (await net.rpc.head()).number
            for kind in ("makeAssertion", "openGame", "pick"):
                await here.during(kind, Moment.MINED, 1, since=since, include=True)
                await here.reorgs.flip_flop(rng.randint(1, 8), rng.randint(2, 5), **rng.choice(({}, {"include": True})))
                await here.pay()
            await net.dies(liar, by=here.challenger)
        await here.agree()
        await here.confirmed()


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


@scenario(slow=True, timeout=600)
async def moves_in_another_order(stage: Stage) -> None:
    """L1 takes back many blocks of two disputes and includes what was in them the other way round, the last come first: moves that come too early fail, are made again, and both liars die."""
    async with cast(stage, {"dispute.stride": 0, "dispute.arity": 2}) as here:
        net, rng = here.net, here.reorgs.rng
        await net.batch()
        in_thread = net.arena.node.in_thread
        async with (net.asserter(await in_thread(LIES["gas used"], net.arena.truth)) as one,
                    net.asserter(await in_thread(LIES["random from the middle"], net.arena.truth)) as two):
            await net.arena.assertion_of(one.address)
            await net.arena.assertion_of(two.address)
            for _ in range(3):
                before = len(await net.events("Picked"))

                async def further(before: int = before) -> bool:
                    return len(await net.events("Picked")) > before or len(await net.arena.kills()) == 2

                await net.until(further, "a dispute goes on", timeout=120)
                with here.reorgs.reversed():
                    await here.reorgs.reorg(rng.randint(4, 20))
                    await net.mine(3)
            for liar in (one, two):
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


@scenario(slow=True, timeout=600)
async def a_reorg_as_daemons_start(stage: Stage) -> None:
    """L1 goes back while the daemons start and read it for the first time, and again when they start a second time on what they knew: they come up, and agree."""
    rng = stage.rng
    async with Devnet(stage, {"sequencer.batch_interval": "1s"}) as net:
        reorgs = Reorgs(net, rng)
        await reorgs.room(ROOM)
        async with net.sequencer():
            await net.batch()
        for _ in range(2):
            again = asyncio.Event()

            async def going_back(again: asyncio.Event = again) -> None:
                while not again.is_set():
                    await reorgs.reorg(rng.choice((1, 2, 7, 30)), **reorgs.options())
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(again.wait(), rng.random())

            back = asyncio.create_task(going_back())
            try:
                sequencer = SequencerService(net.config)
                node = NodeService(net.config)
                challenger = ChallengerService(net.config)
                async with sequencer, node, challenger:
                    again.set()
                    await back
                    await agree(net, sequencer.parts.derivation, node.parts.derivation, challenger.parts.node)
                    assert sequencer.parts.follower.alarms == 0
            finally:
                again.set()
                await asyncio.gather(back, return_exceptions=True)
        await balanced(net)


@scenario(slow=True, timeout=900)
async def reorgs_by_chance(stage: Stage) -> None:
    """L1 goes back by chance, every second or so, 1 to 64 blocks, while L2 is used, money comes in and somebody lies: once it stops, all is as it should be."""
    async with cast(stage, {"dispute.stride": 0, "dispute.arity": 4}) as here:
        net, rng = here.net, here.reorgs.rng
        await net.batch()
        lie = await net.arena.node.in_thread(LIES[rng.choice(["gas used", "block start", "random from the middle"])], net.arena.truth)
        async with net.asserter(lie) as liar:
            await net.arena.assertion_of(liar.address)
            here.reorgs.floor = (await net.rpc.head()).number
            for turn in range(12):
                if turn % 3 == 0:
                    await here.pay()
                grown = (await net.rpc.head()).number + rng.randint(1, 4)

                async def further(grown: int = grown) -> bool:
                    return (await net.rpc.head()).number >= grown

                await net.until(further, "L1 grows", timeout=30)
                await here.reorgs.reorg(rng.choice((1, 1, 2, 2, 3, 7, 32, 64)), **here.reorgs.options())
            await net.dies(liar, by=here.challenger)
        await here.agree()
        await here.confirmed()
