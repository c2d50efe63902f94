"""The load benchmark: its figures, its client, and that every node is sent the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from benchmarks.disputes import Call, Dispute, computed, row
from benchmarks.load.ceiling import ceiling
from benchmarks.load.figures import milliseconds, of_run, percentile, table
from benchmarks.load.run import client
from benchmarks.load.watch import Fate
from benchmarks.load.workload import CHAIN_ID, KINDS, TOKEN, Phase, setup
from execution.transactions import decode_transaction


def result(**changes: Any) -> dict[str, Any]:
    """Three transactions, taken after 0.1, 0.2 and 0.5 s; two are in block 7, seen after a second, one in block 8."""
    return {"began": 100.0, "sent": [["a", 100.0, 0.1], ["b", 100.1, 0.1], ["c", 100.4, 0.1]], "refused": {},
            "blocks": {"7": ["h7", 101.0, ["a", "b"]], "8": ["h8", 102.0, ["c"]]}, **changes}


def test_rates_last_until_the_last_transaction() -> None:
    run = of_run(result(), Fate(derived={7: 104.0, 8: 106.0}, safe={7: 103.0, 8: 105.0}, posted={7: 102.0, 8: 103.0}))
    assert {stage: round(rate, 3) for stage, rate in run.rates.items()} == {
        "accepted": 6.0, "executed": 1.5, "posted": 1.0, "derived": 0.5}
    assert [round(each, 3) for each in run.to_block] == [1.0, 0.9, 1.6]
    assert [round(each, 3) for each in run.to_safe] == [3.0, 2.9, 4.6]
    assert "posted" not in of_run(result(), None).rates


def test_a_lost_transaction_is_an_error() -> None:
    with pytest.raises(ValueError, match="1 of 3"):
        of_run(result(blocks={"7": ["h7", 101.0, ["a", "b"]]}), None)


def test_percentiles_and_tables() -> None:
    assert percentile(range(1, 101), 0.99) == 99 and percentile([5.0], 0.5) == 5.0
    assert milliseconds([0.001, 0.002, 1.5]) == "2.0, 1,500" and milliseconds([]) == "–"
    assert table(["a", "b"], [["1", "2"]]) == "| a | b |\n|---|---|\n| 1 | 2 |"


@pytest.mark.parametrize("kind", KINDS)
def test_transactions_are_the_same_each_time_and_in_order(kind: str) -> None:
    phase = Phase(kind, 1, 30, 3, 4)
    lists = phase.sign()
    assert lists == phase.sign()
    for wallet, raws in zip(phase.senders, lists, strict=True):
        decoded = [decode_transaction(raw) for raw in raws]
        assert [tx.nonce for tx in decoded] == [0, 1, 2, 3] and {tx.sender for tx in decoded} == {wallet.address}
        assert {tx.chain_id for tx in decoded} == {CHAIN_ID}
        to_token = {"ETH": 0, "ERC-20": 4, "mix": 2}[kind]
        assert sum(tx.to == TOKEN for tx in decoded) == to_token
    handed_out = len(list(setup([phase]))) - 1
    assert handed_out == (0 if kind == "ETH" else 3)


@pytest.mark.parametrize("batch", [1, 5])
async def test_the_client_sends_everything_once(tmp_path: Path, batch: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Against the server that answers at once; it stops when all is sent."""
    monkeypatch.setattr("benchmarks.load.ceiling.SECONDS", 60.0)
    file = tmp_path / "signed.txt"
    Phase("ETH", batch, 0, 4, 10).write(file)
    seen: list[dict[str, Any]] = []

    async def counted(job: dict[str, Any]) -> dict[str, Any]:
        seen.append(await client(job))
        return seen[0]

    assert await ceiling(counted, file, batch) > 0
    assert len(seen[0]["sent"]) == 40 and not seen[0]["refused"]


def test_the_largest_dispute_is_computed_from_moves() -> None:
    calls = [Call("makeAssertion", "asserter", 5, 400, 10, 1), Call("openGame", "challenger", 6, 300, 10, 0),
             Call("split", "asserter", 7, 70, 10, 0), Call("pick", "challenger", 8, 50, 10, 0),
             Call("proveStepInGame", "challenger", 9, 1000, 10, 0)]
    dispute = Dispute(0, 16, 16, calls, 3.0)
    assert dispute.rounds == 1 and dispute.blocks == 4
    assert row([dispute]) == ["batch", "16", "16", "1", "3", "1,350", "30", "2", "470", "20 and 1 blob", "4", "3"]
    assert computed([dispute]) == [["batch", "16", "4", "6", "1,500", "4", "280", "10"]]
