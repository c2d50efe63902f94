"""A user's terminal: real `verdict` processes against a devnet's L1 and daemons."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eth_account.signers.local import LocalAccount

from tests.e2e.devnet import Devnet, base_configuration
from verdict.wallet.report import Report
from verdict.wallet.session import Session, open_session

ROOT = Path(__file__).resolve().parents[3]
TIMEOUT = 120.0


@dataclass(frozen=True)
class Said:
    """How a command ended. `json`: what it printed with --json."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        return json.loads(self.out)


class Terminal:
    """`account`: whose key the commands have. The TOML file is the devnet's configuration."""

    def __init__(self, net: Devnet, account: LocalAccount) -> None:
        self.net = net
        self.account = account
        self.toml = net.directory / "user.toml"
        self.toml.write_text(_toml(net))

    async def run(self, *arguments: str, key: LocalAccount | None = None, env: Mapping[str, str] | None = None) -> Said:
        """Runs to its end. `key`: another user's."""
        process = await self.start(*arguments, key=key, env=env)
        try:
            async with asyncio.timeout(TIMEOUT):
                out, err = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
        assert process.returncode is not None
        return Said(process.returncode, out.decode(), err.decode())

    async def does(self, *arguments: str, key: LocalAccount | None = None) -> dict[str, Any]:
        """Runs it with --json; it must work. The facts it tells."""
        said = await self.run(*arguments, "--json", key=key)
        assert said.code == 0, said.err
        return said.json

    @contextlib.asynccontextmanager
    async def session(self, key: LocalAccount | None = None) -> AsyncIterator[Session]:
        """What a command has, in this process: quicker where the process is not the point."""
        async with open_session(self.net.config, Report(as_json=True), key or self.account) as session:
            yield session

    async def start(self, *arguments: str, key: LocalAccount | None = None,
                    env: Mapping[str, str] | None = None) -> asyncio.subprocess.Process:
        clean = {name: value for name, value in os.environ.items() if not name.startswith("VERDICT_")}
        account = key or self.account
        return await asyncio.create_subprocess_exec(
            sys.executable, "-m", "verdict", *arguments, cwd=ROOT,
            env={**clean, "COLUMNS": "160", "VERDICT_USER_KEY": account.key.to_0x_hex(), "VERDICT_CONFIG": str(self.toml), **(env or {})},
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE)


async def interrupted(process: asyncio.subprocess.Process) -> Said:
    """Ctrl-C."""
    process.send_signal(signal.SIGINT)
    async with asyncio.timeout(20):
        out, err = await process.communicate()
    assert process.returncode is not None
    return Said(process.returncode, out.decode(), err.decode())


def _toml(net: Devnet) -> str:
    """The devnet's configuration as a file. JSON's strings, numbers and lists are TOML's."""
    tree = base_configuration()
    tree["l1"] |= {"rpc_url": net.l1.rpc_url, "beacon_url": net.l1.beacon_url}
    tree["sequencer"]["port"], tree["node"]["port"] = net.config.sequencer.port, net.config.node.port
    tree["data_dir"] = str(net.config.data_dir)
    for key, value in net.overrides.items():
        *tables, name = key.split(".")
        table = tree
        for each in tables:
            table = table.setdefault(each, {})
        table[name] = value
    return "\n".join(_table((), tree)) + "\n"


def _table(path: tuple[str, ...], table: Mapping[str, Any]) -> list[str]:
    lines = [f"[{'.'.join(path)}]"] if path else []
    lines += [f"{key} = {json.dumps(value)}" for key, value in table.items() if not _is_table(value)]
    for key, value in table.items():
        if isinstance(value, Mapping):
            lines += ["", *_table((*path, key), value)]
        elif _is_table(value):
            for each in value:
                inner = _table((*path, key), each)
                lines += ["", f"[{inner[0]}]", *inner[1:]]
    return lines


def _is_table(value: Any) -> bool:
    return isinstance(value, Mapping) or (isinstance(value, list) and bool(value) and isinstance(value[0], Mapping))
