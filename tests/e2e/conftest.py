"""Fixtures of the end-to-end tests."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.e2e.devnet import Devnet


@pytest.fixture
async def net(tmp_path: Path) -> AsyncIterator[Devnet]:
    """An embedded L1 with the contracts of a rollup (stride 16, arity 2); no daemon runs yet."""
    async with Devnet(tmp_path) as network:
        yield network
