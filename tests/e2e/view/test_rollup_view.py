"""The view of a live dispute on a real devnet, from before the game to after the proof."""

from __future__ import annotations

import json
from pathlib import Path

from challenger.service import ChallengerService
from l1.events import AssertionStatus
from tests.adversarial.arena import arena
from tests.adversarial.liars import LIES
from tests.e2e.devnet import CHALLENGER
from view.of_daemon import of_challenger
from view.rollup_view import RollupView


async def test_a_dispute_from_its_game_to_its_proof(tmp_path: Path) -> None:
    async with arena(tmp_path, 16, 2) as scene:
        config, deployment = scene.net.config, scene.net.deployment
        blind = RollupView(scene.l1, config, deployment)
        seeing = RollupView(scene.l1, config, deployment, truth=scene.node.derived)
        lie = await scene.node.in_thread(LIES["steals in a transaction"], scene.truth)
        async with scene.party(lie) as liar:
            wrong = await scene.assertion_of(liar.address)
            pending = await seeing.assertion(wrong)
            assert pending is not None and pending["status"] == "pending" and pending["forecast"] == "wrong"
            assert pending["window_ends"] - pending["created_at"] == int(config.dispute.window)
            async with ChallengerService(config) as challenger:
                forecasts = []

                async def killed() -> bool:
                    for game in await seeing.games(only_open=True):
                        assert game["mover"] in ("asserter", "challenger") and game["stage"] != "over"
                        forecasts.append(game["forecast"])
                    return await scene.status(wrong) is AssertionStatus.KILLED

                await scene.net.until(killed, "the lie is killed", timeout=240)
                assert forecasts and all(each is not None and each["winner"] == "challenger" for each in forecasts)
                own = await of_challenger(challenger.parts, config, deployment, scene.l1).overview()
        assert own["daemon"] is not None and own["daemon"]["role"] == "challenger"
        assert own["l2"]["safe"] is not None and own["l2"]["safe"]["number"] >= 1

        found = await blind.overview()
        assert json.loads(json.dumps(found)) == found, "plain JSON"
        batch = found["batches"][-1]
        assert (batch["index"], batch["data"], batch["status"], batch["deposits"], batch["forced"]) == (0, "blobs", "asserted", 2, 3)
        assert found["assertion_count"] == 2 and found["pending_count"] == 1 and len(batch["assertions"]) == 2
        by_status = {each["status"]: each for each in found["assertions"]}
        dead = by_status["killed"]
        assert dead["id"] == "0x" + wrong.hex() and dead["forecast"] is None
        assert dead["killed"] is not None and dead["killed"]["reason"] == "step proof"
        assert int(dead["killed"]["paid"]) + int(dead["killed"]["burned"]) == config.dispute.assertion_bond
        proof = dead["proof"]
        assert proof is not None and proof["kind"] == "transaction" and proof["batch"] == 0
        assert proof["claimed"] != proof["proved"] and proof["l2_gas"] >= 21_000
        assert (proof["witness_bytes"] or 0) > 1_000 and (proof["calldata_bytes"] or 0) > (proof["witness_bytes"] or 0)
        [game] = found["games"]
        assert game["status"] == "challenger won" and game["stage"] == "over" and game["mover"] is None
        assert found["open_game_count"] == 0 and found["game_count"] == 1

        detail = await blind.game(game["id"][:12])
        assert detail is not None
        kinds = [move["kind"] for move in detail["moves"]]
        assert kinds == ["open"] + ["split", "pick"] * 4 + ["prove"] and detail["rounds"] == 9
        sizes = [move["hi"] - move["lo"] for move in detail["moves"] if move["kind"] in ("open", "pick")]
        assert sizes == [16, 8, 4, 2, 1]
        sides = {"0x" + liar.address.hex(), scene.net.account(CHALLENGER).address.lower()}
        assert {(move["by"] or "").lower() for move in detail["moves"]} == sides
        assert all((move["gas_used"] or 0) > 21_000 for move in detail["moves"])
        assert detail["proof"] == proof and proof["step"] == detail["lo"]
        assert await blind.game("0x00ff") is None and await blind.game("zz") is None
        about = await blind.assertion(dead["id"])
        assert about is not None and [move["kind"] for move in about["moves"]] == kinds
