"""A view of a rollup that never was, in the shapes of view/shapes.py: as many entries as one likes, with any text in them."""

from __future__ import annotations

import time
from itertools import pairwise
from typing import Any

from l1.client import L1Unavailable
from view.shapes import (
    Assertion,
    AssertionDetail,
    Batch,
    Game,
    GameDetail,
    Move,
    Overview,
    Proof,
)

WINDOW, CLOCK, STRIDE, STEPS = 7 * 86_400, 86_400, 16, 400
ETHER = 10**18
WHO = tuple(f"0x{n:040x}" for n in (0xA11CE << 100, 0xB0B << 110, 0xCA401 << 90))


def identifier(kind: int, n: int) -> str:
    """0x and 64 digits."""
    return f"0x{kind:08x}{n:056x}"


class SyntheticView:
    """`batches`, `assertions` and `games` of each; every second assertion was killed by a game. `text`: where L1 or a
    configuration could put text. `away`: L1 does not answer. `reads`: how often the overview was asked for."""

    def __init__(self, batches: int = 0, assertions: int = 0, games: int = 0, *, text: str = "", now: int | None = None) -> None:
        self.now = now or int(time.time())
        self.counts = batches, assertions, games
        self.text = text
        self.away = False
        self.reads = 0
        self.detail_reads = 0
        self.block = 1_000

    async def overview(self, limit: int = 100) -> Overview:
        self.reads += 1
        self._answer()
        batches, assertions, games = self.counts
        return {
            "name": self.text or "synthetic", "time": self.now,
            "daemon": {"role": self.text or "node", "version": self.text or "test/v1.2.3", "started": self.now - 60},
            "l1": {"chain_id": 1, "block": self.block, "hash": identifier(9, self.block), "timestamp": self.now,
                   "base_fee": "12000000000", "blob_base_fee": "3", "finalized": self.block - 64, "reorgs": 2, "last_reorg_depth": 3,
                   "execute": {"gas_price": "2", "gas_left": 60_000_000, "congested_seconds": 0}},
            "l2": {label: {"number": number, "hash": identifier(8, number), "timestamp": self.now - lag}
                   for label, number, lag in (("unsafe", 1200, 0), ("safe", 1180, 40), ("finalized", 1100, 200))},  # type: ignore[typeddict-item]
            "rules": {"stride": STRIDE, "arity": 2, "window": WINDOW, "clock": CLOCK, "assertion_bond": str(ETHER),
                      "challenge_bond": str(ETHER // 10)},
            "contracts": {self.text or "rollup": WHO[0]},
            "batches": [self._batch(n) for n in reversed(range(batches))][:limit], "batch_count": batches,
            "assertions": [self._assertion(n) for n in reversed(range(assertions))][:limit], "assertion_count": assertions,
            "pending_count": (assertions + 1) // 2,
            "games": [self._game(n) for n in reversed(range(games))][:limit], "game_count": games,
            "open_game_count": (games + 1) // 2,
            "money": {"rollup_balance": str(5 * ETHER), "accounts": [
                {"address": who, "role": self.text or role, "balance": str(ETHER), "credit": "0"}
                for who, role in zip(WHO, ("sequencer", "challenger", "asserter"), strict=True)]},
        }

    async def game(self, game_id: bytes) -> GameDetail | None:
        self.detail_reads += 1
        self._answer()
        n = int.from_bytes(game_id[4:], "big")
        if game_id[:4] != b"\0\0\0\3" or n >= self.counts[2]:
            return None
        game = self._game(n)
        over = game["status"] != "open"
        return {**game, "moves": self._moves(n, over), "proof": self._proof() if over else None}

    async def assertion(self, assertion_id: bytes) -> AssertionDetail | None:
        self.detail_reads += 1
        self._answer()
        n = int.from_bytes(assertion_id[4:], "big")
        if assertion_id[:4] != b"\0\0\0\2" or n >= self.counts[1]:
            return None
        return {**self._assertion(n), "moves": []}

    def _answer(self) -> None:
        if self.away:
            raise L1Unavailable("http://user:hunter2@l1.example/ does not answer")

    def _batch(self, n: int) -> Batch:
        data: Any = "calldata" if n % 7 == 3 else "blobs"
        status: Any = ("posted", "asserted", "confirmed")[n % 3]
        return {
            "index": n, "hash": identifier(1, n), "l1_block": n + 10, "timestamp": self.now - 60 * (self.counts[0] - n),
            "transaction": identifier(7, n), "poster": WHO[0], "data": data, "blobs": n % 6 + 1 if data == "blobs" else 0,
            "chunks": 3, "origin": n + 8, "deposits": n % 4, "forced": n % 5 // 3,
            "assertions": [identifier(2, n)] if n < self.counts[1] else [], "status": status}

    def _assertion(self, n: int) -> Assertion:
        dead = n % 2 == 1
        made = self.now - 3_600 * (self.counts[1] - n)
        return {
            "id": identifier(2, n), "parent": identifier(0, 0), "batch": n, "steps": STEPS, "asserter": WHO[2],
            "status": "killed" if dead else "pending", "created_at": made, "window_ends": made + WINDOW, "confirmed_at": None,
            "open_games": 0 if dead else 1, "games": [identifier(3, n)], "state_root": identifier(5, n),
            "block_hash": identifier(6, n), "commitment": identifier(4, n)[:64], "l1_block": n + 12,
            "transaction": identifier(7, n), "forecast": None if dead else "wrong",
            "killed": {"reason": self.text or "step proof", "by": WHO[1], "paid": str(ETHER // 4), "burned": str(3 * ETHER // 4),  # type: ignore[typeddict-item]
                       "at": made + 1_800, "transaction": identifier(7, n)} if dead else None,
            "proof": self._proof() if dead else None}

    def _game(self, n: int) -> Game:
        over = n % 2 == 1
        return {
            "id": identifier(3, n), "assertion": identifier(2, n), "batch": n, "challenger": WHO[1], "asserter": WHO[2],
            "status": "challenger won" if over else "open", "stage": "over" if over else "split",
            "mover": None if over else "asserter", "lo": 165 if over else 164, "hi": 166 if over else 168,
            "steps": 1 if over else 4, "rounds": 9 if over else 4, "clocks": {"asserter": 9_000, "challenger": 80_000},
            "deadline": None if over else self.now + 9_000, "moved_at": self.now, "opened_at": self.now - 900,
            "forecast": None if over else {"winner": "challenger", "why": self.text or "step 165 is wrong"}}

    def _moves(self, n: int, over: bool) -> list[Move]:
        intervals = [(160, 176), (160, 168), (164, 168), *([(164, 166), (165, 166)] if over else [])]
        moves: list[Move] = [self._move("open", WHO[1], intervals[0], n)]
        for before, after in pairwise(intervals):
            moves += [self._move("split", WHO[2], before, n), self._move("pick", WHO[1], after, n)]
        return [*moves, self._move("prove", WHO[1], intervals[-1], n)] if over else moves

    def _move(self, kind: Any, by: str, interval: tuple[int, int], n: int) -> Move:
        return {"kind": kind, "by": by, "lo": interval[0], "hi": interval[1], "l1_block": n + 20, "timestamp": self.now - 600,
                "commitments": [self.text or identifier(4, n)[:64]] if kind == "split" else [],
                "transaction": identifier(7, n), "gas_used": 53_000}

    def _proof(self) -> Proof:
        return {
            "step": 165, "batch": 3, "place": self.text or "chunk 2, item 5", "kind": "transaction", "l2_transaction": identifier(7, 77),
            "sender": WHO[0], "to": self.text or WHO[1], "witness_bytes": 3_100, "calldata_bytes": 9_800, "l2_gas": 51_000,
            "l1_gas": 1_120_000, "execute_fee": "102000", "claimed": identifier(4, 1)[:64], "proved": identifier(4, 2)[:64],
            "transaction": identifier(7, 78), "l1_block": 99}
