"""eth_getLogs, filters and subscriptions, across reorgs."""

from __future__ import annotations

import asyncio
import json

import aiohttp
import pytest
from web3 import AsyncWeb3, WebSocketProvider

from rpc.limits import EthLimits, ServerLimits
from rpc.node import build_dispatcher
from tests.e2e.rpc.memory_chain import ALICE, BOB, STORE, TOPIC, signed

STORE_HEX, TOPIC_HEX = "0x" + STORE.hex(), "0x" + TOPIC.hex()


def store(nonce: int, value: int, account=ALICE) -> bytes:
    return signed(account, nonce, to=STORE, data=value.to_bytes(32, "big"))


def values(logs) -> list[int]:
    return [int(log["data"], 16) for log in logs]


async def test_get_logs(rpc, chain):
    chain.mine(store(0, 1), store(1, 2))
    second = chain.mine(store(2, 3))
    everything = await rpc("eth_getLogs", {"fromBlock": "0x0"})
    assert values(everything) == [1, 2, 3]
    assert [log["logIndex"] for log in everything] == ["0x0", "0x1", "0x0"]
    assert [log["transactionIndex"] for log in everything] == ["0x0", "0x1", "0x0"]
    assert not any(log["removed"] for log in everything)
    assert values(await rpc("eth_getLogs", {})) == [3]
    assert values(await rpc("eth_getLogs", {"blockHash": "0x" + second.hash.hex()})) == [3]
    whole = {"fromBlock": "earliest", "toBlock": "latest"}
    for wanted, count in (
        ({"address": STORE_HEX}, 3),
        ({"address": [STORE_HEX, "0x" + "00" * 20]}, 3),
        ({"address": "0x" + "00" * 20}, 0),
        ({"topics": [TOPIC_HEX]}, 3),
        ({"topics": [None]}, 3),
        ({"topics": [[TOPIC_HEX, "0x" + "00" * 32]]}, 3),
        ({"topics": ["0x" + "00" * 32]}, 0),
        ({"topics": [TOPIC_HEX, None]}, 0),
        ({"toBlock": "0x1"}, 2),
    ):
        assert len(await rpc("eth_getLogs", {**whole, **wanted})) == count


async def test_get_logs_limits(rpc, chain):
    assert (await rpc("eth_getLogs", {"blockHash": "0x" + "00" * 32}))["message"] == "unknown block"
    assert (await rpc("eth_getLogs", {"blockHash": "0x" + "00" * 32, "fromBlock": "0x0"}))["code"] == -32602
    assert (await rpc("eth_getLogs", {"fromBlock": "0x2", "toBlock": "0x1"}))["code"] == -32602
    assert (await rpc("eth_getLogs", {"topics": [None] * 5}))["code"] == -32602
    assert await rpc("eth_getLogs", {"fromBlock": "0x63", "toBlock": "0x64"}) == []
    chain.mine(*(store(nonce, 1) for nonce in range(51)))
    assert (await rpc("eth_getLogs", {}))["code"] == -32005
    for _ in range(101):
        chain.mine()
    assert (await rpc("eth_getLogs", {"fromBlock": "0x0"}))["code"] == -32005


async def test_filters_see_reorgs(rpc, chain):
    logs = await rpc("eth_newFilter", {"address": STORE_HEX})
    blocks = await rpc("eth_newBlockFilter")
    assert await rpc("eth_getFilterChanges", logs) == [] == await rpc("eth_getFilterChanges", blocks)
    header = chain.mine(store(0, 1))
    assert values(await rpc("eth_getFilterChanges", logs)) == [1]
    assert await rpc("eth_getFilterChanges", blocks) == ["0x" + header.hash.hex()]
    added = chain.reorg(1, store(0, 2))
    changes = await rpc("eth_getFilterChanges", logs)
    assert [(log["removed"], value) for log, value in zip(changes, values(changes), strict=True)] == [
        (True, 1),
        (False, 2),
    ]
    assert await rpc("eth_getFilterChanges", blocks) == ["0x" + each.hash.hex() for each in added]
    assert await rpc("eth_getFilterChanges", logs) == []
    whole = await rpc("eth_newFilter", {"fromBlock": "0x0"})
    assert values(await rpc("eth_getFilterLogs", whole)) == [2]
    assert (await rpc("eth_getFilterLogs", blocks))["message"] == "filter not found"
    assert await rpc("eth_uninstallFilter", logs) is True
    assert await rpc("eth_uninstallFilter", logs) is False
    assert (await rpc("eth_getFilterChanges", logs))["message"] == "filter not found"


async def test_pending_filter(rpc, chain):
    pending = await rpc("eth_newPendingTransactionFilter")
    sent = await rpc("eth_sendRawTransaction", "0x" + store(0, 1).hex())
    assert await rpc("eth_getFilterChanges", pending) == [sent]
    assert await rpc("eth_getFilterChanges", pending) == []


async def test_filters_expire_and_are_bounded(chain):
    for limits, expected in (
        (EthLimits(filter_lifetime=-1), "filter not found"),
        (EthLimits(max_filters=1), "too many filters, at most 1"),
    ):
        dispatcher = build_dispatcher(chain, limits=ServerLimits(), eth_limits=limits)
        name = await dispatcher.call("eth_newPendingTransactionFilter")
        if limits.max_filters == 1:
            answer = await dispatcher.answer('{"jsonrpc":"2.0","id":1,"method":"eth_newBlockFilter"}')
        else:
            answer = await dispatcher.answer(
                json.dumps({"jsonrpc": "2.0", "id": 1, "method": "eth_getFilterChanges", "params": [name]})
            )
        assert json.loads(answer)["error"]["message"] == expected
        dispatcher.close()
        for _ in range(10):
            await asyncio.sleep(0)
        assert len(chain.events) == 0


@pytest.fixture
async def socket(server):
    async with aiohttp.ClientSession() as session, session.ws_connect(server.ws_url) as connected:
        yield connected


async def ask(socket, method, *params):
    await socket.send_json({"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)})
    answer = await asyncio.wait_for(socket.receive_json(), 5)
    return answer.get("result", answer.get("error"))


async def notified(socket):
    message = await asyncio.wait_for(socket.receive_json(), 5)
    assert message["method"] == "eth_subscription"
    return message["params"]["result"]


async def test_subscription_to_heads(socket, chain):
    subscription = await ask(socket, "eth_subscribe", "newHeads")
    header = chain.mine()
    head = await notified(socket)
    assert head["hash"] == "0x" + header.hash.hex() and "transactions" not in head
    added = chain.reorg(1)
    assert [(await notified(socket))["hash"] for _ in added] == ["0x" + each.hash.hex() for each in added]
    assert await ask(socket, "eth_unsubscribe", subscription) is True
    chain.mine()
    assert await ask(socket, "eth_blockNumber") == "0x3"  # and nothing before it
    assert (await ask(socket, "eth_unsubscribe", subscription))["code"] == -32602


async def test_subscription_to_logs(socket, chain):
    await ask(socket, "eth_subscribe", "logs", {"address": STORE_HEX, "topics": [TOPIC_HEX]})
    chain.mine(store(0, 1))
    assert values([await notified(socket)]) == [1]
    chain.reorg(1, store(0, 2))
    changes = [await notified(socket) for _ in range(2)]
    assert [(log["removed"], value) for log, value in zip(changes, values(changes), strict=True)] == [
        (True, 1),
        (False, 2),
    ]


async def test_subscription_to_pending(socket, chain):
    chain.automine = False
    await ask(socket, "eth_subscribe", "newPendingTransactions", True)
    sent = await chain.submit(store(0, 1))
    assert (await notified(socket))["hash"] == "0x" + sent.hex()


async def test_other_subscriptions(socket):
    assert (await ask(socket, "eth_subscribe", "weather"))["code"] == -32602
    await ask(socket, "eth_subscribe", "syncing")
    assert await notified(socket) is False


async def test_subscriptions_end_with_the_connection(server, chain):
    async with aiohttp.ClientSession() as session, session.ws_connect(server.ws_url) as connected:
        await ask(connected, "eth_subscribe", "newHeads")
        assert len(chain.events) == 1
    async with asyncio.timeout(5):
        while len(chain.events):
            await asyncio.sleep(0)


async def test_web3_over_websocket(server, chain):
    async with AsyncWeb3(WebSocketProvider(server.ws_url)) as w3:
        assert await w3.eth.get_balance(BOB.address) > 0
        await w3.eth.subscribe("newHeads")
        header = chain.mine()
        async with asyncio.timeout(5):
            async for message in w3.socket.process_subscriptions():
                assert bytes(message["result"]["hash"]) == header.hash
                break
