"""`verdict execute`."""

from __future__ import annotations

import os
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from verdict.execute_verdicts import Judge

STANDARD_INPUT = Path("-")
DEFAULT_TIME_LIMIT = 60.0  # seconds
MEMORY_LIMIT = 4 << 30  # bytes, of each engine's process


def _readable(files: list[Path] | None) -> list[Path]:
    """All of them before the first line is judged. A pipe will do."""
    for path in files or []:
        if path != STANDARD_INPUT and (path.is_dir() or not os.access(path, os.R_OK)):
            raise typer.BadParameter(f"can't read {path}")
    return files or [STANDARD_INPUT]


class WitnessRule(StrEnum):
    full = "full"
    minimal = "minimal"


def execute(
    files: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[FILES]...",
            callback=_readable,
            help="Lines of JSON, or one segment's abi.encode(Trace), binary or hex. None or -: standard input.",
        ),
    ] = None,
    engines: Annotated[
        str,
        typer.Option(
            "--engine",
            "--engines",
            metavar="NAMES",
            help="Who judges: py-evm, eels, ethereumjs, or several of them with commas between. A name with ? behind it "
            "takes part where it is installed.",
        ),
    ] = "py-evm",
    threshold: Annotated[
        int | None,
        typer.Option(min=1, help="How many engines must agree; without this, more than half of them."),
    ] = None,
    time_limit: Annotated[
        float | None,
        typer.Option(
            min=0.001,
            metavar="SECONDS",
            help="What a verdict may take an engine. py-evm or eels alone has no limit without this; several have 60 s.",
        ),
    ] = None,
    witness: Annotated[
        WitnessRule,
        typer.Option(
            help="What a witness must hold. full: as L1's EXECUTE asks, so the code of every account that is read, and "
            "the siblings that deleting first needs. minimal: as geth and reth record one, no weaker a proof."
        ),
    ] = WitnessRule.full,
    gas_used: Annotated[
        int | None,
        typer.Option(
            min=0, help="What a segment without JSON around it must use; without this, whatever it uses."
        ),
    ] = None,
) -> None:
    """Judge blocks and segments as L1's EXECUTE would: one verdict a line, in order; exit 1 if any is not true.

    A line is a whole Prague block with a witness of its parent's state, as debug_executionWitness prints it,

        {"preStateRoot", "postStateRoot", "gasUsed", "chainId", "fork": "Prague", "block": RLP,
         "witness": {"state": [], "codes": [], "headers": []}}

    or a segment of a rollup, as an alarm of the L1 node keeps it: {"preStateRoot", "postStateRoot", "gasUsed", "trace"}.
    A verdict is {"result", "gasUsed", "engine", "reason"}. A bad line is false and says why; blank ones are skipped.

        verdict execute blocks.jsonl | jq -r 'select(.result | not).reason'

    docs/execute.md has the format, and how to get such lines from geth and reth.
    """
    import sys

    from verdict.execute_lines import read_lines
    from verdict.execute_verdicts import verdict_line

    judge = _judge(engines, threshold, time_limit, witness, gas_used)
    all_true = True
    try:
        for path in files or [STANDARD_INPUT]:
            with sys.stdin.buffer if path == STANDARD_INPUT else path.open("rb") as stream:
                for line in read_lines(stream):
                    answer = judge.line(line)
                    all_true &= answer.result
                    sys.stdout.write(verdict_line(answer))
                    sys.stdout.flush()
    except KeyboardInterrupt:
        raise typer.Exit(130) from None
    finally:
        judge.close()
    raise typer.Exit(0 if all_true else 1)


def _judge(
    names: str, threshold: int | None, time_limit: float | None, witness: WitnessRule, gas_used: int | None
) -> Judge:
    from engines.quorum import majority
    from engines.registry import EngineUnavailable, select
    from verdict.execute_verdicts import IN_PROCESS, InProcess, InProcesses
    from verdict.logging import configure_logging

    configure_logging(level="error")

    try:
        specs, _ = select([name.strip() for name in names.split(",")])
    except EngineUnavailable as error:
        raise typer.BadParameter(str(error), param_hint="--engine") from None
    minimal = witness is WitnessRule.minimal
    alone = [spec.name for spec in specs]
    if len(alone) == 1 and alone[0] in IN_PROCESS and time_limit is None and threshold in (None, 1):
        if minimal and alone != ["py-evm"]:
            raise typer.BadParameter("only py-evm takes minimal witnesses", param_hint="--witness")
        return InProcess(alone[0], minimal_witness=minimal, gas_used=gas_used)
    if minimal:
        raise typer.BadParameter(
            "only py-evm alone, without a time limit, takes minimal witnesses", param_hint="--witness"
        )
    try:
        return InProcesses(
            specs,
            threshold or majority(len(specs)),
            time_limit=time_limit or DEFAULT_TIME_LIMIT,
            memory_limit=MEMORY_LIMIT,
            gas_used=gas_used,
        )
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--threshold") from None
