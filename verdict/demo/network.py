"""What the demo runs: its configuration, its accounts, and its processes."""

from __future__ import annotations

import contextlib
import json
import shutil
import socket
from dataclasses import dataclass
from pathlib import Path

from eth_account.signers.local import LocalAccount

from verdict.config import Config, load_config
from verdict.demo.processes import Process, Processes
from verdict.keys import test_account

DEPLOYER, SEQUENCER, CHALLENGER, ALICE, BOB, LIAR = 0, 1, 2, 3, 4, 5
"""Accounts of the test mnemonic by the parts they play."""

NAMES = {DEPLOYER: "deployer", SEQUENCER: "sequencer", CHALLENGER: "challenger", ALICE: "Alice", BOB: "Bob",
         LIAR: "liar"}
EMBEDDED_CHAIN, L2_CHAIN = 31337, 42069

_STARTER = Path(__file__).resolve().parents[2] / "configs" / "pages" / "starter.bin"  # not in an installed package
_TOML = """\
# Written by `verdict demo`. Short times, so that it can be watched; see configs/devnet.toml for the like by hand.
name = "demo"
data_dir = "{data_dir}"

[l1]
rpc_url = "http://127.0.0.1:{l1}"
beacon_url = "http://127.0.0.1:{beacon}"
chain_id = {l1_chain}

[l1.embedded]
port = {l1}
beacon_port = {beacon}
block_time = "1s"

[rollup]
chain_id = {l2_chain}
fee_recipient = "{sequencer}"
sequencer = "{sequencer}"

[[rollup.alloc]]
address = "{alice}"
balance = "1000 ether"

[[rollup.alloc]]
address = "{bob}"
balance = "10 ether"

[dispute]
stride = {stride}
arity = {arity}
window = "{window}s"
clock = "{clock}s"
assertion_bond = "1 ether"
challenge_bond = "0.1 ether"

[data]
dictionary = {dictionary}

[sequencer]
port = {l2}
block_time = "500ms"
batch_interval = "3s"
poll = "300ms"

[sequencer.transactions]
resubmit_after = "6s"

[challenger]
poll = "300ms"

[challenger.transactions]
resubmit_after = "6s"
"""


@dataclass(frozen=True, slots=True)
class Network:
    """`toml` is the file that every command of this network takes; `liar_toml` has a data directory of its own."""

    directory: Path
    toml: Path
    liar_toml: Path
    config: Config
    processes: Processes

    def start_l1(self) -> Process:
        return self.processes.start("l1", ["-m", "verdict", "l1", "--quiet", "--config", str(self.toml)])

    def start_daemon(self, role: str, index: int) -> Process:
        """`verdict sequencer` or `verdict challenger`."""
        return self.processes.start(
            role,
            ["-m", "verdict", role, "--config", str(self.toml)],
            {f"VERDICT_{role.upper()}_KEY": account(index).key.to_0x_hex()},
        )

    def start_liar(self, transaction: str, token: str, amount: int) -> Process:
        """Asserts that `transaction` (0x hash) also credited `amount` of `token` to the liar."""
        theirs = load_config(self.liar_toml)
        theirs.data_dir.mkdir(exist_ok=True)
        shutil.copy(self.config.deployment_path, theirs.deployment_path)
        return self.processes.start(
            "liar",
            ["-m", "verdict.demo.liar", str(self.liar_toml), transaction, token, account(LIAR).address, str(amount)],
            {"VERDICT_SEQUENCER_KEY": account(LIAR).key.to_0x_hex()},
        )


def account(index: int) -> LocalAccount:
    return test_account(index)


def prepare(directory: Path, processes: Processes, stride: int, arity: int) -> Network:
    """Writes the TOML files. ConfigError if the game needs more than the demo's clocks allow."""
    from verdict.config import game_budget

    l1, beacon, l2 = _free_ports(3)
    budget = game_budget(stride, arity, 0, 1.0)
    clock = max(40, round(2 * budget.clock))
    window = 2 * clock + 40
    values = {
        "l1": l1, "beacon": beacon, "l2": l2, "l1_chain": EMBEDDED_CHAIN, "l2_chain": L2_CHAIN, "stride": stride,
        "arity": arity, "clock": clock, "window": window, "sequencer": account(SEQUENCER).address,
        "alice": account(ALICE).address, "bob": account(BOB).address,
        "dictionary": json.dumps([str(_STARTER)] if _STARTER.exists() else []),
    }
    toml, liar_toml = directory / "demo.toml", directory / "liar.toml"
    toml.write_text(_TOML.format(data_dir="data", **values))
    liar_toml.write_text(_TOML.format(data_dir="data-liar", **values))
    return Network(directory, toml, liar_toml, load_config(toml), processes)


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
