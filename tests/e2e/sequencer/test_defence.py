"""The asserter in games, and other people's assertions and deployments."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from derivation.commitments import checkpoint_blobs, open_checkpoints
from l1.blobs import Prover
from l1.contracts import Rollup
from l1.events import GameStatus
from sequencer.claims import BatchClaims, DerivedClaims
from sequencer.service import SequencerService
from tests.e2e.devnet import CHALLENGER, LIAR, USER, Devnet
from verdict.deployment import DeploymentError

FAST = {"sequencer.batch_interval": "1s"}


async def first_assertion(net: Devnet, sequencer: SequencerService) -> Any:
    """Some transfers, and the assertion of the first batch."""
    l2 = net.l2(sequencer.config)
    for nonce in range(3):
        raw = net.account(USER).sign_transaction({
            "chainId": 42069, "nonce": nonce, "gas": 21000, "to": "0x" + "99" * 20, "value": 1, "type": 2,
            "maxFeePerGas": 10**10, "maxPriorityFeePerGas": 10**9}).raw_transaction
        await l2.eth.send_raw_transaction(raw)
    await l2.provider.disconnect()  # type: ignore[attr-defined]

    async def made() -> Any:
        events = await net.events("AssertionMade")
        return events and events[0].args

    return await net.until(made, "the first batch is asserted")


async def test_a_false_challenge_is_answered_until_the_challenger_runs_out_of_time(tmp_path: Path) -> None:
    async with Devnet(tmp_path, {**FAST, "sequencer.confirm": False}) as net, SequencerService(net.config) as sequencer:
        made = await first_assertion(net, sequencer)
        record = sequencer.parts.derived.record(0)
        assert record is not None and record.steps == made["steps"]
        challenger, rollup = net.account(CHALLENGER), Rollup(net.rpc, net.deployment.rollup)
        blobs = checkpoint_blobs(record.commitments, 16)
        opening = await open_checkpoints(Prover(0), blobs, 0, 1)
        bond = await rollup.constant("challengeBond")
        await net.send(net.w3, challenger, to=net.deployment.rollup, value=bond,
                       data=Rollup.open_game(made["id"], 0, opening))
        game_id = (await net.events("GameOpened"))[0].args["gameId"]
        while True:
            async def answered() -> Any:
                game = await rollup.game(game_id)
                return game if game.split_hash != bytes(32) or game.hi - game.lo == 1 else None

            game = await net.until(answered, "the asserter has moved")
            if game.hi - game.lo == 1:
                break
            split = (await net.events("Split"))[-1].args
            assert list(split["commitments"]) == [record.commitment((game.lo + game.hi) // 2)]
            await net.send(net.w3, challenger, to=net.deployment.rollup,
                           data=Rollup.pick(game_id, game.lo, game.hi, split["commitments"], 1))
        await net.travel(181)

        async def won() -> Any:
            return (await rollup.game(game_id)).status is GameStatus.ASSERTER_WON

        await net.until(won, "the challenger's clock is called")


class Liar:
    """Claims what is right, but for the commitments after some step."""

    def __init__(self, honest: DerivedClaims) -> None:
        self._honest = honest

    def batch_hash(self, index: int) -> bytes | None:
        return self._honest.batch_hash(index)

    async def claims(self, index: int) -> BatchClaims | None:
        claims = await self._honest.claims(index)
        if claims is None:
            return None
        wrong = [c if step in (0, claims.steps) else bytes(31) for step, c in enumerate(claims.commitments)]
        return replace(claims, commitments=wrong)


async def test_a_liar_is_the_same_daemon_with_other_claims(tmp_path: Path) -> None:
    overrides = {**FAST, "dispute.stride": 1}
    async with Devnet(tmp_path, overrides) as net:
        async with SequencerService(net.config, claims=Liar) as liar:
            made = await first_assertion(net, liar)
        async with SequencerService(net.config, key=net.account(LIAR).key) as honest:
            async def rival() -> Any:
                events = await net.events("AssertionMade")
                return next((each.args for each in events if each.args["asserter"] == net.account(LIAR).address), None)

            second = await net.until(rival, "the honest one does not take the liar's assertion for its own")
            assert second["batchHash"] == made["batchHash"] and second["commitment"] == made["commitment"]
            assert second["checkpointBlobs"] != made["checkpointBlobs"]
            assert honest.parts.follower.alarms == 0


async def test_a_data_directory_of_another_deployment_is_refused(tmp_path: Path) -> None:
    async with Devnet(tmp_path, FAST) as net:
        async with SequencerService(net.config):
            pass
        identity = net.config.data_dir / "sequencer" / "identity"
        identity.write_text(identity.read_text().replace(net.deployment.inbox, "0x" + "00" * 20))
        with pytest.raises(DeploymentError, match="inbox changed"):
            async with SequencerService(net.config):
                pass
        with pytest.raises(DeploymentError, match="was changed"):
            async with SequencerService(net.configure({"rollup.max_drift": "31m"})):
                pass
