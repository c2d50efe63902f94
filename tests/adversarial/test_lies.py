"""Every lie dies, at every stride and arity: real daemons over real sockets, blobs, openings and EXECUTE."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest

from challenger.events import CreditCollected, StepSettled
from challenger.service import ChallengerService
from l1.events import AssertionStatus, KillReason
from tests.adversarial.arena import arena
from tests.adversarial.kit.arena import Arena
from tests.adversarial.kit.lies import LIES

EVERYTHING = list(LIES)
TOGETHER = 4
"""Liars at a time: they and the daemons and L1 share this process."""
SOME = ["steals in a transaction", "miscounts in a contract call", "runs an invalid transaction", "one step only", "far too many steps"]


async def every_lie_dies(directory: Path, stride: int, arity: int, names: list[str]) -> None:
    async with arena(directory, stride, arity) as scene, ChallengerService(scene.net.config) as challenger:
        heard: list[object] = []
        challenger.events.on_event(heard.append)
        before = await scene.l1.balance(challenger.address)
        names = [name for name in names if stride or name != "garbage between right ends"]  # else that is the truth
        liars: dict[bytes, str] = {}
        for first in range(0, len(names), TOGETHER):
            liars |= await some_lie(scene, names[first : first + TOGETHER])
        kills = await scene.kills()
        assert set(kills) == set(liars)
        for assertion_id, name in liars.items():
            killed = kills[assertion_id]
            assert bytes.fromhex(killed["by"][2:]) == challenger.address, name
            assert killed["reason"] == KillReason.STEP_PROOF, name
            bond = scene.net.config.dispute.assertion_bond
            assert killed["paid"] + killed["burned"] == bond and killed["paid"] >= bond // 10

        async def all_told() -> bool:
            return len([each for each in heard if isinstance(each, StepSettled)]) == len(liars)

        await scene.net.until(all_told, "the challenger has told of every kill")
        await scene.confirm_honest()

        async def richer() -> bool:
            return await scene.l1.balance(challenger.address) > before

        await scene.net.until(richer, "the challenger has earned something")
        assert any(isinstance(each, CreditCollected) for each in heard)


async def some_lie(scene: Arena, names: list[str]) -> dict[bytes, str]:
    """They assert, and are killed. Their assertions."""
    liars: dict[bytes, str] = {}
    async with contextlib.AsyncExitStack() as stack:
        for name in names:
            claims = await scene.node.in_thread(LIES[name], scene.truth)
            party = await stack.enter_async_context(scene.party(claims))
            liars[await scene.assertion_of(party.address)] = name
        for assertion_id, name in liars.items():
            try:
                await scene.until_status(assertion_id, AssertionStatus.KILLED, timeout=240)
            except AssertionError as error:
                raise AssertionError(f"{name!r} lives: {error}") from error
    return liars


@pytest.mark.parametrize(("stride", "arity"), [(1, 2), pytest.param(16, 2, marks=pytest.mark.slow), (0, 16)])
async def test_some_lies_die(tmp_path: Path, stride: int, arity: int) -> None:
    await every_lie_dies(tmp_path, stride, arity, SOME)


@pytest.mark.slow
@pytest.mark.parametrize(("stride", "arity"), [(1, 2), (1, 16), (16, 2), (16, 16), (0, 2), (0, 16)])
async def test_every_lie_dies(tmp_path: Path, stride: int, arity: int) -> None:
    await every_lie_dies(tmp_path, stride, arity, EVERYTHING)
