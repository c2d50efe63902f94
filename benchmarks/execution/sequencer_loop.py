"""The loop of a sequencer: decode, recover, check, execute; roots and commitment after every transaction; each block
sealed and stored durably (LMDB, on disk). One process, one core, the full state.

    python benchmarks/execution/sequencer_loop.py [--accounts 1000] [--transactions 3000] [--runs 3]
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from benchmarks.execution.machine import one_core, say
from benchmarks.execution.workloads import (
    RULES,
    SENDERS,
    World,
    attributes,
    build_world,
    series,
    transactions,
)
from chain.store import ChainStore
from execution.abi import commitment
from execution.block import BlockBuilder
from execution.transactions import _cached, decode_transaction
from execution.types import StepState

BLOCK = 500  # transactions


def run(world: World, raws: list[bytes]) -> float:
    """Transactions a second."""
    _cached.cache_clear()
    with tempfile.TemporaryDirectory(prefix="verdict-bench-") as directory:
        store = ChainStore.open(Path(directory) / "chain", (world.header, world.nodes, world.codes))
        try:
            start = time.perf_counter()
            parent = store.head
            for first in range(0, len(raws), BLOCK):
                state = store.world_at(parent)
                hashes = store.block_hashes(parent)
                builder = BlockBuilder.open(RULES, state, parent, attributes(parent.timestamp + 1), hashes)
                senders = []
                for raw in raws[first : first + BLOCK]:
                    receipt = builder.apply(raw)
                    assert receipt.succeeded
                    commitment(StepState(state.root(), parent.hash, builder.open_block))
                    senders.append(decode_transaction(raw).sender)
                sealed = builder.seal()
                store.put_block(sealed, state.new_nodes(), state.new_codes(), senders=senders)
                parent = sealed.header
            return len(raws) / (time.perf_counter() - start)
        finally:
            store.close()


def measure(world: World, accounts: int, count: int, runs: int) -> dict[str, float]:
    """kind -> median transactions a second."""
    makers: dict[str, Callable[[int, int], bytes]] = transactions(world, accounts)
    return {kind: statistics.median(run(world, raws) for _ in range(runs))
            for kind, raws in ((kind, series(make, count)) for kind, make in makers.items())}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--accounts", type=int, default=1000)
    parser.add_argument("--transactions", type=int, default=3000)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    if options.accounts <= SENDERS:
        parser.error(f"--accounts must be above {SENDERS}")
    one_core()
    say("Sequencer loop", "tx/s with roots and commitment after every transaction, each block of "
        f"{BLOCK} stored durably; {options.accounts:,} accounts, median of {options.runs} runs")
    world = build_world(options.accounts)
    for kind, speed in measure(world, options.accounts, options.transactions, options.runs).items():
        print(f"{kind:18} {speed:8,.0f} tx/s")


if __name__ == "__main__":
    main()
