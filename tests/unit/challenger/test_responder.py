"""How a proof is sent: in calldata or staged, with enough for EXECUTE, and again when EXECUTE was full."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from eth_abi import decode as abi_decode

from challenger.claims import Assertion
from challenger.events import EventStream, StepSettled
from challenger.execute_fee import fee_ahead
from challenger.game import Rules
from challenger.knowledge import ReadyProof
from challenger.responder import GAS_RESERVE, Responder, Terms
from challenger.solver import ProveStep, ProveStepInGame
from challenger.staging import Staged
from derivation.proof import StepProof
from execution.types import Cursor, StepState
from l1.artifacts import artifact
from l1.batch_header import BatchHeader
from l1.contracts import Rollup
from l1.txmanager import InsufficientFunds, L1Receipt, TransactionReverted, TxCandidate
from tests.unit.challenger.alphabet import LIAR, Alphabet, Claimed, assertion_of

ID, GAME, ME = b"\x01" * 32, b"\x02" * 32, b"\x11" * 20
ROLLUP = b"\x52" * 20
RECEIPT = L1Receipt(bytes(32), 9, bytes(32), True, 4_000_000, 1, None, ())
POINTERS = (b"\x0a" * 20, b"\x0b" * 20)
STATE = StepState(bytes(32), bytes(32), cursor=Cursor(0, 0, 0))
HEADER = BatchHeader(ID, 0, (), ID, (), 0, 5, ID, 6, ID, 0, 0, 0, 0)
PROOF = StepProof(HEADER, STATE, STATE)


@dataclass(frozen=True)
class NoOpening:
    def as_tuple(self) -> tuple[Any, ...]:
        return [], [(bytes(32), b""), (bytes(32), b"")]


@dataclass
class World:
    """Everything a Responder needs: L1, transactions, knowledge, checkpoints, stager."""

    witness: bytes
    price: int = 1_000
    funds: int = 10**20
    outcomes: list[L1Receipt | TransactionReverted] = field(default_factory=list)
    staged: Staged = field(default_factory=lambda: Staged(POINTERS, 0, 0))
    sent: list[TxCandidate] = field(default_factory=list)
    simulated: int = 0
    stagings: int = 0
    address: bytes = ME

    async def call(self, to: bytes, data: bytes, block: object = "latest", **_: object) -> bytes:
        if to == ROLLUP:
            self.simulated += 1
            return b""
        return self.price.to_bytes(32, "big")

    async def balance(self, _address: bytes) -> int:
        return self.funds

    async def opening(self, _assertion: Assertion, _j: int) -> NoOpening:
        return NoOpening()

    async def step_proof(self, _batch_hash: bytes, _step: int) -> ReadyProof:
        return ReadyProof(replace(PROOF, witness=self.witness), 21_000, len(self.witness))

    async def stage(self, _subject: bytes, witness: bytes) -> Staged:
        assert witness == self.witness
        self.stagings += 1
        return self.staged

    async def send(self, candidate: TxCandidate) -> L1Receipt:
        self.sent.append(candidate)
        outcome = self.outcomes.pop(0) if self.outcomes else RECEIPT
        if isinstance(outcome, TransactionReverted):
            raise outcome
        return outcome


def responder(world: World, limit: int = 10_000) -> tuple[Responder, list[Any]]:
    events, heard = EventStream(), []
    events.on_event(heard.append)
    terms = Terms(Rules(1, 2, 1000, 100), 1, limit)
    rollup = Rollup(world, ROLLUP)  # type: ignore[arg-type]
    return Responder(world, rollup, terms, world, world, world, world, events), heard  # type: ignore[arg-type]


def assertion() -> Assertion:
    made, _ = assertion_of(Rules(1, 2, 1000, 100), Claimed(Alphabet(4), 4))
    return replace(made, id=ID, asserter=LIAR)


def proof_in(candidate: TxCandidate) -> Any:
    name = "proveStep" if candidate.label.startswith(f"prove {ID.hex()}") else "proveStepInGame"
    return abi_decode(artifact("Rollup").function(name).inputs, candidate.data[4:])[-1]


@pytest.mark.parametrize("action", [ProveStep(ID, 0, 0), ProveStepInGame(GAME, ID, 0)])
@pytest.mark.parametrize(("size", "staged"), [(1_000, False), (20_000, True)])
async def test_a_large_witness_is_staged_a_small_one_is_sent(action: Any, size: int, staged: bool) -> None:
    world = World(b"\x07" * size)
    responding, heard = responder(world)
    assert await responding.carry_out(action, assertion()) == 9
    (sent,) = world.sent
    *_, witness, pointers = proof_in(sent)
    assert world.stagings == staged and world.simulated == 1
    assert witness == (b"" if staged else world.witness)
    assert [bytes.fromhex(each[2:]) for each in pointers] == (list(POINTERS) if staged else [])
    (told,) = heard
    assert isinstance(told, StepSettled) and told.pointers == (2 if staged else 0) and told.witness_size == size
    assert told.calldata_size == len(sent.data) and (len(sent.data) < 10_000)


async def test_the_limit_is_of_the_whole_calldata() -> None:
    world = World(bytes(1_000))
    await responder(world)[0].carry_out(ProveStep(ID, 0, 0), assertion())
    size = len(world.sent[0].data)
    await responder(world, size)[0].carry_out(ProveStep(ID, 0, 0), assertion())
    assert world.stagings == 0
    await responder(world, size - 1)[0].carry_out(ProveStep(ID, 0, 0), assertion())
    assert world.stagings == 1


async def test_nothing_is_proved_while_pieces_are_missing() -> None:
    world = World(bytes(20_000), staged=Staged(POINTERS, 1, 123))
    responding, heard = responder(world)
    assert await responding.carry_out(ProveStep(ID, 0, 0), assertion()) == 123
    assert not world.sent and not heard
    world.staged = Staged(POINTERS, 0, 124)
    assert await responding.carry_out(ProveStep(ID, 0, 0), assertion()) == 9


async def test_a_proof_that_fails_in_a_block_is_sent_again_dearer_and_sooner() -> None:
    """As when others have bought all of EXECUTE's gas in front of it."""
    full = TransactionReverted("EXECUTE: 21000 L2 gas wanted, 0 left in the block", b"", replace(RECEIPT, succeeded=False))
    world = World(b"\x07", outcomes=[full, full])
    responding, _ = responder(world)
    for _ in range(2):
        with pytest.raises(TransactionReverted):
            await responding.carry_out(ProveStep(ID, 0, 0), assertion())
        world.price = world.price * 9 // 8
    assert await responding.carry_out(ProveStep(ID, 0, 0), assertion()) == 9
    assert [candidate.urgency for candidate in world.sent] == [1, 2, 4]
    assert [candidate.value for candidate in world.sent] == [fee_ahead(price, 21_000, 16) for price in (1000, 1125, 1265)]
    await responding.carry_out(ProveStep(ID, 0, 0), assertion())
    assert world.sent[-1].urgency == 1


async def test_a_proof_that_fails_before_it_is_sent_is_no_reason_for_haste() -> None:
    world = World(b"\x07", outcomes=[TransactionReverted("not sent, it would fail")])
    responding, _ = responder(world)
    with pytest.raises(TransactionReverted):
        await responding.carry_out(ProveStep(ID, 0, 0), assertion())
    await responding.carry_out(ProveStep(ID, 0, 0), assertion())
    assert [candidate.urgency for candidate in world.sent] == [1, 1]


async def test_too_little_for_the_fee_is_said() -> None:
    world = World(b"\x07", funds=GAS_RESERVE + fee_ahead(1_000, 21_000, 2) - 1)
    responding, _ = responder(world)
    with pytest.raises(InsufficientFunds, match="send it funds"):
        await responding.carry_out(ProveStep(ID, 0, 0), assertion())
    world.funds += 1
    await responding.carry_out(ProveStep(ID, 0, 0), assertion())
    assert world.sent[0].value == fee_ahead(1_000, 21_000, 2)
