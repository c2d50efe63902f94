"""A real L1 behind a proxy that misbehaves: between a daemon and L1's JSON-RPC, and between it and the beacon API.

    async with net.faulty_l1(Lag(3), RateLimited(every=5)) as l1, net.challenger(net.behind(l1)) as challenger:
        ...
        l1.suffer(Silent(on=["eth_getLogs"]))       # from now on that, and nothing else
        l1.heal()

Faults (kit/faults.py, kit/wire_faults.py) are small and stack: the first one sees a request first, what it asks goes through the
next, the last one asks the real L1. Chance comes from one generator. Every request is counted, so that a scenario can say how
often a daemon asks while it gets no answer.
"""

from __future__ import annotations

import contextlib
import json
import random
import time
from collections import Counter, deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field, replace
from enum import Enum, auto
from functools import cached_property
from typing import Any, Self, TypeAlias

from aiohttp import ClientError, ClientSession, ClientTimeout, web

RPC, BEACON = "rpc", "beacon"
MAX_BODY = 32 << 20
KEPT_TIMES = 100_000


@dataclass(frozen=True, slots=True)
class Call:
    """One request. `side`: RPC, with a JSON-RPC `method` and its `params`; or BEACON: `method` is the path with its query."""

    side: str
    method: str
    params: tuple[Any, ...] = ()
    id: Any = 1
    accept: str = "*/*"

    def with_params(self, *params: Any) -> Call:
        return replace(self, params=params)


class Break(Enum):
    """How an answer goes wrong on the wire."""

    DROPPED = auto()  # closed before a byte of it
    CUT = auto()  # closed in the middle of the body
    OVERLONG = auto()  # the header says a third of the length that the body has


@dataclass(frozen=True)
class Reply:
    """An HTTP answer, or what is left of one."""

    body: bytes = b""
    status: int = 200
    content_type: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)
    broken: Break | None = None

    @cached_property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def result(self) -> Any:
        """Of a JSON-RPC answer; None if it is an error."""
        return self.json.get("result")


Ask: TypeAlias = Callable[[Call], Awaitable[Reply]]


def answered(call: Call, result: Any) -> Reply:
    return Reply(json.dumps({"jsonrpc": "2.0", "id": call.id, "result": result}).encode())


def refused(call: Call, code: int, message: str, data: Any = None) -> Reply:
    error = {"code": code, "message": message} | ({} if data is None else {"data": data})
    return Reply(json.dumps({"jsonrpc": "2.0", "id": call.id, "error": error}).encode())


class Fault:
    """Something that befalls requests: those of `on` (JSON-RPC methods; parts of a path for the beacon API; all if it is empty)
    of these `sides`, a `share` of them by chance, and of those each `every`th. As it stands it does nothing."""

    sides: tuple[str, ...] = (RPC,)

    def __init__(self, *, on: tuple[str, ...] | list[str] = (), share: float = 1.0, every: int = 1,
                 sides: tuple[str, ...] | None = None) -> None:
        self._on = tuple(on)
        self._share = share
        self._every = every
        self._seen = 0
        self.sides = self.sides if sides is None else sides
        self.befell = 0  # requests
        self.rng = random.Random(0)  # the proxy gives it its own

    def befalls(self, call: Call) -> bool:
        if call.side not in self.sides or (self._on and not any(self._names(call, each) for each in self._on)):
            return False
        if self._share < 1.0 and self.rng.random() >= self._share:
            return False
        self._seen += 1
        if self._seen % self._every:
            return False
        self.befell += 1
        return True

    @staticmethod
    def _names(call: Call, wanted: str) -> bool:
        return call.method == wanted if call.side == RPC else wanted in call.method

    def limit(self, share: float) -> None:
        """Befalls that share of the requests only."""
        self._share = share

    async def answer(self, call: Call, ask: Ask) -> Reply:
        """`ask`: whatever lies behind this fault."""
        return await ask(call)

    def told(self, rng: random.Random) -> None:
        """Which chance to use."""
        self.rng = rng

    def __str__(self) -> str:
        limits = [f"on {' '.join(self._on)}"] if self._on else []
        limits += [f"every {self._every}"] * (self._every > 1) + [f"{self._share:.0%}"] * (self._share < 1)
        return " ".join([type(self).__name__, *limits])


class FaultyL1:
    """Use as a context manager. `seen`: requests by JSON-RPC method, and of the beacon API under "beacon"."""

    def __init__(self, rpc_url: str, beacon_url: str, *faults: Fault, rng: random.Random | None = None) -> None:
        self._targets = {RPC: rpc_url, BEACON: beacon_url}
        self._rng = rng or random.Random(0)
        self._runners: dict[str, web.AppRunner] = {}
        self._ports = {RPC: 0, BEACON: 0}
        self._times: deque[float] = deque(maxlen=KEPT_TIMES)
        self._session: ClientSession
        self.faults: tuple[Fault, ...] = ()
        self.seen: Counter[str] = Counter()
        self.suffer(*faults)

    # ---- what goes wrong

    def suffer(self, *faults: Fault) -> None:
        """These, from now on, instead of what there was."""
        for each in faults:
            each.told(self._rng)
        self.faults = faults

    def heal(self) -> None:
        """Everything is passed on as it is."""
        self.suffer()

    @contextlib.contextmanager
    def suffering(self, *faults: Fault) -> Iterator[None]:
        """Heals at the end."""
        self.suffer(*faults)
        try:
            yield
        finally:
            self.heal()

    @contextlib.asynccontextmanager
    async def down(self) -> AsyncIterator[None]:
        """Nobody listens on its ports."""
        await self._close()
        try:
            yield
        finally:
            await self._listen()

    # ---- how often it is asked

    @property
    def requests(self) -> int:
        """So far, both sides."""
        return sum(self.seen.values())

    def peak(self, seconds: float, since: float = 0.0) -> float:
        """The most requests a second, over any time of that length after `since` (of time.monotonic())."""
        window: deque[float] = deque()
        most = 0
        for each in self._times:
            if each < since:
                continue
            window.append(each)
            while window[0] < each - seconds:
                window.popleft()
            most = max(most, len(window))
        return most / seconds

    # ---- serving

    @property
    def rpc_url(self) -> str:
        return f"http://127.0.0.1:{self._ports[RPC]}"

    @property
    def beacon_url(self) -> str:
        return f"http://127.0.0.1:{self._ports[BEACON]}"

    async def __aenter__(self) -> Self:
        self._session = ClientSession(timeout=ClientTimeout(total=60))
        await self._listen()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._close()
        await self._session.close()

    async def _listen(self) -> None:
        for side, handler in ((RPC, self._rpc), (BEACON, self._beacon)):
            app = web.Application(client_max_size=MAX_BODY)
            app.router.add_route("*", "/{path:.*}", handler)
            runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1, handler_cancellation=True)
            await runner.setup()
            await web.TCPSite(runner, "127.0.0.1", self._ports[side]).start()
            self._ports[side] = runner.addresses[0][1]
            self._runners[side] = runner

    async def _close(self) -> None:
        for runner in self._runners.values():
            await runner.cleanup()
        self._runners.clear()

    async def _rpc(self, request: web.Request) -> web.StreamResponse:
        asked = await request.json()
        assert isinstance(asked, dict), "the daemons send no batches"
        call = Call(RPC, asked["method"], tuple(asked.get("params", ())), asked.get("id"))
        return await self._answer(request, call, call.method)

    async def _beacon(self, request: web.Request) -> web.StreamResponse:
        return await self._answer(
            request, Call(BEACON, request.path_qs, accept=request.headers.get("Accept", "*/*")), BEACON)

    async def _answer(self, request: web.Request, call: Call, counted: str) -> web.StreamResponse:
        self.seen[counted] += 1
        self._times.append(time.monotonic())
        try:
            reply = await self._through(self.faults, call)
        except (ClientError, OSError):  # the real one is down
            reply = Reply(broken=Break.DROPPED)
        return _sent(request, reply)

    async def _through(self, faults: tuple[Fault, ...], call: Call) -> Reply:
        if not faults:
            return await self._forward(call)
        first, rest = faults[0], faults[1:]
        if not first.befalls(call):
            return await self._through(rest, call)
        return await first.answer(call, lambda inner: self._through(rest, inner))

    async def _forward(self, call: Call) -> Reply:
        return await forward(self._session, self._targets[call.side], call)


async def forward(session: ClientSession, url: str, call: Call) -> Reply:
    """Asks a real one."""
    if call.side == RPC:
        asked = {"jsonrpc": "2.0", "id": call.id, "method": call.method, "params": list(call.params)}
        request = session.post(url, json=asked)
    else:
        request = session.get(url + call.method, headers={"Accept": call.accept})
    async with request as response:
        return Reply(await response.read(), response.status, response.content_type)


def _sent(request: web.Request, reply: Reply) -> web.StreamResponse:
    if reply.broken is None:
        return web.Response(
            body=reply.body, status=reply.status, content_type=reply.content_type, headers=reply.headers)
    transport = request.transport
    if transport is not None:
        if reply.broken is not Break.DROPPED:
            length = len(reply.body) if reply.broken is Break.CUT else len(reply.body) // 3
            sent = reply.body[: len(reply.body) // 2] if reply.broken is Break.CUT else reply.body
            transport.write(  # type: ignore[attr-defined]
                f"HTTP/1.1 {reply.status} OK\r\nContent-Type: {reply.content_type}\r\nContent-Length: {length}\r\n\r\n".encode() + sent)
        transport.close()
    return web.Response()  # which aiohttp finds that it can't send
