"""Every scenario's promise is kept. `verdict scenario run NAME` shows one as it happens."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.adversarial.kit.run import run_scenario
from tests.adversarial.kit.scenario import Scenario, all_scenarios


def _each() -> list[object]:
    return [
        pytest.param(each, id=f"{each.group}-{each.name}",
                     marks=[pytest.mark.timeout(each.timeout + 60), *([pytest.mark.slow] if each.slow else [])])
        for each in all_scenarios().values()
    ]  # fmt: skip


@pytest.mark.parametrize("scenario", _each())
async def test_promise_is_kept(scenario: Scenario, tmp_path: Path) -> None:
    result = await run_scenario(scenario, 0, tmp_path / "run")
    if result.error is not None:
        raise AssertionError(f"{scenario.promise}\n{(result.directory / 'timeline.txt').read_text()[-4000:]}") from result.error
