"""Who plays, how many, and when: attacks cost the attackers, and the honest gas alone and no time beyond the window."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import Sequence

from challenger.events import Waiting
from challenger.game import boundaries, interval_count
from l1.events import AssertionStatus, GameStatus, KillReason
from l1.txmanager import TransactionManager
from tests.adversarial.kit import Devnet, Stage, scenario
from tests.adversarial.kit.books import bonds_out
from tests.adversarial.kit.by_hand import FalseChallenger
from tests.adversarial.kit.crowd import asserted, crowd, different_lies
from tests.adversarial.kit.lies import LIES
from tests.adversarial.kit.proposer import Proposer
from tests.adversarial.kit.purse import Purse, rewards
from tests.adversarial.kit.settling import settle
from tests.e2e.devnet import SEQUENCER

SPLIT_GAS, OPEN_GAS, PICK_GAS, PROOF_GAS = 150_000, 450_000, 250_000, 2_000_000
"""What one move takes of L1's gas at most, in batches of a few dozen steps; a proof opens a blob's cell by one proof."""


def rounds(lo: int, hi: int, arity: int) -> int:
    """Splits in a game about that interval, if it always goes on in the longest segment."""
    count = 0
    while hi - lo > 1:
        ends = boundaries(lo, hi, arity)
        lo, hi = max(itertools.pairwise(ends), key=lambda segment: segment[1] - segment[0])
        count += 1
    return count


def honest_asserter(net: Devnet) -> bytes:
    """The sequencer."""
    return bytes.fromhex(net.account(SEQUENCER).address[2:])


async def until_game(net: Devnet, game: bytes, status: GameStatus) -> None:
    async def reached() -> bool:
        return (await net.arena.rollup.game(game)).status is status

    await net.until(reached, f"game {game.hex()[:8]} is {status.name}", timeout=120)


async def no_bonds_out(net: Devnet) -> None:
    """Everybody has back what is theirs, and what the Rollup still holds is somebody's credit."""
    async def none() -> bool:
        return await bonds_out(net) == 0

    await net.until(none, "all bonds are back", timeout=120)


# ---- many attackers


async def attackers(stage: Stage, count: int, stride: int = 16, arity: int = 4) -> None:
    """All have asserted when the challenger comes."""
    async with contextlib.AsyncExitStack() as stack:
        net = await stack.enter_async_context(Devnet(stage, {"dispute.stride": stride, "dispute.arity": arity}))
        await stack.enter_async_context(net.sequencer())
        truth = await net.batch()
        liars = await stack.enter_async_context(crowd(net, await different_lies(truth, count, stage.rng)))
        lied = await asserted(net, liars)
        honest = await stack.enter_async_context(net.challenger())
        purse = await Purse.of(net, honest.address)
        for each in lied:
            await net.dies(each, by=honest, timeout=600)
        await net.stands()
        earned = await rewards(net, honest.address)
        statement = await purse.comes_to(earned, "the challenger")
        net.say("challenger", f"{count} attackers: {statement}; {statement.gas // count:,} gas each")
        moves = OPEN_GAS + PICK_GAS * rounds(0, min(stride, truth.steps), arity)
        assert statement.gas <= count * (PROOF_GAS + moves) + PICK_GAS * statement.transactions
        assert statement.gain - statement.fees > 0  # it is paid for
        await no_bonds_out(net)


@scenario(slow=True)
async def one_attacker(stage: Stage) -> None:
    """One liar about a random step loses its bond, and the challenger's costs are paid by it."""
    await attackers(stage, 1)


@scenario(slow=True, timeout=600)
async def two_attackers(stage: Stage) -> None:
    """Two liars about random steps die both, by one challenger, each in a game of its own."""
    await attackers(stage, 2)


@scenario(slow=True, timeout=900)
async def five_attackers(stage: Stage) -> None:
    """Five liars at once, at random steps, die all by one challenger: its cost is linear in their number, and paid by
    them."""
    await attackers(stage, 5)


@scenario(slow=True, timeout=1800)
async def twenty_attackers(stage: Stage) -> None:
    """Twenty liars at once, at random steps, die all by one challenger: its cost is linear in their number, and paid by
    them."""
    await attackers(stage, 20)


@scenario()
async def idle_sybils(stage: Stage) -> None:
    """Those who lie and never move die by the clock, each for a tenth of its bond, before they could be confirmed."""
    count = 3
    async with Devnet(stage, {"dispute.stride": 16}) as net, net.sequencer():
        truth = await net.batch()
        async with crowd(net, await different_lies(truth, count, stage.rng)) as sybils:
            lied = await asserted(net, sybils)
            for each in sybils:
                await each.silence()
        async with net.challenger() as honest:
            purse = await Purse.of(net, honest.address)

            async def challenged() -> bool:
                return len(await net.events("GameOpened")) == count

            await net.until(challenged, "the challenger plays against each", timeout=120)
            await net.travel(net.arena.rules.clock + 1)
            bond = net.config.dispute.assertion_bond
            for lie in lied:
                killed = await net.dies(lie, by=honest, reason=KillReason.TIMEOUT)
                assert killed["paid"] == bond // 10
                made = await net.arena.rollup.assertion(lie)
                assert await net.now() < made.created_at + net.arena.rules.window
            await net.stands()
            statement = await purse.comes_to(count * bond // 10, "the challenger")
            assert statement.gas <= count * (OPEN_GAS + 3 * PICK_GAS)  # open, time out, withdraw
            assert statement.gain > statement.fees
            await no_bonds_out(net)


# ---- against what is right


@scenario(slow=True, timeout=900)
async def flood_of_challenges(stage: Stage) -> None:
    """Whoever plays every game that can be played against a right assertion pays all bonds to its asserter, whose gas
    is bounded by the moves of the rules, and confirmation comes when the window is over and not later: also if they are
    opened at the last moment and never ended."""
    settings = {"dispute.stride": 4, "dispute.arity": 2}
    async with contextlib.AsyncExitStack() as stack:
        net = await stack.enter_async_context(Devnet(stage, settings))
        await stack.enter_async_context(net.sequencer())
        truth = await net.batch()
        rules = net.arena.rules
        right = await net.arena.assertion_of(honest_asserter(net))
        made = await net.arena.rollup.assertion(right)
        purse = await Purse.of(net, made.asserter)
        await net.travel(made.created_at + rules.window - 2 * rules.clock - 1200 - await net.now())
        intervals = interval_count(truth.steps, rules.stride)
        attackers = [await stack.enter_async_context(net.attacker()) for _ in range(3)]
        games = await flood(net, attackers, right, intervals)

        async def answered() -> bool:
            now = [await net.arena.rollup.game(game) for game in games]
            return all(any(each.split_hash) or each.hi - each.lo == 1 for each in now)

        await net.until(answered, "every game is answered", timeout=300)
        await net.travel(rules.clock + 1)
        for game in games:
            await until_game(net, game, GameStatus.ASSERTER_WON)
        await net.travel(made.created_at + rules.window - await net.now())
        await net.arena.until_status(right, AssertionStatus.CONFIRMED)
        delay = await confirmed_at(net, right) - made.created_at - rules.window
        dispute = net.config.dispute
        statement = await purse.comes_to(len(games) * dispute.challenge_bond + dispute.assertion_bond, "the asserter")
        net.say("asserter", f"{len(games)} games: {statement}; {statement.gas // len(games):,} gas each")
        net.say("asserter", f"confirmed {delay} s after its window was over")
        moves = len(games) * rounds(0, rules.stride, rules.arity)
        assert statement.gas <= (moves + len(games)) * SPLIT_GAS + 3 * PICK_GAS  # splits, time-outs; confirm, withdraw
        assert delay < rules.clock // 10
        await no_bonds_out(net)


async def flood(net: Devnet, attackers: Sequence[TransactionManager], right: bytes, intervals: int) -> list[bytes]:
    """Every attacker opens a game about every interval of more than one step; one of them plays its own as far as it
    can."""
    last = net.arena.truth.steps - (intervals - 1) * net.arena.rules.stride
    playable = range(intervals - (last == 1))
    players = [FalseChallenger(net, each) for each in attackers]
    opened = await asyncio.gather(*(player.open(right, j) for player in players for j in playable))
    ours = opened[: len(playable)]
    assert await asyncio.gather(*map(players[0].play, ours))  # to one step, where nothing can be proved
    return opened


async def confirmed_at(net: Devnet, assertion: bytes) -> int:
    """L1 timestamp."""
    event = next(each for each in await net.events("AssertionConfirmed") if bytes(each.args["id"]) == assertion)
    block = await net.rpc.block(event.block_number)
    assert block is not None
    return block.timestamp


@scenario()
async def asserter_censored_for_most_of_its_clock(stage: Stage) -> None:
    """An asserter whose answers L1's proposers leave out for three quarters of its clock loses nothing: whoever has
    them left out loses the bond."""
    async with Devnet(stage, {"dispute.stride": 16}) as net, net.sequencer(), net.attacker() as attacker:
        await net.batch()
        asserter, rules, proposer = honest_asserter(net), net.arena.rules, Proposer(net.l1)
        right = await net.arena.assertion_of(asserter)
        ours, theirs = await Purse.of(net, asserter), await Purse.of(net, attacker.address)
        player = FalseChallenger(net, attacker)
        with proposer.censoring(asserter):
            game = await player.open(right, 0)

            async def left_out() -> bool:
                return bool(proposer.left_out)

            await net.until(left_out, "the asserter's answer is left out")
            await net.travel(rules.clock * 3 // 4)
            await player.timeout(game)
            assert (await net.arena.rollup.game(game)).status is GameStatus.OPEN

        async def answered() -> bool:
            return any((await net.arena.rollup.game(game)).split_hash)

        await net.until(answered, "the asserter answers")
        left = (await net.arena.rollup.game(game)).asserter_clock
        net.say("asserter", f"has {left} s of {rules.clock} s left")
        assert 0 < left <= rules.clock // 4
        await net.travel(rules.clock + 1)
        await until_game(net, game, GameStatus.ASSERTER_WON)
        await net.stands()
        bond = net.config.dispute.challenge_bond
        await theirs.comes_to(-bond, "the attacker")
        await ours.comes_to(bond + net.config.dispute.assertion_bond, "the asserter")
        await no_bonds_out(net)


# ---- when the honest come


@scenario(slow=True)
async def challenger_just_in_time(stage: Stage) -> None:
    """A challenger that comes a quarter of an hour before games can't be opened any more kills even who never moves,
    before the window is over."""
    async with Devnet(stage, {"dispute.stride": 16}) as net, net.sequencer():
        truth = await net.batch()
        async with crowd(net, await different_lies(truth, 1, stage.rng)) as (liar,):
            lied = await net.arena.assertion_of(liar.address)
            await liar.silence()
        made, rules = await net.arena.rollup.assertion(lied), net.arena.rules
        await net.travel(made.created_at + rules.window - 2 * rules.clock - 900 - await net.now())
        async with net.challenger() as honest:
            async def challenged() -> bool:
                return (await net.arena.rollup.assertion(lied)).open_games == 1

            await net.until(challenged, "the challenger plays", timeout=120)
            await net.travel(rules.clock + 1)
            await net.dies(lied, by=honest, reason=KillReason.TIMEOUT)
            assert await net.now() < made.created_at + rules.window
            await net.stands()
        await no_bonds_out(net)


@scenario(slow=True)
async def challenger_after_the_window_of_a_one_step_lie(stage: Stage) -> None:
    """With a checkpoint at every step it is never too late, as long as nobody has confirmed the lie: one proof, no
    game."""
    async with Devnet(stage, {"dispute.stride": 1, "sequencer.assert_batches": False}) as net, net.sequencer():
        truth = await net.batch()
        async with crowd(net, await different_lies(truth, 1, stage.rng)) as (liar,):
            lied = await net.arena.assertion_of(liar.address)
        await net.travel(net.arena.rules.window + 1)
        async with net.challenger() as honest:
            purse = await Purse.of(net, honest.address)
            await net.dies(lied, by=honest)
            await purse.comes_to(await rewards(net, honest.address), "the challenger")
        async with net.attacker() as anybody:
            await settle(net, anybody)
        await no_bonds_out(net)


@scenario(slow=True)
async def challenger_too_late_for_a_game(stage: Stage) -> None:
    """Too late for a game, a challenger raises the alarm and spends nothing; until the lie's window is over anybody can
    still settle the batch, and the lie dies as a rival of what is proved."""
    async with Devnet(stage, {"dispute.stride": 16, "sequencer.assert_batches": False}) as net, net.sequencer():
        truth = await net.batch()
        async with crowd(net, await different_lies(truth, 1, stage.rng)) as (liar,):
            lied = await net.arena.assertion_of(liar.address)
        made, rules = await net.arena.rollup.assertion(lied), net.arena.rules
        await net.travel(made.created_at + rules.window - 2 * rules.clock + 1 - await net.now())
        async with net.challenger() as honest, net.attacker() as anybody:
            purse = await Purse.of(net, honest.address)
            heard = await honest.events.listen().until(
                lambda event: isinstance(event, Waiting) and event.alarm and "too late" in event.reason, 120)
            assert isinstance(heard, Waiting) and heard.subject == lied
            assert (await purse.statement()).transactions == 0 and not await net.events("GameOpened")
            await settle(net, anybody)
            assert await net.now() < made.created_at + rules.window
            killed = await net.dies(lied, by=honest, reason=KillReason.RIVAL)
            assert killed["paid"] == net.config.dispute.assertion_bond // 10
            assert (await net.arena.rollup.latest_confirmed()).state_root == truth.states[-1].state_root
            await purse.comes_to(killed["paid"], "the challenger")
        await no_bonds_out(net)


# ---- several honest


@scenario(slow=True, timeout=600)
async def honest_challengers_race(stage: Stage) -> None:
    """Of three challengers that play against the same lies one wins each, and the others lose gas and nothing else:
    their bonds come back."""
    async with contextlib.AsyncExitStack() as stack:
        net = await stack.enter_async_context(Devnet(stage, {"dispute.stride": 16, "dispute.arity": 4}))
        await stack.enter_async_context(net.sequencer())
        truth = await net.batch()
        configs = [net.config, *(net.another(challenger=net.account(index)) for index in (7, 8))]
        honest = [await stack.enter_async_context(net.challenger(config)) for config in configs]
        purses = [await Purse.of(net, each.address) for each in honest]
        liars = await stack.enter_async_context(crowd(net, await different_lies(truth, 2, stage.rng)))
        for lied in await asserted(net, liars):
            killed = await net.dies(lied)
            assert bytes.fromhex(killed["by"][2:]) in {each.address for each in honest}
        await net.stands()
        for index, (challenger, purse) in enumerate(zip(honest, purses, strict=True)):
            earned = await rewards(net, challenger.address)
            statement = await purse.comes_to(earned, f"challenger {index}")
            net.say(f"challenger {index}", str(statement))
            assert statement.gas <= len(liars) * (OPEN_GAS + 6 * PICK_GAS + PROOF_GAS)
            assert earned == 0 or statement.gain > statement.fees
        assert len(await net.events("GameOpened")) > len(liars)  # there was a race
        await no_bonds_out(net)


@scenario(slow=True)
async def second_asserter(stage: Stage) -> None:
    """A second honest asserter binds no bond while the first one's assertion is undisputed, makes its own when somebody
    disputes it, and both get their bonds back."""
    async with Devnet(stage, {"dispute.stride": 16}) as net, net.sequencer(), net.attacker() as attacker:
        truth = await net.batch()
        first = honest_asserter(net)
        right = await net.arena.assertion_of(first)
        ours = await Purse.of(net, first)
        async with net.asserter(truth.claims(truth.commitments, truth.states[-1])) as second:
            theirs = await Purse.of(net, second.address)
            seen = (await net.rpc.head()).number

            async def later() -> bool:
                return (await net.rpc.head()).number >= seen + 10

            await net.until(later, "ten blocks go by")
            assert len(await net.events("AssertionMade")) == 1
            await FalseChallenger(net, attacker).open(right, 0)
            own = await net.arena.assertion_of(second.address)
            await net.travel(net.arena.rules.clock + 1)
            await net.stands()
            await net.arena.until_status(own, AssertionStatus.CONFIRMED)
            await ours.comes_to(net.config.dispute.assertion_bond + net.config.dispute.challenge_bond, "the first")
            await theirs.comes_to(0, "the second")
        await no_bonds_out(net)


# ---- self-dealing


@scenario(slow=True)
async def attacker_challenges_itself(stage: Stage) -> None:
    """Who kills its own lie loses at least half of the bond, which is burned, and what it plays against others beside
    that goes to them."""
    async with Devnet(stage, {"dispute.stride": 16, "dispute.arity": 4}) as net, net.sequencer(), net.attacker() as third:
        truth = await net.batch()
        asserter, dispute = honest_asserter(net), net.config.dispute
        right = await net.arena.assertion_of(asserter)
        ours = await Purse.of(net, asserter)
        hands = [net.account(index) for index in (40, 41)]  # who lies, who kills
        gang = [third.address, *(bytes.fromhex(each.address[2:]) for each in hands)]
        purses = [await Purse.of(net, each) for each in gang]
        game = await FalseChallenger(net, third).open(right, 0)
        lie = await net.arena.node.in_thread(LIES["steals in the last step"], truth)
        killer = net.another(challenger=hands[1])
        async with net.asserter(lie, account=hands[0]) as liar, net.challenger(killer) as other_hand:
            killed = await net.dies(liar, by=other_hand)
            await net.travel(net.arena.rules.clock + 1)
            await until_game(net, game, GameStatus.ASSERTER_WON)
            await net.stands()
        (proved,) = await net.events("StepProved")
        lost = -sum([(await purse.statement()).gain for purse in purses])
        net.say("attacker", f"loses {lost} wei beside gas, {killed['burned']} of it burned")
        assert killed["burned"] >= dispute.assertion_bond // 2
        assert lost == killed["burned"] + proved.args["executeFee"] + dispute.challenge_bond
        await ours.comes_to(dispute.assertion_bond + dispute.challenge_bond, "the asserter")
        await no_bonds_out(net)
