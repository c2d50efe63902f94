"""The screen of `verdict watch`: so many lines as fit, the most urgent ones first. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Group
from rich.markup import escape
from rich.text import Text

from verdict.viewing.format import NOBODY, bar, plural, price, short, span

LEAST_EVENTS = 3
"""Lines."""


def screen(found: Mapping[str, Any] | None, events: Sequence[str], problem: str, width: int, height: int) -> Group:
    """`events`: marked up, the newest last. `problem`: why L1 or L2 can't be read; empty: nothing is wrong."""
    lines = [_line(f"[bold red]{escape(problem)}[/]", width)] if problem else []
    if found is None:
        return Group(*(lines or [_line("reading L1 ...", width)]))
    lines += [_line(each, width) for each in _top(found)]
    left = height - len(lines) - LEAST_EVENTS - 1
    for title, rows in _sections(found, width):
        if left < 2:
            break
        shown = rows[: left - 1]
        if len(rows) > len(shown) >= 1:
            shown = [*shown[:-1], f"[dim]and {len(rows) - len(shown) + 1} more[/]"]
        lines += [_line(f"[bold]{title}[/]", width), *(_line(each, width) for each in shown)]
        left -= 1 + len(shown)
    room = height - len(lines) - 1
    if events and room > 0:
        lines += [_line("[bold]events[/]", width), *(_line(each, width) for each in events[-room:])]
    return Group(*lines)


def _line(markup: str, width: int) -> Text:
    text = Text.from_markup(markup)
    text.truncate(width, overflow="ellipsis")
    text.no_wrap = True
    return text


def _top(found: Mapping[str, Any]) -> list[str]:
    l1, now = found["l1"], found["time"]
    final = f", final {l1['finalized']:,}" if l1["finalized"] is not None else ""
    reorgs = f", {plural(l1['reorgs'], 'reorg')} (last {l1['last_reorg_depth']} deep)" if l1["reorgs"] else ""
    execute = l1["execute"]
    heads = [f"{name} {head['number']:,}" for name, head in found["l2"].items() if head]
    unsafe, safe = found["l2"]["unsafe"], found["l2"]["safe"]
    lag = f"; {plural(unsafe['number'] - safe['number'], 'block')} not on L1 yet" if unsafe and safe else ""
    age = f", head {span(max(0, now - unsafe['timestamp']))} old" if unsafe and unsafe["number"] else ""
    return [
        (f"[bold]{escape(found['name'])}[/]  L1 #{l1['block']:,}{final}{reorgs}  [dim]base fee {price(l1['base_fee'])}, EXECUTE "
         f"{price(execute['gas_price'])}, {execute['gas_left'] / 1e6:,.0f}M gas left[/]"),
        "L2  " + (", ".join(heads) + lag + age if heads else "[dim]no node answers[/]"),
    ]


def _sections(found: Mapping[str, Any], width: int) -> list[tuple[str, list[str]]]:
    """Games first, they have clocks; then assertions, then batches."""
    now = found["time"]
    games = [each for each in found["games"] if each["status"] == "open"]
    games.sort(key=lambda each: each["deadline"])
    pending = [each for each in found["assertions"] if each["status"] == "pending"]
    sections = []
    if found["game_count"]:
        title = f"games: {found['open_game_count']:,} open of {found['game_count']:,}"
        sections.append((title, [_game(each, width, now) for each in games]))
    if found["assertion_count"]:
        title = f"assertions: {found['pending_count']:,} pending of {found['assertion_count']:,}"
        sections.append((title, [_assertion(each, now) for each in pending]))
    if found["batch_count"]:
        title = f"batches: {found['batch_count']:,}"
        sections.append((title, [_batch(each, now) for each in found["batches"][:5]]))
    return sections


def _game(game: Mapping[str, Any], width: int, now: int) -> str:
    left = game["deadline"] - now
    clock = f"{game['mover']} {game['stage']}s, {span(left)} left" if left > 0 else f"[red]{game['mover']} out of time[/]"
    forecast = game["forecast"]
    wins = "" if forecast is None else f"  [bold]{forecast['winner']} wins[/]"
    shape = bar(game["lo"], game["hi"], (game["opened_lo"], game["opened_hi"]), 16) + " " if width >= 100 else ""
    return f"{short(game['id'])} {shape}[yellow]{game['lo']:,}-{game['hi']:,}[/] of #{game['batch']}  {clock}{wins}"


def _assertion(made: Mapping[str, Any], now: int) -> str:
    left = made["window_ends"] - now
    window = f"{span(left)} left" if left > 0 else "[green]window over[/]"
    games = f", {plural(made['open_games'], 'game')}" if made["open_games"] else ""
    verdict = {"right": "  [green]right[/]", "wrong": "  [bold red]wrong[/]"}.get(made["forecast"] or "", "")
    who = "settled" if made["asserter"] == NOBODY else f"by {short(made['asserter'])}"
    return f"{short(made['id'])} batch {made['batch']} {who}, {window}{games}{verdict}"


def _batch(batch: Mapping[str, Any], now: int) -> str:
    data = "calldata" if batch["data"] == "calldata" else plural(batch["blobs"], "blob")
    return (f"#{batch['index']}  L1 #{batch['l1_block']:,}, {span(max(0, now - batch['timestamp']))} ago, {data}, "
            f"{plural(batch['chunks'], 'chunk')}  {batch['status']}")
