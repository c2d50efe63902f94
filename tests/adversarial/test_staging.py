"""Lies about a transaction with a witness too large for any L1 transaction die all the same: it is staged as contract
code, over many transactions, through crashes and reorgs.
"""

from __future__ import annotations

import contextlib
import shutil
import signal
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from challenger.events import StepSettled, WitnessStaged
from challenger.pieces import MAX_PIECE
from challenger.service import ChallengerService
from challenger.staging import IN_FLIGHT
from l1.artifacts import address_bytes
from l1.events import AssertionStatus, KillReason
from tests.adversarial.kit.arena import Arena
from tests.adversarial.kit.lies import lie_at, steal
from tests.adversarial.quarry import STONE, Quarried, quarried
from tests.adversarial.test_crash import process

BIG_BLOCKS = {"gas_limit": 400_000_000}
"""70 pieces fit into one, six into a block of 36M gas."""


@contextlib.asynccontextmanager
async def lied(scene: Quarried) -> AsyncIterator[bytes]:
    """Somebody steals in the step that reads so much. Their assertion's id."""
    lie = await scene.arena.node.in_thread(lie_at, scene.arena.truth, scene.step, steal)
    async with scene.arena.party(*scene.before, lie) as party:
        yield await scene.arena.assertion_of(party.address)


async def staged(arena: Arena) -> list[Any]:
    """Logs of the pieces that were made."""
    stage = arena.net.deployment.stage
    return list(await arena.net.w3.eth.get_logs({"fromBlock": 0, "address": arena.net.w3.to_checksum_address(stage)}))


async def staging_transactions(arena: Arena) -> int:
    """How many calls of the Stage contract there are on L1."""
    stage = address_bytes(arena.net.deployment.stage)
    count = 0
    for number in range((await arena.l1.head()).number + 1):
        block = await arena.net.w3.eth.get_block(number, full_transactions=True)
        count += sum(bytes.fromhex((each.get("to") or "0x")[2:]) == stage for each in block["transactions"])
    return count


async def settled(arena: Arena, assertion_id: bytes) -> None:
    kills = await arena.kills()
    assert kills[assertion_id]["reason"] == KillReason.STEP_PROOF


async def kill_and_report(directory: Path, stones: int, **settings: Any) -> tuple[WitnessStaged, StepSettled]:
    """One honest challenger in this process; prints what it took."""
    async with quarried(directory, stones, **settings) as scene, ChallengerService(scene.arena.net.config) as challenger:
        heard: list[Any] = []
        challenger.events.on_event(heard.append)
        begun = time.monotonic()
        async with lied(scene) as assertion_id:
            await scene.arena.until_status(assertion_id, AssertionStatus.KILLED, timeout=240)
        await settled(scene.arena, assertion_id)

        async def told() -> StepSettled | None:
            return next((each for each in heard if isinstance(each, StepSettled)), None)

        proof = await scene.arena.net.until(told, "the challenger tells of it")
        turns = [each for each in heard if isinstance(each, WitnessStaged)]
        print(f"\n{proof.witness_size:,} bytes of witness, {turns[-1].pieces} pieces, {sum(each.gas_used for each in turns):,} "
              f"L1 gas to stage, {proof.gas_used:,} to prove with {proof.calldata_size:,} bytes of calldata; "
              f"{time.monotonic() - begun:.1f} s from the lie to the kill")
        assert turns[-1].missing == 0
        return turns[-1], proof


async def test_a_witness_of_300_kb(tmp_path: Path) -> None:
    turn, proof = await kill_and_report(tmp_path, 12, l1_settings=BIG_BLOCKS)
    assert turn.size > 12 * STONE and turn.pieces == proof.pointers == -(-turn.size // MAX_PIECE) == turn.sent
    assert proof.calldata_size < 10_000


@pytest.mark.slow
async def test_a_witness_of_4_mb_settles_a_game(tmp_path: Path) -> None:
    turn, proof = await kill_and_report(tmp_path, 171, forced=False, stride=16, l1_settings=BIG_BLOCKS)
    assert turn.size > 4_200_000 and proof.calldata_size < 40_000 and turn.pieces == proof.pointers > 170
    assert proof.gas_used < 1 << 24


@pytest.mark.slow
async def test_killed_while_it_stages(tmp_path: Path) -> None:
    """kill -9 when some pieces are on L1; the database and the journal are gone. The next one finds the pieces."""
    async with quarried(tmp_path, 30) as scene, lied(scene) as assertion_id:
        arena = scene.arena
        first = await process(arena.net.config, tmp_path)
        try:
            await arena.net.until(lambda: staged(arena), "it has staged something", timeout=90)
        finally:
            first.send_signal(signal.SIGKILL)
            await first.wait()
        assert await arena.status(assertion_id) is AssertionStatus.PENDING
        found = len(await staged(arena))
        shutil.rmtree(arena.net.config.data_dir / "challenger")
        async with ChallengerService(arena.net.config) as second:
            heard: list[Any] = []
            second.events.on_event(heard.append)
            await arena.until_status(assertion_id, AssertionStatus.KILLED, timeout=120)
        await settled(arena, assertion_id)
        pointers = [bytes(each["topics"][1]) for each in await staged(arena)]
        assert len(pointers) == len(set(pointers)) >= 30 > found
        assert sum(each.sent for each in heard if isinstance(each, WitnessStaged)) <= len(pointers) - found
        # What the first one had in flight may have been sent again by the second; nothing else was.
        assert await staging_transactions(arena) <= len(pointers) + IN_FLIGHT


@pytest.mark.slow
async def test_a_reorg_drops_pieces(tmp_path: Path) -> None:
    """Those that the transaction manager is done with, too."""
    async with quarried(tmp_path, 30) as scene, ChallengerService(scene.arena.net.config), lied(scene) as assertion_id:
        arena = scene.arena

        async def two_blocks() -> list[int] | None:
            numbers = sorted({each["blockNumber"] for each in await staged(arena)})
            return numbers if len(numbers) >= 2 else None

        numbers = await arena.net.until(two_blocks, "it has staged something in two blocks", timeout=90)
        depth = (await arena.l1.head()).number - numbers[0] + 1
        await arena.net.rpc.request("verdict_reorg", [depth, {"drop_transactions": True}])
        assert not await staged(arena)
        await arena.until_status(assertion_id, AssertionStatus.KILLED, timeout=120)
        await settled(arena, assertion_id)
