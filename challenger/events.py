"""What a challenger tells those who listen (tests, the demo, metrics). Amounts in wei, sizes in bytes."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self, TypeAlias


@dataclass(frozen=True, slots=True)
class AssertionChecked:
    """`wrong` is None if it is right; else (lo, hi): it agrees with our node at step lo and not at hi."""

    assertion_id: bytes
    batch_index: int
    steps: int
    wrong: tuple[int, int] | None


@dataclass(frozen=True, slots=True)
class Waiting:
    """Nothing is done about `subject` (an assertion's or a game's id), because."""

    subject: bytes
    reason: str
    alarm: bool


@dataclass(frozen=True, slots=True)
class GameStarted:
    assertion_id: bytes
    game_id: bytes
    j: int
    lo: int
    hi: int
    gas_used: int


@dataclass(frozen=True, slots=True)
class MovePicked:
    """The next interval is [lo, hi]."""

    game_id: bytes
    lo: int
    hi: int
    gas_used: int


@dataclass(frozen=True, slots=True)
class WitnessStaged:
    """`sent` of a witness's `pieces` were staged in this turn, for `gas_used` L1 gas, and `missing` are still to come."""

    assertion_id: bytes
    size: int
    pieces: int
    sent: int
    missing: int
    gas_used: int


@dataclass(frozen=True, slots=True)
class StepSettled:
    """A step proof was accepted. `step`: from which it starts; `fee`: what EXECUTE took; `pointers`: how many its witness
    lay at, 0 if it was in the calldata."""

    assertion_id: bytes
    step: int
    transaction_hash: bytes
    gas_used: int
    fee: int
    witness_size: int
    calldata_size: int
    pointers: int = 0


@dataclass(frozen=True, slots=True)
class AssertionDied:
    """As L1 says. `reason`: l1.events.KillReason."""

    assertion_id: bytes
    by: bytes
    reason: int
    paid: int
    burned: int


@dataclass(frozen=True, slots=True)
class AssertionAccepted:
    """It was confirmed on L1."""

    assertion_id: bytes


@dataclass(frozen=True, slots=True)
class CreditCollected:
    amount: int


@dataclass(frozen=True, slots=True)
class TurnFailed:
    """A turn about `subject` failed and will be tried again in `retry_in` seconds."""

    subject: bytes
    reason: str
    retry_in: float


ChallengerEvent: TypeAlias = (
    AssertionChecked
    | Waiting
    | GameStarted
    | MovePicked
    | WitnessStaged
    | StepSettled
    | AssertionDied
    | AssertionAccepted
    | CreditCollected
    | TurnFailed
)


class EventStream:
    """Hands every event to every listener. A listener that falls `limit` behind loses the oldest."""

    def __init__(self, limit: int = 10_000) -> None:
        self._limit = limit
        self._listeners: set[Listener] = set()
        self._callbacks: list[Callable[[ChallengerEvent], None]] = []

    def publish(self, event: ChallengerEvent) -> None:
        for listener in self._listeners:
            listener.offer(event)
        for callback in self._callbacks:
            callback(event)

    def listen(self) -> Listener:
        """Events from now on: `async for event in stream.listen()`, or `await listener.next(...)`."""
        listener = Listener(self._limit, self._listeners.discard)
        self._listeners.add(listener)
        return listener

    def on_event(self, callback: Callable[[ChallengerEvent], None]) -> None:
        """`callback` is called with every event and must not block."""
        self._callbacks.append(callback)


class Listener:
    """An async iterator of events; also a context manager that ends listening."""

    def __init__(self, limit: int, close: Callable[[Listener], None]) -> None:
        self._events: deque[ChallengerEvent] = deque(maxlen=limit)
        self._wake = asyncio.Event()
        self._close = close

    def offer(self, event: ChallengerEvent) -> None:
        self._events.append(event)
        self._wake.set()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._close(self)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> ChallengerEvent:
        while not self._events:
            self._wake.clear()
            await self._wake.wait()
        return self._events.popleft()

    async def until(self, wanted: Callable[[ChallengerEvent], bool], timeout: float) -> ChallengerEvent:
        """The next event that is wanted. TimeoutError after `timeout` seconds."""
        async with asyncio.timeout(timeout):
            async for event in self:
                if wanted(event):
                    return event
        raise AssertionError("a listener never ends")
