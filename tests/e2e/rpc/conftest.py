from __future__ import annotations

import pytest
from web3 import AsyncHTTPProvider, AsyncWeb3

from rpc.limits import EthLimits, ServerLimits
from rpc.node import build_dispatcher
from rpc.server import RpcServer
from tests.e2e.rpc.memory_chain import MemoryChain

ETH_LIMITS = EthLimits(max_log_range=100, max_logs=50, call_gas_cap=50_000_000)


@pytest.fixture
def chain() -> MemoryChain:
    return MemoryChain(automine=True)


@pytest.fixture
async def server(chain):
    limits = ServerLimits(call_timeout=5, shutdown_timeout=1)
    async with RpcServer(build_dispatcher(chain, limits=limits, eth_limits=ETH_LIMITS)) as running:
        yield running


@pytest.fixture
async def w3(server):
    connected = AsyncWeb3(AsyncHTTPProvider(server.url))
    yield connected
    await connected.provider.disconnect()


@pytest.fixture
def rpc(w3):
    """One call: its result, or its error object."""

    async def call(method: str, *params):
        answer = await w3.provider.make_request(method, list(params))
        return answer["error"] if "error" in answer else answer["result"]

    return call
