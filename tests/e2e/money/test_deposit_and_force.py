"""`verdict deposit` and `verdict force` as a user runs them: processes, real daemons, a real L1."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from eth_account import Account
from eth_account.signers.local import LocalAccount

from bridge.errors import BridgeError
from l1.candidates import TransactionError
from tests.e2e.devnet import ETHER, USER, Devnet
from tests.e2e.money.terminal import Terminal, interrupted
from verdict.errors import EXIT_FORCED, EXIT_L2
from verdict.wallet import forced
from verdict.wallet.deposits import deposit


def signed(account: LocalAccount, to: LocalAccount, **changes: Any) -> bytes:
    return bytes(account.sign_transaction({
        "chainId": 42069, "nonce": 0, "to": to.address, "value": 7, "gas": 21_000, "maxFeePerGas": 10**10,
        "maxPriorityFeePerGas": 10**9, **changes}).raw_transaction)


@pytest.mark.slow
async def test_deposits_and_forced_transactions(tmp_path: Path) -> None:
    async with Devnet(tmp_path) as net:
        user, friend, stranger = net.account(USER), Account.create(), Account.create()
        terminal, l2 = Terminal(net, user), net.l2()
        async with net.sequencer():
            facts = await terminal.does("deposit", "1 ether", "--to", friend.address)
            assert await l2.eth.get_balance(friend.address) == ETHER == int(facts["balance"])
            block = await l2.eth.get_block(facts["credited_in"])
            assert [(each["index"], each["amount"]) for each in block["withdrawals"]] == [(facts["deposit_index"], 10**9)]
            # a friend without anything on L1 has a transaction forced by the user
            facts = await terminal.does("force", "0x" + signed(friend, user).hex())
            assert facts["included"] and facts["succeeded"]
            assert await l2.eth.get_transaction_count(friend.address) == 1

            async with terminal.session() as session:
                to = bytes.fromhex(friend.address[2:])
                for amount, why in (("1 wei", "whole gwei"), ("0 ether", "more than none"), ("1", "has no unit")):
                    with pytest.raises(BridgeError, match=why):
                        await deposit(session, amount, to, None, True)
                with pytest.raises(BridgeError, match="for chain 1"):
                    await forced.force(session, signed(friend, user, chainId=1))
                with pytest.raises(BridgeError, match="L2 has this transaction already"):
                    await forced.force(session, signed(friend, user))
                assert await forced.force(session, signed(friend, user, value=8)) is None  # its nonce is used: a no-op
                assert session.report.facts["included"] is False
                assert await forced.force(session, await forced.sign(session, to, ETHER, b"", None, None)) is not None
                assert await l2.eth.get_balance(friend.address) > 3 * ETHER // 2
            async with terminal.session(stranger) as session:
                with pytest.raises(TransactionError):
                    await deposit(session, "1 ether", to, None, True)
                with pytest.raises(BridgeError, match="no-op"):
                    await forced.sign(session, to, 0, b"", 21_000, None)
            assert await net.contracts.inbox.functions.depositCount().call() == 1
            assert await net.contracts.inbox.functions.forcedCount().call() == 3


@pytest.mark.slow
async def test_without_a_sequencer_commands_say_what_is_the_matter(tmp_path: Path) -> None:
    async with Devnet(tmp_path) as net:
        terminal, friend = Terminal(net, net.account(USER)), Account.create()
        said = await terminal.run("deposit", "1 ether")
        assert said.code == EXIT_L2 and "no L2 node answers" in said.err
        # without any node of L2 a signed transaction can be forced all the same
        facts = await terminal.does("force", "0x" + signed(net.account(USER), friend).hex())
        assert facts["index"] == 0 and "included" not in facts
        async with net.node():
            process = await terminal.start("force", "--to", friend.address, "--value", "1 ether", "--nonce", "1")
            assert process.stdout is not None
            told = b""
            while b"anyone may post" not in told:
                told = await process.stdout.readline()
                assert told, (await process.communicate())[1]
            said = await interrupted(process)
            assert said.code == EXIT_FORCED and "what was sent stays sent" in said.err
            assert await net.contracts.inbox.functions.forcedCount().call() == 2
