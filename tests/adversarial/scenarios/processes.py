"""Daemons that are killed, starved, misled about the time, or started wrongly: nothing is lost, and they say what is wrong."""

from __future__ import annotations

import asyncio
import shutil
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from l1.embedded.service import EmbeddedL1
from l1.embedded.settings import EmbeddedL1Settings
from tests.adversarial.kit import Devnet, Stage, scenario
from tests.adversarial.kit.lives import (
    ChallengerLife,
    SequencerLife,
    Traffic,
    beside,
    derived_all,
    nothing_twice,
)
from tests.adversarial.kit.processes import DaemonProcess, Nursery
from tests.adversarial.kit.sweep import Sweep
from tests.adversarial.kit.target import raw_connection
from tests.e2e.devnet import CHALLENGER, SEQUENCER
from verdict.errors import EXIT_CONFIG, EXIT_DATA, EXIT_DEPLOYMENT, EXIT_FORCED, EXIT_KEY, EXIT_L1, EXIT_PORT

ALL_POINTS = 3000.0  # seconds

LIVELY = {"dispute.window": "2h", "dispute.clock": "30m", "sequencer.batch_interval": "2s", "blobs.workers": 0}


def toml(net: Devnet, name: str = "daemon.toml", **changes: object) -> Path:
    """The network's configuration, with its ports, for a process."""
    net.write_toml(name, **{"sequencer.port": net.config.sequencer.port, "node.port": net.config.node.port, **changes})
    return net.directory / name


async def _sequencer_is_killed(stage: Stage, which: list[int] | None, settings: dict[str, object]) -> None:
    async with Devnet(stage, {**LIVELY, **settings}) as net, Nursery(stage.directory) as nursery:
        life, traffic = SequencerLife(net), Traffic(net, f"http://127.0.0.1:{net.config.sequencer.port}")
        sweep = Sweep(net, nursery, "sequencer", toml(net))
        async with beside(life.run()):
            async with beside(traffic.flow()):
                if which is None:
                    await sweep.every_point(ALL_POINTS)
                else:
                    await sweep.some_points(which)
                daemon = await sweep.finish()
                shown = len(traffic.promised)

                async def more() -> bool:
                    return len(traffic.promised) > shown + 3

                await net.until(more, "blocks are built again", timeout=120)
            await traffic.on_l1()
            await life.settled()
        assert await daemon.stop() == 0
        await derived_all(net)
        await life.is_whole()
        stage.say("promise", f"{await traffic.kept()} receipts shown, all of them true")
        stage.say("promise", await nothing_twice(net, SEQUENCER))


@scenario(slow=True, timeout=ALL_POINTS + 1200)
async def every_fault_point_of_the_sequencer(stage: Stage) -> None:
    """A sequencer killed once at every one of its calls to the world loses no block it has shown, and no bond."""
    await _sequencer_is_killed(stage, None, {})


async def _challenger_is_killed(stage: Stage, which: list[int] | None) -> None:
    settings = {**LIVELY, "dispute.window": "30d", "dispute.clock": "1d", "dispute.stride": 4, "blobs.keep_for": "40d",
                "challenger.max_proof_calldata": 1000}
    async with Devnet(stage, settings) as net, Nursery(stage.directory) as nursery, net.sequencer():
        await net.batch()
        life, sweep = ChallengerLife(net, stage.seed), Sweep(net, nursery, "challenger", toml(net))
        async with beside(life.run()):
            if which is None:
                await sweep.every_point(ALL_POINTS)
            else:
                await sweep.some_points(which)
            daemon = await sweep.finish()
            await life.all_dead()
        assert await daemon.stop() == 0
        await life.is_whole()
        stage.say("promise", f"{len(life.lied)} lies, all dead; {await nothing_twice(net, CHALLENGER)}")


@scenario(slow=True, timeout=ALL_POINTS + 1200)
async def every_fault_point_of_the_challenger(stage: Stage) -> None:
    """A challenger killed once at every one of its calls to the world kills every lie, and loses no game."""
    await _challenger_is_killed(stage, None)


@scenario(slow=True, timeout=ALL_POINTS + 1200)
async def every_fault_point_of_instant_settlement(stage: Stage) -> None:
    """A sequencer that settles its batches at once, killed at every call to the world, settles each of them once."""
    await _sequencer_is_killed(stage, None, {"sequencer.settlement": "instant", "sequencer.batch_interval": "10s"})


async def _node_is_killed(stage: Stage, which: list[int] | None) -> None:
    async with Devnet(stage, LIVELY) as net, Nursery(stage.directory) as nursery, net.sequencer():
        traffic = Traffic(net, f"http://127.0.0.1:{net.config.sequencer.port}")
        sweep = Sweep(net, nursery, "node", toml(net), whole_life=30)
        async with beside(traffic.flow()):
            if which is None:
                await sweep.every_point(ALL_POINTS)
            else:
                await sweep.some_points(which)
        daemon = await sweep.finish()
        await traffic.on_l1()
        await derived_all(net)
        head = net.arena.node.store.head
        l2 = net.l2_node()

        async def there() -> bool:
            return await l2.is_connected() and bytes((await l2.eth.get_block("latest"))["hash"]) == head.hash

        await net.until(there, "the node has the head that a fresh derivation has", timeout=120)
        assert await daemon.stop() == 0


@scenario(slow=True, timeout=ALL_POINTS + 1200)
async def every_fault_point_of_the_node(stage: Stage) -> None:
    """A node killed once at every one of its calls to the world has the chain that a fresh derivation has."""
    await _node_is_killed(stage, None)


@scenario(slow=True)
async def killed_where_the_seed_says(stage: Stage) -> None:
    """A sequencer killed at three of its calls to the world goes on, and every block it has shown stays."""
    rng = stage.rng
    await _sequencer_is_killed(stage, sorted(rng.randrange(1, 120) for _ in range(3)), {})


@scenario(slow=True, timeout=900)
async def a_challenger_killed_where_the_seed_says(stage: Stage) -> None:
    """A challenger killed at twelve of its calls to the world kills every lie."""
    rng = stage.rng
    await _challenger_is_killed(stage, sorted(rng.randrange(1, 150) for _ in range(12)))


@scenario()
async def stopped_in_the_middle(stage: Stage) -> None:
    """SIGTERM ends a daemon in good time with exit code 0, whatever it does; a second one ends it at once, with 130."""
    rng = stage.rng
    async with Devnet(stage, LIVELY) as net, Nursery(stage.directory) as nursery:
        config = toml(net)
        traffic = Traffic(net, f"http://127.0.0.1:{net.config.sequencer.port}")
        async with beside(traffic.flow(0.1)):
            for role in ("sequencer", "node", "challenger"):
                for moment in (0.0, rng.uniform(0, 1), rng.uniform(1, 3)):  # its start, and whatever it then does
                    daemon = await nursery.start(role, config)
                    await said(daemon, "runs" if moment else "")
                    await asyncio.sleep(moment)
                    begun = time.monotonic()
                    code = await daemon.stop(30)
                    stage.say(role, f"SIGTERM after {moment:.1f} s: {code} within {time.monotonic() - begun:.1f} s")
                    # before it listens to signals there is nothing to end in order
                    assert code == 0 or (code == -signal.SIGTERM and not moment and not daemon.said()), daemon.said()[-2000:]
            daemon = await nursery.start("sequencer", config)
            await said(daemon, "runs")
            # Somebody's request is half there: it is waited for, and the second signal finds the sequencer still at work.
            _, writer = await raw_connection(net.config.sequencer.port)
            writer.write(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{")
            await asyncio.sleep(0.5)
            daemon.signal(signal.SIGTERM)
            await said(daemon, "stopping")
            daemon.signal(signal.SIGTERM)
            code = await daemon.ended(20)
            assert code == EXIT_FORCED and "stopping at once" in daemon.said(), (code, daemon.said()[-1000:])
            writer.close()


async def said(daemon: DaemonProcess, text: str, timeout: float = 60) -> None:
    """Waits until it has logged that."""
    async with asyncio.timeout(timeout):
        while text not in daemon.said() and daemon.running:
            await asyncio.sleep(0.02)
    assert text in daemon.said(), f"{daemon.name} ended, and never said {text!r}:\n{daemon.said()[-3000:]}"


@scenario(slow=True)
async def started_wrongly(stage: Stage) -> None:
    """A daemon that must not run says why in one line and ends with the exit code for it: nothing of its data changes."""
    async with Devnet(stage, LIVELY) as net, Nursery(stage.directory) as nursery:
        config, keys = toml(net), net.config.data_dir / "keys"
        roles = ("sequencer", "challenger", "node")

        async def refused(role: str, code: int, *texts: str, config: Path = config, **options: Any) -> None:
            found, words = await nursery.refused(role, config, **options)
            stage.say(role, words[:160])
            assert found == code, f"exit code {found}, not {code}: {words}"
            assert all(text in words for text in texts), words

        running = [await nursery.start(role, config) for role in roles]
        for daemon in running:
            await said(daemon, "runs")
        for role in roles:
            await refused(role, EXIT_DATA, "in use by another process")
        elsewhere = toml(net, "elsewhere.toml", data_dir=str(copied(net, "elsewhere")))
        await refused("sequencer", EXIT_PORT, "is it running already?", config=elsewhere)
        await refused("node", EXIT_PORT, "is it running already?", config=elsewhere)
        for daemon in running:
            assert daemon.running and await daemon.stop() == 0

        for key, value in (("rollup.gas_limit", 20_000_000), ("dispute.window", "3h"), ("rollup.chain_id", 42070)):
            for role in roles:
                await refused(role, EXIT_DEPLOYMENT, config=toml(net, "changed.toml", **{key: value}))
        for role in roles:
            await refused(role, EXIT_CONFIG, "l1.chain_id", config=toml(net, "wrong.toml", **{"l1.chain_id": 0}))
            await refused(role, EXIT_DEPLOYMENT, config=toml(net, "wrong.toml", **{"l1.chain_id": 1}))
        for role in ("sequencer", "challenger"):
            await refused(role, EXIT_KEY, environment={f"VERDICT_{role.upper()}_KEY": "0x1234"})
            await refused(role, EXIT_KEY, environment={f"VERDICT_{role.upper()}_KEY_FILE": str(keys / "nobody")})
            (keys / role).chmod(0o644)
            await refused(role, EXIT_KEY, "chmod")
            (keys / role).rename(keys / "hidden")
            await refused(role, EXIT_KEY)
            (keys / "hidden").rename(keys / role)
            (keys / role).chmod(0o600)
        torn = net.config.deployment_path.read_text()
        net.config.deployment_path.write_text(torn[: len(torn) // 2])
        for role in roles:
            await refused(role, EXIT_DEPLOYMENT)
        net.config.deployment_path.unlink()
        for role in roles:
            await refused(role, EXIT_DEPLOYMENT)
        net.config.deployment_path.write_text(torn)
        for role in roles:  # and as it was, it runs
            daemon = await nursery.start(role, config)
            await said(daemon, "runs")
            assert await daemon.stop() == 0


def copied(net: Devnet, name: str) -> Path:
    """Another data directory of the same rollup, with the same keys."""
    directory = net.directory / name
    shutil.copytree(net.config.data_dir / "keys", directory / "keys")
    shutil.copy(net.config.deployment_path, directory / "deployment.json")
    return directory


@scenario(slow=True)
async def started_on_another_l1(stage: Stage) -> None:
    """No daemon starts on an L1 that doesn't have its rollup, started afresh or of another chain: it says so, and touches nothing."""
    async with Devnet(stage, LIVELY) as net, Nursery(stage.directory) as nursery:
        config = toml(net)
        daemon = await nursery.start("sequencer", config)
        await said(daemon, "runs")
        await net.batch()
        kept = ChainFiles(net.config.data_dir / "sequencer")
        assert await daemon.stop() == 0
        before = kept.size()
        async with EmbeddedL1(EmbeddedL1Settings(port=0, beacon_port=0, block_time=0.5)) as other:
            fresh = toml(net, "fresh.toml", **{"l1.rpc_url": other.rpc_url, "l1.beacon_url": other.beacon_url})
            for role in ("sequencer", "challenger", "node"):
                code, words = await nursery.refused(role, fresh)
                stage.say(role, words[:200])
                assert code == EXIT_DEPLOYMENT and "afresh" in words, words
        async with EmbeddedL1(EmbeddedL1Settings(port=0, beacon_port=0, block_time=0.5, chain_id=31338)) as other:
            fresh = toml(net, "fresh.toml", **{"l1.rpc_url": other.rpc_url, "l1.beacon_url": other.beacon_url})
            for role in ("sequencer", "challenger", "node"):
                code, words = await nursery.refused(role, fresh)
                assert code == EXIT_L1 and "31338" in words, words
        assert kept.size() == before
        daemon = await nursery.start("sequencer", config)  # back on its own L1
        await said(daemon, "runs")
        await net.arena.assertion_of(bytes.fromhex(net.account(SEQUENCER).address[2:]))
        await net.stands()
        assert await daemon.stop() == 0


@dataclass(frozen=True)
class ChainFiles:
    """What a daemon has on disk."""

    directory: Path

    def size(self) -> dict[str, int]:
        return {str(file): file.stat().st_size for file in sorted(self.directory.rglob("data.mdb"))}
