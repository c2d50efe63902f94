"""Turns revert data into a sentence."""

from __future__ import annotations

from collections.abc import Mapping

from eth_abi import decode
from eth_abi.exceptions import DecodingError

_ERROR_STRING = bytes.fromhex("08c379a0")
_PANIC = bytes.fromhex("4e487b71")
_PANICS = {0x01: "assertion failed", 0x11: "arithmetic overflow", 0x12: "division by zero", 0x21: "bad enum value",
           0x31: "pop of an empty array", 0x32: "index out of bounds", 0x41: "out of memory"}


def describe_revert(data: bytes, errors: Mapping[bytes, str] | None = None) -> str:
    """`errors`: names of custom errors by their 4-byte selector. Total: odd data is shown as hex."""
    if not data:
        return "reverted without a reason"
    selector, body = data[:4], data[4:]
    try:
        if selector == _ERROR_STRING:
            return str(decode(["string"], body)[0])
        if selector == _PANIC:
            code = decode(["uint256"], body)[0]
            return f"panic {code:#x}: {_PANICS.get(code, 'unknown')}"
    except (DecodingError, UnicodeDecodeError, OverflowError):
        return f"unreadable revert data 0x{data[:68].hex()}"
    name = (errors or {}).get(selector)
    arguments = f" 0x{body[:160].hex()}" if body else ""
    return f"{name}{arguments}" if name else f"custom error 0x{selector.hex()}{arguments}"
