"""The nodes under load, each as processes of its own: a whole Verdict rollup, anvil, eth-tester on py-evm.

    with Processes(directory) as processes:
        async with verdict(directory, processes, funded(300)) as subject:
            subject.url
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import tomli_w

from benchmarks.load.wire import Connection, HttpFailure
from benchmarks.load.workload import BALANCE, CHAIN_ID, GAS_LIMIT
from verdict.config import Config, parse_config
from verdict.demo.processes import ProcessDied, Processes
from verdict.deployment import Deployment
from verdict.keys import test_account

ROOT = Path(__file__).resolve().parents[2]
BLOCK_TIME = 1.0  # seconds, of every L2 here
L1_BLOCK_TIME = 1.0
BATCH_INTERVAL = 2.0
START = 300.0  # seconds


class NotInstalled(Exception):
    """A peer that isn't on this machine."""


@dataclass(frozen=True)
class Subject:
    """`url`: JSON-RPC. `config`, `deployment`, `node_url`: of Verdict only. `pids` by name, for memory."""

    name: str
    url: str
    config: Config | None = None
    deployment: Deployment | None = None
    node_url: str = ""
    pids: Mapping[str, int] = field(default_factory=dict)


def free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


async def answers(url: str, alive: Callable[[], None]) -> None:
    """Waits until JSON-RPC is answered there. `alive` raises if nobody ever will."""
    deadline = time.monotonic() + START
    while True:
        alive()
        try:
            async with Connection(url) as connection:
                await connection.call("eth_chainId")
                return
        except (OSError, HttpFailure):
            if time.monotonic() > deadline:
                raise
            await asyncio.sleep(0.1)


# ---- Verdict


def settings(directory: Path, funded: Sequence[str], changes: Mapping[str, Any]) -> dict[str, Any]:
    """As a TOML file has it. Limits that keep one wallet or one caller from taking all are above what the load needs."""
    l1, beacon, sequencer, node = free_ports(4)
    poster = test_account(1).address
    tree: dict[str, Any] = {
        "name": "load", "data_dir": str(directory / "data"),
        "l1": {"rpc_url": f"http://127.0.0.1:{l1}", "beacon_url": f"http://127.0.0.1:{beacon}", "chain_id": 31337,
               "embedded": {"port": l1, "beacon_port": beacon, "block_time": f"{L1_BLOCK_TIME}s"}},
        "rollup": {"chain_id": CHAIN_ID, "gas_limit": GAS_LIMIT, "fee_recipient": poster, "sequencer": poster,
                   "alloc": [{"address": each, "balance": f"{BALANCE} wei"} for each in funded]},
        "dispute": {"stride": 16, "arity": 2, "window": "6h", "clock": "1h"},
        "sequencer": {"port": sequencer, "block_time": f"{BLOCK_TIME}s", "batch_interval": f"{BATCH_INTERVAL}s", "target_blobs": 6, "poll": "250ms",
                      "mempool": {"max_transactions": 200_000, "max_per_sender": 20_000}},
        "node": {"port": node, "poll": "250ms"},
    }  # fmt: skip
    for dotted, value in changes.items():
        *tables, key = dotted.split(".")
        table = tree
        for name in tables:
            table = table.setdefault(name, {})
        table[key] = value
    return tree


@contextlib.asynccontextmanager
async def verdict(directory: Path, processes: Processes, funded: Sequence[str],
                  changes: Mapping[str, Any] | None = None, *, challenger: bool = False) -> AsyncIterator[Subject]:
    """L1, sequencer and node, and a challenger if wanted: four processes or five, real blobs. Ends them."""
    tree = settings(directory, funded, changes or {})
    toml = directory / "load.toml"
    toml.write_text(tomli_w.dumps(tree))
    config = parse_config(tree, base=directory, source="load")

    def start(name: str, *arguments: str, key: int | None = None) -> Any:
        keys = {} if key is None else {f"VERDICT_{name.upper()}_KEY": test_account(key).key.to_0x_hex()}
        return processes.start(name, ["-m", "verdict", name, *arguments, "--config", str(toml)], keys)

    started = [start("l1", "--quiet")]
    try:
        await answers(config.l1.rpc_url, processes.check)
        deploy = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "verdict", "deploy", "--config", str(toml), cwd=ROOT, stdout=subprocess.DEVNULL,
            env={**os.environ, "VERDICT_DEPLOYER_KEY": test_account(0).key.to_0x_hex()})
        if await deploy.wait():
            raise ProcessDied("`verdict deploy` failed")
        started += [start("sequencer", key=1), start("node")]
        if challenger:
            started.append(start("challenger", key=2))
        url, node_url = f"http://127.0.0.1:{config.sequencer.port}", f"http://127.0.0.1:{config.node.port}"
        await answers(url, processes.check)
        await answers(node_url, processes.check)
        yield Subject("Verdict", url, config, Deployment.load(config), node_url, {each.name: each.popen.pid for each in started})
        processes.check()
    finally:
        for each in reversed(started):
            processes.stop(each)


# ---- the others


@contextlib.asynccontextmanager
async def command(name: str, arguments: Sequence[str], url: str, log: Path) -> AsyncIterator[Subject]:
    with log.open("ab") as output:
        process = await asyncio.create_subprocess_exec(*arguments, stdout=output, stderr=output)

    def alive() -> None:
        if process.returncode is not None:
            raise ProcessDied(f"{name} ended with exit code {process.returncode}: {log.read_text()[-1000:]}")

    try:
        await answers(url, alive)
        yield Subject(name, url, pids={name: process.pid})
        alive()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def find_anvil(given: str | None) -> Path:
    """Raises NotInstalled."""
    package = Path("node_modules/@foundry-rs") / f"anvil-{sys.platform}-amd64" / "bin" / "anvil"
    for candidate in (given, os.environ.get("ANVIL"), shutil.which("anvil"), ROOT / "solidity" / package):
        if candidate and Path(candidate).is_file():
            return Path(candidate)
    raise NotInstalled("anvil: npm install --prefix /tmp/anvil @foundry-rs/anvil@1.7.1 and --anvil "
                       f"/tmp/anvil/{package}, or put it into PATH")


@contextlib.asynccontextmanager
async def anvil(directory: Path, funded: Sequence[str], program: Path) -> AsyncIterator[Subject]:
    (port,) = free_ports(1)
    genesis = directory / "genesis.json"
    genesis.write_text(json.dumps({
        "config": {"chainId": CHAIN_ID}, "difficulty": "0x0", "gasLimit": hex(GAS_LIMIT), "baseFeePerGas": hex(10**9),
        "alloc": {address: {"balance": hex(BALANCE)} for address in funded}}))
    arguments = [str(program), "--port", str(port), "--chain-id", str(CHAIN_ID), "--block-time", str(int(BLOCK_TIME)),
                 "--gas-limit", str(GAS_LIMIT), "--init", str(genesis), "--hardfork", "prague", "--order", "fifo", "--silent",
                 "--accounts", "1"]
    async with command("anvil", arguments, f"http://127.0.0.1:{port}", directory / "anvil.log") as subject:
        yield subject


def find_eth_tester(given: str | None) -> Path:
    """A Python that has it. Raises NotInstalled."""
    for candidate in (given, os.environ.get("ETH_TESTER_PYTHON")):
        if candidate and subprocess.run([candidate, "-c", "import eth_tester, eth"], check=False, capture_output=True).returncode == 0:
            return Path(candidate)
    raise NotInstalled("eth-tester: python3 -m venv /tmp/eth-tester && /tmp/eth-tester/bin/pip install 'eth-tester[py-evm]' aiohttp "
                       "coincurve safe-pysha3, and --eth-tester /tmp/eth-tester/bin/python")


@contextlib.asynccontextmanager
async def eth_tester(directory: Path, funded: Sequence[str], python: Path) -> AsyncIterator[Subject]:
    (port,) = free_ports(1)
    genesis = directory / "eth-tester.json"
    genesis.write_text(json.dumps({"chain_id": CHAIN_ID, "gas_limit": GAS_LIMIT, "alloc": dict.fromkeys(funded, BALANCE)}))
    arguments = [str(python), str(Path(__file__).with_name("eth_tester_node.py")), str(port), str(genesis)]
    async with command("eth-tester", arguments, f"http://127.0.0.1:{port}", directory / "eth-tester.log") as subject:
        yield subject
