"""The alert rules: Prometheus takes them, they are about metrics that there are, and the guide explains each."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
RULES = (ROOT / "configs" / "alerts.yml").read_text()
ALERTS = re.findall(r"- alert: (\w+)", RULES)


def test_each_alert_has_its_section() -> None:
    guide = (ROOT / "docs" / "operators.md").read_text()
    assert len(ALERTS) >= 15
    for alert in ALERTS:
        assert f"\n### {alert}\n" in guide and f"docs/operators.md#{alert.lower()}\n" in RULES, alert


def test_each_metric_is_one_of_ours() -> None:
    """Names are written in collectors whole, or without "verdict_" and the daemon's name."""
    sources = "".join(path.read_text() for folder in ("verdict/observability", "sequencer", "challenger", "node", "l1/embedded")
                      for path in (ROOT / folder).glob("*metrics.py"))
    named = set(re.findall(r"\bverdict_(\w+)", RULES))
    assert len(named) >= 15
    for metric in named:
        name = re.sub(r"_total$", "", metric)
        of_daemon = re.sub(r"^(sequencer|challenger|node)_", "", name)
        assert f'"{name}"' in sources or f'"verdict_{name}"' in sources or (of_daemon != name and f'"{of_daemon}"' in sources), metric


@pytest.mark.skipif(shutil.which("promtool") is None, reason="needs promtool (Debian's package prometheus)")
def test_prometheus_takes_them() -> None:
    subprocess.run(["promtool", "check", "rules", str(ROOT / "configs" / "alerts.yml")], check=True, capture_output=True)
