"""Tests in a real browser: skipped where there is none."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.browser.chromium import Chromium, find_chromium
from verdict.logging import configure_logging


@pytest.fixture(autouse=True)
def _logs() -> None:
    configure_logging("console", "error")


@pytest.fixture
async def chromium() -> AsyncIterator[Chromium]:
    if find_chromium() is None:
        pytest.skip("no Chromium on this machine (apt-get install chromium, or set VERDICT_CHROMIUM)")
    async with Chromium() as browser:
        yield browser
