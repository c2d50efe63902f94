"""Metrics and health of real daemons: every family parses, figures are right, and faults are said."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.e2e.devnet import CHALLENGER, ETHER, SEQUENCER, Devnet, free_ports

Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


async def scrape(port: int) -> tuple[Samples, dict[str, str]]:
    """Samples by name and labels, and the help texts by family."""
    async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{port}/metrics") as response:
        text = await response.text()
    samples: Samples = {}
    families: dict[str, str] = {}
    for family in text_string_to_metric_families(text):
        assert family.name not in families, f"{family.name} twice"
        families[family.name] = family.documentation
        for each in family.samples:
            samples[each.name, tuple(sorted(each.labels.items()))] = each.value
    return samples, families


async def health(port: int) -> tuple[int, dict[str, Any]]:
    async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{port}/healthz") as response:
        return response.status, json.loads(await response.read())


async def test_metrics_and_health_of_every_daemon(tmp_path: Path) -> None:
    ports = dict(zip(("sequencer", "challenger", "node", "l1"), free_ports(4), strict=True))
    settings = {f"{role}.metrics_port": port for role, port in ports.items() if role != "l1"}
    async with (
        Devnet(tmp_path, settings, l1_settings={"metrics_port": ports["l1"]}) as net,
        net.sequencer(), net.challenger(), net.node(),
    ):
        await net.send(net.l2(), net.account(3), to=net.account(4).address, value=1)

        async def asserted() -> bool:
            samples, _ = await scrape(ports["challenger"])
            return samples.get(("verdict_rollup_pending_assertions", (("forecast", "right"),)), 0) >= 1

        await net.until(asserted, "an assertion that the challenger takes for right")
        for role in ("sequencer", "challenger", "node"):

            async def healthy(port: int = ports[role]) -> bool:
                return (await scrape(port))[0]["verdict_healthy", ()] == 1 and (await health(port))[0] == 200

            await net.until(healthy, f"the {role} is fine")
            samples, families = await scrape(ports[role])
            assert all(families.values()), "a metric without a help text"
            assert {labels[0][1] for name, labels in samples if name == "verdict_health_check"} >= {"l1", "derivation", "disk"}
            assert samples["verdict_l1_head_block", ()] > 0 and samples["verdict_rollup_batches", ()] >= 1
            assert samples["verdict_l2_safe_block", ()] >= 1
            assert samples["verdict_l1_requests_total", (("method", "eth_getBlockByNumber"), ("outcome", "ok"))] > 0
            assert samples["process_resident_memory_bytes", ()] > 1 << 20
            built = next(labels for name, labels in samples if name == "verdict_build_info")
            assert dict(built)["role"] == role
        samples, _ = await scrape(ports["sequencer"])
        assert samples["verdict_transactions_total", (("kind", "postBatch"),)] >= 1
        assert samples["verdict_transactions_fees_wei_total", (("kind", "makeAssertion"),)] > 0
        assert samples["verdict_account_locked_wei", ()] >= ETHER
        assert samples["verdict_sequencer_posted_blobs_total", ()] >= 1
        samples, _ = await scrape(ports["l1"])
        assert samples["verdict_l1_head_block", ()] > 0 and (await health(ports["l1"]))[0] == 200

        for index, role in ((SEQUENCER, "sequencer"), (CHALLENGER, "challenger")):
            await net.rpc.request("anvil_setBalance", [net.account(index).address, hex(10**15)])

            async def poor(port: int = ports[role]) -> bool:
                status, said = await health(port)
                return status == 503 and not said["checks"]["funds"]["ok"]

            await net.until(poor, f"the {role} says that it is poor")
            assert "has 0.00" in (await health(ports[role]))[1]["failure"]
        assert (await health(ports["node"]))[0] == 200




@pytest.mark.slow  # the scenario l1-away-for-a-while looks at every daemon's /healthz
async def test_an_l1_that_is_away_is_said_and_then_not_any_more(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    l1_port, beacon_port = free_ports(2)
    fixed = {"port": l1_port, "beacon_port": beacon_port, "data_dir": tmp_path / "l1"}
    async with Devnet(tmp_path, {"node.metrics_port": port}, l1_settings=fixed) as net, net.node():

        async def fine() -> bool:
            return (await health(port))[0] == 200

        await net.until(fine, "the node is fine")
        await net.l1.__aexit__(None, None, None)

        async def said() -> bool:
            status, answer = await health(port)
            return status == 503 and answer["status"] == "failing" and not answer["checks"]["l1"]["ok"]

        await net.until(said, "the node says that L1 is away", timeout=120)
        samples, _ = await scrape(port)  # at once, with what was known
        assert samples["verdict_healthy", ()] == 0 and samples["verdict_l1_head_block", ()] > 0
        await net.l1.__aenter__()
        await net.until(fine, "the node is fine again", timeout=120)
