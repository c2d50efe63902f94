"""The engine on @ethereumjs/vm: its process keeps the protocol, and its verdict is py-evm's on whatever trace.

What traces there are, and what is tried on them, is what EELS is tested with too (tests/unit/execution/test_eels.py).
"""

from __future__ import annotations

import json
import shutil
import signal
import struct
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from execution.abi import encode_trace
from execution.execute import execute
from execution.genesis import GenesisAccount
from execution.step import Machine
from execution.types import Cursor, Fragment, Skip, Trace, Witness
from execution.verdict import Verdict
from execution.witness import build_witness
from tests.unit.execution import small_rollup, test_eels
from tests.unit.execution.ethereum_fixtures import cases
from tests.unit.execution.random_worlds import CONTRACTS, WRONG, Play, call_depth, plans
from tests.unit.execution.small_rollup import CHAIN_ID
from tests.unit.execution.test_eels import (
    CAP,
    QUICK,
    SETTINGS,
    UNPAID_GAS,
    VALID,
    Chain,
    needs_fixtures,
    small_trace,
)

ENGINE = Path(__file__).resolve().parents[3] / "engines" / "ethereumjs"
NODE = shutil.which("node")
pytestmark = [
    pytest.mark.skipif(NODE is None, reason="Node is not installed"),
    pytest.mark.skipif(not (ENGINE / "node_modules").exists(), reason="not installed: make ethereumjs"),
]
ALL = cases()


class Process:
    """The engine's process and its frames, spoken by hand: what is tested here is the other side."""

    def __init__(self) -> None:
        assert NODE is not None
        self.process = subprocess.Popen(
            [NODE, str(ENGINE / "main.mjs"), "--unpaid-gas", str(UNPAID_GAS)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        self.hello = self.read()

    def send(self, payload: bytes) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(struct.pack(">I", len(payload)) + payload)
        self.process.stdin.flush()

    def read(self) -> dict:
        assert self.process.stdout is not None
        (length,) = struct.unpack(">I", self.process.stdout.read(4))
        return json.loads(self.process.stdout.read(length))

    def ask(self, request: bytes) -> Verdict:
        self.send(request)
        return Verdict(**self.read())

    def execute(self, pre_root: bytes, post_root: bytes, gas_used: int, trace: bytes) -> Verdict:
        return self.ask(pre_root + post_root + gas_used.to_bytes(8, "big") + trace)

    def close(self) -> int:
        """The exit code after EOF."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        return self.process.wait(timeout=30)


@pytest.fixture(scope="module")
def engine() -> Iterator[Process]:
    process = Process()
    yield process
    assert process.close() == 0


@pytest.fixture(scope="module", autouse=True)
def compared(engine) -> Iterator[None]:
    """Whatever test_eels judges is judged by py-evm and by this engine."""

    def both(pre_root: bytes, post_root: bytes, gas_used: int, encoded: bytes) -> Verdict:
        one = execute(pre_root, post_root, gas_used, encoded, unpaid_gas=UNPAID_GAS)
        other = engine.execute(pre_root, post_root, gas_used, encoded)
        assert one.result == other.result, (one, other)
        assert "engine failure" not in other.reason, other
        if one.result:
            assert one == other
        return other

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(test_eels, "both", both)
        yield


# -- Ethereum's tests --


@needs_fixtures
@pytest.mark.parametrize("case", QUICK[::5], ids=lambda case: case.name)
def test_blocks(case):
    test_eels.judge_case(case)


@pytest.mark.slow
@needs_fixtures
@pytest.mark.parametrize("case", ALL, ids=lambda case: case.name)
def test_all_blocks(case):
    test_eels.judge_case(case)


@needs_fixtures
@pytest.mark.parametrize("case", VALID[3::25], ids=lambda case: case.name)
def test_tampered_blocks(case):
    test_eels.test_tampered_blocks(case)


# -- rollups --


@settings(SETTINGS, max_examples=3)
@given(plans(), st.randoms(use_true_random=False))
def test_random_traces(plan, random):
    with call_depth():
        test_eels.compare_play(Play(plan), random)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@settings(SETTINGS, max_examples=1_000)
@given(plans(max_actions=14), st.randoms(use_true_random=False))
def test_more_random_traces(plan, random):
    with call_depth():
        test_eels.compare_play(Play(plan), random)


@pytest.mark.parametrize("wrong", WRONG)
def test_no_ops(wrong):
    test_eels.test_no_ops(wrong)


MADE_ON_PURPOSE = (
    test_eels.test_a_transaction_when_no_block_is_open,
    test_eels.test_deposit_events,
    test_eels.test_the_deepest_calls,
    test_eels.test_attributes_that_no_client_accepts,
    test_eels.test_blocks_that_cannot_be_sealed,
    test_eels.test_hostile_encodings_are_false,
    test_eels.test_many_offsets_to_one_place,
)


@pytest.mark.parametrize("made", MADE_ON_PURPOSE, ids=lambda made: made.__name__)
def test_made_on_purpose(made):
    made()


ENDLESS = bytes.fromhex("5b5f56")
ROUNDS = 1_000_000
BLAKE2 = bytes.fromhex("63" + f"{ROUNDS:08x}" + "60e01b5f52" + "5f5f60d55f5f60095af1")


@pytest.mark.parametrize("code", [ENDLESS, BLAKE2], ids=["opcodes", "a precompile"])
def test_work_stops_at_what_was_paid_for(code):
    chain = Chain({CONTRACTS[0]: GenesisAccount(nonce=1, code=code)})
    trace, gas = chain.trace(chain.send(gas=1_200_000))
    assert gas > ROUNDS
    assert test_eels.judge(trace, gas).result
    assert "WorkLimitExceeded" in test_eels.judge(trace, 60_000).reason
    assert not test_eels.judge(trace, gas - 1).result


def test_fragments_accumulate_and_are_forgotten():
    chain = Chain()
    for item in (Fragment(b"ab", Cursor(0, 1, 1)), Fragment(b"c", Cursor(0, 1, 2)), Skip(Cursor(0, 1, 3))):
        assert chain.step(item).result


# Where @ethereumjs/evm departs from Prague (engines/ethereumjs/README.md).
EOF_CODE = bytes.fromhex("ef0001")
DEPARTURES = {
    # initcode that begins with 0xEF00 uses up the gas it is given
    "create EOF": "61ef005f52" + "6002601e5ff0" + "5f55",
    "create2 EOF": "61ef005f52" + "5f6002601e5ff5" + "5f55",
    # EXTCODESIZE, EXTCODEHASH and EXTCODECOPY see code that begins with 0xEF00 as it is
    "read EOF": "73" + "c1" * 20 + "803b5f55" + "803f600155" + "60205f5f833c" + "5f51600255",
    # with no more gas than a stipend the slot is not read, in a static call it is
    "poor SSTORE": "5f5f5f5f5f" + "73" + "c2" * 20 + "6108fc" + "f1",
    "static SSTORE": "5f5f5f5f" + "73" + "c2" * 20 + "5afa",
    # the beneficiary is read though there is nothing to send
    "SELFDESTRUCT": "73" + "d7" * 20 + "ff",
    # where a delegation leads is read before it is paid for
    "delegation": "5f5f5f5f5f" + "73" + "c3" * 20 + "61ffff" + "f1",
    "no code to copy": "5f5f5f73" + "c1" * 20 + "3c",
}


@pytest.mark.parametrize("name", DEPARTURES)
@pytest.mark.parametrize("gas", [24_000, 26_500, 30_000, 60_000, 250_000])
def test_departures_of_the_library_are_mended(name, gas):
    alloc = {
        CONTRACTS[0]: GenesisAccount(nonce=1, code=bytes.fromhex(DEPARTURES[name])),
        b"\xc1" * 20: GenesisAccount(nonce=1, code=EOF_CODE),
        b"\xc2" * 20: GenesisAccount(nonce=1, code=bytes.fromhex("6001600755"), storage={7: 3}),
        b"\xc3" * 20: GenesisAccount(nonce=1, code=bytes.fromhex("ef0100") + b"\xc2" * 20),
        b"\xd7" * 20: GenesisAccount(nonce=1, balance=1, code=b"\xfe"),
    }
    chain = Chain(alloc)
    trace, used = chain.trace(chain.send(gas=gas))
    assert test_eels.judge(trace, used).result
    for partial in test_eels.without_one_item(trace.witness):
        assert not test_eels.judge(replace(trace, witness=partial), used).result


def test_a_segment_without_any_one_item_is_false():
    """Deletions that need siblings, codes that are only looked at, ancestors, sealed blocks."""
    machine = Machine(
        small_rollup.RULES, small_rollup.SOURCE, small_rollup.START, small_rollup.HEADERS.__getitem__
    )
    calls = [
        (small_rollup.STORE_AT, small_rollup.word(7) + small_rollup.word(0)),
        (small_rollup.FACTORY_AT, small_rollup.MORTAL_INIT),
        (small_rollup.ANCESTOR_AT, small_rollup.word(2)),
        (small_rollup.READER_AT, small_rollup.STORE_AT.rjust(32, b"\0")),
    ]
    sends = [small_rollup.Send(0, 2, to, 0, data, 400_000, 0, CHAIN_ID) for to, data in calls]
    inputs = []
    for item in small_rollup.inputs_of(["start", *sends, "fragment", "end"], machine):
        machine.step(item)
        inputs.append(item)
    start = small_rollup.START
    post, gas, witness = build_witness(small_rollup.RULES, start, inputs, small_rollup.SOURCE, machine.header)
    trace = Trace(CHAIN_ID, "prague", CAP, start, post, tuple(inputs), witness)
    assert test_eels.judge(trace, gas).result
    assert witness.state and witness.codes and witness.headers
    for partial in test_eels.without_one_item(witness):
        assert not test_eels.judge(replace(trace, witness=partial), gas).result
    extra = Witness((*witness.state, b"junk"), (*witness.codes, b"junk"), (*witness.headers, b"junk"))
    assert test_eels.judge(replace(trace, witness=extra), gas).result


@given(st.data())
@settings(SETTINGS, max_examples=100)
def test_bytes_of_a_trace_flipped(data):
    trace, gas = small_trace()
    encoded = bytearray(encode_trace(trace))
    for at in data.draw(st.lists(st.integers(0, len(encoded) - 1), min_size=1, max_size=2)):
        encoded[at] ^= data.draw(st.integers(1, 255))
    test_eels.both(trace.pre.state_root, trace.post.state_root, gas, bytes(encoded))


# -- the process --


def request_of(trace: Trace, gas_used: int) -> bytes:
    roots = trace.pre.state_root + trace.post.state_root
    return roots + gas_used.to_bytes(8, "big") + encode_trace(trace)


def test_it_says_who_it_is(engine):
    version = json.loads((ENGINE / "node_modules/@ethereumjs/vm/package.json").read_text())["version"]
    assert engine.hello == {"engine": "ethereumjs", "version": version}
    assert json.loads((ENGINE / "package.json").read_text())["dependencies"]["@ethereumjs/vm"] == version


def test_junk_is_answered_and_the_next_request_too(engine):
    trace, gas = small_trace()
    for junk in (b"", b"\x00", bytes(71), bytes(72), b"\xff" * 10_000):
        verdict = engine.ask(junk)
        assert not verdict.result and verdict.reason.startswith("InvalidTrace"), verdict
        assert engine.ask(request_of(trace, gas)).result


def test_many_requests_at_once_are_answered_in_order(engine):
    trace, gas = small_trace()
    for used in (gas, gas + 1, gas, gas + 2):
        engine.send(request_of(trace, used))
    reasons = [engine.read()["reason"] for _ in range(4)]
    assert reasons == ["proved", f"{gas} gas used, not {gas + 1}", "proved", f"{gas} gas used, not {gas + 2}"]


def test_signals_are_for_the_parent_and_a_frame_that_is_too_long_is_passed_over():
    trace, gas = small_trace()
    process = Process()
    process.process.send_signal(signal.SIGINT)
    assert process.execute(trace.pre.state_root, trace.post.state_root, gas, encode_trace(trace)).result
    size = 256 * 2**20 + 1
    assert process.process.stdin is not None
    process.process.stdin.write(struct.pack(">I", size))
    for start in range(0, size, 2**24):
        process.process.stdin.write(bytes(min(2**24, size - start)))
    process.send(request_of(trace, gas))
    assert process.read()["reason"].startswith("engine failure")
    assert process.read()["result"]
    assert process.close() == 0


def test_it_ends_with_its_input_even_in_mid_frame():
    process = Process()
    assert process.process.stdin is not None
    process.process.stdin.write(struct.pack(">I", 1_000) + b"abc")
    assert process.close() == 0
