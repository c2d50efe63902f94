"""What a dispute costs either side: L1 transactions, gas, bytes, L1 blocks, for strides 1, 16 and the batch, and arities 2, 4 and 16.

    python benchmarks/disputes.py [--transfers 24] [--strides 1 16 0] [--arities 2 4 16] [--runs 1]

A liar asserts a batch in which one transfer in the middle also gives it a fortune, and plays every move correctly to the end; a
challenger finds it and kills it. Both are the real ones, on the embedded L1, in real blobs; figures are read from L1's receipts. Prints
markdown tables for docs/benchmarks.md; the second is computed from the moves of the first.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
os.environ.setdefault("ETH_HASH_BACKEND", "pysha3")

from eth_account import Account

from l1.artifacts import artifact
from tests.adversarial.kit import Devnet, Stage
from tests.adversarial.kit.lies import LIES
from verdict.config.game import MAX_STEPS_PER_BATCH, rounds_needed

L1_BLOCK_TIME = 1.0  # seconds
CLOCK, WINDOW = 6 * 3600, 24 * 3600
FUNCTIONS = {shape.selector: name for name, shape in artifact("Rollup").functions.items()}
BLOB = 131_072
MOVES = ("makeAssertion", "openGame", "split", "pick", "proveStep", "proveStepInGame")


@dataclass(frozen=True)
class Call:
    """One L1 transaction to the Rollup. Sizes in bytes."""

    name: str
    by: str  # "challenger", "asserter"
    block: int
    gas: int
    calldata: int
    blobs: int


@dataclass
class Dispute:
    """From the lie's assertion to its death. `seconds` by the wall clock."""

    stride: int
    arity: int
    steps: int
    calls: list[Call] = field(default_factory=list)
    seconds: float = 0.0

    def of(self, by: str) -> list[Call]:
        return [each for each in self.calls if each.by == by]

    def gas(self, name: str) -> list[int]:
        return [each.gas for each in self.calls if each.name == name]

    @property
    def rounds(self) -> int:
        return len(self.gas("pick"))

    @property
    def blocks(self) -> int:
        """L1 blocks after the one with the assertion."""
        return max(each.block for each in self.calls) - min(each.block for each in self.calls)


async def play(directory: Path, stride: int, arity: int, transfers: int) -> Dispute:
    overrides = {"dispute.stride": stride, "dispute.arity": arity, "dispute.window": f"{WINDOW}s", "dispute.clock": f"{CLOCK}s",
                 "sequencer.assert_batches": False, "sequencer.batch_interval": f"{max(4, transfers // 100)}s",
                 "sequencer.mempool.max_per_sender": max(64, transfers), "rollup.gas_limit": 1_000_000_000}
    stage = Stage(directory)
    async with Devnet(stage, overrides, block_time=L1_BLOCK_TIME, queued=False) as net, net.sequencer():
        await _transfers(net, transfers)
        truth = await net.truth(0)
        lie = await net.arena.node.in_thread(LIES["steals in a transaction"], truth)
        async with net.challenger() as honest:
            began = time.monotonic()
            async with net.asserter(lie) as liar:
                await net.dies(liar, by=honest)
                seconds = time.monotonic() - began
                calls = await _calls(net, {honest.address: "challenger", liar.address: "asserter"})
    return Dispute(stride, arity, truth.steps, calls, seconds)


async def _transfers(net: Devnet, count: int) -> None:
    """All of them in one batch: signed first, then sent in one go."""
    sender = net.account(6)
    raws = [sender.sign_transaction({
        "nonce": nonce, "chainId": 42069, "gas": 21_000, "value": 1, "to": Account.create().address, "maxFeePerGas": 10**11,
        "maxPriorityFeePerGas": 10**9}).raw_transaction for nonce in range(count)]
    l2 = net.l2()
    try:
        for raw in raws:
            await l2.eth.send_raw_transaction(raw)
    finally:
        await l2.provider.disconnect()  # type: ignore[attr-defined]


async def _calls(net: Devnet, sides: dict[bytes, str]) -> list[Call]:
    """What these two sent to the Rollup, with L1's receipts."""
    found = []
    rollup = net.deployment.rollup.lower()
    for number in range(net.deployment.block_number, (await net.rpc.head()).number + 1):
        block: Any = await net.w3.eth.get_block(number, True)
        for sent in block["transactions"]:
            by = sides.get(bytes.fromhex(sent["from"][2:]))
            if by is None or (sent.get("to") or "").lower() != rollup:
                continue
            receipt = await net.w3.eth.get_transaction_receipt(sent["hash"])
            data = bytes(sent["input"])
            if not receipt["status"]:
                raise AssertionError(f"{by}'s {FUNCTIONS[data[:4]]} failed")
            name = FUNCTIONS[data[:4]]
            if name in MOVES:
                found.append(Call(name, by, number, receipt["gasUsed"], len(data), len(sent.get("blobVersionedHashes") or ())))
    return found


def row(runs: Sequence[Dispute]) -> list[str]:
    """Medians."""
    def median(figure: Any) -> float:
        return statistics.median(figure(each) for each in runs)

    first = runs[0]
    cells = ["batch" if first.stride == 0 else str(first.stride), "any" if first.stride == 1 else str(first.arity), str(first.steps),
             f"{median(lambda each: each.rounds):.0f}"]
    for by in ("challenger", "asserter"):
        sides = [each.of(by) for each in runs]
        cells += [f"{statistics.median(map(len, sides)):.0f}",
                  *(f"{statistics.median(sum(getattr(call, figure) for call in side) for side in sides):,.0f}" for figure in ("gas", "calldata"))]
    cells[-1] += f" and {sum(each.blobs for each in first.of('asserter'))} blob"
    return [*cells, f"{median(lambda each: each.blocks):.0f}", f"{median(lambda each: each.seconds):.0f}"]


def computed(disputes: Sequence[Dispute]) -> list[list[str]]:
    """A lie in the largest batch there can be, from the medians of moves as they were measured: a game takes one openGame, `rounds` splits and
    as many picks, and one proof."""
    def gas(name: str, arity: int | None = None) -> float:
        return statistics.median(each for dispute in disputes if arity is None or dispute.arity == arity for each in dispute.gas(name))

    rows = []
    for stride, arity in sorted({(each.stride, each.arity) for each in disputes if each.stride != 1}, reverse=True):
        rounds = rounds_needed(stride or MAX_STEPS_PER_BATCH, arity)
        challenger = gas("openGame") + rounds * gas("pick", arity) + gas("proveStepInGame")
        rows.append(["batch" if stride == 0 else str(stride), str(arity), str(rounds), str(rounds + 2), f"{challenger:,.0f}",
                     str(rounds), f"{rounds * gas('split', arity):,.0f}", str(2 * rounds + 2)])
    return rows


def moves(disputes: Sequence[Dispute]) -> list[list[str]]:
    rows = []
    for name in MOVES:
        for arity in sorted({each.arity for each in disputes}):
            calls = [each for dispute in disputes if dispute.arity == arity for each in dispute.calls if each.name == name]
            if calls and (name in ("split", "pick") or not any(row[0].startswith(f"`{name}`") for row in rows)):
                which = f"`{name}`, arity {arity}" if name in ("split", "pick") else f"`{name}`"
                rows.append([which, f"{statistics.median(each.gas for each in calls):,.0f}",
                             f"{statistics.median(each.calldata for each in calls):,.0f}"])
    return rows


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    return "\n".join([*lines, *("| " + " | ".join(each) + " |" for each in rows)])


async def main(options: argparse.Namespace) -> list[Dispute]:
    done: list[Dispute] = []
    rows = []
    for stride in options.strides:
        for arity in options.arities[:1] if stride == 1 else options.arities:
            runs = []
            for _ in range(options.runs):
                with tempfile.TemporaryDirectory(prefix="verdict-bench-") as directory:
                    runs.append(await play(Path(directory), stride, arity, options.transfers))
                print(f"stride {stride}, arity {arity}: {runs[-1].seconds:.0f} s", file=sys.stderr, flush=True)
            rows.append(row(runs))
            done += runs
    print(f"\n`python benchmarks/disputes.py --transfers {options.transfers} --runs {options.runs}`; Python {platform.python_version()}, {os.cpu_count()} cores, "
          f"load {os.getloadavg()[0]:.1f} at the end; L1 blocks of {L1_BLOCK_TIME:g} s. From the false assertion to its death:\n")
    print(table(["stride", "arity", "steps", "rounds", "challenger's transactions", "gas", "calldata, bytes", "liar's transactions", "gas", "calldata, bytes",
                 "L1 blocks", "seconds"], rows))
    print("\nThe moves, medians:\n")
    print(table(["move", "gas", "calldata, bytes"], moves(done)))
    print(f"\nThe same lie in the largest batch there can be ({MAX_STEPS_PER_BATCH:,} steps), computed from those: 1 openGame, a split and a pick for each "
          "round, 1 proof. Each move waits for the one before it, so a game takes at least as many L1 blocks as it has moves:\n")
    print(table(["stride", "arity", "rounds", "challenger's transactions", "gas", "liar's splits", "gas", "moves"], computed(done)))
    return done


def arguments(given: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--transfers", type=int, default=24, help="L2 transactions of the batch")
    parser.add_argument("--strides", type=int, nargs="+", default=[1, 16, 0])
    parser.add_argument("--arities", type=int, nargs="+", default=[2, 4, 16])
    parser.add_argument("--runs", type=int, default=1)
    return parser.parse_args(given)


if __name__ == "__main__":
    asyncio.run(main(arguments()))
