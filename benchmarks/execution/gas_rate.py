"""Million gas a second of the slowest known transactions: gas does not bound time equally.

    python benchmarks/execution/gas_rate.py [--seconds 0.5] [--slowest 40] [--only WORD]

Each is a real transaction, judged by EXECUTE from its witness alone, as in a dispute. The gas it gets is raised until it
takes `--seconds` of CPU time; the last columns are for the largest transaction a rollup takes, 2^24 gas: what matters is that it can
be proved within the L1's time limit for one call (20 s, docs/configuration.md), and how many bytes its witness has.
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from benchmarks.execution.machine import one_core, say
from benchmarks.execution.slowest import ME, Case, cases
from execution.abi import encode_trace, encode_witness
from execution.execute import execute
from execution.genesis import GenesisAccount, build_genesis
from execution.rules import L2_TX_GAS_CAP, Rules
from execution.step import Machine, OverlaySource
from execution.transactions import _cached
from execution.trie import NoSource
from execution.types import BlockAttributes, BlockStart, StepState, Trace, Transaction
from execution.vm import jump_destinations
from execution.witness import build_witness
from tests.unit.execution.wallet import Wallet

SENDER = Wallet.number(1)
ATTRIBUTES = BlockAttributes(1, b"\xfe" * 20, bytes(32), 30_000_000, bytes(32))


@dataclass(frozen=True)
class Rate:
    name: str
    gas: int
    seconds: float
    witness: int  # bytes

    @property
    def mgas(self) -> float:
        return self.gas / 1e6 / self.seconds

    def of_largest(self, what: float) -> float:
        return what * L2_TX_GAS_CAP / self.gas


class Arena:
    """A chain with the case's contracts, in the middle of its first block."""

    def __init__(self, case: Case) -> None:
        alloc = {SENDER.address: GenesisAccount(10**24), ME: GenesisAccount(10**24, 1, case.code, case.storage)}
        genesis, nodes, codes = build_genesis(alloc | case.others, 1, 30_000_000, 0, 10**9)
        self.case, self.rules, self.headers = case, Rules(1), {genesis.hash: genesis.rlp()}
        start = StepState(genesis.state_root, genesis.hash)
        source = OverlaySource(nodes, codes, NoSource())
        machine = Machine(self.rules, source, start, self.headers.__getitem__)
        machine.step(BlockStart(ATTRIBUTES))
        self.pre, self.source = machine.state, machine.roots_source()

    def judge(self, gas_limit: int) -> Rate:
        step = Transaction(SENDER.typed(gas=gas_limit, to=ME, data=self.case.data))
        machine = Machine(self.rules, self.source, self.pre, self.headers.__getitem__)
        receipt = machine.step(step).receipt
        assert receipt is not None and receipt.succeeded, self.case.name
        post, gas, witness = build_witness(self.rules, self.pre, [step], self.source, self.headers.__getitem__)
        trace = encode_trace(Trace(1, "prague", L2_TX_GAS_CAP, self.pre, post, (step,), witness))
        _cached.cache_clear()
        jump_destinations.cache_clear()
        start = time.process_time()
        verdict = execute(self.pre.state_root, post.state_root, gas, trace)
        seconds = time.process_time() - start
        assert verdict.result, verdict
        return Rate(self.case.name, gas, seconds, len(encode_witness(witness)))


def measure(case: Case, enough: float) -> Rate:
    """Twice at the gas that takes `enough` seconds: the better one."""
    arena, gas = Arena(case), min(case.first_gas, case.gas_limit)
    rate = arena.judge(gas)
    while rate.seconds < enough and gas < case.gas_limit:
        gas = min(case.gas_limit, int(gas * min(max(1.2 * enough / rate.seconds, 1.5), 16)))
        rate = arena.judge(gas)
    return min(rate, arena.judge(gas), key=lambda found: found.seconds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=0.5)
    parser.add_argument("--slowest", type=int, default=40, help="how many to print")
    parser.add_argument("--only", default="", help="cases with this word in their name")
    options = parser.parse_args()
    one_core()
    say("Gas rate", "the slowest known transactions in a stateless EXECUTE, slowest first")
    rates = [measure(case, options.seconds) for case in cases() if options.only.lower() in case.name.lower()]
    print(f"{'':42} {'Mgas/s':>8} {'2^24 gas':>10} {'its witness':>12}")
    for rate in sorted(rates, key=lambda rate: rate.mgas)[: options.slowest]:
        size = rate.of_largest(rate.witness) / 1e6
        print(f"{rate.name:42} {rate.mgas:8.2f} {rate.of_largest(rate.seconds):8.1f} s {size:9.2f} MB")


if __name__ == "__main__":
    main()
