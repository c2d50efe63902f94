"""A headless Chromium, driven over the DevTools protocol: no other dependency than aiohttp.

    async with Chromium() as browser, browser.page(url) as page:
        await page.until("document.querySelector('h1')")
        await page.screenshot(file)
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import aiohttp

NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
FLAGS = (
    "--headless", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-default-apps", "--disable-extensions", "--mute-audio",
    "--hide-scrollbars", "--force-color-profile=srgb", "--disable-dev-shm-usage", "--remote-debugging-port=0",
)  # fmt: skip
START = 60.0  # seconds; the first start on a busy machine is slow
ANSWER = 60.0


class ChromiumFailed(Exception):
    """It did not start, or did not do what it was asked."""


def find_chromium() -> str | None:
    """VERDICT_CHROMIUM, or what is installed."""
    return os.environ.get("VERDICT_CHROMIUM") or next((found for name in NAMES if (found := shutil.which(name))), None)


class Chromium:
    """One process with a profile of its own."""

    def __init__(self) -> None:
        self._answers: dict[int, asyncio.Future[Any]] = {}
        self._sessions: dict[str, Page] = {}
        self._asked = 0

    async def __aenter__(self) -> Self:
        program = find_chromium()
        if program is None:
            raise ChromiumFailed("no Chromium here: apt-get install chromium, or set VERDICT_CHROMIUM")
        async with contextlib.AsyncExitStack() as stack:
            profile = stack.enter_context(tempfile.TemporaryDirectory(prefix="verdict-chromium-", ignore_cleanup_errors=True))
            self._process = _start(program, profile)
            stack.callback(self._end)
            port, path = await self._address(Path(profile) / "DevToolsActivePort")
            http = await stack.enter_async_context(aiohttp.ClientSession())
            self._socket = await http.ws_connect(f"ws://127.0.0.1:{port}{path}", max_msg_size=0)
            stack.push_async_callback(self._socket.close)
            reader = asyncio.create_task(self._read())
            stack.push_async_callback(_ended, reader)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(self, *_exc: object) -> None:
        await self._stack.aclose()

    def _end(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)  # a session of its own: its renderers, too
        self._process.wait()

    async def _address(self, file: Path) -> tuple[str, str]:
        deadline = time.monotonic() + START
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                raise ChromiumFailed(f"Chromium ended at once, with exit code {self._process.returncode}")
            with contextlib.suppress(OSError, ValueError):
                port, path = file.read_text().split()
                return port, path
            await asyncio.sleep(0.05)
        raise ChromiumFailed(f"Chromium did not start within {START:.0f} s")

    async def _read(self) -> None:
        async for message in self._socket:
            told = json.loads(message.data)
            if (answer := self._answers.pop(told.get("id", 0), None)) is not None:
                if not answer.done():
                    answer.set_result(told)
            elif (page := self._sessions.get(told.get("sessionId", ""))) is not None:
                page.told(told["method"], told["params"])

    async def ask(self, method: str, session: str | None = None, **params: Any) -> Any:
        self._asked += 1
        answer = self._answers[self._asked] = asyncio.get_running_loop().create_future()
        message: dict[str, Any] = {"id": self._asked, "method": method, "params": params}
        if session is not None:
            message["sessionId"] = session
        await self._socket.send_json(message)
        async with asyncio.timeout(ANSWER):
            told = await answer
        if "error" in told:
            raise ChromiumFailed(f"{method}: {told['error']['message']}")
        return told["result"]

    @contextlib.asynccontextmanager
    async def page(self, url: str, *, width: int = 1280, height: int = 900, scheme: str = "dark", mobile: bool = False,
                   still: bool = False) -> AsyncIterator[Page]:
        """A tab of its own. `scheme`: prefers-color-scheme; `still`: prefers-reduced-motion."""
        context = (await self.ask("Target.createBrowserContext"))["browserContextId"]
        target = (await self.ask("Target.createTarget", url="about:blank", browserContextId=context))["targetId"]
        session = (await self.ask("Target.attachToTarget", targetId=target, flatten=True))["sessionId"]
        page = self._sessions[session] = Page(self, session)
        try:
            for domain in ("Page", "Runtime", "Log", "Network"):
                await page.ask(f"{domain}.enable")
            await page.ask("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=mobile)
            await page.ask("Emulation.setEmulatedMedia", features=[
                {"name": "prefers-color-scheme", "value": scheme},
                {"name": "prefers-reduced-motion", "value": "reduce" if still else "no-preference"}])
            await page.ask("Page.navigate", url=url)
            yield page
        finally:
            del self._sessions[session]
            await self.ask("Target.disposeBrowserContext", browserContextId=context)


@dataclass
class Page:
    """`complaints`: errors, warnings and CSP violations of its console. `requests`: every URL it asked for."""

    browser: Chromium
    session: str
    complaints: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    async def ask(self, method: str, **params: Any) -> Any:
        return await self.browser.ask(method, self.session, **params)

    def told(self, method: str, params: dict[str, Any]) -> None:
        match method:
            case "Runtime.exceptionThrown":
                details = params["exceptionDetails"]
                self.complaints.append(details.get("exception", {}).get("description") or details["text"])
            case "Runtime.consoleAPICalled" if params["type"] in ("error", "warning", "assert"):
                self.complaints.append(" ".join(str(each.get("value", each.get("description"))) for each in params["args"]))
            case "Log.entryAdded" if params["entry"]["level"] in ("error", "warning"):
                entry = params["entry"]
                self.complaints.append(f"{entry['source']}: {entry['text']} {entry.get('url', '')}".strip())
            case "Network.requestWillBeSent":
                self.requests.append(params["request"]["url"])

    async def run(self, script: str) -> Any:
        """The value of an expression, awaited if it is a promise."""
        told = await self.ask("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in told:
            raise ChromiumFailed(f"{script}: {told['exceptionDetails'].get('exception', {}).get('description')}")
        return told["result"].get("value")

    async def until(self, script: str, timeout: float = 60) -> None:
        """Waits until the expression is true; one that fails is not, yet."""
        deadline = time.monotonic() + timeout
        while not await self.run(f"(() => {{ try {{ return Boolean({script}); }} catch {{ return false; }} }})()"):
            if time.monotonic() > deadline:
                raise AssertionError(f"not within {timeout:.0f} s: {script}\n{await self.text()}\n{self.complaints}")
            await asyncio.sleep(0.1)

    async def text(self, selector: str = "body") -> str:
        """What a reader sees there; empty if there is no such element."""
        return str(await self.run(f"document.querySelector({json.dumps(selector)})?.innerText ?? ''"))

    async def click(self, selector: str) -> None:
        await self.until(f"document.querySelector({json.dumps(selector)})")
        await self.run(f"document.querySelector({json.dumps(selector)}).click()")

    async def press(self, key: str, code: int) -> None:
        for kind in ("keyDown", "keyUp"):
            text = "\r" if key == "Enter" and kind == "keyDown" else ""
            await self.ask("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code, text=text)

    async def screenshot(self, file: Path, *, whole: bool = True) -> None:
        """PNG; `whole`: also what is below the fold."""
        size = (await self.ask("Page.getLayoutMetrics"))["cssContentSize"]
        clip = {"x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1}
        told = await self.ask("Page.captureScreenshot", format="png", captureBeyondViewport=whole, **({"clip": clip} if whole else {}))
        await asyncio.to_thread(file.write_bytes, base64.b64decode(told["data"]))


def _start(program: str, profile: str) -> subprocess.Popen[bytes]:
    sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
    dying_with_us = ["setpriv", "--pdeathsig", "KILL"] if shutil.which("setpriv") else []  # also where we are killed
    return subprocess.Popen([*dying_with_us, program, *FLAGS, *sandbox, f"--user-data-dir={profile}", "about:blank"], stdout=subprocess.DEVNULL,
                            stderr=subprocess.DEVNULL, start_new_session=True)


async def _ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
