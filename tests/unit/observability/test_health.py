"""What /healthz says, and since when."""

from __future__ import annotations

from pathlib import Path

import pytest

from verdict.observability import health as module
from verdict.observability.health import Health, disk, stuck


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_starting_failing_and_fine_again() -> None:
    wrong: dict[str, str | None] = {"derivation": "not yet where L1 is", "l1": None}
    clock = Clock()
    health = Health({name: (lambda name=name: wrong[name]) for name in wrong}, clock)  # type: ignore[misc]
    said = health.answer(head=3)
    assert (said["ok"], said["status"], said["failure"], said["head"]) == (False, "starting", "not yet where L1 is", 3)
    clock.now, wrong["derivation"] = 110.0, None
    assert health.answer()["ok"] and health.answer()["status"] == "ok"
    clock.now, wrong["derivation"] = 120.0, "L1 is away"
    said = health.answer()
    assert said["status"] == "failing"  # it was fine once: this isn't the start any more
    assert said["checks"]["derivation"] == {"ok": False, "detail": "L1 is away", "since": 120}
    assert said["checks"]["l1"] == {"ok": True, "detail": None, "since": 100}
    clock.now, wrong["derivation"] = 130.0, "L1 is still away"
    assert health.answer()["checks"]["derivation"] == {"ok": False, "detail": "L1 is still away", "since": 120}


def test_what_takes_no_time_fails_at_the_start_too() -> None:
    health = Health({"derivation": lambda: "not yet there", "funds": lambda: "no ether"})
    assert health.answer()["status"] == "failing"


def test_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert disk(tmp_path)() is None
    monkeypatch.setattr(module, "LEAST_DISK", 1 << 62)
    assert "are free in" in str(disk(tmp_path)())
    assert "0 MiB are free" in str(disk(tmp_path / "nowhere")())


def test_stuck() -> None:
    assert stuck(lambda: 9.0, 10.0)() is None
    assert "for 11 s" in str(stuck(lambda: 11.0, 10.0)())
