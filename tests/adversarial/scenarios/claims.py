"""False claims: whatever an asserter says of a batch that isn't so dies."""

from __future__ import annotations

from derivation.commitments import checkpoint_blobs
from tests.adversarial.kit import Devnet, Stage, scenario
from tests.adversarial.kit.lies import LIES, all_zero


@scenario()
async def all_zero_claim(stage: Stage) -> None:
    """A claim that is zero at every checkpoint dies by one proof."""
    async with Devnet(stage, {"dispute.stride": 1}) as net, net.sequencer(), net.challenger() as honest:
        truth = await net.batch()
        async with net.asserter(all_zero(truth)) as liar:
            await net.dies(liar, by=honest)
        await net.stands()


@scenario()
async def a_random_lie(stage: Stage) -> None:
    """One of all the known lies, chosen by the seed, dies by one proof, at a stride and an arity chosen by the seed."""
    rng = stage.rng
    name, stride, arity = rng.choice(sorted(LIES)), rng.choice([1, 4, 16]), rng.choice([2, 4, 16])
    stage.say("liar", f"{name}, stride {stride}, arity {arity}")
    settings = {"dispute.stride": stride, "dispute.arity": arity}
    async with Devnet(stage, settings) as net, net.sequencer(), net.challenger() as honest:
        truth = await net.batch()
        lie = await net.arena.node.in_thread(LIES[name], truth)
        assert checkpoint_blobs(lie.commitments, stride) != checkpoint_blobs(truth.commitments, stride)
        async with net.asserter(lie) as liar:
            await net.dies(liar, by=honest)
        await net.stands()
