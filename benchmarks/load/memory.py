"""Memory of the daemons over an hour's worth of L2 blocks: 3,600 of them, as many as an hour has at the default block time.

    python benchmarks/load/memory.py [--blocks 3600] [--transactions 10] [--speed 40]

L1's time goes `--speed` times as fast as the clock, a step before each of its blocks, and L2's with it: every block is made, posted in
real blobs, derived and asserted as it would be in the hour, and assertions are confirmed. Prints a markdown table of what lies in memory:
anonymous pages (heap, stacks), and in brackets everything that is resident, mapped database pages included.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import platform
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
os.environ.setdefault("ETH_HASH_BACKEND", "pysha3")

from benchmarks.load.figures import table
from benchmarks.load.subjects import Subject, verdict
from benchmarks.load.wire import Connection
from benchmarks.load.workload import Phase, funded, setup
from verdict.demo.processes import Processes

ROWS = 9
L1_BLOCK_TIME = 1.0  # seconds of the clock
ROLES = ("sequencer", "node", "challenger")
PATIENCE = 120.0  # seconds without a new block


async def memory(blocks: int, each: int, speed: float) -> list[dict[str, int]]:
    """One sample a row: "block", then "sequencer", "sequencer resident", ... in KiB."""
    wallets = 50
    phase = Phase("mix", 1, 0, wallets, blocks * each // wallets + 40)
    changes = {
        "l1.embedded.block_time": f"{L1_BLOCK_TIME}s", "sequencer.block_time": "20ms", "sequencer.batch_interval": "2s",
        "sequencer.empty_blocks": True, "dispute.window": "20m", "dispute.clock": "5m", "rollup.max_drift": "1h",
    }  # fmt: skip
    with tempfile.TemporaryDirectory(prefix="verdict-load-") as made, Processes(Path(made)) as processes:
        directory = Path(made)
        signed = [raw for turn in zip(*phase.sign(), strict=True) for raw in turn]
        async with (verdict(directory, processes, funded(wallets), changes, challenger=True) as subject, _clock(subject, speed),
                    Connection(subject.url) as connection):
            for raw in setup([phase]):
                await connection.call("eth_sendRawTransaction", "0x" + raw.hex())
            return await _drive(subject, connection, [raw.hex() for raw in signed], blocks, each)


async def _drive(subject: Subject, connection: Connection, signed: Sequence[str], blocks: int, each: int) -> list[dict[str, int]]:
    """`each` transactions for every block that was made."""
    samples = [_sample(subject, 0)]
    sent, last, seen_at = 0, 0, time.monotonic()
    first = int(await connection.call("eth_blockNumber"), 16)
    while last < blocks:
        head = int(await connection.call("eth_blockNumber"), 16) - first
        if head > last:
            last, seen_at = head, time.monotonic()
        elif time.monotonic() > seen_at + PATIENCE:
            raise TimeoutError(f"no block after {last} within {PATIENCE:g} s")
        due = min(last * each + each, len(signed))
        for raw in signed[sent:due]:
            await connection.call("eth_sendRawTransaction", "0x" + raw)
        sent = max(sent, due)
        if last >= len(samples) * blocks / (ROWS - 1):
            samples.append(_sample(subject, last))
            print(samples[-1], file=sys.stderr, flush=True)
        await asyncio.sleep(0.02)
    async with Connection(subject.node_url) as node, asyncio.timeout(PATIENCE):
        while int(await node.call("eth_blockNumber"), 16) - first < blocks:  # else it wouldn't be a rollup that keeps up
            await asyncio.sleep(0.5)
    samples.append(_sample(subject, int(await connection.call("eth_blockNumber"), 16) - first))
    return samples


@contextlib.asynccontextmanager
async def _clock(subject: Subject, speed: float) -> AsyncIterator[None]:
    """L1's time runs ahead, evenly."""
    assert subject.config is not None
    url = subject.config.l1.rpc_url

    async def run() -> None:
        async with Connection(url) as l1:
            while True:
                await l1.call("evm_increaseTime", hex(round(speed * L1_BLOCK_TIME)))
                await asyncio.sleep(L1_BLOCK_TIME)

    task = asyncio.create_task(run())
    try:
        yield
        if task.done():
            task.result()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def _sample(subject: Subject, block: int) -> dict[str, int]:
    sample = {"block": block}
    for role in ROLES:
        status = Path(f"/proc/{subject.pids[role]}/status").read_text()
        fields = dict(line.split(":", 1) for line in status.splitlines())
        sample[role], sample[f"{role} resident"] = (int(fields[name].split()[0]) for name in ("RssAnon", "VmRSS"))
    return sample


def report(samples: Sequence[dict[str, int]], options: argparse.Namespace, took: float) -> None:
    print(f"\n`python benchmarks/load/memory.py --blocks {options.blocks} --transactions {options.transactions}`: MiB, anonymous "
          f"(resident); {options.transactions} transactions a block; the hour took {took:.0f} s. Python {platform.python_version()}, "
          f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}.\n")
    print(table(["L2 blocks", *ROLES], [
        [f"{each['block']:,}", *(f"{each[role] / 1024:.0f} ({each[f'{role} resident'] / 1024:.0f})" for role in ROLES)]
        for each in samples]))


async def main(options: argparse.Namespace) -> list[dict[str, int]]:
    began = time.monotonic()
    samples = await memory(options.blocks, options.transactions, options.speed)
    report(samples, options, time.monotonic() - began)
    return samples


def arguments(given: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--blocks", type=int, default=3600)
    parser.add_argument("--transactions", type=int, default=10, help="for each block")
    parser.add_argument("--speed", type=float, default=40.0, help="seconds of L1 a second")
    return parser.parse_args(given)


if __name__ == "__main__":
    asyncio.run(main(arguments()))
