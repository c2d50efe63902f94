"""Whoever skips, repeats, alters or exchanges a deposit loses the assertion, also where a batch is nothing but garbage."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path

import pytest

from challenger.service import ChallengerService
from l1.events import AssertionStatus, KillReason
from sequencer.claims import BatchClaims
from tests.adversarial.deposit_lies import LEFT, MOST, OF_A_BATCH, misreading_of, posts, queue
from tests.adversarial.kit.arena import Arena, derive
from tests.adversarial.kit.lies import Truth, truth_of
from tests.adversarial.misreadings import claims_of
from tests.adversarial.rich_batch import rich_batch

TOGETHER = 6
"""Liars at a time: they and the daemons and L1 share this process."""


async def lies_about_deposits_die(directory: Path, told: Sequence[tuple[int, str]], stride: int) -> None:
    async with rich_batch(directory, calldata=True, stride=stride, posts=posts, queue=queue) as scene:
        await derive(scene.node, 1)
        first, second = scene.truth, await truth_of(scene.node, 1)
        assert len(first.data.deposits) == MOST and len(second.data.deposits) == LEFT
        assert not first.steps_of(type(first.inputs[1])) or all(outcome.receipt is None for outcome in first.outcomes)
        pairs = ((first, second), (second, first))
        lies = {(batch, name): await claims(scene, *pairs[batch], name) for batch, name in told}
        async with ChallengerService(scene.net.config) as challenger, scene.party(honest(first), honest(second)) as honest_party:
            standing = await scene.assertion_of(honest_party.address)
            liars: dict[bytes, tuple[int, str]] = {}
            for at in range(0, len(lies), TOGETHER):
                async with contextlib.AsyncExitStack() as stack:
                    dying: dict[bytes, tuple[int, str]] = {}
                    for key in list(lies)[at : at + TOGETHER]:
                        before = [honest(first)] * key[0]
                        party = await stack.enter_async_context(scene.party(*before, lies[key]))
                        dying[await scene.assertion_of(party.address)] = key
                    for assertion_id, key in dying.items():
                        try:
                            await scene.until_status(assertion_id, AssertionStatus.KILLED, timeout=240)
                        except AssertionError as error:
                            raise AssertionError(f"{key} lives: {error}") from error
                    liars |= dying
            kills = await scene.kills()
            assert set(kills) == set(liars) and len(liars) == len(lies)
            for assertion_id, key in liars.items():
                made = await scene.rollup.assertion(assertion_id)
                assert made.batch_index == key[0], key
                assert kills[assertion_id]["reason"] == KillReason.STEP_PROOF, key
                assert bytes.fromhex(kills[assertion_id]["by"][2:]) == challenger.address, key
            assert await scene.status(standing) is AssertionStatus.PENDING


async def claims(scene: Arena, truth: Truth, other: Truth, name: str) -> BatchClaims:
    return await scene.node.in_thread(claims_of, truth, other.data, misreading_of(OF_A_BATCH[name]))


def honest(truth: Truth) -> BatchClaims:
    return truth.claims(truth.commitments, truth.states[-1])


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("stride", [1, 0])
async def test_every_lie_about_deposits_dies(tmp_path: Path, stride: int) -> None:
    await lies_about_deposits_die(tmp_path, [(batch, name) for batch in (0, 1) for name in OF_A_BATCH], stride)
