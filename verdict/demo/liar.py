"""The dishonest asserter: an honest asserter's code over a claim source that lies about one transaction.

It derives the chain like anyone, re-executes the batch, and right after one ERC-20 transfer writes a large balance
of its own into the token. From there on everything is executed honestly, so the claim is consistent up to the last
commitment, and only that one step is wrong.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
from dataclasses import replace
from pathlib import Path

import structlog
from eth_abi import encode

from chain.store import ChainStore
from challenger.game import Rules as GameRules
from derivation.batch import BatchData
from derivation.inputs import DerivationParams
from derivation.node import NodeSettings, RollupNode
from execution.abi import commitment
from execution.encoding import keccak
from execution.rules import Rules
from execution.step import Machine
from execution.types import Transaction
from l1.client import L1Client
from l1.contracts import Inbox, Rollup
from l1.fees import FeeCaps
from l1.txmanager import TransactionManager, TransactionPolicy
from sequencer.asserter import Asserter, AsserterSettings
from sequencer.claims import BatchClaims
from verdict.blob_settings import blob_client
from verdict.config import Config, load_config
from verdict.daemon import run_daemon
from verdict.deployment import Deployment
from verdict.genesis import l2_genesis
from verdict.keys import load_key
from verdict.logging import configure_logging

log = structlog.get_logger("liar")


class LyingClaims:
    """A ClaimSource: the truth, but for the batch that holds `transaction` (hash). Nothing is said of later ones.

    `amount` of `token` (smallest unit) is credited to `thief`; addresses are 20 bytes.
    """

    def __init__(self, node: RollupNode, transaction: bytes, token: bytes, thief: bytes, amount: int) -> None:
        self._node = node
        self._transaction = transaction
        self._token = token
        self._thief = thief
        self._amount = amount
        self._lie: BatchClaims | None = None
        self._honest: set[int] = set()

    def batch_hash(self, index: int) -> bytes | None:
        if self._lie is not None and index > self._lie.batch_index:
            return None
        record = self._node.derived(index)
        return None if record is None else record.hash

    async def claims(self, index: int) -> BatchClaims | None:
        if self._lie is not None and self._lie.batch_index == index:
            return self._lie
        record = self._node.derived(index)
        if record is None:
            return None
        if index not in self._honest:
            data = await self._node.data_of(record)
            lie = await self._node.in_thread(self._tell, data)
            if lie is not None:
                self._lie = lie
                return lie
            self._honest.add(index)
        return BatchClaims(index, record.hash, record.commitments, record.final_state)

    def _tell(self, batch: BatchData) -> BatchClaims | None:
        """None if the transaction isn't in this batch."""
        index, node = batch.header.index, self._node
        state = node.state_before(index)
        assert state is not None
        deriver = node.deriver(batch, state)
        commitments, lied_at = [commitment(state)], None
        while not deriver.ended:
            item = deriver.next_input()
            deriver.step()
            if isinstance(item, Transaction) and keccak(item.raw) == self._transaction:
                self._steal(deriver.machine)
                lied_at = len(commitments)
            commitments.append(commitment(deriver.state))
        if lied_at is None:
            return None
        log.warning("lying", batch=index, step=lied_at, of=len(commitments) - 1)
        return BatchClaims(index, batch.header.hash, tuple(commitments), deriver.state)

    def _steal(self, machine: Machine) -> None:
        balances = 0  # the slot of OpenZeppelin's ERC20._balances
        slot = int.from_bytes(keccak(encode(["address", "uint256"], [self._thief, balances])), "big")
        machine.world.set_storage(self._token, slot, self._amount)
        machine.state = replace(machine.state, state_root=machine.world.root())


async def assert_lies(config: Config, transaction: bytes, token: bytes, thief: bytes, amount: int,
                      stop: asyncio.Event) -> None:
    """Runs until `stop` is set; defends its assertion in games, as the honest would. Its key is the sequencer's of
    `config`'s data directory or environment."""
    deployment, dispute, directory = Deployment.load(config), config.dispute, config.data_dir / "liar"
    rollup, own = config.rollup, config.sequencer.transactions
    params = DerivationParams(rollup.chain_id, bytes.fromhex(rollup.fee_recipient[2:]), rollup.gas_limit, rollup.max_drift)
    poll = config.sequencer.poll
    policy = TransactionPolicy(FeeCaps(own.max_fee, own.max_blob_fee, own.min_tip), own.resubmit_after, poll=poll)
    async with contextlib.AsyncExitStack() as stack:
        l1 = await stack.enter_async_context(L1Client(config.l1.rpc_url))
        beacon = await stack.enter_async_context(blob_client(config, directory))
        store = ChainStore.open(directory / "chain", l2_genesis(config, deployment.l1_addresses))
        stack.callback(store.close)
        transactions = await stack.enter_async_context(TransactionManager(
            l1, load_key("sequencer", config.data_dir).key.hex(), config.l1.chain_id, directory / "transactions", policy))
        inbox, contract = Inbox(l1, deployment.inbox), Rollup(l1, deployment.rollup)
        node = RollupNode(NodeSettings(Rules(chain_id=rollup.chain_id, tx_gas_cap=rollup.tx_gas_cap), params, inbox.address, deployment.block_number,
                                       config.l1.confirmations, poll), store, l1, beacon)
        stack.callback(node.close)
        asserter = Asserter(
            l1, contract, deployment.block_number, transactions, LyingClaims(node, transaction, token, thief, amount),
            AsserterSettings(GameRules(dispute.stride, dispute.arity, dispute.window, dispute.clock),
                             dispute.assertion_bond, confirm=False))
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(node.run()), group.create_task(asserter.run(poll))]
            await stop.wait()
            for task in tasks:
                task.cancel()


def main() -> None:
    path, transaction, token, thief, amount = sys.argv[1:]
    configure_logging("console", "info")
    config = load_config(Path(path))
    run_daemon(lambda stop: assert_lies(
        config, bytes.fromhex(transaction[2:]), bytes.fromhex(token[2:]), bytes.fromhex(thief[2:]), int(amount), stop))


if __name__ == "__main__":
    main()
