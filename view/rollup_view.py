"""RollupView: how a rollup stands, from L1 alone, and by what was derived here if anything was.

It follows events, keeps them, and asks L1 for the rest only when something has changed: a page can ask every second.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping, ValuesView
from itertools import islice
from typing import Any

from challenger.chronicle import Told
from l1.artifacts import AnswerMalformed, address_bytes
from l1.client import L1Block, L1Client, L1Inconsistent, L1Unavailable
from l1.contracts import Inbox, Rollup
from l1.events import SegmentSettled
from l1.follower import L1Moving, LogFollower
from l1.rpc_errors import RpcError
from verdict.config import Config
from verdict.deployment import Deployment
from view.composer import Composer, Truths
from view.history import TOPICS, History
from view.reader import Figures, L1Reader
from view.rendering import address, hexed
from view.shapes import (
    L1,
    L2,
    Account,
    Assertion,
    AssertionDetail,
    Daemon,
    Game,
    GameDetail,
    Money,
    Overview,
)

TRIES = 5  # to read L1 while it changes
MOST = 1_000  # entries of a list
ACCOUNTS_SHOWN = 16
GAMES_IN_DETAIL = 64  # of an assertion: the newest ones' moves
NOBODY = bytes(20)

Heads = Callable[[], Mapping[str, Any]]


class RollupView:
    """`heads`: unsafe, safe and finalized of the L2 that the daemon has, as view.shapes.L2. `truth`: a batch by one's own
    derivation, None if it isn't derived (yet). `window`: L1 blocks of the deepest reorg that is followed without reading all
    anew.

    Methods raise L1Unavailable and L1Inconsistent. They may be called at the same time.
    """

    def __init__(self, l1: L1Client, config: Config, deployment: Deployment, heads: Heads | None = None,
                 truth: Truths | None = None, *, daemon: Daemon | None = None, window: int = 256) -> None:
        self.config = config
        self.deployment = deployment
        self.daemon = daemon
        self._l1 = l1
        self._heads = heads or dict
        inbox, rollup = Inbox(l1, deployment.inbox), Rollup(l1, deployment.rollup)
        self._rollup = rollup.address
        self.history = History(inbox.address, rollup.address, window)
        self._follower = LogFollower(
            l1, [inbox.address, rollup.address], deployment.block_number, self.history, topics=TOPICS, window=window)
        self._reader = L1Reader(l1, inbox, rollup, address_bytes(deployment.step_verifier), self.history,
                                int(config.dispute.window))
        self._compose = Composer(self.history, self._reader, truth or (lambda index: None), int(config.dispute.window))
        self._lock = asyncio.Lock()
        self._head: L1Block | None = None
        self._figures: Figures

    # ---- asked for

    async def overview(self, limit: int = 100) -> Overview:
        """`limit`: entries of each list."""
        return await self._at_one_head(lambda head: self._overview(head, max(1, min(limit, MOST))))

    async def game(self, game_id: str | bytes) -> GameDetail | None:
        """By id, or the only one whose id begins so. None: there is none, or several."""
        return await self._at_one_head(lambda head: self._game_detail(game_id, head))

    async def assertion(self, assertion_id: str | bytes) -> AssertionDetail | None:
        """By id, or the only one whose id begins so. None: there is none, or several."""
        return await self._at_one_head(lambda head: self._assertion_detail(assertion_id, head))

    async def games(self, limit: int = 100, *, only_open: bool = False) -> list[Game]:
        """Newest first."""
        async def read(head: L1Block) -> list[Game]:
            chosen = _chosen(self.history.opened, self._compose.is_open, limit, only=only_open)
            return await self._reader.all(self._compose.game(each, head, self._figures.congestion) for each in chosen)

        return await self._at_one_head(read)

    async def assertions(self, limit: int = 100, *, only_pending: bool = False) -> list[Assertion]:
        """Newest first."""
        async def read(head: L1Block) -> list[Assertion]:
            chosen = _chosen(self.history.made, self.history.is_pending, limit, only=only_pending)
            return await self._reader.all(self._compose.assertion(each) for each in chosen)

        return await self._at_one_head(read)

    def matching(self, kind: str, start: str) -> list[str]:
        """Ids ("game" or "assertion") that begin with `start`, 0x or not, as far as they have been read."""
        known: Mapping[bytes, Any] = self.history.opened if kind == "game" else self.history.made
        return [hexed(each) for each in _beginning(known, start)]

    # ---- following L1

    async def _at_one_head(self, read: Callable[[L1Block], Any]) -> Any:
        """What `read` gives as of L1's newest block."""
        async with self._lock:
            last: Exception | None = None
            for _ in range(TRIES):
                try:
                    return await read(await self._advance())
                except (L1Moving, RpcError) as error:  # a reorg between two answers
                    last = error
                except AnswerMalformed as error:
                    raise L1Inconsistent(str(error)) from error
        raise L1Unavailable(f"L1 can't be read: {last}") from last

    async def _advance(self) -> L1Block:
        head = await self._l1.head()
        if self._head is None or head.hash != self._head.hash:
            block = await self._follower.advance(head) or head
            self._figures = await self._reader.figures(block)
            self._head = block
        return self._head

    # ---- putting together

    async def _overview(self, head: L1Block, limit: int) -> Overview:
        history = self.history
        assertions = _chosen(history.made, history.is_pending, limit)
        games = _chosen(history.opened, self._compose.is_open, limit)
        newest = range(history.batch_count - 1, -1, -1)[:limit]
        batches = [history.batches[index] for index in newest if index in history.batches]
        dispute = self.config.dispute
        return {
            "name": self.config.name,
            "time": head.timestamp,
            "daemon": self.daemon,
            "l1": self._l1_figures(head),
            "l2": self._l2(),
            "rules": {
                "stride": dispute.stride, "arity": dispute.arity, "window": int(dispute.window), "clock": int(dispute.clock),
                "assertion_bond": str(dispute.assertion_bond), "challenge_bond": str(dispute.challenge_bond)},
            "contracts": {
                name: getattr(self.deployment, name)
                for name in ("rollup", "inbox", "portal", "token_bridge", "step_verifier", "stage")},
            "batches": await self._reader.all(self._compose.batch(each) for each in batches),
            "batch_count": history.batch_count,
            "assertions": await self._reader.all(self._compose.assertion(each) for each in assertions),
            "assertion_count": len(history.made),
            "pending_count": len(history.pending),
            "games": await self._reader.all(self._compose.game(each, head, self._figures.congestion) for each in games),
            "game_count": len(history.opened),
            "open_game_count": sum(1 for each in history.open_games if self._compose.is_open(each)),
            "money": await self._money(head),
        }

    def _l1_figures(self, head: L1Block) -> L1:
        figures = self._figures
        return {
            "chain_id": self.config.l1.chain_id, "block": head.number, "hash": hexed(head.hash),
            "timestamp": head.timestamp, "base_fee": str(head.base_fee_per_gas),
            "blob_base_fee": None if figures.blob_base_fee is None else str(figures.blob_base_fee),
            "finalized": None if figures.finalized is None else min(figures.finalized, head.number),
            "reorgs": self._follower.reorgs, "last_reorg_depth": self._follower.last_reorg_depth,
            "execute": {"gas_price": str(figures.gas_price), "gas_left": figures.gas_left,
                        "congested_seconds": figures.congestion}}

    def _l2(self) -> L2:
        heads = self._heads()
        return {"unsafe": heads.get("unsafe"), "safe": heads.get("safe"), "finalized": heads.get("finalized")}

    # ---- details

    async def _game_detail(self, game_id: str | bytes, head: L1Block) -> GameDetail | None:
        found = _only(self.history.opened, game_id)
        if found is None:
            return None
        proof = None
        if self._compose.was_proved(found):
            proof = await self._reader.proof(self.history.opened[found].event.assertion_id)  # type: ignore[union-attr]
        game = await self._compose.game(found, head, self._figures.congestion)
        return {**game, "moves": await self._compose.moves(found), "proof": proof}

    async def _assertion_detail(self, assertion_id: str | bytes, head: L1Block) -> AssertionDetail | None:
        found = _only(self.history.made, assertion_id)
        if found is None:
            return None
        games = self.history.games_of.get(found, ())[-GAMES_IN_DETAIL:]
        moves = await self._reader.all(self._compose.moves(each) for each in games)
        ordered = sorted((move for one in moves for move in one), key=lambda move: (move["l1_block"], move["timestamp"]))
        return {**await self._compose.assertion(found), "moves": ordered}

    # ---- money

    async def _money(self, head: L1Block) -> Money:
        people = list(self._people())
        accounts: list[Account] = []
        for (who, role), (balance, credit) in zip(
                people, await self._reader.all(self._reader.balance(who, head) for who, _ in people), strict=True):
            accounts.append({"address": address(who), "role": role, "balance": str(balance), "credit": str(credit)})
        bonds, _ = await self._reader.balance(self._rollup, head)
        return {"rollup_balance": str(bonds), "accounts": accounts}

    def _people(self) -> Iterator[tuple[bytes, str]]:
        """Who plays here, the newest first, and as what they were seen first."""
        found: dict[bytes, str] = {}
        if self.config.rollup.sequencer:
            found[address_bytes(self.config.rollup.sequencer)] = "sequencer"
        for role, who in _roles(self.history):
            if who != NOBODY and len(found) < ACCOUNTS_SHOWN:
                found.setdefault(who, role)
        yield from found.items()


def _roles(history: History) -> Iterator[tuple[str, bytes]]:
    for told in _newest(history.batches.values()):
        yield "sequencer", told.event.poster
    for told in _newest(history.opened.values()):
        yield "challenger", told.event.challenger
    for told in _newest(history.made.values()):
        yield "asserter", told.event.asserter
    for told in _newest(history.killed.values()):
        yield "challenger", told.event.by
    for told in _newest(history.segments.values()):
        assert isinstance(told.event, SegmentSettled)
        yield "settler", told.event.settler


def _newest(told: ValuesView[Told]) -> list[Any]:
    return list(islice(reversed(told), MOST))


def _chosen(ids: Mapping[bytes, Any], alive: Callable[[bytes], bool], limit: int, *, only: bool = False) -> list[bytes]:
    """The newest, `limit` of them at most. Those that aren't over come into it first."""
    living: list[bytes] = []
    rest: list[bytes] = []
    for each in reversed(ids):
        if len(living) == limit:
            break
        if alive(each):
            living.append(each)
        elif len(rest) < limit and not only:
            rest.append(each)
    wanted = {*living, *rest[: limit - len(living)]}
    return [each for each in reversed(ids) if each in wanted]


def _beginning(ids: Iterable[bytes], start: str) -> list[bytes]:
    digits = start.lower().removeprefix("0x")
    return [each for each in ids if each.hex().startswith(digits)] if digits else []


def _only(ids: Mapping[bytes, Any], wanted: str | bytes) -> bytes | None:
    if isinstance(wanted, bytes):
        return wanted if wanted in ids else None
    found = _beginning(ids, wanted)
    return found[0] if len(found) == 1 else None
