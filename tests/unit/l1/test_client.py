"""The L1 client: answers are checked, failures told apart, tries bounded, sources compared."""

from __future__ import annotations

import asyncio
import contextlib
import copy
import dataclasses
from collections.abc import Callable
from typing import Any

import pytest
from aiohttp import web

from execution.header import Header
from execution.receipt import Log, Receipt, bloom
from l1.account_view import AccountView
from l1.client import L1Client, L1Inconsistent, L1Unavailable, RetryPolicy, bloom_may_contain, header_rlp
from l1.receipts import receipts_root
from l1.rpc_errors import RpcError

FAST = RetryPolicy(tries=3, timeout=0.05, backoff=0.001)
HEADER = Header(b"\x01" * 32, b"\x02" * 20, b"\x03" * 32, 77, 36_000_000, 1_700_000_000, 10**9, gas_used=5, extra_data=b"x")


def block_json(header: Header = HEADER, **changes: Any) -> dict[str, Any]:
    def text(value: bytes | int) -> str:
        return hex(value) if isinstance(value, int) else "0x" + value.hex()

    names = {
        "parentHash": header.parent_hash, "sha3Uncles": header.ommers_hash, "miner": header.fee_recipient,
        "stateRoot": header.state_root, "transactionsRoot": header.transactions_root,
        "receiptsRoot": header.receipts_root, "logsBloom": header.logs_bloom, "difficulty": header.difficulty,
        "number": header.number, "gasLimit": header.gas_limit, "gasUsed": header.gas_used,
        "timestamp": header.timestamp, "extraData": header.extra_data, "mixHash": header.prev_randao,
        "nonce": header.nonce, "baseFeePerGas": header.base_fee_per_gas, "withdrawalsRoot": header.withdrawals_root,
        "blobGasUsed": header.blob_gas_used, "excessBlobGas": header.excess_blob_gas,
        "parentBeaconBlockRoot": header.parent_beacon_block_root, "requestsHash": header.requests_hash,
        "hash": header.hash,
    }  # fmt: skip
    return {name: text(value) for name, value in names.items()} | changes


class Scripted:
    """Answers each request with what the script says: a result, an error object or an exception."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[str, Any]] = []

    async def make_request(self, method: str, params: Any) -> dict[str, Any]:
        self.asked.append((method, params))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        if answer == "hang":
            await asyncio.sleep(60)
        return answer


def result(value: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": 1, "result": value}


def error(code: int, message: str, data: Any = None) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": 1, "error": {"code": code, "message": message, "data": data}}


def client(*transports: Scripted, **options: Any) -> L1Client:
    return L1Client(transports=transports, retry=FAST, **options)


async def test_block_is_verified_by_its_hash() -> None:
    scripted = Scripted(result(block_json()))
    block = await client(scripted).block(77)
    assert block is not None and (block.hash, block.number, block.timestamp) == (HEADER.hash, 77, 1_700_000_000)
    assert block.rlp == HEADER.rlp() == header_rlp(block_json())
    assert scripted.asked == [("eth_getBlockByNumber", ["0x4d", False])]


@pytest.mark.parametrize(
    "answer",
    [
        block_json(timestamp="0x1"), block_json(hash="0x" + "11" * 32), block_json(parentHash="zz"),
        block_json(number=None), block_json(gasUsed={}), {}, {"hash": 5},
    ],
)  # fmt: skip
async def test_a_block_that_does_not_hash_to_its_name_is_refused(answer: dict[str, Any]) -> None:
    with pytest.raises(L1Inconsistent):
        await client(Scripted(result(answer))).block("latest")


async def test_another_block_than_asked_for_is_refused() -> None:
    with pytest.raises(L1Inconsistent):
        await client(Scripted(result(block_json()))).block(78)
    with pytest.raises(L1Inconsistent):
        await client(Scripted(result(block_json()))).block(b"\x09" * 32)


async def test_unknown_blocks_are_none() -> None:
    assert await client(Scripted(result(None))).block(5) is None
    with pytest.raises(L1Unavailable):
        await client(Scripted(result(None))).head()


async def test_tries_are_bounded_and_failures_retried() -> None:
    flaky = Scripted(OSError("reset"), "hang", result("0x7a69"))
    assert await client(flaky).chain_id() == 31337
    dead = Scripted(ConnectionError("refused"))
    with pytest.raises(L1Unavailable, match="refused"):
        await client(dead).chain_id()
    assert len(dead.asked) == 3
    with pytest.raises(L1Unavailable):
        await client(Scripted({"jsonrpc": "2.0", "id": 1})).chain_id()


async def test_error_answers_are_told_and_not_retried() -> None:
    scripted = Scripted(error(3, "execution reverted", "0x0c5e03da"))
    with pytest.raises(RpcError) as caught:
        await client(scripted).call(b"\x01" * 20, b"")
    assert (caught.value.code, caught.value.data) == (3, "0x0c5e03da") and len(scripted.asked) == 1
    busy = Scripted(error(-32005, "limit exceeded"), result("0x1"))
    assert await client(busy).chain_id() == 1


async def test_next_source_takes_over() -> None:
    dead, alive = Scripted(OSError("down")), Scripted(result("0x5"))
    assert await client(dead, alive).chain_id() == 5


NO_RECEIPTS = error(-32601, "the method eth_getBlockReceipts does not exist/is not available")


async def test_sources_are_compared() -> None:
    same = client(Scripted(result(block_json())), Scripted(result(block_json())), compare=True)
    assert (await same.block(HEADER.hash)).hash == HEADER.hash  # type: ignore[union-attr]
    lagging = client(Scripted(result(block_json())), Scripted(result(None)), compare=True)
    assert await lagging.block(HEADER.hash) is not None
    down = client(Scripted(result(block_json())), Scripted(OSError("down")), compare=True)
    assert await down.block(HEADER.hash) is not None
    log = log_json()
    differing = client(Scripted(NO_RECEIPTS, result([log])), Scripted(result([log | {"data": "0x05"}])), compare=True)
    with pytest.raises(L1Inconsistent):
        await differing.logs(b"\x0b" * 32, [b"\x0a" * 20])


def log_json(**changes: Any) -> dict[str, Any]:
    return {
        "address": "0x" + "0a" * 20, "topics": ["0x" + "01" * 32], "data": "0x", "blockNumber": "0x4d",
        "blockHash": "0x" + "0b" * 32, "transactionHash": "0x" + "0c" * 32, "logIndex": "0x1",
    } | changes  # fmt: skip


async def test_logs_are_of_the_block_and_in_order() -> None:
    answer = [log_json(logIndex="0x5"), log_json(logIndex="0x2")]
    logs = await client(Scripted(NO_RECEIPTS, result(answer))).logs(b"\x0b" * 32, [b"\x0a" * 20])
    assert [log.log_index for log in logs] == [2, 5]


@pytest.mark.parametrize(
    "change", [{"blockHash": "0x" + "ff" * 32}, {"address": "0x" + "ff" * 20}, {"topics": None}, {"logIndex": "x"}]
)
async def test_wrong_logs_are_refused(change: dict[str, Any]) -> None:
    with pytest.raises(L1Inconsistent):
        await client(Scripted(NO_RECEIPTS, result([log_json(**change)]))).logs(b"\x0b" * 32, [b"\x0a" * 20])


async def test_call_at_a_hash_names_the_hash() -> None:
    scripted = Scripted(result("0x1234"))
    read: Callable[..., Any] = client(scripted).call
    assert await read(b"\x01" * 20, b"\xaa", b"\x02" * 32, value=5, sender=b"\x03" * 20) == b"\x12\x34"
    fields, block = scripted.asked[0][1]
    assert block == {"blockHash": "0x" + "02" * 32} and fields["value"] == "0x5" and fields["data"] == "0xaa"


def test_bloom() -> None:
    from execution.receipt import Log, bloom

    bits = bloom((Log(b"\x0a" * 20, (), b""),)).to_bytes(256, "big")
    assert bloom_may_contain(bits, b"\x0a" * 20) and not bloom_may_contain(bits, b"\x0b" * 20)


def test_a_client_without_a_source_is_refused() -> None:
    with pytest.raises(ValueError):
        L1Client([])


async def test_over_http() -> None:
    """The real transport: web3's provider against a server that stalls once and fails once."""
    bodies: list[dict[str, Any]] = []

    async def answer(request: web.Request) -> web.Response:
        body = await request.json()
        bodies.append(body)
        if len(bodies) == 1:
            await asyncio.sleep(1)
        if len(bodies) == 2:
            return web.Response(status=502)
        return web.json_response({"jsonrpc": "2.0", "id": body["id"], "result": block_json()})

    app = web.Application()
    app.router.add_post("/", answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        retry = RetryPolicy(tries=3, timeout=0.2, backoff=0.001)
        async with L1Client(f"http://127.0.0.1:{runner.addresses[0][1]}", retry=retry) as over_http:
            assert (await over_http.head()).hash == HEADER.hash
            assert over_http.w3 is not None
            found = await asyncio.gather(*(over_http.block(77) for _ in range(20)))
        assert len(found) == 20 and {body["method"] for body in bodies} == {
            "eth_getBlockByNumber"
        }
    finally:
        await runner.cleanup()


ODD = [None, 0, -1, 1.5, True, "", "0xzz", "-0x1", "0x" + "f" * 5_000, [], {}, [None], [[]], [{}], {"hash": None}]


@pytest.mark.parametrize("odd", ODD, ids=lambda odd: repr(odd)[:20])
async def test_odd_answers_say_nothing_and_break_nothing(odd: Any) -> None:
    """Of every method: no answer, or that it isn't one."""
    l1 = client(Scripted(result(odd)))
    account = AccountView(l1, b"\x01" * 20)  # type: ignore[arg-type]
    for ask in (
        l1.chain_id(), l1.head(), l1.block(HEADER.hash), l1.logs(b"\x0b" * 32, [b"\x0a" * 20]), l1.logs_in_range(1, 2, [b"\x0a" * 20]),
        l1.call(b"\x01" * 20, b""), l1.code(b"\x01" * 20), l1.balance(b"\x01" * 20), l1.storage(b"\x01" * 20, 0),
        account.nonce("latest"), account.market(), account.receipt(b"\x01" * 32),
    ):  # fmt: skip
        with contextlib.suppress(L1Inconsistent, L1Unavailable, RpcError):
            await ask


@pytest.mark.parametrize("odd", ["overloaded", ["no"], {"code": "ERR", "message": None}, {"code": [1]}, {"message": 7}, 1])
async def test_errors_of_an_odd_shape_are_errors(odd: Any) -> None:
    with pytest.raises(RpcError):
        await client(Scripted({"error": odd})).chain_id()


async def test_too_much_asked_is_not_too_often_asked() -> None:
    """Infura says -32005 to both."""
    much = Scripted(error(-32005, "query returned more than 10000 results"))
    with pytest.raises(RpcError, match="10000"):
        await client(much).logs_in_range(1, 10_000, [b"\x0a" * 20])
    assert len(much.asked) == 1
    often = Scripted(error(-32005, "daily request count exceeded, request rate limited"))
    with pytest.raises(L1Unavailable):
        await client(often).logs_in_range(1, 10, [b"\x0a" * 20])
    assert len(often.asked) == FAST.tries


def receipt_json(index: int, *logs: Log, type: int = 2) -> tuple[Receipt, dict[str, Any]]:
    receipt = Receipt(type, True, 21_000 * (index + 1), bloom(logs).to_bytes(256, "big"), logs)
    return receipt, {
        "transactionHash": "0x" + bytes([index] * 32).hex(), "type": hex(type), "status": "0x1",
        "cumulativeGasUsed": hex(receipt.cumulative_gas_used), "logsBloom": "0x" + receipt.logs_bloom.hex(),
        "logs": [{"address": "0x" + log.address.hex(), "topics": ["0x" + each.hex() for each in log.topics],
                  "data": "0x" + log.data.hex()} for log in logs]}


OURS, OTHERS = b"\x0a" * 20, b"\x0d" * 20
RECEIPTS = [
    receipt_json(0, Log(OTHERS, (b"\x01" * 32,), b"no")),
    receipt_json(1, Log(OURS, (b"\x01" * 32, b"\x02" * 32), b"one"), Log(OURS, (b"\x03" * 32,), b"two"), type=3),
    receipt_json(2, type=0),
]  # fmt: skip
FULL = dataclasses.replace(HEADER, receipts_root=receipts_root([receipt for receipt, _ in RECEIPTS]))


class Node:
    """Answers by method."""

    def __init__(self, **answers: Any) -> None:
        self.answers = answers

    async def make_request(self, method: str, params: Any) -> dict[str, Any]:
        answer = self.answers.get(method, NO_RECEIPTS)
        return answer if isinstance(answer, dict) and "error" in answer else result(answer)


def node(receipts: Any) -> Node:
    return Node(eth_getBlockReceipts=receipts, eth_getBlockByHash=block_json(FULL), eth_getLogs=[])


async def test_logs_are_proven_by_the_receipts_root() -> None:
    l1 = client(node([given for _, given in RECEIPTS]))
    found = await l1.logs(FULL.hash, [OURS])
    assert [(each.data, each.log_index, each.transaction_hash[0]) for each in found] == [(b"one", 1, 1), (b"two", 2, 1)]
    assert [each.data for each in await l1.logs(FULL.hash, [OURS], ["0x" + "03" * 32])] == [b"two"]
    assert [each.data for each in await l1.logs(FULL.hash, [OURS], [None, ["0x" + "02" * 32]])] == [b"one"]


def _without_a_log(receipts: list[dict[str, Any]]) -> None:
    receipts[1]["logs"].pop()


def _with_other_data(receipts: list[dict[str, Any]]) -> None:
    receipts[1]["logs"][0]["data"] = "0x6f6e66"


def _with_one_log_twice(receipts: list[dict[str, Any]]) -> None:
    receipts[1]["logs"].append(receipts[1]["logs"][0])


def _in_another_order(receipts: list[dict[str, Any]]) -> None:
    receipts.reverse()


def _none(receipts: list[dict[str, Any]]) -> None:
    receipts.clear()


@pytest.mark.parametrize("lie", [_without_a_log, _with_other_data, _with_one_log_twice, _in_another_order, _none])
async def test_logs_that_never_were_are_noticed(lie: Callable[[list[dict[str, Any]]], None]) -> None:
    receipts = copy.deepcopy([given for _, given in RECEIPTS])
    lie(receipts)
    with pytest.raises(L1Inconsistent, match="receipts of L1 block"):
        await client(node(receipts)).logs(FULL.hash, [OURS])


async def test_a_node_without_receipts_is_believed_unless_it_has_had_them() -> None:
    """So that who lies can't get out of proving it."""
    never = client(node(NO_RECEIPTS))
    assert await never.logs(FULL.hash, [OURS]) == []
    forgetful = node([given for _, given in RECEIPTS])
    l1 = client(forgetful)
    assert len(await l1.logs(FULL.hash, [OURS])) == 2
    forgetful.answers["eth_getBlockReceipts"] = NO_RECEIPTS
    with pytest.raises(RpcError):
        await l1.logs(FULL.hash, [OURS])


async def test_a_block_that_another_node_has_is_asked_for_again() -> None:
    """Several nodes behind one URL: one that is behind the others doesn't know what we have seen."""
    behind = error(-32000, "header not found")
    scripted = Scripted(result(block_json()), behind, behind, result("0x1234"))
    l1 = client(scripted)
    assert await l1.block(HEADER.hash) is not None
    assert await l1.call(b"\x01" * 20, b"", HEADER.hash) == b"\x12\x34"
    never = client(Scripted(result(block_json()), behind))
    await never.block(HEADER.hash)
    with pytest.raises(RpcError, match="header not found"):
        await never.call(b"\x01" * 20, b"", HEADER.hash)
    unseen = Scripted(behind, result("0x1234"))
    with pytest.raises(RpcError):
        await client(unseen).call(b"\x01" * 20, b"", HEADER.hash)
    assert len(unseen.asked) == 1
