"""What is known of batch 0 of a devnet, and parties that assert whatever they like about it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_utils import to_checksum_address

from challenger.game import Rules as GameRules
from derivation.node import RollupNode
from derivation.records import DerivedRecord
from execution.calls import contract_address
from l1.client import L1Client
from l1.contracts import Inbox, Portal, Rollup
from l1.events import AssertionStatus
from l1.fees import FeeCaps
from l1.txmanager import TransactionManager, TransactionPolicy
from sequencer.asserter import Asserter, AsserterSettings
from sequencer.claims import BatchClaims
from tests.adversarial.kit.lies import Liar, Truth
from tests.e2e.devnet import ETHER, Devnet

WINDOW, CLOCK = 12 * 3600, 4 * 3600  # seconds; nobody runs out of time unless a test travels
FIRST_LIAR = 10  # index of the test account that the first liar uses
TRANSFERS = 24  # L2 transactions of the batch's data


@dataclass
class Party:
    """Somebody who asserts on L1, `asserter`, and what they claim."""

    address: bytes
    asserter: Asserter
    transactions: TransactionManager
    task: asyncio.Task[None]

    async def silence(self) -> None:
        """From now on they do nothing."""
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)


class Arena:
    """`truth`: what batch 0 really does. `rollup`: of a connection of its own."""

    def __init__(self, net: Devnet, l1: L1Client, node: RollupNode, truth: Truth) -> None:
        self.net = net
        self.l1 = l1
        self.node = node
        self.truth = truth
        self.rollup = Rollup(l1, net.deployment.rollup)
        dispute = net.config.dispute
        self.rules = GameRules(dispute.stride, dispute.arity, int(dispute.window), int(dispute.clock))
        self._parties = 0

    @contextlib.asynccontextmanager
    async def party(self, *claims: BatchClaims, account: LocalAccount | None = None, poll: float = 1.0) -> AsyncIterator[Party]:
        """An asserter of these claims, defending them in games, on an account of its own or the one given. `poll`: seconds."""
        if account is None:
            account = self.net.account(FIRST_LIAR + self._parties)
            self._parties += 1
        async with L1Client(self.net.l1.rpc_url) as l1, self.sender(account, l1) as transactions:
            asserter = Asserter(
                l1, Rollup(l1, self.net.deployment.rollup), self.net.deployment.block_number, transactions, Liar(*claims),
                AsserterSettings(self.rules, self.net.config.dispute.assertion_bond, confirm=False))
            task = asyncio.create_task(asserter.run(poll), name=f"party {account.address}")
            party = Party(transactions.address, asserter, transactions, task)
            try:
                yield party
            finally:
                await party.silence()

    @contextlib.asynccontextmanager
    async def sender(self, account: LocalAccount, l1: L1Client | None = None) -> AsyncIterator[TransactionManager]:
        directory = self.net.directory / f"transactions-{account.address}"
        policy = TransactionPolicy(FeeCaps(500 * 10**9, 500 * 10**9, 10**9), resubmit_after=5.0, poll=0.2)
        async with TransactionManager(l1 or self.l1, account.key.hex(), 31337, directory, policy) as transactions:
            yield transactions

    async def assertion_of(self, who: bytes) -> bytes:
        """The id of their first assertion, once it is on L1."""

        async def made() -> bytes | None:
            for event in await self.net.events("AssertionMade"):
                if bytes.fromhex(event.args["asserter"][2:]) == who:
                    return bytes(event.args["id"])
            return None

        return await self.net.until(made, f"0x{who.hex()} asserts", timeout=90)

    async def status(self, assertion_id: bytes) -> AssertionStatus:
        return (await self.rollup.assertion(assertion_id)).status

    async def until_status(self, assertion_id: bytes, status: AssertionStatus, timeout: float = 120) -> None:
        async def reached() -> bool:
            return await self.status(assertion_id) is status

        await self.net.until(reached, f"assertion {assertion_id.hex()[:8]} is {status.name}", timeout=timeout)

    async def kills(self) -> dict[bytes, Any]:
        """AssertionKilled events by assertion."""
        return {bytes(event.args["id"]): event.args for event in await self.net.events("AssertionKilled")}

    async def confirm_honest(self) -> None:
        """Lets the window pass; the sequencer's assertion must then be confirmed, so the L2 state is what it says."""
        right = self.truth.states[-1].state_root

        async def asserted() -> bool:
            return any(bytes(event.args["stateRoot"]) == right for event in await self.net.events("AssertionMade", "AssertionConfirmed"))

        await self.net.until(asserted, "the honest assertion is made", timeout=120)
        await self.net.travel(int(self.rules.window) + 1)

        async def confirmed() -> bool:
            return await self.net.confirmed_batches() >= 1

        await self.net.until(confirmed, "the honest assertion is confirmed", timeout=120)
        about = [await self.rollup.assertion(bytes(each.args["id"])) for each in await self.net.events("AssertionConfirmed")
                 if any(each.args["id"])]
        assert {each.state_root for each in about if each.batch_index == 0} == {right}


async def queue(net: Devnet) -> None:
    """Two deposits, a forced transaction that is valid, and two that aren't."""
    payer = net.account(9)
    for recipient in (b"\x0d" * 20, b"\x0e" * 20):
        await net.send(net.w3, payer, to=net.deployment.portal, data=Portal.deposit(recipient), value=ETHER)
    for nonce, chain_id in ((0, 42069), (7, 42069), (1, 1)):
        raw = net.account(8).sign_transaction({
            "nonce": nonce, "chainId": chain_id, "gas": 21_000, "to": net.account(7).address, "value": 5,
            "maxFeePerGas": 10**10, "maxPriorityFeePerGas": 10**9}).raw_transaction
        await net.send(net.w3, payer, to=net.deployment.inbox, data=Inbox.force_transaction(bytes(raw)), value=ETHER // 1000)


COUNTER = "0x6760015f54015f55005f5260086018f3"
"""Creates a contract that adds one to its first slot whenever it is called."""


async def transact(net: Devnet, first_nonce: int) -> None:
    """Transfers to fresh accounts, a contract creation and a call of it, all within one batch."""
    l2 = net.l2()
    account = net.account(6)
    try:
        for nonce in range(first_nonce, first_nonce + TRANSFERS):
            fields: dict[str, Any] = {
                "nonce": nonce, "chainId": 42069, "gas": 21_000, "value": 1, "to": Account.create().address,
                "maxFeePerGas": 10**10, "maxPriorityFeePerGas": 10**9}
            if nonce == first_nonce + TRANSFERS // 2:
                fields |= {"to": "", "data": COUNTER, "gas": 200_000, "value": 0}
            elif nonce == first_nonce + TRANSFERS // 2 + 1:
                counter = contract_address(bytes.fromhex(account.address[2:]), nonce - 1)
                fields |= {"to": to_checksum_address(counter), "gas": 100_000, "value": 0}
            await l2.eth.send_raw_transaction(account.sign_transaction(fields).raw_transaction)
    finally:
        await l2.provider.disconnect()  # type: ignore[attr-defined]


async def derive(node: RollupNode, index: int) -> DerivedRecord:
    """Waits until the batch is on L1, and derives it."""
    async with asyncio.timeout(90):
        while (record := node.derived(index)) is None:
            await node.advance()
            await asyncio.sleep(0.2)
    return record
