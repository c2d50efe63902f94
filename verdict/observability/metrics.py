"""Prometheus metrics that every daemon has, under the same names (docs/operators.md). A scrape asks nobody."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Protocol

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric, SummaryMetricFamily

from l1.txmanager import TransactionManager
from rpc.net import client_version
from verdict.observability.health import Health, disk_free
from verdict.observability.observer import Observer
from view.shapes import Overview


class Collector(Protocol):
    def collect(self) -> Iterator[Metric]: ...


def daemon_registry(role: str, observer: Observer, health: Health, data_dir: Path,
                    transactions: TransactionManager | None = None, *more: Collector) -> CollectorRegistry:
    """What every daemon has, and `more` of its own."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    registry.register(DaemonCollector(role, observer, health, data_dir, transactions))  # type: ignore[arg-type]
    for each in more:
        registry.register(each)  # type: ignore[arg-type]
    return registry


class DaemonCollector:
    def __init__(self, role: str, observer: Observer, health: Health, data_dir: Path,
                 transactions: TransactionManager | None) -> None:
        self._role = role
        self._observer = observer
        self._health = health
        self._data_dir = data_dir
        self._transactions = transactions

    def collect(self) -> Iterator[Metric]:
        yield _labelled("build_info", "version and role of this daemon", {(client_version(), self._role): 1}, "version", "role")
        yield from self._of_health()
        yield from self._of_requests()
        yield _gauge("disk_free_bytes", "free where the data directory lies", disk_free(self._data_dir))
        yield _gauge("l1_head_age_seconds", "seconds since L1 had a new block", self._observer.head_age)
        overview = self._observer.overview
        if overview is not None:
            yield from _of_l1(overview)
            yield from _of_l2(overview)
            yield from _of_rollup(overview)
        yield from self._of_account()
        if self._transactions is not None:
            yield from _of_transactions(self._transactions)

    def _of_health(self) -> Iterator[Metric]:
        found = self._health.look()
        yield _gauge("healthy", "1 if /healthz says ok", self._health.status(found) == "ok")
        yield _labelled("health_check", "1 if the check finds nothing wrong",
                        {(name,): detail is None for name, detail in found.items()}, "check")

    def _of_requests(self) -> Iterator[Metric]:
        figures = self._observer.l1.figures
        tries = CounterMetricFamily("verdict_l1_requests", "JSON-RPC calls to L1, each try", labels=["method", "outcome"])
        calls: Counter[str] = Counter()
        for (method, outcome), count in figures.tries.items():
            tries.add_metric([method, outcome], count)
            calls[method] += count
        yield tries
        seconds = SummaryMetricFamily("verdict_l1_request_seconds", "what they took", labels=["method"])
        for method, count in calls.items():
            seconds.add_metric([method], count, figures.seconds[method])
        yield seconds

    def _of_account(self) -> Iterator[Metric]:
        observer, overview = self._observer, self._observer.overview
        if observer.balance is None or observer.account is None or overview is None:
            return
        me = "0x" + observer.account.hex()
        bonds = overview["rules"]
        locked = int(bonds["assertion_bond"]) * sum(
            each["asserter"].lower() == me and each["status"] == "pending" for each in overview["assertions"])
        locked += int(bonds["challenge_bond"]) * sum(
            each["challenger"].lower() == me and each["status"] == "open" for each in overview["games"])
        yield _gauge("account_balance_wei", "of the account that this daemon sends from", observer.balance)
        yield _gauge("account_credit_wei", "what the Rollup owes it: it can be collected", observer.credit)
        yield _gauge("account_locked_wei", "its bonds that lie in the Rollup", locked)
        if observer.bond:
            yield _gauge("account_bonds_affordable", "bonds that its balance pays for", observer.balance // observer.bond)


def _of_l1(overview: Overview) -> Iterator[Metric]:
    l1 = overview["l1"]
    yield _gauge("l1_head_block", "number of the newest L1 block", l1["block"])
    yield _gauge("l1_base_fee_wei", "price of L1 gas", int(l1["base_fee"]))
    if l1["blob_base_fee"] is not None:
        yield _gauge("l1_blob_base_fee_wei", "price of L1 blob gas", int(l1["blob_base_fee"]))
    yield _counter("l1_reorgs", "reorgs of L1 seen since the start", l1["reorgs"])
    yield _gauge("l1_reorg_depth_blocks", "how deep the last one went", l1["last_reorg_depth"])
    yield _gauge("execute_gas_price_wei", "EXECUTE's price of one L2 gas", int(l1["execute"]["gas_price"]))
    yield _gauge("execute_gas_left", "L2 gas that EXECUTE takes in one L1 block yet", l1["execute"]["gas_left"])
    yield _counter("execute_congested_seconds", "seconds in which EXECUTE was full", l1["execute"]["congested_seconds"])


def _of_l2(overview: Overview) -> Iterator[Metric]:
    for label, what in (("unsafe", "of the newest L2 block"), ("safe", "of the newest L2 block derived from L1"),
                        ("finalized", "of the newest L2 block that can't change any more")):
        head = overview["l2"][label]  # type: ignore[literal-required]
        if head is not None:
            yield _gauge(f"l2_{label}_block", f"number {what}", head["number"])
            if head["timestamp"]:  # genesis has none
                yield _gauge(f"l2_{label}_age_seconds", f"L1's time less that {what}", max(0, overview["time"] - head["timestamp"]))


def _of_rollup(overview: Overview) -> Iterator[Metric]:
    now, batches, assertions, games = overview["time"], overview["batches"], overview["assertions"], overview["games"]
    yield _gauge("rollup_batches", "batches on L1", overview["batch_count"])
    if batches:
        yield _gauge("rollup_last_batch_age_seconds", "since the newest batch was posted", now - batches[0]["timestamp"])
        yield _gauge("rollup_last_batch_blobs", "blobs of the newest batch", batches[0]["blobs"])
    if assertions:
        yield _gauge("rollup_last_assertion_age_seconds", "since the newest assertion was made", now - assertions[0]["created_at"])
    yield _gauge("rollup_bonds_wei", "what the Rollup holds", int(overview["money"]["rollup_balance"]))
    pending = [each for each in assertions if each["status"] == "pending"]
    forecasts = Counter({"right": 0, "wrong": 0, "unknown": 0})
    forecasts.update(each["forecast"] or "unknown" for each in pending)
    yield _labelled("rollup_pending_assertions", "assertions whose window is open, by what was derived here",
                    {(name,): count for name, count in forecasts.items()}, "forecast")
    wrong = [each["window_ends"] - now for each in pending if each["forecast"] == "wrong"]
    if wrong:
        yield _gauge("rollup_wrong_assertion_window_seconds", "till the first wrong assertion could be confirmed", min(wrong))
    winners = Counter({"asserter": 0, "challenger": 0, "unknown": 0})
    winners.update(each["forecast"]["winner"] if each["forecast"] else "unknown" for each in games if each["status"] == "open")
    yield _labelled("rollup_open_games", "open games, by who should win",
                    {(name,): count for name, count in winners.items()}, "winner")
    yield _labelled("rollup_games", f"the newest {len(games)} games by status",
                    {(name,): count for name, count in Counter(each["status"] for each in games).items()}, "status")
    deadlines = [each["deadline"] - now for each in games if each["status"] == "open" and each["deadline"] is not None]
    if deadlines:
        yield _gauge("rollup_next_deadline_seconds", "till the first clock of an open game runs out", min(deadlines))


def _of_transactions(transactions: TransactionManager) -> Iterator[Metric]:
    figures = transactions.figures
    yield _gauge("transactions_in_flight", "L1 transactions sent and not finished", transactions.in_flight)
    yield _gauge("transactions_oldest_seconds", "how long the oldest of them has been in flight", transactions.oldest)
    yield _counter("transactions_bumps", "replaced at a higher fee", transactions.bumps)
    for name, text, counts in (("transactions", "L1 transactions included, by the function called", figures.included),
                               ("transactions_reverted", "of them reverted", figures.reverted),
                               ("transactions_fees_wei", "what they cost, blobs included", figures.fees)):
        family = CounterMetricFamily(f"verdict_{name}", text, labels=["kind"])
        for kind, count in counts.items():
            family.add_metric([kind], count)
        yield family


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(f"verdict_{name}", text, value=float(value))


def _counter(name: str, text: str, value: float) -> Metric:
    return CounterMetricFamily(f"verdict_{name}", text, value=float(value))


def _labelled(name: str, text: str, values: Mapping[tuple[str, ...], float], *labels: str) -> Metric:
    family = GaugeMetricFamily(f"verdict_{name}", text, labels=labels)
    for key, value in values.items():
        family.add_metric(key, float(value))
    return family
