"""Batches, assertions, games and moves in the shapes that the view gives, from events and what the reader asked of L1."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from lru import LRU

from challenger.chronicle import Told
from challenger.game import Game as GamePlayed
from challenger.game import Stage, Status
from l1.client import L1Block
from l1.events import (
    AssertionKilled,
    AssertionMade,
    AssertionStatus,
    BatchPosted,
    GameEnded,
    GameOpened,
    GameStatus,
    Picked,
    Split,
    StepProved,
)
from view.forecast import SIDE, Evidence, Truth, claim_is_right, evidence, forecast_game
from view.history import History
from view.reader import L1Reader
from view.rendering import address, hexed
from view.shapes import Assertion, Batch, Clocks, Game, Kill, Move

REASONS = ("step proof", "timeout", "dead parent", "rival")  # KillReason
STATUS = {
    Status.OPEN: "open", Status.CHALLENGER_WON: "challenger won", Status.ASSERTER_WON: "asserter won", Status.VOID: "void",
}  # fmt: skip
LISTED = 64  # ids of the newest assertions of a batch, or games of an assertion
ANCESTORS = 256  # of an assertion, judged before it

Truths = Callable[[int], Truth | None]


class Composer:
    """`window`: of disputes, seconds. Methods raise what the reader raises."""

    def __init__(self, history: History, reader: L1Reader, truth: Truths, window: int) -> None:
        self.history = history
        self.reader = reader
        self._truth = truth
        self._window = window
        self._judged: dict[bytes, bool] = {}  # by assertion: an id fixes batch and claim, so this never changes
        self._evidence: LRU[Any, Evidence] = LRU(8_192)

    async def batch(self, told: Told) -> Batch:
        event = told.event
        assert isinstance(event, BatchPosted)
        header, about = event.header, self.history.assertions_of.get(event.batch_hash, ())
        alive = [each for each in about if self.history.status[each] is not AssertionStatus.KILLED]
        confirmed = any(each in self.history.confirmed for each in about)
        return {
            "index": event.index, "hash": hexed(event.batch_hash), "l1_block": told.block.number,
            "timestamp": await self.reader.time_of(told.block), "transaction": hexed(told.transaction_hash),
            "poster": address(event.poster), "data": "calldata" if header.in_calldata else "blobs",
            "blobs": len(header.blob_hashes), "chunks": header.chunk_count, "origin": header.origin_number,
            "deposits": header.deposit_end - header.deposit_start, "forced": header.forced_end - header.forced_start,
            "assertions": [hexed(each) for each in about[-LISTED:]],
            "status": "confirmed" if confirmed else "asserted" if alive else "posted"}

    async def assertion(self, assertion_id: bytes) -> Assertion:
        history, reader = self.history, self.reader
        told = history.made[assertion_id]
        made = _made(told)
        created, batch = await reader.time_of(told.block), await reader.batch_index(made)
        confirmed = history.confirmed.get(assertion_id)
        games = history.games_of.get(assertion_id, ())
        right = self._is_right(assertion_id)
        return {
            "id": hexed(assertion_id), "parent": hexed(made.parent_id), "batch": batch, "steps": made.steps,
            "asserter": address(made.asserter),
            "status": history.status[assertion_id].name.lower(),  # type: ignore[typeddict-item]
            "created_at": created, "window_ends": created + (0 if made.settled else self._window),
            "confirmed_at": None if confirmed is None else await reader.time_of(confirmed.block),
            "open_games": sum(1 for each in games if self.is_open(each)),
            "games": [hexed(each) for each in games[-LISTED:]], "game_count": len(games),
            "state_root": hexed(made.state_root), "block_hash": hexed(made.block_hash), "commitment": hexed(made.commitment),
            "l1_block": told.block.number, "transaction": hexed(told.transaction_hash),
            "forecast": None if right is None else "right" if right else "wrong",
            "killed": await self._kill(assertion_id), "proof": await reader.proof(assertion_id)}

    async def _kill(self, assertion_id: bytes) -> Kill | None:
        told = self.history.killed.get(assertion_id)
        if told is None:
            return None
        event = told.event
        assert isinstance(event, AssertionKilled)
        return {
            "reason": REASONS[event.reason],  # type: ignore[typeddict-item]
            "by": address(event.by), "paid": str(event.paid), "burned": str(event.burned),
            "at": await self.reader.time_of(told.block), "transaction": hexed(told.transaction_hash)}

    async def game(self, game_id: bytes, head: L1Block, congestion: int) -> Game:
        """`congestion`: EXECUTE's congested seconds at `head`."""
        history = self.history
        opened = _opened(history.opened[game_id])
        made = _made(history.made[opened.assertion_id])
        played = await self.reader.game(game_id, head)
        batch = await self.reader.batch_index(made)
        is_open = played.stage is not Stage.OVER
        moves = history.moves[game_id]
        return {
            "id": hexed(game_id), "assertion": hexed(opened.assertion_id), "batch": batch,
            "challenger": address(opened.challenger), "asserter": address(made.asserter),
            "status": STATUS[played.status],  # type: ignore[typeddict-item]
            "stage": played.stage.name.lower(),  # type: ignore[typeddict-item]
            "mover": SIDE[played.mover] if played.mover else None, "lo": played.lo, "hi": played.hi,
            "opened_lo": opened.lo, "opened_hi": opened.hi,
            "steps": played.hi - played.lo,
            "rounds": sum(isinstance(each.event, (Split, Picked)) for each in moves) + self.was_proved(game_id),
            "clocks": _clocks(played, head.timestamp, congestion),
            "deadline": played.deadline(congestion) if is_open else None, "moved_at": played.moved_at,
            "opened_at": await self.reader.time_of(history.opened[game_id].block),
            "forecast": forecast_game(played, self._known_of(game_id, played, made, batch), head.timestamp, congestion)}

    async def moves(self, game_id: bytes) -> list[Move]:
        """An opening, then as played. What ended the game in another way than by its moves comes last."""
        history = self.history
        told = history.opened[game_id]
        about = _opened(told)
        asserter = _made(history.made[about.assertion_id]).asserter
        moves: list[Move] = []
        lo, hi = about.lo, about.hi
        for each in history.moves[game_id]:
            event = each.event
            if isinstance(event, (GameOpened, Picked)):
                lo, hi = event.lo, event.hi
                kind = "open" if isinstance(event, GameOpened) else "pick"
                moves.append(await self._move(kind, about.challenger, lo, hi, (), each))
            elif isinstance(event, Split):
                moves.append(await self._move("split", asserter, event.lo, event.hi, event.commitments, each))
            elif isinstance(event, GameEnded) and event.status is not GameStatus.VOID:
                if self.was_proved(game_id):
                    proved = history.proved[about.assertion_id].event
                    assert isinstance(proved, StepProved)
                    moves.append(await self._move("prove", about.challenger, lo, hi, (proved.claimed, proved.proved), each))
                else:
                    moves.append(await self._move("timeout", None, lo, hi, (), each))
        death = history.death(about.assertion_id)
        if death is not None and moves[-1]["kind"] not in ("prove", "timeout"):
            moves.append(await self._move("void", None, lo, hi, (), death))
        return moves

    async def _move(self, kind: Any, by: bytes | None, lo: int, hi: int, commitments: Sequence[bytes], told: Told) -> Move:
        receipt = await self.reader.receipt(told.transaction_hash, told.block)
        if by is None and receipt is not None:
            by = receipt.sender
        return {
            "kind": kind, "by": None if by is None else address(by), "lo": lo, "hi": hi,
            "commitments": [hexed(each) for each in commitments], "l1_block": told.block.number,
            "timestamp": await self.reader.time_of(told.block), "transaction": hexed(told.transaction_hash),
            "gas_used": receipt.gas_used if receipt else None}

    def was_proved(self, game_id: bytes) -> bool:
        """Whether the game ended with a step proof: in the transaction in which its assertion was proved wrong."""
        last = self.history.moves[game_id][-1]
        if not isinstance(last.event, GameEnded) or last.event.status is not GameStatus.CHALLENGER_WON:
            return False
        proved = self.history.proved.get(_opened(self.history.opened[game_id]).assertion_id)
        return proved is not None and proved.transaction_hash == last.transaction_hash

    # ---- what is right

    def is_open(self, game_id: bytes) -> bool:
        """One whose assertion is over is void, reclaimed or not."""
        history = self.history
        return game_id in history.open_games and history.is_pending(_opened(history.opened[game_id]).assertion_id)

    def _known_of(self, game_id: bytes, game: GamePlayed, made: AssertionMade, batch: int) -> Evidence | None:
        if game.stage is Stage.OVER:
            return None
        key = game_id, game.lo, game.lo_commitment, game.hi, game.hi_commitment
        known: Evidence | None = self._evidence.get(key)
        if known is None and (truth := self._truth_about(made, batch)) is not None:
            known = self._evidence[key] = evidence(game, truth)
        return known

    def _truth_about(self, made: AssertionMade, batch: int) -> Truth | None:
        truth = self._truth(batch)
        return truth if truth is not None and truth.hash == made.batch_hash else None

    def _is_right(self, assertion_id: bytes) -> bool | None:
        """None: it isn't known. One on a wrong parent is wrong too, whatever it says: it dies with it."""
        chain: list[AssertionMade] = []
        following: bytes | None = assertion_id
        while following in self.history.made and following not in self._judged and len(chain) < ANCESTORS:
            chain.append(_made(self.history.made[following]))
            following = chain[-1].parent_id
        for made in reversed(chain):
            self._judge(made)
        return self._judged.get(assertion_id)

    def _judge(self, made: AssertionMade) -> None:
        index = self.history.indices.get(made.batch_hash)
        truth = None if index is None else self._truth_about(made, index)
        if self._judged.get(made.parent_id) is False:
            self._judged[made.id] = False
        elif truth is not None:
            self._judged[made.id] = claim_is_right(truth, made.steps, made.commitment)
        if len(self._judged) > 2 * len(self.history.made) + 64:  # reorgs have taken assertions away
            self._judged = {each: right for each, right in self._judged.items() if each in self.history.made}


def _made(told: Told) -> AssertionMade:
    assert isinstance(told.event, AssertionMade)
    return told.event


def _opened(told: Told) -> GameOpened:
    assert isinstance(told.event, GameOpened)
    return told.event


def _clocks(game: GamePlayed, now: int, congestion: int) -> Clocks:
    """Seconds left, the mover's as it runs."""
    clocks: Clocks = {"asserter": game.asserter_clock, "challenger": game.challenger_clock}
    if game.mover is not None:
        clocks[SIDE[game.mover]] = max(0, game.deadline(congestion) - now)
    return clocks
