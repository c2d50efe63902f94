"""Addresses, data and hashes as arguments of the command line. typer.BadParameter says what is wrong."""

from __future__ import annotations

import typer

from verdict.config.units import parse_address

MAX_DATA = 1 << 20
"""Bytes: more fits into no transaction."""


def address(text: str, name: str) -> bytes:
    """20 bytes; a mixed-case one must have the right checksum."""
    try:
        return bytes.fromhex(parse_address(text)[2:])
    except ValueError as error:
        raise typer.BadParameter(f"{text} {error}", param_hint=name) from None


def optional_address(text: str, name: str) -> bytes | None:
    return address(text, name) if text else None


def hex_data(text: str, name: str) -> bytes:
    """Bytes of hex digits, with or without 0x."""
    digits = text.strip().removeprefix("0x")
    try:
        if len(digits) > 2 * MAX_DATA:
            raise ValueError("too long")
        return bytes.fromhex(digits)
    except ValueError:
        raise typer.BadParameter("hex digits, two for each byte, with or without 0x", param_hint=name) from None


def transaction_hash(text: str) -> bytes:
    """32 bytes."""
    value = hex_data(text, "TX")
    if len(value) != 32:
        raise typer.BadParameter(f"{text} is no transaction hash: 0x and 64 hex digits", param_hint="TX")
    return value
