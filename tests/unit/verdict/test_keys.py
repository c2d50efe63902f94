"""Keys come from the environment or a private file, and are never shown."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from verdict.keys import KeyProblem, key_path, load_key, test_account, write_key

KEY = "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"
ADDRESS = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"


def private_file(path: Path, text: str, mode: int = 0o600) -> Path:
    path.write_text(text)
    path.chmod(mode)
    return path


@pytest.mark.parametrize("text", [KEY, "0x" + KEY, f" {KEY}\n"])
def test_from_the_environment(text: str) -> None:
    assert load_key("sequencer", environ={"VERDICT_SEQUENCER_KEY": text}).address == ADDRESS


def test_from_a_file(tmp_path: Path) -> None:
    path = private_file(tmp_path / "key", KEY + "\n")
    assert load_key("challenger", environ={"VERDICT_CHALLENGER_KEY_FILE": str(path)}).address == ADDRESS


def test_a_file_that_others_can_read_is_refused(tmp_path: Path) -> None:
    path = private_file(tmp_path / "key", KEY, 0o644)
    with pytest.raises(KeyProblem, match="chmod 600"):
        load_key("deployer", environ={"VERDICT_DEPLOYER_KEY_FILE": str(path)})


def test_from_the_data_directory(tmp_path: Path) -> None:
    path = write_key(tmp_path, "sequencer", test_account(0))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert load_key("sequencer", tmp_path, environ={}).address == ADDRESS
    with pytest.raises(FileExistsError):
        write_key(tmp_path, "sequencer", test_account(1))
    assert key_path(tmp_path, "sequencer") == path


def test_both_are_refused() -> None:
    with pytest.raises(KeyProblem, match="both"):
        load_key("sequencer", environ={"VERDICT_SEQUENCER_KEY": KEY, "VERDICT_SEQUENCER_KEY_FILE": "x"})


@pytest.mark.parametrize("text", ["12", KEY + "00", "zz" * 32, "00" * 32, "ff" * 32])
def test_what_is_not_a_key_is_never_repeated(text: str) -> None:
    with pytest.raises(KeyProblem) as caught:
        load_key("sequencer", environ={"VERDICT_SEQUENCER_KEY": text})
    assert text not in str(caught.value)


def test_none_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(KeyProblem, match="VERDICT_SEQUENCER_KEY_FILE"):
        load_key("sequencer", tmp_path, environ={})
    with pytest.raises(KeyProblem, match="no such key file"):
        load_key("sequencer", environ={"VERDICT_SEQUENCER_KEY_FILE": str(tmp_path / "x")})


def test_accounts_of_the_test_mnemonic() -> None:
    assert test_account(0).address == ADDRESS
    assert test_account(1).address == "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
