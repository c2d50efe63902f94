"""The transport and the dispatcher with a toy namespace: protocol errors, limits, hostile input, shutdown."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import replace

import aiohttp
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rpc.codec import LATEST, Address, Anything, Block, Quantity
from rpc.dispatch import Connection, Dispatcher, method
from rpc.errors import ServerError
from rpc.limits import ServerLimits
from rpc.server import RpcServer

LIMITS = ServerLimits(
    max_body=100_000,
    max_batch=20,
    max_response=50_000,
    call_timeout=0.3,
    batch_timeout=1.0,
    header_timeout=0.3,
    body_timeout=0.3,
    idle_timeout=0.3,
    shutdown_timeout=0.5,
    workers=2,
    worker_queue=2,
    max_subscriptions=3,
    notification_queue=50,
    send_timeout=1.0,
)


class Toy:
    @method("toy_echo")
    def echo(self, value: Anything = None) -> object:
        return value

    @method("toy_balance")
    def balance(self, address: Address, block: Block = LATEST) -> object:
        return [address.hex(), block.ref if not isinstance(block.ref, bytes) else block.ref.hex()]

    @method("toy_fail")
    def fail(self) -> None:
        raise ServerError("no luck", "0x01")

    @method("toy_bug")
    def bug(self) -> None:
        raise KeyError("secret detail")

    @method("toy_spin", heavy=True)
    def spin(self) -> None:
        while True:
            pass

    @method("toy_sum", heavy=True)
    def sum(self, first: Quantity, second: Quantity = 1) -> str:
        return hex(first + second)

    @method("toy_hang")
    async def hang(self) -> None:
        await asyncio.Event().wait()

    @method("toy_large")
    def large(self) -> str:
        return "x" * 60_000

    @method("toy_subscribe")
    def subscribe(self, count: Quantity, connection: Connection = None) -> str:  # type: ignore[assignment]
        async def source(notify):
            for index in range(count):
                notify(index)

        return connection.open_subscription(source)


@pytest.fixture
async def server():
    dispatcher = Dispatcher(LIMITS, stoppable=[__file__])
    dispatcher.register(Toy())
    async with RpcServer(dispatcher, health=lambda: {"ok": False, "head": 3}) as running:
        yield running


@pytest.fixture
async def http():
    async with aiohttp.ClientSession() as session:
        yield session


async def post(http, server, body, **kwargs):
    if not isinstance(body, (bytes, str)):
        body = json.dumps(body)
    headers = {"Content-Type": "application/json", **kwargs.pop("headers", {})}
    async with http.post(server.url, data=body, headers=headers, **kwargs) as response:
        text = await response.text()
        return response.status, json.loads(text) if text else None


def request(name, *params, **extra):
    return {"jsonrpc": "2.0", "id": 1, "method": name, "params": list(params), **extra}


async def error_of(http, server, body):
    status, answer = await post(http, server, body)
    assert status == 200 and "result" not in answer
    return answer["error"]["code"], answer["error"]["message"]


async def test_answers_and_ids(server, http):
    for request_id in (1, "a", None, 1.5):
        _, answer = await post(http, server, request("toy_echo", {"a": [1]}, id=request_id))
        assert answer == {"jsonrpc": "2.0", "id": request_id, "result": {"a": [1]}}
    assert (await post(http, server, request("toy_sum", "0x2")))[1]["result"] == "0x3"


async def test_error_codes(server, http):
    assert await error_of(http, server, b"{") == (-32700, "parse error")
    assert await error_of(http, server, b"\xff\xfe") == (-32700, "parse error")
    assert await error_of(http, server, b"") == (-32700, "parse error")
    assert await error_of(http, server, b'{"id":NaN}') == (-32700, "parse error")
    assert (await error_of(http, server, b'{"id":1' + b"0" * 5000 + b"}"))[0] == -32700
    assert (await error_of(http, server, b'{"id":1e999}'))[0] == -32700
    for body in (1, '"x"', None, {}, {"jsonrpc": "2.0"}, {"jsonrpc": "2.0", "method": 1, "id": 1}):
        assert (await error_of(http, server, body))[0] == -32600
    assert (await error_of(http, server, request("toy_echo", id=[1])))[0] == -32600
    assert (await error_of(http, server, request("toy_echo", id=True)))[0] == -32600
    assert await error_of(http, server, []) == (-32600, "empty batch")
    assert await error_of(http, server, request("toy_x")) == (
        -32601,
        "the method toy_x does not exist/is not available",
    )
    assert await error_of(http, server, request("toy_fail")) == (-32000, "no luck")
    code, message = await error_of(http, server, request("toy_bug"))
    assert code == -32603 and "secret" not in message


async def test_invalid_params_name_the_argument(server, http):
    address = "0x" + "11" * 20
    assert await error_of(http, server, request("toy_balance")) == (
        -32602,
        "missing value for required argument 0 (address)",
    )
    assert await error_of(http, server, request("toy_balance", "0x11")) == (
        -32602,
        "invalid argument 0 (address): hex string has length 2, want 40 for 20 bytes",
    )
    assert await error_of(http, server, request("toy_balance", address, "0x01")) == (
        -32602,
        "invalid argument 1 (block): hex number with leading zero digits",
    )
    assert (await error_of(http, server, request("toy_balance", address, "0x1", 3))) == (
        -32602,
        "too many arguments, want at most 2",
    )
    assert (await error_of(http, server, {**request("toy_balance"), "params": {"a": 1}})) == (
        -32602,
        "non-array args",
    )
    assert (await post(http, server, request("toy_balance", address, None)))[1]["result"][1] == "latest"


async def test_notifications_and_batches(server, http):
    notification = {"jsonrpc": "2.0", "method": "toy_echo", "params": [1]}
    assert await post(http, server, notification) == (200, None)
    assert await post(http, server, [notification, notification]) == (200, None)
    _, answers = await post(http, server, [request("toy_echo", 1), notification, 7, request("nope", id="z")])
    assert [answer.get("result", answer.get("error", {}).get("code")) for answer in answers] == [
        1,
        -32600,
        -32601,
    ]
    assert [answer["id"] for answer in answers] == [1, None, "z"]
    assert await error_of(http, server, [request("toy_echo")] * 21) == (-32600, "batch too large")
    _, answers = await post(http, server, [request("toy_echo", "y" * 30_000)] * 3)
    assert [answer.get("error", {}).get("code") for answer in answers] == [None, None, -32003]


async def test_nesting_size_and_count_limits(server, http):
    assert await error_of(http, server, b"[" * 40_000) == (-32600, "invalid request: nested too deeply")
    deep = "[" * 70 + "]" * 70
    assert (
        await error_of(http, server, f'{{"jsonrpc":"2.0","id":1,"method":"toy_echo","params":[{deep}]}}')
    )[0] == -32600
    large = await http.post(server.url, data=b" " * 100_001, headers={"Content-Type": "application/json"})
    assert large.status == 413
    assert await error_of(http, server, request("toy_large")) == (-32003, "response too large")
    dispatcher = Dispatcher(replace(LIMITS, max_values=10))
    assert '"code":-32600' in (await dispatcher.answer(json.dumps([[0] * 11])) or "")
    dispatcher.close()


async def test_calls_that_never_end_are_stopped(server, http):
    started = time.monotonic()
    results = await asyncio.gather(
        *(error_of(http, server, request("toy_spin")) for _ in range(2)),
        error_of(http, server, request("toy_hang")),
    )
    assert results == [(-32002, "request timed out")] * 3
    # the threads are free again
    for _ in range(3):
        assert (await post(http, server, request("toy_sum", "0x2")))[1]["result"] == "0x3"
    assert time.monotonic() - started < 20


async def test_full_queue_is_refused(server, http):
    results = await asyncio.gather(*(error_of(http, server, request("toy_spin")) for _ in range(8)))
    codes = [code for code, _ in results]
    assert set(codes) == {-32002, -32005} and codes.count(-32005) == 4


async def test_http_surface(server, http):
    async with http.get(server.url) as response:
        assert response.status == 200
    async with http.get(server.url + "/healthz") as response:
        assert (response.status, await response.json()) == (503, {"ok": False, "head": 3})
    assert (await http.post(server.url, data=b"{}", headers={"Content-Type": "text/plain"})).status == 415
    assert (await http.put(server.url, data=b"{}")).status == 405
    evil = {"Host": "evil.example", "Content-Type": "application/json"}
    assert (await http.post(server.url, data=b"{}", headers=evil)).status == 403
    local = {"Host": "localhost:1", "Origin": "http://evil.example"}
    async with http.post(server.url, json=request("toy_echo", 1), headers=local) as response:
        assert response.status == 200 and "Access-Control-Allow-Origin" not in response.headers
    assert (await http.options(server.url, headers={"Origin": "http://evil.example"})).status == 403


async def test_cors_for_allowed_origins(http):
    dispatcher = Dispatcher(LIMITS)
    async with (
        RpcServer(dispatcher, cors_origins=["http://app.example"]) as running,
        http.options(running.url, headers={"Origin": "http://app.example"}) as response,
    ):
        assert response.status == 204
        assert response.headers["Access-Control-Allow-Origin"] == "http://app.example"


async def test_silent_and_slow_connections_are_dropped(server):
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(b"POST / HTTP/1.1\r\nHost: loc")
    assert await asyncio.wait_for(reader.read(), 5) == b""
    writer.close()
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(
        b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{"
    )
    assert b" 408 " in await asyncio.wait_for(reader.read(), 5)
    writer.close()


async def test_connections_are_bounded():
    dispatcher = Dispatcher(replace(LIMITS, max_connections=2, header_timeout=30))
    async with RpcServer(dispatcher) as running:
        kept = [await asyncio.open_connection("127.0.0.1", running.port) for _ in range(2)]
        reader, writer = await asyncio.open_connection("127.0.0.1", running.port)
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await asyncio.wait_for(reader.readexactly(1), 5)
        for _, each in [*kept, (reader, writer)]:
            each.close()


async def test_websocket_calls_and_subscriptions(server, http):
    async with http.ws_connect(server.ws_url) as socket:
        await socket.send_json(request("toy_echo", "hi"))
        assert (await socket.receive_json())["result"] == "hi"
        await socket.send_str("{")
        assert (await socket.receive_json())["error"]["code"] == -32700
        await socket.send_json(request("toy_subscribe", "0x3"))
        subscription = (await socket.receive_json())["result"]
        notes = [await socket.receive_json() for _ in range(3)]
        assert [note["params"]["result"] for note in notes] == [0, 1, 2]
        assert {note["params"]["subscription"] for note in notes} == {subscription}
        for _ in range(2):
            await socket.send_json(request("toy_subscribe", "0x0"))
            await socket.receive_json()
        await socket.send_json(request("toy_subscribe", "0x0"))
        assert (await socket.receive_json())["error"]["code"] == -32005
    assert await error_of(http, server, request("toy_subscribe", "0x0")) == (
        -32601,
        "notifications not supported",
    )


async def test_websocket_limits(server, http):
    async with http.ws_connect(server.ws_url) as socket:
        await socket.send_str("x" * 200_000)
        message = await asyncio.wait_for(socket.receive(), 5)
        assert message.type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR)
    async with http.ws_connect(server.ws_url) as socket:  # more notifications than a client may be behind
        await socket.send_json(request("toy_subscribe", "0xffff"))
        while (await asyncio.wait_for(socket.receive(), 5)).type == aiohttp.WSMsgType.TEXT:
            pass
        assert socket.closed
    with pytest.raises(aiohttp.WSServerHandshakeError):
        await http.ws_connect(server.ws_url, headers={"Origin": "http://evil.example"})


async def test_shutdown_says_goodbye(http):
    dispatcher = Dispatcher(LIMITS)
    dispatcher.register(Toy())
    running = RpcServer(dispatcher)
    await running.start()
    socket = await http.ws_connect(running.ws_url)
    stopping = asyncio.create_task(running.stop())
    message = await asyncio.wait_for(socket.receive(), 5)
    assert message.type == aiohttp.WSMsgType.CLOSE and message.data == 1001
    await asyncio.wait_for(stopping, 10)
    with pytest.raises(aiohttp.ClientConnectorError):
        await post(http, running, request("toy_echo"))


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from(["2.0", "toy_echo", "0x1"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["jsonrpc", "id", "method", "params", "x"]), inner, max_size=5)
    ),
    max_leaves=20,
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=st.binary(max_size=60) | json_values.map(lambda value: json.dumps(value).encode()))
def test_any_input_gets_a_wellformed_answer(body):
    async def run() -> None:
        dispatcher = Dispatcher(LIMITS)
        dispatcher.register(Toy())
        answer = await dispatcher.answer(body)
        dispatcher.close()
        if answer is not None:
            decoded = json.loads(answer)
            for each in decoded if isinstance(decoded, list) else [decoded]:
                assert each["jsonrpc"] == "2.0" and ("result" in each) != ("error" in each)

    asyncio.run(run())
