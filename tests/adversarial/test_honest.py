"""A right assertion stands, whatever is tried against it, and is confirmed when its window is over.

The attacker has every public method, true witnesses, and as much ether as it likes.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from challenger.checkpoints import CheckpointReader
from challenger.claims import Assertion
from challenger.claims import AssertionStatus as ClaimStatus
from challenger.events import AssertionChecked, GameStarted
from challenger.responder import game_id_of
from challenger.service import ChallengerService
from derivation.commitments import CheckpointProof, checkpoint_blobs, open_checkpoints
from derivation.proof import StepProof, build_step_proof
from execution.abi import encode_witness
from execution.types import Transaction, Witness
from l1.beacon import BeaconSource
from l1.blob_client import BlobClient
from l1.contracts import Rollup
from l1.events import AssertionStatus, GameStatus
from l1.kzg import Opening, Prover
from l1.txmanager import TransactionManager, TransactionReverted, TxCandidate
from tests.adversarial.arena import arena
from tests.adversarial.kit.arena import Arena
from tests.adversarial.kit.lies import LIES

ATTACKER = 30  # test account
BOND = 10**17


async def assertion(scene: Arena) -> Assertion:
    """The sequencer's."""
    assertion_id = await scene.assertion_of(bytes.fromhex(scene.net.account(1).address[2:]))
    record = await scene.rollup.assertion(assertion_id)
    return Assertion(assertion_id, record.parent_id, record.batch_hash, record.batch_index, record.steps,
                     record.commitment, record.state_root, record.block_hash, record.checkpoint_blobs, record.asserter,
                     record.created_at, record.open_games, ClaimStatus(record.status))


async def refused(attacker: TransactionManager, data: bytes, rollup: bytes, value: int = 0) -> str:
    """The contract's reason. Fails if it takes it."""
    with pytest.raises(TransactionReverted) as caught:
        await attacker.send(TxCandidate(rollup, data, value))
    return caught.value.reason


async def opening_of(scene: Arena, j: int) -> CheckpointProof:
    blobs = checkpoint_blobs(scene.truth.commitments, scene.rules.stride)
    prover = Prover(0)
    return await open_checkpoints(prover, blobs, j, j + 1)


def tampered(proof: StepProof, **changes: object) -> StepProof:
    return dataclasses.replace(proof, **changes)  # type: ignore[arg-type]


async def test_false_proofs_at_stride_one(tmp_path: Path) -> None:
    """A true proof shows that the step is as claimed; anything else isn't a proof."""
    async with arena(tmp_path, 1, 2) as scene, scene.sender(scene.net.account(ATTACKER)) as attacker:
        claimed = await assertion(scene)
        to = scene.rollup.address
        prover = Prover()
        try:
            forced = scene.truth.steps_of(Transaction, included=True)[0]
            data_step = scene.truth.steps_of(Transaction, included=True)[-1]
            proofs = {step: (await build_step_proof(scene.node, 0, step, prover)).proof
                      for step in (0, forced, data_step, scene.truth.steps - 1)}
        finally:
            prover.close()
        end = (await build_step_proof(scene.node, 0, scene.truth.steps)).proof
        for step, proof in proofs.items():
            opening = await opening_of(scene, step)

            async def attempt(changed: StepProof, at: CheckpointProof = opening, step: int = step) -> str:
                return await refused(attacker, Rollup.prove_step(claimed.id, step, at, changed), to, 10**15)

            assert "StepIsAsClaimed" in await attempt(proof)
            false_post = dataclasses.replace(proof.post, state_root=b"\x13" * 32)
            assert "ExecuteAnsweredFalse" in await attempt(tampered(proof, post=false_post))
            assert "ExecuteAnsweredFalse" in await attempt(tampered(proof, post=false_post, witness=b""))
            empty = encode_witness(Witness())
            assert "ExecuteAnsweredFalse" in await attempt(tampered(proof, post=false_post, witness=empty))
            assert "ExecuteAnsweredFalse" in await attempt(tampered(proof, post=false_post, witness=b"\xff" * 5000))
            other_pre = dataclasses.replace(proof.pre, state_root=b"\x13" * 32)
            assert "PreStateMismatch" in await attempt(tampered(proof, pre=other_pre))
            other_batch = dataclasses.replace(proof.batch, origin_timestamp=proof.batch.origin_timestamp + 1)
            assert "BatchMismatch" in await attempt(tampered(proof, batch=other_batch, post=false_post))
            assert "PreStateMismatch" in await attempt(end)
            wrong = dataclasses.replace(opening, elements=(opening.elements[0], Opening(b"\x00" * 32, opening.elements[1].proof)))
            assert "Kzg" in await attempt(tampered(proof, post=false_post), wrong)
            swapped = dataclasses.replace(opening, elements=(opening.elements[1], opening.elements[0]))
            assert "Kzg" in await attempt(tampered(proof, post=false_post), swapped)
        chunked = proofs[data_step]
        false_post = dataclasses.replace(chunked.post, state_root=b"\x13" * 32)
        at = await opening_of(scene, data_step)
        data = chunked.chunks[0].data
        for reason, changes in (
            ("WrongDataSize", {"data": data[:-32]}),
            ("WrongProofCount", {"proofs": chunked.chunks[0].proofs * 63}),
            ("CellProofRejected", {"data": data[32:] + data[:32]}),
        ):
            opening = dataclasses.replace(chunked.chunks[0], **changes)  # type: ignore[arg-type]
            attempted = tampered(chunked, chunks=(opening,), post=false_post)
            assert reason in await refused(attacker, Rollup.prove_step(claimed.id, data_step, at, attempted), to, 10**15)
        junk = tampered(proofs[forced], forced_transactions=(b"\x02junk",), post=false_post)
        at = await opening_of(scene, forced)
        assert await refused(attacker, Rollup.prove_step(claimed.id, forced, at, junk), to, 10**15)
        assert await refused(attacker, Rollup.open_game(claimed.id, 3, await opening_of(scene, 3)), to, BOND)
        assert await scene.status(claimed.id) is AssertionStatus.PENDING
        await scene.confirm_honest()


async def test_false_games_and_everything_else(tmp_path: Path) -> None:
    """Games against a right assertion are lost, moves out of turn refused, and the bond goes to the asserter."""
    async with arena(tmp_path, 16, 4) as scene, scene.sender(scene.net.account(ATTACKER)) as attacker:
        claimed = await assertion(scene)
        to, me = scene.rollup.address, attacker.address
        assert await refused(attacker, Rollup.open_game(claimed.id, 0, await opening_of(scene, 0)), to, BOND - 1)
        assert await refused(attacker, Rollup.open_game(claimed.id, 0, await opening_of(scene, 1)), to, BOND)
        assert await refused(attacker, Rollup.open_game(claimed.id, 9, await opening_of(scene, 0)), to, BOND)
        games = []
        for j in (0, 1):
            await attacker.send(TxCandidate(to, Rollup.open_game(claimed.id, j, await opening_of(scene, j)), BOND))
            games.append(game_id_of(claimed.id, me, j))
        assert await refused(attacker, Rollup.open_game(claimed.id, 0, await opening_of(scene, 0)), to, BOND)

        async def split(game: bytes) -> tuple[int, int, list[bytes]]:
            """Waits for the sequencer's answer."""
            async def answered() -> object:
                record = await scene.rollup.game(game)
                if not any(record.split_hash):
                    return None
                found = await scene.net.events("Split")
                return next(e for e in reversed(found) if bytes(e.args["gameId"]) == game and e.args["lo"] == record.lo)

            event = await scene.net.until(answered, "the asserter answers")
            return event.args["lo"], event.args["hi"], [bytes(each) for each in event.args["commitments"]]

        lo, hi, commitments = await split(games[0])
        assert await refused(attacker, Rollup.split(games[0], lo, hi, commitments), to)  # only the asserter splits
        assert await refused(attacker, Rollup.pick(games[0], lo, hi, [b"\x01" * 31] * 3, 0), to)
        assert await refused(attacker, Rollup.pick(games[0], lo, hi, commitments, 4), to)
        assert await refused(attacker, Rollup.pick(games[0], lo, hi + 1, commitments, 0), to)
        while True:
            await attacker.send(TxCandidate(to, Rollup.pick(games[0], lo, hi, commitments, len(commitments))))
            record = await scene.rollup.game(games[0])
            if record.hi - record.lo == 1:
                break
            lo, hi, commitments = await split(games[0])
        built = (await build_step_proof(scene.node, 0, record.lo)).proof
        assert "StepIsAsClaimed" in await refused(attacker, Rollup.prove_step_in_game(games[0], built), to, 10**15)
        false = tampered(built, post=dataclasses.replace(built.post, block_hash=b"\x13" * 32))
        assert "ExecuteAnsweredFalse" in await refused(attacker, Rollup.prove_step_in_game(games[0], false), to, 10**15)
        assert await refused(attacker, Rollup.kill_orphan(claimed.id), to)
        assert await refused(attacker, Rollup.reclaim(games[0]), to)
        assert await refused(attacker, Rollup.confirm(claimed.id), to)
        assert await refused(attacker, Rollup.withdraw(me), to)
        await split(games[1])

        # Now it stops answering. Both clocks run out, and the asserter gets both bonds.
        await scene.net.travel(int(scene.rules.clock) + 1)

        async def lost() -> bool:
            return all([(await scene.rollup.game(each)).status is GameStatus.ASSERTER_WON for each in games])

        await scene.net.until(lost, "the attacker has lost by the clock")
        credited = [e for e in await scene.net.events("Credited") if bytes.fromhex(e.args["to"][2:]) == claimed.asserter]
        assert sum(event.args["amount"] for event in credited) >= 2 * BOND
        assert await scene.status(claimed.id) is AssertionStatus.PENDING
        await scene.confirm_honest()


async def test_proofs_against_a_liar_do_not_hit_the_honest(tmp_path: Path) -> None:
    """The very calldata that killed a lie, replayed against the right assertion and against the dead one."""
    async with arena(tmp_path, 1, 2) as scene, ChallengerService(scene.net.config) as challenger:
        heard: list[object] = []
        challenger.events.on_event(heard.append)
        claimed = await assertion(scene)
        lie = await scene.node.in_thread(LIES["steals in the last step"], scene.truth)
        async with scene.party(lie) as party:
            lied = await scene.assertion_of(party.address)
            await scene.until_status(lied, AssertionStatus.KILLED)
        last = scene.truth.steps - 1
        proof = (await build_step_proof(scene.node, 0, last)).proof
        async with BlobClient([BeaconSource(scene.net.l1.beacon_url)]) as beacon, scene.sender(scene.net.account(ATTACKER)) as attacker:
            reader = CheckpointReader(beacon, Prover(0), 1)
            false = dataclasses.replace(claimed, checkpoint_blobs=(await scene.rollup.assertion(lied)).checkpoint_blobs,
                                        created_at=(await scene.rollup.assertion(lied)).created_at)
            opening = await reader.opening(false, last)
            to = scene.rollup.address
            assert "NotPending" in await refused(attacker, Rollup.prove_step(lied, last, opening, proof), to, 10**15)
            assert "Kzg" in await refused(attacker, Rollup.prove_step(claimed.id, last, opening, proof), to, 10**15)
            right = await opening_of(scene, last)
            assert "StepIsAsClaimed" in await refused(attacker, Rollup.prove_step(claimed.id, last, right, proof), to, 10**15)
        judged = {each.assertion_id: each.wrong for each in heard if isinstance(each, AssertionChecked)}
        assert judged[claimed.id] is None and judged[lied] == (last, last + 1)
        assert not [each for each in heard if isinstance(each, GameStarted)]
        await scene.confirm_honest()


