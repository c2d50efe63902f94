"""Prometheus metrics of a challenger."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Counter
from prometheus_client.core import Metric

from challenger.events import (
    AssertionAccepted,
    AssertionChecked,
    AssertionDied,
    ChallengerEvent,
    CreditCollected,
    EventStream,
    GameStarted,
    MovePicked,
    StepSettled,
    TurnFailed,
    Waiting,
    WitnessStaged,
)


class ChallengerMetrics:
    """Counts what the event stream tells."""

    def __init__(self, events: EventStream) -> None:
        self._registry = registry = CollectorRegistry()

        def counter(name: str, help_text: str, *labels: str) -> Counter:
            return Counter(f"verdict_challenger_{name}", help_text, labels, registry=registry)

        self._checked = counter("assertions_checked", "Assertions compared with our node", "result")
        self._waiting = counter("unknown", "Times something could not be told", "alarm")
        self._opened = counter("games_opened", "Games opened by us")
        self._picked = counter("moves", "Picks in our games")
        self._proved = counter("steps_proved", "Assertions killed by our step proofs")
        self._staged = counter("pieces_staged", "Pieces of witnesses put into contract code by us")
        self._staging_gas = counter("staging_gas", "L1 gas that staging them took")
        self._fees = counter("execute_fees_wei", "Wei paid to EXECUTE")
        self._collected = counter("collected_wei", "Wei collected from the contract")
        self._failed = counter("turns_failed", "Turns that failed and were tried again")
        self._over = counter("assertions_over", "Assertions confirmed or dead on L1", "how")
        events.on_event(self._count)

    def collect(self) -> Iterator[Metric]:
        yield from self._registry.collect()

    def _count(self, event: ChallengerEvent) -> None:
        match event:
            case AssertionChecked(wrong=wrong):
                self._checked.labels("right" if wrong is None else "wrong").inc()
            case Waiting(alarm=alarm):
                self._waiting.labels(str(alarm).lower()).inc()
            case GameStarted():
                self._opened.inc()
            case MovePicked():
                self._picked.inc()
            case WitnessStaged(sent=sent, gas_used=gas):
                self._staged.inc(sent)
                self._staging_gas.inc(gas)
            case StepSettled(fee=fee):
                self._proved.inc()
                self._fees.inc(fee)
            case CreditCollected(amount=amount):
                self._collected.inc(amount)
            case TurnFailed():
                self._failed.inc()
            case AssertionDied():
                self._over.labels("dead").inc()
            case AssertionAccepted():
                self._over.labels("confirmed").inc()
