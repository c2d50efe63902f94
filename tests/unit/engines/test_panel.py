"""k of n engines in real processes: wrong, slow, dead and absent ones beside an honest one."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import prometheus_client
import pytest
from typer.testing import CliRunner

from engines.alarm import AlarmStore
from engines.panel import Panel
from engines.process import FailureKind
from engines.quorum import NOBODY, Agreed, Split
from engines.registry import ENGINES, EngineSpec, EngineUnavailable, select
from engines.wire import encode_request
from execution.verdict import Verdict
from tests.unit.engines.cast import FALSE, GAS, GIGABYTE, NOT_SOON, TRUE, actor, is_alive, until
from verdict.cli import app

PY_EVM = ENGINES["py-evm"]
PROVED = Verdict(True, "proved", GAS)
Assembled = Callable[..., Panel]


@pytest.fixture
def assembled(tmp_path: Path) -> Iterator[Assembled]:
    """Makes panels that keep their alarms in `tmp_path/alarms` and are closed afterwards."""
    made: list[Panel] = []

    def assemble(threshold: int, *engines: EngineSpec, time_limit: float = NOT_SOON) -> Panel:
        store = AlarmStore(tmp_path / "alarms")
        made.append(Panel(engines, threshold, time_limit=time_limit, memory_limit=2 * GIGABYTE, alarms=store))
        return made[-1]

    yield assemble
    for panel in made:
        panel.close()


def alarms(directory: Path) -> list[dict]:
    return [json.loads(path.read_text()) for path in sorted((directory / "alarms").glob("*.json"))]


def metric(name: str, **labels: str) -> float:
    return prometheus_client.REGISTRY.get_sample_value(f"verdict_execute_{name}_total", labels) or 0.0


@pytest.mark.parametrize(
    ("part", "kind"),
    [
        ("slow", "timeout"),
        ("crash", "lost"),
        ("garbage", "malformed"),
        ("huge", "malformed"),
        ("no-vote", "refused"),
        ("mute", "start"),
        ("stillborn", "start"),
    ],
)
def test_an_engine_that_fails_is_an_alarm_and_not_an_outage(
    assembled: Assembled, tmp_path: Path, part: str, kind: str
) -> None:
    bad = actor("bad", part, start_limit=0.5)
    panel = assembled(2, PY_EVM, bad, time_limit=10 if part == "slow" else NOT_SOON)
    panel._engines[1].processes[0]._time_limit = 0.5  # only of the slow one: py-evm may be slow here too
    before = metric("alarms", engine="bad", kind=kind)
    assert panel.ask(TRUE).outcome == Agreed(PROVED, ("py-evm",))
    assert panel.ask(FALSE).outcome.verdict.result is False
    until(lambda: panel.tally.failed["bad"] == 2)
    until(lambda: len(alarms(tmp_path)) == 2)
    assert metric("alarms", engine="bad", kind=kind) == before + 2
    first = alarms(tmp_path)[0]
    assert first["votes"]["bad"]["failure"] == kind
    assert first["gasUsed"] == hex(GAS)
    assert panel.tally.agreed == {"py-evm": 2} and panel.tally.dissented == {}


def replay(directory: Path) -> list[tuple[int, bool]]:
    """(exit code, verdict) of `verdict execute` on each file."""
    found = []
    for path in sorted((directory / "alarms").glob("*.json")):
        result = CliRunner().invoke(app, ["execute", str(path)])
        found.append((result.exit_code, json.loads(result.stdout.splitlines()[-1])["result"]))
    return found


def test_two_engines_that_disagree_give_no_answer(assembled: Assembled, tmp_path: Path) -> None:
    panel = assembled(2, PY_EVM, actor("wrong", "opposite"))
    before = metric("verdicts", result="disagreement")
    assert panel.ask(TRUE).outcome == Split()
    assert panel.ask(FALSE).outcome == Split()
    until(lambda: len(alarms(tmp_path)) == 2)
    assert replay(tmp_path) == [(0, True), (1, False)]
    assert [each["answer"] for each in alarms(tmp_path)] == [None, None]
    votes = [{name: vote["result"] for name, vote in each["votes"].items()} for each in alarms(tmp_path)]
    assert votes == [{"py-evm": True, "wrong": False}, {"py-evm": False, "wrong": True}]
    assert metric("verdicts", result="disagreement") == before + 2
    assert panel.tally.verdicts == {"disagreement": 2}
    until(lambda: panel.tally.dissented == {"py-evm": 2, "wrong": 2})


def test_two_of_three_overrule_the_third(assembled: Assembled, tmp_path: Path) -> None:
    panel = assembled(2, actor("wrong", "opposite"), PY_EVM, ENGINES["eels"])
    before = metric("alarms", engine="wrong", kind="dissent")
    assert panel.ask(TRUE).outcome == Agreed(PROVED, ("py-evm", "eels"))
    until(lambda: metric("alarms", engine="wrong", kind="dissent") == before + 1)
    assert replay(tmp_path) == [(0, True)]
    assert alarms(tmp_path)[0]["answer"] is True
    assert panel.tally.dissented == {"wrong": 1}


def test_one_of_two_answers_at_once_and_a_late_dissent_is_still_an_alarm(assembled: Assembled, tmp_path: Path) -> None:
    panel = assembled(1, actor("quick", "yes"), actor("late", "no-when", str(tmp_path / "now")))
    assert panel.ask(TRUE).outcome == Agreed(Verdict(True, "quick says yes", 7), ("quick",))
    assert alarms(tmp_path) == []
    (tmp_path / "now").touch()
    until(lambda: panel.tally.dissented == {"late": 1})
    until(lambda: alarms(tmp_path))
    assert alarms(tmp_path)[0]["votes"]["late"]["result"] is False
    assert panel.tally.verdicts == {"true": 1}


def test_a_slow_engine_holds_nobody_up_and_gets_no_backlog(assembled: Assembled, tmp_path: Path) -> None:
    """Its two processes are busy with the first two questions; those that come meanwhile pass it over."""
    panel = assembled(1, actor("quick", "yes"), actor("late", "yes-when", str(tmp_path / "now")))
    late = panel._engines[1]
    for index in range(10):
        panel.ask(b"question %d" % index)
        until(lambda: len(late.processes) - late.idle.qsize() == min(index + 1, 2))  # noqa: B023
    assert panel.tally.passed_over == {"late": 8}
    (tmp_path / "now").touch()
    until(lambda: panel.tally.agreed == {"quick": 10, "late": 2})
    panel.ask(b"another")
    until(lambda: panel.tally.agreed["late"] == 3)
    assert len(panel.pids) <= 4


def test_a_second_question_does_not_wait_for_a_slow_one(assembled: Assembled, tmp_path: Path) -> None:
    """Each engine has two processes. A third question waits until there is one, and is answered."""
    now = str(tmp_path / "now")
    panel = assembled(2, actor("a", "yes-when", now), actor("b", "yes-when", now))
    found: list[bool] = []
    asking = [
        threading.Thread(target=lambda: found.append(panel.ask(b"question").outcome.verdict.result)) for _ in range(5)
    ]
    for thread in asking:
        thread.start()
    until(lambda: len(panel.pids) == 4)
    assert found == []
    (tmp_path / "now").touch()
    for thread in asking:
        thread.join(30)
    assert found == [True] * 5
    assert panel.tally.passed_over == {}


def test_many_at_once_among_engines_that_fail_in_every_way(assembled: Assembled, tmp_path: Path) -> None:
    """Every question is answered, rightly; every vote is counted once; no thread and no process is left over."""
    panel = assembled(2, actor("honest", "yes"), actor("moody", "moody"), actor("dissident", "no"))
    requests = [encode_request(bytes(32), bytes(32), index, bytes([index])) for index in range(60)]
    with ThreadPoolExecutor(8) as askers:
        rulings = list(askers.map(panel.ask, requests))
    for index, ruling in enumerate(rulings):
        willing = index % 4 == 1
        assert ruling.outcome == (Agreed(Verdict(True, "honest says yes", 7), ("honest", "moody")) if willing else Split())
    tally = panel.tally
    until(lambda: sum(map(Counter.total, (tally.agreed, tally.dissented, tally.failed, tally.passed_over))) == 3 * 60)
    assert tally.failed == {"moody": 45}
    assert tally.verdicts == {"true": 15, "disagreement": 45}
    assert len(panel.pids) <= 6
    assert len(alarms(tmp_path)) == 60 - tally.passed_over["dissident"]  # it never agrees


def test_nobody_votes_then_it_is_false(assembled: Assembled, tmp_path: Path) -> None:
    panel = assembled(2, actor("a", "crash"), actor("b", "no-vote"))
    ruling = panel.ask(TRUE)
    assert ruling.outcome == Agreed(NOBODY, ())
    assert {name: vote.kind for name, vote in ruling.votes.items()} == {"a": FailureKind.lost, "b": FailureKind.refused}
    until(lambda: panel.tally.failed == {"a": 1, "b": 1})
    assert panel.tally.verdicts == {"nobody": 1}
    assert replay(tmp_path) == [(0, True)]


def test_closing_ends_every_process_and_whoever_waits(assembled: Assembled) -> None:
    panel = assembled(2, PY_EVM, actor("slow", "slow"))
    rulings: list = []
    asking = [threading.Thread(target=lambda: rulings.append(panel.ask(TRUE))) for _ in range(3)]
    for thread in asking:
        thread.start()
    until(lambda: panel.tally.agreed or len(panel.pids) == 4, 60)
    pids = panel.pids
    begun = time.monotonic()
    panel.close()
    for thread in asking:
        thread.join(30)
    assert len(rulings) == 3 and time.monotonic() - begun < 20
    assert pids and not any(map(is_alive, pids)) and panel.pids == []
    assert panel.ask(TRUE).outcome == Agreed(NOBODY, ())
    assert panel.tally.failed == {}  # that we ended it is no alarm


def test_a_full_disk_does_not_change_the_answer(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    store = AlarmStore(tmp_path / "file" / "alarms")
    panel = Panel([actor("a", "yes"), actor("b", "crash")], 2, time_limit=NOT_SOON, memory_limit=GIGABYTE, alarms=store)
    try:
        assert panel.ask(TRUE).outcome.verdict.result is True
        assert panel.ask(TRUE).outcome.verdict.result is True
    finally:
        panel.close()


def test_a_panel_that_makes_no_sense_is_refused() -> None:
    for engines, threshold in (((PY_EVM, PY_EVM), 1), ((PY_EVM,), 0), ((PY_EVM,), 2), ((), 0)):
        with pytest.raises(ValueError, match="twice|threshold"):
            Panel(engines, threshold, time_limit=1, memory_limit=1)


def test_engines_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    gone = EngineSpec("gone", lambda _time, _memory: (), lambda: "it has left")
    monkeypatch.setitem(ENGINES, "gone", gone)
    assert select(["eels", "py-evm"]) == ((ENGINES["eels"], PY_EVM), [])
    assert select(["py-evm", "gone?"]) == ((PY_EVM,), ["gone is not installed: it has left"])
    with pytest.raises(EngineUnavailable, match="gone is not installed: it has left. As gone[?] it may be missing"):
        select(["gone"])
    with pytest.raises(EngineUnavailable, match="no engine geth; there are py-evm, eels, ethereumjs"):
        select(["geth?"])
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(EngineUnavailable, match="Node is not on the PATH"):
        select(["ethereumjs"])
