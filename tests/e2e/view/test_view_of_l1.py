"""On a real L1: the commands, a view that follows reorgs, `verdict watch` while L1 is away."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tomli_w

from l1.client import L1Client, RetryPolicy
from tests.e2e.devnet import SEQUENCER, base_configuration
from tests.e2e.money.ground import Direct, Ground, ground
from tests.e2e.view.terminal import command
from verdict.keys import test_account as mnemonic_account
from verdict.viewing.lines import name
from verdict.viewing.source import L2Heads, Sight
from verdict.viewing.watch import Watch
from view.rollup_view import RollupView

CHUNK = bytes(2032)
ACCOUNT = mnemonic_account(SEQUENCER)


def told(overview: Any) -> Any:
    """All but what a view counts for itself."""
    return {**overview, "l1": {**overview["l1"], "reorgs": 0, "last_reorg_depth": 0}}


async def test_the_commands_on_an_l1_with_one_batch(tmp_path: Path) -> None:
    async with ground(tmp_path) as here, here.rollup() as play:
        tree = base_configuration()
        tree["l1"] |= {"rpc_url": here.l1.rpc_url, "beacon_url": here.l1.beacon_url}
        toml = tmp_path / "user.toml"
        toml.write_text(tomli_w.dumps({**tree, "data_dir": str(here.config.data_dir)}))
        record = await play.post(ACCOUNT, CHUNK)
        status, trace = await asyncio.gather(
            command(toml, "status", "--json"), command(toml, "trace", "--batch", "0", "--step", "0", "--json"))
        assert (status[0], trace[0]) == (0, 0), (status[2], trace[2])
        found, step = json.loads(status[1]), json.loads(trace[1])
        assert found["batch_count"] == 1 and found["batches"][0]["hash"] == "0x" + record.hash.hex()
        assert found["l2_url"] is None and found["derived_batches"] is None, "no daemon runs, or ever ran"
        assert found["confirmed"]["batches"] == 0 and int(found["money"]["rollup_balance"]) == 0
        assert step["kind"] == "block start" and step["source"] == "derived from L1 here" and step["execute"]["result"] is True
        assert [step[name]["commitment"] for name in ("before", "after")] == [
            "0x" + record.commitment(at).hex() for at in (0, 1)]
        assert "deriving them from L1" in trace[2]


async def test_it_follows_reorgs_also_ones_deeper_than_its_window(tmp_path: Path) -> None:
    async with ground(tmp_path) as here, here.rollup() as play:
        view = RollupView(here.rpc, here.config, here.deployment, truth=play.node.derived, window=8)

        async def same(batches: int, reorgs: int) -> Any:
            found = await view.overview()
            fresh = await RollupView(here.rpc, here.config, here.deployment, truth=play.node.derived).overview()
            assert told(found) == told(fresh)
            assert (found["batch_count"], len(found["batches"]), found["l1"]["reorgs"]) == (batches, batches, reorgs)
            return found

        await same(0, 0)
        await play.post(ACCOUNT, CHUNK)
        before = await same(1, 0)
        assert before["batches"][0]["data"] == "calldata" and before["batches"][0]["chunks"] == 1
        snapshot = await here.rpc.request("evm_snapshot")
        await play.post(ACCOUNT, b"")
        assert (await same(2, 0))["batches"][0]["chunks"] == 0
        await here.rpc.request("evm_revert", [snapshot])
        await here.rpc.request("anvil_mine", ["0x2"])
        shallow = await same(1, 1)
        assert shallow["l1"]["last_reorg_depth"] == 1
        snapshot = await here.rpc.request("evm_snapshot")
        play.nonces.clear()
        await play.post(ACCOUNT, CHUNK)
        await here.rpc.request("anvil_mine", ["0x14"])
        await same(2, 1)
        await here.rpc.request("evm_revert", [snapshot])
        await here.rpc.request("anvil_mine", ["0x20"])
        await same(1, 2)
        await l1_goes_away(here)


class Flaky(Direct):
    """A node that sometimes isn't there."""

    away = False

    async def make_request(self, method: str, params: Any) -> Mapping[str, Any]:
        if self.away:
            raise ConnectionRefusedError("nobody there")
        return await super().make_request(method, params)


async def l1_goes_away(here: Ground) -> None:
    """`verdict watch` says so, keeps what it knew, and goes on when L1 is back."""
    node = Flaky(here.rpc._transports[0]._dispatcher)  # type: ignore[attr-defined]
    l1 = L1Client(transports=[node], retry=RetryPolicy(tries=1))
    heads = L2Heads(here.config)
    seen = Sight(here.config, here.deployment, l1, heads, [], RollupView(l1, here.config, here.deployment))
    watching = Watch(seen, past=10)
    assert [name(told) for told in await watching.look()] == ["AssertionConfirmed", "BatchPosted"]
    node.away = True
    assert await watching.look() == [] and "nobody there" in watching.problem
    assert watching.found is not None and watching.found["batch_count"] == 1
    node.away = False
    assert await watching.look() == [] and watching.problem == ""
    await heads.refresh()
    assert heads.now == {} and heads.url == "", "no L2 node runs"
