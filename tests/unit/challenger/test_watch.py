"""Following the Rollup: everything from L1 alone, undone with L1, never of two L1s."""

from __future__ import annotations

import pytest
from eth_abi import encode as abi_encode
from eth_hash.auto import keccak

from challenger import watch
from challenger.chronicle import Chronicle, Point
from challenger.claims import AssertionStatus
from challenger.game import Status
from challenger.watch import Watcher
from l1.client import L1Inconsistent
from l1.contracts import GameRecord
from l1.events import (
    AssertionConfirmed,
    AssertionKilled,
    GameEnded,
    GameOpened,
    GameStatus,
    KillReason,
    Picked,
    Split,
)
from tests.unit.challenger.fake_chain import FakeChain, made

ME, OTHER = b"\x11" * 20, b"\x22" * 20
GAME = b"\x77" * 32


@pytest.fixture
def chain(monkeypatch: pytest.MonkeyPatch) -> FakeChain:
    fake = FakeChain()
    monkeypatch.setattr(watch, "read_rollup_event", fake.event_in)
    for _ in range(3):
        fake.mine()
    return fake


def watcher(chain: FakeChain, window: int = 8, confirmations: int = 0) -> Watcher:
    return Watcher(chain, chain, ME, 1, 5000, confirmations, window)  # type: ignore[arg-type]


async def test_pending_assertions_and_their_kin(chain):
    first, child = made(1), made(2, parent=bytes([1]) * 32)
    chain.mine(first)
    chain.mine(child)
    watching = watcher(chain)
    snapshot = await watching.snapshot()
    assert set(snapshot.assertions) == {first.id, child.id}
    assert snapshot.assertions[first.id].created_at == 1000 + 12 * 3
    assert snapshot.kin[first.id].parent_status is AssertionStatus.CONFIRMED
    assert snapshot.kin[child.id].parent_status is AssertionStatus.PENDING
    chain.mine(AssertionKilled(first.id, OTHER, KillReason.STEP_PROOF, 1, 1))
    snapshot = await watching.snapshot()
    assert set(snapshot.assertions) == {child.id}
    assert snapshot.kin[child.id].parent_status is AssertionStatus.KILLED


async def test_confirmed_rival(chain):
    one, two = made(1), made(2)
    chain.mine(one, two)
    chain.mine(AssertionConfirmed(one.id, b"", b""))
    snapshot = await watcher(chain).snapshot()
    assert set(snapshot.assertions) == {two.id} and snapshot.kin[two.id].confirmed_rival == one.id


async def test_a_reorg_is_undone(chain):
    one = made(1)
    chain.mine(one)
    watching = watcher(chain)
    chain.mine(AssertionKilled(one.id, OTHER, KillReason.TIMEOUT, 1, 1))
    assert not (await watching.snapshot()).assertions
    chain.drop(1)
    chain.mine(salt="other")
    snapshot = await watching.snapshot()
    assert set(snapshot.assertions) == {one.id} and watching.reorgs == 1
    chain.drop(2)
    chain.mine(salt="without it")
    assert not (await watching.snapshot()).assertions


async def test_made_again_in_another_block_has_another_time(chain):
    one = made(1)
    chain.mine(one)
    watching = watcher(chain)
    before = (await watching.snapshot()).assertions[one.id].created_at
    chain.drop(1)
    chain.mine(salt="first something else")
    chain.mine(one)
    assert (await watching.snapshot()).assertions[one.id].created_at == before + 12


async def test_a_reorg_deeper_than_the_window_starts_anew(chain):
    watching = watcher(chain, window=2)
    chain.mine(made(1))
    for _ in range(6):
        chain.mine()
    assert (await watching.snapshot()).assertions
    chain.drop(8)
    for _ in range(9):
        chain.mine(salt="new")
    assert not (await watching.snapshot()).assertions and watching.reorgs == 1


async def test_history_is_read_in_ranges_that_shrink_if_they_must(chain):
    for number in range(1, 41):
        chain.mine(made(number))
    chain.range_limit = 10
    snapshot = await watcher(chain, window=4).snapshot()
    assert len(snapshot.assertions) == 40
    assert any(each.startswith("range") for each in chain.asked)


async def test_confirmations(chain):
    chain.mine(made(1))
    watching = watcher(chain, confirmations=2)
    assert not (await watching.snapshot()).assertions
    chain.mine()
    chain.mine()
    assert (await watching.snapshot()).assertions


async def test_nothing_before_the_deployment(chain):
    chain.drop(2)
    assert await watcher(chain).snapshot() is None


def on_chain(split: tuple[bytes, ...] | None, challenger: bytes = ME, status: GameStatus = GameStatus.OPEN,
             hi: int = 16, congestion: int = 0) -> GameRecord:
    split_hash = bytes(32) if split is None else keccak(abi_encode(["bytes31[]"], [split]))
    return GameRecord(bytes([1]) * 32, challenger, 0, hi, congestion, b"\x01" * 31, b"\x02" * 31, split_hash, 60, 50,
                      1040, status)


async def test_games_carry_the_split_that_waits(chain):
    one, split = made(1), (b"\x05" * 31,)
    chain.mine(one)
    chain.mine(GameOpened(GAME, one.id, ME, 0, 16))
    at = chain.mine(Split(GAME, 0, 16, split))
    chain.games[GAME, at.hash] = on_chain(split)
    chain.credits[at.hash] = 7
    watching = watcher(chain)
    snapshot = await watching.snapshot()
    assert snapshot.games[GAME].game.split == split and snapshot.credit == 7
    assert snapshot.games[GAME].game.status is Status.OPEN
    at = chain.mine(Picked(GAME, 0, 8))
    chain.games[GAME, at.hash] = on_chain(None)
    assert (await watching.snapshot()).games[GAME].game.split is None
    at = chain.mine()
    chain.games[GAME, at.hash] = on_chain((b"\x06" * 31,))
    with pytest.raises(L1Inconsistent):
        await watching.snapshot()


async def test_congestion_is_read_while_a_proof_is_due_and_puts_the_deadline_off(chain):
    """The clock of 50 s ran from 1040. 30 s of congestion since then don't count, within the window."""
    one = made(1)
    created = chain.mine(one).timestamp
    chain.mine(GameOpened(GAME, one.id, ME, 0, 16))
    at = chain.mine(Picked(GAME, 0, 1))
    chain.games[GAME, at.hash] = on_chain(None, hi=1, congestion=100)
    chain.congestion[at.hash] = 130
    snapshot = await watcher(chain).snapshot()
    game = snapshot.games[GAME].game
    assert (snapshot.congestion, game.congestion, game.closes_at) == (130, 100, created + 5000)
    assert game.ran_out(1090) and not game.ran_out(1119, snapshot.congestion) and game.ran_out(1120, snapshot.congestion)
    chain.games[GAME, at.hash] = on_chain(None)
    assert (await watcher(chain).snapshot()).congestion is None


async def test_other_peoples_games_are_not_read(chain):
    one = made(1)
    chain.mine(one)
    chain.mine(GameOpened(GAME, one.id, OTHER, 0, 16))
    assert not (await watcher(chain).snapshot()).games


async def test_over_games_of_ours(chain):
    one = made(1)
    chain.mine(one)
    chain.mine(GameOpened(GAME, one.id, ME, 0, 16))
    at = chain.mine(GameEnded(GAME, GameStatus.ASSERTER_WON))
    chain.games[GAME, at.hash] = on_chain(None, status=GameStatus.ASSERTER_WON)
    watching = watcher(chain)
    snapshot = await watching.snapshot()
    assert not snapshot.games and snapshot.ended_games[one.id][0].status is Status.ASSERTER_WON


async def test_void_games_stay_until_reclaimed(chain):
    one = made(1)
    chain.mine(one)
    chain.mine(GameOpened(GAME, one.id, ME, 0, 16))
    at = chain.mine(AssertionKilled(one.id, OTHER, KillReason.STEP_PROOF, 1, 1))
    chain.games[GAME, at.hash] = on_chain(None, status=GameStatus.VOID)
    watching = watcher(chain)
    record = (await watching.snapshot()).games[GAME]
    assert record.status is Status.VOID and not record.reclaimed
    chain.mine(GameEnded(GAME, GameStatus.VOID))
    assert not (await watching.snapshot()).games


def test_rewinding_restores_every_table():
    chronicle = Chronicle(window=10)
    one, points = made(1), [Point(number, bytes([number])) for number in range(1, 8)]
    steps = [[one], [GameOpened(GAME, one.id, ME, 0, 16)], [Split(GAME, 0, 16, (b"",))], [Picked(GAME, 0, 8)],
             [GameEnded(GAME, GameStatus.CHALLENGER_WON), AssertionKilled(one.id, ME, KillReason.STEP_PROOF, 1, 1)],
             [made(2)]]
    tables = ("made", "status", "confirmed_child", "killed", "proved", "opened", "ended", "split", "pending", "open_games",
              "games_of")

    def picture() -> dict[str, object]:
        return {name: dict(getattr(chronicle, name)) for name in tables}

    pictures = []
    for point, events in zip(points, [[], *steps], strict=False):
        chronicle.apply(point, [(event, point, b"") for event in events])
        pictures.append(picture())
    for index in reversed(range(len(steps))):
        chronicle.rewind(points[index])
        assert picture() == pictures[index] and chronicle.last == points[index]
    with pytest.raises(KeyError):
        chronicle.rewind(Point(99, b""))
