"""False claims: whatever an asserter says of a batch that isn't so dies."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace

from challenger.events import AssertionChecked
from challenger.game import MAX_STEPS, boundaries
from challenger.service import ChallengerService
from derivation.commitments import checkpoint_blobs, checkpoint_count
from execution.abi import commitment
from execution.types import BatchEnd, BlockStart, Fragment, Skip, Transaction
from l1.client import L1Client
from l1.events import AssertionStatus
from sequencer.claims import BatchClaims
from tests.adversarial.kit import Devnet, Stage, scenario
from tests.adversarial.kit.arena import TRANSFERS, transact
from tests.adversarial.kit.books import bonds_out
from tests.adversarial.kit.by_hand import claim, claim_refused
from tests.adversarial.kit.lies import LIES, Truth, all_zero, enriches, lie_at, step_count
from tests.adversarial.kit.purse import Purse, rewards
from tests.adversarial.misreadings import EVERYWHERE, claims_of
from tests.adversarial.rich_batch import MAX_DRIFT, post_batches, usual_posts

BASED = {"rollup.sequencing": "based", "rollup.sequencer": None, "rollup.max_drift": f"{MAX_DRIFT}s"}
TOGETHER = 5
"""Liars at a time: they, the daemons and L1 share this process."""


@scenario(slow=True)
async def all_zero_claim(stage: Stage) -> None:
    """A claim that is zero at every checkpoint dies by one proof."""
    async with Devnet(stage, {"dispute.stride": 1}) as net, net.sequencer(), net.challenger() as honest:
        truth = await net.batch()
        async with net.asserter(all_zero(truth)) as liar:
            await net.dies(liar, by=honest)
        await net.stands()


@scenario()
async def a_random_lie(stage: Stage) -> None:
    """One of all the known lies, chosen by the seed, dies by one proof, at a stride and an arity chosen by the seed."""
    rng = stage.rng
    name, stride, arity = rng.choice(sorted(LIES)), rng.choice([1, 4, 16]), rng.choice([2, 4, 16])
    stage.say("liar", f"{name}, stride {stride}, arity {arity}")
    settings = {"dispute.stride": stride, "dispute.arity": arity}
    async with Devnet(stage, settings) as net, net.sequencer(), net.challenger() as honest:
        truth = await net.batch()
        lie = await net.arena.node.in_thread(LIES[name], truth)
        said, true = ((each.steps, checkpoint_blobs(each.commitments, stride)) for each in (lie, truth))
        assert said != true  # "one step too few" has the same checkpoints at some strides
        async with net.asserter(lie) as liar:
            await net.dies(liar, by=honest)
        await net.stands()


async def die_at(net: Devnet, honest: ChallengerService, lies: Mapping[str, BatchClaims],
                 steps: Mapping[str, int | None]) -> None:
    """Each lie dies by a proof of just that step (None: of any), and pays for it."""
    names = list(lies)
    for at in range(0, len(names), TOGETHER):
        async with contextlib.AsyncExitStack() as stack:
            some = names[at : at + TOGETHER]
            liars = {name: await stack.enter_async_context(net.asserter(lies[name])) for name in some}
            for name, liar in liars.items():
                await net.dies(liar, by=honest, timeout=300)
                lied = await net.arena.assertion_of(liar.address)
                (proved,) = [each.args["step"] for each in await net.events("StepProved") if bytes(each.args["id"]) == lied]
                net.say("challenger", f"{name}: dead by step {proved}")
                assert steps[name] in (None, proved), f"{name}: proved at step {proved}, not {steps[name]}"


# ---- at every kind of step


def kinds(truth: Truth) -> dict[str, int]:
    """A step of each kind that the batch has."""
    by_l1 = {k for k in range(truth.steps) if truth.states[k].cursor.chunk == 0}
    included, refused = (set(truth.steps_of(Transaction, included=each)) for each in (True, False))
    joined = {k for k in included if truth.states[k].fragments_size}
    candidates = {
        "the block that L1 derives, with deposits": [0] if truth.data.deposits else [],
        "a forced transaction, included": included & by_l1,
        "a forced transaction, refused": refused & by_l1,
        "a transaction, included": included - by_l1 - joined,
        "a transaction, refused": refused - by_l1,
        "a transaction of fragments": joined,
        "a block start": set(truth.steps_of(BlockStart)) - by_l1,
        "a fragment": truth.steps_of(Fragment),
        "a skip": truth.steps_of(Skip),
        "the batch's end": truth.steps_of(BatchEnd),
    }  # fmt: skip
    return {name: sorted(steps)[len(steps) // 2] for name, steps in candidates.items() if steps}


@scenario(slow=True, timeout=1500)
async def divergence_at_every_kind_of_step(stage: Stage) -> None:
    """Whatever kind of step a claim diverges at, block start, deposits, forced, included, refused, fragments, skip or
    batch end, first or last, it dies by a proof of that step, directly or at the end of a game."""
    rng = stage.rng
    stride, calldata = rng.choice([1, 16]), rng.random() < 0.5
    stage.say("batch", f"in {'calldata' if calldata else 'blobs'}, stride {stride}")
    async with rich(stage, calldata=calldata, stride=stride) as (net, honest):
        truth = net.arena.truth
        steps = kinds(truth)
        assert len(steps) == 10 and {0, truth.steps - 1} <= set(steps.values()), f"the batch lacks a kind: {steps}"
        lies = {
            name: await net.arena.node.in_thread(lie_at, truth, step, enriches(bytes([0x60, step % 256]) * 10))
            for name, step in steps.items()
        }  # fmt: skip
        await die_at(net, honest, lies, steps)


@contextlib.asynccontextmanager
async def rich(stage: Stage, *, calldata: bool, stride: int) -> AsyncIterator[tuple[Devnet, ChallengerService]]:
    """A network and its challenger; batch 0 has every kind of step. In the end what is true of it stands."""
    async with Devnet(stage, {**BASED, "dispute.stride": stride, "dispute.arity": 4}) as net:
        async with L1Client(net.l1.rpc_url) as l1:
            await post_batches(net, l1, calldata, usual_posts(net, calldata=calldata))
        await net.truth(0)
        async with net.sequencer(), net.challenger() as honest:
            yield net, honest
            await net.stands()


@scenario(slow=True, timeout=900)
async def trailing_data(stage: Stage) -> None:
    """Bytes behind a batch's last chunk, items behind a fragment and chunks with broken heads are no data: who executes
    them dies. Junk behind the checkpoints in an assertion's blob says nothing: a right claim with it stands."""
    async with rich(stage, calldata=True, stride=1) as (net, honest):
        truth, other = net.arena.truth, (await net.truth(1)).data
        names = ("goes on behind its end", "a stray last fragment is a transaction", "64 items are data",
                 "version 1 is data")  # fmt: skip
        lies = {name: await net.arena.node.in_thread(claims_of, truth, other, EVERYWHERE[name]) for name in names}
        await die_at(net, honest, lies, dict.fromkeys(names))
        right = truth.claims(truth.commitments, truth.states[-1])
        (blob,) = checkpoint_blobs(right.commitments, 1)
        used = 32 * checkpoint_count(right.steps, 1)
        junk = blob[:used] + b"\x00" + b"\x17" * (len(blob) - used - 1)
        async with net.attacker() as odd:
            purse, heard = await Purse.of(net, odd.address), honest.events.listen()
            assert "WrongBlobCount" in await claim_refused(net, odd, right, blobs=[blob, junk])
            made = await claim(net, odd, right, blobs=[junk])
            judged = await heard.until(lambda event: isinstance(event, AssertionChecked) and event.assertion_id == made, 60)
            assert isinstance(judged, AssertionChecked) and judged.wrong is None
            await net.stands()
            await net.arena.until_status(made, AssertionStatus.CONFIRMED)
            await purse.comes_to(0, "the odd one")


# ---- ends


@scenario(slow=True)
async def poisoned_end(stage: Stage) -> None:
    """Right up to the last step and wrong in its end only: a false state root or block hash dies by a proof of the last
    step, and an end that isn't the batch's is not even taken."""
    async with (
        Devnet(stage, {"dispute.stride": 16}) as net,
        net.sequencer(), net.challenger() as honest, net.attacker() as attacker,
    ):  # fmt: skip
        truth = await net.batch()
        end, right = truth.states[-1], truth.commitments
        names = ("steals in the last step", "batch end")
        lies = {name: await net.arena.node.in_thread(LIES[name], truth) for name in names}
        assert all(list(lie.commitments[:-1]) == right[:-1] for lie in lies.values())
        await die_at(net, honest, lies, dict.fromkeys(names, truth.steps - 1))
        for wrong in (
            replace(end, cursor=replace(end.cursor, batch=2)), replace(end, cursor=replace(end.cursor, chunk=1)),
            replace(end, fragments_size=1), replace(end, open=truth.states[-2].open),
        ):  # fmt: skip
            claims = BatchClaims(0, truth.record.hash, [*right[:-1], commitment(wrong)], wrong)
            assert "FinalStateNotAtBatchEnd" in await claim_refused(net, attacker, claims)
        await net.stands()


@scenario(slow=True)
async def right_end_by_a_false_middle(stage: Stage) -> None:
    """A claim with the right end and made-up checkpoints between dies and loses its bond, and what it says of the end
    is confirmed by who says the rest right."""
    async with Devnet(stage, {"dispute.stride": 4, "dispute.arity": 4}) as net, net.sequencer(), net.challenger() as honest:
        truth = await net.batch()
        lie = LIES["garbage between right ends"](truth)
        assert lie.final_state == truth.states[-1]
        account = net.account(40)
        purse = await Purse.of(net, bytes.fromhex(account.address[2:]))
        async with net.asserter(lie, account=account) as liar:
            killed = await net.dies(liar, by=honest)
        assert killed["burned"] >= net.config.dispute.assertion_bond // 2
        await net.stands()
        await purse.comes_to(-net.config.dispute.assertion_bond, "the liar")
        assert await bonds_out(net) == 0


@scenario(slow=True)
async def right_root_at_the_wrong_batch(stage: Stage) -> None:
    """The state after one batch is not the state after another: claimed of the next batch it dies, and under the other
    batch's hash or number it isn't taken."""
    async with (
        Devnet(stage, {"dispute.stride": 16}) as net,
        net.sequencer(), net.challenger() as honest, net.attacker() as attacker,
    ):  # fmt: skip
        first = await net.batch()
        await transact(net, TRANSFERS)
        second = await net.truth(1)
        said = first.claims(first.commitments, first.states[-1])
        stale = replace(first.states[-1], cursor=second.states[-1].cursor)
        lie = second.claims([*second.commitments[:-1], commitment(stale)], stale)
        async with net.asserter(said, lie) as liar:
            await net.dies(liar, by=honest)
            parent = (await net.arena.rollup.assertion(await net.arena.assertion_of(liar.address))).parent_id
        hashes = first.record.hash, second.record.hash
        refused: dict[str, dict[str, object]] = {
            "FinalStateNotAtBatchEnd": {"parent": parent, "batch_hash": hashes[1], "index": 1},
            "WrongBatch(": {"batch_hash": hashes[1]},
            "WrongBatchIndex": {"parent": parent},
            "UnknownAssertion": {"parent": hashes[0]},
        }  # fmt: skip
        for reason, changes in refused.items():
            answer = await claim_refused(net, attacker, said, **changes)
            assert reason in answer, answer
        await net.stands()


@scenario(slow=True, timeout=600)
async def claim_beyond_the_data(stage: Stage) -> None:
    """More steps than the batch has, by one or by as many as there can be, die at the first step behind its end; more
    than there can be, none, or a batch that nobody posted aren't taken."""
    async with (
        Devnet(stage, {"dispute.stride": 16, "dispute.arity": 16}) as net,
        net.sequencer(), net.challenger() as honest, net.attacker() as attacker,
    ):  # fmt: skip
        truth = await net.batch()
        lies = {"one more": step_count(truth, truth.steps + 1), "as many as there can be": step_count(truth, MAX_STEPS)}
        await die_at(net, honest, lies, dict.fromkeys(lies, truth.steps))
        right = truth.claims(truth.commitments, truth.states[-1])
        refused: dict[str, dict[str, object]] = {
            "StepsOutOfRange": {"steps": MAX_STEPS + 1},
            "UnknownBatch": {"batch_hash": b"\x13" * 32},
            "WrongBatchIndex": {"index": 1},
        }  # fmt: skip
        for reason, changes in refused.items():
            answer = await claim_refused(net, attacker, right, **changes)
            assert reason in answer, answer
        assert "StepsOutOfRange" in await claim_refused(net, attacker, right, steps=0)
        await net.stands()


# ---- correct moves


async def plays_to_the_end(stage: Stage, arity: int) -> None:
    async with (
        Devnet(stage, {"dispute.stride": 0, "dispute.arity": arity}) as net,
        net.sequencer(), net.challenger() as honest,
    ):  # fmt: skip
        truth = await net.batch()
        ours = await Purse.of(net, honest.address)
        lie = await net.arena.node.in_thread(LIES["steals in the last step"], truth)
        async with net.asserter(lie) as liar:
            await net.dies(liar, by=honest)
        moves = await net.events("Split"), await net.events("Picked")
        lo, hi, rounds = 0, truth.steps, 0
        while hi - lo > 1:
            ends = boundaries(lo, hi, arity)
            split = moves[0][rounds].args
            assert (split["lo"], split["hi"]) == (lo, hi)
            assert [bytes(each) for each in split["commitments"]] == [truth.commitments[end] for end in ends[1:-1]]
            lo, hi, rounds = ends[-2], ends[-1], rounds + 1
        assert (len(moves[0]), len(moves[1])) == (rounds, rounds)
        (proved,) = await net.events("StepProved")
        assert proved.args["step"] == truth.steps - 1
        await net.stands()
        statement = await ours.comes_to(await rewards(net, honest.address), "the challenger")
        net.say("challenger", f"{rounds} rounds about {truth.steps} steps at arity {arity}: {statement}")
        assert statement.gain > statement.fees
        assert await bonds_out(net) == 0


@scenario(slow=True)
async def plays_to_the_end_at_arity_2(stage: Stage) -> None:
    """A liar whose every move is correct, every commitment of it true but the end, loses in as many rounds as bisecting
    the batch takes."""
    await plays_to_the_end(stage, 2)


@scenario(slow=True)
async def plays_to_the_end_at_arity_4(stage: Stage) -> None:
    """A liar whose every move is correct, every commitment of it true but the end, loses in as many rounds as cutting
    the batch in four takes."""
    await plays_to_the_end(stage, 4)


@scenario(slow=True)
async def plays_to_the_end_at_arity_16(stage: Stage) -> None:
    """A liar whose every move is correct, every commitment of it true but the end, loses in as many rounds as cutting
    the batch in sixteen takes."""
    await plays_to_the_end(stage, 16)
