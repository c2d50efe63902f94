"""Daemons whose disk is full or lies, whose clock jumps, whose workers die, or whose key another process has, too."""

from __future__ import annotations

import asyncio
import contextlib
import random
import shutil
from pathlib import Path
from typing import Any

import aiohttp

from l1.events import AssertionStatus
from tests.adversarial.kit import Devnet, Stage, scenario
from tests.adversarial.kit.lies import LIES
from tests.adversarial.kit.lives import SequencerLife, Traffic, beside, derived_all, nothing_twice
from tests.adversarial.kit.processes import DaemonProcess, Nursery
from tests.adversarial.scenarios.processes import LIVELY, copied, said, toml
from tests.e2e.devnet import CHALLENGER, SEQUENCER, free_ports
from verdict.errors import EXIT_DATA


def _files(directory: Path) -> list[Path]:
    return sorted(directory.rglob("data.mdb"))


async def _until_shown(net: Devnet, traffic: Traffic, more: int) -> None:
    wanted = len(traffic.promised) + more

    async def shown() -> bool:
        return len(traffic.promised) >= wanted

    await net.until(shown, f"{more} more transactions have receipts", timeout=120)


@scenario(slow=True)
async def disk_full(stage: Stage) -> None:
    """A sequencer or a node whose disk is full says so and ends; with room again it goes on, and nothing it has shown is lost."""
    async with Devnet(stage, LIVELY) as net, Nursery(stage.directory) as nursery:
        config = toml(net)
        traffic = Traffic(net, f"http://127.0.0.1:{net.config.sequencer.port}")
        async with beside(traffic.flow(0.1)):
            for role in ("sequencer", "node", "sequencer"):
                others = [await nursery.start("sequencer", config)] if role == "node" else []
                daemon = await nursery.start(role, config, name=f"{role}-with-room")
                await said(daemon, "runs")
                await _until_shown(net, traffic, 5)
                assert await daemon.stop() == 0
                largest = max(file.stat().st_size for file in _files(net.config.data_dir / role))
                limit = max(largest + 16 * 1024, 160 * 1024)  # above a blob's file: what grows is what can't be written
                daemon = await nursery.start(role, config, name=f"{role}-full", file_limit=limit)
                code = await daemon.ended(180)
                words = daemon.said()
                stage.say(role, f"{limit:,} bytes a file: ends with {code}: {words.splitlines()[-1][:200]}")
                assert code == EXIT_DATA and "make room" in words.lower() and "Traceback" not in words, words[-3000:]
                for other in others:
                    assert await other.stop() == 0
            daemon = await nursery.start("sequencer", config)
            await _until_shown(net, traffic, 5)
        life = SequencerLife(net)
        await traffic.on_l1()
        async with beside(life.run()):
            await life.settled()
        assert await daemon.stop() == 0
        await derived_all(net)
        stage.say("promise", f"{await traffic.kept()} receipts shown, all of them true")
        stage.say("promise", await nothing_twice(net, SEQUENCER))


@scenario(slow=True)
async def clocks_jump(stage: Stage) -> None:
    """A sequencer and a challenger whose clocks jump by hours and days, both ways, go on: blocks stay within what L1's time allows,
    the honest assertion stands, a lie dies."""
    rng = stage.rng
    async with Devnet(stage, {**LIVELY, "dispute.stride": 1}) as net, Nursery(stage.directory) as nursery:
        config, clock = toml(net), stage.directory / "clock"
        clock.write_text("0")
        sequencer = await nursery.start("sequencer", config, clock=clock)
        challenger = await nursery.start("challenger", config, clock=clock)
        await said(sequencer, "runs")
        truth = await net.batch()
        traffic = Traffic(net, f"http://127.0.0.1:{net.config.sequencer.port}")
        async with beside(traffic.flow()):
            for jump in (7200, -7200, *(rng.randrange(-10**6, 10**6) for _ in range(3)), 0):
                clock.write_text(str(jump))
                stage.say("clock", f"{jump:+,} s")
                await _until_shown(net, traffic, 3)
                assert sequencer.running and challenger.running
        async with net.asserter(await net.arena.node.in_thread(LIES["gas used"], truth)) as liar:
            clock.write_text("86400")
            await net.dies(liar)
        await traffic.on_l1()
        assert await traffic.kept() > 15
        async with beside(SequencerLife(net).run()):
            async def confirmed() -> bool:
                return await net.confirmed_batches() >= 3

            await net.until(confirmed, "batches are confirmed", timeout=120)
        assert await sequencer.stop() == 0 and await challenger.stop() == 0


# ---- what is on disk is not what was written


async def _ask(port: int, method: str, *params: Any) -> Any:
    """The result; None if there is none, or nobody answers."""
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as session:
        with contextlib.suppress(aiohttp.ClientError, TimeoutError, OSError):
            async with session.post(f"http://127.0.0.1:{port}", json={
                "jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)}) as answer:
                return (await answer.json()).get("result")
    return None


async def _chain(port: int, blocks: int) -> list[tuple[str, Any]]:
    """What a node says of each block: header and transactions, receipts, a balance. Only what it answers."""
    found = []
    for number in range(blocks + 1):
        for method, params in (("eth_getBlockByNumber", (hex(number), True)), ("eth_getBlockReceipts", (hex(number),)),
                               ("eth_getBalance", ("0x" + "0d" * 20, hex(number)))):
            if (result := await _ask(port, method, *params)) is not None:
                found.append((f"{method} {number}", result))
    return found


@scenario(slow=True, timeout=600)
async def bits_flip_on_disk(stage: Stage) -> None:
    """A node whose database has changed under it, by a bit, a page or half of it, gives right answers or none: it says that it is
    damaged, and with its directory moved away it derives all again."""
    rng = stage.rng
    async with Devnet(stage, LIVELY) as net, Nursery(stage.directory) as nursery:
        config = toml(net)
        async with net.sequencer():
            node = await nursery.start("node", config)
            traffic = Traffic(net, f"http://127.0.0.1:{net.config.sequencer.port}")
            async with beside(traffic.flow(0.1)):
                await _until_shown(net, traffic, 15)
            await traffic.on_l1()
        blocks = net.arena.node.store.head.number

        async def followed() -> bool:
            return int(await _ask(net.config.node.port, "eth_blockNumber") or "0x0", 16) >= blocks

        await net.until(followed, "the node has it all")
        right = dict(await _chain(net.config.node.port, blocks))
        assert await node.stop() == 0
        file = net.config.data_dir / "node/chain/data.mdb"
        whole = file.read_bytes()
        for damage in _damages(rng, whole, bytes.fromhex(right["eth_getBlockByNumber 1"]["transactions"][0]["hash"][2:])):
            file.write_bytes(damage[1])
            node = await nursery.start("node", config)
            outcome = await _answers_or_none(net, node, right, blocks)
            stage.say("node", f"{damage[0]}: {outcome}")
            node.kill()
            await node.ended()
        shutil.rmtree(net.config.data_dir / "node/chain")
        node = await nursery.start("node", config)
        await net.until(followed, "the node has derived it all again")
        assert dict(await _chain(net.config.node.port, blocks)) == right
        assert await node.stop() == 0


def _damages(rng: random.Random, whole: bytes, known: bytes) -> list[tuple[str, bytes]]:
    """What may have become of a file."""
    def changed(*places: int) -> bytes:
        content = bytearray(whole)
        for place in places:
            content[place] ^= 1 << rng.randrange(8)
        return bytes(content)

    pages = len(whole) // 4096
    found = [("cut in half", whole[: pages // 2 * 4096]), ("empty", b""), ("another file", rng.randbytes(len(whole)))]
    assert known in whole
    found += [("a transaction's hash", whole.replace(known, bytes(32)))]
    for count in (1, 8, 64, 512):
        found.append((f"{count} bits", changed(*(rng.randrange(8192, len(whole)) for _ in range(count)))))
    for page in (rng.randrange(2, pages) for _ in range(4)):
        found.append((f"page {page} zero", whole[: page * 4096] + bytes(4096) + whole[(page + 1) * 4096:]))
    return found


async def _answers_or_none(net: Devnet, node: DaemonProcess, right: dict[str, Any], blocks: int) -> str:
    """What the node does with a damaged database. It must not say anything wrong."""
    async with asyncio.timeout(60):
        while node.running and await _ask(net.config.node.port, "eth_chainId") is None:
            await asyncio.sleep(0.1)
    answers = await _chain(net.config.node.port, blocks) if node.running else []
    for name, answer in answers:
        # a damaged head or index may make it a shorter chain until it has derived again, never another one
        assert right[name] == answer, f"{name} is wrong: {answer}, not {right[name]}"
    words = node.said()
    if node.running:
        return f"{len(answers)} of {len(right)} answers, all right"
    code = await node.ended()
    assert code == EXIT_DATA or code < 0, f"ended with {code}: {words[-2000:]}"  # LMDB's own pages have no checksum: it may crash
    assert code < 0 or "Traceback" not in words, words[-2000:]
    return f"ends with {code}: {words.splitlines()[-1][:150] if words else ''}"


@scenario(slow=True)
async def files_torn(stage: Stage) -> None:
    """False blobs in the archive are found out and fetched anew; a torn identity or journal is refused with a message that says
    what to do; and what was half written by a power cut doesn't count."""
    async with Devnet(stage, LIVELY) as net, Nursery(stage.directory) as nursery:
        config, data = toml(net), net.config.data_dir
        sequencer = await nursery.start("sequencer", config)
        node = await nursery.start("node", config)
        traffic = Traffic(net, f"http://127.0.0.1:{net.config.sequencer.port}")
        async with beside(traffic.flow(0.1)):
            await _until_shown(net, traffic, 10)
        await traffic.on_l1()
        head = net.arena.node.store.head
        assert await node.stop() == 0 and await sequencer.stop() == 0
        blobs = [file for file in (data / "node/blobs").iterdir() if not file.suffix]
        assert blobs
        for number, file in enumerate(blobs):
            content = file.read_bytes()
            file.write_bytes([content[::-1], content[:1000], b"", bytes(len(content)), content + b"x"][number % 5])
        (data / "node/blobs" / "half.1-1.partial").write_bytes(b"half")
        shutil.rmtree(data / "node/chain")
        node = await nursery.start("node", config)

        async def followed() -> bool:
            found = await _ask(net.config.node.port, "eth_getBlockByNumber", hex(head.number), False)
            return found is not None and found["hash"] == "0x" + head.hash.hex()

        await net.until(followed, "the node has derived it all, with false blobs in its archive")
        assert "damaged" in node.said()
        assert await node.stop() == 0
        for role, torn in (("node", "identity"), ("sequencer", "identity")):
            identity = (data / role / torn).read_text()
            for wrong in ("", identity[:30], "[]"):
                (data / role / torn).write_text(wrong)
                code, words = await nursery.refused(role, config)
                stage.say(role, words[:200])
                assert "identity is damaged" in words
            (data / role / torn).write_text(identity)
        journal = next((data / "sequencer/transactions").rglob("data.mdb"))
        whole = journal.read_bytes()
        for wrong in (whole[:4096], b"", b"\xff" * len(whole)):
            journal.write_bytes(wrong)
            if wrong == b"":
                continue  # as new: nothing was in flight
            code, words = await nursery.refused("sequencer", config)
            stage.say("sequencer", words[:200])
            assert code == EXIT_DATA and "journal" in words
        journal.write_bytes(whole)
        sequencer = await nursery.start("sequencer", config)
        await said(sequencer, "runs")
        assert await sequencer.stop() == 0


# ---- somebody else has the key


@scenario(slow=True)
async def two_sequencers_with_one_key(stage: Stage) -> None:
    """Two sequencers with one key on two machines take each other's place on L1: the chain goes on, both follow it, no bond is lost,
    and both say that their batches or nonces were taken."""
    async with Devnet(stage, LIVELY) as net, Nursery(stage.directory) as nursery:
        port, node_port = free_ports(2)
        other_toml = toml(net, "other.toml", data_dir=str(copied(net, "other")),
                          **{"sequencer.port": port, "node.port": node_port})
        daemons = [await nursery.start("sequencer", toml(net), name="one"), await nursery.start("sequencer", other_toml, name="two")]
        for daemon in daemons:
            await said(daemon, "runs")
        flows = [Traffic(net, f"http://127.0.0.1:{net.config.sequencer.port}", 5), Traffic(net, f"http://127.0.0.1:{port}", 6)]
        life = SequencerLife(net)
        async with beside(life.run()):
            async with beside(flows[0].flow()), beside(flows[1].flow()):
                async def confirmed() -> bool:
                    assert all(daemon.running for daemon in daemons)
                    return await net.confirmed_batches() >= 5

                await net.until(confirmed, "five batches are confirmed", timeout=200)
            await life.settled()
        heads = [await _ask(each, "eth_getBlockByNumber", "safe", False) for each in (net.config.sequencer.port, port)]
        await derived_all(net)
        assert all(heads) and all(net.arena.node.store.header_by_hash(bytes.fromhex(each["hash"][2:])) for each in heads)
        assert any("used by someone else" in daemon.said() or "L1 has another batch" in daemon.said() for daemon in daemons)
        for daemon in daemons:
            assert await daemon.stop() == 0
        await derived_all(net)
        await life.is_whole()
        stage.say("promise", await nothing_twice(net, SEQUENCER))


@scenario(slow=True)
async def two_challengers_with_one_key(stage: Stage) -> None:
    """Two challengers with one key on two machines kill a lie once, and lose no game."""
    async with Devnet(stage, {**LIVELY, "dispute.stride": 4}) as net, Nursery(stage.directory) as nursery, net.sequencer():
        truth = await net.batch()
        other = toml(net, "other.toml", data_dir=str(copied(net, "other")))
        daemons = [await nursery.start("challenger", toml(net), name="one"), await nursery.start("challenger", other, name="two")]
        for name in ("steals in a transaction", "gas used"):
            async with net.asserter(await net.arena.node.in_thread(LIES[name], truth)) as liar:
                await net.dies(liar)
        assert all(daemon.running for daemon in daemons)
        for daemon in daemons:
            assert await daemon.stop() == 0
        stage.say("promise", await nothing_twice(net, CHALLENGER))
        await net.stands()


@scenario(slow=True)
async def workers_are_killed(stage: Stage) -> None:
    """A challenger whose worker processes are killed while it plays (out of memory, for one) starts others and goes on."""
    settings = {**LIVELY, "dispute.stride": 4, "blobs.workers": 1}
    async with Devnet(stage, settings) as net, Nursery(stage.directory) as nursery, net.sequencer():
        truth = await net.batch()
        daemon = await nursery.start("challenger", toml(net, **{"blobs.workers": 1}))
        killed = 0

        async def reap() -> None:
            nonlocal killed
            while killed < 6:
                for pid in daemon.children():
                    if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes():
                        await asyncio.sleep(0.5)
                        DaemonProcess("worker", pid, daemon.log, asyncio.Future()).kill()
                        killed += 1
                await asyncio.sleep(0.1)

        async with beside(reap()), net.asserter(await net.arena.node.in_thread(LIES["gas used"], truth)) as liar:
            lied = await net.arena.assertion_of(liar.address)
            await net.arena.until_status(lied, AssertionStatus.KILLED, 240)
        stage.say("challenger", f"{killed} workers killed")
        assert killed and daemon.running
        leftovers = daemon.children()
        daemon.kill()
        await daemon.ended()

        async def gone() -> bool:
            return not any(Path(f"/proc/{pid}").exists() for pid in leftovers)

        await net.until(gone, "no worker outlives a daemon that is killed")
        await net.stands()
