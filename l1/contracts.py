"""The Inbox, the Rollup, the Portal and EXECUTE, as Python sees them: typed readers, and calldata of what is sent to them.

Readers raise RpcError for a revert (`describe_error(error.data)` names it), L1Unavailable, and AnswerMalformed if
no such contract is there. `block` is a number, a hash or a label. Amounts are wei unless said otherwise.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Protocol

from execution.abi import state_tuple
from execution.types import StepState
from l1.answers import understood
from l1.artifacts import AnswerMalformed, Artifact, address_bytes, artifact, describe_error, error_names
from l1.client import BlockId, L1Client
from l1.events import AssertionStatus, GameStatus, read_inbox_event, read_rollup_event
from l1.pointers import pointer_address
from l1.rpc_errors import RpcAnswer, rpc_error_of

__all__ = [
    "EXECUTE_ADDRESS", "AnswerMalformed", "AssertionRecord", "Execute", "GameRecord", "Inbox", "LatestConfirmed",
    "Portal", "Rollup", "Stage", "WithdrawalStatus", "artifact", "describe_error", "error_names", "read_inbox_event", "read_rollup_event", "revert_reason",
]  # fmt: skip

EXECUTE_ADDRESS = bytes(18) + b"\x01\x01"


class AbiStruct(Protocol):
    """A value that is a Solidity struct: derivation's CheckpointProof and StepProof."""

    def as_tuple(self) -> tuple[Any, ...]: ...


@dataclass(frozen=True, slots=True)
class AssertionRecord:
    """`Assertion` in IRollup.sol; `created_at` in seconds since the epoch."""

    parent_id: bytes
    batch_hash: bytes
    batch_index: int
    steps: int
    commitment: bytes
    state_root: bytes
    block_hash: bytes
    checkpoint_blobs: tuple[bytes, ...]
    asserter: bytes
    created_at: int
    open_games: int
    status: AssertionStatus


@dataclass(frozen=True, slots=True)
class GameRecord:
    """`Game` in IRollup.sol; clocks in seconds left, `moved_at` in seconds since the epoch. `congestion`: EXECUTE's
    congestedSeconds when the challenger's move with one step left began, else 0."""

    assertion_id: bytes
    challenger: bytes
    lo: int
    hi: int
    congestion: int
    lo_commitment: bytes
    hi_commitment: bytes
    split_hash: bytes
    asserter_clock: int
    challenger_clock: int
    moved_at: int
    status: GameStatus


@dataclass(frozen=True, slots=True)
class LatestConfirmed:
    id: bytes
    batch_count: int
    state_root: bytes
    block_hash: bytes


class WithdrawalStatus(IntEnum):
    """In IPortal.sol."""

    UNKNOWN = 0
    PROVEN = 1
    FINALIZED = 2


class _Contract:
    artifact_name: str

    def __init__(self, l1: L1Client, address: bytes | str) -> None:
        self.l1 = l1
        self.address = address_bytes(address)

    @property
    def artifact(self) -> Artifact:
        return artifact(self.artifact_name)

    async def read(self, name: str, *arguments: Any, block: BlockId = "latest") -> tuple[Any, ...]:
        """The values some view function returns."""
        data = await self.l1.call(self.address, self.artifact.call(name, *arguments), block)
        return self.artifact.answer(name, data)

    async def _one(self, name: str, *arguments: Any, block: BlockId = "latest") -> Any:
        return (await self.read(name, *arguments, block=block))[0]


class Inbox(_Contract):
    artifact_name = "Inbox"

    async def head_batch(self, block: BlockId = "latest") -> tuple[bytes, int]:
        """(hash of the last batch, number of batches)."""
        batch_hash, count = await self.read("headBatch", block=block)
        return batch_hash, count

    async def due(self, origin_number: int, block: BlockId = "latest") -> tuple[int, int]:
        """(depositEnd, forcedEnd) of the next batch with that origin."""
        deposit_end, forced_end = await self.read("due", origin_number, block=block)
        return deposit_end, forced_end

    async def batch_exists(self, batch_hash: bytes, block: BlockId = "latest") -> bool:
        return await self._one("batchExists", batch_hash, block=block)

    async def batch_index(self, batch_hash: bytes, block: BlockId = "latest") -> int:
        return await self._one("batchIndex", batch_hash, block=block)

    async def deposit_at(self, index: int, block: BlockId = "latest") -> tuple[bytes, int, int]:
        """(recipient, Gwei, L1 block number)."""
        recipient, amount, number = await self.read("depositAt", index, block=block)
        return address_bytes(recipient), amount, number

    async def forced_at(self, index: int, block: BlockId = "latest") -> tuple[bytes, int]:
        """(keccak of the raw transaction, L1 block number)."""
        raw_hash, number = await self.read("forcedAt", index, block=block)
        return raw_hash, number

    async def deposit_count(self, block: BlockId = "latest") -> int:
        return await self._one("depositCount", block=block)

    async def forced_count(self, block: BlockId = "latest") -> int:
        return await self._one("forcedCount", block=block)

    async def sequencer(self, block: BlockId = "latest") -> bytes:
        """20 bytes; zero if anyone may post."""
        return address_bytes(await self._one("sequencer", block=block))

    async def exclusive_until(self, block: BlockId = "latest") -> int:
        """L1 timestamp after which anyone may post."""
        return await self._one("exclusiveUntil", block=block)

    async def last_origin_number(self, block: BlockId = "latest") -> int:
        return await self._one("lastOriginNumber", block=block)

    async def next_due(self, block: BlockId = "latest") -> tuple[int, int]:
        """(depositStart, forcedStart) of the next batch."""
        deposits, forced = await self.read("nextDue", block=block)
        return deposits, forced

    async def is_page(self, pointer: bytes, block: BlockId = "latest") -> bool:
        """Whether batches may name that page (20 bytes)."""
        return await self._one("isPage", pointer, block=block)

    def page_pointer(self, data: bytes) -> bytes:
        """Where this Inbox has the page of these bytes, or would have it: 20 bytes."""
        return pointer_address(self.address, data)

    @staticmethod
    def post_batch(parent_hash: bytes, chunk_count: int, pages: Sequence[bytes], origin_header: bytes) -> bytes:
        """Calldata; the batch's blobs go with the transaction. `pages`: addresses; `origin_header`: RLP."""
        return artifact("Inbox").call("postBatch", parent_hash, chunk_count, list(pages), origin_header)

    @staticmethod
    def post_calldata(parent_hash: bytes, data: bytes, pages: Sequence[bytes], origin_header: bytes) -> bytes:
        """Calldata, with the batch's 1 to 61 chunks of 2,032 bytes in it; for a transaction without blobs."""
        return artifact("Inbox").call("postCalldata", parent_hash, data, list(pages), origin_header)

    @staticmethod
    def publish_page(data: bytes) -> bytes:
        """Calldata; 1 to 24,575 bytes. A page that is there already is left as it is."""
        return artifact("Inbox").call("publishPage", data)

    async def portal(self, block: BlockId = "latest") -> bytes:
        """20 bytes: the only depositor."""
        return address_bytes(await self._one("portal", block=block))

    async def force_fee(self, block: BlockId = "latest") -> int:
        """Wei that the next forced transaction costs. It rises by a sixteenth with each that comes before it."""
        return await self._one("forceFee", block=block)

    @staticmethod
    def force_transaction(raw: bytes) -> bytes:
        """Calldata; payable with `force_fee`, and what is more comes back."""
        return artifact("Inbox").call("forceTransaction", raw)


class Portal(_Contract):
    """Money and messages between L1 and L2. Values are wei of L2; messages are the structs of Messages.sol."""

    artifact_name = "Portal"

    async def escrowed(self, block: BlockId = "latest") -> int:
        """What L2 may still take out."""
        return await self._one("escrowed", block=block)

    async def withdrawal_status(self, message_hash: bytes, block: BlockId = "latest") -> WithdrawalStatus:
        return WithdrawalStatus(await self._one("withdrawalStatus", message_hash, block=block))

    async def is_sent(self, message_hash: bytes, block: BlockId = "latest") -> bool:
        """Whether that message to L2 was sent."""
        return await self._one("sentMessages", message_hash, block=block) == 1

    async def gas_token(self, block: BlockId = "latest") -> bytes:
        """20 bytes; zero: ether."""
        return address_bytes(await self._one("gasToken", block=block))

    async def gas_token_unit(self, block: BlockId = "latest") -> int:
        """Wei of L2 for one smallest unit of the gas token."""
        return await self._one("gasTokenUnit", block=block)

    async def vault(self, block: BlockId = "latest") -> bytes:
        """20 bytes: whom depositors of an ERC-20 approve (not the Portal); zero: ether."""
        return address_bytes(await self._one("vault", block=block))

    @staticmethod
    def deposit(recipient: bytes) -> bytes:
        """Calldata; the transaction's value is the deposit, in whole Gwei."""
        return artifact("Portal").call("deposit", recipient)

    @staticmethod
    def deposit_token(recipient: bytes, amount: int) -> bytes:
        """Calldata; `amount` in the gas token's smallest units, which the vault must be allowed to take."""
        return artifact("Portal").call("depositToken", recipient, amount)

    @staticmethod
    def send_message(target: bytes, value: int, refund_to: bytes, data: bytes) -> bytes:
        """Calldata; payable with `value`, in whole Gwei, unless the gas token is an ERC-20."""
        return artifact("Portal").call("sendMessage", target, value, refund_to, data)

    @staticmethod
    def prove_withdrawal(
        message: AbiStruct, assertion_id: bytes, account_proof: Sequence[bytes], storage_proof: Sequence[bytes],
    ) -> bytes:  # fmt: skip
        """Calldata. Proofs: RLP of trie nodes from the root down, as eth_getProof has them."""
        return artifact("Portal").call(
            "proveWithdrawal", message.as_tuple(), assertion_id, list(account_proof), list(storage_proof))

    @staticmethod
    def finalize_withdrawal(message: AbiStruct) -> bytes:
        return artifact("Portal").call("finalizeWithdrawal", message.as_tuple())

    @staticmethod
    def prove_and_finalize_withdrawal(
        message: AbiStruct, assertion_id: bytes, account_proof: Sequence[bytes], storage_proof: Sequence[bytes],
    ) -> bytes:  # fmt: skip
        """As `prove_withdrawal`, and pays at once."""
        return artifact("Portal").call(
            "proveAndFinalizeWithdrawal", message.as_tuple(), assertion_id, list(account_proof), list(storage_proof))


class Rollup(_Contract):
    artifact_name = "Rollup"

    async def latest_confirmed(self, block: BlockId = "latest") -> LatestConfirmed:
        return LatestConfirmed(*await self.read("latestConfirmed", block=block))

    async def assertion(self, assertion_id: bytes, block: BlockId = "latest") -> AssertionRecord:
        """RpcError (UnknownAssertion) if there is none."""
        values = list(await self._one("assertion", assertion_id, block=block))
        values[7] = tuple(values[7])
        values[8] = address_bytes(values[8])
        values[11] = understood("assertion", values[11], AssertionStatus)
        return AssertionRecord(*values)

    async def game(self, game_id: bytes, block: BlockId = "latest") -> GameRecord:
        values = list(await self._one("game", game_id, block=block))
        values[1], values[11] = address_bytes(values[1]), understood("game", values[11], GameStatus)
        return GameRecord(*values)

    async def credit(self, who: bytes, block: BlockId = "latest") -> int:
        return await self._one("credit", who, block=block)

    async def constant(self, name: str) -> int:
        """stride, arity, window, clock, assertionBond, challengeBond, rewardBps."""
        return await self._one(name)

    @staticmethod
    def make_assertion(
        parent_id: bytes, batch_hash: bytes, batch_index: int, steps: int, final_state: StepState,
        ends: AbiStruct,
    ) -> bytes:  # fmt: skip
        """Calldata; payable with the assertion bond, the checkpoints are the transaction's blobs."""
        return artifact("Rollup").call(
            "makeAssertion", parent_id, batch_hash, batch_index, steps, state_tuple(final_state), ends.as_tuple()
        )

    @staticmethod
    def confirm(assertion_id: bytes) -> bytes:
        return artifact("Rollup").call("confirm", assertion_id)

    async def settled(self, batch_hash: bytes, block: BlockId = "latest") -> tuple[bytes, int]:
        """(commitment reached, steps settled) of a batch that is settled in part; else a zero commitment and 0."""
        reached, steps = await self.read("settled", batch_hash, block=block)
        return reached, steps

    @staticmethod
    def settle(batch_hash: bytes, start: bytes, steps: int, gas_used: int, proof: AbiStruct) -> bytes:
        """Calldata; payable with EXECUTE's fee for `gas_used` L2 gas, what is left comes back. `start`: the commitment at
        which the steps begin, 31 bytes."""
        return artifact("Rollup").call("settle", batch_hash, start, steps, gas_used, proof.as_tuple())

    @staticmethod
    def prove_step(assertion_id: bytes, checkpoint: int, opening: AbiStruct, proof: AbiStruct) -> bytes:
        """Calldata; payable with EXECUTE's fee, what is left comes back. `opening`: of `checkpoint` and the next."""
        return artifact("Rollup").call(
            "proveStep", assertion_id, checkpoint, opening.as_tuple(), proof.as_tuple()
        )

    @staticmethod
    def open_game(assertion_id: bytes, checkpoint: int, opening: AbiStruct) -> bytes:
        """Calldata; payable with the challenge bond."""
        return artifact("Rollup").call("openGame", assertion_id, checkpoint, opening.as_tuple())

    @staticmethod
    def split(game_id: bytes, lo: int, hi: int, commitments: Sequence[bytes]) -> bytes:
        return artifact("Rollup").call("split", game_id, lo, hi, list(commitments))

    @staticmethod
    def pick(game_id: bytes, lo: int, hi: int, commitments: Sequence[bytes], segment: int) -> bytes:
        return artifact("Rollup").call("pick", game_id, lo, hi, list(commitments), segment)

    @staticmethod
    def prove_step_in_game(game_id: bytes, proof: AbiStruct) -> bytes:
        """Calldata; payable with EXECUTE's fee."""
        return artifact("Rollup").call("proveStepInGame", game_id, proof.as_tuple())

    @staticmethod
    def timeout(game_ids: Sequence[bytes]) -> bytes:
        return artifact("Rollup").call("timeout", list(game_ids))

    @staticmethod
    def kill_orphan(assertion_id: bytes) -> bytes:
        return artifact("Rollup").call("killOrphan", assertion_id)

    @staticmethod
    def reclaim(game_id: bytes) -> bytes:
        return artifact("Rollup").call("reclaim", game_id)

    @staticmethod
    def withdraw(to: bytes) -> bytes:
        return artifact("Rollup").call("withdraw", to)


class Execute(_Contract):
    """The EXECUTE precompile's meter."""

    artifact_name = "IExecute"

    def __init__(self, l1: L1Client, address: bytes | str = EXECUTE_ADDRESS) -> None:
        super().__init__(l1, address)

    async def gas_price(self, block: BlockId = "latest") -> int:
        """Wei for one unit of L2 gas."""
        return await self._one("gasPrice", block=block)

    async def gas_left(self, block: BlockId = "latest") -> int:
        """L2 gas the block still takes."""
        return await self._one("gasLeft", block=block)

    async def congested_seconds(self, block: BlockId = "latest") -> int:
        """For how long EXECUTE has been full, over all blocks up to this one."""
        return await self._one("congestedSeconds", block=block)


class Stage(_Contract):
    """Data as contract code, at an address that follows from it."""

    artifact_name = "Stage"

    @staticmethod
    def stage(data: bytes) -> bytes:
        """Calldata; 1 to 24,575 bytes. What is there already is left as it is."""
        return artifact("Stage").call("stage", data)

    async def pointer_of(self, data: bytes, block: BlockId = "latest") -> bytes:
        """20 bytes: where it is, or would be."""
        return address_bytes(await self._one("pointerOf", data, block=block))


def revert_reason(error: BaseException) -> str:
    """Why a call failed, in words, from whatever the client raised."""
    answer: RpcAnswer | None = rpc_error_of(error)
    if answer is None:
        return f"{type(error).__name__}: {error}"
    return describe_error(answer.data) if answer.data else answer.message
