"""EXECUTE by each engine: one transaction from a StepState in mid-block, in an engine's own process, without its start.

    python benchmarks/execution/verdicts.py [--accounts 1000] [--transactions 30]

Medians over different transactions, so no engine answers from a cache; senders are recovered each time. py-evm here is
Verdict's first engine (its own trie, journal and transaction rules around py-evm's interpreter).
"""

from __future__ import annotations

import argparse
import logging
import statistics
import sys
import time
from pathlib import Path

import structlog

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from benchmarks.execution.machine import one_core, say
from benchmarks.execution.workloads import RULES, SENDERS, World, build_world, transactions
from engines.process import EngineProcess
from engines.registry import ENGINES
from engines.wire import encode_request
from execution.abi import encode_trace
from execution.rules import L2_TX_GAS_CAP
from execution.types import Trace, Transaction
from execution.witness import build_witness

TIME_LIMIT, MEMORY_LIMIT = 60.0, 4 << 30


def requests(world: World, accounts: int, count: int) -> dict[str, list[bytes]]:
    headers = {world.header.hash: world.header.rlp()}.__getitem__
    found: dict[str, list[bytes]] = {}
    for kind, make in transactions(world, accounts).items():
        machine = world.machine()
        for index in range(count):
            step = Transaction(make(index % SENDERS, index // SENDERS))
            pre, source = machine.state, machine.roots_source()
            post, gas, witness = build_witness(RULES, pre, [step], source, headers)
            trace = encode_trace(Trace(RULES.chain_id, "prague", L2_TX_GAS_CAP, pre, post, (step,), witness))
            found.setdefault(kind, []).append(encode_request(pre.state_root, post.state_root, gas, trace))
            machine.step(step)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--accounts", type=int, default=1000)
    parser.add_argument("--transactions", type=int, default=30)
    options = parser.parse_args()
    if options.accounts <= SENDERS:
        parser.error(f"--accounts must be above {SENDERS}")
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    one_core()
    say("EXECUTE by engine", f"median ms of {options.transactions} transactions of a kind, {options.accounts:,} accounts")
    asked = requests(build_world(options.accounts), options.accounts, options.transactions)
    print("| engine | " + " | ".join(asked) + " |\n|" + "---|" * (len(asked) + 1))
    for name, spec in ENGINES.items():
        if missing := spec.missing():
            print(f"  {name} left out: {missing}", file=sys.stderr)
            continue
        process = EngineProcess(name, spec.command(TIME_LIMIT, MEMORY_LIMIT), TIME_LIMIT, spec.start_limit)
        try:
            cells = []
            for kind in asked.values():
                for request in kind[:3]:  # the process starts, and V8 warms up
                    assert process.ask(request).result, name
                times = []
                for request in kind:
                    start = time.perf_counter()
                    assert process.ask(request).result, name
                    times.append(time.perf_counter() - start)
                cells.append(f"{1000 * statistics.median(times):.1f}")
        finally:
            process.close()
        print(f"| {name} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
