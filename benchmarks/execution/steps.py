"""Transactions a second in a Machine, with the state root and the partial roots after every one.

python benchmarks/execution/steps.py [transactions]
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from execution.abi import commitment, encode_trace
from execution.encoding import keccak
from execution.execute import execute
from execution.genesis import GenesisAccount, build_genesis
from execution.rules import Rules
from execution.step import Machine, OverlaySource
from execution.transactions import _cached
from execution.trie import NoSource
from execution.types import BlockAttributes, BlockStart, StepState, Trace, Transaction
from execution.witness import build_witness
from tests.unit.execution.wallet import Wallet

# transfer(to, amount): balances in slots keccak(address), moved and logged, no checks: the work of an ERC-20.
TOKEN = bytes.fromhex(
    "335f5260205f20805460243590036024356004355f5260205f2080548201905590556024355f52"
    "60043533"
    "7fddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef"
    "60205fa3"
    "60015f5260205ff3"
)


def main(count: int) -> None:
    wallets = [Wallet.number(i + 1) for i in range(20)]
    alloc = {wallet.address: 10**21 for wallet in wallets}
    token = b"\x70" * 20
    alloc |= {keccak(i.to_bytes(8, "big"))[:20]: 10**18 for i in range(100_000)}
    alloc[token] = GenesisAccount(
        nonce=1, code=TOKEN,
        storage={int.from_bytes(keccak(w.address.rjust(32, b"\0")), "big"): 10**18 for w in wallets},
    )  # fmt: skip
    header, nodes, codes = build_genesis(alloc, 1, 10**9, 0, 10**9)
    source = OverlaySource(nodes, codes, NoSource())
    headers = {header.hash: header.rlp()}
    rules = Rules(1)
    attributes = BlockAttributes(1, b"\xfe" * 20, bytes(32), 10**9, bytes(32))
    target = keccak(b"target")[:20]
    kinds = {
        "ETH transfers": lambda w, n: w.typed(
            nonce=n, to=keccak(bytes((n % 256,)))[:20], value=1, gas=21_000
        ),
        "token transfers": lambda w, n: w.typed(
            nonce=n, to=token, data=bytes(4) + target.rjust(32, b"\0") + (1).to_bytes(32, "big")
        ),
    }
    for name, make in kinds.items():
        raws = [make(wallets[i % 20], i // 20) for i in range(count)]
        _cached.cache_clear()
        machine = Machine(rules, source, StepState(header.state_root, header.hash), headers.__getitem__)
        machine.step(BlockStart(attributes))
        start = time.perf_counter()
        for raw in raws:
            outcome = machine.step(Transaction(raw))
            assert outcome.receipt is not None and outcome.receipt.succeeded, outcome
        seconds = time.perf_counter() - start
        print(f"{name}: {count / seconds:,.0f} tx/s, roots after each")
        start = time.perf_counter()
        for _ in range(1000):
            commitment(machine.state)
        print(f"  commitment: {time.perf_counter() - start:.3f} ms")
        pre, behind = machine.state, machine.roots_source()
        raw = make(wallets[0], count // 20)
        start = time.perf_counter()
        post, gas, witness = build_witness(rules, pre, [Transaction(raw)], behind, headers.__getitem__)
        built = time.perf_counter() - start
        trace = encode_trace(Trace(1, "prague", 1 << 24, pre, post, (Transaction(raw),), witness))
        _cached.cache_clear()
        start = time.perf_counter()
        verdict = execute(pre.state_root, post.state_root, gas, trace)
        print(
            f"  witness {sum(map(len, witness.state)):,} B nodes, built in {1000 * built:.1f} ms; trace "
            f"{len(trace):,} B, EXECUTE {verdict.result} in {1000 * (time.perf_counter() - start):.1f} ms"
        )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 4000)
