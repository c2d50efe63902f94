"""What the solver looks at: an assertion, its relatives and games as L1 has them. Values only."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Protocol

from challenger.game import Game, Status

GENESIS_ID = b"\x00" * 32


class AssertionStatus(IntEnum):
    """As in IRollup.sol."""

    NONE = 0
    PENDING = 1
    CONFIRMED = 2
    KILLED = 3


class Trace(Protocol):
    """What the steps of one batch really lead to, from the parent's final state on: the node's own answer."""

    @property
    def steps(self) -> int:
        """How many there are."""
        ...

    def commitment(self, step: int) -> bytes:
        """The commitment after `step` steps, 0 <= step <= steps; 31 bytes."""
        ...


@dataclass(frozen=True, slots=True)
class Unknown:
    """Not "wrong": it can't be told yet. `alarm`: an operator should look at it."""

    reason: str
    alarm: bool = False


@dataclass(frozen=True, slots=True)
class Assertion:
    """`created_at` is an L1 timestamp; `steps` is N; `checkpoint_blobs` versioned hashes."""

    id: bytes
    parent_id: bytes
    batch_hash: bytes
    batch_index: int
    steps: int
    commitment: bytes  # of the final StepState
    state_root: bytes
    block_hash: bytes
    checkpoint_blobs: tuple[bytes, ...]
    asserter: bytes
    created_at: int
    open_games: int
    status: AssertionStatus


@dataclass(frozen=True, slots=True)
class Kin:
    """What decides an assertion's fate besides itself: its parent, and a confirmed child of the same parent."""

    parent_status: AssertionStatus
    confirmed_rival: bytes | None = None  # assertion id


@dataclass(frozen=True, slots=True)
class GameRecord:
    """A game on L1. `id` is keccak256(abi.encode(assertionId, challenger, j))."""

    id: bytes
    assertion_id: bytes
    challenger: bytes
    game: Game
    reclaimed: bool = False

    @property
    def status(self) -> Status:
        return self.game.status
