"""Counts for metrics: what was asked of L1, and what was sent to it."""

from __future__ import annotations

from collections import Counter
from functools import cache

from l1.artifacts import artifact
from l1.candidates import L1Receipt
from l1.journal import JournalEntry

CONTRACTS = ("Inbox", "Rollup", "Portal", "Stage")


class RequestFigures:
    """JSON-RPC calls by method: tries by outcome ("ok", "error": the node refused, "unavailable": no answer), and seconds in
    all."""

    def __init__(self) -> None:
        self.tries: Counter[tuple[str, str]] = Counter()
        self.seconds: Counter[str] = Counter()

    def note(self, method: str, outcome: str, seconds: float) -> None:
        self.tries[method, outcome] += 1
        self.seconds[method] += seconds  # type: ignore[assignment]  # a Counter of floats


class SentFigures:
    """Transactions that are over, by the function they call; fees in wei."""

    def __init__(self) -> None:
        self.included: Counter[str] = Counter()
        self.reverted: Counter[str] = Counter()
        self.fees: Counter[str] = Counter()

    def note(self, entry: JournalEntry, receipt: L1Receipt) -> None:
        kind = kind_of(entry.data)
        (self.included if receipt.succeeded else self.reverted)[kind] += 1
        self.fees[kind] += receipt.fees


def kind_of(data: bytes) -> str:
    """Name of the contract function that calldata calls; "other"."""
    return _functions().get(data[:4], "other")


@cache
def _functions() -> dict[bytes, str]:
    return {shape.selector: name for contract in CONTRACTS for name, shape in artifact(contract).functions.items()}
