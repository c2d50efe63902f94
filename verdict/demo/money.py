"""Scenes about money: a withdrawal that is forced through L1 and paid there, and a batch that L1 confirms at once."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import sys
from typing import TYPE_CHECKING

from bridge.predeploys import MESSAGE_PASSER
from bridge.withdrawals import WithdrawalReader
from execution.encoding import keccak
from l1.artifacts import artifact
from l1.client import L1Client
from l1.contracts import Portal, Rollup
from verdict.demo.network import BOB, account
from verdict.demo.processes import ROOT
from verdict.demo.traffic import ETHER

if TYPE_CHECKING:
    from verdict.demo.show import Story

ATTEMPTS = 3
CAROL = keccak(b"Carol")[:20]
"""Bob withdraws to her: an account that nobody has the key of, so that what it has on L1 is what it was paid."""


async def force_withdrawal(story: Story) -> bytes:
    """Bob's withdrawal of an ether goes to L2 through L1. The hash of its L2 transaction, which is in a block."""
    story.timeline.say("L2", "Bob withdraws an ether to Carol, and sends that through L1 too: no sequencer can leave it out")
    data = artifact("MessagePasser").call("initiateWithdrawal", CAROL, b"")
    raw = await story.bob.sign(to=story.l2.to_checksum_address(MESSAGE_PASSER), value=ETHER, data="0x" + data.hex(), gas=200_000)
    inbox = story.contracts.inbox.functions
    fee = await inbox.forceFee().call()
    await story.on_l1(inbox.forceTransaction(raw), 2 * fee)
    receipt = await story.l2.eth.wait_for_transaction_receipt(keccak(raw), timeout=40, poll_latency=0.2)  # type: ignore[arg-type]
    story.timeline.say("L2", f"[magenta]block {receipt['blockNumber']:<3}[/magenta] Bob's withdrawal, forced "
                       f"[dim]{receipt['gasUsed']:,} gas[/dim]")
    return keccak(raw)


async def finalize_withdrawal(story: Story, transaction: bytes) -> None:
    """Proves it against the state root that L1 has just confirmed, and has it paid."""
    deployment = story.contracts.deployment
    async with L1Client(f"http://127.0.0.1:{story.config.sequencer.port}") as l2:
        reader = WithdrawalReader(story.l1, l2, Rollup(story.l1, deployment.rollup), Portal(story.l1, deployment.portal),
                                  deployment.block_number)
        withdrawal = (await reader.initiated(transaction)).message
        assertion_id, proof = await reader.prove(withdrawal)
    story.timeline.say("Bob", f"proves to L1 that the confirmed state has the withdrawal: {len(proof.account_proof)} and "
                       f"{len(proof.storage_proof)} trie nodes")
    await story.on_l1(story.contracts.portal.functions.proveAndFinalizeWithdrawal(
        withdrawal.as_tuple(), assertion_id, list(proof.account_proof), list(proof.storage_proof)), 0)


async def settle_now(story: Story) -> None:
    """Bob, who is nobody in particular, runs `verdict settle`: the next batch is confirmed without its window."""
    timeline = story.timeline
    timeline.title("a batch settled at once")
    for _ in range(ATTEMPTS):
        timeline.say("Bob", "runs verdict settle: EXECUTE over all steps of the next batch, no bond, no window")
        await _settle(story)
        if await _was_settled(story):
            return
        timeline.say("Bob", "the window was over before that: the sequencer's assertion was confirmed; so the next batch")
        await story.unconfirmed_batch()


async def _was_settled(story: Story) -> bool:
    head = (await story.l1.head()).number
    events = story.contracts.events(story.contracts.deployment.block_number, head)
    return any([event.name == "SegmentSettled" async for event in events])


async def _settle(story: Story) -> None:
    timeline = story.timeline
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "verdict", "settle", "--config", str(story.network.toml), cwd=ROOT,
        env={**os.environ, "VERDICT_USER_KEY": account(BOB).key.to_0x_hex()}, stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT)
    try:
        assert process.stdout is not None
        async for line in process.stdout:
            text = re.sub(r"\s+", " ", line.decode(errors="replace")).strip()
            if text:
                timeline.say("", f"[dim]{text}[/dim]".replace("\\[", "["))
        await process.wait()
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
