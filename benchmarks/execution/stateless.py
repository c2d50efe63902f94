"""One transaction as a step proof: bytes of its witness, time to record it, time of EXECUTE over it, as the state grows.

    python benchmarks/execution/stateless.py [--accounts 1000 100000 1000000] [--transactions 100]

Every transaction is judged by itself from a StepState in mid-block, as in a dispute. Times are medians over the
transactions and leave out the start of a process; senders are recovered each time. "Bytes" are the RLP of the witness (nodes, codes);
the post's discussion expects about 200 KB for a million gas of an ordinary block.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from benchmarks.execution.machine import one_core, say
from benchmarks.execution.workloads import RULES, SENDERS, World, build_world, transactions
from execution.abi import encode_trace, encode_witness
from execution.execute import execute
from execution.rules import L2_TX_GAS_CAP
from execution.transactions import _cached
from execution.types import Trace, Transaction
from execution.witness import build_witness

POST_BYTES_PER_MGAS = 200_000


@dataclass(frozen=True)
class Proof:
    """Bytes and seconds of one transaction."""

    gas: int
    nodes: int
    codes: int
    trace: int
    recorded: float
    judged: float


def proofs(world: World, make: Callable[[int, int], bytes], count: int) -> list[Proof]:
    machine = world.machine()
    headers = {world.header.hash: world.header.rlp()}.__getitem__
    found = []
    for index in range(count):
        step = Transaction(make(index % SENDERS, index // SENDERS))
        pre, source = machine.state, machine.roots_source()
        _cached.cache_clear()
        start = time.perf_counter()
        post, gas, witness = build_witness(RULES, pre, [step], source, headers)
        recorded = time.perf_counter() - start
        trace = encode_trace(Trace(RULES.chain_id, "prague", L2_TX_GAS_CAP, pre, post, (step,), witness))
        _cached.cache_clear()
        start = time.perf_counter()
        verdict = execute(pre.state_root, post.state_root, gas, trace)
        judged = time.perf_counter() - start
        assert verdict.result, verdict
        nodes = len(encode_witness(witness)) - sum(map(len, witness.codes))
        found.append(Proof(gas, nodes, sum(map(len, witness.codes)), len(trace), recorded, judged))
        machine.step(step)
    return found


def row(accounts: int, kind: str, found: list[Proof]) -> str:
    def median(field: str) -> float:
        return statistics.median(getattr(proof, field) for proof in found)

    per_mgas = (median("nodes") + median("codes")) / median("gas") * 1e6
    return (
        f"| {accounts:,} | {kind} | {median('gas'):,.0f} | {median('nodes'):,.0f} | {median('codes'):,.0f} | {median('trace'):,.0f} "
        f"| {per_mgas / 1000:,.0f} KB ({per_mgas / POST_BYTES_PER_MGAS:.1f}) "
        f"| {1000 * median('recorded'):.2f} | {1000 * median('judged'):.2f} |"
    )


def segments(world: World, accounts: int, sizes: list[int]) -> None:
    """A row for each number of transactions (a third of each kind) that are judged in one call of EXECUTE."""
    makers = list(transactions(world, accounts).values())
    headers = {world.header.hash: world.header.rlp()}.__getitem__
    for size in sizes:
        machine = world.machine()
        steps = [Transaction(makers[i % 3](i % SENDERS, i // SENDERS)) for i in range(size)]
        pre, source = machine.state, machine.roots_source()
        post, gas, witness = build_witness(RULES, pre, steps, source, headers)
        trace = encode_trace(Trace(RULES.chain_id, "prague", L2_TX_GAS_CAP, pre, post, tuple(steps), witness))
        _cached.cache_clear()
        start = time.perf_counter()
        assert execute(pre.state_root, post.state_root, gas, trace).result
        judged = time.perf_counter() - start
        in_bytes = len(encode_witness(witness))
        print(f"| {accounts:,} | {size:,} | {gas / size:,.0f} | {in_bytes / size:,.0f} | {len(trace) / size:,.0f} "
              f"| {in_bytes / gas * 1000:,.0f} KB ({in_bytes / gas * 1e6 / POST_BYTES_PER_MGAS:.2f}) "
              f"| {1000 * judged / size:.2f} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--accounts", type=int, nargs="+", default=[1_000, 100_000, 1_000_000])
    parser.add_argument("--transactions", type=int, default=100)
    parser.add_argument("--segments", type=int, nargs="+", default=[1, 10, 100, 1000])
    options = parser.parse_args()
    if min(options.accounts) <= SENDERS:
        parser.error(f"--accounts must be above {SENDERS}")
    one_core()
    say("Step proofs", f"medians over {options.transactions} transactions of a kind")
    for accounts in options.accounts:
        world = build_world(accounts)
        print("\n| accounts | transaction | L2 gas | nodes, B | codes, B | trace, B "
              "| witness per Mgas (times the post's 200 KB) | record, ms | EXECUTE, ms |")
        print("|---|---|---|---|---|---|---|---|---|")
        for kind, make in transactions(world, accounts).items():
            print(row(accounts, kind, proofs(world, make, options.transactions)), flush=True)
        print("\nMany transactions in one call (a third of each kind), per transaction:\n")
        print("| accounts | transactions | L2 gas | witness, B | trace, B | witness per Mgas (times the post's 200 KB) | EXECUTE, ms |")
        print("|---|---|---|---|---|---|---|")
        segments(world, accounts, options.segments)
        del world


if __name__ == "__main__":
    main()
