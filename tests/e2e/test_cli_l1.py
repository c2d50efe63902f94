"""`verdict l1 --data-dir`: the chain is there again after a restart."""

from __future__ import annotations

import asyncio
import signal
import socket
import sys
from pathlib import Path

from l1.client import L1Client, L1Unavailable

ROOT = Path(__file__).resolve().parents[2]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


async def block_hash_after(directory: Path, config: Path, url: str) -> bytes:
    """Runs `verdict l1` until it answers; the hash of block 1, which it makes if it isn't there."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "verdict", "l1", "--quiet", "-c", str(config), "--data-dir", str(directory), cwd=ROOT,
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL)
    try:
        async with asyncio.timeout(60), L1Client(url) as l1:
            while True:
                try:
                    head = await l1.head()
                except L1Unavailable:
                    assert process.returncode is None
                    continue
                if head.number == 0:
                    await l1.request("evm_mine")
                first = await l1.block(1)
                assert first is not None
                return first.hash
    finally:
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), 30) == 0


async def test_data_dir_keeps_the_chain(tmp_path: Path) -> None:
    port, beacon = free_port(), free_port()
    config = tmp_path / "net.toml"
    devnet = (ROOT / "configs" / "devnet.toml").read_text()
    config.write_text(devnet.replace("8545", str(port)).replace("5052", str(beacon)))
    url = f"http://127.0.0.1:{port}"
    first = await block_hash_after(tmp_path / "chain", config, url)
    assert await block_hash_after(tmp_path / "chain", config, url) == first
    assert await block_hash_after(tmp_path / "another", config, url) != first
