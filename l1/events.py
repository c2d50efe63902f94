"""What the Inbox and the Rollup say in their logs, as values. Field by field as in IInbox.sol and IRollup.sol."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Any, TypeAlias

from l1.artifacts import Artifact, artifact
from l1.batch_header import BatchHeader
from l1.client import L1Log


class KillReason(IntEnum):
    """`reason` of AssertionKilled."""

    STEP_PROOF = 0
    TIMEOUT = 1
    DEAD_PARENT = 2
    RIVAL = 3


class GameStatus(IntEnum):
    NONE = 0
    OPEN = 1
    CHALLENGER_WON = 2
    ASSERTER_WON = 3
    VOID = 4


class AssertionStatus(IntEnum):
    NONE = 0
    PENDING = 1
    CONFIRMED = 2
    KILLED = 3


@dataclass(frozen=True, slots=True)
class BatchPosted:
    index: int
    batch_hash: bytes
    poster: bytes  # 20 bytes
    header: BatchHeader


@dataclass(frozen=True, slots=True)
class CalldataPosted:
    """`data`: the chunks of a batch in calldata, end to end. In the same transaction as its BatchPosted."""

    batch_hash: bytes
    data: bytes


@dataclass(frozen=True, slots=True)
class PagePublished:
    """A page of the dictionary: `data` lies as contract code at `pointer` (20 bytes), without its first byte."""

    pointer: bytes
    data: bytes


@dataclass(frozen=True, slots=True)
class Deposited:
    index: int
    recipient: bytes
    amount_gwei: int


@dataclass(frozen=True, slots=True)
class TransactionForced:
    index: int
    raw_hash: bytes
    raw: bytes


@dataclass(frozen=True, slots=True)
class AssertionMade:
    """A settled one (protocol.md, section 13) has neither asserter nor checkpoints."""

    id: bytes
    parent_id: bytes
    batch_hash: bytes
    asserter: bytes
    steps: int
    commitment: bytes  # 31 bytes, of the final StepState
    state_root: bytes
    block_hash: bytes
    checkpoint_blobs: tuple[bytes, ...]  # versioned hashes

    @property
    def settled(self) -> bool:
        return not any(self.asserter)


@dataclass(frozen=True, slots=True)
class AssertionConfirmed:
    id: bytes
    state_root: bytes
    block_hash: bytes


@dataclass(frozen=True, slots=True)
class AssertionKilled:
    """`paid` and `burned` in wei, out of the bond."""

    id: bytes
    by: bytes
    reason: KillReason
    paid: int
    burned: int


@dataclass(frozen=True, slots=True)
class StepProved:
    """`execute_fee` in wei."""

    id: bytes
    step: int
    claimed: bytes
    proved: bytes
    gas_used: int
    execute_fee: int


@dataclass(frozen=True, slots=True)
class SegmentSettled:
    """The batch's first `steps` steps are settled now and lead to `commitment`. What was new took `gas_used` L2 gas and
    `execute_fee` wei."""

    batch_hash: bytes
    settler: bytes  # 20 bytes
    steps: int
    commitment: bytes  # 31 bytes
    gas_used: int
    execute_fee: int


@dataclass(frozen=True, slots=True)
class GameOpened:
    game_id: bytes
    assertion_id: bytes
    challenger: bytes
    lo: int
    hi: int


@dataclass(frozen=True, slots=True)
class Split:
    game_id: bytes
    lo: int
    hi: int
    commitments: tuple[bytes, ...]  # 31 bytes each


@dataclass(frozen=True, slots=True)
class Picked:
    game_id: bytes
    lo: int
    hi: int


@dataclass(frozen=True, slots=True)
class GameEnded:
    game_id: bytes
    status: GameStatus


@dataclass(frozen=True, slots=True)
class Credited:
    """`amount` in wei."""

    to: bytes
    amount: int


InboxEvent: TypeAlias = BatchPosted | CalldataPosted | PagePublished | Deposited | TransactionForced
RollupEvent: TypeAlias = (
    AssertionMade | AssertionConfirmed | AssertionKilled | StepProved | SegmentSettled
    | GameOpened | Split | Picked | GameEnded | Credited
)  # fmt: skip


def read_inbox_event(log: L1Log) -> InboxEvent | None:
    """The event in a log of the Inbox, None if it is none of these. AnswerMalformed."""
    found = artifact("Inbox").event(log.topics, log.data)
    if found is None:
        return None
    name, values = found
    match name:
        case "BatchPosted":
            header = BatchHeader.from_tuple(values["header"])
            return BatchPosted(values["index"], values["batchHash"], values["poster"], header)
        case "CalldataPosted":
            return CalldataPosted(*values.values())
        case "PagePublished":
            return PagePublished(*values.values())
        case "Deposited":
            return Deposited(*values.values())
        case "TransactionForced":
            return TransactionForced(*values.values())
    return None


def read_rollup_event(log: L1Log) -> RollupEvent | None:
    """The event in a log of the Rollup, None if it is none of these. AnswerMalformed."""
    return _read_rollup(artifact("Rollup"), log)


def _read_rollup(contract: Artifact, log: L1Log) -> RollupEvent | None:
    found = contract.event(log.topics, log.data)
    if found is None:
        return None
    name, values = found
    fields: list[Any] = [tuple(each) if isinstance(each, (list, tuple)) else each for each in values.values()]
    match name:
        case "AssertionMade":
            return AssertionMade(*fields)
        case "AssertionConfirmed":
            return AssertionConfirmed(*fields)
        case "AssertionKilled":
            return AssertionKilled(fields[0], fields[1], KillReason(fields[2]), *fields[3:])
        case "StepProved":
            return StepProved(*fields)
        case "SegmentSettled":
            return SegmentSettled(*fields)
        case "GameOpened":
            return GameOpened(*fields)
        case "Split":
            return Split(*fields)
        case "Picked":
            return Picked(*fields)
        case "GameEnded":
            return GameEnded(fields[0], GameStatus(fields[1]))
        case "Credited":
            return Credited(*fields)
    return None
