"""What hangs on a claim, and what is claimed again: a lie takes with it what stands on it, and costs a bond each time."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping

from l1.events import AssertionStatus, KillReason
from tests.adversarial.kit import Devnet, Stage, scenario
from tests.adversarial.kit.arena import TRANSFERS, transact
from tests.adversarial.kit.books import bonds_out
from tests.adversarial.kit.by_hand import claim, claim_refused
from tests.adversarial.kit.lies import LIES, built_on, enriches, lie_at
from tests.adversarial.kit.purse import Purse, rewards


@scenario(slow=True, timeout=600)
async def children_of_a_lie(stage: Stage) -> None:
    """Child and grandchild of a lie die with it, though nobody can prove anything about them; their bonds go back, only
    the lie's is lost; and the honest chain beside them is confirmed to its end."""
    async with Devnet(stage, {"dispute.stride": 16}) as net, net.sequencer():
        truth = await net.batch()
        lie = await net.arena.node.in_thread(LIES["steals in the first step"], truth)
        family, account = [lie], net.account(40)
        for index in (1, 2):
            await transact(net, index * TRANSFERS)
            following = await net.truth(index)
            family.append(built_on(family[-1], following.record))
        purse = await Purse.of(net, bytes.fromhex(account.address[2:]))
        async with net.asserter(*family, account=account) as liar:
            async def three() -> list[bytes]:
                made = [bytes(each.args["id"]) for each in await net.events("AssertionMade")
                        if bytes.fromhex(each.args["asserter"][2:]) == liar.address]
                return made if len(made) == 3 else []

            lied, *descendants = await net.until(three, "the liar builds on its lie", timeout=120)
            async with net.challenger() as honest:
                await net.dies(lied, by=honest)
                for each in descendants:
                    await net.arena.until_status(each, AssertionStatus.KILLED)
                    assert (await net.arena.kills())[each]["reason"] == KillReason.DEAD_PARENT
                await net.stands()

            async def confirmed() -> bool:
                return await net.confirmed_batches() == 3

            await net.until(confirmed, "three batches are confirmed", timeout=120)
        assert (await net.arena.rollup.latest_confirmed()).state_root == following.states[-1].state_root
        await purse.comes_to(-net.config.dispute.assertion_bond, "the liar")
        assert await bonds_out(net) == 0


@scenario(slow=True, timeout=600)
async def a_true_claim_on_a_false_one(stage: Stage) -> None:
    """An honest asserter doesn't rely on a right claim that hangs on a lie: it makes its own beside it at once, though both
    begin and end in the same states, and loses no time when the lie dies."""
    settings = {"dispute.stride": 16, "sequencer.assert_batches": False}
    async with Devnet(stage, settings) as net, net.sequencer():
        truths = [await net.batch()]
        for index in (1, 2):
            await transact(net, index * TRANSFERS)
            truths.append(await net.truth(index))
        right = [each.claims(each.commitments, each.states[-1]) for each in truths]
        lie = await net.arena.node.in_thread(LIES["steals in the first step"], truths[0])

        async def chain_of(who: bytes) -> list[Mapping[str, object]]:
            made = [each.args for each in await net.events("AssertionMade")
                    if bytes.fromhex(each.args["asserter"][2:]) == who]
            return made if len(made) == 3 else []

        async with net.asserter(lie, built_on(lie, truths[1].record), right[2]) as liar:
            false = await net.until(lambda: chain_of(liar.address), "three claims hang on a lie", timeout=120)
            async with net.asserter(*right) as honest:
                true = await net.until(lambda: chain_of(honest.address), "the honest asserts all three", timeout=120)
                assert [each["commitment"] for each in true[1:]] == [each["commitment"] for each in false[1:]]
                assert await net.arena.status(bytes(false[0]["id"])) is AssertionStatus.PENDING
                async with net.challenger() as challenger:
                    await net.dies(liar, by=challenger)


@scenario(slow=True)
async def the_same_claim_many_times(stage: Stage) -> None:
    """The right claim can be made by everybody, once each: all are confirmed, all bonds go back, nobody gains or loses
    anything but gas; and the challenger, which tidies up, spends less of it than who made the mess."""
    async with contextlib.AsyncExitStack() as stack:
        net = await stack.enter_async_context(Devnet(stage, {"dispute.stride": 16}))
        await stack.enter_async_context(net.sequencer())
        honest = await stack.enter_async_context(net.challenger())
        truth = await net.batch()
        right = truth.claims(truth.commitments, truth.states[-1])
        others = [await stack.enter_async_context(net.attacker()) for _ in range(2)]
        ours, purses = await Purse.of(net, honest.address), [await Purse.of(net, each.address) for each in others]
        made = [await claim(net, each, right) for each in others]
        for each in others:
            assert "AssertionExists" in await claim_refused(net, each, right)
        await net.stands()
        for assertion in made:
            await net.arena.until_status(assertion, AssertionStatus.CONFIRMED)
        tidied = await ours.comes_to(0, "the challenger")
        spent = [await purse.comes_to(0) for purse in purses]
        theirs = sum(each.gas for each in spent)
        net.say("challenger", f"tidies up {len(made)} duplicates: {tidied}; they took {theirs:,} gas")
        assert tidied.gas < theirs
        for each in others:
            assert "ParentHasConfirmedChild" in await claim_refused(net, each, right)
        assert await bonds_out(net) == 0


@scenario(slow=True)
async def a_lie_told_again(stage: Stage) -> None:
    """A lie that died can be told again, and dies again, by the same proof: each time for another bond, which pays the
    challenger."""
    times = 3
    async with (
        Devnet(stage, {"dispute.stride": 1}) as net,
        net.sequencer(), net.challenger() as honest, net.attacker() as liar,
    ):  # fmt: skip
        truth = await net.batch()
        step = stage.rng.randrange(truth.steps)
        lie = await net.arena.node.in_thread(lie_at, truth, step, enriches(b"\x61" * 20))
        ours, theirs = await Purse.of(net, honest.address), await Purse.of(net, liar.address)
        told: list[bytes] = []
        for _ in range(times):
            told.append(await claim(net, liar, lie))
            assert len(told) < 2 or told[-1] != told[-2]
            await net.dies(told[-1], by=honest)
        assert len(set(told)) == times
        await net.stands()
        await theirs.comes_to(-times * net.config.dispute.assertion_bond, "the liar")
        statement = await ours.comes_to(await rewards(net, honest.address), "the challenger")
        assert statement.gain > statement.fees
        assert await bonds_out(net) == 0
