"""From what the client and the watch saw to figures: transactions a second and latencies, by stage. Pure."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.load.watch import Fate

STAGES = ("accepted", "executed", "posted", "derived")


@dataclass(frozen=True)
class Run:
    """One stretch of load on one node. `rates`: transactions a second from the first request until the last transaction was so far;
    stages that the node doesn't have are left out. Latencies in seconds."""

    transactions: int
    rates: dict[str, float]
    refused: dict[str, int]
    send: list[float]
    to_block: list[float]
    to_posted: list[float]
    to_safe: list[float]


def of_run(result: dict[str, Any], fate: Fate | None) -> Run:
    """Raises ValueError if a transaction that was taken was lost."""
    sent = {hash_: (began, took) for hash_, began, took in result["sent"]}
    block_of = {hash_: int(number) for number, (_, _, ours) in result["blocks"].items() for hash_ in ours}
    seen = {int(number): when for number, (_, when, _) in result["blocks"].items()}
    if lost := sent.keys() - block_of.keys():
        raise ValueError(f"{len(lost)} of {len(sent)} transactions that were taken are in no block")
    began = result["began"]

    def after(when: dict[int, float]) -> list[float]:
        return [when[block_of[hash_]] - at for hash_, (at, _) in sent.items()]

    def rate(when: dict[int, float]) -> float:
        return len(sent) / (max(when[number] for number in block_of.values()) - began)

    rates = {"accepted": len(sent) / (max(at + took for at, took in sent.values()) - began), "executed": rate(seen)}
    if fate is not None:
        rates |= {"posted": rate(fate.posted), "derived": rate(fate.derived)}
    return Run(len(sent), rates, result["refused"], [took for _, took in sent.values()], after(seen),
               [] if fate is None else after(fate.posted), [] if fate is None else after(fate.safe))


def percentile(values: Iterable[float], share: float) -> float:
    """Nearest rank."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def milliseconds(values: Sequence[float]) -> str:
    """p50 and p99."""
    if not values:
        return "–"
    return ", ".join(_short(1000 * percentile(values, share)) for share in (0.5, 0.99))


def seconds(values: Sequence[float]) -> str:
    return f"{percentile(values, 0.5):.1f}, {percentile(values, 0.99):.1f}" if values else "–"


def _short(value: float) -> str:
    return f"{value:.1f}" if value < 10 else f"{value:,.0f}"


def median_rates(runs: Sequence[Run]) -> dict[str, float]:
    return {stage: statistics.median(run.rates[stage] for run in runs) for stage in STAGES if stage in runs[0].rates}


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in [heads, ["---"] * len(heads), *rows]).replace("| --- ", "|---").replace("---|---", "---|---").replace(" |---", "|---")
