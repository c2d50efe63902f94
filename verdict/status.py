"""How a rollup stands, read from L1 (and from the sequencer, if it runs). The result is plain JSON."""

from __future__ import annotations

from typing import Any

import aiohttp
from web3 import AsyncWeb3
from web3.exceptions import Web3Exception

from l1.http_provider import HttpProvider
from verdict.config import Config
from verdict.deployment import Deployment
from verdict.errors import L1Problem
from verdict.onchain import Contracts

ASSERTION_STATUS = ("none", "pending", "confirmed", "killed")
NOBODY = "0x" + "00" * 20
"""Asserter of what was settled."""
GAME_STATUS = ("none", "open", "challenger won", "asserter won", "void")


async def read_status(config: Config, deployment: Deployment, rpc: Any) -> dict[str, Any]:
    """Amounts are wei, times seconds, hashes 0x hex. `rpc` is an L1Client."""
    w3: AsyncWeb3 = rpc.w3
    contracts = Contracts(w3, deployment)
    try:
        head = await w3.eth.get_block("latest")
        now, number = head["timestamp"], head["number"]
        events = [event async for event in contracts.events(deployment.block_number, number)]
        batch_hash, batch_count = await contracts.inbox.functions.headBatch().call()
        confirmed = await contracts.rollup.functions.latestConfirmed().call()
        assertions = [await _assertion(contracts, config, event, now) for event in events if event.name == "AssertionMade"]
        games = [await _game(contracts, event, now) for event in events if event.name == "GameOpened"]
        people = {a["asserter"] for a in assertions if a["asserter"] != NOBODY} | {g["challenger"] for g in games}
        people |= {e.args["by"] for e in events if e.name == "AssertionKilled"}
        if config.rollup.sequencer:
            people.add(config.rollup.sequencer)
        return {
            "name": config.name,
            "l1": {
                "chain_id": config.l1.chain_id,
                "block": number,
                "timestamp": now,
                "base_fee": head["baseFeePerGas"],
                "execute_gas_price": await contracts.execute.functions.gasPrice().call(),
                "execute_gas_left": await contracts.execute.functions.gasLeft().call(),
            },
            "contracts": {
                "inbox": deployment.inbox, "rollup": deployment.rollup, "step_verifier": deployment.step_verifier,
                "portal": deployment.portal, "stage": deployment.stage},
            "batches": {
                "count": batch_count,
                "head": _hex(batch_hash),
                "deposits": await contracts.inbox.functions.depositCount().call(),
                "forced": await contracts.inbox.functions.forcedCount().call(),
            },
            "confirmed": {
                "assertion": _hex(confirmed[0]),
                "batches": confirmed[1],
                "state_root": _hex(confirmed[2]),
                "block_hash": _hex(confirmed[3]),
            },
            "assertions": assertions,
            "games": games,
            "l2": await _l2(config),
            "money": {
                "rollup_balance": await w3.eth.get_balance(w3.to_checksum_address(deployment.rollup)),
                "accounts": [
                    {
                        "address": address,
                        "balance": await w3.eth.get_balance(w3.to_checksum_address(address)),
                        "credit": await contracts.rollup.functions.credit(address).call(),
                    }
                    for address in sorted(people)
                ],
            },
        }
    except (Web3Exception, aiohttp.ClientError) as error:
        raise L1Problem(f"{config.l1.rpc_url}: {error}") from None


async def _assertion(contracts: Contracts, config: Config, event: Any, now: int) -> dict[str, Any]:
    found = await contracts.rollup.functions.assertion(event.args["id"]).call()
    return {
        "id": _hex(event.args["id"]),
        "parent": _hex(found.parentId),
        "batch": found.batchIndex,
        "steps": found.steps,
        "asserter": found.asserter,
        "status": ASSERTION_STATUS[found.status],
        "open_games": found.openGames,
        "window_left": max(0, found.createdAt + config.dispute.window - now) if found.status == 1 else 0,
        "state_root": _hex(found.stateRoot),
        "l1_block": event.block_number,
    }


async def _game(contracts: Contracts, event: Any, now: int) -> dict[str, Any]:
    found = await contracts.rollup.functions.game(event.args["gameId"]).call()
    is_open, splitting = found.status == 1, not any(found.splitHash)
    single = found.hi - found.lo == 1
    mover = "asserter" if splitting and not single else "challenger"
    clocks = {"asserter": found.asserterClock, "challenger": found.challengerClock}
    if is_open:
        clocks[mover] = max(0, clocks[mover] - (now - found.movedAt))
    return {
        "id": _hex(event.args["gameId"]),
        "assertion": _hex(found.assertionId),
        "challenger": found.challenger,
        "lo": found.lo,
        "hi": found.hi,
        "status": GAME_STATUS[found.status],
        "mover": mover if is_open else None,
        "clocks": clocks,
    }


async def _l2(config: Config) -> dict[str, Any] | None:
    """The sequencer's heads; None if it doesn't answer."""
    host = "127.0.0.1" if config.sequencer.host == "0.0.0.0" else config.sequencer.host
    url = f"http://{host}:{config.sequencer.port}"
    provider = HttpProvider(url, timeout=3)
    w3 = AsyncWeb3(provider)
    heads: dict[str, Any] = {"url": url}
    try:
        for label in ("latest", "safe", "finalized"):
            try:
                block = await w3.eth.get_block(label)
            except Web3Exception:
                heads[label] = None
                continue
            heads[label] = {"number": block["number"], "hash": block["hash"].to_0x_hex(),
                            "state_root": block["stateRoot"].to_0x_hex(), "timestamp": block["timestamp"]}
        return heads
    except (OSError, TimeoutError, aiohttp.ClientError):
        return None
    finally:
        await provider.disconnect()


def _hex(value: bytes) -> str:
    return "0x" + bytes(value).hex()
