"""Cutting a witness: nothing is lost, and every piece lies where the Stage contract puts it, for the gas that is allowed."""

from __future__ import annotations

import random

import pytest
from eth_account import Account
from hypothesis import given
from hypothesis import strategies as st

from challenger.execute_fee import BLOCKS_AHEAD, LEAST_AHEAD, fee_ahead, value_to_send
from challenger.pieces import MAX_PIECE, can_be_proved, cut, reading_gas, staging_gas
from execution.block import BlockBuilder
from execution.genesis import build_genesis
from execution.receipt import Receipt
from execution.rules import Rules
from execution.simulation import CallFields
from execution.types import BlockAttributes
from execution.world import WorldState
from l1.artifacts import artifact, describe_error
from l1.contracts import Stage
from l1.embedded.meter import next_price
from l1.embedded.settings import ExecuteParams
from l1.pointers import pointer_address

KEY = Account.from_key(b"\x33" * 32)
STAGE = b"\x57" * 20


class Memory:
    """A NodeSource over dictionaries."""

    def __init__(self, nodes: dict[bytes, bytes], codes: dict[bytes, bytes]) -> None:
        self.node, self.code = nodes.__getitem__, codes.__getitem__


class Chain:
    """One block in which there is a Stage contract."""

    def __init__(self) -> None:
        header, nodes, codes = build_genesis({bytes.fromhex(KEY.address[2:]): 10**24}, 1, 10**9, 0, 7)
        self.world = WorldState(Memory(nodes, codes), header.state_root)
        attributes = BlockAttributes(12, bytes(20), bytes(32), 10**9, bytes(32))
        self.builder = BlockBuilder.open(Rules(1, tx_gas_cap=None), self.world, header, attributes, lambda number: bytes(32))
        self._nonce = 0
        address = self.send(artifact("Stage").bytecode, None, 10**6)[0].contract_address
        assert address is not None
        self.stage = address

    def send(self, data: bytes, to: bytes | None, gas: int) -> tuple[Receipt, int]:
        """The receipt, and the gas used."""
        fields = {"chainId": 1, "nonce": self._nonce, "value": 0, "data": data, "gas": gas, "maxFeePerGas": 100,
                  "maxPriorityFeePerGas": 0, "type": 2, "to": b"" if to is None else to}
        self._nonce += 1
        before = self.builder.gas_used
        receipt = self.builder.apply(bytes(KEY.sign_transaction(fields).raw_transaction))
        return receipt, self.builder.gas_used - before

    def pointer_of(self, data: bytes) -> bytes:
        answer = self.builder.call(CallFields(to=self.stage, data=artifact("Stage").call("pointerOf", data), gas=10**8))
        assert answer.error is None, describe_error(answer.output)
        return bytes.fromhex(artifact("Stage").answer("pointerOf", answer.output)[0][2:])


@given(size=st.integers(0, 4 * MAX_PIECE), seed=st.integers(0, 3))
def test_pieces_make_up_the_witness(size: int, seed: int) -> None:
    witness = random.Random(seed).randbytes(size)
    pieces = cut(witness, STAGE)
    assert b"".join(piece.data for piece in pieces) == witness
    assert all(len(piece.data) == MAX_PIECE for piece in pieces[:-1]) and all(piece.data for piece in pieces)
    assert len(pieces) == -(-size // MAX_PIECE)
    assert all(piece.code == b"\x00" + piece.data and len(piece.code) <= 24_576 for piece in pieces)


def test_the_contract_puts_them_where_we_say_for_the_gas_we_say() -> None:
    chain, randomly = Chain(), random.Random(1)
    for size in (1, 31, 32, 33, 1_000, 10_000, MAX_PIECE):
        for data in (randomly.randbytes(size), bytes(size)):
            address = pointer_address(chain.stage, data)
            assert address == chain.pointer_of(data)
            assert chain.world.get_code(address) == b""
            receipt, used = chain.send(Stage.stage(data), chain.stage, staging_gas(data))
            assert receipt.succeeded and chain.world.get_code(address) == b"\x00" + data
            assert used < staging_gas(data) < used + 20_000 + used // 50
            again, less = chain.send(Stage.stage(data), chain.stage, staging_gas(data))
            assert again.succeeded and not again.logs and less < used
    for refused in (b"", bytes(MAX_PIECE + 1)):
        assert not chain.send(Stage.stage(refused), chain.stage, 10**7)[0].succeeded


def test_what_no_transaction_could_read_is_known_before() -> None:
    assert can_be_proved(4_000_000) and can_be_proved(60_000_000) and not can_be_proved(70_000_000)
    assert reading_gas(MAX_PIECE) == 3_800 + 768 * 3
    assert reading_gas(MAX_PIECE + 1) == 2 * 3_800 + 769 * 3


# ---- EXECUTE's fee


@given(price=st.integers(1, 10**12), used=st.lists(st.integers(0, 60_000_000), max_size=BLOCKS_AHEAD))
def test_no_run_of_full_blocks_outruns_the_headroom(price: int, used: list[int]) -> None:
    later, params = price, ExecuteParams()
    for bought in used:
        later = next_price(later, bought, params)
    assert later * 21_000 <= fee_ahead(price, 21_000, BLOCKS_AHEAD)


@pytest.mark.parametrize(("spendable", "blocks"), [(0, LEAST_AHEAD), (10**9, None), (10**18, BLOCKS_AHEAD)])
def test_the_value_sent_is_what_can_be_spared(spendable: int, blocks: int | None) -> None:
    value = value_to_send(20_000, 21_000, spendable)
    if blocks is not None:
        assert value == fee_ahead(20_000, 21_000, blocks)
    else:
        least = fee_ahead(20_000, 21_000, LEAST_AHEAD)
        assert value == least + (spendable - least) // 2 < fee_ahead(20_000, 21_000, BLOCKS_AHEAD)
