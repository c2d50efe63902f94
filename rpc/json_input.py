"""Strict JSON within limits. Nesting is bounded before parsing: the parser in C recurses, and libraries that raise
Python's recursion limit (py_ecc does) would let a deep document overflow its stack.
"""

from __future__ import annotations

import json
import re
from typing import Any

from rpc.errors import INVALID_REQUEST, PARSE_ERROR, RpcError
from rpc.limits import ServerLimits

# A string; its end may be missing, so that no text makes this scan anything twice.
_STRING = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)
_NOT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))


def parse_json(body: str | bytes, limits: ServerLimits) -> Any:
    """Raises RpcError: -32700 for what is not JSON, -32600 for too much of it."""
    try:
        text = body.decode("utf-8") if isinstance(body, bytes) else body
    except UnicodeDecodeError:
        raise RpcError(PARSE_ERROR, "parse error") from None
    _check_nesting(text, limits)

    def integer(digits: str) -> int:
        if len(digits) > limits.max_number_digits + 1:
            raise ValueError("number too large")
        return int(digits)

    try:
        value = json.loads(text, parse_int=integer, parse_float=_real, parse_constant=_constant)
    except (ValueError, RecursionError):  # JSONDecodeError is a ValueError
        raise RpcError(PARSE_ERROR, "parse error") from None
    _check_count(value, limits)
    return value


def _real(digits: str) -> float:
    number = float(digits)
    if number in (float("inf"), float("-inf")):
        raise ValueError("number too large")
    return number


def _constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _check_nesting(text: str, limits: ServerLimits) -> None:
    structure = _STRING.sub("", text).encode("ascii", "ignore")
    if structure.count(b",") + structure.count(b"[") + structure.count(b"{") > limits.max_values:
        raise RpcError(INVALID_REQUEST, "invalid request: too many values")
    depth = 0
    for bracket in structure.translate(None, _NOT_BRACKETS):
        depth += 1 if bracket in b"[{" else -1
        if depth > limits.max_depth:
            raise RpcError(INVALID_REQUEST, "invalid request: nested too deeply")


def _check_count(value: Any, limits: ServerLimits) -> None:
    level, count = [value], 0
    while level:
        count += len(level)
        if count > limits.max_values:
            raise RpcError(INVALID_REQUEST, "invalid request: too many values")
        level = [
            child
            for container in level
            if isinstance(container, (list, dict))
            for child in (container.values() if isinstance(container, dict) else container)
        ]
