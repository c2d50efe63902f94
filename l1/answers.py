"""What L1 nodes answer, read with care: whatever isn't of the right shape says nothing, and breaks nothing."""

from __future__ import annotations

import reprlib
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")

_MAX_QUANTITY = 66  # characters: 0x and 256 bits


class L1Unavailable(Exception):
    """No answer in time, after all tries. Says nothing about L1."""


class L1Inconsistent(Exception):
    """An answer contradicts itself, what was asked for, or another source's answer."""


def understood(method: str, answer: Any, read: Callable[[Any], T]) -> T:
    """`read(answer)`. L1Inconsistent if the answer isn't shaped as `read` needs it."""
    try:
        return read(answer)
    except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
        raise L1Inconsistent(f"{method}: not an answer to it: {reprlib.repr(answer)}") from error


def quantity(method: str, answer: Any) -> int:
    """Of a 0x quantity of at most 256 bits. L1Inconsistent."""
    return understood(method, answer, _quantity)


def _quantity(answer: Any) -> int:
    if not isinstance(answer, str) or not answer.startswith("0x") or len(answer) > _MAX_QUANTITY:
        raise ValueError("not a quantity")
    return int(answer, 16)
