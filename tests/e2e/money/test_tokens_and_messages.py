"""An ERC-20 there and back, and messages: relayed by anyone, refunded to one, each once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from eth_account import Account

from bridge import tokens
from bridge.errors import BridgeError
from l1.artifacts import artifact
from l1.candidates import TransactionError
from tests.e2e.devnet import ETHER, USER, Devnet
from tests.e2e.money.terminal import Terminal
from verdict.errors import EXIT_REFUSED
from verdict.wallet import messages, withdrawals
from verdict.wallet.deposits import deposit

WINDOW = 3600  # seconds
SUPPLY = 1000 * ETHER


async def create(net: Devnet, w3: Any, index: int, name: str, *arguments: Any) -> bytes:
    """A contract by test account `index`: its address."""
    receipt = await net.send(w3, net.account(index), to=None, data=artifact(name).deployment(*arguments), gas=3_000_000)
    return bytes.fromhex(receipt["contractAddress"][2:])


async def test_a_token_there_and_back(tmp_path: Path) -> None:
    async with Devnet(tmp_path, {"dispute.window": f"{WINDOW}s"}) as net:
        user, heir = net.account(USER), Account.create()
        token = await create(net, net.w3, USER, "DemoToken", SUPPLY)
        bridge = bytes.fromhex(net.deployment.token_bridge[2:])
        terminal = Terminal(net, user)
        async with net.sequencer():
            facts = await terminal.does("deposit", "12.5 DEMO", "--token", "0x" + token.hex())
            on_l2 = bytes.fromhex(facts["l2_token"][2:])
            assert int(facts["balance"]) == 125 * ETHER // 10
            facts = await terminal.does("withdraw", "start", "2.5", "--token", "0x" + token.hex(), "--to", heir.address)
            tx = bytes.fromhex(facts["transaction"][2:])
            async with terminal.session() as session:
                l1, l2 = session.l1, session.node
                described = await tokens.read_token(l2, on_l2)
                assert (described.symbol, described.decimals) == ("DEMO", 18)
                assert await tokens.balance_of(l2, on_l2, session.address) == 10 * ETHER
                assert await tokens.balance_of(l1, token, bridge) == 125 * ETHER // 10
                assert await tokens.allowance(l1, token, session.address, bridge) == 0  # it was let have that much, no more
                to = session.address
                for amount, why in (("11", "not 11 DEMO"), ("1 USDC", "not the token's symbol"), ("x", "not an amount")):
                    with pytest.raises(BridgeError, match=why):
                        await withdrawals.start(session, amount, to, b"", token, False)
                with pytest.raises(BridgeError, match="not 1000 DEMO"):
                    await deposit(session, "1000", to, token, True)
                with pytest.raises(BridgeError, match="no contract"):
                    await deposit(session, "1", to, b"\x77" * 20, True)
                with pytest.raises(BridgeError, match="no ERC-20"):
                    await deposit(session, "1", to, bytes.fromhex(net.deployment.inbox[2:]), True)
                reader = withdrawals.reader(session)
                withdrawal = await reader.initiated(tx)

                async def asserted() -> bool:
                    return (await reader.standing(withdrawal)).at is not None

                await net.until(asserted, "an assertion covers the withdrawal")
                await net.travel(WINDOW + 1)
            await terminal.does("withdraw", "finalize", "0x" + tx.hex(), "--wait", key=net.account(9))
            async with terminal.session() as session:
                heirs = bytes.fromhex(heir.address[2:])
                assert await tokens.balance_of(session.l1, token, heirs) == 25 * ETHER // 10
                assert await tokens.balance_of(session.l1, token, bridge) == 10 * ETHER
                with pytest.raises(BridgeError, match="finalized already"):
                    await withdrawals.finalize(session, withdrawal, False)


@pytest.mark.slow
async def test_messages(tmp_path: Path) -> None:
    async with Devnet(tmp_path) as net:
        user, other = net.account(USER), net.account(9)
        terminal, l2 = Terminal(net, user), net.l2()
        async with net.sequencer():
            counter = await create(net, l2, 6, "Counter")
            increment = artifact("Counter").call("increment") if "increment" in artifact("Counter").functions else b""
            facts = await terminal.does("message", "send", "0x" + counter.hex(), "--data", increment.hex())
            assert facts["relayed"]
            sent = facts["l1_transaction"]
            assert (await terminal.does("message", "status", sent))["status"] == "done"
            assert (await terminal.does("message", "relay", sent, key=other))["relayed"]  # it was already: nothing to pay

            # value that its call can't take goes back to whom the message named, and to nobody else
            facts = await terminal.does("message", "send", "0x" + counter.hex(), "--value", "1 ether", "--data", "ffffffff",
                                        "--refund-to", other.address, "--no-relay")
            sent = facts["l1_transaction"]
            said = await terminal.run("message", "refund", sent)
            assert said.code == EXIT_REFUSED and "can have the value back" in said.err
            async with terminal.session() as session:
                reader = messages.reader(session)
                message = await reader.sent(bytes.fromhex(sent[2:]))
                await messages._known(session, message)
                with pytest.raises(TransactionError):
                    await messages.relay_when_known(session, message)
                assert not await reader.is_relayed(message.message.hash)
            before = await l2.eth.get_balance(other.address)
            facts = await terminal.does("message", "refund", sent, key=other)
            gas = int(facts["l2_fee"])
            assert await l2.eth.get_balance(other.address) == before + ETHER - gas
            said = await terminal.run("message", "refund", sent, key=other)
            assert said.code == EXIT_REFUSED and "already" in said.err
            said = await terminal.run("message", "relay", "0x" + "00" * 32)
            assert said.code == EXIT_REFUSED and "no transaction" in said.err
