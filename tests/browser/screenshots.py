"""The pictures of docs/web.md, and a few more, of real daemons on a real devnet.

    python -m tests.browser.screenshots DIRECTORY [--docs]     # --docs: only those of docs/web.md
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

from challenger.service import ChallengerService
from l1.events import AssertionStatus
from tests.adversarial.arena import arena
from tests.adversarial.kit.arena import TRANSFERS, derive, transact
from tests.adversarial.kit.lies import LIES, truth_of
from tests.browser.chromium import Chromium
from tests.e2e.devnet import Devnet
from verdict.logging import configure_logging

BATCHES = 5
SHAPES = tuple((scheme, width) for width in (1280, 390) for scheme in ("dark", "light"))
DOCUMENTED = {
    "overview-1280-dark", "dispute-open-1280-light", "dispute-over-1280-dark", "dispute-over-390-light", "step-proof-1280-light"}


class Photographer:
    """`only`: names of the pictures wanted; None: all."""

    def __init__(self, browser: Chromium, directory: Path, only: set[str] | None) -> None:
        self._browser = browser
        self._directory = directory
        self._only = only

    async def take(self, name: str, url: str, selector: str) -> None:
        """Pictures of that page once it has such an element, in every width and scheme."""
        for scheme, width in SHAPES:
            full = f"{name}-{width}-{scheme}"
            if self._only is not None and full not in self._only:
                continue
            async with self._browser.page(url, width=width, scheme=scheme, mobile=width < 500, still=True) as page:
                await page.until(f"document.querySelector({selector!r}) && document.querySelector('.fresh.live')", timeout=120)
                await page.screenshot(self._directory / f"{full}.png")
                if page.complaints:
                    print(f"{full}: {page.complaints}")


async def take_all(directory: Path, only: set[str] | None) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    async with Chromium() as browser:
        photographer = Photographer(browser, directory, only)
        async with _scratch() as place, Devnet(place) as net, net.sequencer():
            await photographer.take("empty", _page(net), "#rules")
        await _disputes(photographer)
        await _step_proof(photographer)


async def _disputes(photographer: Photographer) -> None:
    """One dispute is over and its batch confirmed; in another one, about a later batch, the liar has fallen silent."""
    async with _scratch() as place, arena(place, 16, 2) as scene, ChallengerService(scene.net.config) as challenger:
        lie = await scene.node.in_thread(LIES["miscounts in a contract call"], scene.truth)
        async with scene.party(lie) as first:
            await scene.until_status(await scene.assertion_of(first.address), AssertionStatus.KILLED, 240)
        await scene.confirm_honest()
        for index in range(1, BATCHES):
            await transact(scene.net, index * TRANSFERS)
            await derive(scene.node, index)
        *before, target = [await truth_of(scene.node, index) for index in range(1, BATCHES - 1)]
        honest = [each.claims(each.commitments, each.states[-1]) for each in before]
        lie = await scene.node.in_thread(LIES["steals in a transaction"], target)
        async with scene.party(*honest, lie) as second:
            await scene.assertion_of(second.address)

            async def narrowed() -> str | None:
                return next((each["id"] for each in await challenger.view.games(only_open=True) if each["rounds"] >= 4), None)

            unfinished = await scene.net.until(narrowed, "two rounds are over", timeout=120)
            await second.silence()
            over = next(each["id"] for each in await challenger.view.games() if each["status"] != "open")
            page = _page(scene.net)
            await photographer.take("overview", page, "#disputes .game + .game")
            await photographer.take("dispute-open", f"{page}#/games/{unfinished}", ".ghost-card")
            await photographer.take("dispute-over", f"{page}#/games/{over}", ".card.death")
            await photographer.take("batch", f"{page}#/batches/{BATCHES - 2}", "#claims li")


async def _step_proof(photographer: Photographer) -> None:
    async with _scratch() as place, arena(place, 1, 2) as scene, ChallengerService(scene.net.config):
        lie = await scene.node.in_thread(LIES["steals in a transaction"], scene.truth)
        async with scene.party(lie) as liar:
            wrong = await scene.assertion_of(liar.address)
            await scene.until_status(wrong, AssertionStatus.KILLED, 240)
        await photographer.take("step-proof", f"{_page(scene.net)}#/assertions/0x{wrong.hex()}", ".card.death")


def _page(net: Devnet) -> str:
    return f"http://127.0.0.1:{net.config.sequencer.port}/view/"


@contextlib.asynccontextmanager
async def _scratch() -> AsyncIterator[Path]:
    with tempfile.TemporaryDirectory(prefix="verdict-screenshots-") as directory:
        yield Path(directory)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("directory", type=Path)
    arguments.add_argument("--docs", action="store_true", help="only the pictures of docs/web.md")
    chosen = arguments.parse_args()
    configure_logging("console", "error")
    asyncio.run(take_all(chosen.directory, DOCUMENTED if chosen.docs else None))


if __name__ == "__main__":
    main()
