"""Space on L1 becomes dear, or is sold out: what has to be sent gets there within the caps, the rest waits."""

from __future__ import annotations

import contextlib
from typing import Any

from challenger.events import StepSettled, TurnFailed
from execution.types import Transaction
from l1.events import AssertionStatus
from sequencer.service import SequencerService
from tests.adversarial.kit import Devnet, Stage, scenario
from tests.adversarial.kit.lies import false_from, lie_at, steal
from tests.adversarial.kit.markets import DEAR_BLOBS, GWEI, buying_execute, prices
from tests.adversarial.kit.proposer import Proposer
from tests.e2e.devnet import SEQUENCER


async def sent_by(net: Devnet, who: bytes) -> list[Any]:
    """All transactions on L1 of that account."""
    found = []
    for number in range((await net.rpc.head()).number + 1):
        block = await net.rpc.request("eth_getBlockByNumber", [hex(number), True])
        found += [each for each in block["transactions"] if each["from"] == "0x" + who.hex()]
    return found


def most_offered(transactions: list[Any]) -> int:
    return max((int(each["maxFeePerGas"], 16) for each in transactions), default=0)


@scenario(slow=True)
async def fees_rise_a_hundredfold_in_mid_dispute(stage: Stage) -> None:
    """Gas costs a hundred times as much, and blobs far more than that, while a proof is in the pool: it is offered again for more, within the caps, and the liar dies. Batches go to calldata while blobs are the dearer, and back."""
    settings = {"dispute.stride": 1, "sequencer.data": "auto", "sequencer.batch_interval": "1s"}
    async with Devnet(stage, settings) as net, net.sequencer(), net.challenger() as honest:
        truth = await net.batch()
        proposer = Proposer(net.l1)
        lie = false_from(truth, truth.steps_of(Transaction, included=True)[0], "lie")
        transactions = honest.parts.transactions
        async with net.asserter(lie) as liar, contextlib.AsyncExitStack() as dear:
            with proposer.censoring(honest.address):

                async def sent() -> bool:
                    return transactions.in_flight > 0

                await net.until(sent, "the proof is in the pool")
                await dear.enter_async_context(prices(net, base_fee=100 * GWEI, excess_blob_gas=DEAR_BLOBS))

                async def bumped() -> bool:
                    return transactions.bumps > 0

                await net.until(bumped, "it is offered again for more")
            await net.dies(liar, by=honest)
            await net.transfer(0)

            async def two() -> bool:
                return await net.batches_on_l1() >= 2

            await net.until(two, "a batch while blobs are dear")
        posted = [each.args["header"] for each in await net.events("BatchPosted")]
        assert any(posted[1]["dataRoot"]), "blobs at that price"
        proofs = await sent_by(net, honest.address)
        assert 100 * GWEI < most_offered(proofs) <= net.config.challenger.transactions.max_fee
        assert transactions.bumps <= 12, transactions.bumps
        await net.transfer(1)

        async def three() -> bool:
            return await net.batches_on_l1() >= 3

        await net.until(three, "a batch when blobs are cheap again")
        await net.stands()


@scenario(slow=True)
async def fees_above_the_caps(stage: Stage) -> None:
    """Nobody bids above its caps, however long gas costs more: challenger and sequencer wait, say so once, and go on when it costs less. Nothing is sent twice, and L2 goes on meanwhile."""
    cap = 20 * GWEI
    settings = {
        "dispute.stride": 1, "challenger.transactions.max_fee": "20 gwei", "sequencer.transactions.max_fee": "20 gwei",
        "sequencer.batch_interval": "1s", "challenger.transactions.resubmit_after": "2s"}
    async with Devnet(stage, settings) as net, net.sequencer(), net.challenger() as honest:
        truth = await net.batch()
        async with prices(net, base_fee=100 * GWEI):
            lie = false_from(truth, truth.steps_of(Transaction, included=True)[0], "lie")
            async with net.asserter(lie) as liar:  # who pays what it costs
                lied = await net.arena.assertion_of(liar.address)
            recipient = await net.transfer(0)

            async def waits() -> bool:
                return honest.parts.transactions.in_flight == 1

            await net.until(waits, "the proof is offered at the cap", timeout=90)
            await net.l1_blocks(12)
            assert honest.parts.transactions.in_flight == 1 and honest.running
            assert await net.arena.status(lied) is AssertionStatus.PENDING
            l2 = net.l2()
            assert await l2.eth.get_balance(l2.to_checksum_address(recipient)) == 1
            bumps = honest.parts.transactions.bumps
        await net.dies(lied, by=honest)
        assert bumps <= 3, "it went on bumping at its cap"
        sequencer = bytes.fromhex(net.account(SEQUENCER).address[2:])
        for who in (honest.address, sequencer):
            assert 0 < most_offered(await sent_by(net, who)) <= cap

        async def two() -> bool:
            return await net.batches_on_l1() >= 2

        await net.until(two, "what waited is posted")
        await net.stands()


@scenario(slow=True, timeout=420)
async def execute_sold_out_while_fees_rise(stage: Stage) -> None:
    """Somebody buys all of EXECUTE block after block, at a price of gas twenty times the usual: the proof that comes too late is sent again with twice the tip, until it is the first; the tip stays below the cap."""
    async with Devnet(stage, {"dispute.stride": 1}) as net, net.sequencer(), net.challenger() as honest:
        truth = await net.batch()
        heard: list[Any] = []
        honest.events.on_event(heard.append)
        lie = false_from(truth, truth.steps_of(Transaction, included=True)[0], "lie")
        async with prices(net, base_fee=20 * GWEI), buying_execute(net, 6 * GWEI), net.asserter(lie) as liar:
            await net.dies(liar, by=honest)

            async def told() -> StepSettled | None:
                return next((each for each in heard if isinstance(each, StepSettled)), None)

            proof = await net.until(told, "the challenger tells of it")
        sent = await net.w3.eth.get_transaction(proof.transaction_hash)
        assert 6 * GWEI < sent["maxPriorityFeePerGas"] <= net.config.challenger.transactions.max_fee
        failed = [each for each in heard if isinstance(each, TurnFailed)]
        assert 0 < len(failed) <= 8, len(failed)
        await net.stands()


@scenario(slow=True, timeout=420)
async def execute_sold_out_for_who_settles(stage: Stage) -> None:
    """A sequencer that settles its batches at once finds EXECUTE sold out: it waits, asserts nothing, loses nothing but gas, and settles when there is room."""
    settings = {"sequencer.settlement": "instant", "sequencer.batch_interval": "1s"}
    async with Devnet(stage, settings) as net, SequencerService(net.config) as sequencer:
        async with buying_execute(net, 600 * GWEI):  # nobody's cap is so high
            await net.batch()
            before = await net.honest_l1.balance(sequencer.parts.transactions.address)
            await net.l1_blocks(24)
            assert await net.confirmed_batches() == 0 and sequencer.running
            spent = before - await net.honest_l1.balance(sequencer.parts.transactions.address)
            assert spent < 2 * net.config.dispute.assertion_bond, spent

        async def settled() -> bool:
            return await net.confirmed_batches() >= 1

        await net.until(settled, "the batch is settled", timeout=150)
        confirmed = await net.arena.rollup.latest_confirmed()
        assert confirmed.state_root == net.arena.truth.states[-1].state_root

        async def counted() -> bool:
            return sequencer.parts.asserter.settled.batches == 1

        await net.until(counted, "the sequencer has seen that it is")


@scenario(slow=True, timeout=420)
async def execute_sold_out_in_a_game_with_rising_fees(stage: Stage) -> None:
    """In a game, at the last step, EXECUTE is sold out for longer than the challenger's clock, and gas costs fifty times as much: the clock stands still for it, and the proof is in time when there is room."""
    clock = 900
    settings = {"dispute.stride": 2, "dispute.clock": f"{clock}s", "dispute.window": "2h"}
    async with Devnet(stage, settings) as net, net.sequencer(), net.challenger() as honest:
        truth = await net.batch()
        lie = await net.arena.node.in_thread(lie_at, truth, truth.steps_of(Transaction, included=True)[0], steal)
        heard: list[Any] = []
        honest.events.on_event(heard.append)
        async with net.asserter(lie) as liar:
            async with buying_execute(net, 600 * GWEI):

                async def too_late() -> bool:
                    games = honest.parts.scheduler.snapshot
                    failed = {each.subject for each in heard if isinstance(each, TurnFailed)}
                    return games is not None and any(each in games.games for each in failed)

                await net.until(too_late, "a proof has come too late", timeout=90)
                async with prices(net, base_fee=50 * GWEI):
                    await net.travel(clock + 100)
                    await net.l1_blocks(4)
            await net.dies(liar, by=honest)
        await net.stands()
