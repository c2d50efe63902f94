"""`verdict scenario`: adversarial scenarios, ours and anybody's."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from tests.adversarial.kit.run import Result
    from tests.adversarial.kit.scenario import Scenario

app = typer.Typer(no_args_is_help=True, help="Adversarial scenarios: list them, run them, look at what a run left.")

FileOption = Annotated[
    list[Path] | None,
    typer.Option("--file", "-f", help="A Python file with more scenarios (tests/adversarial/README.md). Repeatable."),
]


@app.command("list")
def list_scenarios(
    file: FileOption = None,
    group: Annotated[str | None, typer.Option("--group", "-g", help="Only these: claims, players, ...")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON array.")] = False,
) -> None:
    """All scenarios, with what each promises."""
    import json

    from rich.console import Console
    from rich.table import Table

    found = [each for each in _scenarios(file).values() if group in (None, each.group)]
    if as_json:
        print(json.dumps([{"name": each.name, "group": each.group, "promise": each.promise, "slow": each.slow,
                           "timeout": each.timeout} for each in found], indent=2))
        return
    table = Table(box=None, pad_edge=False)
    for title in ("group", "scenario", "promise"):
        table.add_column(title, no_wrap=title != "promise")
    for each in sorted(found, key=lambda one: one.group):
        table.add_row(f"[dim]{each.group}[/dim]", each.name, each.promise + (" [dim](slow)[/dim]" if each.slow else ""))
    console = Console(highlight=False)
    console.print(table)
    console.print(f"\n{len(found)} scenarios. Run one: [bold]verdict scenario run {found[0].name if found else 'NAME'}[/bold]")


@app.command()
def run(
    names: Annotated[list[str] | None, typer.Argument(help="Names of scenarios.")] = None,
    seed: Annotated[int, typer.Option("--seed", help="What the attack leaves to chance comes from it.")] = 0,
    seeds: Annotated[int, typer.Option("--seeds", min=1, help="How many seeds, from --seed on.")] = 1,
    keep: Annotated[bool, typer.Option("--keep", help="Keep the run's files also if the promise is kept.")] = False,
    directory: Annotated[Path | None, typer.Option("--dir", help="For the runs' files; default: a temporary one.")] = None,
    file: FileOption = None,
    group: Annotated[str | None, typer.Option("--group", "-g", help="All of that group.")] = None,
    every: Annotated[bool, typer.Option("--all", help="All of them.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="One line a scenario.")] = False,
) -> None:
    """Run scenarios, each on a network of its own, with everything real, and tell what happens as it happens.

    What the attacker leaves to chance (which step, which lie, in which order, when) is decided by the seed. Networks and daemons
    keep their own time, so two runs of a seed make the same attack, not the same microseconds.

        verdict scenario run a-random-lie --seed 7

        verdict scenario run --group l1 --quiet

    If a promise is broken the run's files stay: the whole L1, logs, EXECUTE's traces, the timeline. Exit code 1.
    """
    import asyncio
    import sys
    import tempfile

    from rich.console import Console

    known = _scenarios(file)
    chosen = [each for each in known.values() if every or (group is not None and each.group == group)]
    for name in names or []:
        if name not in known:
            raise typer.BadParameter(f"there is no scenario {name!r}; see `verdict scenario list`")
        chosen.append(known[name])
    if not chosen:
        raise typer.BadParameter("name a scenario, or give --group or --all; see `verdict scenario list`")
    console = Console(highlight=False, soft_wrap=True)
    place = directory or Path(tempfile.mkdtemp(prefix="verdict-scenario-"))
    try:
        results = asyncio.run(_run(console, chosen, range(seed, seed + seeds), place, keep, quiet))
    except KeyboardInterrupt:
        console.print(f"\nstopped; files: {place}")
        sys.exit(130)
    broken = [each for each in results if not each.kept]
    if len(results) > 1:
        console.print(f"\n{len(results) - len(broken)} of {len(results)} promises kept")
    if keep or broken:
        console.print(f"files: {place}")
    elif directory is None:
        place.rmdir()
    sys.exit(1 if broken else 0)


@app.command()
def replay(directory: Annotated[Path, typer.Argument(help="What `run` left of a scenario.")]) -> None:
    """Bring the L1 of a run up again, as it stood, to look at.

    Its timeline is printed; then `verdict status`, `cast` and any daemon can talk to that L1 until Ctrl-C.
    """
    import asyncio
    import contextlib

    from rich.console import Console

    from tests.adversarial.kit.replay import NoRecord, recorded, standing_l1

    console = Console(highlight=False, soft_wrap=True)
    try:
        record, config = recorded(directory)
    except NoRecord as error:
        raise typer.BadParameter(str(error)) from None

    async def stand() -> None:
        async with standing_l1(directory, config) as l1:
            head = l1.node.head()
            console.print(f"L1 stands at block {head.number}: {l1.rpc_url}, beacon API {l1.beacon_url}")
            console.print(f"  verdict status --config {directory}/net.toml")
            console.print(f"  verdict execute {directory}/traces/*.json")
            await l1.wait()

    console.print((directory / "timeline.txt").read_text(), markup=False)
    kept = "[green]kept[/green]" if record["kept"] else "[red]broken[/red]"
    console.print(f"{record['scenario']}, seed {record['seed']}, commit {record['commit']}: promise {kept}")
    if record["error"]:
        console.print(record["error"], markup=False)
    with contextlib.suppress(KeyboardInterrupt, asyncio.CancelledError):
        asyncio.run(stand())


def _scenarios(files: list[Path] | None) -> dict[str, Scenario]:
    try:
        from tests.adversarial.kit.scenario import DuplicateScenario, ScenarioNotFound, all_scenarios
    except ModuleNotFoundError as error:
        raise typer.BadParameter(
            f"scenarios are part of the repository, not of an installed package ({error.name} is missing): "
            "clone it and run `make install`") from None
    try:
        return all_scenarios(files or ())
    except (DuplicateScenario, ScenarioNotFound) as error:
        raise typer.BadParameter(str(error)) from None


async def _run(console: Console, chosen: list[Scenario], seeds: range, place: Path, keep: bool, quiet: bool) -> list[Result]:
    import shutil
    import time

    from rich.markup import escape

    from tests.adversarial.kit.run import run_scenario

    results = []
    for each in chosen:
        for seed in seeds:
            started = time.monotonic()

            def tell(who: str, text: str, started: float = started) -> None:
                if not quiet:
                    console.print(f"[dim]{time.monotonic() - started:6.1f}s[/dim]  [bold]{escape(who):11}[/bold] {escape(text)}")

            if not quiet:
                console.rule(f"[bold]{each.name}[/bold] [dim]seed {seed}[/dim]", align="left", style="dim")
                console.print(escape(each.promise))
            result = await run_scenario(each, seed, place / f"{each.name}-{seed}", tell)
            results.append(result)
            word = "[green]kept[/green]  " if result.kept else "[bold red]broken[/bold red]"
            console.print(f"{word} {each.name} [dim]seed {seed}, {result.seconds:.1f} s[/dim]")
            if result.error is not None:
                message = f"{type(result.error).__name__}: {result.error}"
                console.print(f"       {escape(message)}\n       [bold]verdict scenario replay {result.directory}[/bold]")
            elif not keep:
                shutil.rmtree(result.directory)
    return results
