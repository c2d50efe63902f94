"""Fixtures: an embedded L1 with automine and no timer, and clients that reach it over sockets."""

from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
import pytest
from web3 import AsyncHTTPProvider, AsyncWeb3

from l1.embedded.service import EmbeddedL1
from tests.e2e.l1.chain import ON_DEMAND, Beacon


@pytest.fixture
async def l1() -> AsyncIterator[EmbeddedL1]:
    async with EmbeddedL1(ON_DEMAND) as running:
        yield running


@pytest.fixture
async def w3(l1: EmbeddedL1) -> AsyncIterator[AsyncWeb3]:
    client = AsyncWeb3(AsyncHTTPProvider(l1.rpc_url))
    yield client
    await client.provider.disconnect()


@pytest.fixture
async def beacon(l1: EmbeddedL1) -> AsyncIterator[Beacon]:
    async with aiohttp.ClientSession() as session:
        yield Beacon(session, l1.beacon_url)
