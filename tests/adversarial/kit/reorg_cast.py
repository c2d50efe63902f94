"""Everybody who is honest on an L1 that goes back, and what must be true in the end."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from eth_account import Account

from challenger.service import ChallengerService
from node.service import NodeService
from sequencer.service import SequencerService
from tests.adversarial.kit import Devnet, Stage
from tests.adversarial.kit.books import balanced, lost
from tests.adversarial.kit.reorgs import KINDS, Moment, Reorgs, agree
from tests.e2e.devnet import CHALLENGER, SEQUENCER

ROOM = 70  # L1 blocks
DEPOSIT = 3 * 10**15  # wei


@dataclass
class Cast:
    """The honest, all three; who was sent one wei on L2, in `paid`."""

    net: Devnet
    sequencer: SequencerService
    node: NodeService
    challenger: ChallengerService
    reorgs: Reorgs
    paid: dict[bytes, int]

    async def pay(self) -> None:
        """One wei to somebody new on L2, which makes a batch."""
        l2, who = self.net.l2(), Account.create()
        nonce = len(self.paid)
        await l2.eth.send_raw_transaction(self.net.account(5).sign_transaction({
            "nonce": nonce, "chainId": 42069, "gas": 21_000, "value": 1, "to": who.address,
            "maxFeePerGas": 10**10, "maxPriorityFeePerGas": 10**9}).raw_transaction)
        self.paid[bytes.fromhex(who.address[2:])] = 1

    async def during(self, kind: str, moment: Moment, depth: int, **options: Any) -> None:
        await self.reorgs.strike(KINDS[kind], moment, depth, **options)

    async def agree(self, balances: dict[bytes, int] | None = None) -> None:
        await agree(self.net, self.sequencer.parts.derivation, self.node.parts.derivation, self.challenger.parts.node,
                    balances={**self.paid, **(balances or {})})
        assert self.sequencer.parts.follower.alarms == 0

    async def asserted(self) -> None:
        """The last batch is."""
        net = self.net

        async def made() -> bool:
            known = {bytes(each.args["batchHash"]) for each in await net.events("AssertionMade")}
            return (await net.contracts.inbox.functions.headBatch().call())[0] in known

        await net.until(made, "the last batch is asserted", timeout=120)

    async def confirmed(self) -> None:
        """All that is on L1 now is confirmed, and the books are right: nobody honest has lost more than gas."""
        net = self.net
        await self.asserted()
        count: int = (await net.contracts.inbox.functions.headBatch().call())[1]
        for _ in range(count):
            if await net.confirmed_batches() >= count:
                break
            before = await net.confirmed_batches()
            await net.travel(int(net.config.dispute.window) + 1)

            async def more(before: int = before) -> bool:
                return await net.confirmed_batches() > before

            await net.until(more, "what has waited for its window is confirmed", timeout=120)
        await self.honest_books()

    async def honest_books(self, execute_fees: int = 0) -> None:
        """`execute_fees`: wei that the sequencer has paid for settling."""
        net = self.net
        await net.rpc.request("evm_setIntervalMining", [0])
        await balanced(net)
        for index in (SEQUENCER, CHALLENGER):
            who = bytes.fromhex(net.account(index).address[2:])
            wei = await lost(net, who)
            net.say("scenario", f"account {index} lost {wei} wei beside gas")
            assert wei <= (execute_fees if index == SEQUENCER else 0), f"account {index} lost {wei} wei beside gas"
        await net.rpc.request("evm_setIntervalMining", [500])


@contextlib.asynccontextmanager
async def cast(stage: Stage, overrides: dict[str, object] | None = None, room: int = ROOM) -> AsyncIterator[Cast]:
    settings = {"sequencer.batch_interval": "1s", "dispute.stride": 16, "dispute.arity": 4, **(overrides or {})}
    async with Devnet(stage, settings) as net:
        reorgs = Reorgs(net, stage.rng)
        await reorgs.room(room)
        async with (SequencerService(net.config) as sequencer, NodeService(net.config) as node, net.challenger() as challenger):
            yield Cast(net, sequencer, node, challenger, reorgs, {})


def payer(net: Devnet) -> Any:
    return net.account(9)
