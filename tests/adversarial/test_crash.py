"""Crashes, silence and lost data: what is on L1 is enough to go on from."""

from __future__ import annotations

import asyncio
import shutil
import signal
import sys
from pathlib import Path

from challenger.responder import game_id_of
from derivation.commitments import checkpoint_blobs, open_checkpoints
from l1.contracts import Rollup
from l1.events import AssertionStatus, GameStatus
from l1.kzg import Prover
from l1.txmanager import TxCandidate
from tests.adversarial.arena import arena
from tests.adversarial.kit.arena import Arena
from tests.adversarial.kit.lies import LIES
from verdict.config import Config


async def process(config: Config, directory: Path) -> asyncio.subprocess.Process:
    """A challenger as a process of its own."""
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "verdict", "challenger", "--config", str(write_toml(config, directory)),
        stdout=asyncio.subprocess.DEVNULL, stderr=(directory / "challenger.log").open("ab"), cwd=Path.cwd())


def write_toml(config: Config, directory: Path) -> Path:
    """The parts of the configuration that aren't defaults, as a file."""
    rollup, dispute = config.rollup, config.dispute
    alloc = "".join(f'\n[[rollup.alloc]]\naddress = "{entry.address}"\nbalance = "{entry.balance} wei"\n' for entry in rollup.alloc)
    path = directory / "net.toml"
    path.write_text(f"""
name = "{config.name}"
data_dir = "{config.data_dir}"
[l1]
rpc_url = "{config.l1.rpc_url}"
beacon_url = "{config.l1.beacon_url}"
chain_id = {config.l1.chain_id}
block_time = "1s"
[rollup]
chain_id = {rollup.chain_id}
gas_limit = {rollup.gas_limit}
fee_recipient = "{rollup.fee_recipient}"
sequencer = "{rollup.sequencer}"
{alloc}
[dispute]
stride = {dispute.stride}
arity = {dispute.arity}
window = "{int(dispute.window)}s"
clock = "{int(dispute.clock)}s"
[challenger]
poll = "200ms"
""")
    return path


async def picks(scene: Arena) -> int:
    return len(await scene.net.events("Picked"))


async def test_killed_in_mid_game_and_with_its_database_deleted(tmp_path: Path) -> None:
    """kill -9 after the first move, the node's database and the journal gone: a new process finishes the game."""
    async with arena(tmp_path, 0, 2) as scene:
        lie = await scene.node.in_thread(LIES["steals in a transaction"], scene.truth)
        async with scene.party(lie) as party:
            lied = await scene.assertion_of(party.address)
            first = await process(scene.net.config, tmp_path)
            try:
                await scene.net.until(lambda: picks(scene), "the challenger makes a move", timeout=90)
            finally:
                first.send_signal(signal.SIGKILL)
                await first.wait()
            assert first.returncode == -signal.SIGKILL
            assert await scene.status(lied) is AssertionStatus.PENDING
            shutil.rmtree(scene.net.config.data_dir / "challenger")
            second = await process(scene.net.config, tmp_path)
            try:
                await scene.until_status(lied, AssertionStatus.KILLED, timeout=150)
            finally:
                second.send_signal(signal.SIGTERM)
                await asyncio.wait_for(second.wait(), 30)
        assert second.returncode == 0, (tmp_path / "challenger.log").read_text()[-3000:]
        games = await scene.net.events("GameOpened")
        assert len(games) == 1  # it went on with its game, and opened no other
        assert (await scene.rollup.game(bytes(games[0].args["gameId"]))).status is GameStatus.CHALLENGER_WON
        await scene.confirm_honest()


async def test_what_died_by_silence_is_asserted_again(tmp_path: Path) -> None:
    """The only asserter is down for longer than its clock while somebody plays a false game: it loses the bond, not the
    rollup. Back again, it makes the same assertion once more, defends it and has it confirmed."""
    async with arena(tmp_path, 16, 2, clock=900, window=2 * 3600, honest_asserts=False) as scene:
        right = scene.truth.claims(scene.truth.commitments, scene.truth.states[-1])
        account = scene.net.account(29)
        opening = await open_checkpoints(Prover(0), checkpoint_blobs(scene.truth.commitments, 16), 0, 1)
        async with scene.sender(scene.net.account(30)) as attacker:

            async def false_game(assertion_id: bytes) -> bytes:
                await attacker.send(TxCandidate(scene.rollup.address, Rollup.open_game(assertion_id, 0, opening), 10**17))
                return game_id_of(assertion_id, attacker.address, 0)

            async with scene.party(right, account=account) as party:
                died = await scene.assertion_of(party.address)
                await party.silence()
                game = await false_game(died)
                await scene.net.travel(901)
                await attacker.send(TxCandidate(scene.rollup.address, Rollup.timeout([game])))
            assert await scene.status(died) is AssertionStatus.KILLED

            async with scene.party(right, account=account) as party:

                async def again() -> bytes | None:
                    made = [bytes(event.args["id"]) for event in await scene.net.events("AssertionMade")]
                    return next((each for each in made if each != died), None)

                living = await scene.net.until(again, "it asserts again", timeout=90)
                game = await false_game(living)

                async def answered() -> bool:
                    return any((await scene.rollup.game(game)).split_hash)

                await scene.net.until(answered, "it defends", timeout=90)
                await scene.net.travel(901)

                async def lost() -> bool:
                    return (await scene.rollup.game(game)).status is GameStatus.ASSERTER_WON

                await scene.net.until(lost, "the silent challenger has lost")
            await scene.net.travel(2 * 3600)
            await attacker.send(TxCandidate(scene.rollup.address, Rollup.confirm(living)))
        assert (await scene.rollup.latest_confirmed()).id == living
