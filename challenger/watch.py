"""Reads from L1 alone which assertions and games there are, and how they stand at one block.

Events are followed block by block, by hash; a reorg is undone to the common ancestor. What events don't say (clocks,
credits) is read from the contract at that same block hash, so that a snapshot is never of two L1s.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from eth_abi import encode as abi_encode
from eth_hash.auto import keccak

from challenger.chronicle import Chronicle
from challenger.claims import GENESIS_ID, Assertion, AssertionStatus, GameRecord, Kin
from challenger.game import Game, Stage, Status
from l1.artifacts import AnswerMalformed
from l1.client import L1Block, L1Client, L1Inconsistent, L1Log
from l1.contracts import Execute, Rollup
from l1.contracts import GameRecord as GameOnL1
from l1.events import GameOpened, RollupEvent, Split, read_rollup_event
from l1.follower import L1Moving, LogFollower, Point
from l1.rpc_errors import RpcError


@dataclass(frozen=True, slots=True)
class Snapshot:
    """`block`: the L1 block as of which all this holds; `now`: timestamp of L1's newest block, seconds.

    `assertions`: the pending ones. `games`: ours, that are open or whose bond can be reclaimed. `credit`: ours, wei.
    `congestion`: EXECUTE's congested seconds as of L1's newest block, if one of the games hangs on it.
    """

    block: L1Block
    now: int
    assertions: Mapping[bytes, Assertion]
    kin: Mapping[bytes, Kin]
    games: Mapping[bytes, GameRecord]
    ended_games: Mapping[bytes, tuple[GameRecord, ...]]  # ours that are over, by assertion
    credit: int
    congestion: int | None = None


class Watcher:
    """A follower's Journal. `me`: the challenger's address. `start`: number of the L1 block with the first contract. `dispute_window`: the
    rollup's, seconds. `confirmations`: L1 blocks on top of one before it is read."""

    def __init__(self, l1: L1Client, rollup: Rollup, me: bytes, start: int, dispute_window: int, confirmations: int = 0,
                 window: int = 256) -> None:
        self._l1 = l1
        self._rollup = rollup
        self._execute = Execute(l1)
        self._dispute_window = dispute_window
        self._me = me
        self._follower = LogFollower(l1, [rollup.address], start, self, confirmations=confirmations, window=window)
        self._known: dict[tuple[bytes, bytes], Assertion] = {}  # by id and hash of the block it was made in
        self.chronicle = Chronicle(window)
        self.news: list[RollupEvent] = []  # read since whoever is interested has cleared it

    # ---- following events

    async def advance(self) -> L1Block | None:
        """Reads what is new. The block that everything is known up to; None if there is nothing to know yet.
        Raises L1Moving, L1Unavailable, L1Inconsistent: ask again later."""
        return await self._follower.advance()

    @property
    def reorgs(self) -> int:
        return self._follower.reorgs

    @property
    def last(self) -> Point | None:
        return self.chronicle.last

    @property
    def points(self) -> Sequence[Point]:
        return self.chronicle.points

    def rewind(self, to: Point) -> None:
        self.chronicle.rewind(to)
        self._known.clear()

    def forget(self) -> None:
        self.chronicle.forget()
        self._known.clear()

    def take(self, block: L1Block, logs: Sequence[L1Log]) -> None:
        told: list[tuple[RollupEvent, Point, bytes]] = []
        for entry in logs:
            try:
                event = read_rollup_event(entry)
            except AnswerMalformed as error:
                raise L1Inconsistent(f"L1 block {entry.block_number}: {error}") from error
            if event is not None:
                self.news.append(event)
                told.append((event, Point(entry.block_number, entry.block_hash), entry.transaction_hash))
        self.chronicle.apply(Point(block.number, block.hash), told)

    # ---- how things stand

    async def snapshot(self) -> Snapshot | None:
        """Raises what `advance` raises."""
        block = await self.advance()
        if block is None:
            return None
        if len(self._known) > 2 * len(self.chronicle.pending) + 64:
            self._known = {key: made for key, made in self._known.items() if key[0] in self.chronicle.pending}
        try:
            assertions = {each: await self._assertion(each, block) for each in self.chronicle.pending}
            games = {each: await self._game(each, block, assertions) for each in self._our_games()}
            credit = await self._rollup.credit(self._me, block.hash)
            newest = await self._l1.head()
            proving = any(record.game.stage is Stage.PROVE for record in games.values())
            congestion = await self._execute.congested_seconds(newest.hash) if proving else None
        except RpcError as error:
            raise L1Moving(f"L1 block {block.number} can't be read: {error}") from error
        return Snapshot(
            block=block,
            now=max(newest.timestamp, block.timestamp),
            assertions=assertions,
            kin={each: self._kin(made) for each, made in assertions.items()},
            games={each: record for each, record in games.items() if each in self.chronicle.open_games},
            ended_games=self._ended(games),
            credit=credit,
            congestion=congestion,
        )

    def _our_games(self) -> list[bytes]:
        """Open ones, ones to be reclaimed, and those that are over on pending assertions."""
        about_pending = (each for made in self.chronicle.pending for each in self.chronicle.games_of.get(made, ()))
        wanted = dict.fromkeys([*self.chronicle.open_games, *about_pending])
        return [each for each in wanted if self._opened(each).challenger == self._me]

    def _opened(self, game_id: bytes) -> GameOpened:
        event = self.chronicle.opened[game_id].event
        assert isinstance(event, GameOpened)
        return event

    def _ended(self, games: Mapping[bytes, GameRecord]) -> dict[bytes, tuple[GameRecord, ...]]:
        found: dict[bytes, tuple[GameRecord, ...]] = {}
        for each, record in games.items():
            if each not in self.chronicle.open_games:
                found[record.assertion_id] = (*found.get(record.assertion_id, ()), record)
        return found

    def _kin(self, made: Assertion) -> Kin:
        status = self.chronicle.status
        parent = AssertionStatus.CONFIRMED if made.parent_id == GENESIS_ID else status.get(made.parent_id)
        if parent is None:
            raise L1Inconsistent(f"assertion 0x{made.id.hex()} has a parent that was never made")
        return Kin(AssertionStatus(parent), self.chronicle.confirmed_child.get(self.chronicle.origin(made.parent_id)))

    async def _assertion(self, assertion_id: bytes, block: L1Block) -> Assertion:
        key = assertion_id, self.chronicle.made[assertion_id].block.hash
        if (known := self._known.get(key)) is not None:
            return known
        record = await self._rollup.assertion(assertion_id, block.hash)
        made = self._known[key] = Assertion(
            id=assertion_id, parent_id=record.parent_id, batch_hash=record.batch_hash, batch_index=record.batch_index,
            steps=record.steps, commitment=record.commitment, state_root=record.state_root,
            block_hash=record.block_hash, checkpoint_blobs=record.checkpoint_blobs, asserter=record.asserter,
            created_at=record.created_at, open_games=record.open_games, status=AssertionStatus(record.status),
        )  # fmt: skip
        return made

    async def _game(self, game_id: bytes, block: L1Block, assertions: Mapping[bytes, Assertion]) -> GameRecord:
        read = await self._rollup.game(game_id, block.hash)
        made = assertions.get(read.assertion_id)
        closes_at = 0 if made is None else made.created_at + self._dispute_window
        game = game_on_l1(game_id, read, self.chronicle.split.get(game_id), closes_at)
        return GameRecord(game_id, read.assertion_id, read.challenger, game,
                          reclaimed=game_id in self.chronicle.ended)


def game_on_l1(game_id: bytes, read: GameOnL1, told: Split | None, closes_at: int) -> Game:
    """A game as the contract has it, with the split that the events told, if one waits for an answer. `closes_at`: its
    assertion's creation + window, 0 if that is over. L1Inconsistent."""
    split: tuple[bytes, ...] | None = None
    if any(read.split_hash):
        if told is None or keccak(abi_encode(["bytes31[]"], [told.commitments])) != read.split_hash:
            raise L1Inconsistent(f"the events of game 0x{game_id.hex()} don't have the split that its state has")
        split = told.commitments
    return Game(read.lo, read.hi, read.lo_commitment, read.hi_commitment, split, read.asserter_clock,
                read.challenger_clock, read.moved_at, Status(read.status), read.congestion, closes_at)
