"""`verdict execute`."""

from __future__ import annotations

import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

STANDARD_INPUT = Path("-")


def _readable(files: list[Path] | None) -> list[Path]:
    """All of them before the first line is judged. A pipe will do."""
    for path in files or []:
        if path != STANDARD_INPUT and (path.is_dir() or not os.access(path, os.R_OK)):
            raise typer.BadParameter(f"can't read {path}")
    return files or [STANDARD_INPUT]


class EngineName(StrEnum):
    py_evm = "py-evm"
    eels = "eels"


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
    engine: Annotated[
        EngineName,
        typer.Option(help="Who judges. py-evm is the fastest; eels is Ethereum's executable specification."),
    ] = EngineName.py_evm,
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
    from verdict.execute_verdicts import InProcess, verdict_line

    minimal = witness is WitnessRule.minimal
    if minimal and engine is not EngineName.py_evm:
        raise typer.BadParameter(f"{engine.value} takes full witnesses only", param_hint="--witness")
    judge = InProcess(engine.value, minimal_witness=minimal, gas_used=gas_used)
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
    raise typer.Exit(0 if all_true else 1)
