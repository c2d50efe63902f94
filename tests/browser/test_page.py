"""The page in headless Chromium over a view of our making: hostile text, many entries, an L1 and a daemon that go away."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

from rpc.http import HttpServer
from tests.browser.chromium import Chromium, Page
from tests.browser.synthetic import SyntheticView, identifier
from web.pages import Pages

HOSTILE = ("\"'><img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>"
           "<a href=\"javascript:document.title='owned'\">\u202e</a>")


@contextlib.asynccontextmanager
async def served(view: SyntheticView, port: int = 0) -> AsyncIterator[HttpServer]:
    async with Pages(view) as pages, HttpServer(routes=pages.routes(), port=port) as server:
        yield server


def calm(page: Page, url: str) -> None:
    """Nothing went wrong in the browser, and nothing was asked of anybody else."""
    assert not page.complaints
    assert page.requests and all(each.startswith(f"{url}/view/") for each in page.requests)


async def test_text_from_l1_never_becomes_markup(chromium: Chromium) -> None:
    async with served(SyntheticView(8, 4, 4, text=HOSTILE)) as server, chromium.page(f"{server.url}/view/", still=True) as page:
        for fragment, what in (
            ("", "#rules"), (f"#/games/{identifier(3, 1)}", ".card.death"), (f"#/games/{identifier(3, 2)}", ".ghost-card"),
            (f"#/assertions/{identifier(2, 1)}", ".card.death"), ("#/batches/2", "#claims"),
            ("#/games/<img src=x onerror=alert(1)>", "#rules"),
        ):  # fmt: skip
            await page.run(f"location.hash = {fragment!r}")
            await page.until(f"document.querySelector({what!r})")
            assert "onerror" in await page.text()
            assert await page.run("document.querySelectorAll('main img, main script, main iframe, [onerror]').length") == 0
            assert await page.run("[...document.links].every(each => each.protocol === 'http:')")
            assert await page.run("document.title") != "owned"
        calm(page, server.url)


async def test_it_says_since_when_it_is_stale_and_recovers(chromium: Chromium) -> None:
    view = SyntheticView(3, 2, 2)
    async with contextlib.AsyncExitStack() as stack:
        first = await stack.enter_async_context(contextlib.AsyncExitStack())
        server = await first.enter_async_context(served(view))
        page = await stack.enter_async_context(chromium.page(f"{server.url}/view/"))
        await page.until("document.querySelector('.fresh.live')")
        view.away = True
        await page.until("/stale since \\d\\d:\\d\\d:\\d\\d: L1 does not answer/.test(document.querySelector('#fresh').innerText)")
        assert await page.run("document.querySelectorAll('.tile').length") == 3, "what is known stays on the page"
        assert await page.run("document.querySelector('#fresh').getAttribute('aria-live')") == "polite"
        view.away, view.counts, view.block = False, (4, 2, 2), 1_001
        await page.until("document.querySelector('.fresh.live') && document.querySelectorAll('.tile').length == 4")
        port = server.port
        await first.aclose()
        await page.until("document.querySelector('#fresh').innerText.includes('the daemon does not answer')")
        view.counts, view.block = (5, 2, 2), 1_002
        await stack.enter_async_context(served(view, port))
        await page.until("document.querySelector('.fresh.live') && document.querySelectorAll('.tile').length == 5")
        assert not [each for each in page.complaints if "Failed to load resource" not in each]


async def test_hundreds_of_entries_stay_quick_and_the_keyboard_is_enough(chromium: Chromium) -> None:
    view = SyntheticView(400, 400, 400)
    async with served(view) as server, chromium.page(f"{server.url}/view/", width=390, mobile=True) as page:
        await page.until("document.querySelectorAll('.row').length == 10")
        assert "newest 100 of 400" in await page.text("#batches")
        await page.run("document.querySelector('[data-act=all-assertions]').focus()")
        await page.press("Enter", 13)
        await page.until("document.querySelectorAll('.row').length == 100")
        assert await page.run("document.activeElement.dataset.act") == "all-assertions", "drawing anew keeps the focus"
        await page.click("[data-act=all-games]")
        await page.until("document.querySelectorAll('.game').length == 100")
        assert await page.run("document.documentElement.scrollWidth") <= 390
        slowest = await page.run(
            "(async () => { let most = 0; for (let i = 0; i < 5; i++) { const t = performance.now();"
            " dispatchEvent(new Event('resize')); most = Math.max(most, performance.now() - t); await 0; } return most; })()")
        assert slowest < 1_000, f"drawing all of it takes {slowest:.0f} ms"
        await page.run("document.querySelector('.alarm').focus()")
        await page.press("Enter", 13)
        await page.until("document.querySelector('.narrowing .funnel')")
        assert await page.run("document.activeElement.tagName") == "H1", "a screen reader begins with the new title"
        await page.click(".trail a")
        await page.until("document.querySelectorAll('.row').length == 100")
        calm(page, server.url)


async def test_the_funnel_is_the_game(chromium: Chromium) -> None:
    async with served(SyntheticView(3, 2, 2)) as server, chromium.page(f"{server.url}/view/#/games/{identifier(3, 1)}", still=True) as page:
        await page.until("document.querySelector('.card.death')")
        words = await page.run("document.querySelector('.funnel').getAttribute('aria-label')")
        assert words == ("Batch 1, 400 steps; narrowed to steps 160 to 176, then steps 160 to 168, then steps 164 to 168, "
                         "then steps 164 to 166, then step 165")
        widths = await page.run(
            "[...document.querySelectorAll('.funnel .level')].map(l => Math.round([...l.querySelectorAll('rect')]"
            ".reduce((sum, r) => sum + r.width.baseVal.value, 0)))")
        assert len(widths) == 6 and widths == sorted(widths, reverse=True) and len(set(widths)) == 6, "each is narrower"
        assert [each async for each in _texts(page, ".moves td strong")] == [
            "open", "split", "pick", "split", "pick", "split", "pick", "split", "pick", "prove"]
        execute = await page.text(".card.execute")
        for part in ("3,100 bytes", "9,800 bytes", "1,120,000", "102,000 wei", "≠"):
            assert part in execute
        assert "0.25 ETH" in await page.text(".card.death") and "0.75 ETH" in await page.text(".card.death")
        calm(page, server.url)


async def test_an_empty_rollup_says_what_is_to_come(chromium: Chromium) -> None:
    view = SyntheticView()
    view.away = True
    async with served(view) as server, chromium.page(f"{server.url}/view/") as page:
        await page.until("document.body.innerText.includes('L1 does not answer')")
        view.away = False
        await page.until("document.querySelector('#rules')")
        for part in ("No batch is on L1 yet", "Nothing is asserted yet", "Nobody disputes anything"):
            assert part in await page.text()
        for fragment, part in (("#/batches/7", "no such batch"), (f"#/games/{identifier(3, 9)}", "L1 knows of no dispute")):
            await page.run(f"location.hash = {fragment!r}")
            await page.until(f"document.body.innerText.includes({part!r})")


async def _texts(page: Page, selector: str) -> AsyncIterator[str]:
    for each in await page.run(f"[...document.querySelectorAll({selector!r})].map(each => each.textContent)"):
        yield each
