"""The page of real daemons on a real devnet while a lie is disputed: as it narrows, the call of EXECUTE, the kill."""

from __future__ import annotations

from pathlib import Path

import pytest

from challenger.service import ChallengerService
from l1.events import AssertionStatus
from tests.adversarial.arena import arena
from tests.adversarial.kit.lies import LIES
from tests.adversarial.kit.wire_faults import Dropped
from tests.browser.chromium import Chromium, Page
from tests.browser.test_page import calm
from tests.e2e.devnet import free_ports

pytestmark = pytest.mark.slow


async def test_a_dispute_is_drawn_as_it_narrows(chromium: Chromium, tmp_path: Path) -> None:
    async with arena(tmp_path, 16, 2) as scene, scene.net.faulty_l1() as l1:
        ours = f"http://127.0.0.1:{scene.net.config.sequencer.port}"
        (port,) = free_ports(1)
        config = scene.net.behind(l1, {"challenger.port": port})
        lie = await scene.node.in_thread(LIES["steals in a transaction"], scene.truth)
        async with scene.party(lie) as liar, chromium.page(f"{ours}/view/") as page:
            wrong = await scene.assertion_of(liar.address)
            await page.until("document.querySelectorAll('.row').length == 2 && document.querySelector('#assertions .chip.wrong')")
            assert await page.run("document.querySelectorAll('.tile').length") == 1
            tile = await page.text(".tile")
            assert "↓2" in tile and "3" in tile and "asserted" in tile, "two deposits, three forced"
            assert "looks right" in await page.text("#assertions") and "looks wrong" in await page.text("#assertions")
            assert "Nobody disputes anything" in await page.text("#disputes")
            async with ChallengerService(config) as challenger:
                await page.until("document.querySelector('.alarm')", timeout=120)
                await page.click(".alarm")
                levels: set[int] = set()

                async def over() -> bool:
                    levels.add(await page.run("document.querySelectorAll('.funnel .level').length"))
                    return bool(await page.run("document.querySelector('.card.death') !== null"))

                await scene.net.until(over, "the page shows the kill", timeout=180)
                assert len(levels - {0}) >= 3, f"it was seen narrowing: {levels}"
                assert await scene.status(wrong) is AssertionStatus.KILLED
                [game] = (await challenger.view.overview())["games"]
                found = await challenger.view.game(game["id"])
                assert found is not None and found["proof"] is not None
                proof = found["proof"]
                step, execute, death = [await page.text(f".card.{each}") for each in ("step", "execute", "death")]
                assert "One L2 transaction" in step and f"step {proof['step']} of batch 0" in step
                assert str(proof["l2_transaction"])[:8] in step and "chunk" in step
                for shown in (proof["claimed"], proof["proved"], f"{proof['l1_gas']:,}", f"{proof['calldata_bytes']:,} bytes",
                              f"{proof['witness_bytes']:,} bytes"):
                    assert str(shown) in execute
                assert "EXECUTE says that its step ends elsewhere" in death and "burned" in death and "challenger" in death
                assert await page.run("document.querySelectorAll('.moves tbody tr').length") == len(found["moves"]) == 10
                calm(page, ours)

                async with chromium.page(f"http://127.0.0.1:{port}/view/#/games/{game['id']}") as theirs:
                    await theirs.until("document.querySelector('.fresh.live') && document.querySelector('.card.death')")
                    assert "served by a challenger" in await theirs.text("#daemon")
                    l1.suffer(Dropped())
                    await theirs.until("/stale since .*L1/.test(document.querySelector('#fresh').innerText)", timeout=90)
                    assert await theirs.run("document.querySelector('.card.death') !== null"), "what was known stays"
                    l1.heal()
                    await theirs.until("document.querySelector('.fresh.live')", timeout=120)
                    assert all(each.startswith(f"http://127.0.0.1:{port}/view/") for each in theirs.requests)


async def test_a_step_is_proved_without_a_game(chromium: Chromium, tmp_path: Path) -> None:
    async with arena(tmp_path, 1, 2) as scene, ChallengerService(scene.net.config) as challenger:
        ours = f"http://127.0.0.1:{scene.net.config.sequencer.port}"
        lie = await scene.node.in_thread(LIES["block start"], scene.truth)
        async with scene.party(lie) as liar, chromium.page(f"{ours}/view/", width=390, mobile=True, scheme="light") as page:
            assert "after every step: no games" in await _text_when(page, "#rules")
            wrong = await scene.assertion_of(liar.address)
            await scene.until_status(wrong, AssertionStatus.KILLED, 240)
            assert not (await challenger.view.overview())["games"]
            await page.until("document.querySelector('#disputes .game')")
            assert "without a game" in await page.text("#disputes")
            await page.click("#disputes .game")
            await page.until("document.querySelector('.narrowing .funnel') && document.querySelector('.card.death')")
            assert await page.run("location.hash") == f"#/assertions/0x{wrong.hex()}"
            assert await page.run("document.querySelectorAll('.funnel .level').length") == 2
            assert "The start of an L2 block" in await page.text(".card.step")
            assert await page.run("document.documentElement.scrollWidth") <= 390
            calm(page, ours)


async def _text_when(page: Page, selector: str) -> str:
    await page.until(f"document.querySelector({selector!r})")
    return await page.text(selector)
