"""Deploying on a real (embedded) L1: once, resumed, refused; and the status of what is there."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from l1.artifacts import artifact
from l1.client import L1Client
from l1.contracts import Inbox, Portal
from l1.embedded.service import EmbeddedL1
from l1.embedded.settings import EmbeddedL1Settings
from tests.e2e.devnet import DEPLOYER, base_configuration
from verdict.commands.deploy import _put_aside
from verdict.config import Config, parse_config
from verdict.deploy import Stage, check_deployment, deploy
from verdict.deployment import STAGES, Deployment, DeploymentError, load_progress, save_progress
from verdict.errors import L1Problem
from verdict.genesis import genesis_state
from verdict.keys import test_account as mnemonic_account
from verdict.onchain import Contracts
from verdict.viewing.source import sight
from verdict.viewing.status import read_status

SETTINGS = EmbeddedL1Settings(port=0, beacon_port=0, block_time=None, automine=True)


def configuration(l1: EmbeddedL1, directory: Path, **overrides: object) -> Config:
    tree = base_configuration()
    tree["l1"] |= {"rpc_url": l1.rpc_url, "beacon_url": l1.beacon_url}
    return parse_config(tree, base=directory, overrides=overrides)


class Interrupted(Exception):
    """As if the process had been killed."""


def interrupt_at(stage: str):
    def report(done: Stage) -> None:
        if done.name == stage:
            raise Interrupted

    return report


async def test_deploys_resumes_and_refuses(tmp_path: Path) -> None:
    account = mnemonic_account(DEPLOYER)
    async with EmbeddedL1(SETTINGS) as l1, L1Client(l1.rpc_url) as rpc:
        config = configuration(l1, tmp_path)
        with pytest.raises(DeploymentError, match="not deployed"):
            Deployment.load(config)

        for stage in STAGES:
            with pytest.raises(Interrupted):
                await deploy(config, account, rpc, interrupt_at(stage))
            with pytest.raises(DeploymentError, match="interrupted"):
                Deployment.load(config)
        deployment = await deploy(config, account, rpc)
        assert int(await rpc.request("eth_getTransactionCount", [account.address, "latest"]), 16) == len(STAGES)
        assert deployment == Deployment.load(config) == await check_deployment(config, rpc)
        assert deployment == await deploy(config, account, rpc)

        assert rpc.w3 is not None
        contracts = Contracts(rpc.w3, deployment)
        confirmed = await contracts.rollup.functions.latestConfirmed().call()
        assert bytes(confirmed[2]) == genesis_state(config, deployment.l1_addresses).state_root
        assert await contracts.rollup.functions.window().call() == config.dispute.window
        assert await contracts.inbox.functions.sequencer().call() == config.rollup.sequencer

        changed = configuration(l1, tmp_path, **{"dispute.window": "20m"})
        with pytest.raises(DeploymentError, match="changed after"):
            Deployment.load(changed)

        async with sight(config) as seen:
            status = await read_status(seen)
        assert status["contracts"]["stage"] == deployment.stage
        assert status["batch_count"] == 0 and status["batches"] == status["games"] == []
        assert status["confirmed"]["assertion"] == "0x" + "00" * 32
        assert status["l2_url"] is None and status["l2"] == {"unsafe": None, "safe": None, "finalized": None}
        assert int(status["l1"]["execute"]["gas_price"]) >= 1


@pytest.mark.parametrize("stage", ["step_verifier", "inbox", "rollup"])
async def test_the_deployers_other_transactions_do_no_harm(tmp_path: Path, stage: str) -> None:
    account, said = mnemonic_account(DEPLOYER), []
    async with EmbeddedL1(SETTINGS) as l1, L1Client(l1.rpc_url) as rpc:
        config = configuration(l1, tmp_path)
        with pytest.raises(Interrupted):
            await deploy(config, account, rpc, interrupt_at(stage))
        before = load_progress(config.deployment_path)
        nonce = int(await rpc.request("eth_getTransactionCount", [account.address, "latest"]), 16)
        other = account.sign_transaction({
            "nonce": nonce, "chainId": config.l1.chain_id, "gas": 21_000, "to": account.address, "value": 1,
            "maxFeePerGas": 10**10, "maxPriorityFeePerGas": 10**9})
        await rpc.request("eth_sendRawTransaction", [other.raw_transaction.to_0x_hex()])
        deployment = await deploy(config, account, rpc, lambda done: said.append(done.name))
        assert said.count("again") == 1
        after = load_progress(config.deployment_path)
        assert before is not None and after is not None
        assert before.predicted["portal"] != after.predicted["portal"] == deployment.portal
        assert before.contracts["step_verifier"] == after.contracts["step_verifier"]
        assert rpc.w3 is not None
        contracts = Contracts(rpc.w3, deployment)
        assert await contracts.inbox.functions.portal().call() == deployment.portal
        assert await contracts.portal.functions.rollup().call() == deployment.rollup
        assert await contracts.rollup.functions.inbox().call() == deployment.inbox
        assert await contracts.inbox.functions.forceFee().call() == config.rollup.force_fee


async def test_an_erc20_as_gas_token(tmp_path: Path) -> None:
    account = mnemonic_account(DEPLOYER)
    key, sender = account.key, account.address

    async with EmbeddedL1(SETTINGS) as l1, L1Client(l1.rpc_url) as rpc:
        assert rpc.w3 is not None
        w3 = rpc.w3

        async def send(data: bytes, to: str = "") -> Any:
            signed = w3.eth.account.sign_transaction({
                "nonce": await w3.eth.get_transaction_count(sender), "chainId": 31337, "gas": 3_000_000, "to": to, "value": 0,
                "data": data, "maxFeePerGas": 10**10, "maxPriorityFeePerGas": 10**9}, key)
            receipt = await w3.eth.wait_for_transaction_receipt(await w3.eth.send_raw_transaction(signed.raw_transaction))
            assert receipt["status"] == 1
            return receipt

        wrong = configuration(l1, tmp_path / "wrong", **{"rollup.gas_token": sender})
        with pytest.raises(DeploymentError, match="no ERC-20"):
            await deploy(wrong, account, rpc)
        assert load_progress(wrong.deployment_path) is None

        token = (await send(artifact("DemoToken").deployment(10**24)))["contractAddress"]
        deployment = await deploy(configuration(l1, tmp_path, **{"rollup.gas_token": token}), account, rpc)
        portal = Portal(rpc, deployment.portal)
        vault = await portal.vault()
        assert "0x" + (await portal.gas_token()).hex() == token.lower() and await portal.gas_token_unit() == 1
        demo = artifact("DemoToken")
        await send(demo.call("approve", "0x" + vault.hex(), 5 * 10**18), token)
        await send(Portal.deposit_token(b"\x0d" * 20, 2 * 10**18), deployment.portal)
        await send(Portal.send_message(b"\x0e" * 20, 10**18, bytes(20), b"data"), deployment.portal)
        assert await portal.escrowed() == 3 * 10**18
        held = await rpc.call(bytes.fromhex(token[2:]), demo.call("balanceOf", "0x" + vault.hex()))
        assert demo.answer("balanceOf", held) == (3 * 10**18,)
        assert (await Inbox(rpc, deployment.inbox).deposit_at(0))[:2] == (b"\x0d" * 20, 2 * 10**9)


async def test_contracts_of_an_older_version_are_refused_and_can_be_put_aside(tmp_path: Path) -> None:
    account = mnemonic_account(DEPLOYER)
    async with EmbeddedL1(SETTINGS) as l1, L1Client(l1.rpc_url) as rpc:
        config = configuration(l1, tmp_path)
        await deploy(config, account, rpc)
        progress = load_progress(config.deployment_path)
        assert progress is not None
        older = {name: made for name, made in progress.contracts.items() if name != "stage"}
        save_progress(config.deployment_path, progress.model_copy(update={"version": 1, "contracts": older}))
        for attempt in (deploy(config, account, rpc), check_deployment(config, rpc)):
            with pytest.raises(DeploymentError, match="of version 1, this program needs 4"):
                await attempt
    async with EmbeddedL1(SETTINGS) as l1, L1Client(l1.rpc_url) as rpc:
        config = configuration(l1, tmp_path)
        assert await _put_aside(config, rpc) is not None
        await deploy(config, account, rpc)


async def test_a_damaged_file_is_told(tmp_path: Path) -> None:
    async with EmbeddedL1(SETTINGS) as l1, L1Client(l1.rpc_url) as rpc:
        config = configuration(l1, tmp_path)
        config.data_dir.mkdir()
        config.deployment_path.write_text('{"name": "e2e"')
        with pytest.raises(DeploymentError, match="is not a deployment"):
            await deploy(config, mnemonic_account(DEPLOYER), rpc)


async def test_refuses_before_any_transaction(tmp_path: Path) -> None:
    async with EmbeddedL1(SETTINGS) as l1, L1Client(l1.rpc_url) as rpc:
        wrong_chain = configuration(l1, tmp_path, **{"l1.chain_id": 5})
        with pytest.raises(L1Problem, match="is chain 31337"):
            await deploy(wrong_chain, mnemonic_account(DEPLOYER), rpc)
        with pytest.raises(DeploymentError, match="0.0000 ether"):
            await deploy(configuration(l1, tmp_path), mnemonic_account(99), rpc)
        assert load_progress(tmp_path / "data" / "deployment.json") is None


async def test_an_l1_started_afresh_is_noticed_and_reset(tmp_path: Path) -> None:
    account = mnemonic_account(DEPLOYER)
    async with EmbeddedL1(SETTINGS) as l1, L1Client(l1.rpc_url) as rpc:
        config = configuration(l1, tmp_path)
        await deploy(config, account, rpc)
        with pytest.raises(DeploymentError, match="still has"):
            await _put_aside(config, rpc)
    await asyncio.sleep(0)
    async with EmbeddedL1(SETTINGS) as l1, L1Client(l1.rpc_url) as rpc:
        config = configuration(l1, tmp_path)
        with pytest.raises(DeploymentError, match="--reset"):
            await deploy(config, account, rpc)
        aside = await _put_aside(config, rpc)
        assert aside is not None
        assert (aside / "deployment.json").exists()
        await deploy(config, account, rpc)
