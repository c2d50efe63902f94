"""A live dispute, seen through RollupView and through the real commands: while it waits for a move, and when it is over."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from challenger.service import ChallengerService
from l1.events import AssertionStatus
from tests.adversarial.kit.devnet import Devnet
from tests.adversarial.kit.lies import LIES, Truth
from tests.adversarial.kit.scenario import Stage
from tests.e2e.devnet import CHALLENGER
from tests.e2e.view.terminal import ROOT, command, drawn
from verdict.errors import EXIT_REFUSED, EXIT_USAGE
from view.of_daemon import of_challenger
from view.rollup_view import RollupView


async def verdict(net: Devnet, *arguments: str, columns: int = 160) -> tuple[int, str, str]:
    return await command(net.directory / "user.toml", *arguments, columns=columns)


async def answers(net: Devnet, *commands: tuple[str, ...]) -> list[Any]:
    """The JSON that each of these gives."""
    said = await asyncio.gather(*(verdict(net, *command, "--json") for command in commands))
    for code, _, err in said:
        assert code == 0, err
    return [json.loads(out) for _, out, _ in said]


@pytest.mark.slow
@pytest.mark.timeout(900)  # twenty processes, each of which loads py-evm and web3
async def test_a_dispute_while_it_waits_and_when_it_is_over(tmp_path: Path) -> None:
    overrides = {"dispute.stride": 16, "dispute.arity": 16, "sequencer.batch_interval": "1s"}
    async with Devnet(Stage(tmp_path), overrides, block_time=0.3) as net, net.sequencer() as daemon:
        own = daemon.config
        net.write_toml("user.toml", **{"sequencer.port": own.sequencer.port, "node.port": own.node.port})
        truth = await net.batch()
        lie = LIES["miscounts in a contract call"](truth)
        liar = net.account(20)
        async with net.asserter(lie, account=liar) as party:
            wrong = await net.arena.assertion_of(party.address)
        async with net.challenger() as honest:
            await net.until(lambda: net.events("GameOpened"), "the game is open", daemon=daemon)
            await while_it_waits(net, wrong, honest)
            await commands_while_it_waits(net)
            async with net.asserter(lie, account=liar):
                await net.dies(wrong, by=honest)
            await when_it_is_over(net, wrong, honest, liar.address)
            await commands_when_it_is_over(net, wrong)
            await what_steps_did(net, truth)


async def while_it_waits(net: Devnet, wrong: bytes, honest: ChallengerService) -> None:
    view = of_challenger(honest.parts, net.config, net.deployment, net.rpc)
    found = await view.overview()
    assert json.loads(json.dumps(found)) == found, "plain JSON"
    assert found["daemon"] is not None and found["daemon"]["role"] == "challenger"
    assert found["l2"]["safe"] is not None and found["l2"]["safe"]["number"] >= 1
    [game] = found["games"]
    assert (game["status"], game["stage"], game["mover"]) == ("open", "split", "asserter")
    assert game["deadline"] == game["moved_at"] + int(net.config.dispute.clock)
    assert game["clocks"]["asserter"] == game["deadline"] - found["time"] <= game["clocks"]["challenger"]
    assert game["forecast"] == {"winner": "challenger", "why": (
        f"right after step {game['lo']}, wrong after step {game['hi']}: the first wrong step lies between, and can be proved")}
    pending = await view.assertion(wrong)
    assert pending is not None and (pending["status"], pending["forecast"], pending["open_games"]) == ("pending", "wrong", 1)
    assert pending["window_ends"] - pending["created_at"] == int(net.config.dispute.window)
    assert sorted(each["forecast"] or "" for each in found["assertions"]) == ["right", "wrong"]

    [games] = await answers(net, ("games", "--open"))
    assert [each["id"] for each in games] == [game["id"]]
    assert games[0]["forecast"] == game["forecast"], "from a daemon's own database, while it runs"


async def commands_while_it_waits(net: Devnet) -> None:
    [[game], status, pending] = await answers(net, ("games",), ("status",), ("assertions", "--pending"))
    assert status["confirmed"]["batches"] == 0 and status["queues"] == {"deposits": 2, "forced": 3}
    assert status["derived_batches"] == 1 and status["l2"]["unsafe"]["number"] >= 1
    assert [each["id"] for each in status["games"]] == [game["id"]]
    assert sorted(each["forecast"] for each in pending) == ["right", "wrong"]
    (_, shown, _), (_, narrow, _) = await asyncio.gather(verdict(net, "game", game["id"][:9]), verdict(net, "status", columns=80))
    assert f"the asserter has to split between steps {game['lo']} and {game['hi']}" in shown
    assert "the challenger wins: right after" in shown and "█" * 32 in shown
    for part in ("base fee", "EXECUTE", "1 posted, 0 confirmed", "2 made, 2 pending; 1 game, 1 open", "asserter: split", "wrong",
                 "challenger wins", "unsafe", "3 forced transactions queued", "2.1000 ether"):
        assert part in narrow, narrow
    tables = [line for line in narrow.splitlines() if line.startswith(" ")]
    assert len(tables) > 10 and max(map(len, tables)) <= 80

    toml = str(net.directory / "user.toml")
    clean = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")}
    screen, code, restored = await asyncio.to_thread(
        drawn, ["watch", "--config", toml], "challenger wins", {**clean, "TERM": "xterm-256color"})
    lines = [line.removesuffix("^C").rstrip() for line in screen.splitlines()]
    assert code == 0 and restored, (code, screen)
    assert max(map(len, lines)) <= 80 and len([line for line in lines if line]) <= 24
    for part in ("L1 #", "games: 1 open of 1", "asserter splits", "assertions: 2 pending of 2", "batches: 1", "opened by"):
        assert part in screen, screen
    await lines_of_watch(net, game["id"])


async def lines_of_watch(net: Devnet, game: str) -> None:
    """Where its output is no terminal: one line an event, and an end without noise."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "verdict", "watch", "--json", "--config", str(net.directory / "user.toml"), cwd=ROOT,
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE)
    assert process.stdout is not None and process.stderr is not None
    seen: list[str] = []
    async with asyncio.timeout(60):
        while "GameOpened" not in seen:
            event = json.loads(await process.stdout.readline())
            seen.append(event["event"])
        assert game[:10] in event["text"] and event["l1_block"] > 0
        process.send_signal(signal.SIGINT)
        assert await process.wait() == 0
        assert await process.stderr.read() == b""
    assert seen == ["AssertionConfirmed", "BatchPosted", "AssertionMade", "AssertionMade", "GameOpened"]


async def when_it_is_over(net: Devnet, wrong: bytes, honest: ChallengerService, liar: str) -> None:
    blind = RollupView(net.rpc, net.config, net.deployment)
    found = await blind.overview()
    [batch] = found["batches"]
    assert (batch["index"], batch["data"], batch["status"], batch["deposits"], batch["forced"]) == (0, "blobs", "asserted", 2, 3)
    assert found["assertion_count"] == 2 and found["pending_count"] == 1 and len(batch["assertions"]) == 2
    dead = next(each for each in found["assertions"] if each["status"] == "killed")
    assert dead["id"] == "0x" + wrong.hex() and dead["forecast"] is None, "nothing is derived here"
    assert dead["killed"] is not None and dead["killed"]["reason"] == "step proof"
    assert int(dead["killed"]["paid"]) + int(dead["killed"]["burned"]) == net.config.dispute.assertion_bond
    proof = dead["proof"]
    assert proof is not None and proof["kind"] == "transaction" and proof["batch"] == 0
    assert proof["claimed"] != proof["proved"] and proof["l2_gas"] > 21_000 and int(proof["execute_fee"]) >= proof["l2_gas"]
    assert (proof["witness_bytes"] or 0) > 1_000 and (proof["calldata_bytes"] or 0) > (proof["witness_bytes"] or 0)
    [game] = found["games"]
    assert (game["status"], game["stage"], game["mover"], game["deadline"]) == ("challenger won", "over", None, None)
    assert found["open_game_count"] == 0 and found["game_count"] == 1
    roles = {each["address"]: each["role"] for each in found["money"]["accounts"]}
    assert roles[liar] == "asserter" and roles[net.account(CHALLENGER).address] == "challenger"

    detail = await blind.game(game["id"][:12])
    assert detail is not None and detail["proof"] == proof and proof["step"] == detail["lo"] == detail["hi"] - 1
    kinds = [move["kind"] for move in detail["moves"]]
    assert kinds == ["open", "split", "pick", "prove"] and detail["rounds"] == 3
    assert [move["by"] for move in detail["moves"]] == [roles_of(net, side, liar) for side in ("c", "a", "c", "c")]
    assert all((move["gas_used"] or 0) > 21_000 for move in detail["moves"])
    assert len(detail["moves"][1]["commitments"]) == min(16, detail["opened_hi"] - detail["opened_lo"]) - 1
    assert detail["moves"][3]["commitments"] == [proof["claimed"], proof["proved"]]
    assert await blind.game("0x00ff") is None and await blind.game("zz") is None
    about = await blind.assertion(dead["id"])
    assert about is not None and [move["kind"] for move in about["moves"]] == kinds
    assert await net.arena.status(wrong) is AssertionStatus.KILLED

    traced, out, err = await verdict(net, "trace", proof["l2_transaction"] or "", "--opcodes")
    assert traced == 0, err
    assert f"step {proof['step']} of batch 0" in out and "'s database" in out
    assert proof["proved"] in out, "the commitment that EXECUTE proved on L1 is the one after the step"
    assert re.search(r"SSTORE +[\d,]+ +20,000  0x0 0x1", out) and "[0x0]: 0x0 -> 0x1" in out


async def commands_when_it_is_over(net: Devnet, wrong: bytes) -> None:
    [[game]] = await answers(net, ("games",))
    _, shown, _ = await verdict(net, "game", game["id"][:10])
    assert f"step {game['lo']} was proved wrong by EXECUTE" in shown and "split" in shown and "prove" in shown
    assert re.search(r"cost +[\d,]+ L1 gas; [\d,]+ L2 gas bought of EXECUTE for", shown)
    (_, said, _), (code, _, why), (_, table, _) = await asyncio.gather(
        verdict(net, "assertion", "0x" + wrong.hex()[:10]), verdict(net, "game", "0x0123456789abcdef"), verdict(net, "assertions"))
    assert "killed     by" in said and "0.9000 ether burned" in said and "EXECUTE" in said
    assert code == EXIT_REFUSED and "no game of this rollup begins with 0x0123456789abcdef" in why
    assert "step proof" in table and "pending" in table


def roles_of(net: Devnet, side: str, liar: str) -> str:
    return liar if side == "a" else net.account(CHALLENGER).address


async def what_steps_did(net: Devnet, truth: Truth) -> None:
    """Of any kind, by place; also a transaction that was rejected, by its hash; and what isn't there."""
    rejected = truth.steps_of(type(truth.inputs[1]), included=False)[0]
    raw_hash = "0x" + "ab" * 32
    results = await answers(
        net, ("trace", "--batch", "0", "--step", "0"), ("trace", "--batch", "0", "--step", str(truth.steps - 1)),
        ("trace", "--batch", "0", "--step", str(rejected)))
    start, end, refused = results
    for step, found in zip((0, truth.steps - 1, rejected), results, strict=True):
        commitments = truth.commitments
        assert (found["before"]["commitment"], found["after"]["commitment"]) == (
            "0x" + commitments[step].hex(), "0x" + commitments[step + 1].hex())
        assert found["execute"]["result"] is True and found["steps"] == truth.steps
    assert start["kind"] == "block start" and len(start["input"]["deposits"]) == 2 and len(start["slots"]) == 3
    assert end["kind"] == "batch end" and end["sealed"]["number"] >= 1
    assert {each["address"][:6] for each in end["accounts"]} >= {"0x0D0D", "0x0E0e"} or start["sealed"] is None
    assert refused["receipt"] is None and refused["accounts"] == [] and refused["rejection"]
    [again] = await answers(net, ("trace", refused["input"]["hash"]))
    assert again["step"] == rejected and again["rejection"] == refused["rejection"]
    said = await asyncio.gather(
        verdict(net, "trace", raw_hash), verdict(net, "trace", "--batch", "0", "--step", str(truth.steps)),
        verdict(net, "trace", "--batch", "9", "--step", "0"), verdict(net, "trace", "0x12"))
    assert [code for code, _, _ in said] == [EXIT_REFUSED, EXIT_REFUSED, EXIT_REFUSED, EXIT_USAGE]
    for (_, out, err), part in zip(said, ("is unknown", f"has {truth.steps} steps", "not on L1 yet", "64 hex digits"), strict=True):
        assert part in err and not out
