"""`verdict games`, `verdict game`, `verdict assertions`, `verdict assertion`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from verdict.commands.options import DEFAULT_CONFIG, ConfigOption, JsonOption
from verdict.commands.status import shown

if TYPE_CHECKING:
    from rich.console import Console

    from view.rollup_view import RollupView

LimitOption = Annotated[int, typer.Option("--limit", "-n", min=1, max=1000, help="The newest so many.")]
IdArgument = Annotated[str, typer.Argument(metavar="ID", help="Its id, or the beginning of it.")]


def games(
    config: ConfigOption = DEFAULT_CONFIG,
    only_open: Annotated[bool, typer.Option("--open", help="Only those that aren't over.")] = False,
    limit: LimitOption = 20,
    as_json: JsonOption = False,
) -> None:
    """List the games: about which steps, how far they have narrowed, whose move it is, who will win.

    The forecast needs a daemon's data directory on this machine: what it derived says which claims are right.

        verdict games --open

        verdict games --json | jq '.[] | select(.mover == "challenger")'
    """
    from verdict.config import load_config
    from verdict.viewing.source import run, sight
    from verdict.viewing.tables import Tables

    loaded = load_config(config)

    async def read() -> Sequence[Mapping[str, Any]]:
        async with sight(loaded) as seen:
            return await seen.view.games(limit, only_open=only_open)

    def tell(found: Sequence[Mapping[str, Any]], console: Console) -> None:
        if not found:
            console.print("no game is open" if only_open else "there was no game yet")
            return
        Tables(console, 0).games(found, "games that are open" if only_open else "games")
        for each in found:
            if each["forecast"]:
                console.print(f"{each['id'][:10]}: the {each['forecast']['winner']} wins: {each['forecast']['why']}")

    shown(run(read()), as_json, tell)


def game(id: IdArgument, config: ConfigOption = DEFAULT_CONFIG, as_json: JsonOption = False) -> None:
    """Show a game: its moves and how each narrowed it, clocks, whose move it is, who will win, and the call of EXECUTE that
    settled it.

        verdict game 0x3fa9

        verdict game 0x3fa9 --json | jq '.moves[-1]'
    """
    from verdict.config import load_config
    from verdict.viewing.details import print_game
    from verdict.viewing.source import run, sight

    loaded = load_config(config)

    async def read() -> tuple[Mapping[str, Any], int]:
        async with sight(loaded) as seen:
            found = await seen.view.game(id)
            if found is None:
                raise _unknown(seen.view, "game", id)
            return found, await _now(seen.view)

    found, now = run(read())
    shown(found, as_json, lambda each, console: print_game(console, each, now))


def assertions(
    config: ConfigOption = DEFAULT_CONFIG,
    pending: Annotated[bool, typer.Option("--pending", help="Only those that aren't over.")] = False,
    limit: LimitOption = 20,
    as_json: JsonOption = False,
) -> None:
    """List the assertions: of which batch, what became of them, how long their window still is, whether they are right.

    Whether one is right is said where a daemon of this machine has derived the batch.

        verdict assertions --pending

        verdict assertions --json | jq '.[] | select(.forecast == "wrong")'
    """
    from verdict.config import load_config
    from verdict.viewing.source import run, sight
    from verdict.viewing.tables import Tables

    loaded = load_config(config)

    async def read() -> tuple[Sequence[Mapping[str, Any]], int]:
        async with sight(loaded) as seen:
            return await seen.view.assertions(limit, only_pending=pending), await _now(seen.view)

    def tell(found: Sequence[Mapping[str, Any]], console: Console) -> None:
        if not found:
            console.print("no assertion is pending" if pending else "there was no assertion yet")
            return
        Tables(console, now).assertions(found, "assertions that are pending" if pending else "assertions")

    found, now = run(read())
    shown(found, as_json, tell)


def assertion(id: IdArgument, config: ConfigOption = DEFAULT_CONFIG, as_json: JsonOption = False) -> None:
    """Show an assertion: what it says, whether that is right, its window, its games, and what ended it.

        verdict assertion 0x8c41

        verdict assertion 0x8c41 --json | jq .killed
    """
    from verdict.config import load_config
    from verdict.viewing.details import print_assertion
    from verdict.viewing.source import run, sight

    loaded = load_config(config)

    async def read() -> tuple[Mapping[str, Any], Sequence[Mapping[str, Any]], int]:
        async with sight(loaded) as seen:
            found = await seen.view.assertion(id)
            if found is None:
                raise _unknown(seen.view, "assertion", id)
            about = [await seen.view.game(each) for each in found["games"][-20:]]
            return found, [each for each in about if each is not None], await _now(seen.view)

    found, about, now = run(read())
    shown(found, as_json, lambda each, console: print_assertion(console, each, about, now))


async def _now(view: RollupView) -> int:
    """L1's time."""
    return (await view.overview(1))["time"]


def _unknown(view: RollupView, kind: str, start: str) -> Exception:
    from verdict.errors import NotKnown

    found = view.matching(kind, start)
    if not found:
        return NotKnown(f"no {kind} of this rollup begins with {start}; `verdict {kind}s` lists them")
    return NotKnown(f"{len(found)} {kind}s begin with {start}: {', '.join(found[:8])}{', ...' if len(found) > 8 else ''}")
