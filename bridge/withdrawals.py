"""Withdrawals: from L2's MessagePasser, over an assertion that L1 has confirmed, to what the Portal pays out.

The pure part reads receipts and says how a withdrawal stands; `WithdrawalReader` asks L1 and an L2 node for what that
takes. Values are wei of L2, times seconds since the epoch.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from eth_abi import decode as abi_decode
from eth_abi import encode as abi_encode
from eth_abi.exceptions import DecodingError

from bridge.errors import NotFound, ProofError, TooEarly
from bridge.predeploys import MESSAGE_PASSER
from bridge.state_proof import SlotProof, prove_slot
from execution.encoding import keccak
from l1.client import L1Client, L1Inconsistent, read_log
from l1.contracts import LatestConfirmed, Portal, Rollup, WithdrawalStatus
from l1.events import AssertionMade, AssertionStatus, read_rollup_event

INITIATED = keccak(b"WithdrawalInitiated(uint256,address,address,uint256,bytes,bytes32)")
SENT = 0
"""MessagePasser's slot of `mapping(bytes32 hash => bool) sent`."""
LOG_RANGE = 5_000
"""L1 blocks of one eth_getLogs."""


@dataclass(frozen=True, slots=True)
class WithdrawalMessage:
    """`WithdrawalMessage` in Messages.sol. Addresses 20 bytes: `sender` on L2, `target` on L1."""

    nonce: int
    sender: bytes
    target: bytes
    value: int
    data: bytes

    def as_tuple(self) -> tuple[Any, ...]:
        """In the shape eth-abi takes."""
        return self.nonce, self.sender, self.target, self.value, self.data

    @property
    def hash(self) -> bytes:
        """keccak256(abi.encode(message)), 32 bytes."""
        return keccak(abi_encode(["(uint256,address,address,uint256,bytes)"], [self.as_tuple()]))

    @property
    def slot(self) -> int:
        """Where the MessagePasser has `sent[hash]`."""
        return mapping_slot(self.hash, SENT)


def mapping_slot(key: bytes, place: int) -> int:
    """The slot of `key` (32 bytes) in the mapping at slot `place`."""
    return int.from_bytes(keccak(key + place.to_bytes(32, "big")), "big")


@dataclass(frozen=True, slots=True)
class Initiated:
    """A withdrawal as L2 has it: in which block, by which transaction."""

    message: WithdrawalMessage
    l2_block: int
    l2_block_hash: bytes
    transaction: bytes


def withdrawals_in(receipt: Mapping[str, Any]) -> tuple[Initiated, ...]:
    """What a transaction (its receipt as L2's JSON-RPC gives it) sent to L1, in order. ProofError if what the log says
    of itself can't be: whoever believes the amount in it must be right."""
    found = []
    for each in receipt["logs"]:
        try:
            log = read_log(each)
        except L1Inconsistent as error:
            raise ProofError(f"the L2 node's receipt has a malformed log: {error}") from None
        if log.address != MESSAGE_PASSER or log.topics[:1] != (INITIATED,):
            continue
        if len(log.topics) != 4:
            raise ProofError("WithdrawalInitiated without its three topics")
        try:
            value, data, named = abi_decode(["uint256", "bytes", "bytes32"], log.data)
        except (DecodingError, OverflowError) as error:
            raise ProofError(f"WithdrawalInitiated is malformed: {error}") from None
        nonce, sender, target = log.topics[1:]
        message = WithdrawalMessage(int.from_bytes(nonce, "big"), sender[12:], target[12:], value, data)
        if message.hash != named:
            raise ProofError(f"the withdrawal's hash is 0x{message.hash.hex()}, and the L2 node's log says 0x{named.hex()}")
        found.append(Initiated(message, log.block_number, log.block_hash, log.transaction_hash))
    return tuple(found)


# ---- how one stands


class Stage(StrEnum):
    """In this order."""

    WAITING_FOR_BATCH = "waiting for its batch"
    WAITING_FOR_ASSERTION = "waiting for an assertion"
    WAITING_FOR_CONFIRMATION = "waiting for confirmation"
    READY = "ready"
    PROVEN = "proven"
    FINALIZED = "finalized"


@dataclass(frozen=True, slots=True)
class PendingCover:
    """An assertion, not yet confirmed, that ends with the L2 block `l2_block`."""

    assertion_id: bytes
    l2_block: int
    confirmable_at: int
    open_games: int


@dataclass(frozen=True, slots=True)
class Facts:
    """What decides how a withdrawal stands. L2 block numbers: `safe` is the last one in a batch, `confirmed` the last one
    that L1 has confirmed."""

    status: WithdrawalStatus
    l2_block: int
    safe: int
    confirmed: int
    pending: tuple[PendingCover, ...] = ()


@dataclass(frozen=True, slots=True)
class Standing:
    """`at`: when L1 can confirm it if nobody disputes it, only while it waits for that. `open_games`: about that assertion."""

    stage: Stage
    at: int | None = None
    open_games: int = 0


def standing(facts: Facts) -> Standing:
    if facts.status is WithdrawalStatus.FINALIZED:
        return Standing(Stage.FINALIZED)
    if facts.status is WithdrawalStatus.PROVEN:
        return Standing(Stage.PROVEN)
    if facts.confirmed >= facts.l2_block:
        return Standing(Stage.READY)
    covering = [each for each in facts.pending if each.l2_block >= facts.l2_block]
    if covering:
        first = min(covering, key=lambda each: (each.confirmable_at, each.open_games))
        return Standing(Stage.WAITING_FOR_CONFIRMATION, first.confirmable_at, first.open_games)
    return Standing(Stage.WAITING_FOR_ASSERTION if facts.safe >= facts.l2_block else Stage.WAITING_FOR_BATCH)


# ---- asking L1 and L2


class WithdrawalReader:
    """`first_block`: of L1, before which nothing of this rollup happened."""

    def __init__(self, l1: L1Client, l2: L1Client, rollup: Rollup, portal: Portal, first_block: int) -> None:
        self._l1, self._l2 = l1, l2
        self._rollup, self._portal = rollup, portal
        self._first_block = first_block

    async def initiated(self, transaction: bytes, index: int = 0) -> Initiated:
        """The withdrawal number `index` of that L2 transaction. NotFound."""
        receipt = await self._l2.receipt(transaction)
        named = f"0x{transaction.hex()}"
        if receipt is None:
            raise NotFound(f"L2 has no transaction {named} (or it isn't in a block yet)")
        if int(receipt["status"], 16) != 1:
            raise NotFound(f"L2 transaction {named} failed: it withdrew nothing")
        found = withdrawals_in(receipt)
        if not 0 <= index < len(found):
            raise NotFound(f"L2 transaction {named} has {len(found)} withdrawals" + (f", not {index + 1}" if found else ""))
        return found[index]

    async def standing(self, withdrawal: Initiated) -> Standing:
        status = await self._portal.withdrawal_status(withdrawal.message.hash)
        if status is not WithdrawalStatus.UNKNOWN:
            return standing(Facts(status, withdrawal.l2_block, 0, 0))
        confirmed = await self._rollup.latest_confirmed()
        confirmed_number = await self._number_of(confirmed.block_hash)
        if confirmed_number is None:
            raise ProofError(
                f"the L2 node does not have block 0x{confirmed.block_hash.hex()}, which L1 has confirmed: it is behind, or of "
                "another chain")
        if confirmed_number >= withdrawal.l2_block:
            return standing(Facts(status, withdrawal.l2_block, confirmed_number, confirmed_number))
        safe = await self._l2.block("safe")
        pending = [each async for each in self._pending(confirmed)]
        return standing(Facts(status, withdrawal.l2_block, safe.number if safe else 0, confirmed_number, tuple(pending)))

    async def prove(self, message: WithdrawalMessage) -> tuple[bytes, SlotProof]:
        """(assertion id, proof) as the Portal takes them, checked against the state that L1 has confirmed last. TooEarly if it
        isn't in there; ProofError if the L2 node gives no right proof."""
        confirmed = await self._rollup.latest_confirmed()
        if await self._number_of(confirmed.block_hash) is None:
            raise ProofError(f"the L2 node does not have block 0x{confirmed.block_hash.hex()}, which L1 has confirmed")
        proof = await prove_slot(self._l2, MESSAGE_PASSER, message.slot, confirmed.block_hash, confirmed.state_root)
        if proof.value != 1:
            raise TooEarly(f"withdrawal 0x{message.hash.hex()} is not in the L2 state that L1 has confirmed")
        return confirmed.id, proof

    async def _number_of(self, block_hash: bytes) -> int | None:
        """Of an L2 block in the node's chain, None if it isn't in there."""
        block = await self._l2.block(block_hash)
        if block is None:
            return None
        canonical = await self._l2.block(block.number)
        return block.number if canonical is not None and canonical.hash == block_hash else None

    async def _pending(self, confirmed: LatestConfirmed) -> AsyncIterator[PendingCover]:
        """Assertions made since the last confirmed one that L1 may confirm, and whose last block the L2 node has."""
        window = await self._rollup.constant("window")
        since = 0 if confirmed.id == bytes(32) else (await self._rollup.assertion(confirmed.id)).created_at
        for made in await self._made_since(since):
            number = await self._number_of(made.block_hash)
            if number is None:
                continue
            record = await self._rollup.assertion(made.id)
            if record.status is AssertionStatus.PENDING:
                yield PendingCover(made.id, number, record.created_at + window, record.open_games)

    async def _made_since(self, since: int) -> Sequence[AssertionMade]:
        """The newest first; from L1's head backwards to blocks older than `since`."""
        found: list[AssertionMade] = []
        last = (await self._l1.head()).number
        while last >= self._first_block:
            first = max(last - LOG_RANGE + 1, self._first_block)
            logs = await self._l1.logs_in_range(first, last, [self._rollup.address])
            events = [read_rollup_event(log) for log in reversed(logs)]
            found += [event for event in events if isinstance(event, AssertionMade)]
            oldest = await self._l1.block(first)
            if oldest is None or oldest.timestamp < since:
                break
            last = first - 1
        return found
