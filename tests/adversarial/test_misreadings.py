"""Whoever breaks a rule of derivation loses the assertion: real daemons, real openings of chunks, one proof each."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest

from challenger.service import ChallengerService
from derivation.batch import BatchData
from l1.events import AssertionStatus, KillReason
from sequencer.claims import BatchClaims
from tests.adversarial.kit.arena import Arena, derive
from tests.adversarial.misreadings import (
    EVERYWHERE,
    IN_BLOBS,
    IN_CALLDATA,
    Misreading,
    claims_of,
    wrong_dictionary_matters,
)
from tests.adversarial.rich_batch import rich_batch

TOGETHER = 6
"""Liars at a time: they and the daemons and L1 share this process."""
SOME = ("two items swapped", "a stray last fragment is a transaction", "ends early", "version 1 is data",
        "no dictionary", "forced transactions swapped")  # fmt: skip


async def every_misreading_dies(scene: Arena, misreadings: dict[str, Misreading]) -> None:
    async with ChallengerService(scene.net.config) as challenger:
        assert wrong_dictionary_matters(scene.truth)
        other = await next_batch(scene)
        # Several misreadings may come to the same, as when a transaction turns into nonsense, or to the same at all
        # checkpoints: they share a liar. The second one would see that its claim has died, and assert nothing. And what
        # comes to the truth at all checkpoints is no lie.
        claims: dict[str, BatchClaims] = {}
        stride = scene.net.config.dispute.stride
        right = scene.truth.commitments
        shared = {(len(right), right[-1], tuple(right[::stride]))}
        for name, misreading in misreadings.items():
            claimed = await scene.node.in_thread(claims_of, scene.truth, other, misreading)
            said = len(claimed.commitments), claimed.commitments[-1], tuple(claimed.commitments[::stride])
            if said not in shared:
                shared.add(said)
                claims[name] = claimed
        names = list(claims)
        liars: dict[bytes, str] = {}
        for at in range(0, len(names), TOGETHER):
            liars |= await some_die(scene, {name: claims[name] for name in names[at : at + TOGETHER]})
        kills = await scene.kills()
        assert set(kills) == set(liars) and len(liars) == len(claims)
        for assertion_id, name in liars.items():
            assert kills[assertion_id]["reason"] == KillReason.STEP_PROOF, name
            assert bytes.fromhex(kills[assertion_id]["by"][2:]) == challenger.address, name


async def next_batch(scene: Arena) -> BatchData:
    return await scene.node.data_of(await derive(scene.node, 1))


async def some_die(scene: Arena, claims: dict[str, BatchClaims]) -> dict[bytes, str]:
    """They assert, and are killed. Their assertions."""
    liars: dict[bytes, str] = {}
    async with contextlib.AsyncExitStack() as stack:
        for name, claimed in claims.items():
            party = await stack.enter_async_context(scene.party(claimed))
            liars[await scene.assertion_of(party.address)] = name
        for assertion_id, name in liars.items():
            try:
                await scene.until_status(assertion_id, AssertionStatus.KILLED, timeout=240)
            except AssertionError as error:
                raise AssertionError(f"{name!r} lives: {error}") from error
    return liars


@pytest.mark.slow
async def test_some_misreadings_die(tmp_path: Path) -> None:
    async with rich_batch(tmp_path, calldata=False) as scene:
        chosen = {name: EVERYWHERE[name] for name in SOME} | {"elements": IN_BLOBS["elements of 2^254 are data"]}
        await every_misreading_dies(scene, chosen)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("stride", [1, 16])
async def test_every_misreading_of_blobs_dies(tmp_path: Path, stride: int) -> None:
    async with rich_batch(tmp_path, calldata=False, stride=stride) as scene:
        await every_misreading_dies(scene, EVERYWHERE | IN_BLOBS)


@pytest.mark.slow
@pytest.mark.timeout(1800)
async def test_every_misreading_of_calldata_dies(tmp_path: Path) -> None:
    async with rich_batch(tmp_path, calldata=True) as scene:
        await every_misreading_dies(scene, EVERYWHERE | IN_CALLDATA)
