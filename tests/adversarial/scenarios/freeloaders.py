"""Who reads the mempool and sends what others send, as their own and before them."""

from __future__ import annotations

from l1.events import AssertionStatus
from l1.txmanager import L1Receipt, TransactionReverted
from tests.adversarial.kit import Devnet, Stage, scenario
from tests.adversarial.kit.books import bonds_out
from tests.adversarial.kit.crowd import asserted, crowd, different_lies
from tests.adversarial.kit.mempool import Copycat
from tests.adversarial.kit.purse import Purse, rewards
from tests.e2e.devnet import SEQUENCER

LOST_RACE_GAS = 700_000
"""L1 gas of a direct proof that comes second, at most: its calldata, and a look at what is dead."""


async def lost_races(stage: Stage, count: int) -> None:
    async with (
        Devnet(stage, {"dispute.stride": 1}) as net,
        net.sequencer(), net.challenger() as honest, net.attacker() as thief,
    ):  # fmt: skip
        truth = await net.batch()
        ours, theirs = await Purse.of(net, honest.address), await Purse.of(net, thief.address)
        lies = await different_lies(truth, count, stage.rng)
        async with Copycat(net, thief, {honest.address}, "proveStep"), crowd(net, lies) as liars:
            for each in await asserted(net, liars):
                killed = await net.dies(each)
                assert bytes.fromhex(killed["by"][2:]) == thief.address
        await net.stands()
        lost = await ours.comes_to(0, "the challenger")
        won = await theirs.comes_to(await rewards(net, thief.address), "the thief")
        net.say("challenger", f"loses {count} races: {lost}; {lost.gas // count:,} gas each")
        net.say("thief", str(won))
        assert lost.reverted == lost.transactions == count and lost.gas <= count * LOST_RACE_GAS
        assert lost.fees < won.gain
        assert await bonds_out(net) == 0


@scenario()
async def a_copied_proof(stage: Stage) -> None:
    """Who copies a direct proof from the mempool and comes first earns its reward; the challenger loses gas and nothing
    else, and the lie is as dead."""
    await lost_races(stage, 1)


@scenario(slow=True, timeout=600)
async def every_race_lost(stage: Stage) -> None:
    """A challenger that loses every race to a thief in league with L1's proposers never loses money beyond gas, and
    goes on."""
    await lost_races(stage, 4)


@scenario(slow=True)
async def a_copied_proof_of_a_game(stage: Stage) -> None:
    """The proof that ends a game is its challenger's alone: a thief that copies it, though it comes first, pays gas for
    nothing."""
    async with (
        Devnet(stage, {"dispute.stride": 16, "dispute.arity": 4}) as net,
        net.sequencer(), net.challenger() as honest, net.attacker() as thief,
    ):  # fmt: skip
        truth = await net.batch()
        ours, theirs = await Purse.of(net, honest.address), await Purse.of(net, thief.address)
        async with (
            Copycat(net, thief, {honest.address}, "pick", "proveStepInGame") as copycat,
            crowd(net, await different_lies(truth, 1, stage.rng)) as (liar,),
        ):  # fmt: skip
            await net.dies(liar, by=honest)

            async def ended() -> bool:
                return len(copycat.outcomes) == len(await net.events("Picked")) + 1

            await net.until(ended, "every copy is on L1")
        both = thief.address, honest.address
        for outcome in copycat.outcomes:
            assert isinstance(outcome, TransactionReverted) and outcome.receipt is not None, outcome
            block = await net.rpc.request("eth_getBlockReceipts", [hex(outcome.receipt.block_number)])
            senders = [bytes.fromhex(each["from"][2:]) for each in block]
            assert next(each for each in senders if each in both) == thief.address, "it came first, and in vain"
        await net.stands()
        won = await ours.comes_to(await rewards(net, honest.address), "the challenger")
        lost = await theirs.comes_to(0, "the thief")
        assert won.reverted == 0 and won.gain > won.fees and lost.reverted == lost.transactions == len(copycat.outcomes)
        assert await bonds_out(net) == 0


@scenario(slow=True)
async def a_copied_claim(stage: Stage) -> None:
    """Who copies the honest asserter's claim, blobs and all, and comes first gains nothing: both are confirmed, both
    bonds go back, nobody loses anything but gas."""
    async with Devnet(stage, {"dispute.stride": 16}) as net, net.attacker() as thief:
        asserter = bytes.fromhex(net.account(SEQUENCER).address[2:])
        ours, theirs = await Purse.of(net, asserter), await Purse.of(net, thief.address)
        async with Copycat(net, thief, {asserter}, "makeAssertion") as copycat, net.sequencer(), net.challenger():
            await net.batch()
            made = [await net.arena.assertion_of(each) for each in (asserter, thief.address)]
            in_order = [bytes(each.args["id"]) for each in await net.events("AssertionMade")]
            assert in_order == [made[1], made[0]]  # the thief was first
            await net.stands()
            for each in made:
                await net.arena.until_status(each, AssertionStatus.CONFIRMED)
            await ours.comes_to(0, "the asserter")
            await theirs.comes_to(0, "the thief")
            assert all(isinstance(each, L1Receipt) for each in copycat.outcomes)
            assert await bonds_out(net) == 0
