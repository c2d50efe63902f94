"""L1 as a whole: down, started afresh, ahead of its time, seen late or in part, and on two chains at once."""

from __future__ import annotations

import random
import time
from collections.abc import Awaitable, Callable

from challenger.events import AssertionChecked, GameStarted
from challenger.service import ChallengerService
from execution.types import Transaction
from l1.client import L1Unavailable
from l1.embedded.service import EmbeddedL1
from l1.embedded.settings import EmbeddedL1Settings
from l1.events import AssertionStatus
from node.service import NodeService
from sequencer.service import SequencerService
from tests.adversarial.kit import Devnet, Stage, scenario
from tests.adversarial.kit.fault_catalogue import some_faults
from tests.adversarial.kit.faults import (
    Frozen,
    Lag,
    LoadBalanced,
    LogLimit,
    OtherL1,
    false_state,
    wrong_chain,
)
from tests.adversarial.kit.faulty_l1 import Fault
from tests.adversarial.kit.health import health
from tests.adversarial.kit.lies import false_from, lie_at, steal
from verdict.config import Config
from verdict.deployment import DeploymentError
from verdict.errors import L1Problem, failure_of
from verdict.service import Service

DAEMONS: dict[str, Callable[[Config], Service]] = {
    "sequencer": SequencerService, "node": NodeService, "challenger": ChallengerService}


async def refused(start: Callable[[Config], Service], config: Config) -> BaseException:
    """Why it doesn't start."""
    try:
        async with start(config):
            pass
    except Exception as error:  # noqa: BLE001  # whatever it is, it is looked at
        return error
    raise AssertionError(f"{start.__name__} runs")


def reached(net: Devnet, count: int, *daemons: Service) -> Callable[[], Awaitable[bool]]:
    """Whether all that derive have the same first batches, as many as there are on L1, `count` at least."""
    async def all_have() -> bool:
        assert all(each.running for each in daemons), [each.name for each in daemons if not each.running]
        on_l1 = await net.batches_on_l1()
        if on_l1 < count:
            return False
        await net.arena.node.advance()
        wanted = net.arena.node.derived(on_l1 - 1)
        if wanted is None:
            return False
        for each in daemons:
            parts = each.parts  # type: ignore[attr-defined]
            node = getattr(parts, "derivation", None) or parts.node
            found = node.derived(on_l1 - 1)
            if found is None or found.final_state != wanted.final_state:
                return False
        return True

    return all_have


@scenario(slow=True)
async def l1_down_at_start_and_later(stage: Stage) -> None:
    """Without L1 no daemon starts, and it says whom it can't reach. When L1 goes away later, all of them stay: L2 takes transactions, and a lie made meanwhile dies when L1 is back."""
    async with Devnet(stage, {"dispute.stride": 1, "sequencer.batch_interval": "1s"}) as net, net.faulty_l1() as l1:
        config = net.behind(l1)
        async with l1.down():
            for name, start in DAEMONS.items():
                error = await refused(start, config)
                failure = failure_of(error)
                assert isinstance(error, L1Unavailable) and failure is not None, (name, error)
                assert l1.rpc_url.removeprefix("http://") in failure.message, failure.message
        async with SequencerService(config) as sequencer, NodeService(config) as node, ChallengerService(config) as honest:
            truth = await net.batch()
            await net.until(reached(net, 1, sequencer, node, honest), "all have the first batch")
            lie = false_from(truth, truth.steps_of(Transaction, included=True)[0], "lie")
            async with l1.down():
                async with net.asserter(lie) as liar:
                    lied = await net.arena.assertion_of(liar.address)
                await net.transfer(0)
                await net.l1_blocks(16)
                assert not any([(await health(each))["ok"] for each in (sequencer, node, honest)])
                assert await net.arena.status(lied) is AssertionStatus.PENDING
            began = time.monotonic()
            await net.dies(lied, by=honest)
            await net.until(reached(net, 2, sequencer, node, honest), "all go on", timeout=90)
            net.say("L1", f"all went on {time.monotonic() - began:.1f} s after L1 was back")

            async def well() -> bool:
                return all([(await health(each))["ok"] for each in (sequencer, node, honest)])

            await net.until(well, "they are well again")
            await net.stands()


@scenario(slow=True)
async def l1_started_afresh(stage: Stage) -> None:
    """An L1 that begins again from its genesis is not the one that the rollup lies on: daemons that run do nothing there and are not well, and none of them starts on it. When the right one is back they go on."""
    async with Devnet(stage, {"sequencer.batch_interval": "1s"}) as net, net.faulty_l1() as l1:
        config = net.behind(l1)
        async with SequencerService(config) as sequencer, NodeService(config) as node, ChallengerService(config) as honest:
            await net.batch()
            await net.until(reached(net, 1, sequencer, node, honest), "all have the first batch")

            async def quiet() -> bool:  # what is signed and under way, anybody may send anywhere
                return bool(await net.events("AssertionMade")) and sequencer.parts.transactions.in_flight == 0

            await net.until(quiet, "the batch is asserted")
            block = sequencer.parts.node.head().hash
            async with EmbeddedL1(EmbeddedL1Settings(port=0, beacon_port=0, block_time=0.3)) as fresh:
                l1.suffer(OtherL1(fresh.rpc_url, fresh.beacon_url))

                async def unwell() -> bool:
                    return not any([(await health(each))["ok"] for each in (sequencer, node, honest)])

                await net.until(unwell, "all say that something is wrong")
                await net.l1_blocks(10)
                for each in (sequencer, node, honest):
                    assert each.running, each.name
                assert sequencer.parts.node.head().number > 0 and sequencer.parts.node.store.header_by_hash(block) is not None
                there = fresh.node.store.world_at(fresh.node.head())
                for contract in (net.deployment.rollup, net.deployment.inbox):
                    assert there.get_balance(bytes.fromhex(contract[2:])) == 0, "a bond was sent there"
                l1.heal()
            await net.until(reached(net, 1, sequencer, node, honest), "they find L1 again", timeout=90)
            await net.transfer(0)
            await net.until(reached(net, 2, sequencer, node, honest), "and go on", timeout=90)
        async with EmbeddedL1(EmbeddedL1Settings(port=0, beacon_port=0, block_time=0.3)) as fresh:
            l1.suffer(OtherL1(fresh.rpc_url, fresh.beacon_url))
            for name, start in DAEMONS.items():
                error = await refused(start, config)
                assert isinstance(error, DeploymentError) and "started afresh" in str(error), (name, error)
        l1.suffer(wrong_chain(1))
        for name, start in DAEMONS.items():
            error = await refused(start, config)
            assert isinstance(error, DeploymentError | L1Problem) and "is chain 1" in str(error), (name, error)
        l1.heal()
        async with SequencerService(config):
            await net.stands()


@scenario(slow=True)
async def l1_jumps_ahead_by_hours(stage: Stage) -> None:
    """L1's clock jumps ahead by three hours in the middle of a game, and again: moves that are due come in time, L2 follows, and no batch is lost."""
    settings = {"dispute.stride": 0, "sequencer.batch_interval": "1s", "dispute.window": "24h", "dispute.clock": "8h"}
    async with Devnet(stage, settings) as net, SequencerService(net.config) as sequencer, net.challenger() as honest:
        truth = await net.batch()
        lie = await net.arena.node.in_thread(lie_at, truth, truth.steps_of(Transaction, included=True)[0], steal)
        async with net.asserter(lie) as liar:
            for moves in (1, 2):

                async def moved(moves: int = moves) -> bool:
                    return len(await net.events("Picked")) >= moves

                await net.until(moved, f"the challenger makes move {moves}", timeout=180)
                await net.travel(3 * 3600)
                await net.transfer(moves - 1)
            await net.dies(liar, by=honest)
        await net.until(reached(net, 2, sequencer), "L2 goes on")
        assert sequencer.parts.follower.alarms == 0
        await net.transfer(2)

        async def followed() -> bool:
            return await net.now() - sequencer.parts.node.head().timestamp < 600

        await net.until(followed, "L2's time follows L1's")
        await net.travel(24 * 3600)

        async def confirmed() -> bool:
            return await net.confirmed_batches() >= 1

        await net.until(confirmed, "the honest assertion is confirmed")
        assert (await net.arena.rollup.latest_confirmed()).state_root


@scenario(slow=True)
async def seen_late_while_the_clock_runs(stage: Stage) -> None:
    """The challenger's L1 node is six blocks behind, sometimes eight, through a whole game with a short clock: it makes every move, each only once, and wins."""
    settings = {"dispute.stride": 0, "dispute.clock": "15m", "dispute.window": "2h"}
    lagging = LoadBalanced(Lag(6), Lag(8))
    async with Devnet(stage, settings) as net, net.sequencer(), net.faulty_l1(lagging) as l1, net.challenger(net.behind(l1)) as honest:
        truth = await net.batch()
        heard: list[object] = []
        honest.events.on_event(heard.append)
        lie = await net.arena.node.in_thread(lie_at, truth, truth.steps_of(Transaction, included=True)[-1], steal)
        async with net.asserter(lie) as liar:
            await net.dies(liar, by=honest)
        assert sum(isinstance(each, GameStarted) for each in heard) == 1
        failed = [each for each in await net.events("GameOpened") if each.args["challenger"] != net.account(2).address]
        assert not failed and l1.peak(5.0) < 120
        await net.stands()


@scenario(slow=True)
async def two_chains_in_turn(stage: Stage) -> None:
    """The challenger's L1 node flips between the real chain and one that never had the rollup, request by request: it does nothing on what it sees there, and wins when it sees one chain again."""
    async with (
        Devnet(stage, {"dispute.stride": 1}) as net, net.sequencer(), net.faulty_l1() as l1, net.challenger(net.behind(l1)) as honest,
        EmbeddedL1(EmbeddedL1Settings(port=0, beacon_port=0, block_time=0.5)) as other,
    ):
        truth = await net.batch()
        await other.node.mine((await net.rpc.head()).number)
        since = time.monotonic()
        l1.suffer(LoadBalanced(None, OtherL1(other.rpc_url)))
        heard: list[object] = []
        honest.events.on_event(heard.append)
        async with net.asserter(false_from(truth, truth.steps_of(Transaction, included=True)[0], "lie")) as liar:
            lied = await net.arena.assertion_of(liar.address)
            await net.l1_blocks(16)
            assert honest.running and l1.peak(5.0, since) < 150
            l1.heal()
            await net.dies(lied, by=honest)
        assert all(each.wrong is None or each.assertion_id == lied for each in heard if isinstance(each, AssertionChecked))
        await net.stands()


@scenario(slow=True)
async def a_provider_with_limits(stage: Stage) -> None:
    """A provider that gives logs of ten blocks at a time, and refuses more as Infura, Alchemy or others do, serves every daemon from the start of a long chain, after hundreds of blocks."""
    code, message = random.Random(stage.seed).choice([
        (-32005, "query returned more than 10000 results"),
        (-32602, "Under the Free tier plan, you can make eth_getLogs requests with up to a 10 block range"),
        (-32000, "exceed maximum block range: 10"), (-32600, "block range is too wide"),
    ])  # fmt: skip
    stage.say("L1", f"{code} {message}")
    limit = LogLimit(10, code, message)
    async with Devnet(stage, {"dispute.stride": 1}) as net, net.faulty_l1(limit) as l1:
        for _ in range(7):
            await net.mine(100)
        config = net.behind(l1)
        async with SequencerService(config) as sequencer, NodeService(config) as node, ChallengerService(config) as honest:
            truth = await net.batch()
            async with net.asserter(false_from(truth, truth.steps_of(Transaction, included=True)[0], "lie")) as liar:
                await net.dies(liar, by=honest)
            await net.until(reached(net, 1, sequencer, node, honest), "all have the batch")
            await net.stands()
        assert 0 < limit.refused < 60, limit.refused


@scenario(slow=True)
async def two_sources_one_lies(stage: Stage) -> None:
    """The challenger's first L1 node is frozen, or says of the contracts what isn't so, while the second one is well: nothing false is done on what the first one says, and when it is well the lie dies."""
    async with Devnet(stage, {"dispute.stride": 1}) as net, net.sequencer(), net.faulty_l1() as l1:
        config = net.behind(l1, {"challenger.l1_rpc_urls": [net.l1.rpc_url]})
        async with net.challenger(config) as honest:
            truth = await net.batch()
            step = truth.steps_of(Transaction, included=True)[0]
            heard: list[object] = []
            honest.events.on_event(heard.append)
            faults: tuple[Fault, ...] = (Frozen(), false_state())
            for number, fault in enumerate(faults):
                async with net.asserter(false_from(truth, step, f"lie {number}")) as liar:
                    l1.suffer(fault)
                    lied = await net.arena.assertion_of(liar.address)
                    await net.l1_blocks(10)
                    assert honest.running
                    l1.heal()
                    await net.dies(lied, by=honest)
            lies = set(await net.arena.kills())
            assert all(each.wrong is None or each.assertion_id in lies for each in heard if isinstance(each, AssertionChecked))
            assert not any(isinstance(each, GameStarted) for each in heard)
        await net.stands()


@scenario(slow=True, timeout=600)
async def many_faults_at_once(stage: Stage) -> None:
    """Three faults at once, drawn by the seed, others every few blocks, for all daemons together: nobody ends, nothing false is done, nothing is sent twice that costs a bond, and all are well when L1 is."""
    rng = stage.rng
    settings = {"dispute.stride": rng.choice([0, 1, 4]), "sequencer.batch_interval": "1s"}
    async with Devnet(stage, settings) as net, net.faulty_l1(rng=rng) as l1:
        config = net.behind(l1)
        async with SequencerService(config) as sequencer, NodeService(config) as node, ChallengerService(config) as honest:
            truth = await net.batch()
            heard: list[object] = []
            honest.events.on_event(heard.append)
            lie = await net.arena.node.in_thread(lie_at, truth, truth.steps_of(Transaction, included=True)[0], steal)
            since = time.monotonic()
            async with net.asserter(lie) as liar:
                lied = await net.arena.assertion_of(liar.address)
                for turn in range(5):
                    drawn = some_faults(rng, 3)
                    net.say("L1", "; ".join(name for name, _ in drawn))
                    l1.suffer(*(fault for _, fault in drawn))
                    await net.transfer(turn)
                    await net.l1_blocks(8)
                    for each in (sequencer, node, honest):
                        assert each.running, each.name
                l1.heal()
                healed = time.monotonic()
                await net.dies(lied, by=honest)
                await net.until(reached(net, 2, sequencer, node, honest), "all go on", timeout=120)
            net.say("L1", f"all went on {time.monotonic() - healed:.1f} s after; {l1.peak(5.0, since):.0f} requests a second at most")
            assert l1.peak(5.0, since) < 400
            assert sequencer.parts.follower.alarms == 0
            assert all(each.wrong is None or each.assertion_id == lied for each in heard if isinstance(each, AssertionChecked))
            made = [(each.args["asserter"], bytes(each.args["batchHash"])) for each in await net.events("AssertionMade")]
            assert len(set(made)) == len(made)
            await net.stands()


@scenario(slow=True)
async def a_frozen_node(stage: Stage) -> None:
    """An L1 node that answers everything, and no longer follows L1, is noticed by every daemon: none says that it is well, and why. What was missed is made up for when it follows again."""
    async with Devnet(stage, {"dispute.stride": 1}) as net, net.faulty_l1() as l1:
        config = net.behind(l1)
        async with SequencerService(config) as sequencer, NodeService(config) as node, ChallengerService(config) as honest:
            daemons = (sequencer, node, honest)
            truth = await net.batch()
            await net.until(reached(net, 1, *daemons), "all have the first batch")
            frozen, since = Frozen(), time.monotonic()
            l1.suffer(frozen)
            lie = false_from(truth, truth.steps_of(Transaction, included=True)[0], "lie")
            async with net.asserter(lie) as liar:
                lied = await net.arena.assertion_of(liar.address)

            async def noticed() -> bool:
                said = [await health(each) for each in daemons]
                return all(not each["ok"] and "no new block" in each["failure"] for each in said)

            await net.until(noticed, "all say that L1 stands still", timeout=120)
            assert l1.peak(5.0, since) < 200
            l1.heal()
            await net.dies(lied, by=honest)

            async def well() -> bool:
                return all([(await health(each))["ok"] for each in daemons])

            await net.until(well, "they are well again")
            await net.stands()
