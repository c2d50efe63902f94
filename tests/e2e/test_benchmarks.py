"""The benchmarks that run whole networks still run, and yield figures. Their size is not looked at."""

from __future__ import annotations

import pytest

from benchmarks import disputes
from benchmarks.load import memory, run
from benchmarks.load.subjects import NotInstalled, find_anvil

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


async def test_load(capsys: pytest.CaptureFixture[str]) -> None:
    given = ["--wallets", "4", "--seconds", "0.5", "--runs", "1", "--kinds", "mix", "--rate", "8", "--paced", "1", "--most", "400"]
    try:
        find_anvil(None)
        nodes = ["verdict", "anvil"]
    except NotInstalled:
        nodes = ["verdict"]
    figures = await run.main(run.arguments([*given, "--nodes", *nodes]))
    assert [each.name.lower() for each in figures] == nodes
    ours = figures[0]
    assert all(rate > 0 for runs in ours.sends.values() for each in runs for rate in each.rates.values())
    assert list(ours.sends["mix", 1][0].rates) == ["accepted", "executed", "posted", "derived"]
    assert ours.paced is not None and len(ours.paced.to_safe) == len(ours.to_receipt) == 8 and not ours.paced.refused
    assert all(rate > 0 for rate in ours.reads.values()) and len(ours.reads) == 5
    assert "| Verdict | one | derived |" in capsys.readouterr().out


async def test_disputes(capsys: pytest.CaptureFixture[str]) -> None:
    at_once, game = await disputes.main(disputes.arguments(["--transfers", "8", "--strides", "1", "16", "--arities", "4"]))
    assert [call.name for call in at_once.calls] == ["makeAssertion", "proveStep"]
    assert [call.name for call in game.calls] == ["makeAssertion", "openGame", "split", "pick", "split", "pick", "proveStepInGame"]
    assert all(call.gas > 21_000 for call in [*at_once.calls, *game.calls])
    assert "| 16 | 4 | 10 | 2 | 4 |" in capsys.readouterr().out


async def test_memory(capsys: pytest.CaptureFixture[str]) -> None:
    samples = await memory.main(memory.arguments(["--blocks", "24", "--transactions", "1"]))
    assert samples[-1]["block"] >= 24 and all(sample["node"] > 10_000 for sample in samples)
    assert "| L2 blocks | sequencer | node | challenger |" in capsys.readouterr().out
