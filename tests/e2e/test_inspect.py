"""`verdict inspect` on an embedded L1: honest deployments, and ones that were tampered with in every way it claims to see."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from rich.console import Console
from typer.testing import CliRunner

from l1.artifacts import artifact
from l1.client import L1Client
from l1.embedded.service import EmbeddedL1
from l1.embedded.settings import EmbeddedL1Settings
from tests.e2e.devnet import DEPLOYER, ETHER, SEQUENCER, USER, Devnet
from verdict.cli import app
from verdict.config import load_config
from verdict.deploy import CONTRACTS, deploy
from verdict.deployment import STAGES, load_progress, save_progress
from verdict.inspection.contracts import PROXY_SLOTS
from verdict.inspection.rollup import inspect_rollup
from verdict.inspection.view import print_inspection
from verdict.keys import test_account as mnemonic_account

ROOT = Path(__file__).resolve().parents[2]


def printed(found: dict[str, Any]) -> str:
    console = Console(file=StringIO(), width=400)
    print_inspection(found, console)
    return console.file.getvalue()  # type: ignore[attr-defined]


async def test_what_a_single_sequencer_may_do_and_until_when(tmp_path: Path) -> None:
    async with Devnet(tmp_path) as net:
        found = await inspect_rollup(net.config, net.rpc)
        assert found["differences"] == []
        [power] = found["powers"]
        assert power.startswith(f"the sequencer {net.account(SEQUENCER).address} orders") and "until 1d after" in power
        assert not found["sequencing"]["anyone_posts"]
        assert "7,000 ether that no deposit backs" in found["warnings"][0]
        rollup = next(each for each in found["contracts"] if each["name"] == "Rollup")
        assert rollup["immutables"]["stride"] == 16 and rollup["immutables"]["assertionBond"] == 10**18
        await net.travel(86401)
        found = await inspect_rollup(net.config, net.rpc)
        assert found["sequencing"]["anyone_posts"] and "lapsed on" in found["powers"][0]
        assert "has been silent" in printed(found)


def flipped(code: bytes) -> bytes:
    """One instruction is another: the first ADD is a SUB."""
    at = code.index(b"\x01")
    return code[:at] + b"\x03" + code[at + 1:]


def with_owner(code: bytes) -> bytes:
    """The same size, with code at its beginning that is an owner's."""
    extra = b"\x5b" + bytes.fromhex("63f2fde38b") + b"\xf4"
    return extra + code[len(extra):]


def other_immutable(name: str, value: int, *, everywhere: bool) -> Callable[[bytes], bytes]:
    """The first immutable in several places has another value, in all of them or in the last one."""
    def change(code: bytes) -> bytes:
        changed = bytearray(code)
        places = next(each for each in artifact(name).immutables if len(each) > 1)
        for start, length in places if everywhere else places[-1:]:
            changed[start:start + length] = value.to_bytes(length)
        return bytes(changed)

    return change


async def test_the_command_and_its_exit_code(tmp_path: Path) -> None:
    """On configs/based.toml as it is, but for ports and its directory."""
    text = (ROOT / "configs" / "based.toml").read_text()
    async with EmbeddedL1(EmbeddedL1Settings(port=0, beacon_port=0, block_time=None, automine=True)) as l1, L1Client(l1.rpc_url) as rpc:
        text = text.replace("http://127.0.0.1:8545", l1.rpc_url).replace("http://127.0.0.1:5052", l1.beacon_url)
        text = re.sub(r"(?m)^\[l1.embedded\]\n(.+\n)+", 'block_time = "2s"\n', text).replace('"../data/based"', '"data"')
        text = text.replace('"pages/starter.bin"', json.dumps(str(ROOT / "configs" / "pages" / "starter.bin")))
        (path := tmp_path / "based.toml").write_text(text)
        config = load_config(path)
        deployment = await deploy(config, mnemonic_account(DEPLOYER), rpc)

        async def verdict(*arguments: str) -> Any:
            return await asyncio.to_thread(CliRunner().invoke, app, ["inspect", "-c", str(path), *arguments])

        answer = await verdict()
        assert answer.exit_code == 0 and "powers: none" in answer.stdout, answer.output
        found = json.loads((await verdict("--json")).stdout)
        assert found["differences"] == found["powers"] == [] and found["sequencing"] == {"mode": "based", "anyone_posts": True}
        assert all(each["as_committed"] and not each["changes_code"] for each in found["contracts"])
        assert {each["name"] for each in found["contracts"]} == {CONTRACTS[stage] for stage in STAGES}
        assert [warning for warning in found["warnings"] if "challenged for 5m only" not in warning] == []
        await rpc.request("anvil_setCode", [deployment.inbox, "0x" + flipped(await rpc.code(bytes.fromhex(deployment.inbox[2:]))).hex()])
        answer = await verdict("--json")
        assert answer.exit_code == 1 and len(json.loads(answer.stdout)["differences"]) == 1
        assert "powers: none" not in (await verdict()).stdout


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Devnet]:
    async with Devnet(tmp_path_factory.mktemp("inspect")) as net:
        yield net


@pytest.mark.parametrize(("stage", "change", "said"), [
    ("inbox", flipped, "1 bytes of code differ"),
    ("rollup", with_owner, "bytes of code differ"),
    ("stage", lambda code: code + b"\0", "bytes of code, not"),
    ("kzg_setup", lambda code: code[:-1] + b"\0", "not what its constructor makes"),
    ("rollup", other_immutable("Rollup", 77, everywhere=False), "not the same everywhere"),
    ("rollup", other_immutable("Rollup", 77, everywhere=True), "on L1, and should be"),
    ("portal", flipped, "1 bytes of code differ"),
    ("portal", other_immutable("Portal", 77, everywhere=True), "there is no code"),  # the vault of a rollup without one
    ("step_verifier", other_immutable("StepVerifier", 77, everywhere=True), "on L1, and should be"),
])
@pytest.mark.asyncio(loop_scope="module")
async def test_altered_code_is_seen(shared: Devnet, stage: str, change: Callable[[bytes], bytes], said: str) -> None:
    net = shared
    address = bytes.fromhex(getattr(net.deployment, stage)[2:]) if stage != "kzg_setup" else _address(net, stage)
    code = await net.rpc.code(address)
    await net.rpc.request("anvil_setCode", ["0x" + address.hex(), "0x" + change(code).hex()])
    try:
        found = await inspect_rollup(net.config, net.rpc)
        assert any(said in text for text in found["differences"]), found["differences"]
        if change is with_owner:
            assert any("DELEGATECALL" in power for power in found["powers"])
            assert any("transferOwnership(address)" in power for power in found["powers"])
        assert "difference" in printed(found)
    finally:
        await net.rpc.request("anvil_setCode", ["0x" + address.hex(), "0x" + code.hex()])
    assert (await inspect_rollup(net.config, net.rpc))["differences"] == []


def _address(net: Devnet, stage: str) -> bytes:
    progress = load_progress(net.config.deployment_path)
    assert progress is not None
    return bytes.fromhex(progress.contracts[stage].address[2:])


@pytest.mark.asyncio(loop_scope="module")
async def test_an_escrow_that_is_short_is_seen(shared: Devnet) -> None:
    net = shared
    portal = bytes.fromhex(net.deployment.portal[2:])
    await net.send(net.w3, net.account(USER), to=net.deployment.portal, value=ETHER,
                   data=artifact("Portal").call("deposit", net.account(USER).address))
    for held in (0, ETHER - 1, ETHER, 2 * ETHER):
        await net.rpc.request("anvil_setBalance", ["0x" + portal.hex(), hex(held)])
        found = await inspect_rollup(net.config, net.rpc)
        assert (found["money"]["escrowed"], found["money"]["held"]) == (ETHER, held)
        assert any("the Portal holds" in text for text in found["differences"]) == (held < ETHER)


@pytest.mark.asyncio(loop_scope="module")
async def test_a_proxys_slot_is_a_power(shared: Devnet) -> None:
    net, slot = shared, PROXY_SLOTS["EIP-1967 implementation"]
    assert slot == 0x360894A13BA1A3210667C828492DB98DCA3E2076CC3735A920A3CA505D382BBC
    for value in ("0x" + "11" * 32, "0x" + "00" * 32):
        await net.rpc.request("anvil_setStorageAt", [net.deployment.inbox, hex(slot), value])
        found = await inspect_rollup(net.config, net.rpc)
        assert any("a proxy's storage" in power for power in found["powers"]) == (value[2] == "1")


@pytest.mark.asyncio(loop_scope="module")
async def test_the_right_code_by_another_constructor_is_seen(shared: Devnet) -> None:
    """It leaves the Rollup's very code, but first writes to storage what it likes: a confirmed assertion, for example."""
    net = shared
    path = net.config.deployment_path
    progress = load_progress(path)
    assert progress is not None
    code = await net.rpc.code(_address(net, "rollup"))
    writes = bytes.fromhex("60015f55")  # storage[0] = 1
    start = len(writes) + 14
    initcode = writes + bytes.fromhex("62") + len(code).to_bytes(3) + bytes.fromhex("80") + bytes.fromhex("61") + start.to_bytes(2)
    initcode += bytes.fromhex("5f395ff3")
    initcode = initcode.ljust(start, b"\0") + code
    receipt = await net.send(net.w3, net.account(DEPLOYER), data=initcode, gas=6_000_000)
    assert bytes(await net.rpc.code(bytes.fromhex(receipt["contractAddress"][2:]))) == code
    evil = progress.contracts["rollup"].model_copy(update={
        "address": receipt["contractAddress"], "transaction": "0x" + bytes(receipt["transactionHash"]).hex()})
    try:
        for made in (evil, evil.model_copy(update={"transaction": progress.contracts["rollup"].transaction})):
            save_progress(path, progress.model_copy(update={"contracts": {**progress.contracts, "rollup": made}}))
            found = await inspect_rollup(net.config, net.rpc)
            said = "made by other code than" if made is evil else "is not the transaction that made it"
            assert any(said in text for text in found["differences"]), found["differences"]
    finally:
        save_progress(path, progress)
