"""Clocks and money: who has the last second, and who gets what, whatever the players do or leave undone.

Most have no daemons: two players and strangers on an L1 made by hand, to the second (kit/duel.py).
"""

from __future__ import annotations

from l1.artifacts import describe_error
from l1.events import AssertionStatus, GameStatus
from l1.rpc_errors import RpcError, rpc_error_of
from tests.adversarial.kit import Stage, scenario
from tests.adversarial.kit.books import balanced
from tests.adversarial.kit.duel import Duel, Made, Move, duel
from tests.e2e.devnet import SEQUENCER
from verdict.config.errors import ConfigError
from verdict.deploy import creation_code
from verdict.deployment import Genesis

REFUSES = bytes.fromhex("36600757" "5f5ffd" "5b60143603806014" "5f37" "5f5f825f345f3560601c5af1" "3d5f5f3e602757" "3d5ffd" "5b3d5ff3")
"""Ether without data: reverts. Else the first 20 bytes of the data are called with the rest of them and the value, and what comes
back is handed on: CALLDATASIZE JUMPI(7) REVERT; 7: CALLDATACOPY(0, 20, size - 20) CALL RETURNDATACOPY JUMPI(0x27) REVERT; RETURN."""
BURNS = REFUSES.replace(bytes.fromhex("5f5ffd"), bytes.fromhex("fefefe"), 1)
"""The same, but ether without data burns all the gas it is given (INVALID)."""


async def to_the_step(play: Duel, made: Made, game: bytes, *, j: int = 0) -> None:
    """Both move at once, until one step is left."""
    while True:
        on_l1 = await play.rollup.game(game)
        if on_l1.hi - on_l1.lo == 1:
            return
        await play.does(await play.split(made, game))
        await play.does(await play.pick(made, game))


@scenario()
async def a_move_and_a_timeout_in_one_second(stage: Stage) -> None:
    """Up to the last second of a clock the move works and the timeout doesn't, from the next one on it is the other way round, in whichever order a block has them: never both, never neither."""
    rng = stage.rng
    async with duel(stage, {"dispute.stride": 0}) as play:
        for asserters_move in (True, False):
            for late in (-1, rng.choice((0, 0, 1, 2))):
                for timeout_first in (True, False):
                    made = await play.assertion()
                    game = play.game(made)
                    await play.does(await play.open(made))
                    if not asserters_move:
                        await play.does(await play.split(made, game))
                    move = await (play.split if asserters_move else play.pick)(made, game)
                    moves = [play.timeout(game), move] if timeout_first else [move, play.timeout(game)]
                    done = await play.block(*moves, at=await play.deadline(game) + late)
                    timed_out, moved = done if timeout_first else reversed(done)
                    assert timed_out.ok  # it skips what it can't end
                    ended = "GameEnded" in timed_out.events
                    stage.say("clock", f"{'asserter' if asserters_move else 'challenger'} {late:+} s: moved {moved.ok}, timed out {ended}")
                    assert moved.ok is (late < 0) and ended is (late >= 0)
                    expected = GameStatus.OPEN if late < 0 else GameStatus.CHALLENGER_WON if asserters_move else GameStatus.ASSERTER_WON
                    assert await play.status(game) is expected
        await balanced(play.net)


@scenario()
async def both_take_all_their_time(stage: Stage) -> None:
    """A game opened in the last second in which that is possible, by two who move only in the last second they can afford, is over before the window is: the assertion is confirmed at the window's end and not a second later."""
    async with duel(stage, {"dispute.stride": 0}) as play:
        made = await play.assertion(16)
        game = play.game(made)
        last = made.window_ends - 2 * play.clock
        opening = await play.open(made)
        await play.does(opening, at=last)
        await play.refused(await play.open(made, by=play.stranger), "TooLateToOpen", at=last + 1)
        rounds, moved_at = 4, last
        for turn in range(rounds):
            for move, seconds in ((play.split, play.clock // rounds), (play.pick, play.clock // rounds - 1)):
                on_l1 = await play.rollup.game(game)
                left = on_l1.asserter_clock if move == play.split else on_l1.challenger_clock
                moved_at += min(seconds, left - 1)
                await play.does(await move(made, game), at=moved_at)
            stage.say("game", f"round {turn + 1}: {made.window_ends - moved_at} s before the window ends")
        on_l1 = await play.rollup.game(game)
        assert on_l1.hi - on_l1.lo == 1 and on_l1.asserter_clock <= 1
        deadline = await play.deadline(game)
        assert deadline <= made.window_ends
        done = await play.does(play.timeout(game), at=deadline - 1)
        assert not done.events
        await play.refused(play.confirm(made), "WindowOpen" if deadline < made.window_ends else "GamesOpen")
        await play.does(play.timeout(game), at=max(deadline, await play.now() + 1))
        assert await play.status(game) is GameStatus.ASSERTER_WON
        if await play.now() < made.window_ends - 1:
            await play.refused(play.confirm(made), "WindowOpen", at=made.window_ends - 1)
        await play.does(play.confirm(made), at=max(made.window_ends, await play.now() + 1))
        assert await play.now() <= made.window_ends + 1
        assert await play.credit(play.asserter) == play.bond + play.challenge_bond and await play.credit(play.challenger) == 0
        await balanced(play.net)


@scenario()
async def a_second_too_early_a_second_too_late(stage: Stage) -> None:
    """A window ends in one second: until then nothing is confirmed, from then on it is; and what comes after has no right to be asserted, disputed or killed for a reward beside it."""
    async with duel(stage, {"dispute.stride": 0}) as play:
        made, lie = await play.assertion(), await play.assertion()
        late, _, _ = await play.make(16)
        await play.refused(play.confirm(made), "WindowOpen", at=made.window_ends - 1)
        rival = await play.assertion(at=made.window_ends)  # in the very second, before it is confirmed
        await play.does(play.confirm(made))
        await play.refused(late, "ParentHasConfirmedChild")
        await play.refused(await play.open(made), "NotPending")
        await play.refused(play.confirm(lie), "ParentNotLatestConfirmed")
        for wrong in (lie, rival):
            await play.does(play.kill_orphan(wrong))
            await play.refused(play.kill_orphan(wrong), "NotPending")
            assert (await play.rollup.assertion(wrong.id)).status is AssertionStatus.KILLED
        reward = play.bond * play.net.config.dispute.reward // 10_000
        assert await play.credit(play.stranger) == 2 * reward and await play.credit(play.asserter) == play.bond
        assert (await play.rollup.latest_confirmed()).id == made.id
        await balanced(play.net)


@scenario()
async def both_silent(stage: Stage) -> None:
    """When both sides of a game fall silent it waits for a stranger, who gains nothing by it: whose clock ran out loses, and all the money is where the rules say."""
    async with duel(stage, {"dispute.stride": 4}) as play:
        reward = play.bond * play.net.config.dispute.reward // 10_000
        made = await play.assertion(16)
        for j in (0, 1):
            await play.does(await play.open(made, j))
        await play.does(await play.split(made, play.game(made, 1)))
        day = await play.now() + 24 * 3600
        await play.idle(at=day)
        await play.refused(play.confirm(made), "GamesOpen")  # the window is long over
        await play.refused(await play.split(made, play.game(made, 0)), "ClockRunOut")
        await play.refused(await play.pick(made, play.game(made, 1)), "ClockRunOut")
        # The challenger's clock ran out in the second: the asserter has that bond, and still dies of the first.
        await play.does(play.timeout(play.game(made, 1), play.game(made, 0)))
        assert [await play.status(play.game(made, j)) for j in (0, 1)] == [GameStatus.CHALLENGER_WON, GameStatus.ASSERTER_WON]
        assert (await play.rollup.assertion(made.id)).status is AssertionStatus.KILLED
        assert await play.credit(play.challenger) == play.challenge_bond + reward
        assert await play.credit(play.asserter) == play.challenge_bond
        assert await play.credit(play.stranger) == 0
        assert await play.l1.balance(bytes(20)) >= play.bond - reward  # burned
        await balanced(play.net)
        # In the other order the death of the assertion makes the second game void, and its bond goes back.
        again = await play.assertion(16)
        for j in (0, 1):
            await play.does(await play.open(again, j))
        await play.does(await play.split(again, play.game(again, 1)))
        await play.idle(at=await play.now() + 24 * 3600)
        await play.does(play.timeout(play.game(again, 0), play.game(again, 1)))
        assert await play.status(play.game(again, 1)) is GameStatus.VOID
        await play.does(play.reclaim(play.game(again, 1)))
        assert await play.credit(play.challenger) == 3 * play.challenge_bond + 2 * reward
        assert await play.credit(play.asserter) == play.challenge_bond
        await balanced(play.net)


@scenario()
async def everything_twice(stage: Stage) -> None:
    """Whatever pays or ends something works once: the second time it is refused or does nothing, and nobody is paid twice."""
    async with duel(stage, {"dispute.stride": 4}) as play:
        move, _, _ = await play.make(16)
        await play.does(move)
        await play.refused(move, "AssertionExists")
        made = await play.assertion(16)
        games = [play.game(made, j) for j in range(3)]
        for j in range(3):
            opening = await play.open(made, j)
            await play.does(opening)
            await play.refused(opening, "GameExists")
        for game in games[1:]:
            split = await play.split(made, game)
            await play.does(split)
            await play.refused(split, "NotYourMove")
        pick = await play.pick(made, games[2])
        await play.does(pick)
        await play.refused(pick, "WrongInterval")
        before = await balanced(play.net)
        await play.idle(at=await play.now() + play.clock)
        (done,) = await play.block(play.timeout(games[1], games[1], games[1]))  # thrice in one call
        assert done.ok
        await play.does(play.timeout(games[1]))
        assert await play.credit(play.asserter) == play.challenge_bond
        await play.does(play.timeout(games[0], games[0], games[0]))
        killed = await balanced(play.net)
        await play.does(play.timeout(*games))
        assert await balanced(play.net) == killed
        await play.refused(play.reclaim(games[0]), "GameNotVoid")
        await play.does(play.reclaim(games[2]))
        await play.refused(play.reclaim(games[2]), "GameNotVoid")
        assert sum(killed.staked.values()) < sum(before.staked.values())

        for refused in (play.confirm(made), play.kill_orphan(made)):
            await play.refused(refused, "NotPending")
        right = await play.assertion(16)
        await play.idle(at=right.window_ends)
        await play.does(play.confirm(right))
        for refused in (play.confirm(right), play.kill_orphan(right)):
            await play.refused(refused, "NotPending")

        for who in (play.asserter, play.challenger):
            owed = await play.credit(who)
            had = await play.l1.balance(bytes.fromhex(who.address[2:]))
            first, second = await play.block(play.withdraw(who), play.withdraw(who))  # in one block
            assert first.ok and not second.ok
            await play.refused(play.withdraw(who), "NothingToWithdraw")
            assert await play.credit(who) == 0
            third = had + owed - await play.l1.balance(bytes.fromhex(who.address[2:]))
            assert third > 0 and third < 10**16, f"{third} wei less than before and what was owed: more than three fees"
        await balanced(play.net)


@scenario(slow=True)
async def recipients_that_refuse(stage: Stage) -> None:
    """An asserter or a challenger that is a contract which refuses ether, or burns all gas when it comes, hurts nobody: games end, assertions die and are confirmed, and its credit stays until it says where it shall go."""
    async with duel(stage, {"dispute.stride": 4}) as play:
        reward = play.bond * play.net.config.dispute.reward // 10_000
        for runtime in (REFUSES, BURNS):
            asserter = await play.wallet(runtime, play.asserter)
            challenger = await play.wallet(runtime, play.challenger)
            with_ether = Move(play.stranger, b"", 1, to=asserter, gas=100_000)
            (done,) = await play.block(with_ether)
            assert not done.ok and (done.gas_used == 100_000) is (runtime is BURNS)
            # It dies by the clock of an ordinary challenger, who is paid.
            before = await play.credit(play.challenger)
            made = await play.assertion(16, through=asserter)
            await play.does(await play.open(made, 0))
            await play.does(await play.open(made, 1, through=challenger))
            await play.idle(at=await play.now() + play.clock)
            done = await play.does(play.timeout(play.game(made, 0)))
            assert done.gas_used < 200_000
            assert await play.credit(play.challenger) == before + reward + play.challenge_bond
            await play.does(play.reclaim(play.game(made, 1, of=challenger)))
            # It loses a game to an ordinary asserter, who is paid and confirmed.
            before = await play.credit(play.asserter)
            honest = await play.assertion(16)
            game = play.game(honest, 0, of=challenger)
            await play.does(await play.open(honest, 0, through=challenger))
            await play.does(await play.split(honest, game))
            await play.idle(at=honest.window_ends)
            await play.does(play.timeout(game))
            # It wins one, too, and has its own credit.
            wins = await play.assertion(16)
            await play.does(await play.open(wins, 2, through=challenger))
            await play.idle(at=await play.now() + play.clock)
            await play.does(play.timeout(play.game(wins, 2, of=challenger)))
            await play.refused(play.withdraw(play.challenger, through=challenger), "ETHTransferFailed")
            owed = await play.credit(challenger)
            assert owed == reward + 2 * play.challenge_bond
            assert await play.credit(play.asserter) == before + play.challenge_bond
            await balanced(play.net)
            heir = runtime[:20]
            await play.does(play.withdraw(play.challenger, to=heir, through=challenger))
            assert await play.l1.balance(heir) == owed and await play.credit(challenger) == 0
        # What such an asserter asserts can be confirmed by anyone.
        last = await play.assertion(16, through=asserter)
        await play.does(play.confirm(last), at=last.window_ends)
        assert await play.credit(asserter) == play.bond
        await balanced(play.net)


@scenario(slow=True)
async def credit_waits(stage: Stage) -> None:
    """What the contract owes somebody waits for as long as it takes, nobody else can collect it or send it elsewhere, and it goes wherever its owner says."""
    rng = stage.rng
    async with duel(stage, {"dispute.stride": 0}) as play:
        made = await play.assertion()
        await play.does(play.confirm(made), at=made.window_ends)
        owner = bytes.fromhex(play.asserter.address[2:])
        for _ in range(3):
            await play.idle(at=await play.now() + rng.randrange(30, 400) * 24 * 3600)
            for stranger in (play.stranger, play.challenger, play.net.account(SEQUENCER)):
                await play.refused(play.withdraw(stranger, to=owner), "NothingToWithdraw")
            assert await play.credit(owner) == play.bond
        to = bytes([rng.randrange(16, 256)]) * 20
        await play.does(play.withdraw(play.asserter, to=to))
        assert await play.l1.balance(to) == play.bond and await play.credit(owner) == 0
        await balanced(play.net)


@scenario()
async def no_bond_no_game(stage: Stage) -> None:
    """Nobody can make a rollup without bonds, in a configuration or by the contract itself, and nobody asserts or challenges for a wei less, or more, than the bond."""
    async with duel(stage, {"dispute.stride": 0}) as play:
        net = play.net
        for bond, name in (("assertion_bond", "ZeroAssertionBond"), ("challenge_bond", "ZeroChallengeBond")):
            try:
                net.configure({f"dispute.{bond}": "0 ether"})
            except ConfigError as error:
                assert f"dispute.{bond}" in str(error) and "is zero" in str(error)
            else:
                raise AssertionError(f"a configuration with {bond} zero is taken")
            config = net.config.model_copy(update={"dispute": net.config.dispute.model_copy(update={bond: 0})})
            assert (why := await made_by(play, config)) == name, why
        assert (why := await made_by(play, net.config)) == "", why
        for wei in (-1, 1):
            move, _, _ = await play.make(16)
            await play.refused(Move(move.by, move.data, move.value + wei, move.blobs), "WrongBond")
        made = await play.assertion()
        opening = await play.open(made)
        for value in (0, play.challenge_bond - 1, play.challenge_bond + 1):
            await play.refused(Move(opening.by, opening.data, value), "WrongBond")
        await play.does(opening)
        held = await balanced(net)
        assert held.held == play.bond + play.challenge_bond


async def made_by(play: Duel, config: object) -> str:
    """The error of the Rollup's constructor with that configuration; empty if it works."""
    deployment = play.net.deployment
    genesis = Genesis(state_root="0x" + "11" * 32, block_hash="0x" + "22" * 32, commitment="0x" + "33" * 31)
    addresses = {"inbox": deployment.inbox, "step_verifier": deployment.step_verifier}
    code = creation_code("rollup", config, genesis, addresses)  # type: ignore[arg-type]
    try:
        await play.l1.request("eth_call", [{"from": play.stranger.address, "data": "0x" + code.hex()}, "latest"])
    except RpcError as error:
        answer = rpc_error_of(error)
        assert answer is not None
        return describe_error(answer.data).split("(")[0]
    return ""


@scenario(slow=True, timeout=900)
async def hundreds_of_games_to_end(stage: Stage) -> None:
    """However many games an attacker pays for, each costs the same to end, a full batch of them fits into a block, and the assertion is confirmed as soon as its window and they are over; the asserter has all their bonds."""
    rng = stage.rng
    async with duel(stage, {"dispute.stride": 2}) as play:
        intervals, crowd = 20, 15 + rng.randrange(3)
        made = await play.assertion(2 * intervals)
        attackers = [play.net.account(60 + each) for each in range(crowd)]
        games: list[bytes] = []
        for j in range(intervals):
            opening = await play.open(made, j)
            moves = [Move(each, opening.data, opening.value) for each in attackers]
            done = await play.block(*(Move(each.by, each.data, each.value, gas=1_000_000) for each in moves))
            assert all(each.ok for each in done)
            games += [play.game(made, j, of=each.caller) for each in moves]
        asserters_gas = 0
        for first in range(0, len(games), 60):  # L1's pool takes 64 of one sender
            done = await play.block(*[await play.split(made, each) for each in games[first : first + 60]])
            assert all(each.ok for each in done)
            asserters_gas += sum(each.gas_used for each in done)
        opened = (await play.rollup.assertion(made.id)).open_games
        assert opened == len(games) == intervals * crowd
        await play.idle(at=made.window_ends)
        rng.shuffle(games)
        await play.refused(play.confirm(made), "GamesOpen")
        cost: dict[int, int] = {}
        sizes = [1, 10, 100, 10]
        while games:
            size = sizes.pop(0) if sizes else 60
            now, games = games[:size], games[size:]
            done = await play.does(play.timeout(*now))
            cost[len(now)] = done.gas_used // len(now)
            stage.say("stranger", f"{len(now)} games: {done.gas_used:,} gas, {cost[len(now)]:,} each")
        assert max(cost[10], cost[100], cost[60]) < 1.2 * min(cost[10], cost[100], cost[60])
        assert 100 * cost[100] < 36_000_000 // 2
        stage.say("asserter", f"{asserters_gas // opened:,} gas to answer a game")
        await play.does(play.confirm(made))
        assert await play.now() <= made.window_ends + 60
        assert await play.credit(play.asserter) == play.bond + opened * play.challenge_bond
        await balanced(play.net)
