"""Tables of batches, assertions, games and accounts; with fewer columns on a narrow terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from verdict.viewing.format import NOBODY, ago, coloured, ether, plural, short, span

WIDE = 120  # characters: less, and names are only their beginnings


class Tables:
    """For one console. `now`: L1's time."""

    def __init__(self, console: Console, now: int) -> None:
        self._console = console
        self._now = now
        self._wide = console.width >= WIDE

    def _print(self, title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """A column's name ends with ">" if it is flush right, and begins with "?" if there must be room for it."""
        shown = [index for index, name in enumerate(columns) if self._wide or not name.startswith("?")]
        table = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False,
                      padding=(0, 1) if self._wide else (0, 1, 0, 0))
        for index in shown:
            right = columns[index].endswith(">")
            table.add_column(columns[index].strip("?>"), justify="right" if right else "left", no_wrap=True)
        for row in rows:
            table.add_row(*(row[index] for index in shown))
        self._console.print(table)

    def _id(self, hash_: str) -> str:
        return short(hash_) if self._wide else hash_[:10]

    def batches(self, batches: Sequence[Mapping[str, Any]], title: str = "batches") -> None:
        rows = [
            (str(each["index"]), f"{each['l1_block']:,}", ago(each["timestamp"], self._now),
             "calldata" if each["data"] == "calldata" else plural(each["blobs"], "blob"), f"{each['chunks']:,}",
             str(each["deposits"]), str(each["forced"]), coloured(each["status"]), short(each["poster"]))
            for each in batches
        ]  # fmt: skip
        columns = ("batch>", "L1 block>", "posted>", "data", "chunks>", "deposits>", "forced>", "status", "?poster")
        self._print(title, columns, rows)

    def assertions(self, assertions: Sequence[Mapping[str, Any]], title: str = "assertions") -> None:
        rows = [
            (self._id(each["id"]), str(each["batch"]), f"{each['steps']:,}",
             "settled" if each["asserter"] == NOBODY else short(each["asserter"]), coloured(each["status"]),
             ending(each, self._now), f"{each['open_games']:,} of {each['game_count']:,} open" if each["game_count"] else "",
             verdict_of(each))
            for each in assertions
        ]  # fmt: skip
        self._print(title, ("assertion", "batch>", "steps>", "?asserter", "status", "window", "games", "what it says"), rows)

    def games(self, games: Sequence[Mapping[str, Any]], title: str = "games") -> None:
        rows = [
            (self._id(each["id"]), str(each["batch"]), short(each["challenger"]), f"{each['lo']:,} to {each['hi']:,}",
             str(each["rounds"]),
             f"[yellow]{each['mover']}: {each['stage']}[/]" if each["mover"] else coloured(each["status"]),
             span(each["clocks"][each["mover"]]) if each["mover"] else "",
             f"{each['forecast']['winner']} wins" if each["forecast"] else "")
            for each in games
        ]  # fmt: skip
        self._print(title, ("game", "batch>", "?challenger", "steps>", "?rounds>", "move", "time left>", "forecast"), rows)

    def money(self, money: Mapping[str, Any]) -> None:
        rows = [
            (each["address"] if self._wide else short(each["address"]), each["role"], ether(each["balance"]),
             ether(each["credit"]))
            for each in money["accounts"]
        ]  # fmt: skip
        rows.append(("Rollup", "bonds and credits", ether(money["rollup_balance"]), ""))
        self._print("money on L1", ("account", "seen as", "balance>", "credit in the Rollup>"), rows)


def ending(assertion: Mapping[str, Any], now: int) -> str:
    """How long an assertion's window still is, or how it ended."""
    if assertion["status"] == "pending":
        left = assertion["window_ends"] - now
        return f"{span(left)} left" if left > 0 else "[green]over: can be confirmed[/]"
    if assertion["status"] == "killed":
        return f"[red]{assertion['killed']['reason']}[/]"
    return ago(assertion["confirmed_at"], now) if assertion["confirmed_at"] else ""


def verdict_of(assertion: Mapping[str, Any]) -> str:
    """Whether it is what was derived here."""
    return {"right": "[green]right[/]", "wrong": "[red]wrong[/]"}.get(assertion["forecast"] or "", "[dim]not derived here[/]")
