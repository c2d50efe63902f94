"""`verdict execute` on Ethereum's blocks: the valid ones true, the invalid ones false, the tampered ones false.

`python -m tests.unit.execution.report` counts the same by fork and folder.
"""

import json
import subprocess
import sys
from dataclasses import replace

import pytest

from execution.abi import encode_trace
from execution.block import BlockBuilder
from execution.block_trace import BlockClaim, trace_of_block
from execution.eels import engine as eels
from execution.execute import MAX_CODE_SIZE
from execution.genesis import GenesisAccount, put_account
from execution.header import ancestor_hashes
from execution.rules import Rules
from tests.unit.execution.block_lines import Claim, claims, recorded, whole_state
from tests.unit.execution.ethereum_fixtures import PATH, cases
from tests.unit.execution.exactness import Tally, judged_blocks, tally_blocks, tally_tampered, verdict_of
from tests.unit.execution.forgery import attributes_in
from tests.unit.execution.tampering import GROUPS
from tests.unit.execution.wallet import Wallet
from verdict.execute_verdicts import InProcess

ALL = cases()
# BLS12-381 has its tests elsewhere, and one block uses 90M gas.
QUICK = [case for case in ALL if "bls12" not in case.group and "wide_address" not in case.name]
pytestmark = pytest.mark.skipif(not ALL, reason=f"{PATH} is not here")


def assert_all_right(*tallies: Tally) -> None:
    wrong = [description for tally in tallies for description in tally.wrong]
    assert not wrong, "\n".join(wrong[:10])


@pytest.mark.parametrize("case", QUICK[::4], ids=lambda case: case.name)
def test_blocks(case):
    assert_all_right(*tally_blocks(case).values())


@pytest.mark.slow
@pytest.mark.parametrize("case", ALL, ids=lambda case: case.name)
def test_all_blocks(case):
    assert_all_right(*tally_blocks(case).values())


@pytest.mark.parametrize("group", GROUPS)
@pytest.mark.parametrize("case", QUICK[7::45], ids=lambda case: case.name)
def test_tampered_blocks(case, group):
    assert_all_right(tally_tampered(case, group))


@pytest.mark.slow
@pytest.mark.parametrize("group", GROUPS)
@pytest.mark.parametrize("case", ALL, ids=lambda case: case.name)
def test_all_tampered_blocks(case, group):
    assert_all_right(tally_tampered(case, group))


def test_many_lines_in_one_process():
    """The command itself: a verdict a line, in order, the bad line among them no matter."""
    judged = [
        (kind, claim)
        for case in QUICK[2::6]
        if "point_evaluation" not in case.group
        for kind, claim, _ in judged_blocks(case)
    ]
    lines = [json.dumps(claim.fields()) for _, claim in judged]
    lines.insert(len(lines) // 2, '{"preStateRoot": "0x"')
    expected = [kind == "valid" for kind, _ in judged]
    expected.insert(len(lines) // 2, False)
    ran = subprocess.run(
        [sys.executable, "-m", "verdict", "execute"],
        check=False,
        input="\n".join(lines) + "\n",
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert ran.returncode == 1, ran.stderr
    answers = [json.loads(line) for line in ran.stdout.splitlines()]
    assert len(answers) > 80
    assert [answer["result"] for answer in answers] == expected
    assert {tuple(answer) for answer in answers} == {("result", "gasUsed", "engine", "reason")}


@pytest.mark.parametrize("case", QUICK[5::40], ids=lambda case: case.name)
def test_witnesses_as_geth_and_reth_record_them(case):
    """By the minimal rule: L1's witnesses hold enough, theirs are enough, and nothing in them can be done without."""
    judge = InProcess(minimal_witness=True)
    for claim in claims(case):
        if not claim.provable:
            continue
        minimal = recorded(claim, minimal=True)
        for witness in (claim.witness, minimal):
            answer = judge.line(json.dumps(claim.fields(witness=witness)).encode())
            assert answer.result, answer
        assert set(minimal.state) <= set(claim.witness.state) and set(minimal.codes) <= set(
            claim.witness.codes
        )
        for name in ("state", "codes", "headers"):
            items = getattr(minimal, name)
            for index in range(len(items)):
                partial = replace(minimal, **{name: items[:index] + items[index + 1 :]})
                assert not judge.line(json.dumps(claim.fields(witness=partial)).encode()).result


def with_code(size: int) -> Claim:
    """A block that calls a contract of `size` bytes, on a made-up state."""
    claim = next(
        claim for case in QUICK for claim in claims(case) if claim.provable and not claim.parent.number
    )
    world, wallet, contract = claim.world.copy(), Wallet.number(5), b"\xcc" * 20
    put_account(world, wallet.address, GenesisAccount(10**20))
    put_account(world, contract, GenesisAccount(code=b"\x5b" * size))
    parent = replace(claim.parent, state_root=world.root())
    headers = {parent.hash: parent.rlp()}
    rules = Rules(claim.case.chain_id, tx_gas_cap=None)
    hashes = ancestor_hashes(parent.hash, parent.number, headers.__getitem__)
    builder = BlockBuilder.open(rules, world.copy(), parent, attributes_in(claim.block), hashes)
    builder.apply(wallet.typed(chain_id=claim.case.chain_id, to=contract, gas=200_000, fee=10**11))
    made = replace(
        claim,
        block=builder.seal().rlp(),
        parent=parent,
        world=world,
        headers=headers,
        witness=whole_state(world, parent, headers),
    )
    return replace(made, witness=recorded(made))


@pytest.mark.parametrize("size", [24_577, 60_012, MAX_CODE_SIZE])
def test_states_from_before_eip_170(size):
    """Ethereum's tests begin with contracts beyond EIP-170's 24,576 bytes: blocks that call them are valid."""
    claim = with_code(size)
    assert verdict_of(claim.fields()).result
    trace = encode_trace(
        trace_of_block(
            BlockClaim(
                claim.parent.state_root,
                claim.header.state_root,
                claim.header.gas_used,
                claim.case.chain_id,
                "Prague",
                claim.block,
                claim.witness,
            )
        )
    )
    verdict = eels.execute(claim.parent.state_root, claim.header.state_root, claim.header.gas_used, trace)
    assert verdict.result, verdict


def test_codes_have_a_limit():
    answer = verdict_of(with_code(MAX_CODE_SIZE + 1).fields())
    assert not answer.result
    assert "too large codes" in answer.reason
