"""What real L2 blocks burned, credited on L1 by their headers, in several transactions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bridge.burned_fees import confirmed_assertion, credit_calls, headers_of, read_credited
from bridge.errors import BridgeError, ProofError
from l1.client import L1Client
from l1.contracts import Portal, Rollup
from tests.e2e.devnet import ETHER, USER, Devnet
from tests.e2e.money.terminal import Terminal
from tests.e2e.sequencer.test_sequencer import safe_at_least, transfer

RECIPIENT = "0x" + "bf" * 20


@pytest.mark.slow
async def test_burned_fees_are_paid_out_of_the_escrow(tmp_path: Path) -> None:
    overrides = {"rollup.burned_fees_to": RECIPIENT, "sequencer.batch_interval": "1s"}
    async with Devnet(tmp_path, overrides) as net, net.sequencer():
        l2, portal, rollup = net.l2(), Portal(net.rpc, net.deployment.portal), Rollup(net.rpc, net.deployment.rollup)
        with pytest.raises(BridgeError, match="no assertion is confirmed yet"):
            await confirmed_assertion(rollup)
        await net.send(net.w3, net.account(USER), to=net.deployment.portal, value=ETHER,
                       data=Portal.deposit(b"\x77" * 20))
        for _ in range(6):
            last = (await transfer(net, l2))["blockNumber"]
        batches = (await safe_at_least(net, l2, last))["derivedBatches"]

        async def asserted() -> Any:
            return len(await net.events("AssertionMade")) >= batches

        await net.until(asserted, "every batch is asserted")
        await net.travel(601)

        async def confirmed() -> Any:
            return await net.confirmed_batches() >= batches

        await net.until(confirmed, "every batch is confirmed")
        assertion, first = await confirmed_assertion(rollup), await confirmed_assertion(rollup, 0)
        assert (await rollup.assertion(assertion)).batch_index >= (await rollup.assertion(first)).batch_index == 0
        with pytest.raises(BridgeError, match="is not confirmed"):
            await confirmed_assertion(rollup, 1000)

        async with L1Client(f"http://127.0.0.1:{net.config.sequencer.port}") as node:
            headers = headers_of(node)

            async def lying(block_hash: bytes) -> bytes:
                return (await headers(block_hash))[:-1] + b"\0"

            with pytest.raises(ProofError):
                await anext(credit_calls(portal, rollup, assertion, lying))
            terminal, paid = Terminal(net, net.account(USER)), 0
            assert (await terminal.does("burned-fees", "--status"))["credited"] == 0
            async for call in credit_calls(portal, rollup, assertion, headers, per_call=2):
                assert not call.pays
                receipt = await net.send(net.w3, net.account(USER), to=net.deployment.portal, data=call.data)
                assert receipt["status"] == 1
                paid += call.burned
                break
            facts = await terminal.does("burned-fees")  # goes on where that has stopped
            paid += int(facts["burned"])
            said = await terminal.run("burned-fees")
            assert said.code == 0 and "all confirmed blocks are" in said.out
            assert [call async for call in credit_calls(portal, rollup, assertion, headers)] == []
            assert [call async for call in credit_calls(portal, rollup, first, headers)] == []
        top = (await read_credited(portal)).number
        blocks = [await l2.eth.get_block(number) for number in range(1, top + 1)]
        assert paid == sum(block["baseFeePerGas"] * block["gasUsed"] for block in blocks) > 0 and top >= last
        assert await net.w3.eth.get_balance(net.w3.to_checksum_address(RECIPIENT)) == paid
        assert await portal.escrowed() == ETHER - paid
