"""Whatever anybody sends to a sequencer's JSON-RPC: it stays up, its memory bounded, honest transactions get in, and it says why it
refuses."""

from __future__ import annotations

import asyncio
import contextlib
import json
import resource
import time
from pathlib import Path
from typing import Any

import aiohttp
from eth_account import Account

from l1.contracts import Inbox
from tests.adversarial.kit import Stage, scenario
from tests.adversarial.kit.lives import beside
from tests.adversarial.kit.malformed import is_answer, request
from tests.adversarial.kit.target import HONEST_WAIT, Target, raw_connection, requests, target
from tests.e2e.devnet import ETHER


@scenario()
async def malformed_requests(stage: Stage) -> None:
    """Every request, however malformed, over HTTP or WebSocket, gets a JSON-RPC answer, and never that of a bug."""
    rng = stage.rng
    async with target(stage) as sequencer:
        errors: dict[int, int] = {}
        for number in range(600):
            body = request(rng)
            status, answer = await sequencer.post(body)
            assert status == 200 and is_answer(answer), (number, body[:300], status, answer[:300])
            for each in _errors(answer):
                errors[each["code"]] = errors.get(each["code"], 0) + 1
                assert not each["message"].startswith("internal error"), (body[:2000], each)
        async with sequencer.session.ws_connect(sequencer.url, max_msg_size=0) as socket:
            for number in range(200):
                body = request(rng)
                await (socket.send_bytes(body) if rng.random() < 0.2 else socket.send_str(body.decode("latin1")))
                await socket.send_str(json.dumps({"jsonrpc": "2.0", "id": f"mark {number}", "method": "eth_chainId"}))
                async with asyncio.timeout(30):
                    while f'"mark {number}"' not in (text := await socket.receive_str()):
                        assert "eth_subscription" in text or is_answer(text), (body[:300], text[:300])
                        assert "internal error" not in text, (body[:2000], text[:300])
        stage.say("sequencer", f"errors by code: {errors}")
        await sequencer.serves()


def _errors(answer: bytes) -> list[dict[str, Any]]:
    found = json.loads(answer) if answer else []
    return [each["error"] for each in (found if isinstance(found, list) else [found]) if "error" in each]


@scenario()
async def huge_bodies(stage: Stage) -> None:
    """Huge bodies, huge batches, endless numbers and deep JSON are refused with a reason, at once and without memory for them."""
    async with target(stage) as sequencer:
        many = b'{"jsonrpc":"2.0","id":1,"method":"eth_chainId","params":[%s]}'
        cases = {
            "20 MB of zeros": (b"0" * 20_000_000, {413}),
            "a string of 20 MB": (many % (b'"' + b"a" * 20_000_000 + b'"'), {413}),
            "100,000 deep": (b"[" * 100_000, {200}),
            "100,000 objects deep": (b'{"a":' * 100_000, {200}),
            "a number of 4 million digits": (many % (b"9" * 4_000_000), {200}),
            "an exponent": (many % b"1e999999999", {200}),
            "two million numbers": (many % (b"1," * 2_000_000 + b"1"), {200}),
            "50,000 calls": (requests(*[("eth_chainId", [])] * 50_000), {200}),
            "1,000 large answers": (requests(*[("eth_getBlockByNumber", ["latest", True])] * 1_000), {200}),
            "a batch of batches": (b"[" + b"[]," * 100_000 + b"[]]", {200}),
            "not UTF-8": (b"\xff\xfe" * 100_000, {200}),
        }  # fmt: skip
        for name, (body, statuses) in cases.items():
            begun = time.monotonic()
            try:
                status, answer = await sequencer.post(body)
            except (aiohttp.ClientError, OSError):  # it hung up on a body that it will not read
                status, answer = 413, b""
            told = _errors(answer)[:1] if status == 200 else status
            stage.say("sequencer", f"{name}: {told or 'answered'}, {time.monotonic() - begun:.2f} s, {sequencer.is_bounded() >> 20} MB")
            assert status in statuses, (name, status, answer[:200])
            assert name == "1,000 large answers" or told, name
        async with sequencer.session.ws_connect(sequencer.url) as socket:
            with contextlib.suppress(ConnectionError):
                await socket.send_str("[" * 8_000_000)
            closed = await socket.receive(timeout=30)
            assert closed.type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR), closed
        await asyncio.gather(*(sequencer.post(b"[" * 4_000_000) for _ in range(20)))
        await sequencer.serves()


@scenario(slow=True)
async def slow_clients(stage: Stage) -> None:
    """Clients that send headers or bodies byte by byte, or never read their answers, are hung up on; others are served meanwhile."""
    async with target(stage) as sequencer:
        header = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        big = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "eth_getCode", "params": ["0x" + "00" * 20, "latest"]}).encode()

        async def dripping(text: bytes, drip: bytes) -> float:
            """Seconds until it hangs up."""
            reader, writer = await raw_connection(sequencer.port)
            begun = time.monotonic()
            try:
                writer.write(text)
                async with asyncio.timeout(90):
                    while not reader.at_eof():
                        writer.write(drip)
                        await writer.drain()
                        with contextlib.suppress(TimeoutError):
                            async with asyncio.timeout(0.5):
                                await reader.read(1000)
            except (ConnectionError, OSError):
                pass
            finally:
                writer.close()
            return time.monotonic() - begun

        async def deaf() -> float:
            """Asks for much, over and over, and reads nothing."""
            _, writer = await raw_connection(sequencer.port)
            ask = header + b"Content-Length: %d\r\n\r\n" % len(batch) + batch
            begun = time.monotonic()
            try:
                async with asyncio.timeout(60):
                    for _ in range(200):
                        writer.write(ask)
                        await writer.drain()
            except (TimeoutError, ConnectionError, OSError):
                pass
            finally:
                writer.transport.abort()
            return time.monotonic() - begun

        batch = requests(*[("eth_getBlockByNumber", ["latest", True]), ("eth_feeHistory", ["0x400", "latest", []])] * 400)
        clients = [dripping(header, b"X-A: b\r\n") for _ in range(60)]
        clients += [dripping(header + b"Content-Length: 100000\r\n\r\n", b" ") for _ in range(60)]
        clients += [dripping(b"", b"G") for _ in range(30)] + [dripping(header + b"\r\n" + big[:0], b"") for _ in range(10)]
        clients += [deaf() for _ in range(10)]
        attack = asyncio.gather(*clients)
        waits = []
        while not attack.done():
            waits.append(await sequencer.serves())
        lives = await attack
        stage.say("clients", f"{len(lives)} slow ones, hung up on after {max(lives[:120]):.0f} s at most")
        stage.say("honest", f"{len(waits)} transactions meanwhile, the slowest in a block after {max(waits):.1f} s")
        assert max(lives[:120]) < 60


@scenario(slow=True, timeout=600)
async def idle_connections(stage: Stage) -> None:
    """Ten thousand connections that say nothing (as many as the machine lets us have) keep nobody out for long: they are bounded in
    number, each is closed after some seconds of silence, and those who have a connection are served."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    wanted = min(10_000, hard - 2_000)
    async with target(stage) as sequencer:
        held: list[asyncio.StreamWriter] = []
        open_at_once = asyncio.Semaphore(200)

        async def hold() -> None:
            async with open_at_once:
                with contextlib.suppress(OSError):
                    _, writer = await raw_connection(sequencer.port)
                    held.append(writer)

        try:
            waits: list[float] = []

            async def honest() -> None:
                while True:  # on a connection it has, or makes anew when it can
                    with contextlib.suppress(aiohttp.ClientError, OSError):
                        waits.append(await sequencer.serves())

            async with beside(honest()):
                for _ in range(3):
                    await asyncio.gather(*(hold() for _ in range(wanted)))
                    open_files = len(list(Path(f"/proc/{sequencer.daemon.pid}/fd").iterdir()))
                    stage.say("attacker", f"{len(held)} connections made; the sequencer holds {open_files} files, "
                                          f"{sequencer.is_bounded() >> 20} MB")
                    assert open_files < 1_000
                done = len(waits)
                await sequencer.net.until(_more(waits, done + 2), "honest transactions get in", timeout=120)
            stage.say("honest", f"{len(waits)} transactions, the slowest in a block after {max(waits):.1f} s")
        finally:
            for writer in held:
                writer.transport.abort()
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        await sequencer.serves()


def _more(waits: list[float], count: int) -> Any:
    async def more() -> bool:
        return len(waits) >= count

    return more


@scenario(slow=True, timeout=600)
async def mempool_flood(stage: Stage) -> None:
    """A pool flooded by many senders, by one with thousands of nonces, with replacements and with next to no fees stays within its
    bounds, refuses with a reason, and takes a transaction that pays in the next blocks."""
    rng = stage.rng
    limits = {"sequencer.mempool.max_transactions": 500, "sequencer.mempool.max_per_sender": 64}
    async with target(stage, limits) as sequencer:
        crowd = [Account.from_key(rng.randbytes(32)) for _ in range(30)]
        await sequencer.fund(crowd)
        refused: dict[str, int] = {}

        at_once = asyncio.Semaphore(8)  # signing takes this process's time, in which L1 lives, too

        async def send(raw: str) -> None:
            async with at_once:
                answer = await sequencer.ask("eth_sendRawTransaction", raw)
                await asyncio.sleep(0.01)
            if "error" in answer:
                words = answer["error"]["message"].split(":")[0][:60]
                refused[words] = refused.get(words, 0) + 1

        async def flood(account: Any) -> None:
            for nonce in range(80):  # cheap ones, with a gap in front of every tenth
                await send(sequencer.signed(account, nonce + nonce // 10, maxFeePerGas=10**9 + nonce, maxPriorityFeePerGas=1))
                if rng.random() < 0.3:
                    await send(sequencer.signed(account, nonce, value=2, maxFeePerGas=10**9 + nonce + 1, maxPriorityFeePerGas=1))

        async def one_sender() -> None:
            account = sequencer.net.account(6)
            for nonce in range(600):
                await send(sequencer.signed(account, 10_000 - nonce if nonce % 2 else nonce))

        attack = asyncio.gather(*map(flood, crowd), one_sender())
        waits = []
        while not attack.done():
            waits.append(await sequencer.serves(tip=5 * 10**9))
            pool = await sequencer.result("txpool_status")
            assert int(pool["pending"], 16) + int(pool["queued"], 16) <= 500, pool
        await attack
        stage.say("attacker", f"refused: {refused}")
        stage.say("honest", f"{len(waits)} transactions meanwhile, the slowest in a block after {max(waits):.1f} s")
        assert sum(refused.values()) > 500 and len(waits) > 1
        await sequencer.serves()


@scenario(slow=True)
async def gaps_and_empty_pockets(stage: Stage) -> None:
    """Transactions that can't be run hold up nobody: gaps in nonces, money that an earlier one in the same block has spent, gas above
    a block's, wrong chains. Each is refused, waits or is dropped, and the block goes on without it."""
    rng = stage.rng
    async with target(stage) as sequencer:
        poor = [Account.from_key(rng.randbytes(32)) for _ in range(20)]
        await sequencer.fund(poor, ETHER // 100)
        told = set()
        for account in poor:
            most = ETHER // 100 - 2 * 21_000 * 11 * 10**9
            order = [(0, most), (1, most), (2, 1), (5, 1)]  # the first spends what the next two need; the last waits for good
            for nonce, value in order:
                answer = await sequencer.ask("eth_sendRawTransaction", sequencer.signed(account, nonce, value=value))
                told.add(answer.get("error", {}).get("message", "taken").split(":")[0][:60])
        drainer = Account.from_key(rng.randbytes(32))
        await sequencer.fund([drainer])
        for fields in ({"gas": 2**40}, {"gas": 20_000}, {"chainId": 1}, {"maxFeePerGas": 2**200, "maxPriorityFeePerGas": 1},
                       {"maxFeePerGas": 1, "maxPriorityFeePerGas": 1}, {"value": 2**255}, {"nonce": 2**63}, {"data": "0x" + "00" * 200_000,
                        "gas": 10**7}):  # fmt: skip
            nonce = fields.pop("nonce", 0)
            answer = await sequencer.ask("eth_sendRawTransaction", sequencer.signed(drainer, nonce, **fields))
            told.add(answer.get("error", {}).get("message", "taken").split(":")[0][:60])
        stage.say("sequencer", "; ".join(sorted(told)))
        assert len(told) > 5
        await sequencer.serves()
        for account in poor:
            assert await sequencer.result("eth_getTransactionCount", account.address, "latest") == "0x1"
        await sequencer.serves()


LOOP = "0x5b600056"  # JUMPDEST PUSH1 0 JUMP
GROW = "0x5b630200000051505f56"  # MLOAD far away, again and again
STORE = "0x5f5b600101808055600156"  # SSTORE to slot after slot
DEEP = "0x5f5f5f5f5f305af1"  # calls itself with all its gas


def _creation(runtime: str) -> str:
    """Init code that leaves `runtime`."""
    code = bytes.fromhex(runtime[2:])
    return "0x" + (bytes.fromhex("60") + bytes([len(code)]) + bytes.fromhex("600c60003960") + bytes([len(code)]) + bytes.fromhex("6000f3")
                   + code).hex()


def _precompile(address: int, size: int) -> str:
    """Calls a precompile with `size` bytes of input until the gas is gone."""
    return "0x5b" + "5f5f" + "61" + size.to_bytes(2, "big").hex() + "5f" + "60" + bytes([address]).hex() + "5a" + "fa" + "50" + "5f56"


@scenario(slow=True, timeout=900)
async def contracts_made_to_be_slow(stage: Stage) -> None:
    """Transactions and calls made to be slow (endless loops, memory, storage, deep calls, dear precompiles) cost their sender gas and
    others little: calls end within their limit, honest transactions get in."""
    codes = {"loop": LOOP, "memory": GROW, "storage": STORE, "deep calls": DEEP, "modexp": _precompile(5, 96),
             "pairing": _precompile(8, 192), "blake2": _precompile(9, 213), "sha256": _precompile(2, 65535),
             "ripemd": _precompile(3, 65535), "identity": _precompile(4, 65535)}  # fmt: skip
    async with target(stage) as sequencer:
        attacker, nonce = sequencer.net.account(6), 0
        addresses = {}
        for name, code in codes.items():
            sent = await sequencer.result("eth_sendRawTransaction", sequencer.signed(
                attacker, nonce, to="", value=0, data=_creation(code), gas=1_000_000))
            nonce += 1
            receipt = await sequencer.net.until(lambda sent=sent: sequencer.result("eth_getTransactionReceipt", sent), "deployed")
            addresses[name] = receipt["contractAddress"]

        async def call(name: str, method: str) -> None:
            request = {"to": addresses[name], "gas": "0x2faf080"}
            begun = time.monotonic()
            answer = await sequencer.ask(method, request, "latest", timeout=120)
            worst[method] = max(worst.get(method, 0), time.monotonic() - begun)
            if "error" in answer:
                reasons.add(answer["error"]["message"][:50])

        worst: dict[str, float] = {}
        reasons: set[str] = set()
        calls = [call(name, method) for name in addresses for method in ("eth_call", "eth_estimateGas", "eth_createAccessList")]
        calls += [call("loop", "eth_call") for _ in range(30)]
        for address in addresses.values():
            await sequencer.result("eth_sendRawTransaction", sequencer.signed(
                attacker, nonce, to=sequencer.net.w3.to_checksum_address(address), value=0, gas=8_000_000))
            nonce += 1
        logs = [sequencer.ask("eth_getLogs", {"fromBlock": "earliest", "toBlock": "0xffffffff", "topics": [["0x" + "00" * 32] * 900]})
                for _ in range(50)]
        attack = asyncio.gather(*calls, *logs)
        waits = []
        while not attack.done():
            waits.append(await sequencer.serves())
        await attack
        stage.say("attacker", f"slowest: { {name: round(each, 1) for name, each in worst.items()} }; told: {sorted(reasons)}")
        stage.say("honest", f"{len(waits)} transactions meanwhile, the slowest in a block after {max(waits):.1f} s")
        assert max(waits) < HONEST_WAIT

        async def mined() -> bool:
            return int(await sequencer.result("eth_getTransactionCount", attacker.address, "latest"), 16) == nonce

        await sequencer.net.until(mined, "every slow transaction is in a block, too", timeout=240)
        await sequencer.serves()


@scenario(slow=True)
async def subscriptions_by_the_thousand(stage: Stage) -> None:
    """Thousands of subscriptions, and subscribers who never read, are bounded by connection and dropped when they fall behind; blocks
    come as before."""
    async with target(stage, connections=300) as sequencer:
        refused = 0
        async with contextlib.AsyncExitStack() as stack:
            for number in range(100):
                socket = await stack.enter_async_context(sequencer.session.ws_connect(sequencer.url, max_msg_size=0))
                for each in range(80):
                    kind: list[Any] = [["newHeads"], ["newPendingTransactions"], ["logs", {}]][each % 3]
                    await socket.send_str(json.dumps({"jsonrpc": "2.0", "id": each, "method": "eth_subscribe", "params": kind}))
                if number % 10 == 0:
                    answered = 0
                    async with asyncio.timeout(60):
                        while answered < 80:
                            text = await socket.receive_str()
                            answered += "eth_subscription" not in text
                            refused += "too many subscriptions" in text
                # the others never read anything
            waits = [await sequencer.serves() for _ in range(10)]
        stage.say("sequencer", f"{refused} subscriptions refused by ten connections that listened")
        stage.say("honest", f"the slowest transaction was in a block after {max(waits):.1f} s")
        assert refused == 10 * (80 - 64)
        await sequencer.serves()


@scenario(slow=True)
async def garbage_is_forced(stage: Stage) -> None:
    """Garbage forced through L1, as much as somebody pays for, is skipped: the batches with it are posted, derived and confirmed, and
    what is honest among it gets in."""
    rng = stage.rng
    async with target(stage) as sequencer:
        net = sequencer.net
        garbage = [b"", b"\x00", b"\x02", b"\x03" + rng.randbytes(50), b"\x04\xc0", b"\xc0", b"\xff" * 100, b"\x02\xf8" + bytes(200),
                   *(bytes([rng.randrange(256)]) + rng.randbytes(rng.randrange(300)) for _ in range(15))]  # fmt: skip
        good = net.account(8).sign_transaction({
            "nonce": 1, "chainId": 42069, "gas": 21_000, "to": net.account(7).address, "value": 5, "maxFeePerGas": 10**10,
            "maxPriorityFeePerGas": 10**9}).raw_transaction
        payer, taken = net.account(20), 0
        for raw in [*garbage, bytes(good)]:
            try:
                receipt = await net.send(net.w3, payer, to=net.deployment.inbox, data=Inbox.force_transaction(raw), value=ETHER // 1000,
                                         gas=500_000)
            except Exception as error:  # noqa: BLE001  # what L1 or the Inbox refuses is not forced
                stage.say("Inbox", f"{raw[:10].hex()}: {str(error)[:80]}")
                continue
            taken += receipt.status
        stage.say("attacker", f"{taken} of {len(garbage) + 1} forced")
        assert taken > 10
        await _forced_is_in(sequencer)
        await sequencer.serves()
        await net.truth(0)
        await net.arena.assertion_of(bytes.fromhex(net.account(1).address[2:]))
        await net.stands()


async def _forced_is_in(sequencer: Target) -> None:
    account = sequencer.net.account(8).address

    async def included() -> bool:
        return int(await sequencer.result("eth_getTransactionCount", account, "latest"), 16) == 2

    await sequencer.net.until(included, "the honest one among the forced is in a block", timeout=120)
