"""`verdict settle`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from verdict.commands.options import DEFAULT_CONFIG, ConfigOption, JsonOption

if TYPE_CHECKING:
    from verdict.wallet.session import Session


def settle(
    batch: Annotated[
        int | None,
        typer.Argument(metavar="[BATCH]", min=0, show_default=False,
                       help="Number of a batch: all up to it are settled. Default: the next one that is not confirmed."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what it would cost.")] = False,
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
) -> None:
    """Have L1 confirm a batch now, by EXECUTE over its steps, without bond and window. Anyone may. Needs VERDICT_USER_KEY.

        verdict settle

        verdict settle 7 --dry-run

    It derives L2 from L1 by itself. Stopped or killed, it goes on where L1 says that the batch is settled to; what others settle
    meanwhile is not paid for twice.
    """
    from verdict.wallet import settling
    from verdict.wallet.session import run

    async def main(session: Session) -> None:
        await settling.settle(session, batch, dry_run)

    run(config, "", as_json, main, l2=False, goes_on="Go on with: verdict settle")
