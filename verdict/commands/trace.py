"""`verdict trace`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from verdict.commands.options import DEFAULT_CONFIG, ConfigOption, JsonOption, L2Option
from verdict.commands.status import shown


def trace(
    transaction: Annotated[str, typer.Argument(metavar="[TX]", help="The hash of an L2 transaction.")] = "",
    batch: Annotated[int | None, typer.Option("--batch", min=0, help="Instead of a transaction: the batch.")] = None,
    step: Annotated[int | None, typer.Option("--step", min=0, help="And the step in it, from 0.")] = None,
    opcodes: Annotated[bool, typer.Option("--opcodes", help="Also the instructions that the transaction executed.")] = False,
    limit: Annotated[int, typer.Option("--limit", min=1, max=1_000_000, help="How many instructions at most.")] = 200,
    search: Annotated[int, typer.Option(
        "--search", min=0, help="Batches to look through, from the newest, for a transaction that no block has.")] = 64,
    calldata: Annotated[Path | None, typer.Option(
        "--calldata", metavar="FILE", help="Write the calldata of the call of EXECUTE there, as 0x hex.")] = None,
    config: ConfigOption = DEFAULT_CONFIG,
    l2_rpc: L2Option = "",
    as_json: JsonOption = False,
) -> None:
    """Show what a step of the rollup did: a transaction's, also one that was rejected, or any other's by its place.

    Where it lies on L1, the commitments before and after, receipt or why it was rejected, what it changed, how large its
    witness is, and what EXECUTE would be called with. It reads what a daemon of this data directory has derived, also while
    that runs; else it derives the batches from L1 itself.

        verdict trace 0x5c50...

        verdict trace 0x5c50... --opcodes --limit 1000

        verdict trace --batch 7 --step 0 --json | jq .execute
    """
    from verdict.config import load_config
    from verdict.viewing.source import run, sight
    from verdict.viewing.step import print_step, step_json
    from view.rendering import unhexed

    hash_ = unhexed(transaction) if transaction else None
    if transaction and hash_ is None:
        raise typer.BadParameter(f"{transaction} is not the hash of a transaction: 0x and 64 hex digits")
    if (hash_ is None) == (batch is None or step is None) or (hash_ is not None and (batch, step) != (None, None)):
        raise typer.BadParameter("name a transaction, or a step by --batch and --step")
    loaded = load_config(config)

    async def read() -> Any:
        from verdict.viewing.finding import trace_place, trace_transaction

        most = limit if opcodes else 0
        async with sight(loaded, l2_rpc or None) as seen:
            if hash_ is not None:
                return await trace_transaction(seen, hash_, most, search, _say)
            assert batch is not None and step is not None
            return await trace_place(seen, batch, step, most, _say)

    found = run(read())
    if calldata is not None:
        calldata.write_text("0x" + found.trace.calldata.hex() + "\n")
    shown(step_json(found), as_json, print_step)


def _say(text: str) -> None:
    typer.echo(text, err=True)
