"""The command line: help worth reading, one-line errors, exit codes, files that are never overwritten."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from verdict.config import load_config
from verdict.errors import EXIT_CONFIG, EXIT_DEPLOYMENT, EXIT_KEY, EXIT_L1, EXIT_USAGE

ROOT = Path(__file__).resolve().parents[3]
COMMANDS = ["demo", "init", "l1", "deploy", "sequencer", "challenger", "status", "games", "game", "assertions", "assertion", "trace",
            "watch", "config", "dictionary"]


def verdict(*arguments: str, python: tuple[str, ...] = (), **environment: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("VERDICT_")}
    return subprocess.run(
        [sys.executable, *python, "-m", "verdict", *arguments], cwd=ROOT, env={**clean, "COLUMNS": "120", **environment},
        capture_output=True, text=True, timeout=60, check=False)


def toml(directory: Path, **changes: str) -> Path:
    """A configuration in `directory` for an L1 that nobody runs."""
    text = (ROOT / "configs" / "devnet.toml").read_text()
    here = {"8545": "18545", "5052": "15052", "9545": "19545", "../data/devnet": "data",
            "pages/starter.bin": str(ROOT / "configs" / "pages" / "starter.bin")}
    for old, new in {**here, **changes}.items():
        text = text.replace(old, new)
    path = directory / "test.toml"
    path.write_text(text)
    return path


def test_help_lists_every_command() -> None:
    said = verdict("--help")
    assert said.returncode == 0
    for command in COMMANDS:
        assert command in said.stdout


@pytest.mark.parametrize("command", COMMANDS[:-1])
def test_each_help_has_an_example(command: str) -> None:
    said = verdict(command, "--help")
    assert said.returncode == 0
    assert f"verdict {command}" in said.stdout


def test_a_bad_configuration_is_one_message(tmp_path: Path) -> None:
    said = verdict("deploy", "-c", str(toml(tmp_path, **{'clock = "1m"': 'clock = "1s"'})))
    assert said.returncode == EXIT_CONFIG
    assert "dispute.clock" in said.stderr
    assert "Traceback" not in said.stderr


@pytest.mark.parametrize("command", ["deploy", "sequencer", "challenger"])
def test_no_key(command: str, tmp_path: Path) -> None:
    said = verdict(command, "-c", str(toml(tmp_path)))
    assert said.returncode == EXIT_KEY
    role = "DEPLOYER" if command == "deploy" else command.upper()
    assert f"VERDICT_{role}_KEY_FILE" in said.stderr
    assert "Traceback" not in said.stderr


def test_no_l1(tmp_path: Path) -> None:
    said = verdict("deploy", "-c", str(toml(tmp_path)), VERDICT_DEPLOYER_KEY="11" * 32)
    assert said.returncode == EXIT_L1
    assert "is `verdict l1` up?" in said.stderr
    assert "11" * 32 not in said.stderr + said.stdout
    assert not (tmp_path / "data" / "deployment.json").exists()


@pytest.mark.parametrize("command", ["status", "game 0x12", "trace --batch 0 --step 0", "watch"])
def test_not_deployed(command: str, tmp_path: Path) -> None:
    said = verdict(*command.split(), "-c", str(toml(tmp_path)))
    assert said.returncode == EXIT_DEPLOYMENT
    assert "run `verdict deploy`" in said.stderr


def test_init_writes_a_valid_configuration_once(tmp_path: Path) -> None:
    said = verdict("init", "mine", "--dir", str(tmp_path / "configs"), "--dev-keys")
    assert said.returncode == 0, said.stderr
    path = tmp_path / "configs" / "mine.toml"
    config = load_config(path)
    assert config.rollup.chain_id not in (1, 31337, 42069)
    assert config.data_dir == tmp_path / "data" / "mine"
    for role in ("deployer", "sequencer", "challenger"):
        assert stat.S_IMODE((config.data_dir / "keys" / role).stat().st_mode) == 0o600
    before = path.read_text()
    again = verdict("init", "mine", "--dir", str(tmp_path / "configs"))
    assert again.returncode == EXIT_CONFIG
    assert "never overwritten" in again.stderr
    assert path.read_text() == before
    assert load_config(path).rollup.chain_id == config.rollup.chain_id


def test_two_new_rollups_have_different_chains(tmp_path: Path) -> None:
    for name in ("one", "two"):
        assert verdict("init", name, "--dir", str(tmp_path)).returncode == 0
    one, two = (load_config(tmp_path / f"{name}.toml") for name in ("one", "two"))
    assert one.rollup.chain_id != two.rollup.chain_id


def test_init_elsewhere_needs_everything(tmp_path: Path) -> None:
    arguments = ["init", "far", "--dir", str(tmp_path), "--l1-rpc", "https://l1.example.org"]
    assert verdict(*arguments).returncode == EXIT_USAGE
    arguments += ["--l1-beacon", "https://beacon.example.org", "--l1-chain-id", "11155111",
                  "--sequencer", "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"]
    assert verdict(*arguments).returncode == 0
    assert load_config(tmp_path / "far.toml").l1.slot == 12.0


def test_python_o_is_refused() -> None:
    said = verdict("--help", python=("-O",))
    assert said.returncode == EXIT_USAGE
    assert "python -O" in said.stderr
    assert verdict("--help", PYTHONOPTIMIZE="1").returncode == EXIT_USAGE


def test_config_check(tmp_path: Path) -> None:
    said = verdict("config", "check", "-c", str(toml(tmp_path)))
    assert said.returncode == 0
    assert "at most 4 rounds" in said.stdout
