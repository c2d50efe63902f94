"""What goes wrong between a daemon and a healthy L1: time, connections, HTTP, JSON."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace

from tests.adversarial.kit.faulty_l1 import BEACON, RPC, Ask, Break, Call, Fault, Reply, refused

BOTH = (RPC, BEACON)


class Slow(Fault):
    """Answers after `seconds`."""

    sides = BOTH

    def __init__(self, seconds: float, **options) -> None:  # type: ignore[no-untyped-def]
        super().__init__(**options)
        self._seconds = seconds

    async def answer(self, call: Call, ask: Ask) -> Reply:
        await asyncio.sleep(self._seconds)
        return await ask(call)


class Silent(Fault):
    """Takes the request and never answers."""

    sides = BOTH

    async def answer(self, call: Call, ask: Ask) -> Reply:
        await asyncio.Event().wait()
        raise AssertionError("never")


class Dropped(Fault):
    """Closes the connection instead of answering. `done`: after it has done what was asked."""

    sides = BOTH

    def __init__(self, *, done: bool = False, **options) -> None:  # type: ignore[no-untyped-def]
        super().__init__(**options)
        self._done = done

    async def answer(self, call: Call, ask: Ask) -> Reply:
        if self._done:
            await ask(call)
        return Reply(broken=Break.DROPPED)


class CutShort(Fault):
    """Half of the body, then the connection ends."""

    sides = BOTH

    async def answer(self, call: Call, ask: Ask) -> Reply:
        return replace(await ask(call), broken=Break.CUT)


class WrongLength(Fault):
    """A Content-Length of a third of the body."""

    sides = BOTH

    async def answer(self, call: Call, ask: Ask) -> Reply:
        return replace(await ask(call), broken=Break.OVERLONG)


class RateLimited(Fault):
    """HTTP 429. `retry_after`: seconds that it asks for, as the header has them."""

    sides = BOTH

    def __init__(self, *, retry_after: int | None = None, **options) -> None:  # type: ignore[no-untyped-def]
        super().__init__(**options)
        self._headers = {} if retry_after is None else {"Retry-After": str(retry_after)}

    async def answer(self, call: Call, ask: Ask) -> Reply:
        return replace(refused(call, 429, "Too Many Requests"), status=429, headers=self._headers)


class ServerError(Fault):
    """HTTP 5xx with a page of a load balancer's."""

    sides = BOTH

    def __init__(self, status: int = 503, **options) -> None:  # type: ignore[no-untyped-def]
        super().__init__(**options)
        self._status = status

    async def answer(self, call: Call, ask: Ask) -> Reply:
        return Reply(b"<html><h1>upstream unavailable</h1></html>", self._status, "text/html")


class Body(Fault):
    """This instead of an answer, with status 200."""

    sides = BOTH

    def __init__(self, body: bytes, content_type: str = "application/json", **options) -> None:  # type: ignore[no-untyped-def]
        super().__init__(**options)
        self._body = body
        self._content_type = content_type

    async def answer(self, call: Call, ask: Ask) -> Reply:
        return Reply(self._body, content_type=self._content_type)


def garbage(**options) -> Fault:  # type: ignore[no-untyped-def]
    """What isn't JSON at all."""
    return Body(b"\x00\xff<not json>" * 50, **options)


def deep(levels: int = 200_000, **options) -> Fault:  # type: ignore[no-untyped-def]
    """JSON nested so deeply that a recursive parser's stack overflows."""
    return Body(b'{"jsonrpc":"2.0","id":1,"result":' + b"[" * levels + b"]" * levels + b"}", **options)


def huge(size: int = 256 << 20, **options) -> Fault:  # type: ignore[no-untyped-def]
    """One answer of that many bytes."""
    return Body(b'{"jsonrpc":"2.0","id":1,"result":"0x' + b"0" * size + b'"}', **options)


def without_result(**options) -> Fault:  # type: ignore[no-untyped-def]
    return Body(b'{"jsonrpc":"2.0","id":1}', **options)


class OddJson(Fault):
    """An answer of the wrong type: a number where there should be an object, null where there should be a list, and so on,
    by chance."""

    VALUES = (None, 0, -1, 1.5, True, "", "0x", "0xzz", "latest", [], {}, [None], [[]], [{}], {"hash": None}, "0x" + "ff" * 40)

    async def answer(self, call: Call, ask: Ask) -> Reply:
        result = self.rng.choice(self.VALUES)
        return Reply(json.dumps({"jsonrpc": "2.0", "id": call.id, "result": result}).encode())


class OddError(Fault):
    """An error that isn't shaped as JSON-RPC's are."""

    VALUES = ("overloaded", ["no"], {"code": "ERR", "message": None}, {"message": 7}, {"code": [1]}, {}, 1,
              {"code": -32000, "message": "odd", "data": [1, 2]})

    async def answer(self, call: Call, ask: Ask) -> Reply:
        error = self.rng.choice(self.VALUES)
        return Reply(json.dumps({"jsonrpc": "2.0", "id": call.id, "error": error}).encode())


class WrongId(Fault):
    """The right answer under another request's id."""

    async def answer(self, call: Call, ask: Ask) -> Reply:
        given = await ask(call)
        return Reply(json.dumps(given.json | {"id": 10**9}).encode())
