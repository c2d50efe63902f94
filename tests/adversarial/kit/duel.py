"""Players who do nothing by themselves: L1's blocks hold just what the scenario puts into them, at the second it says.

    async with duel(stage, {"dispute.stride": 0}) as play:
        made = await play.assertion(steps=16)
        await play.does(play.open(made), at=made.created_at + 5)
        await play.refused(play.open(made, by=stranger), "TooLateToOpen", at=...)

For the contract's own rules of time and money: there are no daemons, and what is asserted is made up.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from eth_account.signers.local import LocalAccount

from challenger.game import boundaries
from challenger.responder import game_id_of
from derivation.commitments import checkpoint_blobs, checkpoint_count, checkpoint_step, open_checkpoints
from execution.abi import commitment
from execution.types import Cursor, StepState
from l1.client import L1Client
from l1.contracts import Inbox, Rollup, revert_reason
from l1.embedded.service import EmbeddedL1
from l1.events import GameStatus
from l1.kzg import Prover
from l1.rpc_errors import RpcError
from l1.signing import BlobCommitments, SidecarFormat, commit_blobs, network_form, prove_blobs
from tests.adversarial.kit.devnet import Devnet
from tests.adversarial.kit.lies import made_up
from tests.adversarial.kit.scenario import Stage
from tests.e2e.devnet import SEQUENCER

GWEI = 10**9
ASSERTER, CHALLENGER, STRANGER = 20, 21, 22  # accounts
GAS = 3_000_000


@dataclass(frozen=True)
class Move:
    """A transaction. `to` None: the Rollup; `value` in wei; `through`: a contract of `by`'s that makes the call."""

    by: LocalAccount
    data: bytes
    value: int = 0
    blobs: tuple[bytes, ...] = ()
    to: bytes | None = None
    gas: int = GAS
    through: bytes | None = None

    @property
    def caller(self) -> bytes:
        """Whom the Rollup sees."""
        return self.through or bytes.fromhex(self.by.address[2:])


@dataclass(frozen=True)
class Done:
    """What became of it. `fees` in wei, `events` of the Rollup by name."""

    ok: bool
    gas_used: int
    fees: int
    events: Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Made:
    """An assertion and what it claims: commitments after 0 to N steps."""

    id: bytes
    asserter: bytes
    commitments: Sequence[bytes]
    blobs: tuple[bytes, ...]
    created_at: int
    window_ends: int

    @property
    def steps(self) -> int:
        return len(self.commitments) - 1


@dataclass
class Duel:
    """`asserter`, `challenger`, `stranger`: accounts that have done nothing yet."""

    net: Devnet
    prover: Prover = field(default_factory=lambda: Prover(0))
    _nonces: dict[str, int] = field(default_factory=dict)
    _count: int = 0

    def __post_init__(self) -> None:
        self.l1: L1Client = self.net.honest_l1
        self.rollup = Rollup(self.l1, self.net.deployment.rollup)
        self.inbox = Inbox(self.l1, self.net.deployment.inbox)
        dispute = self.net.config.dispute
        self.stride, self.arity = dispute.stride, dispute.arity
        self.window, self.clock = int(dispute.window), int(dispute.clock)
        self.bond, self.challenge_bond = dispute.assertion_bond, dispute.challenge_bond
        self.asserter, self.challenger, self.stranger = map(self.net.account, (ASSERTER, CHALLENGER, STRANGER))

    # ---- L1

    async def now(self) -> int:
        return (await self.l1.head()).timestamp

    async def block(self, *moves: Move, at: int | None = None) -> list[Done]:
        """One block of these transactions in this order. `at`: its timestamp."""
        hashes = [await self._submit(each) for each in moves]
        order = {each: place for place, each in enumerate(hashes)}
        node = self._embedded.node
        node.proposer = lambda best: sorted((each for each in best if each.hash in order), key=lambda each: order[each.hash])
        await self._mine(at)
        return [await self._done(each) for each in hashes]

    async def does(self, move: Move, at: int | None = None) -> Done:
        """It is included and works."""
        (done,) = await self.block(move, at=at)
        assert done.ok, await self._why(move)
        return done

    async def refused(self, move: Move, error: str, at: int | None = None) -> Done:
        """It is included and reverts, for that reason, and changes nothing."""
        if at is not None:
            await self.l1.request("evm_setNextBlockTimestamp", [hex(at)])
        why = await self._why(move)
        assert error in why, f"expected {error}, it says: {why or 'nothing, it works'}"
        (done,) = await self.block(move, at=at)
        assert not done.ok and not done.events, "the call was refused and the transaction wasn't"
        return done

    async def idle(self, at: int) -> None:
        """An empty block."""
        await self.block(at=at)

    async def _mine(self, at: int | None) -> None:
        if at is not None:
            await self.l1.request("evm_setNextBlockTimestamp", [hex(at)])
        await self.l1.request("evm_mine", [])
        assert at is None or await self.now() == at, "the block is at another time"

    @property
    def _embedded(self) -> EmbeddedL1:
        return self.net.l1

    async def _submit(self, move: Move) -> bytes:
        by = move.by.address
        if by not in self._nonces:
            self._nonces[by] = int(await self.l1.request("eth_getTransactionCount", [by, "latest"]), 16)
        fields: dict[str, Any] = {
            "chainId": 31337, "nonce": self._nonces[by], "gas": move.gas, "value": move.value,
            "maxFeePerGas": 100 * GWEI, "maxPriorityFeePerGas": GWEI, **self._call(move)}
        commitments = commit_blobs(move.blobs) if move.blobs else BlobCommitments((), ())
        if move.blobs:
            fields |= {"maxFeePerBlobGas": GWEI, "blobVersionedHashes": list(commitments.versioned_hashes), "type": 3}
        raw = bytes(move.by.sign_transaction(fields).raw_transaction)
        if move.blobs:
            proofs = prove_blobs(move.blobs, commitments, SidecarFormat.BLOB_PROOFS)
            raw = network_form(raw, move.blobs, commitments, proofs, SidecarFormat.BLOB_PROOFS)
        self._nonces[by] += 1
        return bytes.fromhex((await self.l1.request("eth_sendRawTransaction", ["0x" + raw.hex()]))[2:])

    def _call(self, move: Move) -> dict[str, Any]:
        to = move.to or self.rollup.address
        to, data = (move.through, to + move.data) if move.through else (to, move.data)
        return {"to": self.net.w3.to_checksum_address("0x" + to.hex()), "data": "0x" + data.hex()}

    async def _done(self, tx_hash: bytes) -> Done:
        receipt = await self.l1.request("eth_getTransactionReceipt", ["0x" + tx_hash.hex()])
        assert receipt is not None, "the transaction is in no block"
        def number(name: str) -> int:
            return int(receipt.get(name, "0x0"), 16)

        fees = number("gasUsed") * number("effectiveGasPrice") + number("blobGasUsed") * number("blobGasPrice")
        logs = (await self.net.w3.eth.get_transaction_receipt(receipt["transactionHash"]))["logs"]
        events = [event for log in logs if (event := self.net.contracts.decode(log)) is not None]
        return Done(receipt["status"] == "0x1", number("gasUsed"), fees, {event.name: event.args for event in events})

    async def _why(self, move: Move) -> str:
        """Why it would fail in the next block; empty if it wouldn't."""
        call = {"from": move.by.address, "value": hex(move.value), "gas": hex(move.gas), **self._call(move)}
        if move.blobs:
            call |= {"blobVersionedHashes": ["0x" + each.hex() for each in commit_blobs(move.blobs).versioned_hashes],
                     "maxFeePerBlobGas": hex(GWEI)}
        try:
            await self.l1.request("eth_call", [call, "pending"])
        except RpcError as error:
            return revert_reason(error)
        return ""

    # ---- moves

    async def batch(self) -> None:
        """An empty one."""
        parent, _ = await self.inbox.head_batch()
        data = Inbox.post_batch(parent, 0, (), (await self.l1.head()).rlp)
        await self.does(Move(self.net.account(SEQUENCER), data, to=self.inbox.address))

    async def make(self, steps: int, *, by: LocalAccount | None = None, through: bytes | None = None,
                   parent: bytes = bytes(32), index: int = 0) -> tuple[Move, Sequence[bytes], tuple[bytes, ...]]:
        """An assertion of so many steps, all made up, each time another one; its commitments and blobs."""
        batch_hash, count = await self.inbox.head_batch()
        assert count == index + 1
        self._count += 1
        final = StepState(made_up("root", self._count) + b"\0", made_up("block", self._count) + b"\0", cursor=Cursor(index + 1, 0, 0))
        first = (await self.rollup.assertion(parent)).commitment
        claimed = [first, *(made_up(self._count, step) for step in range(1, steps)), commitment(final)]
        blobs = tuple(checkpoint_blobs(claimed, self.stride))
        ends = await open_checkpoints(self.prover, blobs, 0, checkpoint_count(steps, self.stride) - 1)
        data = Rollup.make_assertion(parent, batch_hash, index, steps, final, ends)
        return Move(by or self.asserter, data, self.bond, blobs, through=through), claimed, blobs

    async def assertion(self, steps: int = 16, *, at: int | None = None, **options: Any) -> Made:
        """`make`, and it is on L1."""
        move, claimed, blobs = await self.make(steps, **options)
        made = bytes((await self.does(move, at)).events["AssertionMade"]["id"])
        now = await self.now()
        return Made(made, move.caller, claimed, blobs, now, now + self.window)

    async def open(self, made: Made, j: int = 0, *, by: LocalAccount | None = None, through: bytes | None = None) -> Move:
        opening = await open_checkpoints(self.prover, made.blobs, j, j + 1)
        return Move(by or self.challenger, Rollup.open_game(made.id, j, opening), self.challenge_bond, through=through)

    def game(self, made: Made, j: int = 0, *, of: bytes | None = None) -> bytes:
        """Its id."""
        return game_id_of(made.id, of or bytes.fromhex(self.challenger.address[2:]), j)

    async def split(self, made: Made, game_id: bytes, *, by: LocalAccount | None = None, through: bytes | None = None) -> Move:
        game = await self.rollup.game(game_id)
        return Move(by or self.asserter, Rollup.split(game_id, game.lo, game.hi, self._inner(made, game.lo, game.hi)),
                    through=through)

    async def pick(self, made: Made, game_id: bytes, segment: int = 0, *, by: LocalAccount | None = None,
                   through: bytes | None = None) -> Move:
        game = await self.rollup.game(game_id)
        return Move(by or self.challenger, through=through,
                    data=Rollup.pick(game_id, game.lo, game.hi, self._inner(made, game.lo, game.hi), segment))

    def _inner(self, made: Made, lo: int, hi: int) -> tuple[bytes, ...]:
        return tuple(made.commitments[step] for step in boundaries(lo, hi, self.arity)[1:-1])

    def timeout(self, *games: bytes, by: LocalAccount | None = None) -> Move:
        return Move(by or self.stranger, Rollup.timeout(games), gas=30_000_000 if len(games) > 20 else GAS)

    def confirm(self, made: Made, by: LocalAccount | None = None) -> Move:
        return Move(by or self.stranger, Rollup.confirm(made.id))

    def kill_orphan(self, made: Made, by: LocalAccount | None = None) -> Move:
        return Move(by or self.stranger, Rollup.kill_orphan(made.id))

    def reclaim(self, game_id: bytes, by: LocalAccount | None = None) -> Move:
        return Move(by or self.stranger, Rollup.reclaim(game_id))

    def withdraw(self, by: LocalAccount, to: bytes | None = None, through: bytes | None = None) -> Move:
        return Move(by, Rollup.withdraw(to or through or bytes.fromhex(by.address[2:])), through=through)

    # ---- how it stands

    async def status(self, game_id: bytes) -> GameStatus:
        return (await self.rollup.game(game_id)).status

    async def deadline(self, game_id: bytes) -> int:
        deadline: int = (await self.rollup.read("deadline", game_id))[0]
        return deadline

    async def credit(self, who: LocalAccount | bytes) -> int:
        return await self.rollup.credit(who if isinstance(who, bytes) else bytes.fromhex(who.address[2:]))

    async def interval(self, made: Made, j: int) -> tuple[int, int]:
        lo, hi = (checkpoint_step(each, made.steps, self.stride) for each in (j, j + 1))
        return lo, hi

    # ---- contracts

    async def wallet(self, runtime: bytes, by: LocalAccount) -> bytes:
        """Puts a contract on L1. Its address."""
        creation = bytes.fromhex(f"61{len(runtime):04x}80600a5f395ff3").ljust(10, b"\0") + runtime
        sent = await self._create(by, creation)
        return sent

    async def _create(self, by: LocalAccount, code: bytes) -> bytes:
        w3 = self.net.w3
        if by.address not in self._nonces:
            self._nonces[by.address] = await w3.eth.get_transaction_count(by.address)
        raw = by.sign_transaction({"chainId": 31337, "nonce": self._nonces[by.address], "gas": 500_000, "value": 0, "data": code,
                                   "maxFeePerGas": 100 * GWEI, "maxPriorityFeePerGas": GWEI}).raw_transaction
        self._nonces[by.address] += 1
        self._embedded.node.proposer = None
        sent = await w3.eth.send_raw_transaction(raw)
        await self._mine(None)
        receipt = await w3.eth.get_transaction_receipt(sent)
        assert receipt["status"] == 1 and receipt["contractAddress"] is not None
        return bytes.fromhex(receipt["contractAddress"][2:])


@contextlib.asynccontextmanager
async def duel(stage: Stage, overrides: Mapping[str, object] | None = None) -> AsyncIterator[Duel]:
    """A rollup with one empty batch, on an L1 whose blocks are made by hand."""
    async with Devnet(stage, overrides, queued=False, block_time=None) as net:
        play = Duel(net)
        try:
            await play.batch()
            yield play
        finally:
            play.prover.close()


