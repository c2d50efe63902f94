"""Writes tests/vectors/game.json: what challenger/game.py and the Rollup contract must both say.

`boundaries`: lo, hi, arity -> all boundaries. `intervals`: steps, stride -> [lo, hi] of each checkpoint interval.
`sequences`: a game opened at time 0 of an assertion made at time 0; each move with its time and either the resulting
interval and clocks or the name of the contract's error; `congested`: EXECUTE's congested seconds at each. Commitments are one repeated byte, given as that byte.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from challenger.game import (
    IllegalMove,
    Move,
    Party,
    Pick,
    Prove,
    Rules,
    Split,
    TimeOut,
    boundaries,
    checkpoint_interval,
    interval_count,
    open_game,
    play,
)

LO, HI = 0xAA, 0xBB


@dataclass(frozen=True)
class Sequence:
    """`moves`: [kind, time, by, arguments...]; see `_move`. `congested`: one per move; empty: EXECUTE was never full."""

    name: str
    stride: int
    arity: int
    window: int
    clock: int
    steps: int
    j: int
    moves: list[list[Any]]
    congested: list[int] = field(default_factory=list)


def commitment(byte: int) -> bytes:
    return bytes([byte]) * 31


def _move(entry: list[Any], congestion: int) -> Move:
    kind, at, by, *rest = entry
    party = Party[by.upper()]
    match kind:
        case "split":
            lo, hi, commitments = rest
            return Split(at, party, lo, hi, tuple(map(commitment, commitments)))
        case "pick":
            lo, hi, commitments, segment = rest
            return Pick(at, party, lo, hi, tuple(map(commitment, commitments)), segment, congestion)
        case "prove":
            return Prove(at, party, commitment(rest[0]), congestion)
        case "timeout":
            return TimeOut(at, congestion)
    raise ValueError(kind)


def replay(sequence: Sequence) -> dict[str, Any]:
    rules = Rules(sequence.stride, sequence.arity, sequence.window, sequence.clock)
    game = open_game(rules, created_at=0, now=0, steps=sequence.steps, j=sequence.j,
                     lo_commitment=commitment(LO), hi_commitment=commitment(HI))
    results: list[dict[str, Any]] = []
    congested = sequence.congested or [0] * len(sequence.moves)
    for entry, congestion in zip(sequence.moves, congested, strict=True):
        try:
            game = play(rules, game, _move(entry, congestion))
        except IllegalMove as illegal:
            results.append({"error": illegal.reason})
            continue
        results.append({
            "lo": game.lo, "hi": game.hi, "loCommitment": game.lo_commitment[0], "hiCommitment": game.hi_commitment[0],
            "asserterClock": game.asserter_clock, "challengerClock": game.challenger_clock, "movedAt": game.moved_at,
            "status": int(game.status), "congestion": game.congestion,
        })
    return {**sequence.__dict__, "congested": congested, "results": results}


SEQUENCES = [
    Sequence("bisection to a proof", 8, 2, 1000, 100, 20, 1, [
        ["split", 10, "asserter", 8, 16, [1]], ["pick", 25, "challenger", 8, 16, [1], 1],
        ["split", 26, "asserter", 12, 16, [2]], ["pick", 90, "challenger", 12, 16, [2], 0],
        ["split", 99, "asserter", 12, 14, [3]], ["pick", 100, "challenger", 12, 14, [3], 0],
        ["prove", 110, "challenger", 9]]),
    Sequence("short last interval, arity over its length", 8, 16, 1000, 100, 19, 2, [
        ["split", 0, "asserter", 16, 19, [1]], ["split", 0, "asserter", 16, 19, [1, 2]],
        ["pick", 99, "challenger", 16, 19, [1, 2], 3], ["pick", 99, "challenger", 16, 19, [1, 2], 2],
        ["prove", 100, "challenger", HI], ["prove", 100, "challenger", 9]]),
    Sequence("whole batch by four", 0, 4, 1000, 100, 7, 0, [
        ["split", 5, "asserter", 0, 7, [1, 2, 3]], ["pick", 6, "challenger", 0, 7, [1, 2, 3], 3],
        ["split", 7, "asserter", 5, 7, [4]], ["pick", 8, "challenger", 5, 7, [4], 0],
        ["prove", 9, "challenger", 9]]),
    Sequence("the asserter's clock runs out in the second round", 8, 2, 1000, 100, 8, 0, [
        ["split", 60, "asserter", 0, 8, [1]], ["pick", 70, "challenger", 0, 8, [1], 0],
        ["timeout", 109, "stranger"], ["split", 110, "asserter", 0, 4, [2]], ["timeout", 110, "stranger"],
        ["split", 111, "asserter", 0, 4, [2]]]),
    Sequence("the challenger's clock runs out at the proof", 2, 2, 1000, 100, 2, 0, [
        ["split", 1, "asserter", 0, 2, [1]], ["pick", 51, "challenger", 0, 2, [1], 1],
        ["prove", 101, "challenger", 9], ["timeout", 101, "stranger"]]),
    Sequence("last second", 2, 2, 1000, 100, 2, 0, [
        ["timeout", 99, "stranger"], ["split", 99, "asserter", 0, 2, [1]], ["timeout", 198, "stranger"],
        ["pick", 198, "challenger", 0, 2, [1], 0], ["prove", 199, "challenger", 9], ["timeout", 199, "stranger"]]),
    Sequence("whose move it is", 4, 2, 1000, 100, 4, 0, [
        ["split", 1, "challenger", 0, 4, [1]], ["split", 1, "stranger", 0, 4, [1]], ["pick", 1, "challenger", 0, 4, [1], 0],
        ["prove", 1, "challenger", 9], ["split", 1, "asserter", 0, 3, [1]], ["split", 1, "asserter", 0, 4, [1]],
        ["split", 2, "asserter", 0, 4, [2]], ["pick", 2, "asserter", 0, 4, [1], 0], ["pick", 2, "challenger", 0, 4, [2], 0],
        ["pick", 2, "challenger", 0, 4, [1], 2], ["pick", 2, "challenger", 0, 4, [1], 1]]),
    Sequence("EXECUTE was full: the challenger proves 70 seconds late", 2, 2, 1000, 100, 2, 0, [
        ["split", 1, "asserter", 0, 2, [1]], ["pick", 51, "challenger", 0, 2, [1], 1],
        ["timeout", 101, "stranger"], ["timeout", 170, "stranger"], ["prove", 171, "challenger", 9],
        ["prove", 170, "challenger", 9]],
        [500, 500, 501, 570, 570, 570]),
    Sequence("EXECUTE was full, and the challenger silent", 2, 2, 1000, 100, 2, 0, [
        ["split", 1, "asserter", 0, 2, [1]], ["pick", 51, "challenger", 0, 2, [1], 1],
        ["timeout", 100, "stranger"], ["timeout", 170, "stranger"], ["timeout", 171, "stranger"]],
        [0, 500, 500, 570, 570]),
    Sequence("EXECUTE was full beyond the window", 2, 2, 1000, 100, 2, 0, [
        ["split", 1, "asserter", 0, 2, [1]], ["pick", 51, "challenger", 0, 2, [1], 1],
        ["timeout", 999, "stranger"], ["prove", 1000, "challenger", 9], ["timeout", 1000, "stranger"]],
        [0, 0, 900, 900, 900]),
    Sequence("EXECUTE was full in the last second of the window", 2, 2, 1000, 100, 2, 0, [
        ["split", 1, "asserter", 0, 2, [1]], ["pick", 51, "challenger", 0, 2, [1], 1], ["prove", 999, "challenger", 9]],
        [0, 0, 10**6]),
    Sequence("EXECUTE was full while nobody needed it", 4, 2, 1000, 100, 4, 0, [
        ["split", 1, "asserter", 0, 4, [1]], ["pick", 101, "challenger", 0, 4, [1], 1], ["pick", 51, "challenger", 0, 4, [1], 1],
        ["timeout", 149, "stranger"], ["split", 150, "asserter", 2, 4, [2]], ["split", 90, "asserter", 2, 4, [2]],
        ["timeout", 139, "stranger"], ["pick", 140, "challenger", 2, 4, [2], 1], ["pick", 139, "challenger", 2, 4, [2], 1],
        ["timeout", 140, "stranger"], ["timeout", 141, "stranger"]],
        [0, 100, 100, 200, 200, 200, 300, 300, 300, 301, 301]),
]


def build() -> dict[str, Any]:
    spans = [(lo, length) for lo in (0, 1, 16, 4080) for length in (1, 2, 3, 4, 5, 7, 15, 16, 17, 100, 24210)]
    return {
        "boundaries": [
            {"lo": lo, "hi": lo + length, "arity": arity, "at": list(boundaries(lo, lo + length, arity))}
            for lo, length in spans for arity in (2, 3, 4, 7, 16, 64)
        ],
        "intervals": [
            {"steps": steps, "stride": stride,
             "intervals": [list(checkpoint_interval(steps, stride, j)) for j in range(interval_count(steps, stride))]}
            for steps in (1, 2, 15, 16, 17, 33, 100) for stride in (0, 1, 2, 16, 64)
        ],
        "sequences": [replay(sequence) for sequence in SEQUENCES],
    }


if __name__ == "__main__":
    Path(__file__).with_name("game.json").write_text(json.dumps(build(), indent=None, separators=(",", ":")) + "\n")
