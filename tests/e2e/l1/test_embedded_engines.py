"""EXECUTE on chain by several engines, over JSON-RPC: what a wrong, a slow and a dead one can do to it."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import aiohttp
import pytest
from web3 import AsyncHTTPProvider, AsyncWeb3

from engines.registry import ENGINES, EngineUnavailable
from l1.embedded.service import EmbeddedL1
from tests.e2e.l1.chain import ON_DEMAND, rpc_error, send
from tests.e2e.l1.test_embedded_execute import AT, FALSE, FEE, PARAMS, TRUE, asked, gas_left, word
from tests.e2e.test_cli_l1 import free_port
from tests.unit.engines.cast import actor, is_alive, until
from verdict.execute_lines import parse_line


@pytest.fixture(autouse=True)
def actors(monkeypatch: pytest.MonkeyPatch) -> None:
    """Engines that can be configured by these names."""
    for name, part in (("gullible", "yes"), ("dying", "crash"), ("slow", "slow"), ("absent", "stillborn")):
        monkeypatch.setitem(ENGINES, name, actor(name, part))


@contextlib.asynccontextmanager
async def running(
    directory: Path, *engines: str, threshold: int = 2, time_limit: float = 20, metrics_port: int = 0
) -> AsyncIterator[tuple[EmbeddedL1, AsyncWeb3]]:
    """An L1 with these engines, whose alarms go to `directory`. All processes are gone at the end."""
    execute = replace(PARAMS, engines=engines, threshold=threshold, time_limit=time_limit)
    settings = replace(ON_DEMAND, execute=execute, alarm_dir=directory, metrics_port=metrics_port)
    async with EmbeddedL1(settings) as l1:
        w3 = AsyncWeb3(AsyncHTTPProvider(l1.rpc_url))
        yield l1, w3
        pids = l1.node.rules.precompiles[bytes.fromhex(AT[2:])]._judge.__self__.panel.pids
        await w3.provider.disconnect()
    assert pids and not any(map(is_alive, pids))


async def test_clients_that_disagree_revert_the_call_and_its_value_comes_back(tmp_path: Path) -> None:
    async with running(tmp_path, "py-evm", "gullible") as (l1, w3):
        sender = l1.accounts[0]
        call = {"from": sender.address, "to": AT, "data": "0x" + FALSE.hex(), "value": hex(FEE)}
        assert "EXECUTE: clients disagree" in (await rpc_error(w3, "eth_call", call, "latest"))["message"]
        before = await w3.eth.get_balance(sender.address)
        receipt = await send(w3, sender, to=AT, data=FALSE, value=FEE)
        assert receipt.status == 0
        assert before - await w3.eth.get_balance(sender.address) == receipt.gasUsed * receipt.effectiveGasPrice
        assert await w3.eth.get_balance(AT) == 0
        assert await gas_left(w3) == PARAMS.cumulative_gas_limit  # nothing was bought
        # A question on which they agree is answered as ever.
        assert await asked(w3, l1, AT, TRUE, FEE) == word(1)
        assert (await send(w3, sender, to=AT, data=TRUE, value=FEE)).status == 1
        assert await w3.eth.get_balance(AT) == FEE
        until(lambda: list(tmp_path.glob("*.json")))
    [kept] = tmp_path.glob("*-dissent-*.json")
    line = kept.read_bytes().strip()
    assert parse_line(line).gas_used == FEE // PARAMS.min_gas_price
    assert {name: vote["result"] for name, vote in json.loads(line)["votes"].items()} == {"py-evm": False, "gullible": True}


@pytest.mark.parametrize(
    ("others", "time_limit"), [(("dying",), 20), (("absent",), 20), (("eels", "gullible"), 20), (("slow",), 5)]
)
async def test_the_answer_is_right_and_the_chain_goes_on(
    tmp_path: Path, others: tuple[str, ...], time_limit: float
) -> None:
    async with running(tmp_path, "py-evm", *others, time_limit=time_limit) as (l1, w3):
        receipt = await send(w3, l1.accounts[0], to=AT, data=FALSE, value=FEE)
        assert receipt.status == 1 and await w3.eth.get_balance(AT) == FEE
        assert await asked(w3, l1, AT, FALSE, FEE * 2) == word(0)
        if others != ("slow",):
            assert await asked(w3, l1, AT, TRUE, FEE * 2) == word(1)
        until(lambda: list(tmp_path.glob("*.json")))


async def test_an_engine_that_is_not_there_is_said_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(EngineUnavailable, match="no engine geth"):
        async with running(tmp_path, "py-evm", "geth"):
            pass


async def test_prometheus_can_read_the_alarms(tmp_path: Path) -> None:
    port = free_port()
    async with running(tmp_path, "py-evm", "dying", metrics_port=port) as (l1, w3), aiohttp.ClientSession() as http:
        assert await asked(w3, l1, AT, TRUE, FEE) == word(1)
        until(lambda: list(tmp_path.glob("*.json")))
        wanted = 'verdict_execute_alarms_total{engine="dying",kind="lost"} '
        async with asyncio.timeout(30):
            while True:  # the file is there a moment before the count
                async with http.get(f"http://127.0.0.1:{port}/metrics") as answer:
                    lines = (await answer.text()).splitlines()
                if any(line.startswith(wanted) and float(line.removeprefix(wanted)) >= 1 for line in lines):
                    break
        assert any(line.startswith('verdict_execute_verdicts_total{result="true"} ') for line in lines)
