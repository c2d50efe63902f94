"""L1 goes back, one block or sixty-four, at each kind of transaction that the rollup knows: while it waits in the pool, just mined, and
buried. Everybody ends where they would have ended.

What is checked in the end: sequencer, node, challenger and a node that derives L1 anew have the same chain; who should have
been paid was paid, once; the Rollup's books are right to the wei; the honest have lost nothing but gas.
"""

from __future__ import annotations

import asyncio
from typing import Any

from eth_account import Account

from l1.contracts import Inbox, Portal
from tests.adversarial.kit import Stage, scenario
from tests.adversarial.kit.lies import lie_at, random_from, steal
from tests.adversarial.kit.reorg_cast import DEPOSIT, cast, payer
from tests.adversarial.kit.reorgs import Moment
from tests.e2e.devnet import ETHER
from tests.e2e.money.terminal import Terminal
from verdict.wallet import withdrawals

DEPTHS = (1, 2, 7, 32, 64)


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


@scenario(slow=True, timeout=900)
async def reorgs_of_batches_in_calldata(stage: Stage) -> None:
    """The same for batches in calldata: L2 loses no transaction and has none twice."""
    await batches(stage, "calldata", "postCalldata")


@scenario(slow=True, timeout=900)
async def reorgs_of_every_move_of_a_game(stage: Stage) -> None:
    """L1 goes back at every move of a dispute: the assertion, the opening, each first split and pick, the proof, and what it pays, while it waits, just mined and buried. The liar dies, and nobody honest stakes or pays anything twice."""
    async with cast(stage, {"dispute.stride": 0, "dispute.arity": 8}) as here:
        net, rng = here.net, here.reorgs.rng
        truth = await net.batch()
        steps = rng.sample(range(1, truth.steps - 1), 3)  # nobody asserts twice what was proved wrong
        for moment, step in zip(Moment, steps, strict=True):
            lie = random_from(truth, step)
            since = (await net.rpc.head()).number
            async with net.asserter(lie) as liar:
                for kind in ("makeAssertion", "openGame", "split", "pick", "proveStepInGame"):
                    await here.during(kind, moment, rng.choice((1, 2, 3, 7)), since=since, **here.reorgs.options())
                await net.dies(liar, by=here.challenger)
                assert len({bytes(each.args["gameId"]) for each in await net.events("GameOpened")
                            if bytes(each.args["assertionId"]) in {await net.arena.assertion_of(liar.address)}}) == 1
        await here.agree()
        await here.confirmed()


@scenario(slow=True, timeout=900)
async def reorgs_of_proofs_and_payments(stage: Stage) -> None:
    """L1 goes back when a lie is proved wrong at once, when an assertion is confirmed and when credit is collected: each happens once in the end."""
    async with cast(stage, {"dispute.stride": 1}) as here:
        net, rng = here.net, here.reorgs.rng
        truth = await net.batch()
        steps = rng.sample(range(1, truth.steps - 1), 3)
        for moment, step in zip(Moment, steps, strict=True):
            lie = await net.arena.node.in_thread(lie_at, truth, step, steal)
            async with net.asserter(lie) as liar:
                await here.during("proveStep", moment, rng.choice((1, 2, 7, 20)), **here.reorgs.options())
                async with asyncio.TaskGroup() as both:
                    both.create_task(here.during("withdraw", moment, rng.choice((1, 2, 7)), **here.reorgs.options()))
                    both.create_task(net.dies(liar, by=here.challenger))
        for moment in Moment:
            await here.pay()
            await here.agree()
            await here.asserted()
            async with asyncio.TaskGroup() as both:
                both.create_task(here.during("confirm", moment, rng.choice((1, 2, 7)), **here.reorgs.options()))
                both.create_task(net.travel(int(net.config.dispute.window) + 1))
        await here.agree()
        await here.confirmed()


@scenario(slow=True, timeout=900)
async def reorgs_of_deposits_and_forced_transactions(stage: Stage) -> None:
    """A deposit or a forced transaction that L1 forgets and takes again counts once on L2, one that it forgets for good not at all, and L2's chain is built anew where it had it."""
    async with cast(stage) as here:
        net, rng, l2 = here.net, here.reorgs.rng, here.net.l2()
        await here.pay()
        forced_nonce, expected = 1, {}  # the one that waited for batch 0 had nonce 0
        for moment in Moment:
            for options in ({}, {"include": True}, {"drop_transactions": True}):
                await net.mine(2)
                await here.reorgs.room(8)  # what came before stays
                gone = moment is not Moment.IN_POOL and "drop_transactions" in options
                who = bytes.fromhex(Account.create().address[2:])
                sending = asyncio.create_task(net.send(net.w3, payer(net), to=net.deployment.portal, data=Portal.deposit(who), value=DEPOSIT, gas=300_000))
                await here.during("deposit", moment, rng.choice((1, 2, 7)), **options)
                sending.cancel()
                await asyncio.gather(sending, return_exceptions=True)
                expected[who] = 0 if gone else DEPOSIT
                if gone:
                    continue
                to = Account.create()
                await net.mine(2)
                await here.reorgs.room(8)
                raw = net.account(8).sign_transaction({
                    "nonce": forced_nonce, "chainId": 42069, "gas": 21_000, "to": to.address, "value": 5,
                    "maxFeePerGas": 10**10, "maxPriorityFeePerGas": 10**9}).raw_transaction
                forced_nonce += 1
                sending = asyncio.create_task(net.send(net.w3, payer(net), to=net.deployment.inbox, data=Inbox.force_transaction(bytes(raw)), value=ETHER // 100, gas=300_000))
                await here.during("forceTransaction", moment, rng.choice((1, 2, 7)), **options)
                sending.cancel()
                await asyncio.gather(sending, return_exceptions=True)
                expected[bytes.fromhex(to.address[2:])] = 5
        await here.pay()
        await here.agree(expected)
        for who, wei in expected.items():
            assert await l2.eth.get_balance(net.w3.to_checksum_address("0x" + who.hex())) == wei
        await here.confirmed()


@scenario(slow=True, timeout=900)
async def reorgs_of_a_withdrawal(stage: Stage) -> None:
    """Money that leaves L2 is paid on L1 once, however often L1 forgets that it has paid it, or that it has confirmed what the payment stands on."""
    async with cast(stage) as here:
        net, rng = here.net, here.reorgs.rng
        user, heir = net.account(7), Account.create()
        await net.send(net.w3, payer(net), to=net.deployment.portal, data=Portal.deposit(bytes.fromhex(user.address[2:])), value=10 * ETHER)
        terminal = Terminal(net, user)
        paid = 0
        for moment in Moment:
            async with terminal.session() as session:
                await withdrawals.start(session, "1 ether", bytes.fromhex(heir.address[2:]), b"", None, False)
                started = await withdrawals.reader(session).initiated(bytes.fromhex(session.report.facts["transaction"][2:]))

                async def covered(session: Any = session, started: Any = started) -> bool:
                    return (await withdrawals.reader(session).standing(started)).at is not None

                await net.until(covered, "an assertion covers the withdrawal", timeout=120)
                await here.confirmed()
                paying = asyncio.create_task(withdrawals.finalize(session, started, True))
                await here.during("proveAndFinalizeWithdrawal", moment, rng.choice((1, 2, 7)), **rng.choice(({}, {"include": True})))
                paid += ETHER

                async def arrived(paid: int = paid) -> bool:
                    return await net.w3.eth.get_balance(heir.address) == paid

                await net.until(arrived, "the withdrawal is paid", timeout=60)
                await asyncio.wait([paying], timeout=30)
        assert await net.w3.eth.get_balance(heir.address) == paid == 3 * ETHER
        escrowed: int = await net.contracts.portal.functions.escrowed().call()
        assert escrowed == await net.w3.eth.get_balance(net.w3.to_checksum_address(net.deployment.portal)) == 12 * ETHER - paid
        await here.agree()
        await here.honest_books()


@scenario(slow=True, timeout=900)
async def reorgs_of_settlements(stage: Stage) -> None:
    """Batches that are proved at once are settled once each in the end, whatever L1 forgets of it."""
    async with cast(stage, {"sequencer.settlement": "instant"}) as here:
        net, rng = here.net, here.reorgs.rng
        for moment in Moment:
            for options in ({}, {"drop_transactions": True}):
                await here.pay()
                await here.during("settle", moment, rng.choice((1, 2, 7, 20)), **options)
        await here.agree()
        count: int = (await net.contracts.inbox.functions.headBatch().call())[1]

        async def settled() -> bool:
            return await net.confirmed_batches() >= count

        await net.until(settled, "every batch is settled", timeout=120)
        made = await net.events("AssertionConfirmed")
        assert len(made) == len({bytes(each.args["id"]) for each in made})
        await here.honest_books(sum(each.args["executeFee"] for each in await net.events("SegmentSettled")))
