"""`verdict burned-fees`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from verdict.commands.options import DEFAULT_CONFIG, ConfigOption, JsonOption, L2Option

if TYPE_CHECKING:
    from verdict.wallet.session import Session


def burned_fees(
    batch: Annotated[int, typer.Option(
        "--batch", min=-1, help="Only up to this confirmed batch; default: the latest.")] = -1,
    status: Annotated[bool, typer.Option("--status", help="Only say how far it is, and send nothing.")] = False,
    config: ConfigOption = DEFAULT_CONFIG,
    l2_rpc: L2Option = "",
    as_json: JsonOption = False,
) -> None:
    """Credit on L1 what L2's base fees burned: the Portal pays it out of the escrow to rollup.burned_fees_to.

        verdict burned-fees

        verdict burned-fees --status

    Anyone may call it. It sends the headers of L2's blocks between the last one credited and the last one confirmed, in as
    many transactions as they need, about 29,000 gas a block; nothing is paid before the last of them, and what was sent
    counts when it is run again. If the escrow has less than was burned, an earlier --batch may do. Needs VERDICT_USER_KEY.
    """
    from bridge.burned_fees import confirmed_assertion, credit_calls, headers_of, read_credited
    from verdict.wallet.session import run

    async def main(session: Session) -> None:
        report, portal, rollup = session.report, session.portal, session.rollup
        before = await read_credited(portal)
        report.line("credited", f"up to L2 block {before.number:,}, to 0x{before.to.hex()}", to=before.to, credited=before.number)
        if status:
            return
        assertion = await confirmed_assertion(rollup, batch if batch >= 0 else None)
        burned = 0
        async for call in credit_calls(portal, rollup, assertion, headers_of(session.node)):
            await session.on_l1(f"blocks {call.first} to {call.last}", portal.address, call.data)
            burned += call.burned
        after = await read_credited(portal)
        if after.number == before.number:
            report.line("nothing", "is to be credited: all confirmed blocks are", burned=0)
            return
        report.line("burned", f"{session.currency.show(burned)} in the blocks sent now; credited up to L2 block {after.number:,}",
                    burned=burned, credited=after.number)

    run(config, l2_rpc, as_json, main, key=not status, l2=not status, goes_on="What was sent counts when it is run again.")
