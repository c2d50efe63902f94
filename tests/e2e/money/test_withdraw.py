"""Money in and out again, as a user does it: deposit, withdraw start, prove, finalize; and every way of doing it wrong."""

from __future__ import annotations

from pathlib import Path

import pytest
from eth_account import Account

from bridge.errors import BridgeError, NotFound, TooEarly
from bridge.withdrawals import Stage
from tests.e2e.devnet import ETHER, USER, Devnet
from tests.e2e.money.terminal import Terminal
from verdict.errors import EXIT_REFUSED
from verdict.wallet import withdrawals

WINDOW = 3600  # seconds


async def test_there_and_back(tmp_path: Path) -> None:
    async with Devnet(tmp_path, {"dispute.window": f"{WINDOW}s"}) as net:
        user, heir = net.account(USER), Account.create()
        terminal = Terminal(net, user)
        async with net.sequencer():
            await terminal.does("deposit", "5 ether")
            facts = await terminal.does("withdraw", "start", "2 ether", "--to", heir.address)
            tx = facts["transaction"]
            assert facts["status"] in ("waiting for its batch", "waiting for an assertion", "waiting for confirmation")
            said = await terminal.run("withdraw", "finalize", tx)
            assert said.code == EXIT_REFUSED and "too early" in said.err

            async with terminal.session() as session:
                reader = withdrawals.reader(session)
                first = await reader.initiated(bytes.fromhex(tx[2:]))

                async def asserted() -> bool:
                    return (await reader.standing(first)).at is not None

                await net.until(asserted, "an assertion covers the withdrawal")
                at = (await reader.standing(first)).at
                assert at is not None and 0 < at - await net.now() <= WINDOW
                with pytest.raises(TooEarly):  # not even its proof can be made
                    await reader.prove(first.message)
                await withdrawals.start(session, "3 gwei", bytes.fromhex(heir.address[2:]), b"", None, False)
                second = bytes.fromhex(session.report.facts["transaction"][2:])
                await net.until(lambda: _covered(reader, second), "an assertion covers the second one too")
            await net.travel(WINDOW + 1)
            facts = await terminal.does("withdraw", "finalize", tx, "--wait")
            assert facts["status"] == "finalized" and await net.w3.eth.get_balance(heir.address) == 2 * ETHER
            async with terminal.session() as session:
                assert (await withdrawals.status(session, first)).stage is Stage.FINALIZED
                for again in (withdrawals.finalize, withdrawals.prove):
                    with pytest.raises(BridgeError, match="finalized already"):
                        await again(session, first, False)
                assert await net.w3.eth.get_balance(heir.address) == 2 * ETHER
                withdrawal = await withdrawals.reader(session).initiated(second)
                await withdrawals.prove(session, withdrawal, True)
                with pytest.raises(BridgeError, match="proven already"):
                    await withdrawals.prove(session, withdrawal, False)
            stranger = net.account(9)  # anyone may, and gets nothing from it
            async with terminal.session(stranger) as session:
                await withdrawals.finalize(session, withdrawal, False)
            assert await net.w3.eth.get_balance(heir.address) == 2 * ETHER + 3 * 10**9
            assert await net.contracts.portal.functions.escrowed().call() == 3 * ETHER - 3 * 10**9

            async with terminal.session() as session:
                portal = bytes.fromhex(net.deployment.portal[2:])
                with pytest.raises(BridgeError, match="never pays"):
                    await withdrawals.start(session, "1 ether", portal, b"", None, False)
                with pytest.raises(NotFound, match="0 withdrawals"):
                    l2 = net.l2()
                    plain = await net.send(l2, user, to=heir.address, value=1, gas=21_000)
                    await withdrawals.reader(session).initiated(bytes(plain["transactionHash"]))
                with pytest.raises(NotFound, match="no transaction"):
                    await withdrawals.reader(session).initiated(bytes(32))
                with pytest.raises(NotFound, match="not 2"):
                    await withdrawals.reader(session).initiated(second, 1)


async def _covered(reader: withdrawals.WithdrawalReader, transaction: bytes) -> bool:
    return (await reader.standing(await reader.initiated(transaction))).at is not None
