"""A configuration is taken or refused with every bad key named, and why."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from l1.embedded.settings import EmbeddedL1Settings
from verdict.commands.l1 import embedded_settings
from verdict.config import Config, ConfigError, game_budget, load_config
from verdict.config.game import rounds_needed
from verdict.config.reference import reference_tables

ROOT = Path(__file__).resolve().parents[3]
DEVNET = ROOT / "configs" / "devnet.toml"
KEY = "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"


def problems(overrides: dict[str, object]) -> dict[str, str]:
    with pytest.raises(ConfigError) as caught:
        load_config(DEVNET, overrides)
    return {problem.key: problem.reason for problem in caught.value.problems}


def test_devnet_works_as_it_stands() -> None:
    config = load_config(DEVNET)
    assert config.data_dir == ROOT / "data" / "devnet"
    assert config.l1.slot == 2.0
    assert (config.dispute.window, config.dispute.clock) == (300, 60)
    assert config.dispute.assertion_bond == 10**18
    assert config.dispute.reward == 1000
    assert config.rollup.alloc[0].balance == 10_000 * 10**18


@pytest.mark.parametrize("path", sorted((ROOT / "configs").glob("*.toml")), ids=lambda path: path.name)
def test_every_committed_configuration_is_valid(path: Path) -> None:
    load_config(path)


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("dispute.clok", "1m", "did you mean clock?"),
        ("sequencer.window", "1m", "belongs in [dispute]"),
        ("dispute.window", 300, "300 has no unit"),
        ("dispute.window", "300", "has no unit"),
        ("dispute.window", "5x", '"x" is not a unit of time'),
        ("dispute.window", "5m junk", "not a duration"),
        ("dispute.window", "1500ms", "whole number of seconds"),
        ("dispute.assertion_bond", "3s", "is a duration, and this is an amount"),
        ("dispute.assertion_bond", "0 ether", "lying would cost nothing"),
        ("dispute.challenge_bond", "0 ether", "busy for nothing"),
        ("dispute.challenge_bond", "0.5 wei", "whole number of wei"),
        ("dispute.reward", "10", "has no unit"),
        ("dispute.reward", "60%", "burned"),
        ("dispute.arity", 1, "at least 2"),
        ("dispute.arity", True, "not a whole number"),
        ("dispute.clock", "5s", "shorter than the game needs: 16 steps at arity 2 take 4 rounds"),
        ("dispute.window", "100s", "too short"),
        ("rollup.fee_recipient", "0x" + "00" * 20, "zero address"),
        ("rollup.sequencer", "0x70997970C51812dc3A010C7d01b50e0d17dc79C9", "wrong checksum"),
        ("rollup.sequencer", "0x7099", "not an address"),
        ("rollup.sequencer", None, 'sequencing = "single" needs'),
        ("rollup.sequencing", "based", "must be left out"),
        ("rollup.sequencing", "many", "must be 'single' or 'based'"),
        ("rollup.chain_id", 31337, "is the L1's too"),
        ("rollup.gas_limit", 21_000, "at least 1000000"),
        ("rollup.max_origin_age", 9000, "at most 8190"),
        ("rollup.exclusive_timeout", "31d", "30d"),
        ("rollup.exclusive_timeout", "3s", "10 L1 blocks"),
        ("l1.rpc_url", "ws://127.0.0.1:8545", "WebSocket"),
        ("l1.rpc_url", "127.0.0.1:8545", "must begin with http"),
        ("l1.rpc_url", "http://127.0.0.1:99999", "not a URL"),
        ("l1.rpc_url", "http://127.0.0.1:8546", "not where `verdict l1` will listen"),
        ("l1.chain_id", "31337", "write it without quotes"),
        ("l1.rpc_url", None, "is missing"),
        ("l1", None, "write a table [l1]"),
        ("sequencer.port", 8545, "as is l1.embedded.port"),
        ("sequencer.port", 0, "at least 1"),
        ("sequencer.metrics_port", 9545, "as is sequencer.port"),
        ("l1.embedded.metrics_port", 8545, "as is l1.embedded.port"),
        ("sequencer.batch_interval", "1h", "max_drift"),
        ("sequencer.target_blobs", 7, "at most 6"),
        ("sequencer.empty_blocks", "yes", "neither true nor false"),
        ("sequencer.transactions.min_tip", "600 gwei", "above max_fee"),
        ("l1.embedded.execute.cumulative_gas_limit", 1_000_000, "could not be proved"),
        ("l1.embedded.execute.cumulative_gas_limit", 2**64, "at most"),
        ("l1.embedded.execute.engines", ["py-evm", "geth"], 'names "geth"'),
        ("l1.embedded.execute.engines", ["py-evm", "py-evm?", "eels"], "two votes"),
        ("l1.embedded.execute.engines", ["py-evm", "eels?"], "only 1 engines take part for certain"),
        ("l1.embedded.execute.threshold", 1, "3 engines need 2 to 3"),
        ("l1.embedded.execute.memory_limit", "1 MiB", "512 MiB"),
        ("l1.embedded.execute.memory_limit", "1 GB", "not a unit of size"),
        ("l1.embedded.execute.staged_gas_per_word", 1001, "at most 1000"),
        ("l1.embedded.execute.staged_gas_per_word", "12", "without quotes"),
        ("l1.embedded.execute.gas_per_byte", 300, "an L1 block has 36,000,000"),
        ("l1.embedded.seconds_per_slot", 3, "run ahead of the clock"),
        ("l1.embedded.blob_retention", 100, "no assertion can be disputed"),
        ("l1.embedded.automine", "yes", "neither true nor false"),
        ("l1.embedded.finality_depth", -1, "at least 0"),
        ("blobs.keep_for", "1h", "dispute.window and a day"),
        ("blobs.max_size", "100 GB", "not a unit of size"),
        ("challenger.port", 9545, "as is sequencer.port"),
        ("name", "Dev Net", "lower-case"),
    ],
)
def test_a_mistake_names_its_key_and_its_reason(key: str, value: object, said: str) -> None:
    found = problems({key: value})
    named = next((name for name in found if name == key or (key, name) in SHIFTED), None)
    assert named, found
    assert said in found[named]


SHIFTED = {
    ("rollup.sequencing", "rollup.sequencer"),
    ("l1.embedded.execute.engines", "l1.embedded.execute.threshold"),
}


def test_all_mistakes_are_listed_at_once() -> None:
    assert set(problems({"dispute.clok": "1m", "rollup.chain_id": "x", "l1.rpc_url": 3})) == {
        "dispute.clok", "rollup.chain_id", "l1.rpc_url"}


@pytest.mark.parametrize("key", ["rollup.sequencer", "sequencer.key", "sequencer.private_key", "l1.rpc_url"])
@pytest.mark.parametrize("value", [KEY, "0x" + KEY])
def test_a_private_key_is_refused_and_never_repeated(key: str, value: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_config(DEVNET, {key: value})
    assert "VERDICT_SEQUENCER_KEY" in str(caught.value)
    assert KEY not in str(caught.value)


def test_the_embedded_l1_is_what_the_toml_says() -> None:
    """Every key of both tables reaches the settings of the L1."""
    changed: dict[str, object] = {
        "l1.embedded.automine": True, "l1.embedded.finality_depth": 7, "l1.embedded.seconds_per_slot": 2,
        "l1.embedded.blob_retention": 500, "l1.embedded.accounts": 3, "l1.embedded.gas_limit": 40_000_000,
        "l1.embedded.execute.fixed_gas": 1, "l1.embedded.execute.gas_per_byte": 2,
        "l1.embedded.execute.staged_gas_per_word": 4, "l1.embedded.execute.cumulative_gas_limit": 2**25,
        "l1.embedded.execute.cumulative_gas_target": 2**23, "l1.embedded.execute.min_gas_price": "5 wei",
        "l1.embedded.execute.engines": ["py-evm", "eels"], "l1.embedded.execute.threshold": 2,
        "l1.embedded.execute.time_limit": "7s", "l1.embedded.execute.memory_limit": "1 GiB",
    }  # fmt: skip
    embedded = load_config(DEVNET, changed).l1.embedded
    settings, usual = embedded_settings(load_config(DEVNET, changed)), EmbeddedL1Settings()
    assert embedded is not None
    for key in changed:
        *_, table, name = key.split(".")
        given, taken, default = embedded, settings, usual
        if table == "execute":
            given, taken, default = embedded.execute, settings.execute, usual.execute
        assert getattr(taken, name) == getattr(given, name) != getattr(default, name), key


def test_toml_syntax_names_the_line(tmp_path: Path) -> None:
    path = tmp_path / "bad.toml"
    path.write_text('name = "x"\n[l1\n')
    with pytest.raises(ConfigError, match="line 2"):
        load_config(path)
    path.write_text(f'name = "x"\nkey = {KEY}oops\n')
    with pytest.raises(ConfigError) as caught:
        load_config(path)
    assert KEY not in str(caught.value)


def test_missing_file() -> None:
    with pytest.raises(ConfigError, match="no such file"):
        load_config("nowhere.toml")


def test_duplicate_allocation() -> None:
    entry = {"address": "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266", "balance": "1 ether"}
    assert "rollup.alloc[0] already" in problems({"rollup.alloc": [entry, entry]})["rollup.alloc[1].address"]


def test_stride_one_needs_no_clock() -> None:
    load_config(DEVNET, {"dispute.stride": 1, "dispute.clock": "1s", "dispute.window": "20s"})


    reason = problems({"dispute.stride": 1, "dispute.clock": "10s", "dispute.window": "20s"})["dispute.window"]
    assert 'at least "21s"' in reason


def test_a_whole_batch_needs_more_moves() -> None:
    reason = problems({"dispute.stride": 0})["dispute.clock"]
    assert "15 rounds" in reason
    load_config(DEVNET, {"dispute.stride": 0, "dispute.arity": 16})


@pytest.mark.parametrize(("interval", "arity", "rounds"), [(1, 2, 0), (2, 2, 1), (3, 2, 2), (16, 2, 4), (16, 16, 1),
                                                           (17, 16, 2), (24210, 2, 15), (24210, 16, 4)])
def test_rounds(interval: int, arity: int, rounds: int) -> None:
    assert rounds_needed(interval, arity) == rounds


def test_rounds_are_those_of_the_longest_real_game() -> None:
    """Against the protocol's own boundaries: p(i) = lo + len * i / parts."""
    def longest(length: int, arity: int) -> int:
        if length == 1:
            return 0
        parts = min(arity, length)
        points = [length * i // parts for i in range(parts + 1)]
        return 1 + max(longest(b - a, arity) for a, b in {(0, b - a) for a, b in pairwise(points)})

    for arity in (2, 3, 5, 16):
        for length in range(1, 70):
            assert longest(length, arity) == rounds_needed(length, arity)
    assert game_budget(16, 2, 60, 2.0).moves == 5


def test_the_fingerprint_is_of_what_defines_the_rollup() -> None:
    base = load_config(DEVNET).fingerprint()
    assert load_config(DEVNET, {"sequencer.block_time": "2s", "name": "other"}).fingerprint() == base
    for key, value in (("dispute.clock", "61s"), ("rollup.gas_limit", 20_000_000), ("rollup.alloc", [])):
        assert load_config(DEVNET, {key: value}).fingerprint() != base


def test_the_gas_cap_is_the_protocols() -> None:
    from execution.rules import L2_TX_GAS_CAP

    assert load_config(DEVNET).rollup.tx_gas_cap == L2_TX_GAS_CAP
    assert "rollup.tx_gas_cap" in problems({"rollup.tx_gas_cap": L2_TX_GAS_CAP + 1})


def test_configurations_are_immutable() -> None:
    config: Config = load_config(DEVNET)
    with pytest.raises(ValueError, match="frozen"):
        config.name = "other"  # type: ignore[misc]


def test_the_reference_is_in_the_documentation() -> None:
    """Mend with: verdict config reference, into docs/configuration.md."""
    assert reference_tables() in (ROOT / "docs" / "configuration.md").read_text()
