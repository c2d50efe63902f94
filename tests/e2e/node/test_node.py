"""`verdict node`: what L1 says, for wallets, with or without the sequencer."""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from web3 import AsyncWeb3
from web3.exceptions import Web3RPCError

from tests.adversarial.test_crash import write_toml
from tests.e2e.devnet import USER, Devnet, free_ports
from tests.unit.l1.blob_nodes import OTHER, served
from verdict.config import Config

FAST = {"sequencer.batch_interval": "1s"}
LOGGER = "0x600a600c600039600a6000f3" + "3460005260206000a000"
"""Initcode of a contract that logs the value it is called with."""
RECIPIENT = "0x" + "99" * 20
DEAD_URL = "http://127.0.0.1:1"


async def ask(l2: AsyncWeb3, name: str, *arguments: Any) -> Any:
    answer = await l2.provider.make_request(name, list(arguments))  # type: ignore[arg-type]
    assert "error" not in answer, answer
    return answer["result"]


async def get(url: str) -> tuple[int, Any]:
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        return response.status, await (response.json() if response.content_type == "application/json" else response.read())


async def reaches(net: Devnet, l2: AsyncWeb3, number: int, label: Any = "latest") -> None:
    async def there() -> bool:
        return bool((await l2.eth.get_block(label))["number"] >= number)

    await net.until(there, f"the node's {label} block is {number}")


async def some_blocks(net: Devnet, l2: AsyncWeb3, count: int = 3) -> int:
    """Transfers, each in a block of its own; the number of the last one's, once it is safe."""
    for value in range(1, count + 1):
        last = await net.send(l2, net.account(USER), to=RECIPIENT, value=value, gas=21_000)
    number: int = last["blockNumber"]
    await reaches(net, l2, number, "safe")
    return number


async def test_wallets_read_the_same_from_node_and_sequencer(tmp_path: Path) -> None:
    async with Devnet(tmp_path, FAST) as net, net.sequencer(), net.node():
        l2, node = net.l2(), net.l2_node()
        made = await net.send(l2, net.account(USER), to=None, data=LOGGER)
        called = await net.send(l2, net.account(USER), to=made["contractAddress"], value=5)
        number = await some_blocks(net, l2)
        await reaches(net, node, number)
        for at in range(number + 1):
            assert await node.eth.get_block(at, True) == await l2.eth.get_block(at, True)
            assert await ask(node, "eth_getBlockReceipts", hex(at)) == await ask(l2, "eth_getBlockReceipts", hex(at))
        assert await node.eth.get_transaction_receipt(called["transactionHash"]) == called
        assert len(called["logs"]) == 1
        logs = {"fromBlock": 0, "toBlock": number}
        assert await node.eth.get_logs(logs) == await l2.eth.get_logs(logs)  # type: ignore[arg-type]
        for address in (net.account(USER).address, made["contractAddress"], node.to_checksum_address(RECIPIENT)):
            proof = address, ["0x0"], hex(number)
            assert await ask(node, "eth_getProof", *proof) == await ask(l2, "eth_getProof", *proof)
        assert await node.eth.get_code(made["contractAddress"]) == await l2.eth.get_code(made["contractAddress"])
        assert (await node.eth.get_block("latest"))["hash"] == (await node.eth.get_block("safe"))["hash"]
        await reaches(net, node, number, "finalized")
        batch = await ask(node, "verdict_batch", 0)
        whole = await ask(l2, "verdict_batch", 0)
        assert batch["blocks"] and batch == {name: whole[name] for name in batch}
        status = await ask(node, "optimism_syncStatus")
        assert status["safe_l2"] == status["unsafe_l2"] and status["finalized_l2"]["number"] >= number
        assert status["current_l1"]["number"] <= status["head_l1"]["number"]
        assert await node.eth.syncing is False


@pytest.mark.slow
async def test_transactions_are_refused_or_handed_on(tmp_path: Path) -> None:
    async with Devnet(tmp_path, FAST) as net, net.sequencer():
        hands_on = net.another({"node.sequencer_url": f"http://127.0.0.1:{net.config.sequencer.port}"})
        lost = net.another({"node.sequencer_url": DEAD_URL})
        async with net.node(), net.node(hands_on), net.node(lost):
            node, l2 = net.l2_node(hands_on), net.l2()
            receipt = await net.send(node, net.account(USER), to=RECIPIENT, value=7, gas=21_000)
            assert receipt["status"] == 1 and await node.eth.get_balance(node.to_checksum_address(RECIPIENT)) == 7
            raw = net.account(USER).sign_transaction({
                "nonce": 0, "chainId": 42069, "gas": 21_000, "to": RECIPIENT, "value": 1, "maxFeePerGas": 10**10,
                "maxPriorityFeePerGas": 10**9}).raw_transaction
            errors = {}
            for name, where in (("sequencer", l2), ("handed on", node), ("refused", net.l2_node()), ("lost", net.l2_node(lost))):
                with pytest.raises(Web3RPCError) as caught:
                    await where.eth.send_raw_transaction(raw)
                errors[name] = caught.value.rpc_response["error"]  # type: ignore[index]
            assert "nonce too low" in errors["sequencer"]["message"] and errors["handed on"] == errors["sequencer"]
            assert errors["refused"]["code"] == -32004 and "sequencer_url" in errors["refused"]["message"]
            assert "does not answer" in errors["lost"]["message"]
            with pytest.raises(Web3RPCError, match="undecodable"):
                await net.l2_node(hands_on).eth.send_raw_transaction(b"\x02nonsense")


@pytest.mark.slow
async def test_the_chain_goes_back_with_l1_and_on_again(tmp_path: Path) -> None:
    async with Devnet(tmp_path, FAST) as net, net.node():
        node = net.l2_node()
        async with net.sequencer():
            first = await some_blocks(net, net.l2())
            await reaches(net, node, first)
            kept = (await ask(node, "verdict_batch", 0))["l1Block"]
            second = await some_blocks(net, net.l2())
            await reaches(net, node, second)
        gone = await node.eth.get_block(second)
        depth = (await net.rpc.head()).number - kept
        await net.rpc.request("verdict_reorg", [hex(depth), {"drop_transactions": True}])

        async def back() -> bool:
            head = await node.eth.get_block("latest")
            return bool(head["number"] < second and head["hash"] == (await node.eth.get_block("safe"))["hash"])

        await net.until(back, "the node's chain has gone back")
        left = (await node.eth.get_block("latest"))["number"]
        with pytest.raises(Exception, match="not found"):
            await node.eth.get_block(left + 1)
        assert (await node.eth.get_block(gone["hash"]))["number"] == second  # still known by hash
        async with net.sequencer():
            third = await some_blocks(net, net.l2())
            await reaches(net, node, third)
            for at in range(third + 1):
                assert (await node.eth.get_block(at))["hash"] == (await net.l2().eth.get_block(at))["hash"]
        async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{net.config.node.port}/healthz") as answer:
            assert answer.status == 200


async def test_without_sequencer_and_beacon_peers_are_enough(tmp_path: Path) -> None:
    """A liar is asked before the sequencer's archive; later the first node's archive is all there is."""

    async def lie(_: Any) -> Any:
        from aiohttp import web

        return web.Response(body=OTHER)

    async with Devnet(tmp_path, FAST) as net, net.node(), served(lie) as liar:
        async with net.sequencer():
            number = await some_blocks(net, net.l2())
            await reaches(net, net.l2_node(), number)
            archive = f"http://127.0.0.1:{net.config.sequencer.port}"
            second = net.another({"l1.beacon_url": DEAD_URL, "blobs.peer_urls": [liar, archive]})
            async with net.node(second):
                await reaches(net, net.l2_node(second), number)
                status, seen = await get(f"http://127.0.0.1:{second.node.port}/view/overview.json")
                assert status == 200 and seen["daemon"]["role"] == "node" and seen["batches"][-1]["index"] == 0
            blob_hash = (await ask(net.l2(), "verdict_batch", 0))["blobHashes"][0]
        node = net.l2_node()
        assert (await node.eth.get_block("latest"))["number"] >= number
        assert await node.eth.call({"to": RECIPIENT}) == b""
        assert (await get(f"http://127.0.0.1:{net.config.node.port}/healthz"))[0] == 200
        status, blob = await get(f"http://127.0.0.1:{net.config.node.port}/blobs/{blob_hash}")
        assert status == 200 and len(blob) == 131_072
        third = net.another({"node.page": False, "l1.beacon_url": DEAD_URL, "blobs.peer_urls": [f"http://127.0.0.1:{net.config.node.port}"]})
        async with net.node(third):
            await reaches(net, net.l2_node(third), number)
            assert (await get(f"http://127.0.0.1:{third.node.port}/view/"))[0] == 404
            mine, theirs = [await each.eth.get_block(number) for each in (net.l2_node(third), node)]
            assert mine == theirs
        lonely = net.another({"l1.beacon_url": DEAD_URL, "blobs.peer_urls": [liar]})
        async with net.node(lonely):
            async def unwell() -> Any:
                status, health = await get(f"http://127.0.0.1:{lonely.node.port}/healthz")
                return health if status == 503 and "blob" in health["failure"] else None

            health = await net.until(unwell, "the node says that it has no blobs")
            assert health["safe"] == 0 and not health["checks"]["data"]["ok"]


async def process(config: Config, directory: Path) -> asyncio.subprocess.Process:
    """`verdict node` as a process of its own."""
    path = write_toml(config, directory)
    with path.open("a") as file:
        file.write(f'[node]\nport = {config.node.port}\npoll = "200ms"\nmetrics_port = {config.node.metrics_port}\n')
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "verdict", "node", "--config", str(path), stdout=asyncio.subprocess.DEVNULL,
        stderr=(directory / "node.log").open("ab"), cwd=Path.cwd())


@pytest.mark.slow
async def test_killed_it_goes_on_where_it_was(tmp_path: Path) -> None:
    (metrics,) = free_ports(1)
    async with Devnet(tmp_path, {**FAST, "node.metrics_port": metrics}) as net, net.sequencer():
        number = await some_blocks(net, net.l2())
        node, running = net.l2_node(), await process(net.config, tmp_path)
        try:
            await net.until(node.is_connected, "the node answers", timeout=60)
            await reaches(net, node, number)
            running.send_signal(signal.SIGKILL)
            assert await running.wait() == -signal.SIGKILL
            number = await some_blocks(net, net.l2())
            running = await process(net.config, tmp_path)
            await net.until(node.is_connected, "the node answers again", timeout=60)
            await reaches(net, node, number)
            assert (await node.eth.get_block(number))["hash"] == (await net.l2().eth.get_block(number))["hash"]
            batches = (await ask(node, "verdict_syncStatus"))["derivedBatches"]

            async def scraped() -> dict[str, str] | None:
                _, body = await get(f"http://127.0.0.1:{metrics}/metrics")
                found = dict(line.rsplit(" ", 1) for line in body.decode().splitlines() if not line.startswith("#"))
                return found if float(found.get("verdict_l2_safe_block", 0)) >= number else None

            said = await net.until(scraped, "the metrics have the new head")
            steps = sum([(await ask(node, "verdict_batch", index))["steps"] for index in range(batches)])
            assert 0 < float(said["verdict_node_steps_total"]) < steps  # what it had derived, it did not derive again
        finally:
            running.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(running.wait(), 30) == 0
