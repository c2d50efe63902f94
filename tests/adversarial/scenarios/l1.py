"""An L1 node that fails, refuses, lags or lies: daemons wait or take the truth from elsewhere, and go on by themselves.

Each daemon goes through every fault of kit/fault_catalogue.py, one after the other, without a restart in between.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Awaitable, Callable

from execution.types import Transaction
from execution.world import WorldState
from node.service import NodeService
from sequencer.service import SequencerService
from tests.adversarial.kit import Devnet, Stage, scenario
from tests.adversarial.kit.arena import Party
from tests.adversarial.kit.fault_catalogue import BLOBS, EVERY, READING, WIRE
from tests.adversarial.kit.faulty_l1 import Fault, FaultyL1
from tests.adversarial.kit.lies import false_from
from verdict.service import Service

ENOUGH = 4  # L1 blocks that a fault lasts at least


async def suffer(net: Devnet, l1: FaultyL1, fault: Fault) -> None:
    """The fault lasts for some L1 blocks, and befalls some requests."""
    began = (await net.rpc.head()).number
    l1.suffer(fault)

    async def enough() -> bool:
        return fault.befell > 0 and (await net.rpc.head()).number >= began + ENOUGH

    await net.until(enough, f"{fault} is felt", timeout=60)


async def go_through(net: Devnet, l1: FaultyL1, daemon: Service, before: Callable[[int], Awaitable[None]],
                     recovered: Callable[[int], Awaitable[bool]], faults: dict[str, Callable[[], Fault]]) -> None:
    """Each fault alone; after each the daemon must do what it is there for. Never does it ask L1 much more often than when
    all is well."""
    began = time.monotonic()
    await before(0)
    await net.until(lambda: recovered(0), "all is well at first", timeout=120)
    usual = max(l1.peak(4.0, began), 20.0)
    for turn, (name, fault) in enumerate(faults.items(), 1):
        since = time.monotonic()
        await before(turn)
        await suffer(net, l1, fault())
        l1.heal()
        healed = time.monotonic()

        async def well(turn: int = turn, name: str = name) -> bool:
            assert daemon.running, f"{daemon.name} ended: {name}"
            return await recovered(turn)

        await net.until(well, f"it goes on after: {name}", timeout=120)
        rate = l1.peak(4.0, since)
        net.say("L1", f"{name}: {rate:.0f} requests a second at most (usually {usual:.0f}), went on after {time.monotonic() - healed:.1f} s")
        assert rate <= 2 * usual, f"{name}: {rate:.0f} requests a second, usually {usual:.0f}"


@scenario(slow=True, timeout=900)
async def every_fault_for_the_node(stage: Stage) -> None:
    """Whatever L1's node does wrong, a node of ours waits and then serves the truth: it goes on by itself, asks no more often than usual, and has never said anything false."""
    async with Devnet(stage, {"sequencer.batch_interval": "1s"}) as net, net.sequencer(), net.faulty_l1() as l1, NodeService(net.behind(l1)) as node:
        await net.batch()

        async def caught_up(turn: int) -> bool:
            await net.arena.node.advance()
            count = await net.batches_on_l1()
            derivation = node.parts.derivation
            for index in range(derivation.batch_count):
                theirs, ours = derivation.derived(index), net.arena.node.derived(index)
                assert theirs is None or ours is None or theirs.final_state == ours.final_state, f"batch {index} is derived otherwise"
            return derivation.batch_count == count > turn and derivation.failure is None

        await go_through(net, l1, node, net.transfer, caught_up, {**WIRE, **READING, **BLOBS})
        await net.stands()


@scenario(slow=True, timeout=1500)
async def every_fault_for_the_challenger(stage: Stage) -> None:
    """Whatever its L1 node does wrong while somebody lies, the challenger does nothing false meanwhile, says that it waits, and kills the lie when the node is well again, without a restart."""
    async with contextlib.AsyncExitStack() as stack:
        enter = stack.enter_async_context
        net = await enter(Devnet(stage, {"dispute.stride": 1}))
        await enter(net.sequencer())
        l1 = await enter(net.faulty_l1())
        challenger = await enter(net.challenger(net.behind(l1)))
        truth = await net.batch()
        step = truth.steps_of(Transaction, included=True)[0]  # of a forced transaction: quick to prove
        liars: list[Party] = []

        async def somebody_lies(turn: int) -> None:
            liars.append(await enter(net.asserter(false_from(truth, step, f"turn {turn}"))))

        async def killed(turn: int) -> bool:
            await net.dies(liars[turn], by=challenger, timeout=150)
            await liars[turn].silence()
            return True

        await go_through(net, l1, challenger, somebody_lies, killed, EVERY)
        assert set(await net.arena.kills()) == {await net.arena.assertion_of(each.address) for each in liars}
        assert not await net.events("GameOpened")
        await net.stands()


@scenario(slow=True, timeout=1500)
async def every_fault_for_the_sequencer(stage: Stage) -> None:
    """Whatever its L1 node does wrong, the sequencer goes on building and answering, loses no transaction that it has taken, and posts and asserts when the node is well again, without a restart."""
    async with (
        Devnet(stage, {"sequencer.batch_interval": "1s", "sequencer.transactions.resubmit_after": "3s"}) as net,
        net.faulty_l1() as l1, SequencerService(net.behind(l1)) as sequencer,
    ):
        await net.batch()
        recipients: list[str] = []

        async def on_l2(turn: int) -> None:
            recipients.append(await net.transfer(turn))

        async def on_l1(turn: int) -> bool:
            """The transfer is in a batch that L1 has, and what it does is asserted."""
            await net.arena.node.advance()
            state = net.arena.node.state_before(await net.batches_on_l1())
            if state is None:
                return False
            world = WorldState(net.arena.node.store, state.state_root)
            asserted = {bytes(each.args["batchHash"]) for each in await net.events("AssertionMade")}
            head: bytes = (await net.contracts.inbox.functions.headBatch().call())[0]
            return all(world.get_balance(bytes.fromhex(each[2:])) == 1 for each in recipients) and head in asserted

        await go_through(net, l1, sequencer, on_l2, on_l1, EVERY)
        assert sequencer.parts.follower.alarms == 0
        made = [each.args for each in await net.events("AssertionMade")]
        assert len({bytes(each["batchHash"]) for each in made}) == len(made)  # never two bonds for one thing
        await net.stands()
