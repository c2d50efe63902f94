"""A random course of a rollup's money, over the real contracts and the real derivation, with its books kept beside it.

Nobody has anything on L2 that was not deposited, so at every moment, in wei:

    escrow on L1 = deposits made - withdrawals paid
                 = all L2 balances but the MessagePasser's + base fees burned + deposits and withdrawals on their way

and each deposit, message, forced transaction and withdrawal happens once. At the end the sequencer is gone for good and everyone leaves.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from eth_account.signers.local import LocalAccount
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from bridge.errors import TooEarly
from bridge.messages import MessageReader, Sent, messages_in, refund_message, relay_message
from bridge.predeploys import L2_TOKEN_BRIDGE, MESSAGE_PASSER, MESSENGER
from bridge.withdrawals import Initiated, WithdrawalReader
from derivation.commitments import checkpoint_count, open_checkpoints
from derivation.encoder import encode_blocks
from derivation.records import DerivedRecord
from execution.encoding import keccak
from execution.transactions import decode_transaction
from l1.artifacts import artifact
from l1.contracts import Inbox, Portal, Rollup
from l1.kzg import Prover
from sequencer.claims import BatchClaims, expected_assertion
from tests.e2e.devnet import SEQUENCER
from tests.e2e.money.ground import GWEI, Ground, Play, Refused
from verdict.keys import test_account as mnemonic_account

USERS = (3, 5, 6)
STRANGER = 8
"""Anyone: posts when the sequencer is gone, asserts, finalizes for others."""
MAX_FEE = 10 * GWEI
COST = {"transfer": 21_000 * MAX_FEE, "withdraw": 200_000 * MAX_FEE}
MESSAGE_GAS = 1_000_000
DONE = {keccak(b"MessageRelayed(bytes32,address,uint256)"): "relayed", keccak(b"MessageRefunded(bytes32,address,uint256)"): "refunded"}
CHUNK = 2_032
T = TypeVar("T")
amounts = st.sampled_from([1, 10**6, 10**9, 3 * 10**9])  # Gwei
choices = st.randoms(use_true_random=False)


@dataclass
class Expected:
    """What must have come of a withdrawal so far."""

    initiated: Initiated
    batch: int
    paid: bool = False


class Books:
    """What is known of both layers, in wei."""

    def __init__(self) -> None:
        self.deposits: list[tuple[bytes, int]] = []  # in the queue's order
        self.forced: list[bytes] = []
        self.taken: list[bytes] = []  # forced transactions that batches took in
        self.credited = 0
        self.burned = 0
        self.included: set[bytes] = set()  # L2 transactions
        self.withdrawals: dict[bytes, Expected] = {}  # by message hash
        self.messages: dict[bytes, Sent] = {}  # by hash
        self.done: dict[bytes, str] = {}  # of them: "relayed" or "refunded"

    @property
    def deposited(self) -> int:
        return sum(amount for _, amount in self.deposits)

    @property
    def paid(self) -> int:
        return sum(each.initiated.message.value for each in self.withdrawals.values() if each.paid)


class Economy(RuleBasedStateMachine):
    """`on`: where it takes place. Subclassed with it, since hypothesis makes the instances."""

    on: Ground
    loop: asyncio.AbstractEventLoop
    prover: Prover
    refuser: bytes
    """A contract on L1 that takes no ether."""

    def __init__(self) -> None:
        super().__init__()
        self.stack = contextlib.AsyncExitStack()
        self.play: Play = self.do(self.stack.enter_async_context(self.on.rollup()))
        self.books = Books()
        self.users = [mnemonic_account(index) for index in USERS]
        self.sequencer, self.stranger = mnemonic_account(SEQUENCER), mnemonic_account(STRANGER)
        self.pool: list[bytes] = []  # what the sequencer has been sent
        self.asserted: list[bytes] = []  # ids by batch
        self.confirmed = 0  # batches
        self.heirs = 0
        self.taken_deposits = 0

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(work)

    def teardown(self) -> None:
        try:
            self.do(self.everyone_leaves())
        finally:
            self.do(self.stack.aclose())

    # ---- L1

    @initialize()
    def some_money(self) -> None:
        for user in self.users:
            self.do(self._deposit(user, 2 * 10**9))

    @rule(who=st.integers(0, 2), gwei=amounts)
    def deposit(self, who: int, gwei: int) -> None:
        self.do(self._deposit(self.users[who], gwei))

    async def _deposit(self, user: LocalAccount, gwei: int) -> None:
        to = address_of(user)
        await self.play.send(user, self.play.portal.address, Portal.deposit(to), gwei * GWEI)
        self.books.deposits.append((to, gwei * GWEI))

    @rule(who=st.integers(0, 2), kind=st.sampled_from(["transfer", "withdraw"]), chance=choices)
    def force(self, who: int, kind: str, chance: random.Random) -> None:
        self.do(self._force(self.sign(self.users[who], kind, chance)))

    @rule(raw=st.binary(min_size=1, max_size=40))
    def force_garbage(self, raw: bytes) -> None:
        self.do(self._force(raw))

    @rule(chance=choices)
    @precondition(lambda self: self.books.included)
    def force_once_more(self, chance: random.Random) -> None:
        """What L2 has done already."""
        self.do(self._force(chance.choice(self.past)))

    async def _force(self, raw: bytes) -> None:
        fee = await self.play.inbox.force_fee()
        await self.play.send(self.stranger, self.play.inbox.address, Inbox.force_transaction(raw), 2 * fee)
        self.books.forced.append(raw)

    @rule(who=st.integers(0, 2), gwei=st.sampled_from([0, 1, 10**9]), welcome=st.booleans(), refundable=st.booleans())
    def send_message(self, who: int, gwei: int, welcome: bool, refundable: bool) -> None:
        """To an account, or to a contract of L2 that refuses it."""
        self.do(self._send_message(self.users[who], gwei * GWEI, welcome, refundable))

    async def _send_message(self, user: LocalAccount, value: int, welcome: bool, refundable: bool) -> None:
        self.heirs += 1
        target = keccak(f"heir {self.heirs}".encode())[:20] if welcome else L2_TOKEN_BRIDGE
        portal = self.play.portal.address
        data = Portal.send_message(target, value, address_of(user) if refundable else bytes(20), b"")
        (sent,) = messages_in(await self.play.send(user, portal, data, value), portal)
        self.books.messages[sent.message.hash] = sent
        if value:
            self.books.deposits.append((MESSENGER, value))

    @rule(who=st.integers(0, 2), refund=st.booleans(), through_l1=st.booleans(), chance=choices)
    @precondition(lambda self: self.books.messages)
    def finish_message(self, who: int, refund: bool, through_l1: bool, chance: random.Random) -> None:
        """Anyone tries, also too early, a second time, or for a refund that is another's."""
        self.do(self._finish_message(self.users[who], chance.choice(list(self.books.messages.values())), refund, through_l1))

    async def _finish_message(self, user: LocalAccount, sent: Sent, refund: bool, through_l1: bool) -> bool:
        """False if L2 does not know of it yet, or the user is too poor."""
        world = self.play.store.world_at(self.play.store.head)
        if world.get_balance(address_of(user)) < MESSAGE_GAS * MAX_FEE:
            return False
        try:
            proof = await MessageReader(self.play.l1, self.play.l2, self.play.portal.address).proof(sent)
        except TooEarly:
            return False
        data = (refund_message if refund else relay_message)(sent.message, proof)
        raw = self.signed(user, world.get_nonce(address_of(user)) + self.waiting(user), MESSENGER, 0, data, MESSAGE_GAS)
        if through_l1:
            await self._force(raw)
        else:
            self.pool.append(raw)
        return True

    # ---- L2

    @rule(who=st.integers(0, 2), kind=st.sampled_from(["transfer", "withdraw", "withdraw"]), chance=choices)
    def transact(self, who: int, kind: str, chance: random.Random) -> None:
        self.pool.append(self.sign(self.users[who], kind, chance))

    def sign(self, user: LocalAccount, kind: str, chance: random.Random) -> bytes:
        """Some of what the user has; now and then with a nonce that is used or far off."""
        world = self.play.store.world_at(self.play.store.head)
        nonce = world.get_nonce(address_of(user)) + self.waiting(user) + chance.choice([0, 0, 0, 0, -1, 1])
        left = max(world.get_balance(address_of(user)) - COST[kind], 0)
        value = chance.choice([0, 1, left // 3, left])
        if kind == "transfer":
            return self.signed(user, nonce, address_of(chance.choice(self.users)), value)
        return self.signed(user, nonce, MESSAGE_PASSER, value, self.withdrawal(chance.choice([True, True, False])))

    def waiting(self, user: LocalAccount) -> int:
        """Of the user's transactions, with the sequencer."""
        return sum(decode_transaction(raw).sender == address_of(user) for raw in self.pool)

    def withdrawal(self, welcome: bool) -> bytes:
        """Calldata, to an account that has never been, or to a contract that refuses."""
        self.heirs += 1
        target = keccak(f"heir {self.heirs}".encode())[:20] if welcome else self.refuser
        return artifact("MessagePasser").call("initiateWithdrawal", target, b"")

    def signed(self, user: LocalAccount, nonce: int, to: bytes, value: int, data: bytes = b"", gas: int = 0) -> bytes:
        gas = gas or (200_000 if data else 21_000)
        return bytes(user.sign_transaction({
            "chainId": self.play.config.rollup.chain_id, "nonce": max(nonce, 0), "to": to, "value": value, "data": data, "gas": gas,
            "maxFeePerGas": MAX_FEE, "maxPriorityFeePerGas": GWEI}).raw_transaction)

    # ---- batches

    @rule(split=st.integers(0, 3))
    def post(self, split: int) -> None:
        """What the sequencer has, in two blocks."""
        raws, self.pool = self.pool, []
        chunks = encode_blocks(self.play.config.rollup.chain_id, raws[:split], [(1, raws[split:])] if raws[split:] else [])
        self.do(self._post(self.sequencer, b"".join(chunks)))

    @rule(data=st.binary(min_size=1, max_size=300), chance=choices)
    def post_garbage(self, data: bytes, chance: random.Random) -> None:
        """Bytes that mean nothing, or the transactions waiting, damaged or doubled."""
        chunks = b"".join(encode_blocks(self.play.config.rollup.chain_id, self.pool * chance.choice([1, 2])))
        if chance.random() < 0.5 or not chunks:
            chunks = data.ljust(-(-len(data) // CHUNK) * CHUNK, chance.choice([b"\x00", b"\xff"]))
        else:
            damaged = bytearray(chunks)
            damaged[chance.randrange(len(damaged))] ^= chance.randrange(1, 256)
            chunks = bytes(damaged)
        self.do(self._post(self.sequencer, chunks))

    async def _post(self, poster: LocalAccount, chunks: bytes) -> DerivedRecord:
        record = await self.play.post(poster, chunks)
        await self._read(record)
        return record

    async def _read(self, record: DerivedRecord) -> None:
        """Enters what the batch did into the books, and that it did nothing twice, or out of turn."""
        store, header, books = self.play.store, record.posted.header, self.books
        for place, block_hash in enumerate(record.block_hashes):
            block = store.block(block_hash)
            assert block is not None
            books.burned += block.header.base_fee_per_gas * block.header.gas_used
            credits = [(each.index, each.address, each.amount * GWEI) for each in block.withdrawals]
            if place == 0:
                due = books.deposits[header.deposit_start : header.deposit_end]
                assert credits == [(header.deposit_start + i, *each) for i, each in enumerate(due)]
                books.credited += sum(amount for _, amount in due)
                self.taken_deposits = header.deposit_end
                queued = books.forced[header.forced_start : header.forced_end]
                assert len(books.taken) == header.forced_start
                books.taken += queued
                # Of the forced ones, those included stand first and in their order; each of the others is a no-op.
                included = iter(queued)
                firsts = [raw for raw in block.transactions if raw in queued]
                assert all(any(raw == each for each in included) for raw in firsts)
                assert list(block.transactions[: len(firsts)]) == firsts
            else:
                assert not credits
            for raw in block.transactions:
                assert keccak(raw) not in books.included, "an L2 transaction happened twice"
                books.included.add(keccak(raw))
                self.past.append(raw)
                self._read_messages(raw)
                for index in range(await self._withdrawals_of(raw)):
                    found = await self.reader.initiated(keccak(raw), index)
                    assert found.message.hash not in books.withdrawals
                    books.withdrawals[found.message.hash] = Expected(found, record.index)

    def _read_messages(self, raw: bytes) -> None:
        receipt = self.play.store.receipt(keccak(raw))
        assert receipt is not None
        for log in receipt.logs:
            if log.address == MESSENGER:
                message = self.books.messages[log.topics[1]].message
                assert message.hash not in self.books.done, "a message happened twice"
                self.books.done[message.hash] = DONE[log.topics[0]]
                refunded = DONE[log.topics[0]] == "refunded"
                assert not refunded or decode_transaction(raw).sender == message.refund_to
                assert refunded or message.target != L2_TOKEN_BRIDGE

    async def _withdrawals_of(self, raw: bytes) -> int:
        receipt = self.play.store.receipt(keccak(raw))
        assert receipt is not None
        return sum(log.address == MESSAGE_PASSER for log in receipt.logs)

    @property
    def reader(self) -> WithdrawalReader:
        play = self.play
        return WithdrawalReader(play.l1, play.l2, play.contract, play.portal, play.ground.deployment.block_number)

    @property
    def past(self) -> list[bytes]:
        return self.__dict__.setdefault("_past", [])

    # ---- confirming and paying

    @rule()
    @precondition(lambda self: self.play.node.batch_count > self.confirmed)
    def confirm(self) -> None:
        self.do(self._confirm())

    async def _confirm(self) -> None:
        """Everything derived so far: asserted, left alone for the window, confirmed."""
        play = self.play
        for index in range(self.confirmed, play.node.batch_count):
            record = play.node.derived(index)
            assert record is not None
            parent = self.asserted[-1] if self.asserted else bytes(32)
            self.asserted.append(await self._assert(record, parent))
        await play.travel(play.config.dispute.window + 1)
        for assertion_id in self.asserted[self.confirmed :]:
            await play.send(self.stranger, play.contract.address, Rollup.confirm(assertion_id))
        self.confirmed = len(self.asserted)
        latest = await play.contract.latest_confirmed()
        assert latest.state_root == play.store.head.state_root

    async def _assert(self, record: DerivedRecord, parent: bytes) -> bytes:
        stride, bond = self.play.config.dispute.stride, self.play.config.dispute.assertion_bond
        claims = BatchClaims(record.index, record.hash, record.commitments, record.final_state)
        _, blobs = expected_assertion(claims, stride)
        ends = await open_checkpoints(self.prover, blobs, 0, checkpoint_count(record.steps, stride) - 1)
        data = Rollup.make_assertion(parent, record.hash, record.index, record.steps, record.final_state, ends)
        receipt = await self.play.send(self.stranger, self.play.contract.address, data, bond, blobs)
        made = artifact("Rollup").event([bytes.fromhex(t[2:]) for t in receipt["logs"][0]["topics"]],
                                        bytes.fromhex(receipt["logs"][0]["data"][2:]))
        assert made is not None and made[0] == "AssertionMade"
        return made[1]["id"]

    @rule(chance=choices, at_once=st.booleans())
    @precondition(lambda self: self.books.withdrawals)
    def finalize(self, chance: random.Random, at_once: bool) -> None:
        """Any withdrawal, also too early and a second time: L1 pays each once."""
        self.do(self._finalize(chance.choice(list(self.books.withdrawals.values())), at_once))

    async def _finalize(self, expected: Expected, at_once: bool = True) -> None:
        play, message = self.play, expected.initiated.message
        before = await play.l1.balance(message.target)
        try:
            assertion_id, proof = await self.reader.prove(message)
        except TooEarly:
            assert expected.batch >= self.confirmed and not expected.paid
            return
        assert expected.batch < self.confirmed
        proofs = assertion_id, proof.account_proof, proof.storage_proof
        must_fail = expected.paid or message.target == self.refuser
        try:
            if at_once:
                await play.send(self.stranger, play.portal.address, Portal.prove_and_finalize_withdrawal(message, *proofs))
            else:
                with contextlib.suppress(Refused):  # proven before
                    await play.send(self.stranger, play.portal.address, Portal.prove_withdrawal(message, *proofs))
                await play.send(self.stranger, play.portal.address, Portal.finalize_withdrawal(message))
        except Refused as refused:
            assert must_fail, refused
            assert await play.l1.balance(message.target) == before
            return
        assert not must_fail
        assert await play.l1.balance(message.target) == before + message.value
        expected.paid = True

    # ---- what always holds

    @invariant()
    def the_books_are_right(self) -> None:
        books = self.books
        escrow = self.do(self.play.portal.escrowed())
        assert escrow == books.deposited - books.paid
        assert self.do(self.play.l1.balance(self.play.portal.address)) == escrow
        total = self.play.balances()
        assert total == books.credited - books.burned, "money of L2 from nothing, or into nothing"
        passed = self.play.store.world_at(self.play.store.head).get_balance(MESSAGE_PASSER)
        initiated = sum(each.initiated.message.value for each in books.withdrawals.values())
        assert passed == initiated
        owed = (total - passed) + (books.deposited - books.credited) + (initiated - books.paid)
        assert owed == escrow - books.burned
        world = self.play.store.world_at(self.play.store.head)
        done = sum(sent.message.value for message_hash, sent in books.messages.items() if message_hash in books.done)
        arrived = sum(value for to, value in books.deposits[: self.taken_deposits] if to == MESSENGER)
        assert world.get_balance(MESSENGER) == arrived - done

    # ---- the way out

    async def everyone_leaves(self) -> None:
        """The sequencer never posts again. A stranger, after the timeout, posts what L1 makes it post and nothing else."""
        play, self.pool = self.play, []
        await play.travel(2 * play.config.rollup.exclusive_timeout + 1)
        await self._drain()
        for sent in list(self.books.messages.values()):
            await self._finish_alone(sent)
        leaving: list[tuple[bytes, int]] = []
        for user in self.users:
            world = play.store.world_at(play.store.head)
            value = world.get_balance(address_of(user)) - COST["withdraw"]
            if value > 0:
                self.heirs += 1
                target = keccak(f"exit {self.heirs}".encode())[:20]
                data = artifact("MessagePasser").call("initiateWithdrawal", target, b"")
                await self._force(self.signed(user, world.get_nonce(address_of(user)), MESSAGE_PASSER, value, data))
                leaving.append((target, value))
        await self._drain()
        if play.node.batch_count > self.confirmed:
            await self._confirm()
        for expected in self.books.withdrawals.values():
            if not expected.paid:
                await self._finalize(expected)
        for target, value in leaving:
            assert await play.l1.balance(target) == value, "somebody could not leave"
        assert all(each.paid or each.initiated.message.target == self.refuser for each in self.books.withdrawals.values())

    async def _finish_alone(self, sent: Sent) -> None:
        """Its sender has the call made, or has the value back: through L1, since nobody else helps."""
        if sent.message.hash in self.books.done:
            return
        sender = next(user for user in self.users if address_of(user) == sent.message.sender)
        refused = sent.message.target == L2_TOKEN_BRIDGE
        if refused and not any(sent.message.refund_to):
            return  # made so that nobody can ever have it
        if (await self._known(sent)) and await self._finish_message(sender, sent, refused, True):
            await self._drain()
            assert self.books.done[sent.message.hash] == ("refunded" if refused else "relayed")

    async def _known(self, sent: Sent) -> bool:
        """Makes L2 know it: by one more batch, if need be."""
        known = await MessageReader(self.play.l1, self.play.l2, self.play.portal.address).origin()
        if known is None or known[1] < sent.l1_block:
            await self._post(self.stranger, b"")
        return True

    async def _drain(self) -> None:
        """Empty batches until the queues are."""
        inbox = self.play.inbox
        while await inbox.next_due() != (await inbox.deposit_count(), await inbox.forced_count()):
            await self._post(self.stranger, b"")
        assert len(self.books.taken) == len(self.books.forced)


def address_of(account: LocalAccount) -> bytes:
    return bytes.fromhex(account.address[2:])


def machine(on: Ground, loop: asyncio.AbstractEventLoop, prover: Prover, refuser: bytes) -> type[Economy]:
    attributes: Mapping[str, Any] = {"on": on, "loop": loop, "prover": prover, "refuser": refuser}
    return type("EconomyHere", (Economy,), dict(attributes))
