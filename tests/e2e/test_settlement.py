"""Instant settlement on a real L1: real EXECUTE, real blobs, real proofs."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from chain.store import ChainStore
from challenger.responder import game_id_of
from derivation.commitments import checkpoint_blobs, open_checkpoints
from derivation.node import RollupNode
from derivation.proof import UnknownStep, build_proof
from execution.types import Transaction
from l1.beacon import BeaconSource
from l1.blob_client import BlobClient
from l1.blobs import ChunkProofKind
from l1.client import L1Client
from l1.contracts import Rollup
from l1.embedded.settings import ExecuteParams
from l1.events import AssertionStatus
from l1.kzg import Prover
from l1.rpc_errors import RpcError
from l1.txmanager import TransactionManager, TxCandidate
from settlement.settler import Settled, Settler
from tests.adversarial.arena import arena
from tests.adversarial.kit.arena import Arena, derive, transact
from tests.adversarial.kit.lies import LIES, truth_of
from tests.adversarial.rich_batch import rich_batch
from tests.e2e.devnet import SEQUENCER, USER, Devnet
from tests.e2e.money.terminal import Terminal
from verdict.errors import EXIT_REFUSED
from verdict.genesis import l2_genesis
from verdict.node_settings import node_settings

SETTLER, RIVAL = 20, 21  # accounts


@contextlib.asynccontextmanager
async def settler(scene: Arena, index: int = SETTLER, max_calldata: int = 100_000,
                  kind: ChunkProofKind = ChunkProofKind.CELL) -> AsyncIterator[tuple[Settler, TransactionManager]]:
    prover = Prover(1)
    try:
        async with scene.sender(scene.net.account(index)) as transactions:
            stage = bytes.fromhex(scene.net.deployment.stage[2:])
            yield Settler(scene.l1, scene.rollup, stage, scene.node, transactions, prover, kind, max_calldata), transactions
    finally:
        prover.close()


async def require_confirmed(scene: Arena, index: int) -> bytes:
    record = scene.node.derived(index)
    assert record is not None
    latest = await scene.rollup.latest_confirmed()
    assert latest.batch_count == index + 1
    assert (latest.state_root, latest.block_hash) == (record.final_state.state_root, record.final_state.block_hash)
    made = await scene.rollup.assertion(latest.id)
    assert (made.steps, made.commitment, made.batch_hash) == (record.steps, record.commitment(record.steps), record.hash)
    assert made.status is AssertionStatus.CONFIRMED and not any(made.asserter)
    return latest.id


def require_all(done: list[Settled], steps: int, first: int = 0) -> None:
    assert [each.first for each in done] == [first, *(each.end for each in done[:-1])] and done[-1].end == steps


@pytest.mark.slow
async def test_in_one_transaction_and_in_several(tmp_path: Path) -> None:
    """A batch with deposits, forced transactions (one valid, two no-ops), a contract and transfers; then another."""
    async with arena(tmp_path, 16, 2, honest_asserts=False) as scene:
        await no_wrong_bit(scene)
        balance = await scene.l1.balance(bytes.fromhex(scene.net.account(SETTLER).address[2:]))
        async with settler(scene) as (settling, transactions):
            (one,) = await settling.settle(0)
            assert one.confirmed and (one.first, one.end) == (0, scene.truth.steps) and one.pointers == 0
            assert one.l2_gas == sum(outcome.gas_used for outcome in scene.truth.outcomes)
            spent = balance - await scene.l1.balance(transactions.address)
            assert spent == one.cost + one.fee and one.fee > 0, "what was sent above the fee came back"
            assert await settling.settle(0) == [], "there is nothing left to do"
            with pytest.raises(UnknownStep, match="not derived"):
                await settling.settle(1)
        await require_confirmed(scene, 0)

        await transact(scene.net, len(scene.truth.steps_of(Transaction)) - 3)
        record = await derive(scene.node, 1)
        async with settler(scene, RIVAL, 13_000) as (settling, _):
            several = await settling.settle(1)
        assert len(several) > 1
        require_all(several, record.steps)
        assert all(each.calldata <= 13_000 for each in several)
        await require_confirmed(scene, 1)
        events = await scene.net.events("SegmentSettled")
        assert [event.args["steps"] for event in events] == [scene.truth.steps, *(each.end for each in several)]
        assert [event.args["executeFee"] for event in events] == [one.fee, *(each.fee for each in several)]


@pytest.mark.slow
@pytest.mark.parametrize("calldata", [False, True])
async def test_whatever_is_posted(tmp_path: Path, calldata: bool) -> None:
    """Every rule of derivation at work, fragments over chunk borders, garbage; 66 chunks in two blobs, and 10 in calldata, where
    so little calldata is allowed that witnesses are staged. Then a batch of one chunk, opened by point evaluations."""
    async with rich_batch(tmp_path, calldata=calldata) as scene:
        async with settler(scene, max_calldata=7_000 if calldata else 60_000) as (settling, _):
            done = await settling.settle(0)
        require_all(done, scene.truth.steps)
        assert len(done) > 2 and any(each.pointers for each in done) == calldata
        await require_confirmed(scene, 0)
        record = await derive(scene.node, 1)
        async with settler(scene, RIVAL, kind=ChunkProofKind.POINTS) as (settling, _):
            (one,) = await settling.settle(1)
        assert one.end == record.steps and (one.l1_gas > 3_500_000) != calldata
        await require_confirmed(scene, 1)


async def no_wrong_bit(scene: Arena) -> None:
    """No bit of a segment can be changed so that L1 takes something else for it."""
    truth, random = scene.truth, Random(7)
    payer = bytes.fromhex(scene.net.account(9).address[2:])
    prover = Prover(1)
    try:
        first, steps = 0, truth.steps
        built = await build_proof(scene.node, 0, first, steps, prover)
        data = Rollup.settle(truth.record.hash, truth.commitments[first], steps, built.gas_used, built.proof)
        right = await scene.l1.call(scene.rollup.address, data, value=10**15, sender=payer)
        assert any(right[:32])
        false = replace(built.proof, post=replace(built.proof.post, state_root=b"\x13" * 32))
        for wrong in (
            Rollup.settle(truth.record.hash, truth.commitments[first], steps, built.gas_used, false),
            Rollup.settle(truth.record.hash, truth.commitments[first], steps, built.gas_used - 1, built.proof),
            Rollup.settle(truth.record.hash, truth.commitments[first], steps - 1, built.gas_used, built.proof),
            Rollup.settle(truth.record.hash, truth.commitments[1], steps, built.gas_used, built.proof),
            *(_flipped(data, random) for _ in range(40)),
        ):
            try:
                answer = await scene.l1.call(scene.rollup.address, wrong, value=10**15, sender=payer)
            except RpcError:
                continue
            assert answer == right, "a bit that means nothing"
    finally:
        prover.close()


def _flipped(data: bytes, random: Random) -> bytes:
    place = random.randrange(4, len(data))
    return data[:place] + bytes([data[place] ^ 1 << random.randrange(8)]) + data[place + 1 :]


@pytest.mark.slow
async def test_beside_assertions_and_other_settlers(tmp_path: Path) -> None:
    """A liar's assertion is pending, and an honest one with a game against it; two settle at once."""
    async with arena(tmp_path, 16, 2, honest_asserts=True) as scene, contextlib.AsyncExitStack() as stack:
        honest = await scene.assertion_of(bytes.fromhex(scene.net.account(SEQUENCER).address[2:]))
        liar = await stack.enter_async_context(scene.party(LIES["steals in a transaction"](scene.truth)))
        lie = await scene.assertion_of(liar.address)
        await liar.silence()
        attacker = await stack.enter_async_context(scene.sender(scene.net.account(30)))
        prover = Prover(0)
        opening = await open_checkpoints(prover, checkpoint_blobs(scene.truth.commitments, 16), 0, 1)
        await attacker.send(TxCandidate(scene.rollup.address, Rollup.open_game(honest, 0, opening), 10**17))

        one, _ = await stack.enter_async_context(settler(scene, SETTLER, 14_000))
        other, _ = await stack.enter_async_context(settler(scene, RIVAL, 12_000))
        done = await asyncio.gather(one.settle(0), other.settle(0))
        steps = sorted({*(each.end for part in done for each in part)})
        assert steps[-1] == scene.truth.steps, "both came to the end, and none of them failed"
        settled = await require_confirmed(scene, 0)

        # The sequencer's own asserter sees to its bond; whoever watches ends the liar's.
        await scene.until_status(honest, AssertionStatus.CONFIRMED)
        receipt = await attacker.send(TxCandidate(scene.rollup.address, Rollup.kill_orphan(lie)))
        assert receipt.succeeded and await scene.status(lie) is AssertionStatus.KILLED
        await attacker.send(TxCandidate(scene.rollup.address, Rollup.reclaim(game_id_of(honest, attacker.address, 0))))
        assert await scene.rollup.credit(attacker.address) == 10**17 + 10**17, "its game's bond, and the reward"
        assert (await scene.rollup.latest_confirmed()).id == settled


async def test_an_instant_sequencer(tmp_path: Path) -> None:
    """It settles what it posts, whatever a liar has asserted before; what was pending is cleaned up by a challenger."""
    overrides = {"sequencer.batch_interval": "3s", "dispute.window": "12h", "dispute.clock": "4h",
                 "sequencer.assert_batches": False}
    async with Devnet(tmp_path, overrides, l1_settings={"accounts": 40}) as net:
        to = net.account(7).address
        async with net.sequencer(), rollup_node(net) as node:
            await net.send(net.l2(), net.account(USER), to=to, value=5)
            await derive(node, 0)
            truth = await truth_of(node, 0)
            scene = Arena(net, node.l1, node, truth)
            async with scene.party(LIES["steals in the first step"](truth)) as liar:
                lie = await scene.assertion_of(liar.address)
            assert await net.confirmed_batches() == 0
        instant = net.configure({"sequencer.assert_batches": True, "sequencer.settlement": "instant"})
        async with net.sequencer(instant) as daemon, net.challenger():
            await net.until(lambda: confirmed(net, 1), "the batch is settled", daemon=daemon)
            await net.send(net.l2(instant), net.account(USER), to=to, value=6)
            await net.until(lambda: confirmed(net, 2), "the next one too", daemon=daemon)
            await net.until(lambda: killed(net, lie), "the challenger ends the lie")
        made = await net.events("AssertionMade")
        assert len(made) == 3, "nothing but the lie was asserted"
        async with rollup_node(net) as node:
            record = await derive(node, 1)
            latest = await Rollup(node.l1, net.deployment.rollup).latest_confirmed()
            assert latest.state_root == record.final_state.state_root


@pytest.mark.slow
async def test_what_does_not_fit_is_asserted(tmp_path: Path) -> None:
    """A batch with more L2 gas in one step than EXECUTE sells goes the optimistic way, and what comes after it waits."""
    limits = ExecuteParams(cumulative_gas_limit=300_000, cumulative_gas_target=150_000)
    overrides = {"sequencer.settlement": "instant", "sequencer.batch_interval": "2s", "dispute.window": "12h", "dispute.clock": "4h"}
    async with Devnet(tmp_path, overrides, l1_settings={"execute": limits}) as net, net.sequencer() as daemon:
        l2, spender = net.l2(), net.account(USER)
        await net.send(l2, spender, to=net.account(7).address, value=5)
        await net.until(lambda: confirmed(net, 1), "a small one is settled", daemon=daemon)
        await net.send(l2, spender, data="0x5b600056", gas=400_000)  # creates nothing, forever
        await net.until(lambda: events(net, "AssertionMade", 2), "the large one is asserted", daemon=daemon)
        (_, large) = await net.events("AssertionMade")
        assert large.args["asserter"] == net.account(SEQUENCER).address
        await net.send(l2, spender, to=net.account(7).address, value=6)
        await net.until(lambda: events(net, "AssertionMade", 3), "and what follows it", daemon=daemon)
        await net.travel(12 * 3600)
        await net.until(lambda: confirmed(net, 3), "all of it is confirmed", daemon=daemon)
        assert len(await net.events("SegmentSettled")) >= 1


@pytest.mark.slow
async def test_the_command(tmp_path: Path) -> None:
    """`verdict settle` as a process: what it costs, in one go, again, and when there is nothing to do."""
    async with Devnet(tmp_path, {"sequencer.assert_batches": False, "sequencer.batch_interval": "1s"}) as net:
        terminal, to = Terminal(net, net.account(USER)), net.account(7).address
        said = await terminal.run("settle")
        assert said.code == 0 and "every batch is confirmed" in said.out, said
        async with net.sequencer() as daemon:
            for value in (1, 2):
                await net.send(net.l2(), net.account(8), to=to, value=value)
                await net.until(lambda count=value: posted(net, count), "a batch", daemon=daemon)  # type: ignore[misc]
            foreseen = await terminal.does("settle", "--dry-run")
            assert foreseen["foreseen_transactions"] == 1 and await net.confirmed_batches() == 0
            said = await terminal.run("settle", "9")
            assert said.code == EXIT_REFUSED and "batch 9 is not posted" in said.err
            facts = await terminal.does("settle", "1")
            assert [each["batch"] for each in facts["settled"]] == [0, 1] and await net.confirmed_batches() == 2
            gas = facts["settled"][1]["l1_gas"]
            assert gas < foreseen["foreseen_l1_gas"] < 2 * gas, "the estimate is on the safe side, and not by much"
            again = await terminal.run("settle", "0")
            assert again.code == 0 and "confirmed already" in again.out


async def confirmed(net: Devnet, batches: int) -> bool:
    return await net.confirmed_batches() >= batches


async def posted(net: Devnet, batches: int) -> bool:
    return await events(net, "BatchPosted", batches)


async def events(net: Devnet, name: str, count: int) -> bool:
    return len(await net.events(name)) >= count


async def killed(net: Devnet, assertion: bytes) -> bool:
    return any(bytes(event.args["id"]) == assertion for event in await net.events("AssertionKilled"))


@contextlib.asynccontextmanager
async def rollup_node(net: Devnet) -> AsyncIterator[RollupNode]:
    async with L1Client(net.l1.rpc_url) as l1, BlobClient([BeaconSource(net.l1.beacon_url)]) as beacon:
        with ChainStore.open(None, l2_genesis(net.config, net.deployment.l1_addresses)) as store:
            node = RollupNode(node_settings(net.config, net.deployment), store, l1, beacon)
            try:
                yield node
            finally:
                node.close()
