"""What an event of Inbox or Rollup says, in one line."""

from __future__ import annotations

from challenger.chronicle import Told
from challenger.claims import GENESIS_ID
from l1.events import (
    AssertionConfirmed,
    AssertionKilled,
    AssertionMade,
    BatchPosted,
    GameEnded,
    GameOpened,
    Picked,
    SegmentSettled,
    Split,
    StepProved,
)
from verdict.viewing.format import ether, plural, price, short
from view.composer import REASONS, STATUS
from view.rendering import address, hexed

COLOURS = {
    BatchPosted: "", AssertionMade: "cyan", AssertionConfirmed: "green", AssertionKilled: "bold red",
    StepProved: "bold magenta", SegmentSettled: "green", GameOpened: "yellow", Split: "", Picked: "", GameEnded: "yellow",
}  # fmt: skip


def line(told: Told) -> str:
    """Without markup, time and block."""
    event = told.event
    match event:
        case BatchPosted(index, _, poster, header):
            data = "calldata" if header.in_calldata else plural(len(header.blob_hashes), "blob")
            taken = [plural(count, what) for count, what in (
                (header.deposit_end - header.deposit_start, "deposit"),
                (header.forced_end - header.forced_start, "forced transaction")) if count]
            contents = [f"{plural(header.chunk_count, 'chunk')} in {data}", *taken]
            return f"batch {index} by {_who(poster)}: {', '.join(contents)}"
        case AssertionMade(id=made) if event.settled:
            return (f"assertion {_short(made)} settled: {plural(event.steps, 'step')} proved, state root "
                    f"{_short(event.state_root)}")
        case AssertionMade(id=made):
            return (f"assertion {_short(made)} by {_who(event.asserter)}: {plural(event.steps, 'step')} lead to "
                    f"{_short(event.state_root)}")
        case AssertionConfirmed(confirmed, state_root, _) if confirmed == GENESIS_ID:
            return f"the rollup begins, with state root {_short(state_root)}"
        case AssertionConfirmed(confirmed, state_root, _):
            return f"assertion {_short(confirmed)} confirmed: state root {_short(state_root)} counts on L1"
        case AssertionKilled(killed, by, reason, paid, burned):
            return (f"assertion {_short(killed)} killed by {_who(by)} ({REASONS[reason]}): {ether(paid)} paid, "
                    f"{ether(burned)} burned")
        case StepProved(_, step, claimed, proved, gas_used, fee):
            return (f"step {step}: {_short(claimed)} claimed, EXECUTE says {_short(proved)} ({gas_used:,} L2 gas for "
                    f"{price(fee)})")
        case SegmentSettled(_, settler, steps, _, gas_used, fee):
            return f"{plural(steps, 'step')} settled by {_who(settler)} ({gas_used:,} L2 gas for {price(fee)})"
        case GameOpened(game, about, challenger, lo, hi):
            return f"game {_short(game)} opened by {_who(challenger)}: steps {lo} to {hi} of assertion {_short(about)}"
        case Split(game, lo, hi, commitments):
            return f"game {_short(game)}: steps {lo} to {hi} split, {plural(len(commitments), 'commitment')} in between"
        case Picked(game, lo, hi):
            left = "the disputed step" if hi - lo == 1 else plural(hi - lo, "step")
            return f"game {_short(game)}: the error is in steps {lo} to {hi}, {left}"
        case GameEnded(game, status):
            return f"game {_short(game)} over: {STATUS[status]}"  # type: ignore[index]
    return type(event).__name__


def name(told: Told) -> str:
    return type(told.event).__name__


def _short(value: bytes) -> str:
    return short(hexed(value))


def _who(who: bytes) -> str:
    return short(address(who))
