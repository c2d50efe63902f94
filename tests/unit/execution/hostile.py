"""Traces made to hurt: an honest one to bend, and states that are made up."""

from __future__ import annotations

from functools import cache

from execution.abi import encode_trace
from execution.account import Account, address_key, encode_account
from execution.encoding import (
    EMPTY_CODE_HASH,
    EMPTY_ROOT,
)
from execution.execute import execute
from execution.step import Machine
from execution.trie import NoSource, Trie
from execution.types import (
    EMPTY_BLOOM,
    BlockStart,
    Cursor,
    OpenBlock,
    StepState,
    Trace,
    Transaction,
    Witness,
)
from execution.verdict import Verdict
from execution.witness import build_witness
from tests.unit.execution.small_rollup import (
    ANCESTOR_AT,
    CHAIN_ID,
    HEADERS,
    RULES,
    SOURCE,
    START,
    WALLETS,
    attributes,
    word,
)

CAP = 1 << 24


def judge(trace: Trace | bytes, gas: int = 0, pre: bytes | None = None, post: bytes | None = None) -> Verdict:
    if isinstance(trace, Trace):
        pre, post, trace = trace.pre.state_root, trace.post.state_root, encode_trace(trace)
    assert pre is not None and post is not None
    verdict = execute(pre, post, gas, trace)
    assert not verdict.reason.startswith("engine failure"), verdict
    return verdict


def refused(trace: Trace | bytes, because: str, gas: int = 0) -> None:
    verdict = judge(trace, gas)
    assert not verdict.result and because in verdict.reason, verdict


@cache
def honest() -> tuple[Trace, int]:
    """A step in mid-block that reads and writes accounts, a slot, code and a header."""
    machine = Machine(RULES, SOURCE, START, HEADERS.__getitem__)
    for timestamp in (1_002, 1_004, 1_006):
        machine.step(BlockStart(attributes(timestamp)))
    raw = WALLETS[0].typed(chain_id=CHAIN_ID, to=ANCESTOR_AT, data=word(3), gas=200_000)
    pre, step = machine.state, Transaction(raw, Cursor(0, 1, 1))
    post, gas, witness = build_witness(RULES, pre, [step], machine.roots_source(), machine.header)
    trace = Trace(CHAIN_ID, "prague", CAP, pre, post, (step,), witness)
    assert judge(trace, gas).result and len(witness.headers) == 2
    return trace, gas


def judge_bytes(encoded: bytes) -> Verdict:
    trace, gas = honest()
    return judge(encoded, gas, trace.pre.state_root, trace.post.state_root)


def made_up(accounts: dict[bytes, bytes], *more: bytes) -> tuple[StepState, list[bytes]]:
    """A state of nothing but these account values, whatever they are; in the middle of an open block."""
    trie = Trie(NoSource())
    for address, value in accounts.items():
        trie.set(address_key(address), value)
    nodes = [*trie.new_nodes().values(), *more]
    block = OpenBlock(1, attributes(1_002), 7, 0, 0, 0, EMPTY_BLOOM, EMPTY_ROOT, EMPTY_ROOT, b"")
    return StepState(trie.root(), b"\x01" * 32, block), nodes


def transfer_from(state: StepState, nodes: list[bytes], target: bytes, codes: tuple[bytes, ...] = ()) -> Trace:
    """A call of `target` by a wallet that may or may not be in the state. The post-state is not the right one."""
    raw = WALLETS[0].typed(chain_id=CHAIN_ID, to=target, value=1, gas=100_000, fee=7, tip=0)
    return Trace(CHAIN_ID, "prague", CAP, state, state, (Transaction(raw),), Witness(tuple(nodes), codes))


RICH = encode_account(Account(0, 10**20, EMPTY_ROOT, EMPTY_CODE_HASH))
