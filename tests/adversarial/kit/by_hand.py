"""Assertions and games made by hand: what the honest code would never send."""

from __future__ import annotations

from collections.abc import Sequence

from challenger.game import boundaries
from challenger.responder import game_id_of
from derivation.commitments import checkpoint_blobs, checkpoint_count, open_checkpoints
from execution.types import StepState
from l1.client import read_log
from l1.contracts import Rollup
from l1.events import AssertionMade, read_rollup_event
from l1.kzg import Prover
from l1.txmanager import TransactionManager, TransactionReverted, TxCandidate
from sequencer.claims import BatchClaims
from tests.adversarial.kit.devnet import Devnet

GENESIS = bytes(32)


async def claim(
    net: Devnet, sender: TransactionManager, claims: BatchClaims, *, parent: bytes = GENESIS,
    batch_hash: bytes | None = None, index: int | None = None, steps: int | None = None, final: StepState | None = None,
    blobs: Sequence[bytes] | None = None,
) -> bytes:  # fmt: skip
    """Asserts the claims, with other fields where they are given. The assertion's id. TransactionReverted."""
    stride = net.arena.rules.stride
    blobs = checkpoint_blobs(claims.commitments, stride) if blobs is None else blobs
    ends = await open_checkpoints(Prover(0), blobs, 0, checkpoint_count(claims.steps, stride) - 1)
    data = Rollup.make_assertion(
        parent, batch_hash or claims.batch_hash, claims.batch_index if index is None else index,
        claims.steps if steps is None else steps, final or claims.final_state, ends)
    bond = net.config.dispute.assertion_bond
    receipt = await sender.send(TxCandidate(net.arena.rollup.address, data, bond, tuple(blobs)))
    made = next(event for event in map(read_rollup_event, map(read_log, receipt.logs)) if isinstance(event, AssertionMade))
    return made.id


async def claim_refused(net: Devnet, sender: TransactionManager, claims: BatchClaims, **changes: object) -> str:
    """Why the contract doesn't take it."""
    try:
        await claim(net, sender, claims, **changes)  # type: ignore[arg-type]
    except TransactionReverted as error:
        return error.reason
    raise AssertionError("the contract takes it")


class FalseChallenger:
    """Plays games about batch 0 against an assertion that is right, as far as the rules let it."""

    def __init__(self, net: Devnet, sender: TransactionManager) -> None:
        self._net = net
        self._sender = sender
        self._commitments = net.arena.truth.commitments

    async def open(self, assertion_id: bytes, j: int) -> bytes:
        """The game's id."""
        blobs = checkpoint_blobs(self._commitments, self._net.arena.rules.stride)
        opening = await open_checkpoints(Prover(0), blobs, j, j + 1)
        await self._send(Rollup.open_game(assertion_id, j, opening), self._net.config.dispute.challenge_bond)
        return game_id_of(assertion_id, self._sender.address, j)

    async def play(self, game_id: bytes) -> int:
        """Picks the last segment each time until there is one step, which it can't prove anything about. The step."""
        rollup = self._net.arena.rollup
        while (game := await rollup.game(game_id)).hi - game.lo > 1:
            async def answered() -> bool:
                return any((await rollup.game(game_id)).split_hash)

            await self._net.until(answered, "the asserter splits", timeout=120)
            between = boundaries(game.lo, game.hi, self._net.arena.rules.arity)[1:-1]
            split = [self._commitments[step] for step in between]
            await self._send(Rollup.pick(game_id, game.lo, game.hi, split, len(split)))
        return game.lo

    async def timeout(self, *games: bytes) -> None:
        """Would like to win them by the clock."""
        await self._send(Rollup.timeout(games))

    async def _send(self, data: bytes, value: int = 0) -> None:
        await self._sender.send(TxCandidate(self._net.arena.rollup.address, data, value))
