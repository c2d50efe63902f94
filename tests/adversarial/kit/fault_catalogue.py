"""All the ways in which an L1 goes wrong, by name, to go through one by one or to draw from."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import TypeAlias

from tests.adversarial.kit import faults, wire_faults
from tests.adversarial.kit.faults import BlobsGone, FalseBlobs, Frozen, Lag, LoadBalanced, NoBlobs
from tests.adversarial.kit.faulty_l1 import Fault
from tests.adversarial.kit.wire_faults import (
    CutShort,
    Dropped,
    OddError,
    OddJson,
    RateLimited,
    ServerError,
    Silent,
    Slow,
    WrongId,
    WrongLength,
)

MakeFault: TypeAlias = Callable[[], Fault]


def _refusals(known: dict[str, tuple[tuple[str, ...], int, str, bool]]) -> dict[str, MakeFault]:
    """JSON-RPC errors as providers word them."""
    def maker(on: tuple[str, ...], code: int, message: str, forwarded: bool) -> MakeFault:
        return lambda: faults.Refuses(on, code, message, forwarded=forwarded)

    return {f"error: {name}": maker(*each) for name, each in known.items()}


WIRE: dict[str, MakeFault] = {
    "never answers": Silent,
    "slow": lambda: Slow(1.0),
    "drops every connection": Dropped,
    "drops every other connection": lambda: Dropped(every=2),
    "drops connections when it has done what was asked": lambda: Dropped(done=True),
    "half-written answers": CutShort,
    "a wrong Content-Length": WrongLength,
    "429": RateLimited,
    "429, every other request": lambda: RateLimited(every=2),
    "429 with Retry-After": lambda: RateLimited(retry_after=3),
    "502": lambda: ServerError(502),
    "503, half of the time": lambda: ServerError(503, share=0.5),
    "garbage": wire_faults.garbage,
    "deep JSON": wire_faults.deep,
    "no result": wire_faults.without_result,
    "JSON of the wrong types": OddJson,
    "errors of the wrong shape": OddError,
    "other requests' ids": WrongId,
}  # fmt: skip

READING: dict[str, MakeFault] = {
    "lags": lambda: Lag(4),
    "is frozen": Frozen,
    "two nodes in turn, one behind": lambda: LoadBalanced(None, Lag(3)),
    "a header that isn't the hash's": faults.wrong_block,
    "another block than asked for": faults.another_block,
    "no logs": faults.no_logs,
    "a log is missing": faults.fewer_logs,
    "logs twice": faults.repeated_logs,
    "changed logs": faults.changed_logs,
    "contracts of zeros": faults.false_state,
    "no contracts": faults.empty_state,
    **_refusals(faults.refused_reads()),
}  # fmt: skip

SENDING: dict[str, MakeFault] = {
    "high prices": faults.high_prices,
    "a nonce too high": lambda: faults.wrong_nonce(3),
    "a nonce too low": lambda: faults.wrong_nonce(-1),
    "an empty account": lambda: faults.wrong_balance(0),
    "no receipts": faults.no_receipts,
    "estimates too low": lambda: faults.wrong_gas(0.5),
    **_refusals(faults.refused_sends()),
}  # fmt: skip

BLOBS: dict[str, MakeFault] = {
    "pruned blobs": BlobsGone, "blocks without blobs": NoBlobs, "false blobs": FalseBlobs}  # fmt: skip


EVERY = {**WIRE, **READING, **BLOBS, **SENDING}


def some_faults(rng: random.Random, count: int) -> list[tuple[str, Fault]]:
    """Different ones, each for a part of the requests only."""
    found = []
    for name in rng.sample(sorted(EVERY), count):
        fault = EVERY[name]()
        fault.limit(rng.choice([0.1, 0.3, 0.6, 1.0]))
        found.append((name, fault))
    return found
