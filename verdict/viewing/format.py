"""Amounts, times and hashes for people. Everything has its unit."""

from __future__ import annotations

from collections.abc import Sequence

NOBODY = "0x" + "00" * 20
"""Asserter of what was settled."""
STATUS_COLOURS = {"killed": "red", "confirmed": "green", "pending": "yellow", "open": "yellow", "challenger won": "magenta",
                  "asserter won": "cyan", "void": "dim", "posted": "dim", "asserted": "yellow"}  # fmt: skip


def short(hash_: str) -> str:
    """A hash or address, to be told apart; `verdict game` and `assertion` take its beginning."""
    return f"{hash_[:10]}…{hash_[-4:]}"


def coloured(status: str) -> str:
    return f"[{STATUS_COLOURS.get(status, '')}]{status}[/]" if status in STATUS_COLOURS else status


def ether(wei: int | str) -> str:
    return f"{int(wei) / 1e18:,.4f} ether"


def amount(wei: int | str) -> str:
    """In wei where it is so little that ether would say nothing."""
    return ether(wei) if int(wei) >= 10**14 else f"{int(wei):,} wei"


def price(wei: int | str) -> str:
    """Of a unit of gas."""
    value = int(wei)
    return f"{value:,} wei" if value < 10**7 else f"{value / 1e9:,.2f} gwei"


def span(seconds: int) -> str:
    """Its two largest units."""
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return f"{seconds // 60} min {seconds % 60:02} s"
    if seconds < 86400:
        return f"{seconds // 3600} h {seconds % 3600 // 60:02} min"
    return f"{seconds // 86400} d {seconds % 86400 // 3600} h"


def ago(timestamp: int, now: int) -> str:
    return f"{span(max(0, now - timestamp))} ago"


def size(count: int) -> str:
    return f"{count:,} bytes"


def plural(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def bar(lo: int, hi: int, whole: tuple[int, int], width: int, ends: Sequence[str] = ("█", "·")) -> str:
    """The steps `lo` to `hi` of the whole interval; at least one character."""
    first, last = whole
    span_ = max(1, last - first)
    start = min(width - 1, (lo - first) * width // span_)
    stop = min(width, max(start + 1, -(-(hi - first) * width // span_)))
    full, empty = ends
    return empty * start + full * (stop - start) + empty * (width - stop)
