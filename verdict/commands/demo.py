"""`verdict demo`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def demo(
    keep: Annotated[bool, typer.Option("--keep", help="Leave the network up afterwards, until Ctrl-C.")] = False,
    directory: Annotated[
        Path | None, typer.Option("--dir", help="For its files; default: a new temporary directory.")
    ] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Let windows pass instead of moving L1's clock ahead.")] = False,
    stride: Annotated[int, typer.Option("--stride", help="Steps between checkpoints; 1: no rounds.")] = 16,
    arity: Annotated[int, typer.Option("--arity", help="Parts into which a round splits an interval.")] = 2,
) -> None:
    """A whole rollup in two minutes: a wrong assertion dies by one transaction and one EXECUTE call.

    Starts an embedded L1, deploys, starts a sequencer and a challenger as processes of their own, sends L2
    transactions, has an honest assertion confirmed; then somebody asserts a false result. Everything is real: separate
    daemons over real sockets, blobs with KZG proofs, stateless re-execution by the L1's precompile.

        verdict demo

        verdict demo --stride 1

        verdict demo --keep

    Exit code 0 only if the lie died, the honest assertion was confirmed, and the L2 state confirmed on L1 is the
    sequencer's.
    """
    import sys

    from verdict.demo.show import run_demo

    sys.exit(run_demo(keep=keep, directory=directory, stride=stride, arity=arity, wait=wait))
