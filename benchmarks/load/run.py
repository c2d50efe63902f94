"""The sequencer under the load of many wallets, over JSON-RPC, beside anvil and eth-tester on py-evm in the same run.

    python benchmarks/load/run.py [--wallets 100] [--seconds 2] [--runs 3] [--kinds ETH ERC-20 mix] [--nodes verdict anvil eth-tester]
                                  [--anvil PROGRAM] [--eth-tester PYTHON]

Prints markdown tables for docs/benchmarks.md. Everything is a process of its own: embedded L1, sequencer and node with their
default engines and real blobs, the peers, and the client (benchmarks/load/client.py), which sends signed transactions, the same to each.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import platform
import sys
import tempfile
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
os.environ.setdefault("ETH_HASH_BACKEND", "pysha3")

from benchmarks.load import subjects
from benchmarks.load.ceiling import ceiling
from benchmarks.load.figures import STAGES, Run, median_rates, milliseconds, of_run, seconds, table
from benchmarks.load.subjects import NotInstalled, Subject
from benchmarks.load.watch import Watch
from benchmarks.load.wire import Connection
from benchmarks.load.workload import KINDS, TOKEN, TRANSFER, Phase, funded, setup, transfer
from verdict.demo.processes import Processes

CONNECTIONS = 32
BATCH = 100
PATIENCE = 180.0  # seconds for what was taken to be executed, posted, derived
NODES = ("verdict", "anvil", "eth-tester")
READS = 1.5  # seconds for each method


@dataclass
class Figures:
    """Of one node. `sends` by (kind, transactions in a request)."""

    name: str
    sends: dict[tuple[str, int], list[Run]] = field(default_factory=dict)
    paced: Run | None = None
    wallet: dict[str, list[float]] = field(default_factory=dict)
    to_receipt: list[float] = field(default_factory=list)
    reads: dict[str, float] = field(default_factory=dict)


async def client(job: dict[str, Any]) -> dict[str, Any]:
    """Runs one job in a process of its own."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(Path(__file__).with_name("client.py")), stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE)
    try:
        output, _ = await process.communicate(json.dumps(job).encode())
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        raise RuntimeError(f"the client failed with exit code {process.returncode}")
    answer: dict[str, Any] = json.loads(output)
    return answer


class Bench:
    def __init__(self, options: argparse.Namespace, directory: Path) -> None:
        self.options = options
        self.directory = directory
        self.phases: list[Phase] = []
        for run in range(options.runs):
            for kind in options.kinds:
                for batch in (1, BATCH):
                    each = max(1, int(options.seconds * options.most / options.wallets))
                    self.phases.append(Phase(kind, batch, len(self.phases) * options.wallets, options.wallets, each))
        count = int(options.rate * options.paced)
        self.paced = Phase("mix", 1, len(self.phases) * options.wallets, options.wallets, count // options.wallets + 1)
        self.funded = funded((len(self.phases) + 1) * options.wallets)

    def sign(self) -> None:
        for phase in [*self.phases, self.paced]:
            phase.write(self._file(phase))

    def _file(self, phase: Phase) -> Path:
        return self.directory / f"{phase.first}.txt"

    @contextlib.asynccontextmanager
    async def subject(self, name: str, processes: Processes) -> AsyncIterator[Subject]:
        directory = self.directory / name
        directory.mkdir()
        if name == "verdict":
            opened = subjects.verdict(directory, processes, self.funded)
        elif name == "anvil":
            opened = subjects.anvil(directory, self.funded, subjects.find_anvil(self.options.anvil))
        else:
            opened = subjects.eth_tester(directory, self.funded, subjects.find_eth_tester(self.options.eth_tester))
        async with opened as subject:
            yield subject

    async def measure(self, subject: Subject) -> Figures:
        figures = Figures(subject.name)
        await self._set_up(subject)
        for phase in self.phases:
            job = {"mode": "send", "transactions": str(self._file(phase)), "seconds": self.options.seconds, "batch": phase.batch,
                   "connections": min(CONNECTIONS, phase.wallets), "patience": PATIENCE}
            run, _ = await self._load(subject, job)
            figures.sends.setdefault((phase.kind, phase.batch), []).append(run)
            rates = ", ".join(f"{stage} {rate:,.0f}" for stage, rate in run.rates.items())
            say(f"{subject.name}, {phase.kind}, {phase.batch} a request: {run.transactions} transactions; {rates} a second {run.refused or ''}")
        await self._wallets(subject, figures)
        await self._reads(subject, figures)
        return figures

    async def _load(self, subject: Subject, job: dict[str, Any]) -> tuple[Run, dict[str, Any]]:
        job["url"] = subject.url
        if subject.config is None:
            result = await client(job)
            return of_run(result, None), result
        async with Watch(subject) as watch:
            result = await client(job)
            last = max(int(number) for number, (_, _, ours) in result["blocks"].items() if ours)
            return of_run(result, await watch.settled(last, PATIENCE)), result

    async def _set_up(self, subject: Subject) -> None:
        raws = list(setup([*self.phases, self.paced]))
        async with Connection(subject.url) as connection:
            last = ""
            for raw in raws:
                last = await connection.call("eth_sendRawTransaction", "0x" + raw.hex())
            async with asyncio.timeout(PATIENCE):
                while await connection.call("eth_getTransactionReceipt", last) is None:
                    await asyncio.sleep(0.2)
            balance = await connection.call("eth_call", self._balance_call(), "latest")
        if int(balance, 16) == 0:
            raise RuntimeError(f"{subject.name}: the token was not handed out")

    def _balance_call(self) -> dict[str, str]:
        owner = self.paced.senders[0].address
        return {"from": "0x" + owner.hex(), "to": "0x" + TOKEN.hex(), "data": "0x70a08231" + owner.rjust(32, b"\0").hex()}

    def _estimate(self) -> dict[str, str]:
        return {"to": "0x" + TOKEN.hex(), "data": "0x" + transfer(self.paced.senders[1].address, 1).hex()}

    def _logs(self) -> dict[str, Any]:
        return {"address": "0x" + TOKEN.hex(), "topics": ["0x" + TRANSFER.hex()]}

    async def _wallets(self, subject: Subject, figures: Figures) -> None:
        """A steady rate with all the reads of wallets."""
        reads = {"senders": ["0x" + each.address.hex() for each in self.paced.senders], "call": self._balance_call(),
                 "estimate": self._estimate(), "logs": self._logs()}
        figures.paced, result = await self._load(subject, {
            "mode": "paced", "transactions": str(self._file(self.paced)), "rate": self.options.rate, "seconds": self.options.paced,
            "patience": PATIENCE, "reads": reads})
        figures.wallet, figures.to_receipt = result["took"], result["to_receipt"]
        say(f"{subject.name}, wallets: {figures.paced.transactions} transactions {figures.paced.refused or ''}")

    async def _reads(self, subject: Subject, figures: Figures) -> None:
        sender = "0x" + self.paced.senders[0].address.hex()
        async with Connection(subject.url) as connection:
            head = int(await connection.call("eth_blockNumber"), 16)
            number, hash_ = head, None
            while hash_ is None:  # the newest transaction that there is
                block = await connection.call("eth_getBlockByNumber", hex(number), False)
                hash_, number = next(iter(block["transactions"]), None), number - 1
        calls = {
            "eth_getTransactionReceipt": [hash_], "eth_getTransactionCount": [sender, "latest"],
            "eth_estimateGas": [{"from": sender, **self._estimate()}], "eth_call": [self._balance_call(), "latest"],
            "eth_getLogs": [{**self._logs(), "fromBlock": hex(max(0, head - 5)), "toBlock": "latest"}],
        }
        done = await client({"mode": "reads", "url": subject.url, "calls": calls, "seconds": READS, "connections": 16})
        for method, (rate, failed) in done.items():
            if failed:
                say(f"{subject.name}, {method}: {failed} calls failed")
            figures.reads[method] = rate


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def report(all_figures: Sequence[Figures], options: argparse.Namespace, client_ceiling: dict[int, float]) -> None:
    print(f"\n`python benchmarks/load/run.py --runs {options.runs} --seconds {options.seconds:g}`: {options.wallets} wallets at a time on "
          f"{min(CONNECTIONS, options.wallets)} connections, median of {options.runs} runs of {options.seconds:g} s. Python "
          f"{platform.python_version()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the end. The client alone, "
          f"against a server that answers at once: {client_ceiling[1]:,.0f} a second singly, {client_ceiling[BATCH]:,.0f} in batches of {BATCH}.\n")
    kinds = list(options.kinds)
    ours = all_figures[0] if all_figures[0].name == "Verdict" else None
    rows = []
    for figures in all_figures:
        for batch in (1, BATCH):
            medians = {kind: median_rates(figures.sends[kind, batch]) for kind in kinds}
            for stage in STAGES:
                if stage not in medians[kinds[0]]:
                    continue
                cells = []
                for kind in kinds:
                    rate = medians[kind][stage]
                    ratio = ""
                    if ours is not None and figures is not ours:
                        ratio = f" ({median_rates(ours.sends[kind, batch])[stage] / rate:.2g})"
                    cells.append(f"{rate:,.0f}{ratio}")
                rows.append([figures.name, "one" if batch == 1 else str(batch), stage, *cells])
    print(table(["node", "a request", "transactions a second", *kinds], rows))
    print(f"\nWallets that ask before and after, {options.rate:g} transactions a second; p50, p99 in ms:\n")
    methods = ["eth_getTransactionCount", "eth_estimateGas", "eth_call", "eth_getLogs", "eth_getTransactionReceipt"]
    rows = []
    for figures in all_figures:
        assert figures.paced is not None
        rows.append([figures.name, milliseconds(figures.paced.send), milliseconds(figures.paced.to_block), milliseconds(figures.to_receipt),
                     *(milliseconds(figures.wallet.get(method, [])) for method in methods)])
    print(table(["node", "send", "to its block", "to the receipt", *(method[4:] for method in methods)], rows))
    for figures in all_figures:
        if figures.paced is not None and figures.paced.to_safe:
            print(f"\n{figures.name}, from the send, p50, p99 in seconds: on L1 {seconds(figures.paced.to_posted)}; "
                  f"safe {seconds(figures.paced.to_safe)} (L1 blocks of {subjects.L1_BLOCK_TIME:g} s, a batch every {subjects.BATCH_INTERVAL:g} s).")
    print("\nOne method at a time, 16 connections, calls a second (in brackets: how many times faster Verdict is):\n")
    rows = [[figures.name, *(
        f"{figures.reads[method]:,.0f}" + (f" ({ours.reads[method] / figures.reads[method]:.2g})" if ours and figures is not ours else "")
        for method in methods)] for figures in all_figures]
    print(table(["node", *(method[4:] for method in methods)], rows))


async def main(options: argparse.Namespace) -> list[Figures]:
    for name, find in (("anvil", lambda: subjects.find_anvil(options.anvil)), ("eth-tester", lambda: subjects.find_eth_tester(options.eth_tester))):
        if name in options.nodes:
            try:
                find()
            except NotInstalled as missing:
                say(f"left out: {missing}")
                options.nodes = [each for each in options.nodes if each != name]
    with tempfile.TemporaryDirectory(prefix="verdict-load-") as made, Processes(Path(made)) as processes:
        bench = Bench(options, Path(made))
        bench.sign()
        client_ceiling = {batch: await ceiling(client, bench._file(bench.phases[0]), batch) for batch in (1, BATCH)}
        done = []
        for name in options.nodes:
            async with bench.subject(name, processes) as subject:
                done.append(await bench.measure(subject))
    report(done, options, client_ceiling)
    return done


def arguments(given: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--wallets", type=int, default=100, help="at a time; each stretch of load has others")
    parser.add_argument("--seconds", type=float, default=2.0, help="of each stretch of load")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=list(KINDS))
    parser.add_argument("--nodes", nargs="+", choices=NODES, default=list(NODES))
    parser.add_argument("--most", type=int, default=4000, help="transactions a second that are signed beforehand")
    parser.add_argument("--rate", type=float, default=20.0, help="transactions a second of the wallets that read, too")
    parser.add_argument("--paced", type=float, default=8.0, help="seconds of those")
    parser.add_argument("--anvil", help="the program; otherwise ANVIL, PATH, solidity/node_modules")
    parser.add_argument("--eth-tester", help="a Python that has it; otherwise ETH_TESTER_PYTHON")
    return parser.parse_args(given)


if __name__ == "__main__":
    asyncio.run(main(arguments()))
