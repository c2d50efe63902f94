"""Quiet logs: these tests run a dozen daemons; what they say is shown when one fails."""

from __future__ import annotations

import pytest

from verdict.logging import configure_logging


@pytest.fixture(autouse=True)
def _logs() -> None:
    configure_logging("console", "info")
