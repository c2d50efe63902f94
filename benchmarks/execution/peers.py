"""The same transactions through other implementations as they come: py-evm, EELS, @ethereumjs/vm, beside ours.

    python benchmarks/execution/peers.py [--transactions 300] [--runs 3]

Each engine decodes, recovers the sender, checks, executes and makes receipts on the full state of a small world, in
memory. Ours, py-evm and ethereumjs compute the state root after every transaction, EELS once at the end (it computes
roots of dictionaries anew each time). All must end at the same state root. ethereumjs runs where Node and engines/ethereumjs/node_modules are.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from benchmarks.execution.machine import one_core, say
from benchmarks.execution.workloads import (
    BASE_FEE,
    CHAIN_ID,
    FEE_RECIPIENT,
    GAS_LIMIT,
    ROOT,
    World,
    build_world,
    dump,
    series,
    transactions,
)

ACCOUNTS = 1000
Run = tuple[float, bytes]
"""Seconds, and the state root at the end."""


def ours(world: World, raws: list[bytes]) -> Run:
    from execution.block import BlockBuilder
    from execution.transactions import _cached

    _cached.cache_clear()
    builder, state = _block(world, BlockBuilder)
    start = time.perf_counter()
    for raw in raws:
        assert builder.apply(raw).succeeded
        state.root()
    return time.perf_counter() - start, state.root()


def _block(world: World, builder: type) -> tuple:
    """A block without the system calls at its start, which other engines' loops here leave out too."""
    from benchmarks.execution.workloads import RULES, attributes
    from execution.encoding import EMPTY_ROOT
    from execution.types import EMPTY_BLOOM, OpenBlock
    from execution.world import WorldState

    state = WorldState(world.source(), world.header.state_root)
    opened = OpenBlock(1, attributes(1), BASE_FEE, 0, 0, 0, EMPTY_BLOOM, EMPTY_ROOT, EMPTY_ROOT, b"")
    return builder(RULES, state, world.header.hash, opened, world.source(), lambda number: bytes(32)), state


def py_evm(world: World, raws: list[bytes]) -> Run:
    from eth.chains.base import MiningChain
    from eth.consensus.noproof import NoProofConsensus
    from eth.db.atomic import AtomicDB
    from eth.vm.forks.prague import PragueVM

    vm_class = PragueVM.configure(consensus_class=NoProofConsensus)
    chain_class = MiningChain.configure(vm_configuration=((0, vm_class),), chain_id=CHAIN_ID)
    state = {
        address: {"balance": entry.balance, "nonce": entry.nonce, "code": entry.code, "storage": dict(entry.storage)}
        for address, entry in _whole_alloc(world).items()
    }
    parameters = {"difficulty": 0, "gas_limit": GAS_LIMIT, "timestamp": 0, "base_fee_per_gas": BASE_FEE}
    chain = chain_class.from_genesis(AtomicDB(), parameters, state)
    vm = chain.get_vm()
    header = vm.get_header().copy(coinbase=FEE_RECIPIENT, timestamp=1, base_fee_per_gas=BASE_FEE)
    vm = vm_class(header=header, chaindb=chain.chaindb, chain_context=vm.chain_context, consensus_context=vm.consensus_context)
    builder = vm.get_transaction_builder()
    start = time.perf_counter()
    for raw in raws:
        receipt, computation = vm.apply_transaction(header, builder.decode(raw))
        assert not computation.is_error
        vm.state.persist()
        header = header.copy(gas_used=receipt.gas_used)
    return time.perf_counter() - start, vm.state.state_root


def eels(world: World, raws: list[bytes]) -> Run:
    from ethereum.forks.prague import fork, vm
    from ethereum.forks.prague.fork_types import Account, Address
    from ethereum.forks.prague.state import State, set_account, set_storage, state_root
    from ethereum.forks.prague.transactions import decode_transaction
    from ethereum_types.bytes import Bytes, Bytes32
    from ethereum_types.numeric import U64, U256, Uint

    state = State()
    for address, entry in _whole_alloc(world).items():
        set_account(state, Address(address), Account(Uint(entry.nonce), U256(entry.balance), Bytes(entry.code)))
        for slot, value in entry.storage.items():
            set_storage(state, Address(address), Bytes32(slot.to_bytes(32, "big")), U256(value))
    environment = vm.BlockEnvironment(
        chain_id=U64(CHAIN_ID), state=state, block_gas_limit=Uint(GAS_LIMIT), block_hashes=[],
        coinbase=Address(FEE_RECIPIENT), number=Uint(1), base_fee_per_gas=Uint(BASE_FEE), time=U256(1),
        prev_randao=Bytes32(bytes(32)), excess_blob_gas=U64(0), parent_beacon_block_root=Bytes32(bytes(32)),
    )  # fmt: skip
    output = vm.BlockOutput()
    start = time.perf_counter()
    for index, raw in enumerate(raws):
        fork.process_transaction(environment, output, decode_transaction(Bytes(raw)), Uint(index))
    root = state_root(state)
    return time.perf_counter() - start, bytes(root)


def ethereumjs(world: World, raws: list[bytes]) -> Run:
    """Raises FileNotFoundError where it is not installed."""
    modules = ROOT / "engines" / "ethereumjs" / "node_modules"
    if not modules.is_dir():
        raise FileNotFoundError(f"{modules} is not there")
    with tempfile.TemporaryDirectory(prefix="verdict-bench-") as directory:
        file = Path(directory) / "workload.json"
        dump(world, _whole_alloc(world), raws, file)
        script = Path(__file__).with_name("ethereumjs_loop.mjs")
        done = subprocess.run(["node", str(script), str(modules), str(file)], check=True, capture_output=True, text=True)
    answer = json.loads(done.stdout)
    return answer["seconds"], bytes.fromhex(answer["root"].removeprefix("0x"))


def _whole_alloc(world: World) -> dict:
    from execution.genesis import SYSTEM_CONTRACTS

    return {**SYSTEM_CONTRACTS, **world.alloc}


ENGINES: dict[str, Callable[[World, list[bytes]], Run]] = {
    "Verdict": ours, "py-evm": py_evm, "EELS": eels, "@ethereumjs/vm": ethereumjs,
}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--transactions", type=int, default=300)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    one_core()
    say("Full state, side by side", f"tx/s over {options.transactions} transactions of a kind, {ACCOUNTS:,} accounts, "
        f"median of {options.runs} runs; in brackets how many times faster Verdict is")
    world = build_world(ACCOUNTS)
    makers = transactions(world, ACCOUNTS)
    speeds: dict[str, dict[str, float]] = {name: {} for name in ENGINES}
    for kind, make in makers.items():
        raws = series(make, options.transactions)
        roots = {}
        for name, engine in ENGINES.items():
            try:
                runs = [engine(world, raws) for _ in range(options.runs)]
            except FileNotFoundError as error:
                print(f"  {name} left out: {error}", file=sys.stderr)
                continue
            speeds[name][kind] = len(raws) / statistics.median(seconds for seconds, _ in runs)
            roots[name] = runs[0][1]
        assert len(set(roots.values())) == 1, {name: root.hex() for name, root in roots.items()}
    print("| engine | " + " | ".join(makers) + " |\n|" + "---|" * (len(makers) + 1))
    for name, by_kind in speeds.items():
        cells = (f"{speed:,.0f} ({speeds['Verdict'][kind] / speed:.1f})" for kind, speed in by_kind.items())
        if by_kind:
            print(f"| {name} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
