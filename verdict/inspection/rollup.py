"""A whole deployment: that it is the committed code with the configured values, and what powers that leaves to anyone."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from eth_utils import to_checksum_address

from l1.artifacts import artifact
from l1.client import L1Client
from l1.contracts import Rollup
from verdict.config import Config
from verdict.config.checks import span
from verdict.deploy import CONTRACTS, ZERO_ADDRESS
from verdict.deployment import Deployment, DeploymentError, load_progress
from verdict.inspection.contracts import Inspected, inspect_contract, shown, word
from verdict.service import rollup_genesis

SHORT_WINDOW = 86400  # seconds
FOLLOWING = {"portal": ("vault", "gasTokenUnit")}
"""Immutables that follow from others."""


async def inspect_rollup(config: Config, l1: L1Client) -> dict[str, Any]:
    """Plain JSON: amounts in wei, times in seconds or as L1 timestamps. `differences` empty: everything is as committed and
    configured. Raises DeploymentError, and what the client raises."""
    deployment = Deployment.load(config)
    progress = load_progress(config.deployment_path)
    assert progress is not None
    head = await l1.head()
    expected = _expected(config, {stage: creation.address for stage, creation in progress.contracts.items()})
    found: dict[str, Inspected] = {}
    for stage, creation in progress.contracts.items():
        found[stage] = await inspect_contract(
            l1, CONTRACTS[stage], bytes.fromhex(creation.address[2:]), bytes.fromhex(creation.transaction[2:]),
            {*expected.get(stage, {}), *FOLLOWING.get(stage, ())}, head.number)
    await _made_by_others(l1, found, expected, head.number)
    differences = [f"{each.name} at {to_checksum_address(each.address)}: {text}"
                   for each in found.values() for text in each.differences]
    differences += _misconfigured(expected, found)
    differences += await _wrong_genesis(config, deployment, l1, found, head.number)
    warnings = [text for each in found.values() for text in each.unknown] + _warnings(config)
    money = await _money(l1, found, head.number)
    if money["held"] is not None and money["held"] < money["escrowed"]:
        differences.append(f"the Portal holds {money['held']} of the {money['escrowed']} wei that it says it does")
    sequencing = _sequencing(found, head.timestamp)
    return {
        "name": config.name,
        "l1": {"chain_id": config.l1.chain_id, "block": head.number, "timestamp": head.timestamp},
        "contracts": [_contract(each) for each in found.values()],
        "sequencing": sequencing,
        "dispute": {name: int.from_bytes(found["rollup"].getters[name]) for name in (
            "window", "clock", "stride", "arity", "assertionBond", "challengeBond", "rewardBps")
            if name in found["rollup"].getters},
        "money": money,
        "powers": _powers(found, sequencing),
        "warnings": warnings,
        "differences": differences,
    }


async def _made_by_others(
    l1: L1Client, found: dict[str, Inspected], expected: Mapping[str, Mapping[str, Any]], block: int
) -> None:
    """Contracts that those of the deployment made for themselves."""
    for owner, getter, name in (("portal", "vault", "TokenVault"),):
        made = found[owner].getters.get(getter, bytes(32))[12:] if owner in found else bytes(20)
        if any(made):
            found[getter] = await inspect_contract(l1, name, made, None, expected[getter], block)


def _misconfigured(expected: Mapping[str, Mapping[str, Any]], found: Mapping[str, Inspected]) -> list[str]:
    """Values on L1 that are not those of the TOML, or name other contracts."""
    problems = []
    for stage, values in expected.items():
        contract = found.get(stage)
        for name, value in values.items():
            if contract is None or name not in contract.getters:
                continue  # its code differs, which has been said
            kind, answer = contract.kinds[name], contract.getters[name]
            if answer != word(kind, value):
                problems.append(f"{contract.name}.{name} is {shown(kind, answer)} on L1, and should be {shown(kind, word(kind, value))}")
    return problems


def _expected(config: Config, addresses: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    rollup, dispute = config.rollup, config.dispute
    portal = addresses.get("portal", ZERO_ADDRESS)
    return {
        "step_verifier": {
            "chainId": rollup.chain_id, "fork": b"prague".ljust(32, b"\0"), "txGasCap": rollup.tx_gas_cap,
            "feeRecipient": rollup.fee_recipient, "gasLimit": rollup.gas_limit, "maxDrift": int(rollup.max_drift),
            "setup": addresses["kzg_setup"]},
        "inbox": {
            "sequencer": rollup.sequencer or ZERO_ADDRESS,
            "exclusiveTimeout": int(rollup.exclusive_timeout) if rollup.sequencer else 0,
            "maxOriginAge": rollup.max_origin_age, "portal": portal, "minForceFee": getattr(rollup, "force_fee", 0)},
        "rollup": {
            "inbox": addresses["inbox"], "verifier": addresses["step_verifier"], "stride": dispute.stride,
            "arity": dispute.arity, "window": int(dispute.window), "clock": int(dispute.clock),
            "assertionBond": dispute.assertion_bond, "challengeBond": dispute.challenge_bond, "rewardBps": dispute.reward},
        "portal": {
            "inbox": addresses["inbox"], "rollup": addresses["rollup"],
            "gasToken": getattr(rollup, "gas_token", None) or ZERO_ADDRESS,
            "burnedFeesTo": rollup.burned_fees_to or ZERO_ADDRESS},
        "token_bridge": {"portal": portal},
        "vault": {"portal": portal, "token": getattr(rollup, "gas_token", None) or ZERO_ADDRESS},
    }


async def _wrong_genesis(
    config: Config, deployment: Deployment, l1: L1Client, found: Mapping[str, Inspected], block: int
) -> list[str]:
    """What the Rollup began with is what the TOML defines: accounts, and the contracts in L2's genesis."""
    if found["rollup"].differences:
        return []
    try:
        header = rollup_genesis(config, deployment)[0]
    except DeploymentError as error:
        return [str(error)]
    record = await Rollup(l1, deployment.rollup).assertion(bytes(32), block)
    if (record.state_root, record.block_hash) != (header.state_root, header.hash):
        return [f"the Rollup began with L2 block 0x{record.block_hash.hex()}, and the configuration defines 0x{header.hash.hex()}"]
    return []


def _warnings(config: Config) -> list[str]:
    warnings = []
    granted = sum(entry.balance for entry in config.rollup.alloc)
    if granted:
        accounts = "one account" if len(config.rollup.alloc) == 1 else f"{len(config.rollup.alloc)} accounts"
        warnings.append(f"L2's genesis gave {accounts} {granted / 1e18:,.6g} ether that no deposit backs: L2 owes it, and the "
                        "escrow does not hold it. Who withdraws first is paid")
    if config.dispute.window < SHORT_WINDOW:
        warnings.append(f"a wrong assertion can be challenged for {span(config.dispute.window)} only")
    return warnings


async def _money(l1: L1Client, found: Mapping[str, Inspected], block: int) -> dict[str, Any]:
    """`escrowed`: what the Portal says that it keeps for L2, `held` what it has, both in wei of L2; None where there is no
    Portal. `bonds`: wei in the Rollup."""
    portal, vault = found.get("portal"), found.get("vault")
    held = escrowed = None
    token, unit = ZERO_ADDRESS, 1
    if portal is not None and "escrowed" in portal.getters:
        escrowed = int.from_bytes(portal.getters["escrowed"])
        token = str(shown("address", portal.getters["gasToken"]))
        unit = int.from_bytes(portal.getters["gasTokenUnit"])
        if token == ZERO_ADDRESS:
            held = await l1.balance(portal.address, block)
        else:
            holder = vault.address if vault is not None else portal.address
            call = artifact("DemoToken").call("balanceOf", "0x" + holder.hex())
            held = int.from_bytes((await l1.call(bytes.fromhex(token[2:]), call, block))[:32]) * unit
    burned = portal.getters.get("burnedFeesTo") if portal is not None else None
    return {
        "gas_token": None if token == ZERO_ADDRESS else to_checksum_address(token), "escrowed": escrowed, "held": held,
        "burned_fees_to": to_checksum_address(burned[12:]) if burned and any(burned) else None,
        "bonds": await l1.balance(found["rollup"].address, block),
    }


def _sequencing(found: Mapping[str, Inspected], now: int) -> dict[str, Any]:
    """Of the Inbox. `anyone_posts`: now."""
    getters = found["inbox"].getters
    if "sequencer" not in getters:
        return {"mode": "unknown"}
    if not any(getters["sequencer"]):
        return {"mode": "based", "anyone_posts": True}
    until = int.from_bytes(getters["exclusiveUntil"])
    return {
        "mode": "single", "sequencer": to_checksum_address(getters["sequencer"][12:]), "exclusive_until": until,
        "exclusive_timeout": int.from_bytes(getters["exclusiveTimeout"]), "anyone_posts": now > until,
        "max_origin_age": int.from_bytes(getters["maxOriginAge"]),
    }


def _powers(found: Mapping[str, Inspected], sequencing: Mapping[str, Any]) -> list[str]:
    powers = []
    for each in found.values():
        at = f"{each.name} at {to_checksum_address(each.address)}"
        if each.differences:
            powers.append(f"{at} is not the committed contract: what it lets whom do is unknown")
        if each.proxies:
            powers.append(f"{at} has a proxy's storage ({', '.join(each.proxies)}): its code may be elsewhere, and change")
        if each.abilities.changes_code:
            powers.append(f"{at} can run foreign code as its own, or vanish ({', '.join(each.abilities.changes_code)})")
        if each.abilities.powers:
            powers.append(f"{at} has functions of an owner ({', '.join(each.abilities.powers)})")
    if sequencing["mode"] == "single":
        timeout = span(sequencing["exclusive_timeout"])
        until = datetime.fromtimestamp(sequencing["exclusive_until"], UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
        now = (f"lapsed on {until}: anyone posts until its next batch renews it" if sequencing["anyone_posts"]
               else f"now until {until}")
        powers.append(
            f"the sequencer {sequencing['sequencer']} orders L2's transactions, and can leave out whom it likes: while it posts, "
            f"nobody else may, until {timeout} after its last batch ({now}). Deposits and transactions forced through L1 it can "
            f"delay, by old origins or full queues; what has waited for twice {timeout} anyone may take in. It "
            "can't change state, money or rules")
    return powers


def _contract(each: Inspected) -> dict[str, Any]:
    return {
        "name": each.name, "address": to_checksum_address(each.address),
        "as_committed": not each.differences, "differences": list(each.differences),
        "immutables": {name: shown(each.kinds.get(name, "bytes32"), value) for name, value in each.immutables.items()},
        "proxy_slots": list(each.proxies), "changes_code": list(each.abilities.changes_code),
        "creates": list(each.abilities.creates), "power_functions": list(each.abilities.powers),
    }
