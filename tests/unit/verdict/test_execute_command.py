"""`verdict execute`: lines, files, bad lines, pipes. That its verdicts are right is in tests/unit/execution."""

import io
import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from engines.alarm import Alarm, AlarmStore
from engines.registry import EngineSpec
from engines.wire import encode_request
from execution.abi import encode_trace
from execution.block import BlockBuilder
from execution.header import Header, ancestor_hashes
from execution.rules import Rules
from execution.step import Machine
from execution.types import BatchEnd, BlockStart, Cursor, StepState, Trace, Transaction
from execution.verdict import Verdict
from execution.witness import build_witness
from execution.world import WorldState
from tests.unit.execution.small_rollup import (
    CHAIN_ID,
    GENESIS,
    HEADERS,
    SOURCE,
    START,
    STORE_AT,
    WALLETS,
    attributes,
    word,
)
from verdict import execute_lines
from verdict.cli import app
from verdict.execute_lines import BadLine, parse_line, read_lines
from verdict.execute_verdicts import InProcess, InProcesses

RULES = Rules(CHAIN_ID, tx_gas_cap=None)
ATTRIBUTES = attributes(2_000)
RAW = WALLETS[0].typed(chain_id=CHAIN_ID, to=STORE_AT, data=word(1) + word(2), fee=2 * 10**9)
GETH_NAMES = execute_lines._GETH_BYTES | execute_lines._GETH_INTEGERS


def text(data: bytes) -> str:
    return f"0x{data.hex()}"


def block_line(**changes) -> dict:
    """A block with one transaction on the small rollup's genesis block."""
    hashes = ancestor_hashes(GENESIS.hash, 0, HEADERS.__getitem__)
    builder = BlockBuilder.open(RULES, WorldState(SOURCE, GENESIS.state_root), GENESIS, ATTRIBUTES, hashes)
    builder.apply(RAW)
    sealed = builder.seal()
    inputs = [BlockStart(ATTRIBUTES), Transaction(RAW), BatchEnd()]
    _, gas_used, witness = build_witness(RULES, START, inputs, SOURCE, HEADERS.__getitem__)
    return {
        "preStateRoot": text(GENESIS.state_root),
        "postStateRoot": text(sealed.header.state_root),
        "gasUsed": hex(gas_used),
        "chainId": CHAIN_ID,
        "fork": "Prague",
        "block": text(sealed.rlp()),
        "witness": {
            "state": [text(node) for node in witness.state],
            "codes": [text(code) for code in witness.codes],
            "headers": [text(header) for header in witness.headers],
        },
    } | changes


def segment() -> tuple[Trace, int]:
    """One transaction in the middle of a block: (its trace, the gas it uses)."""
    machine = Machine(RULES, SOURCE, START, HEADERS.__getitem__)
    machine.step(BlockStart(ATTRIBUTES, Cursor(0, 0, 1)))
    pre = machine.state
    inputs = (Transaction(RAW, Cursor(0, 1, 0)),)
    post, gas_used, witness = build_witness(RULES, pre, inputs, machine.roots_source(), machine.header)
    return Trace(CHAIN_ID, "prague", 0, pre, post, inputs, witness), gas_used


LINE = block_line()
TRACE, GAS_USED = segment()
ENCODED = encode_trace(TRACE)


def answer(fields: dict, judge: InProcess | None = None) -> dict:
    made = (judge or InProcess()).line(json.dumps(fields).encode())
    return {"result": made.result, "gas_used": made.gas_used, "reason": made.reason}


def run(arguments: list[str], **options) -> tuple[int, list[dict]]:
    result = CliRunner().invoke(app, ["execute", *arguments], **options)
    return result.exit_code, [json.loads(line) for line in result.stdout.splitlines()]


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "verdict", "execute", *arguments]


# -- what is taken --


def test_a_block_is_proved():
    assert answer(LINE) == {"result": True, "gas_used": int(LINE["gasUsed"], 16), "reason": "proved"}


@pytest.mark.parametrize("gas", [int(LINE["gasUsed"], 16), LINE["gasUsed"], str(int(LINE["gasUsed"], 16))])
@pytest.mark.parametrize("chain_id", [CHAIN_ID, hex(CHAIN_ID), str(CHAIN_ID)])
@pytest.mark.parametrize("fork", ["Prague", "prague"])
def test_numbers_and_forks_in_any_usual_spelling(gas, chain_id, fork):
    assert answer(LINE | {"gasUsed": gas, "chainId": chain_id, "fork": fork})["result"]


def test_unknown_keys_and_digits_without_0x():
    bare = {
        key: value.removeprefix("0x") if key in ("preStateRoot", "block") else value
        for key, value in LINE.items()
    }
    witness = LINE["witness"] | {"keys": None}
    assert answer(bare | {"witness": witness, "comment": {"a": [1]}})["result"]


def geth_header(header: Header) -> dict:
    """As geth's debug_executionWitness prints one, with the hash that it adds."""
    values = {
        geths: hex(value) if isinstance(value := getattr(header, ours), int) else text(value)
        for ours, geths in GETH_NAMES.items()
    }
    return values | {"hash": text(header.hash)}


def test_headers_as_geth_prints_them():
    witness = LINE["witness"] | {"headers": [geth_header(GENESIS)], "keys": None}
    assert answer(LINE | {"witness": witness})["result"]
    for name in GETH_NAMES.values():
        header = {key: value for key, value in geth_header(GENESIS).items() if key != name}
        made = answer(LINE | {"witness": witness | {"headers": [header]}})
        assert not made["result"]
        assert name in made["reason"]
    lied = geth_header(replace(GENESIS, gas_limit=GENESIS.gas_limit + 1))
    assert not answer(LINE | {"witness": witness | {"headers": [lied]}})["result"]


def test_a_segment_in_our_own_format():
    fields = {
        "preStateRoot": text(TRACE.pre.state_root),
        "postStateRoot": text(TRACE.post.state_root),
        "gasUsed": GAS_USED,
        "trace": text(ENCODED),
        "alarm": "dissent",
        "engines": [{"engine": "eels", "result": False}],
    }
    assert answer(fields) == {"result": True, "gas_used": GAS_USED, "reason": "proved"}
    assert not answer(fields | {"gasUsed": GAS_USED + 1})["result"]
    assert not answer(fields | {"postStateRoot": fields["preStateRoot"]})["result"]


@pytest.mark.parametrize(
    "write", [lambda data: data, lambda data: text(data).encode() + b"\n", lambda data: data.hex().encode()]
)
def test_files_of_one_segment(tmp_path, write):
    path = tmp_path / "segment"
    path.write_bytes(write(ENCODED))
    proved = {"result": True, "gasUsed": GAS_USED, "engine": "py-evm", "reason": "proved"}
    assert run([str(path)]) == (0, [proved])
    assert run([str(path), "--gas-used", str(GAS_USED)]) == (0, [proved])
    code, verdicts = run([str(path), "--gas-used", str(GAS_USED + 1)])
    assert code == 1 and not verdicts[0]["result"]
    path.write_bytes(write(ENCODED[:-32]))
    code, verdicts = run([str(path)])
    assert code == 1 and "InvalidTrace" in verdicts[0]["reason"]


def test_a_binary_segment_with_line_ends_in_it(tmp_path):
    """Bytes are not lines: 0x0a may stand anywhere in them, and blanks at their end belong to them."""
    trace = encode_trace(replace(TRACE, pre=replace(TRACE.pre, block_hash=b"\n" * 32)))
    path = tmp_path / "segment"
    path.write_bytes(trace)
    _, verdicts = run([str(path)])
    assert len(verdicts) == 1 and "InvalidTrace" not in verdicts[0]["reason"]


# -- what is wrong with a line --


@pytest.mark.parametrize("key", list(LINE))
def test_missing_keys(key):
    made = answer({name: value for name, value in LINE.items() if name != key})
    assert not made["result"]
    assert "is missing" in made["reason"] or "neither" in made["reason"]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"preStateRoot": "0x12"}, "preStateRoot has 1 bytes, not 32"),
        ({"preStateRoot": "0xzz"}, "preStateRoot is not hex"),
        ({"preStateRoot": "0x123"}, "preStateRoot is not hex"),
        ({"preStateRoot": "0x\u0660\u0660"}, "preStateRoot is not hex"),
        ({"preStateRoot": 5}, "preStateRoot is not a hex string"),
        ({"gasUsed": 21000.0}, "gasUsed is not an integer"),
        ({"gasUsed": True}, "gasUsed is not an integer"),
        ({"gasUsed": -1}, "gasUsed is not an integer"),
        ({"gasUsed": "-1"}, "gasUsed is not an integer"),
        ({"gasUsed": "1_0"}, "gasUsed is not an integer"),
        ({"gasUsed": "0x"}, "gasUsed is not an integer"),
        ({"gasUsed": "9" * 5000}, "gasUsed is not an integer"),
        ({"gasUsed": 1 << 64}, "gasUsed has more than 64 bits"),
        ({"chainId": 1 << 64}, "chainId has more than 64 bits"),
        ({"fork": 5}, "fork is not a string"),
        ({"fork": "Osaka"}, "fork 'Osaka', only Prague is known"),
        ({"fork": "x" * 10_000}, "only Prague is known"),
        ({"block": "0x"}, "malformed block"),
        ({"block": LINE["block"] + "00"}, "malformed block"),
        ({"block": LINE["block"][:-2]}, "malformed block"),
        ({"witness": []}, "witness is not an object"),
        ({"witness": LINE["witness"] | {"state": {}}}, "witness.state is not a list"),
        ({"witness": LINE["witness"] | {"codes": [5]}}, "witness.codes[0] is not a hex string"),
        ({"witness": LINE["witness"] | {"headers": []}}, "no header of the parent"),
        ({"witness": {"state": [], "codes": []}}, "headers is missing"),
        ({"preStateRoot": text(bytes(32))}, "preStateRoot is 0x00"),
        ({"postStateRoot": text(bytes(32))}, "postStateRoot is 0x00"),
        ({"gasUsed": 0}, "gasUsed is 0, the header's"),
    ],
)
def test_wrong_values(changes, reason):
    made = answer(LINE | changes)
    assert not made["result"]
    assert reason in made["reason"]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"{", "not JSON"),
        (b"\xff\xfe\xfd", "not JSON"),
        (b"[]", "not a JSON object"),
        (b"null", "not a JSON object"),
        (b"{}", "neither"),
        (b"[" * 200_000, "too many lists and objects"),
        (b'{"a":' * 200_000, "too many lists and objects"),
        (b'{"gasUsed":' + b"1" * 10_000 + b"}", "not JSON"),
        (b"0x00", "InvalidTrace"),
        (b"0xzz", "the trace is not hex"),
        (None, "longer than 256 MB"),
    ],
)
def test_bad_lines(line, reason):
    with pytest.raises(BadLine, match=reason):
        parse_line(line)


def test_lines_are_bounded(monkeypatch):
    monkeypatch.setattr(execute_lines, "MAX_LINE", 10)
    stream = io.BytesIO(b"0123456789\n\n  \r\n" + b"x" * 5_000_000 + b"\nabc\n0123456789")
    assert list(read_lines(stream)) == [b"0123456789", None, b"abc", b"0123456789"]
    assert list(read_lines(io.BytesIO(b"x" * 11))) == [None]
    assert list(read_lines(io.BytesIO(b""))) == []
    head = execute_lines._ABI_HEAD
    monkeypatch.setattr(execute_lines, "MAX_LINE", 40)
    assert list(read_lines(io.BytesIO(head + b"\n" * 8))) == [head + b"\n" * 8]
    assert list(read_lines(io.BytesIO(head + b"\n" * 9))) == [None]


# -- the command --


def test_one_verdict_a_line_and_a_bad_line_stops_nothing(tmp_path):
    good = json.dumps(LINE)
    first, second = tmp_path / "first.jsonl", tmp_path / "second.jsonl"
    first.write_text(f"{good}\n\nnot json\n{good}")
    second.write_text(json.dumps(LINE | {"gasUsed": 1}) + "\n")
    code, verdicts = run([str(first), "-", str(second)], input=f"{good}\n")
    assert code == 1
    assert [verdict["result"] for verdict in verdicts] == [True, False, True, True, False]
    assert all(verdict["engine"] == "py-evm" and verdict["reason"] for verdict in verdicts)
    assert run([], input=f"{good}\n{good}\n")[0] == 0
    assert run([], input="") == (0, [])
    for unreadable in (tmp_path / "none.jsonl", tmp_path):
        assert run([str(unreadable)], input=good) == (2, [])


def test_another_engine():
    lines = "\n".join(json.dumps(line) for line in (LINE, LINE | {"fork": "Osaka"}))
    code, verdicts = run(["--engine", "eels"], input=lines)
    assert code == 1
    assert [verdict["result"] for verdict in verdicts] == [True, False]
    assert {verdict["engine"] for verdict in verdicts} == {"eels"}


@pytest.mark.parametrize(
    "options",
    [
        ["--engine", "geth"],
        ["--engine", "eels", "--witness", "minimal"],
        ["--engine", "py-evm,eels", "--witness", "minimal"],
        ["--witness", "minimal", "--time-limit", "5"],
        ["--engine", "py-evm,eels", "--threshold", "1"],
        ["--engine", "py-evm,eels", "--threshold", "3"],
        ["--engine", "py-evm,py-evm"],
    ],
)
def test_options_that_do_not_go_together(options):
    assert run(options, input=json.dumps(LINE)) == (2, [])


def test_several_engines(tmp_path):
    """In processes of their own; those that agree are named, and a segment alone is asked about twice."""
    names = "py-evm,eels"
    lines = "\n".join([json.dumps(LINE), "{", json.dumps(LINE | {"gasUsed": 1}), text(ENCODED)])
    code, verdicts = run(["--engines", names, "--threshold", "2"], input=lines)
    assert code == 1
    assert [verdict["result"] for verdict in verdicts] == [True, False, False, True]
    assert {verdict["engine"] for verdict in verdicts} == {names}
    assert verdicts[3]["gasUsed"] == GAS_USED


def test_the_alarms_of_an_l1_node(tmp_path):
    """What it keeps of a disagreement is a line to replay."""
    request = encode_request(TRACE.pre.state_root, TRACE.post.state_root, GAS_USED, ENCODED)
    votes = {"py-evm": Verdict(True, "proved", GAS_USED), "eels": Verdict(False, "no", None)}
    path = AlarmStore(tmp_path).save(Alarm(request, votes, None, True, 1.0))
    code, verdicts = run([str(path)])
    assert (code, verdicts[0]["result"], verdicts[0]["gasUsed"]) == (0, True, GAS_USED)


def stub(name: str, answers: str) -> EngineSpec:
    """An engine that is a few lines of Python: `answers` is what it does with a request."""
    code = (
        "import json, sys, time\n"
        "def frame(made): data = json.dumps(made).encode(); "
        "sys.stdout.buffer.write(len(data).to_bytes(4, 'big') + data); sys.stdout.flush()\n"
        f"frame({{'engine': {name!r}, 'version': '1'}})\n"
        "while head := sys.stdin.buffer.read(4):\n"
        "    sys.stdin.buffer.read(int.from_bytes(head, 'big'))\n"
        f"    {answers}\n"
    )
    return EngineSpec(name, lambda seconds, memory: (sys.executable, "-c", code))


def says(name: str, result: bool) -> EngineSpec:
    return stub(name, f"frame({{'result': {result}, 'reason': 'so says {name}', 'gas_used': 5}})")


@pytest.mark.parametrize(
    ("specs", "threshold", "result", "engine", "told"),
    [
        ([says("a", True), says("b", True), says("c", False)], 2, True, "a,b", "so says a; c says False: so says c"),
        ([says("a", True), says("b", False), says("c", False)], 2, False, "b,c", "so says b; a says True: so says a"),
        ([says("a", True), says("b", False)], 2, False, "a,b", "the engines disagree: a says True: so says a; b says"),
        ([says("a", True), stub("b", "sys.exit()")], 2, True, "a", "so says a; b failed: the process ended"),
        ([says("a", True), stub("b", "time.sleep(600)")], 2, True, "a", "so says a; b failed: no verdict within 1 s"),
        ([stub("a", "sys.exit()"), stub("b", "sys.exit()")], 2, False, "a,b", "no engine gave a verdict; a failed"),
    ],
)  # fmt: skip
def test_engines_that_are_wrong_slow_or_gone(specs, threshold, result, engine, told):
    judge = InProcesses(specs, threshold, time_limit=1, memory_limit=1 << 30)
    try:
        made = judge.line(json.dumps(LINE).encode())
        assert (made.result, made.engine) == (result, engine)
        assert made.reason.startswith(told)
        assert judge.line(json.dumps(LINE).encode()) == made
    finally:
        judge.close()


def test_answers_each_line_before_the_next_comes():
    with subprocess.Popen(command(), stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        for result, line in ((True, LINE), (False, {}), (True, LINE)):
            process.stdin.write(json.dumps(line).encode() + b"\n")
            process.stdin.flush()
            assert json.loads(process.stdout.readline())["result"] is result
        process.stdin.close()
        assert process.wait(timeout=60) == 1


def test_interrupted():
    with subprocess.Popen(
        command(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        process.stdin.write(json.dumps(LINE).encode() + b"\n")
        process.stdin.flush()
        assert json.loads(process.stdout.readline())["result"]
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=60) == 130
        assert process.stderr.read() == b""


def test_a_reader_that_goes_away(tmp_path):
    path = tmp_path / "lines"
    path.write_text((json.dumps(LINE) + "\n") * 2_000)
    reading, writing = os.pipe()
    with subprocess.Popen(command(str(path)), stdout=writing, stderr=subprocess.PIPE) as process:
        os.close(writing)
        with open(reading, "rb") as output:
            assert json.loads(output.readline())["result"]
        assert process.wait(timeout=60) == 1
        assert process.stderr.read() == b""


def test_help_says_what_witnesses_and_exits_mean():
    result = CliRunner().invoke(app, ["execute", "--help"], env={"COLUMNS": "200", "TERM": "dumb"})
    for word_of_it in ("minimal", "exit 1", "--gas-used", "debug_executionWitness"):
        assert word_of_it in result.stdout
    assert Path("docs/execute.md").exists()


def test_start_states_are_taken_from_the_trace():
    """A file names no roots: they are the trace's own, and a trace that lies about them is false."""
    lied = encode_trace(replace(TRACE, pre=StepState(bytes(32), TRACE.pre.block_hash, TRACE.pre.open)))
    made = InProcess().line(text(lied).encode())
    assert not made.result
