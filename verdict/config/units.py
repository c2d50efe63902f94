"""Values with a unit: "2s", "7d", "1 ether", "2 gwei", "10%", "512 MiB". A bare number is refused, so is a wrong unit.

Each parser returns the value in its one internal unit and raises ValueError saying what to write instead.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Annotated
from urllib.parse import urlsplit

from eth_utils import is_checksum_address, to_checksum_address
from pydantic import BeforeValidator, Strict

SECONDS = {
    "ms": Decimal("0.001"), "s": Decimal(1), "m": Decimal(60), "h": Decimal(3600), "d": Decimal(86400),
    "w": Decimal(604800),
}
WEI = {"wei": Decimal(1), "gwei": Decimal(10**9), "ether": Decimal(10**18)}
SIZES = {"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}

_DURATION_PART = re.compile(r"(\d+(?:\.\d+)?)\s*([a-zA-Z]+)\s*")
_AMOUNT = re.compile(r"(\d+(?:\.\d+)?)\s*([a-zA-Z]+)")
_PERCENT = re.compile(r"(\d+(?:\.\d+)?)\s*%")
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")
_HOST = re.compile(r"[A-Za-z0-9_.:\-]+")

_DURATION_HINT = 'write a number and one of ms, s, m, h, d, w, as in "30s" or "1h30m"'
_AMOUNT_HINT = 'write a number and one of wei, gwei, ether, as in "1 ether" or "2 gwei"'
_SIZE_HINT = 'write a whole number and one of KiB, MiB, GiB, as in "512 MiB"'
_PERCENT_HINT = 'write a percentage, as in "10%"'


def _text(value: object, hint: str) -> str:
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise ValueError(f"a text with a unit is needed; {hint}")
    if not isinstance(value, str):
        raise ValueError(f"{value} has no unit; {hint}")
    text = value.strip()
    if re.fullmatch(r"[\d.]+", text):
        raise ValueError(f'"{value}" has no unit; {hint}')
    return text


def parse_duration(value: object) -> Decimal:
    """Seconds, exact. "1h30m" is allowed."""
    text = _text(value, _DURATION_HINT)
    total, position = Decimal(0), 0
    while position < len(text):
        part = _DURATION_PART.match(text, position)
        if part is None:
            raise ValueError(f'"{value}" is not a duration; {_DURATION_HINT}')
        number, unit = part.groups()
        if unit not in SECONDS:
            raise ValueError(f'"{unit}" is not a unit of time; {_DURATION_HINT}')
        total += Decimal(number) * SECONDS[unit]
        position = part.end()
    if not text:
        raise ValueError(f"empty; {_DURATION_HINT}")
    return total


def parse_whole_seconds(value: object) -> int:
    """For times that L1 contracts count: whole seconds."""
    seconds = parse_duration(value)
    if seconds != int(seconds):
        raise ValueError(f'"{value}" is not a whole number of seconds, and L1 counts in seconds')
    if seconds >= 2**40:
        raise ValueError(f'"{value}" is longer than 30,000 years')
    return int(seconds)


def parse_interval(value: object) -> float:
    """For times that only a process of ours waits: seconds with a fraction, more than zero."""
    seconds = parse_duration(value)
    if seconds <= 0:
        raise ValueError("must be longer than zero")
    if seconds >= 2**31:
        raise ValueError(f'"{value}" is longer than 60 years')
    return float(seconds)


def parse_amount(value: object) -> int:
    """Wei, exact."""
    text = _text(value, _AMOUNT_HINT)
    match = _AMOUNT.fullmatch(text)
    if match is None:
        raise ValueError(f'"{value}" is not an amount; {_AMOUNT_HINT}')
    number, unit = match.groups()
    if unit.lower() not in WEI:
        if unit in SECONDS:
            raise ValueError(f'"{value}" is a duration, and this is an amount; {_AMOUNT_HINT}')
        raise ValueError(f'"{unit}" is not a unit of ether; {_AMOUNT_HINT}')
    wei = Decimal(number) * WEI[unit.lower()]
    if wei != int(wei):
        raise ValueError(f'"{value}" is not a whole number of wei')
    if wei >= 2**128:
        raise ValueError(f'"{value}" is more ether than can ever exist')
    return int(wei)


def parse_size(value: object) -> int:
    """Bytes."""
    text = _text(value, _SIZE_HINT)
    match = re.fullmatch(r"(\d+)\s*([a-zA-Z]+)", text)
    if match is None:
        raise ValueError(f'"{value}" is not a size; {_SIZE_HINT}')
    number, unit = match.groups()
    if unit not in SIZES:
        raise ValueError(f'"{unit}" is not a unit of size; {_SIZE_HINT}')
    size = int(number) * SIZES[unit]
    if not 0 < size < 1 << 50:
        raise ValueError(f'"{value}" is out of reach')
    return size


def parse_percent(value: object) -> int:
    """Basis points: "10%" is 1000. At most 100%."""
    text = _text(value, _PERCENT_HINT)
    match = _PERCENT.fullmatch(text)
    if match is None:
        raise ValueError(f'"{value}" is not a percentage; {_PERCENT_HINT}')
    points = Decimal(match.group(1)) * 100
    if points != int(points):
        raise ValueError(f'"{value}" is finer than a hundredth of a percent')
    if points > 10_000:
        raise ValueError(f'"{value}" is more than the whole')
    return int(points)


def parse_address(value: object) -> str:
    """A checksummed address that is not zero. A mixed-case one must have the right checksum."""
    if not isinstance(value, str) or not _ADDRESS.fullmatch(value):
        raise ValueError('is not an address; write 0x and 40 hex digits between quotes')
    if int(value, 16) == 0:
        raise ValueError("is the zero address: whatever it is meant to receive or to do would be lost")
    digits = value[2:]
    if digits != digits.lower() and digits != digits.upper() and not is_checksum_address(value):
        raise ValueError(
            f"has a wrong checksum, so a digit was mistyped; {to_checksum_address(value.lower())} would be right"
        )
    return str(to_checksum_address(value.lower()))


def parse_url(value: object) -> str:
    """An http or https URL without a trailing slash."""
    if not isinstance(value, str):
        raise ValueError('is not a URL; write one as in "http://127.0.0.1:8545"')
    try:
        parts = urlsplit(value)
        port = parts.port
    except ValueError as error:
        raise ValueError(f'"{value}" is not a URL: {error}') from None
    if parts.scheme in ("ws", "wss"):
        raise ValueError("is a WebSocket URL; daemons talk http or https to L1")
    if parts.scheme not in ("http", "https"):
        raise ValueError(f'"{value}" is not a URL; it must begin with http:// or https://')
    if not parts.hostname or not _HOST.fullmatch(parts.hostname):
        raise ValueError(f'"{value}" is not a URL: it names no host')
    if port == 0:
        raise ValueError(f'"{value}" has port 0')
    return value.rstrip("/")


def parse_host(value: object) -> str:
    if not isinstance(value, str) or not _HOST.fullmatch(value):
        raise ValueError('is not a host to listen on; write "127.0.0.1", or "0.0.0.0" for all interfaces')
    return value


Seconds = Annotated[int, BeforeValidator(parse_whole_seconds)]
Interval = Annotated[float, BeforeValidator(parse_interval)]
Wei = Annotated[int, BeforeValidator(parse_amount)]
Size = Annotated[int, BeforeValidator(parse_size)]
BasisPoints = Annotated[int, BeforeValidator(parse_percent)]
Address = Annotated[str, BeforeValidator(parse_address)]
Url = Annotated[str, BeforeValidator(parse_url)]
Host = Annotated[str, BeforeValidator(parse_host)]
Number = Annotated[int, Strict()]
