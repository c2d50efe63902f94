"""Traces that ask for much work or memory: the answer comes soon and in little of it."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from engines.process import EngineProcess
from engines.registry import ENGINES
from engines.wire import encode_request
from execution.abi import encode_trace
from execution.account import Account, encode_account
from execution.block import BEACON_ROOTS_ADDRESS, HISTORY_STORAGE_ADDRESS
from execution.encoding import (
    EMPTY_ROOT,
    encode_list,
    keccak,
)
from execution.header import Header
from execution.processing import SYSTEM_CALL_GAS
from execution.step import OverlaySource
from execution.trie import MAX_STATE_NODE, NoSource
from execution.types import (
    BatchEnd,
    BlockAttributes,
    BlockStart,
    Cursor,
    Skip,
    StepState,
    Trace,
    Transaction,
    Withdrawal,
    Witness,
)
from execution.verdict import Verdict
from execution.witness import build_witness
from tests.unit.execution.hostile import CAP, RICH, honest, judge, made_up, refused
from tests.unit.execution.small_rollup import (
    CHAIN_ID,
    HEADERS,
    RULES,
    START,
    STORE_AT,
    WALLETS,
    attributes,
)

# -- attributes --


def opened(**changes) -> StepState:
    """The state in mid-block of `honest` with other attributes or fields of the open block."""
    state = honest()[0].pre
    assert state.open is not None
    own = {name: value for name, value in changes.items() if name in BlockAttributes.__dataclass_fields__}
    rest = {name: value for name, value in changes.items() if name not in own}
    return replace(state, open=replace(state.open, attributes=replace(state.open.attributes, **own), **rest))


@pytest.mark.parametrize(
    "changes",
    [
        {"gas_limit": 2**64 - 1}, {"timestamp": 2**64 - 1}, {"base_fee_per_gas": 2**256 - 1}, {"gas_used": 2**64 - 1},
        {"excess_blob_gas": 2**64 - 1}, {"number": 2**64 - 1}, {"transaction_count": 2**64 - 1}, {"extra_data": bytes(10**6)},
        {"deposit_requests": bytes(10**6)}, {"withdrawals": (Withdrawal(2**64 - 1, 2**64 - 1, b"\xff" * 20, 2**64 - 1),) * 3},
    ],
    ids=str,
)  # fmt: skip
def test_absurd_blocks(changes):
    """Executed as they are where that can be done: the transaction, then the block's end."""
    trace, gas = honest()
    pre = opened(**changes)
    for inputs in (trace.inputs, (*trace.inputs, BatchEnd()), (BatchEnd(),), (BlockStart(attributes(2**64 - 1)),)):
        judge(replace(trace, pre=pre, inputs=inputs), gas if trace.inputs[0] in inputs else 0)
    opening = replace(attributes(1_006), **{k: v for k, v in changes.items() if k in BlockAttributes.__dataclass_fields__})
    judge(replace(trace, inputs=(BlockStart(opening),)))


def test_many_withdrawals():
    trace, _ = honest()
    same = (Withdrawal(1, 0, b"\x99" * 20, 1),) * 10_000
    judge(replace(trace, pre=opened(withdrawals=same), inputs=(BatchEnd(),)))


# -- work that nobody paid for --


def looping(*system_contracts: bytes) -> tuple[StepState, list[bytes], bytes]:
    code = bytes.fromhex("5b5f56")
    account = encode_account(Account(1, 0, EMPTY_ROOT, keccak(code)))
    state, nodes = made_up(dict.fromkeys(system_contracts, account))
    return state, nodes, code


def test_system_contracts_that_loop_stop_at_their_budget(monkeypatch):
    """What the genuine ones could use in these blocks, and not the 30M gas that each call may on Ethereum."""
    from execution import block

    used = []

    def counting(state, address, code, data, gas=SYSTEM_CALL_GAS, real=block.system_call):
        used.append(gas)
        return real(state, address, code, data, gas)

    monkeypatch.setattr(block, "system_call", counting)
    state, nodes, code = looping(BEACON_ROOTS_ADDRESS, HISTORY_STORAGE_ADDRESS)
    header = Header(bytes(32), bytes(20), state.state_root, 1, 30_000_000, 1_000, 7)
    pre = StepState(state.state_root, header.hash)
    start = BlockStart(replace(attributes(1_002), gas_limit=30_000_000))
    trace = Trace(CHAIN_ID, "prague", CAP, pre, pre, (start,) * 3, Witness(tuple(nodes), (code,), (header.rlp(),)))
    refused(trace, "WorkLimitExceeded")
    assert used == [2_000_000]  # the first call uses up all there is


# -- in a worker process, as the L1 asks --

MOST = 400_000  # KB that it may ever take; half of it is the interpreter and its libraries


@pytest.fixture(scope="module")
def worker() -> Iterator[EngineProcess]:
    """With the limit of memory that the L1 gives by default, and more time, as tests share their processor."""
    spec = ENGINES["py-evm"]
    process = EngineProcess(spec.name, spec.command(120, 2 << 30), 120, spec.start_limit)
    yield process
    process.close()


def ask(worker: EngineProcess, trace: Trace, gas: int) -> Verdict:
    return worker.ask(encode_request(trace.pre.state_root, trace.post.state_root, gas, encode_trace(trace)))


def check_memory(worker: EngineProcess) -> None:
    status = Path(f"/proc/{worker.pid}/status").read_text()
    peak = int(status.split("VmHWM:")[1].split()[0])
    assert peak < MOST, f"{peak} KB"


def test_a_worker_outlives_hostile_bytes(worker):
    trace, gas = honest()
    encoded, roots = encode_trace(trace), (trace.pre.state_root, trace.post.state_root)
    assert ask(worker, trace, gas).result
    pid = worker.pid
    rng = random.Random(3)
    for cut in range(0, len(encoded), 211):
        assert not worker.ask(encode_request(*roots, gas, encoded[:cut])).result
        assert not worker.ask(encode_request(*roots, gas, encoded[:cut] + rng.randbytes(len(encoded) - cut))).result
    for absurd in (b"", bytes(1 << 20), b"\xff" * (1 << 20), encoded * 300):
        assert not worker.ask(encode_request(*roots, 2**64 - 1, absurd)).result
    assert ask(worker, trace, gas).result and worker.pid == pid
    check_memory(worker)


BOMBS = {
    # recursion with as much memory in each frame as the gas allows: PUSH2 size, MSTORE; CALL self
    "memory in 1024 frames": "5f61400052" + "5f5f5f5f5f305af1" + "00",
    "returns a megabyte": "62100000" + "5ff3",
    "logs a megabyte": "62100000" + "5fa0" + "00",
    "memory up to the last gas": "5b" + "595150" + "5f56",
    # it stops early: it is slow (benchmarks/execution/slowest.py)
    "a megabyte of input, over and over": "5b" + "5f5f621000005f60995afa50" + "62d00000" + "5a11" + "5f57" + "00",
    "creates what it returns": "6160005f5ff0" + "5f5f5f5f5f305af1" + "00",
    "calls itself with a megabyte of input": "5f5f621000005f5f305af1" + "00",
}


def called(code: bytes, others: dict[bytes, bytes], nodes: tuple[bytes, ...] = (), codes: tuple[bytes, ...] = ()):
    """A call with the most gas there is of a contract with `code`; its state before and where that is found."""
    account = encode_account(Account(1, 0, EMPTY_ROOT, keccak(code)))
    state, found = made_up({WALLETS[0].address: RICH, STORE_AT: account} | others)
    source = OverlaySource(
        {keccak(node): node for node in (*found, *nodes)}, {keccak(known): known for known in (code, *codes)}, NoSource()
    )
    return state, Transaction(WALLETS[0].typed(chain_id=CHAIN_ID, to=STORE_AT, gas=CAP, fee=7, tip=0)), source


def test_memory_bombs(worker):
    claims = []
    for code in BOMBS.values():
        state, step, source = called(bytes.fromhex(code), {})
        post, gas, witness = build_witness(RULES, state, [step], source, HEADERS.__getitem__)
        claims.append((Trace(CHAIN_ID, "prague", CAP, state, post, (step,), witness), gas))
    for name, (trace, gas) in zip(BOMBS, claims, strict=True):
        assert ask(worker, trace, gas) == Verdict(True, "proved", gas), name
        check_memory(worker)


def test_a_storage_root_shared_by_many_accounts(worker):
    """Each of them decodes the node for itself: a large one would take its size times the number of accounts."""
    reader = bytes.fromhex("5f5400")
    readers = [keccak(i.to_bytes(4, "big"))[12:] for i in range(800)]
    caller = b"".join(bytes.fromhex("5f5f5f5f5f73") + address + bytes.fromhex("5af150") for address in readers)
    claims = []
    for size in (MAX_STATE_NODE, 1 << 20):
        leaf = encode_list([b"\x20" + bytes(32), bytes(size - 40)])  # not the slot that is read
        leaf = encode_list([b"\x20" + bytes(32), bytes(2 * size - 40 - len(leaf))])
        assert len(leaf) == size
        account = encode_account(Account(1, 0, keccak(leaf), keccak(reader)))
        state, step, source = called(caller, dict.fromkeys(readers, account), (leaf,), (reader,))
        if size == MAX_STATE_NODE:
            post, gas, witness = build_witness(RULES, state, [step], source, HEADERS.__getitem__)
            claims.append((Trace(CHAIN_ID, "prague", CAP, state, post, (step,), witness), gas))
        else:
            everything = Witness((*source._nodes.values(),), (reader, caller))
            claims.append((Trace(CHAIN_ID, "prague", CAP, state, state, (step,), everything), CAP))
    assert ask(worker, *claims[0]).result
    refused = ask(worker, *claims[1])
    assert not refused.result and "a node of 1048576 bytes" in refused.reason
    check_memory(worker)


@pytest.mark.slow
def test_a_million_of_everything():
    trace, gas = honest()
    skips = (Skip(Cursor(0, 0, 1)),) * 1_000_000
    many = Trace(CHAIN_ID, "prague", CAP, START, replace(START, cursor=Cursor(0, 0, 1)), skips, Witness())
    assert judge(many).result
    witness = replace(trace.witness, state=trace.witness.state + (b"",) * 1_000_000)
    assert judge(replace(trace, witness=witness), gas).result
    same = (Withdrawal(1, 0, b"\x99" * 20, 1),) * 1_000_000
    judge(replace(trace, pre=opened(withdrawals=same), inputs=(BatchEnd(),)))
