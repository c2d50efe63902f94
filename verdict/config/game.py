"""How long a game can take: what a configuration's clock and window must allow (docs/protocol.md, section 6)."""

from __future__ import annotations

from dataclasses import dataclass

MAX_STEPS_PER_BATCH = 1 + 16 + 6 * 64 * 63 + 1
"""Block start, forced transactions, the items of 64 chunks in 6 blobs, batch end."""

BLOCKS_PER_MOVE = 3
"""L1 blocks that one move of a game may take: to see the other's move, to be included, one to spare."""

BLOCKS_TO_CHALLENGE = 10
"""L1 blocks between an assertion and the first move against it: to fetch blobs, derive, re-execute, be included."""


@dataclass(frozen=True, slots=True)
class GameBudget:
    """What the longest game needs. Times in seconds."""

    rounds: int
    moves: int  # of the side that has more of them: the challenger's picks and its proof
    clock: float
    window: float  # with the configured clock; the contract wants more than two clocks even if there are no games


def rounds_needed(interval: int, arity: int) -> int:
    """Splits until one step is left of `interval` steps."""
    rounds = 0
    while interval > 1:
        parts = min(arity, interval)
        interval = -(-interval // parts)
        rounds += 1
    return rounds


def game_budget(stride: int, arity: int, clock: float, l1_block_time: float) -> GameBudget:
    """What a game over an interval of `stride` steps (0: a whole batch) needs at least."""
    interval = MAX_STEPS_PER_BATCH if stride == 0 else min(stride, MAX_STEPS_PER_BATCH)
    rounds = rounds_needed(interval, arity)
    moves = rounds + 1 if rounds else 0
    to_challenge = BLOCKS_TO_CHALLENGE * l1_block_time
    return GameBudget(
        rounds=rounds,
        moves=moves,
        clock=moves * BLOCKS_PER_MOVE * l1_block_time,
        window=2 * clock + to_challenge if rounds else max(2 * clock + 1, to_challenge),
    )
