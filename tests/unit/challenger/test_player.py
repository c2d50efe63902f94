"""Turns: nothing is done on a guess, and one thing that fails holds up no other."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace

import pytest

from challenger.claims import Assertion, AssertionStatus, GameRecord, Kin, Unknown
from challenger.events import AssertionChecked, EventStream, TurnFailed, Waiting
from challenger.game import Game, Rules, Status
from challenger.player import CREDIT, Player
from challenger.scheduler import Scheduler
from challenger.solver import (
    KillOrphan,
    Nothing,
    OpenGame,
    PickSegment,
    ProveStep,
    ProveStepInGame,
    Reclaim,
    TimeOutGames,
    Withdraw,
)
from challenger.sources import L1Sources
from challenger.watch import Snapshot
from l1.client import L1Block, L1Inconsistent, L1Unavailable
from l1.txmanager import TransactionReverted
from tests.unit.challenger.alphabet import HONEST, Alphabet, Claimed, assertion_of

RULES = Rules(16, 2, 1000, 100)
TRUTH = Alphabet(40)
CONFIRMED = Kin(AssertionStatus.CONFIRMED)


def block(number: int = 7, name: bytes = b"\x07" * 32) -> L1Block:
    return L1Block(number, name, bytes(32), 100, b"", b"", 0, 0, 0, 0, 0, b"", b"")


def assertion(identity: int = 1, lies=lambda step: step >= 20) -> tuple[Assertion, tuple[bytes, ...]]:
    made, checkpoints = assertion_of(RULES, Claimed(TRUTH, 40, lies))
    return replace(made, id=bytes([identity]) * 32, batch_hash=bytes([identity]) * 32), checkpoints


def snapshot(*made: Assertion, kin: Kin = CONFIRMED, games: tuple[GameRecord, ...] = (),
             credit: int = 0, at: L1Block | None = None) -> Snapshot:
    return Snapshot(at or block(), 100, {each.id: each for each in made}, {each.id: kin for each in made},
                    {each.id: each for each in games}, {}, credit)


@dataclass
class Fakes:
    """Knowledge, checkpoints, responder, sources, all in one."""

    traces: dict[bytes, object] = field(default_factory=dict)
    checkpoints: dict[bytes, object] = field(default_factory=dict)
    doubts: Unknown | None = None
    done: list[object] = field(default_factory=list)
    fail: dict[bytes, BaseException] = field(default_factory=dict)
    hang: set[bytes] = field(default_factory=set)
    fetched: int = 0
    me: bytes = HONEST
    included_in: int = 7

    def trace(self, batch_hash):
        return self.traces.get(batch_hash, TRUTH)

    async def claimed(self, made):
        self.fetched += 1
        return self.checkpoints[made.id]

    async def doubt(self, _block):
        return self.doubts

    async def carry_out(self, action, made=None):
        subject = getattr(action, "assertion_id", b"")
        if subject in self.hang:
            await asyncio.sleep(3600)
        if subject in self.fail:
            raise self.fail[subject]
        self.done.append(action)
        return self.included_in


def player(fakes: Fakes) -> tuple[Player, list[object]]:
    events, heard = EventStream(), []
    events.on_event(heard.append)
    return Player(RULES, fakes, fakes, fakes, fakes, events), heard  # type: ignore[arg-type]


async def test_a_wrong_one_is_challenged_and_told_once():
    made, checkpoints = assertion()
    fakes = Fakes(checkpoints={made.id: checkpoints})
    playing, heard = player(fakes)
    for _ in range(2):
        assert await playing.turn(snapshot(made), made.id) == OpenGame(made.id, 1)
    assert heard == [AssertionChecked(made.id, 0, 40, (16, 32))]
    assert fakes.fetched == 1


async def test_a_right_one_is_left_alone_and_not_asked_about_again():
    made, checkpoints = assertion(lies=lambda step: False)
    fakes = Fakes(checkpoints={made.id: checkpoints})
    playing, heard = player(fakes)
    assert playing.subjects(snapshot(made)) == [made.id]
    assert isinstance(await playing.turn(snapshot(made), made.id), Nothing)
    assert heard == [AssertionChecked(made.id, 0, 40, None)] and not fakes.done
    assert playing.subjects(snapshot(made)) == []
    dead = snapshot(made, kin=Kin(AssertionStatus.KILLED))
    assert playing.subjects(dead) == [made.id]
    assert await playing.turn(dead, made.id) == KillOrphan(made.id)
    playing.forget(snapshot())
    assert playing.subjects(snapshot(made)) == [made.id]


@pytest.mark.parametrize("unknown", ["trace", "checkpoints", "sources"])
async def test_what_is_unknown_is_waited_for(unknown):
    made, checkpoints = assertion()
    fakes = Fakes(checkpoints={made.id: checkpoints})
    reason = Unknown("can't say", alarm=True)
    if unknown == "trace":
        fakes.traces[made.batch_hash] = reason
    elif unknown == "checkpoints":
        fakes.checkpoints[made.id] = reason
    else:
        fakes.doubts = reason
    playing, heard = player(fakes)
    for _ in range(3):
        assert isinstance(await playing.turn(snapshot(made), made.id), Unknown)
    assert not fakes.done
    assert len([each for each in heard if isinstance(each, Waiting)]) == 1
    fakes.traces.clear()
    fakes.checkpoints[made.id] = checkpoints
    fakes.doubts = None
    assert await playing.turn(snapshot(made), made.id) == OpenGame(made.id, 1)
    assert fakes.done == [OpenGame(made.id, 1)]


async def test_doubt_does_not_stop_what_needs_no_knowledge():
    """A time-out, a reclaimed bond, an orphan: the contract itself knows."""
    made, checkpoints = assertion()
    fakes = Fakes(checkpoints={made.id: checkpoints}, doubts=Unknown("sources disagree", alarm=True))
    playing, _ = player(fakes)
    late = Game(16, 32, b"", b"", None, 50, 100, 10)
    record = GameRecord(b"\x70" * 32, made.id, HONEST, late)
    assert await playing.turn(snapshot(made, games=(record,)), record.id) == TimeOutGames((record.id,))
    void = replace(record, game=replace(late, status=Status.VOID))
    assert await playing.turn(snapshot(games=(void,)), record.id) == Reclaim(record.id)
    assert await playing.turn(snapshot(made, kin=Kin(AssertionStatus.KILLED)), made.id) == KillOrphan(made.id)
    assert isinstance(await playing.turn(snapshot(credit=5), CREDIT), Unknown)


async def test_what_was_just_done_is_not_done_again_on_an_old_snapshot():
    made, checkpoints = assertion()
    fakes = Fakes(checkpoints={made.id: checkpoints}, included_in=8)
    playing, _ = player(fakes)
    await playing.turn(snapshot(made), made.id)
    assert playing.subjects(snapshot(made)) == []
    assert playing.subjects(snapshot(made, at=block(8))) == [made.id]


async def test_moves_in_a_game():
    made, checkpoints = assertion()
    fakes = Fakes(checkpoints={made.id: checkpoints})
    playing, _ = player(fakes)
    game = Game(16, 32, TRUTH.commitment(16), checkpoints[2], (b"\x00" * 31,), 100, 100, 90)
    record = GameRecord(b"\x70" * 32, made.id, HONEST, game)
    assert await playing.turn(snapshot(made, games=(record,)), record.id) == PickSegment(
        record.id, 16, 32, (b"\x00" * 31,), 0)
    assert await playing.turn(snapshot(credit=5), CREDIT) == Withdraw(5)


async def test_a_clock_that_stood_still_has_not_run_out():
    """With one step left the seconds in which EXECUTE was full don't count."""
    made, checkpoints = assertion()
    fakes = Fakes(checkpoints={made.id: checkpoints})
    game = Game(19, 20, TRUTH.commitment(19), b"\x66" * 31, None, 100, 50, 40, congestion=7, closes_at=1000)
    record = GameRecord(b"\x70" * 32, made.id, HONEST, game)
    late = snapshot(made, games=(record,))
    playing, _ = player(fakes)
    assert await playing.turn(late, record.id) == Unknown("our clock has run out", alarm=True)
    assert isinstance(await playing.turn(replace(late, congestion=17), record.id), Unknown)
    assert await playing.turn(replace(late, congestion=18), record.id) == ProveStepInGame(record.id, made.id, 19)


# ---- the scheduler


@dataclass
class FakeWatcher:
    shown: Snapshot | Exception
    news: list[object] = field(default_factory=list)

    async def snapshot(self) -> Snapshot:
        if isinstance(self.shown, Exception):
            raise self.shown
        return self.shown


async def run_for(scheduler: Scheduler, seconds: float) -> None:
    task = asyncio.create_task(scheduler.run(0.02))
    await asyncio.sleep(seconds)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_a_bad_game_stalls_no_other():
    rules = Rules(1, 2, 1000, 100)
    made = {}
    fakes = Fakes()
    for identity in range(1, 6):
        each, checkpoints = assertion_of(rules, Claimed(TRUTH, 40, lambda step: step >= 20))
        made[identity] = replace(each, id=bytes([identity]) * 32)
        fakes.checkpoints[made[identity].id] = checkpoints
    fakes.fail[made[1].id] = TransactionReverted("no")
    fakes.fail[made[2].id] = ZeroDivisionError("a bug")
    fakes.hang.add(made[3].id)
    events, heard = EventStream(), []
    events.on_event(heard.append)
    playing = Player(rules, fakes, fakes, fakes, fakes, events)  # type: ignore[arg-type]
    watcher = FakeWatcher(snapshot(*made.values()))
    await run_for(Scheduler(watcher, playing, events), 0.4)  # type: ignore[arg-type]
    for identity in (4, 5):
        assert ProveStep(made[identity].id, 19, 19) in fakes.done
    assert {each.subject for each in heard if isinstance(each, TurnFailed)} == {made[1].id, made[2].id}


async def test_l1_being_away_is_waited_for():
    watcher = FakeWatcher(L1Unavailable("no answer"))
    made, checkpoints = assertion()
    fakes = Fakes(checkpoints={made.id: checkpoints})
    playing, _ = player(fakes)
    scheduler = Scheduler(watcher, playing, EventStream())  # type: ignore[arg-type]
    task = asyncio.create_task(scheduler.run(0.02))
    async with asyncio.timeout(10):
        while scheduler.failure != "no answer":
            await asyncio.sleep(0.01)
        watcher.shown = snapshot(made)
        while OpenGame(made.id, 1) not in fakes.done or scheduler.failure is not None:
            await asyncio.sleep(0.01)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


# ---- several L1 sources


@dataclass
class FakeSource:
    """Stands for an L1Client; `head` is (batch hash, count)."""

    blocks: dict[int, L1Block]
    head: tuple[bytes, int] = (b"\x01" * 32, 1)
    silent: bool = False

    async def block(self, number):
        if self.silent:
            raise L1Unavailable("silent")
        if number == "bad":
            raise L1Inconsistent("bad")
        return self.blocks.get(number)


@pytest.fixture
def sources(monkeypatch: pytest.MonkeyPatch):
    @dataclass
    class FakeInbox:
        l1: FakeSource
        address: bytes

        async def head_batch(self, _block):
            return self.l1.head

    monkeypatch.setattr("challenger.sources.Inbox", FakeInbox)
    return lambda *each: L1Sources(each[0], each[1:], b"")


async def test_sources(sources):
    at = block()
    good = FakeSource({7: at})
    assert await sources(good).doubt(at) is None
    assert await sources(good, FakeSource({7: at})).doubt(at) is None
    fork = await sources(good, FakeSource({7: block(7, b"\x08" * 32)})).doubt(at)
    assert isinstance(fork, Unknown) and fork.alarm
    other = await sources(good, FakeSource({7: at}, head=(b"\x02" * 32, 1))).doubt(at)
    assert isinstance(other, Unknown) and other.alarm
    behind = await sources(good, FakeSource({})).doubt(at)
    assert isinstance(behind, Unknown) and not behind.alarm
    silent = FakeSource({7: at}, silent=True)
    alone = await sources(good, silent).doubt(at)
    assert isinstance(alone, Unknown) and alone.alarm
    assert await sources(good, silent, FakeSource({7: at})).doubt(at) is None
    worst = await sources(good, FakeSource({}), FakeSource({7: block(7, b"\x08" * 32)})).doubt(at)
    assert isinstance(worst, Unknown) and worst.alarm


async def test_a_doubt_is_looked_into_again(sources):
    at = block()
    other = FakeSource({})
    asked = sources(FakeSource({7: at}), other)
    assert await asked.doubt(at)
    other.blocks[7] = at
    assert await asked.doubt(at) is None


