"""sequencing = "single", and the sequencer is gone for good: anyone takes over, and everyone can leave."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from eth_account import Account

from bridge.predeploys import MESSAGE_PASSER
from execution.encoding import keccak
from l1.artifacts import artifact
from l1.contracts import Inbox, Portal
from sequencer.service import SequencerService
from tests.e2e.devnet import ETHER, SEQUENCER, USER, Devnet
from tests.e2e.money.terminal import Terminal
from tests.e2e.sequencer.test_based import signed
from tests.e2e.sequencer.test_sequencer import safe_at_least, transfer
from verdict.errors import EXIT_REFUSED

STRANGER, LEAVING = 9, 5
SINK = "0x" + "99" * 20


@pytest.mark.slow
async def test_a_stranger_takes_over_when_the_sequencer_is_gone(tmp_path: Path) -> None:
    async with Devnet(tmp_path, {"sequencer.batch_interval": "1s"}) as net:
        l2 = net.l2()
        async with net.sequencer():
            last = (await transfer(net, l2))["blockNumber"]
            batches = (await safe_at_least(net, l2, last))["derivedBatches"]

        async with SequencerService(net.another(sequencer=net.account(STRANGER))) as stranger:
            parts = stranger.parts
            forced, plain = (signed(net.account(LEAVING), nonce, SINK, 7) for nonce in (0, 1))
            inbox = Inbox(net.rpc, net.deployment.inbox)
            [fee] = await inbox.read("forceFee")
            await net.send(net.w3, net.account(USER), to=net.deployment.inbox, value=2 * fee, data=Inbox.force_transaction(forced))
            await parts.node.submit(plain)
            seen = (await net.rpc.head()).number + 4

            async def looked() -> Any:
                at = parts.view_of_l1()
                return at is not None and at.head >= seen and at.forced_count == 1

            await net.until(looked, "it has seen L1 for a while")
            assert parts.builder.blocks_built == 0, "the right is another's: it stands by"
            assert parts.derived.count == batches
            await net.travel(86_401)

            async def included() -> Any:
                safe = parts.node.resolve("safe")
                return safe is not None and parts.node.world_at(safe).get_nonce(bytes.fromhex(net.account(LEAVING).address[2:])) == 2

            await net.until(included, "what was forced and what it was sent are safe")
            posted = (await net.events("BatchPosted"))[batches:]
            assert {event.args["poster"] for event in posted} == {net.account(STRANGER).address}
            assert posted[0].args["header"]["forcedEnd"] == 1, "the first batch takes what was forced"
            assert parts.follower.alarms == 0 and parts.builder.blocks_built >= 1

            async def asserted() -> Any:
                return len(await net.events("AssertionMade")) >= parts.derived.count

            await net.until(asserted, "every batch is asserted")
            await net.travel(601)

            async def confirmed() -> Any:
                return await net.confirmed_batches() >= parts.derived.count

            await net.until(confirmed, "every batch is confirmed")
            assert net.account(SEQUENCER).address not in {event.args["poster"] for event in posted}


@pytest.mark.slow
async def test_everyone_can_leave_when_the_sequencer_is_gone(tmp_path: Path) -> None:
    """A deposit, and the sequencer is gone. The depositor forces a withdrawal through L1 and does the rest with a stranger's
    node: nobody else's leave is needed."""
    leaver = Account.create()
    async with Devnet(tmp_path, {"sequencer.batch_interval": "1s", "rollup.alloc": []}) as net:
        terminal = Terminal(net, leaver)
        await net.send(net.w3, net.account(USER), to=leaver.address, value=2 * ETHER)
        async with net.sequencer():
            # A deposit is credited at the end of a batch's first block: what spends it must be in a later one.
            await safe_at_least(net, net.l2(), (await terminal.does("deposit", "1 ether"))["credited_in"])
        home = Account.create().address
        message_to = bytes.fromhex(home[2:])

        stranger_config = net.another(sequencer=net.account(STRANGER))
        async with SequencerService(stranger_config) as stranger:
            parts = stranger.parts
            raw = bytes(leaver.sign_transaction({
                "chainId": 42069, "nonce": 0, "gas": 200_000, "to": "0x" + MESSAGE_PASSER.hex(), "value": ETHER // 2, "type": 2,
                "maxFeePerGas": 10**10, "maxPriorityFeePerGas": 0,
                "data": artifact("MessagePasser").call("initiateWithdrawal", message_to, b"")}).raw_transaction)
            await terminal.does("force", "0x" + raw.hex(), "--no-wait")
            await net.travel(86_401)
            rpc = ("--l2-rpc", stranger.url)
            tx_hash = "0x" + keccak(raw).hex()

            async def included() -> Any:
                safe = parts.node.resolve("safe")
                return safe is not None and parts.node.world_at(safe).get_nonce(bytes.fromhex(leaver.address[2:])) == 1

            await net.until(included, "the withdrawal is on L2, safe")
            batches = parts.derived.count

            async def asserted() -> Any:
                return len(await net.events("AssertionMade")) >= batches

            await net.until(asserted, "every batch is asserted")
            early = await terminal.run("withdraw", "prove", tx_hash, *rpc)
            assert early.code == EXIT_REFUSED, "not before it is confirmed"
            await net.travel(601)

            async def confirmed() -> Any:
                return await net.confirmed_batches() >= batches

            await net.until(confirmed, "every batch is confirmed")
            await terminal.does("withdraw", "prove", tx_hash, *rpc)
            await terminal.does("withdraw", "finalize", tx_hash, *rpc)
            assert await net.w3.eth.get_balance(net.w3.to_checksum_address(home)) == ETHER // 2
            assert await Portal(net.rpc, net.deployment.portal).escrowed() == ETHER // 2
