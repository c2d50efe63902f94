"""Real daemons against somebody who moves in the last second that a clock allows."""

from __future__ import annotations

from derivation.commitments import checkpoint_blobs
from l1.events import AssertionStatus, GameStatus, KillReason
from l1.txmanager import TxCandidate
from tests.adversarial.kit import Devnet, Stage, scenario
from tests.adversarial.kit.books import balanced, lost
from tests.adversarial.kit.duel import Duel, Made
from tests.adversarial.kit.lies import LIES
from tests.adversarial.kit.proposer import Proposer
from tests.e2e.devnet import SEQUENCER


async def in_the_last_second(net: Devnet, proposer: Proposer, who: bytes, game: bytes, challenger: bool) -> None:
    """L1 leaves out all that `who` sends, up to the last second of its clock in this game; then it is included."""
    rollup = net.arena.rollup
    with proposer.censoring(who):
        on_l1 = await rollup.game(game)
        left = on_l1.challenger_clock if challenger else on_l1.asserter_clock

        async def waits() -> bool:
            return any(each.sender == who for each in net.l1.node.pool)

        await net.until(waits, "the move waits", timeout=120)
        wanted = on_l1.moved_at + left - 1
        if await net.now() < wanted - 1:
            await net.rpc.request("evm_setIntervalMining", [0])
            await net.rpc.request("evm_setNextBlockTimestamp", [hex(wanted - 1)])
            await net.mine()
    await net.mine()
    await net.rpc.request("evm_setIntervalMining", [500])


@scenario(slow=True)
async def a_liar_who_moves_in_the_last_second(stage: Stage) -> None:
    """A liar who makes each move as late as its clock allows wins nothing by it: it dies within the window, by its clock or by a proof, and the challenger who waited for it has lost nothing."""
    async with Devnet(stage, {"dispute.stride": 0}) as net, net.sequencer(), net.challenger() as honest:
        await net.batch()
        lie = LIES[stage.rng.choice(["gas used", "random from the middle", "steals in the first step"])](net.arena.truth)
        proposer = Proposer(net.l1)
        async with net.asserter(lie) as liar:
            lied = await net.arena.assertion_of(liar.address)
            opened = await net.until(lambda: _game_on(net, lied), "the challenger opens a game", timeout=120)
            await in_the_last_second(net, proposer, liar.address, opened, challenger=False)
            on_l1 = await net.arena.rollup.game(opened)
            stage.say("liar", f"has {on_l1.asserter_clock} s left after its first move")
            assert on_l1.asserter_clock <= 2, "it took all the time that it has"

            async def over() -> bool:
                return await net.arena.status(lied) is AssertionStatus.KILLED

            await net.until(over, "the liar dies", timeout=240)
            killed = (await net.arena.kills())[lied]
            assert killed["reason"] in (KillReason.TIMEOUT, KillReason.STEP_PROOF)
            assert bytes.fromhex(killed["by"][2:]) == honest.address
            made = await net.arena.rollup.assertion(lied)
            assert await net.now() < made.created_at + net.arena.rules.window
        await net.stands()
        await net.rpc.request("evm_setIntervalMining", [0])
        assert await lost(net, honest.address) <= 0
        await balanced(net)


async def _game_on(net: Devnet, assertion: bytes) -> bytes | None:
    for event in await net.events("GameOpened"):
        if bytes(event.args["assertionId"]) == assertion:
            return bytes(event.args["gameId"])
    return None


@scenario(slow=True)
async def a_challenger_who_moves_in_the_last_second(stage: Stage) -> None:
    """A false challenge opened in the last second and played as slowly as its clock allows puts off confirmation by nothing: the sequencer answers, takes the bond, and is confirmed when the window ends."""
    async with Devnet(stage, {"dispute.stride": 0, "dispute.clock": "1h", "dispute.window": "4h"}) as net, net.sequencer():
        await net.batch()
        arena, sequencer = net.arena, bytes.fromhex(net.account(SEQUENCER).address[2:])
        made = await arena.assertion_of(sequencer)
        record = await arena.rollup.assertion(made)
        ends = record.created_at + arena.rules.window
        async with net.attacker() as attacker:
            play = Duel(net)
            try:
                claims = arena.truth.commitments
                own = Made(made, sequencer, claims, tuple(checkpoint_blobs(claims, 0)), record.created_at, ends)
                await net.travel(ends - 2 * arena.rules.clock - await net.now() - 8)
                opening = await play.open(own)
                await attacker.send(TxCandidate(arena.rollup.address, opening.data, opening.value))
                game = play.game(own, of=attacker.address)
                picks = 0
                while True:
                    async def answered() -> bool:
                        return any((await arena.rollup.game(game)).split_hash)

                    await net.until(answered, "the sequencer splits", timeout=120)
                    on_l1 = await arena.rollup.game(game)
                    share = arena.rules.clock // 5 - 60
                    if on_l1.challenger_clock <= share + 120 or on_l1.hi - on_l1.lo <= 3:
                        break
                    await net.travel(share)
                    pick = await play.pick(own, game, stage.rng.randrange(2))
                    await attacker.send(TxCandidate(arena.rollup.address, pick.data))
                    picks += 1
                assert picks >= 2
                stage.say("attacker", f"{picks} picks; {await play.deadline(game) - await net.now()} s left, then it is silent")
                assert await play.deadline(game) <= ends
                await net.travel(max(1, await play.deadline(game) - await net.now()))

                async def lost_it() -> bool:
                    return await play.status(game) is GameStatus.ASSERTER_WON

                await net.until(lost_it, "the sequencer takes the bond by the clock", timeout=120)
                if (more := ends - await net.now()) > 0:
                    await net.travel(more)

                async def confirmed() -> bool:
                    return await arena.status(made) is AssertionStatus.CONFIRMED

                await net.until(confirmed, "it is confirmed")
                late = await net.now() - ends
                stage.say("sequencer", f"confirmed at most {late} s of L1 time after the window")
                assert late < 600
            finally:
                play.prover.close()
        await net.rpc.request("evm_setIntervalMining", [0])
        assert await lost(net, attacker.address) == net.config.dispute.challenge_bond
        assert await lost(net, sequencer) == -net.config.dispute.challenge_bond
        await balanced(net)
