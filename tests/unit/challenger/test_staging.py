"""Staging goes by what L1 has, and by nothing else."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from eth_abi import decode as abi_decode

from challenger import staging
from challenger.events import EventStream, WitnessStaged
from challenger.pieces import MAX_PIECE, Piece, cut, staging_gas
from challenger.staging import IN_FLIGHT, Stager, WitnessTooLarge
from l1.txmanager import InsufficientFunds, L1Receipt, TransactionError, TransactionReverted, TxCandidate

STAGE, ME, SUBJECT = b"\x57" * 20, b"\x11" * 20, b"\xaa" * 32
GWEI = 10**9


def witness(pieces: int, seed: int = 1) -> bytes:
    return random.Random(seed).randbytes((pieces - 1) * MAX_PIECE + 100)


@dataclass
class FakeL1:
    """L1 and the transaction manager in one: each transaction is carried out a moment after it was sent."""

    codes: dict[bytes, bytes] = field(default_factory=dict)
    funds: int = 10**20
    sent: list[TxCandidate] = field(default_factory=list)
    in_flight: int = 0
    most_in_flight: int = 0
    dearer: int = -100_000  # L1 gas that a piece takes more than staging_gas says
    fails_at: int = -1  # which transaction reverts
    before: Callable[[Piece], None] = lambda piece: None  # called with each piece just before it is staged
    address: bytes = ME

    async def code(self, address: bytes) -> bytes:
        await asyncio.sleep(0)
        return self.codes.get(address, b"")

    async def request(self, method: str, params: tuple[Any, ...] = ()) -> str:
        if method == "eth_gasPrice":
            return hex(GWEI)
        assert method == "eth_estimateGas"
        (data,) = abi_decode(["bytes"], bytes.fromhex(params[0]["data"][2:])[4:])
        return hex(staging_gas(data) + self.dearer)

    async def balance(self, address: bytes) -> int:
        assert address == ME
        return self.funds

    async def send(self, candidate: TxCandidate) -> L1Receipt:
        (data,) = abi_decode(["bytes"], candidate.data[4:])
        (piece,) = cut(data, STAGE)
        number = len(self.sent)
        self.sent.append(candidate)
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        assert candidate.to == STAGE and piece.address.hex() in candidate.label
        assert candidate.gas_limit == staging_gas(data) + max(0, self.dearer)
        for _ in range(3):
            await asyncio.sleep(0)
        self.in_flight -= 1
        if number == self.fails_at:
            raise TransactionReverted("out of gas")
        self.before(piece)
        self.codes.setdefault(piece.address, piece.code)
        return L1Receipt(bytes(32), 7 + number, bytes(32), True, 5_400_000, 1, None, ())


def stager(l1: FakeL1) -> tuple[Stager, list[Any]]:
    events, heard = EventStream(), []
    events.on_event(heard.append)
    return Stager(l1, STAGE, l1, events), heard  # type: ignore[arg-type]


async def test_all_of_it_several_at_a_time_and_then_nothing() -> None:
    l1, data = FakeL1(), witness(40)
    staging_, heard = stager(l1)
    staged = await staging_.stage(SUBJECT, data)
    pieces = cut(data, STAGE)
    assert staged.pointers == tuple(piece.address for piece in pieces) and staged.missing == 0
    assert staged.block_number == 7 + 39 and len(l1.sent) == 40 and l1.most_in_flight == IN_FLIGHT
    assert b"".join(l1.codes[pointer][1:] for pointer in staged.pointers) == data
    assert heard == [WitnessStaged(SUBJECT, len(data), 40, 40, 0, 40 * 5_400_000)]
    again = await stager(l1)[0].stage(SUBJECT, data)  # as after a restart: it knows nothing
    assert again.pointers == staged.pointers and len(l1.sent) == 40


async def test_only_what_a_reorg_has_dropped() -> None:
    l1, data = FakeL1(), witness(9)
    await stager(l1)[0].stage(SUBJECT, data)
    pieces = cut(data, STAGE)
    for index in (0, 4, 8):
        del l1.codes[pieces[index].address]
    l1.sent.clear()
    assert (await stager(l1)[0].stage(SUBJECT, data)).missing == 0
    assert {candidate.label for candidate in l1.sent} == {f"stage 0x{pieces[index].address.hex()}" for index in (0, 4, 8)}


async def test_what_somebody_else_stages_meanwhile_is_not_staged_again() -> None:
    l1, data = FakeL1(), witness(2 * IN_FLIGHT + 8)
    pieces = cut(data, STAGE)

    def somebody(_piece: Piece) -> None:
        l1.codes.update({each.address: each.code for each in pieces[-8:]})

    l1.before = somebody
    assert (await stager(l1)[0].stage(SUBJECT, data)).missing == 0
    assert len(l1.sent) == 2 * IN_FLIGHT


async def test_other_code_at_the_address_is_not_taken_for_the_piece() -> None:
    l1, data = FakeL1(), witness(3)
    l1.codes[cut(data, STAGE)[1].address] = b"\x00 something else"
    with pytest.raises(TransactionError, match="no longer has"):
        await stager(l1)[0].stage(SUBJECT, data)
    assert len(l1.sent) == 3


async def test_the_same_piece_twice_is_staged_once() -> None:
    l1, data = FakeL1(), bytes(3 * MAX_PIECE)
    staged = await stager(l1)[0].stage(SUBJECT, data)
    assert len(staged.pointers) == 3 and len(l1.sent) == 1 and staged.missing == 0


async def test_nothing_is_staged_if_all_of_it_cannot_be_paid() -> None:
    data = witness(4)
    needed = sum(staging_gas(piece.data) for piece in cut(data, STAGE)) * GWEI
    l1 = FakeL1(funds=needed - 1)
    with pytest.raises(InsufficientFunds, match="4 pieces of a witness takes .* gas"):
        await stager(l1)[0].stage(SUBJECT, data)
    assert not l1.sent
    l1.funds = needed
    assert (await stager(l1)[0].stage(SUBJECT, data)).missing == 0


async def test_nothing_is_staged_that_no_transaction_can_read() -> None:
    l1 = FakeL1()
    with pytest.raises(WitnessTooLarge, match="70,000,000 bytes can't be proved"):
        await stager(l1)[0].stage(SUBJECT, bytes(70_000_000))
    assert not l1.sent


async def test_after_a_failure_no_more_is_begun() -> None:
    l1, data = FakeL1(fails_at=0), witness(3 * IN_FLIGHT)
    with pytest.raises(TransactionReverted, match="out of gas"):
        await stager(l1)[0].stage(SUBJECT, data)
    assert len(l1.sent) <= 2 * IN_FLIGHT
    l1.fails_at = -1
    assert (await stager(l1)[0].stage(SUBJECT, data)).missing == 0


async def test_an_l1_that_prices_code_anew_is_allowed_more_gas() -> None:
    l1, data = FakeL1(dearer=3_000_000), witness(4)
    assert (await stager(l1)[0].stage(SUBJECT, data)).missing == 0
    assert l1.sent[0].gas_limit == staging_gas(data[:MAX_PIECE]) + 3_000_000


async def test_a_turn_ends_and_the_next_one_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    l1, data, waves = FakeL1(), witness(3 * IN_FLIGHT), 0
    monkeypatch.setattr(staging, "TURN", 0.05)

    def slow(_piece: Piece) -> None:
        nonlocal waves
        waves += 1
        if waves == IN_FLIGHT:  # the first wave takes longer than a turn
            deadline = asyncio.get_running_loop().time() + 0.06
            while asyncio.get_running_loop().time() < deadline:
                pass

    l1.before = slow
    first = await stager(l1)[0].stage(SUBJECT, data)
    assert 0 < first.missing < 3 * IN_FLIGHT and first.block_number == 6 + len(l1.sent)
    monkeypatch.setattr(staging, "TURN", 60.0)
    assert (await stager(l1)[0].stage(SUBJECT, data)).missing == 0
    assert len(l1.sent) == 3 * IN_FLIGHT


async def test_two_who_want_the_same_do_no_harm() -> None:
    l1, data = FakeL1(), witness(5)
    one = stager(l1)[0]
    first, second = await asyncio.gather(one.stage(SUBJECT, data), one.stage(bytes(32), data))
    assert first.pointers == second.pointers and first.missing == second.missing == 0
