"""Looking at what a run of a scenario left behind: its L1 comes up again as it stood."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from l1.embedded.service import EmbeddedL1
from l1.embedded.settings import EmbeddedL1Settings
from verdict.config import Config, load_config


class NoRecord(Exception):
    """There is no run of a scenario in that directory."""


def recorded(directory: Path) -> tuple[dict[str, Any], Config]:
    """What was written of the run, and its network's configuration. NoRecord."""
    try:
        record: dict[str, Any] = json.loads((directory / "record.json").read_text())
    except (OSError, ValueError) as error:
        raise NoRecord(f"{directory} holds no run of a scenario: {error}") from None
    if not (directory / "net.toml").exists():
        raise NoRecord(f"{directory}: the scenario ended before its network was up; see record.json and daemons.log")
    return record, load_config(directory / "net.toml")


def standing_l1(directory: Path, config: Config) -> EmbeddedL1:
    """Its L1 on the ports that `config` names, as it stood; no block is made unless somebody asks for one."""
    def port(url: str) -> int:
        return int(url.rsplit(":", 1)[1].rstrip("/"))

    return EmbeddedL1(EmbeddedL1Settings(
        port=port(config.l1.rpc_url), beacon_port=port(config.l1.beacon_url), block_time=None, data_dir=directory / "l1",
        chain_id=config.l1.chain_id, accounts=100))

