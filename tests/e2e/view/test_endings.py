"""Games that end without a proof, as the view tells them: by a clock, and void."""

from __future__ import annotations

from pathlib import Path

import pytest

from challenger.service import ChallengerService
from l1.events import KillReason
from tests.adversarial.kit.devnet import Devnet
from tests.adversarial.kit.lies import LIES
from tests.adversarial.kit.scenario import Stage
from tests.e2e.devnet import USER
from view.rollup_view import RollupView


@pytest.mark.slow
async def test_by_a_clock_and_void(tmp_path: Path) -> None:
    """A liar falls silent; two challengers have a game with it, and only one of them can win."""
    overrides = {"dispute.stride": 16, "sequencer.batch_interval": "1s"}
    async with Devnet(Stage(tmp_path), overrides) as net, net.sequencer():
        truth = await net.batch()
        view = RollupView(net.rpc, net.config, net.deployment, truth=net.arena.node.derived)
        async with net.asserter(LIES["steals in a transaction"](truth)) as liar:
            wrong = await net.arena.assertion_of(liar.address)
        other = net.another(challenger=net.account(USER))
        async with net.challenger() as one, ChallengerService(other) as two:

            async def both() -> bool:
                return len(await net.events("GameOpened")) == 2

            await net.until(both, "both have a game", timeout=180)
            opened = await view.games()
            assert {each["challenger"].lower() for each in opened} == {"0x" + one.address.hex(), "0x" + two.address.hex()}
            await net.travel(int(net.config.dispute.clock) + 1)
            killed = await net.dies(wrong, reason=KillReason.TIMEOUT)

        made = await view.assertion(wrong)
        assert made is not None and made["killed"] is not None and made["proof"] is None
        assert (made["killed"]["reason"], made["killed"]["by"], made["open_games"]) == ("timeout", killed["by"], 0)
        details = {each["status"]: each for each in [await view.game(each["id"]) for each in opened] if each is not None}
        assert set(details) == {"challenger won", "void"}
        won, void = details["challenger won"], details["void"]
        assert [move["kind"] for move in won["moves"]] == ["open", "timeout"] and won["proof"] is None
        assert [move["kind"] for move in void["moves"]] == ["open", "void"] and void["proof"] is None
        assert won["moves"][-1]["by"] == void["moves"][-1]["by"] == killed["by"]
        assert won["moves"][-1]["transaction"] == void["moves"][-1]["transaction"] == made["killed"]["transaction"]
        assert all(each["mover"] is None and each["forecast"] is None and each["rounds"] == 0 for each in (won, void))
