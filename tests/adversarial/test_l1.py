"""An L1 that can't be trusted or doesn't stay as it is: the challenger waits, or goes on; it never guesses."""

from __future__ import annotations

from pathlib import Path

from challenger.events import Waiting
from challenger.service import ChallengerService
from l1.embedded.service import EmbeddedL1
from l1.embedded.settings import EmbeddedL1Settings
from l1.events import AssertionStatus
from tests.adversarial.arena import arena
from tests.adversarial.kit.lies import LIES


async def test_it_waits_while_two_l1_sources_disagree(tmp_path: Path) -> None:
    other_l1 = EmbeddedL1Settings(port=0, beacon_port=0, block_time=0.2)
    async with arena(tmp_path, 1, 2) as scene:
        lie = await scene.node.in_thread(LIES["steals in the first step"], scene.truth)
        async with scene.party(lie) as party:
            lied = await scene.assertion_of(party.address)
            async with EmbeddedL1(other_l1) as other:
                await other.node.mine((await scene.l1.head()).number + 40)
                doubtful = scene.net.another({"challenger.l1_rpc_urls": [other.rpc_url]})
                async with ChallengerService(doubtful) as challenger:
                    listener = challenger.events.listen()
                    heard = await listener.until(lambda event: isinstance(event, Waiting) and event.alarm, 60)
                    assert isinstance(heard, Waiting) and heard.subject == lied and "different blocks" in heard.reason
                    seen = (await scene.l1.head()).number

                    async def later() -> bool:
                        return (await scene.l1.head()).number >= seen + 10

                    await scene.net.until(later, "L1 goes on for ten blocks")
                    assert challenger.parts.transactions.in_flight == 0
            assert await scene.status(lied) is AssertionStatus.PENDING
            async with ChallengerService(scene.net.another({"challenger.l1_rpc_urls": [scene.net.l1.rpc_url]})):
                await scene.until_status(lied, AssertionStatus.KILLED)
        await scene.confirm_honest()


async def test_a_reorg_in_mid_game_changes_nothing_in_the_end(tmp_path: Path) -> None:
    async with arena(tmp_path, 0, 2) as scene:
        lie = await scene.node.in_thread(LIES["gas used"], scene.truth)
        async with scene.party(lie) as party, ChallengerService(scene.net.config) as challenger:
            lied = await scene.assertion_of(party.address)

            async def picked() -> bool:
                return bool(await scene.net.events("Picked"))

            await scene.net.until(picked, "the challenger makes a move")
            await scene.net.rpc.request("verdict_reorg", [6])
            await scene.until_status(lied, AssertionStatus.KILLED, timeout=150)
            assert challenger.parts.watcher.reorgs >= 1
        await scene.confirm_honest()
