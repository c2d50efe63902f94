"""The k-of-n rule (docs/protocol.md, section 8, "Clients"). Pure.

With w wrong votes and h right ones among n engines (the others have failed), and threshold k:

* w < k and h >= 1: the answer is never the wrong one: it is right, or there is none (Split).
* w < k <= h: the answer is right. w = 0 and h >= 1 as well.
* The order in which votes come in matters only if both answers get k votes, which takes n >= 2k: then the one that
  got them first stands.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from execution.verdict import Verdict

NOBODY = Verdict(False, "no engine gave a verdict", None)


@dataclass(frozen=True, slots=True)
class Agreed:
    """The answer, and who gave it, in the configured order; nobody if it is false for want of votes."""

    verdict: Verdict
    by: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Split:
    """Engines disagree and neither answer has enough votes: there is none."""


Outcome = Agreed | Split


def majority(engines: int) -> int:
    """The least threshold that two different answers can't both have."""
    return engines // 2 + 1


def decide(engines: Sequence[str], threshold: int, votes: Mapping[str, Verdict | None]) -> Outcome | None:
    """The outcome as soon as there is one; None: wait for more votes.

    `engines`: all of them, in the configured order. `votes`: what has come in, None for an engine that has failed. The
    agreed verdict's reason and gas are those of the first engine that agrees.
    """
    sides = {
        result: [name for name in engines if (vote := votes.get(name)) is not None and vote.result is result]
        for result in (True, False)
    }
    larger, smaller = sorted(sides.values(), key=lambda side: (-len(side), engines.index(side[0]) if side else 0))
    awaited = sum(name not in votes for name in engines)
    if len(larger) >= threshold:
        return _agreed(larger, votes)
    if smaller and len(larger) + awaited < threshold:
        return Split()
    if awaited:
        return None
    return _agreed(larger, votes) if larger else Agreed(NOBODY, ())


def _agreed(side: list[str], votes: Mapping[str, Verdict | None]) -> Agreed:
    verdict = votes[side[0]]
    assert verdict is not None
    return Agreed(verdict, tuple(side))
