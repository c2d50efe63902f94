"""What every engine answers."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Verdict:
    """`gas_used` is what the transactions used, as far as they ran; None if none of it counts."""

    result: bool
    reason: str
    gas_used: int | None
