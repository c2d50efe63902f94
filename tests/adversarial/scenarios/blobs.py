"""Blobs that are withheld, pruned, or false: nothing is guessed, and other sources are asked."""

from __future__ import annotations

import asyncio

from eth_account import Account

from challenger.events import AssertionChecked, GameStarted, Waiting
from challenger.service import ChallengerService
from execution.types import Transaction
from l1.events import AssertionStatus
from node.service import NodeService
from tests.adversarial.kit import Devnet, Stage, scenario
from tests.adversarial.kit.fault_catalogue import BLOBS
from tests.adversarial.kit.faults import BlobsGone, FalseBlobs
from tests.adversarial.kit.health import health
from tests.adversarial.kit.lies import false_from, lie_at, steal


@scenario(slow=True)
async def blobs_withheld_from_the_challenger_alone(stage: Stage) -> None:
    """A challenger whose beacon node gives it no blob has the batch's and the liar's from another challenger's archive, which itself can't pay for a move, and wins its game."""
    async with Devnet(stage, {"dispute.stride": 0}) as net, net.sequencer(), net.faulty_l1(BlobsGone()) as l1:
        poor_config = net.another({"challenger.port": net.free_port()}, challenger=Account.create())
        peer = f"http://127.0.0.1:{poor_config.challenger.port}"
        config = net.behind(l1, {"blobs.peer_urls": [peer]})
        async with net.challenger(poor_config) as poor, net.challenger(config) as honest:
            truth = await net.batch()
            lie = await net.arena.node.in_thread(lie_at, truth, truth.steps_of(Transaction, included=True)[0], steal)
            async with net.asserter(lie) as liar:
                await net.dies(liar, by=honest)
            assert set(honest.parts.node.beacon.fetched) <= {"archive", peer} and honest.parts.node.beacon.fetched[peer] >= 2
            assert poor.parts.transactions.in_flight == 0 and poor.running
        await net.stands()


@scenario(slow=True)
async def blobs_withheld_for_a_while(stage: Stage) -> None:
    """A challenger without blobs says that it doesn't know, does nothing, and kills the lie when it has got them."""
    ways = sorted(BLOBS)
    way = ways[stage.seed % 2]  # who gives false ones isn't asked again for half a minute: that is another scenario's
    async with Devnet(stage, {"dispute.stride": 1}) as net, net.sequencer(), net.faulty_l1(BLOBS[way]()) as l1:
        async with net.challenger(net.behind(l1)) as honest:
            heard: list[object] = []
            honest.events.on_event(heard.append)
            truth = await net.batch()
            async with net.asserter(false_from(truth, truth.steps_of(Transaction, included=True)[0], "lie")) as liar:
                lied = await net.arena.assertion_of(liar.address)

                async def waits() -> bool:
                    return any(isinstance(each, Waiting) and each.subject == lied and each.alarm for each in heard)

                await net.until(waits, f"it says that it waits ({way})")
                asked = l1.seen["beacon"]
                await net.l1_blocks(12)
                assert l1.seen["beacon"] - asked < 60, "it asks for blobs again and again"
                assert not (await health(honest))["ok"]
                assert await net.rpc.request("eth_getTransactionCount", ["0x" + honest.address.hex(), "latest"]) == "0x0"
                l1.heal()
                await net.dies(lied, by=honest)
            assert not any(isinstance(each, AssertionChecked | GameStarted) and each.assertion_id != lied and getattr(each, "wrong", 1)
                           for each in heard)

            async def well() -> bool:
                return bool((await health(honest))["ok"])

            await net.until(well, "its health is good again")
        await net.stands()


@scenario()
async def a_beacon_node_with_false_blobs(stage: Stage) -> None:
    """Blobs that aren't their commitment's are noticed, whoever gives them: a node takes them from its next source, counts the lie, and doesn't ask the liar again soon."""
    async with Devnet(stage) as net, net.sequencer(), net.faulty_l1(FalseBlobs()) as l1:
        await net.batch()
        async with NodeService(net.behind(l1, {"blobs.beacon_urls": [net.l1.beacon_url]})) as node:
            derivation = node.parts.derivation

            async def derived() -> bool:
                return derivation.derived(0) is not None

            await net.until(derived, "the node derives the batch")
            record = derivation.derived(0)
            assert record is not None and record.final_state == net.arena.truth.states[-1]
            assert node.parts.blobs.failed.get(l1.beacon_url) == 1, node.parts.blobs.failed
        await net.stands()


@scenario(slow=True, timeout=420)
async def no_blobs_for_longer_than_a_window(stage: Stage) -> None:
    """A challenger that never gets the blobs can't defend you, and harms nobody: it attacks nothing, true or false, for a whole window. Another one does the work, and gives the first one the blobs that L1 no longer has."""
    async with Devnet(stage, {"dispute.stride": 1}) as net, net.sequencer(), net.faulty_l1(BlobsGone()) as l1:
        port = net.free_port()
        blind_config = net.behind(l1, challenger=net.account(7))
        seeing_config = net.another({"challenger.port": port})
        async with net.challenger(blind_config) as blind, net.challenger(seeing_config) as seeing:
            truth = await net.batch()
            step = truth.steps_of(Transaction, included=True)[0]
            heard: list[object] = []
            blind.events.on_event(heard.append)
            async with net.asserter(false_from(truth, step, "first")) as liar:
                await net.dies(liar, by=seeing)
            await net.stands()
            assert any(isinstance(each, Waiting) and each.alarm for each in heard)
            assert not any(isinstance(each, AssertionChecked | GameStarted) for each in heard)
            assert await net.rpc.request("eth_getTransactionCount", ["0x" + blind.address.hex(), "latest"]) == "0x0"
        # the window is over, and the beacon node has pruned them: the other challenger's archive is asked
        peers = [f"http://127.0.0.1:{port}", f"http://127.0.0.1:{net.config.sequencer.port}"]
        late = net.behind(l1, {"blobs.peer_urls": peers}, challenger=net.account(7))
        async with ChallengerService(seeing_config), net.challenger(late) as late_challenger:
            await net.transfer(0)

            async def two() -> bool:
                return await net.batches_on_l1() >= 2

            await net.until(two, "a second batch")
            second = await net.truth(1)

            async def knows() -> bool:
                return all(late_challenger.parts.node.derived(index) is not None for index in (0, 1))

            await net.until(knows, "the late one has derived both")
            async with net.asserter(false_from(second, 0, "second")) as liar:
                lied = await net.arena.assertion_of(liar.address)
                await asyncio.wait_for(net.dies(lied), 200)
                assert await net.arena.status(lied) is AssertionStatus.KILLED
