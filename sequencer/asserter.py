"""Asserts what batches do, confirms, and defends. Everything is read off L1 each time, so a restart or a reorg only means
looking again.

The chain of assertions it stands for begins at the latest confirmed one. For the next batch it takes a living
assertion that says exactly what its claims say, of whoever, or makes one. A batch that somebody else posted is left to its
poster for a while: a second assertion of the same would bind a bond for nothing. Its own games are answered at once, beside
whatever else is being sent.

With instant settlement the next batch is settled instead: proved on L1, step by step. One that does not fit is asserted, and
what comes after it until it is confirmed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any

import structlog

from challenger.claims import GameRecord as DefenceRecord
from challenger.defender import SplitInterval, next_for_defence
from challenger.game import Game, Rules, Status
from challenger.solver import TimeOutGames
from derivation.commitments import checkpoint_count, open_checkpoints
from derivation.proof import ProofRejected, UnknownStep
from l1.blob_sources import BlobsMissing
from l1.blobs import Prover
from l1.client import L1Client, L1Inconsistent, L1Unavailable
from l1.contracts import Execute, GameRecord, Rollup
from l1.events import AssertionMade, KillReason
from l1.follower import L1Moving
from l1.rpc_errors import RpcError
from l1.txmanager import InsufficientFunds, TransactionError, TransactionManager, TxCandidate
from sequencer.claims import BatchClaims, ClaimSource, Expected, expected_assertion
from sequencer.contest import fraction
from sequencer.rollup_log import RollupLog
from settlement.plan import DoesNotFit
from settlement.settler import Settled

log = structlog.get_logger("sequencer.asserter")

@dataclass(slots=True)
class SettledTotals:
    """Since the start. `gas`: of L1; `wei`: of L1 gas and EXECUTE together; `fallbacks`: batches that did not fit."""

    batches: int = 0
    segments: int = 0
    gas: int = 0
    wei: int = 0
    fallbacks: int = 0

    def add(self, done: list[Settled]) -> None:
        self.batches += 1
        self.segments += len(done)
        self.gas += sum(each.l1_gas for each in done)
        self.wei += sum(each.fee + each.cost for each in done)


MAX_BACKOFF = 60.0  # seconds
FEE_RESERVE = 10**16  # wei kept beside the bond for the transaction itself


@dataclass(frozen=True, slots=True)
class AsserterSettings:
    """`assertion_bond` in wei; `assert_batches`, `confirm`: whether it does so. Games are always defended. `patience`: seconds of
    L1 that an assertion is left to others, and up to twice that, where the batch isn't ours."""

    rules: Rules
    assertion_bond: int
    assert_batches: bool = True
    confirm: bool = True
    patience: float = 0.0


class Asserter:
    """`unsafe_block(index)`: hash of the last block the builder has for a batch, None if it has none; a difference
    from the claims is an alarm, and the claims are what is asserted. `ours(index)`: whether we posted that batch. `settle(index)`: settles it on L1; None:
    batches are asserted."""

    def __init__(self, l1: L1Client, rollup: Rollup, start: int, transactions: TransactionManager, source: ClaimSource,
                 settings: AsserterSettings, *, prover: Prover | None = None,
                 unsafe_block: Callable[[int], bytes | None] = lambda index: None,
                 ours: Callable[[int], bool] = lambda index: True,
                 settle: Callable[[int], Awaitable[list[Settled]]] | None = None) -> None:
        self._l1 = l1
        self._rollup = rollup
        self._execute = Execute(l1)
        self._transactions = transactions
        self._source = source
        self._settings = settings
        self._prover = prover or Prover(0)
        self._unsafe_block = unsafe_block
        self._ours = ours
        self._settle_batch = settle
        self._does_not_fit: set[bytes] = set()  # batch hashes
        self._left_to_others: tuple[bytes, bytes, int] = (b"", b"", 0)  # parent, batch, L1 time from which on
        self._expected: dict[bytes, Expected] = {}  # by batch hash
        self._running: dict[str, asyncio.Task[None]] = {}
        self._retry_at: dict[str, tuple[float, float]] = {}  # action -> (not before, backoff), event loop's seconds
        self._complaints: set[str] = set()
        self._alarmed: set[bytes] = set()
        self._wake = asyncio.Event()
        self.log = RollupLog(l1, rollup, start)
        self.asserted = 0
        self.confirmed = 0
        self.splits = 0
        self.settled = SettledTotals()
        self.failure = ""

    async def run(self, poll: float) -> None:
        try:
            async with asyncio.TaskGroup() as tasks:
                while True:
                    self._wake.clear()
                    try:
                        await self.step(tasks)
                        self.failure = ""
                    except (L1Unavailable, L1Inconsistent, L1Moving, RpcError) as error:
                        if not self.failure:
                            log.warning("L1 can't be read", error=str(error))
                        self.failure = str(error)
                    try:
                        async with asyncio.timeout(poll):
                            await self._wake.wait()
                    except TimeoutError:
                        continue
        finally:
            self._prover.close()

    def refresh(self) -> None:
        """Look at L1 now."""
        self._wake.set()

    async def step(self, tasks: asyncio.TaskGroup) -> None:
        """Looks at L1 and starts whatever is to be done."""
        now = await self.log.refresh()
        await self._defend(tasks, now)
        latest = await self._rollup.latest_confirmed()
        parent, index, first = latest.id, latest.batch_count, True
        while (batch_hash := self._source.batch_hash(index)) is not None:
            expected = await self._expected_of(index, batch_hash)
            if expected is None:
                break
            made = self._standing(parent, expected)
            if first and await self._to_be_settled(index, parent, expected, made, now):
                self._start(tasks, f"settle {index} {batch_hash.hex()}", self._settle(index, batch_hash))
                break
            if made is None:
                if (self._settings.assert_batches and not self._proved_wrong(parent, expected)
                        and self._its_turn(parent, index, batch_hash, now)):
                    self._start(tasks, f"assert {index} {batch_hash.hex()} on {parent.hex()}", self._assert(index, parent))
                break
            if first and self._settings.confirm:
                await self._confirm(tasks, parent, made, now)
            parent, index, first = made.id, index + 1, False
        self._kill_orphans(tasks)
        if await self._rollup.credit(self._transactions.address) > 0:
            self._start(tasks, "withdraw", self._withdraw())

    # ---- asserting

    async def _expected_of(self, index: int, batch_hash: bytes) -> Expected | None:
        expected = self._expected.get(batch_hash)
        if expected is None:
            claims = await self._source.claims(index)
            if claims is None or claims.batch_hash != batch_hash:
                return None
            self._compare_with_unsafe(claims)
            found, _ = await asyncio.to_thread(expected_assertion, claims, self._settings.rules.stride)
            self._expected[batch_hash] = expected = found
        return expected

    def _standing(self, parent: bytes, expected: Expected) -> AssertionMade | None:
        """A living assertion on `parent` that says just what the claims say, and that its asserter will not let die.

        Only its asserter can defend one. So somebody else's serves as ours while nobody disputes it; then ours is made
        beside it, and a stranger's silence costs no time.
        """
        same = [made for made in self.log.children(parent, expected.batch_hash) if expected.is_said_by(made)]
        disputed = {opened.assertion_id for opened in self.log.open_games.values()}
        quiet = [made for made in same if made.id in self.log.confirmed or made.id not in disputed]
        ours = [made for made in same if made.asserter == self._transactions.address]
        return next(iter([*quiet, *ours]), None)

    def _its_turn(self, parent: bytes, index: int, batch_hash: bytes, now: int) -> bool:
        """False while an assertion that could be made now is left to others."""
        if self._left_to_others[:2] != (parent, batch_hash):
            self._left_to_others = (parent, batch_hash, now)
        if self._ours(index):
            return True
        patience = self._settings.patience * (1 + fraction(self._transactions.address, batch_hash))
        return now >= self._left_to_others[2] + patience

    def _proved_wrong(self, parent: bytes, expected: Expected) -> bool:
        """L1 has judged these very claims. It is our node that is wrong: another bond would be lost in the same way."""
        for made, reason in self.log.dead(parent, expected.batch_hash):
            if reason is KillReason.STEP_PROOF and expected.is_said_by(made):
                self._complain(made.id.hex(), "a step of what we claim was proved wrong on L1: this node is wrong, "
                               "it asserts nothing more", assertion=made.id.hex(), batch=made.batch_hash.hex())
                return True
        return False

    def _compare_with_unsafe(self, claims: BatchClaims) -> None:
        unsafe = self._unsafe_block(claims.batch_index)
        if unsafe is not None and unsafe != claims.final_state.block_hash and claims.batch_hash not in self._alarmed:
            self._alarmed.add(claims.batch_hash)
            log.critical("what is asserted is not what was built", batch=claims.batch_index, built=unsafe.hex(),
                         asserted=claims.final_state.block_hash.hex())

    async def _assert(self, index: int, parent: bytes) -> None:
        claims = await self._source.claims(index)
        if claims is None:
            return
        await self._check_funds()
        stride = self._settings.rules.stride
        expected, blobs = await asyncio.to_thread(expected_assertion, claims, stride)
        ends = await open_checkpoints(self._prover, blobs, 0, checkpoint_count(claims.steps, stride) - 1)
        data = Rollup.make_assertion(parent, claims.batch_hash, index, claims.steps, claims.final_state, ends)
        # One that died by our silence is made again: the label must say that it is another.
        attempt = sum(made.asserter == self._transactions.address for made, _ in self.log.dead(parent, claims.batch_hash))
        label = f"assert {claims.batch_hash.hex()} on {parent.hex()} commitment {claims.commitments[-1].hex()} #{attempt}"
        if self._standing(parent, expected) is not None:
            return  # somebody else was faster
        receipt = await self._transactions.send(TxCandidate(
            self._rollup.address, data, self._settings.assertion_bond, tuple(blobs), label=label))
        self.asserted += 1
        log.info("asserted", batch=index, steps=claims.steps, l1_block=receipt.block_number, gas=receipt.gas_used)

    async def _check_funds(self) -> None:
        balance = await self._l1.balance(self._transactions.address)
        if balance < self._settings.assertion_bond + FEE_RESERVE:
            raise InsufficientFunds(
                f"0x{self._transactions.address.hex()} has {balance} wei and can't pay the assertion bond of "
                f"{self._settings.assertion_bond} wei: send it funds")

    # ---- settling

    async def _to_be_settled(self, index: int, parent: bytes, expected: Expected, made: AssertionMade | None, now: int) -> bool:
        """Whether the batch, the next one, is to be settled now. What can be confirmed already isn't."""
        if self._settle_batch is None or not self._settings.assert_batches or expected.batch_hash in self._does_not_fit:
            return False
        if made is None:
            return not self._proved_wrong(parent, expected) and self._its_turn(parent, index, expected.batch_hash, now)
        record = await self._rollup.assertion(made.id)
        return record.open_games > 0 or now < record.created_at + self._settings.rules.window

    async def _settle(self, index: int, batch_hash: bytes) -> None:
        assert self._settle_batch is not None
        try:
            done = await self._settle_batch(index)
        except DoesNotFit as error:
            self._does_not_fit.add(batch_hash)
            self.settled.fallbacks += 1
            log.warning("a batch can't be settled, it is asserted", batch=index, step=error.step, reason=error.reason)
            return
        except (UnknownStep, BlobsMissing, ProofRejected) as error:
            raise TransactionError(f"batch {index} can't be proved: {error}") from error
        if done:
            self.settled.add(done)
            log.info("batch settled", batch=index, transactions=len(done), steps=done[-1].total,
                     gas=sum(each.l1_gas for each in done), l2_gas=sum(each.l2_gas for each in done),
                     wei=sum(each.fee + each.cost for each in done))

    # ---- confirming, cleaning up

    async def _confirm(self, tasks: asyncio.TaskGroup, latest: bytes, made: AssertionMade, now: int) -> None:
        """`made`: a child of the latest confirmed assertion, or of one that says the same: which is confirmed first."""
        if made.parent_id != latest and made.parent_id not in self.log.confirmed:
            self._start(tasks, f"kill orphan {made.parent_id.hex()}", self._send(Rollup.kill_orphan(made.parent_id)))
            return
        record = await self._rollup.assertion(made.id)
        if record.open_games or now < record.created_at + self._settings.rules.window:
            return

        async def confirm() -> None:
            await self._send(Rollup.confirm(made.id))
            self.confirmed += 1
            log.info("confirmed", batch=record.batch_index, assertion=made.id.hex())

        self._start(tasks, f"confirm {made.id.hex()}", confirm())

    def _kill_orphans(self, tasks: asyncio.TaskGroup) -> None:
        for made in self.log.orphans():
            if made.asserter == self._transactions.address:
                self._start(tasks, f"kill orphan {made.id.hex()}", self._send(Rollup.kill_orphan(made.id)))

    async def _withdraw(self) -> None:
        await self._send(Rollup.withdraw(self._transactions.address))

    # ---- defending

    async def _defend(self, tasks: asyncio.TaskGroup, now: int) -> None:
        for game_id, opened in list(self.log.open_games.items()):
            made = self.log.made.get(opened.assertion_id)
            if made is None or made.asserter != self._transactions.address:
                continue
            on_chain = await self._rollup.game(game_id)
            record, congestion = await self._as_record(game_id, on_chain)
            claims = await self._claims_of(made)
            if claims is None:
                self._complain(game_id.hex(), "a game on our assertion can't be answered: its batch isn't derived",
                               game=game_id.hex(), batch=made.batch_hash.hex())
                continue
            match next_for_defence(self._settings.rules, record, claims, now, congestion):
                case SplitInterval(lo=lo, hi=hi, commitments=commitments):
                    key = f"split {game_id.hex()} {lo} {hi}"
                    self._start(tasks, key, self._split(game_id, lo, hi, commitments, key))
                case TimeOutGames(game_ids=games):
                    self._start(tasks, f"timeout {game_id.hex()}", self._send(Rollup.timeout(games)))

    async def _as_record(self, game_id: bytes, game: GameRecord) -> tuple[DefenceRecord, int | None]:
        """The game, and EXECUTE's congested seconds if its deadline hangs on them. Of the split only that there is one
        matters to the defender."""
        split: tuple[bytes, ...] | None = None if game.split_hash == bytes(32) else ()
        closes_at, congestion = 0, None
        if game.hi - game.lo == 1:
            closes_at = (await self._rollup.assertion(game.assertion_id)).created_at + self._settings.rules.window
            congestion = await self._execute.congested_seconds()
        state = Game(game.lo, game.hi, game.lo_commitment, game.hi_commitment, split, game.asserter_clock,
                     game.challenger_clock, game.moved_at, Status(game.status), game.congestion, closes_at)
        return DefenceRecord(game_id, game.assertion_id, game.challenger, state), congestion

    async def _claims_of(self, made: AssertionMade) -> BatchClaims | None:
        record = await self._rollup.assertion(made.id)
        claims = await self._source.claims(record.batch_index)
        return claims if claims is not None and claims.batch_hash == made.batch_hash else None

    async def _split(self, game_id: bytes, lo: int, hi: int, commitments: tuple[bytes, ...], key: str) -> None:
        await self._send(Rollup.split(game_id, lo, hi, commitments), label=key)
        self.splits += 1
        log.info("split", game=game_id.hex(), lo=lo, hi=hi)

    # ---- sending

    async def _send(self, data: bytes, label: str = "") -> None:
        await self._transactions.send(TxCandidate(self._rollup.address, data, label=label))

    def _start(self, tasks: asyncio.TaskGroup, key: str, work: Coroutine[Any, Any, None]) -> None:
        """Once at a time for each key, and not again too soon after it failed."""
        due, _ = self._retry_at.get(key, (0.0, 0.0))
        if key in self._running or asyncio.get_running_loop().time() < due:
            work.close()
            return
        task = tasks.create_task(self._guarded(key, work), name=key)
        self._running[key] = task
        task.add_done_callback(lambda _: self._running.pop(key, None))

    async def _guarded(self, key: str, work: Awaitable[None]) -> None:
        try:
            await work
        except (TransactionError, L1Unavailable, L1Inconsistent, RpcError) as error:
            _, backoff = self._retry_at.get(key, (0.0, 0.5))
            backoff = min(2 * backoff, MAX_BACKOFF)
            self._retry_at[key] = (asyncio.get_running_loop().time() + backoff, backoff)
            level = log.error if isinstance(error, InsufficientFunds) else log.warning
            level("not done", action=key, error=str(error), retry_in=backoff)
        else:
            self._retry_at.pop(key, None)
            self._wake.set()

    def _complain(self, key: str, message: str, **details: object) -> None:
        if key not in self._complaints:
            log.error(message, **details)
        self._complaints.add(key)
