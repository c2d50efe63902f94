"""Somebody buys all of EXECUTE's gas, block after block: proofs come too late, and the challenger wins all the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from challenger.events import StepSettled, TurnFailed
from challenger.game import Stage
from challenger.service import ChallengerService
from execution.types import Transaction
from l1.contracts import Execute
from l1.events import AssertionStatus, GameStatus, KillReason
from tests.adversarial.arena import arena
from tests.adversarial.kit.arena import Arena
from tests.adversarial.kit.lies import lie_at, steal
from tests.adversarial.kit.markets import GWEI, buying_execute


def forced(scene: Arena) -> int:
    """A step that is quick to prove: a transaction that lies on L1, not in a blob."""
    return scene.truth.steps_of(Transaction, included=True)[0]


@pytest.mark.slow
async def test_a_proof_outbids_those_who_fill_execute(tmp_path: Path) -> None:
    """Behind those who came before at the same tip it fails; then it offers twice as much, and is the first."""
    async with arena(tmp_path, 1, 2) as scene, buying_execute(scene.net, 5 * GWEI):
        lie = await scene.node.in_thread(lie_at, scene.truth, forced(scene), steal)
        async with scene.party(lie) as party, ChallengerService(scene.net.config) as challenger:
            heard: list[Any] = []
            challenger.events.on_event(heard.append)
            lied = await scene.assertion_of(party.address)
            await scene.until_status(lied, AssertionStatus.KILLED)

            async def told() -> StepSettled | None:
                return next((each for each in heard if isinstance(each, StepSettled)), None)

            proof = await scene.net.until(told, "the challenger tells of it")
        failed = [each for each in heard if isinstance(each, TurnFailed) and each.subject == lied]
        assert failed
        sent = await scene.net.w3.eth.get_transaction(proof.transaction_hash)
        assert sent["maxPriorityFeePerGas"] > 5 * GWEI
        assert (await scene.kills())[lied]["reason"] == KillReason.STEP_PROOF


async def test_a_clock_does_not_run_out_while_execute_is_full(tmp_path: Path) -> None:
    """Who fills EXECUTE can't be outbid, and holds it for longer than the challenger's clock. The challenger knows that it
    has not lost, the liar knows that it has not won, and when there is room again the proof is in time."""
    clock = 900
    async with arena(tmp_path, 2, 2, clock=clock, window=2 * 3600) as scene:
        lie = await scene.node.in_thread(lie_at, scene.truth, forced(scene), steal)
        async with scene.party(lie) as party, ChallengerService(scene.net.config) as challenger:
            heard: list[Any] = []
            challenger.events.on_event(heard.append)
            lied = await scene.assertion_of(party.address)
            async with buying_execute(scene.net, 600 * GWEI):

                async def proving() -> bytes | None:
                    snapshot = challenger.parts.scheduler.snapshot
                    games = [] if snapshot is None else list(snapshot.games.values())
                    failed = {each.subject for each in heard if isinstance(each, TurnFailed)}
                    return next((each.id for each in games if each.game.stage is Stage.PROVE and each.id in failed), None)

                game_id = await scene.net.until(proving, "a proof has come too late", timeout=90)
                before = await scene.l1.request("eth_getTransactionCount", ["0x" + party.address.hex(), "latest"])
                await scene.net.travel(clock + 100)
            game = await scene.rollup.game(game_id)
            assert game.status is GameStatus.OPEN and await scene.net.now() - game.moved_at > clock
            assert await Execute(scene.l1).congested_seconds() - game.congestion > clock
            await scene.until_status(lied, AssertionStatus.KILLED)
            assert (await scene.rollup.game(game_id)).status is GameStatus.CHALLENGER_WON
            after = await scene.l1.request("eth_getTransactionCount", ["0x" + party.address.hex(), "latest"])
        assert before == after  # the liar didn't try to end it by the clock
        await scene.confirm_honest()
