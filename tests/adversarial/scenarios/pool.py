"""L1's transaction pool can't be relied on: transactions are dropped, replaced by others, or stuck behind others."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator

from chain.mempool import PooledTransaction
from execution.types import Transaction
from tests.adversarial.kit import Devnet, Stage, scenario
from tests.adversarial.kit.lies import false_from, lie_at, steal
from tests.adversarial.kit.proposer import Proposer
from tests.e2e.devnet import CHALLENGER, SEQUENCER

GWEI = 10**9


def address(net: Devnet, index: int) -> bytes:
    return bytes.fromhex(net.account(index).address[2:])


async def only_once(net: Devnet) -> None:
    """Nothing that costs a bond was done twice."""
    made = [(each.args["asserter"], bytes(each.args["batchHash"])) for each in await net.events("AssertionMade")]
    assert len(set(made)) == len(made), made
    games = [(bytes(each.args["assertionId"]), each.args["challenger"]) for each in await net.events("GameOpened")]
    assert len(set(games)) == len(games), games


@contextlib.asynccontextmanager
async def dropping(net: Devnet, rng: random.Random, *whose: bytes) -> AsyncIterator[set[bytes]]:
    """Two of three of their transactions leave L1's pool before any block has them. The hashes of those that did."""
    dropped: set[bytes] = set()
    fates: dict[bytes, bool] = {}
    pool = net.l1.node.pool

    def keep(best: PooledTransaction) -> bool:
        """Asked by who makes the next block."""
        if best.sender not in whose:
            return False
        if fates.setdefault(best.hash, rng.random() < 0.67) and best.hash not in dropped:
            dropped.add(best.hash)
            pool.remove([best.hash])
        return best.hash in dropped and best.hash not in pool

    proposer = Proposer(net.l1)
    with proposer.leaving_out(keep):
        yield dropped


@scenario(slow=True)
async def transactions_dropped_from_the_pool(stage: Stage) -> None:
    """L1's pool loses two of three transactions of the sequencer's and the challenger's: they are sent again, and everything is done once."""
    async with Devnet(stage, {"dispute.stride": 0}) as net, net.sequencer(), net.challenger() as honest:
        async with dropping(net, stage.rng, address(net, SEQUENCER), address(net, CHALLENGER)) as dropped:
            truth = await net.batch()
            lie = await net.arena.node.in_thread(lie_at, truth, truth.steps_of(Transaction, included=True)[0], steal)
            async with net.asserter(lie) as liar:
                await net.dies(liar, by=honest)
        assert dropped
        net.say("L1", f"{len(dropped)} transactions were dropped")
        await only_once(net)
        await net.stands()


@scenario(slow=True)
async def the_same_keys_used_elsewhere(stage: Stage) -> None:
    """Somebody sends transactions with the sequencer's and the challenger's keys, and takes their nonces again and again: what had them before is sent anew, and everything that costs a bond is done once."""
    rng = stage.rng
    async with Devnet(stage, {"dispute.stride": 0}) as net, net.sequencer(), net.challenger() as honest:
        taken = 0

        async def elsewhere(index: int) -> None:
            nonlocal taken
            account = net.account(index)
            while True:
                nonce = await net.w3.eth.get_transaction_count(account.address)
                tip = rng.randrange(5, 40) * GWEI
                signed = account.sign_transaction({
                    "nonce": nonce, "chainId": 31337, "gas": 21_000, "to": account.address, "value": 0, "maxFeePerGas": tip + 50 * GWEI,
                    "maxPriorityFeePerGas": tip})
                with contextlib.suppress(Exception):  # its blob transactions can't be replaced by these, and so on
                    await net.w3.eth.send_raw_transaction(signed.raw_transaction)
                    taken += 1
                await net.l1_blocks(rng.randrange(4, 10))

        others = [asyncio.create_task(elsewhere(index)) for index in (SEQUENCER, CHALLENGER)]
        try:
            truth = await net.batch()
            lie = await net.arena.node.in_thread(lie_at, truth, truth.steps_of(Transaction, included=True)[0], steal)
            async with net.asserter(lie) as liar:
                await net.dies(liar, by=honest)
        finally:
            for each in others:
                each.cancel()
            ended = await asyncio.gather(*others, return_exceptions=True)
        assert all(isinstance(each, asyncio.CancelledError) for each in ended), ended
        assert taken > 4
        await only_once(net)
        await net.stands()


@scenario(slow=True)
async def stuck_behind_what_nobody_includes(stage: Stage) -> None:
    """A transaction of the challenger's own key that pays too little sits at its next nonce, from another wallet: the challenger outbids it and is not held up."""
    async with Devnet(stage, {"dispute.stride": 1}) as net, net.sequencer():
        truth = await net.batch()
        account = net.account(CHALLENGER)
        stuck = account.sign_transaction({
            "nonce": 0, "chainId": 31337, "gas": 21_000, "to": account.address, "value": 0, "maxFeePerGas": 3 * GWEI,
            "maxPriorityFeePerGas": 3 * GWEI})
        proposer = Proposer(net.l1)
        with proposer.leaving_out(lambda each: each.hash == bytes(stuck.hash)):
            await net.w3.eth.send_raw_transaction(stuck.raw_transaction)
            lie = false_from(truth, truth.steps_of(Transaction, included=True)[0], "lie")
            async with net.challenger() as honest, net.asserter(lie) as liar:
                await net.dies(liar, by=honest)
                assert honest.parts.transactions.bumps >= 1
        assert await net.w3.eth.get_transaction_count(account.address) >= 1
        await net.stands()
