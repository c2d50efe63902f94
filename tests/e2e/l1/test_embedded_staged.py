"""A trace too large for one transaction, staged as contract code over several, and judged."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

import pytest
from web3 import AsyncWeb3

from execution.abi import encode_trace, encode_witness
from execution.genesis import GenesisAccount, build_genesis
from execution.step import OverlaySource
from execution.trie import NoSource
from execution.types import BatchEnd, BlockStart, Cursor, StepState, Trace, Transaction
from execution.witness import build_witness
from l1.embedded.meter import EXECUTE_ADDRESS
from l1.embedded.precompile import COLD_POINTER_GAS, WARM_POINTER_GAS
from l1.embedded.service import EmbeddedL1
from l1.embedded.settings import ExecuteParams
from tests.e2e.l1.chain import ON_DEMAND, send
from tests.unit.chain.execute_block import staged_data
from tests.unit.execution.small_rollup import CHAIN_ID, RULES, WALLETS, attributes

AT = AsyncWeb3.to_checksum_address(EXECUTE_ADDRESS)
PIECE = 24_575  # bytes in one contract, behind its first
CONTRACTS = [bytes([0x70 + i]) * 20 for i in range(13)]
READER = b"\x60" * 20
PRICE = 100
PARAMS = ExecuteParams(min_gas_price=PRICE)


@dataclass(frozen=True)
class Staged:
    """A true trace cut in two: what a contract would build, and the witness."""

    pre_root: bytes
    post_root: bytes
    gas: int
    head: bytes
    witness: bytes

    def call(self, pointers: list[str]) -> bytes:
        data = staged_data(self.gas, self.head, [bytes.fromhex(pointer[2:]) for pointer in pointers])
        return data[:4] + self.pre_root + self.post_root + data[68:]

    def pieces(self) -> list[bytes]:
        return [self.witness[i : i + PIECE] for i in range(0, len(self.witness), PIECE)]


@pytest.fixture(scope="module")
def staged() -> Staged:
    """A transaction that reads 13 accounts with 24,576 bytes of code each."""
    rng, wallet = random.Random(1), WALLETS[0]
    alloc = {at: GenesisAccount(nonce=1, code=rng.randbytes(24_576)) for at in CONTRACTS}
    alloc[READER] = GenesisAccount(
        nonce=1, code=b"".join(b"\x73" + at + bytes.fromhex("3150") for at in CONTRACTS)
    )
    alloc[wallet.address] = GenesisAccount(balance=10**20)
    genesis, nodes, codes = build_genesis(alloc, CHAIN_ID, 30_000_000, 1_000, 10**9)
    start = StepState(genesis.state_root, genesis.hash)
    inputs = (
        BlockStart(attributes(2_000), Cursor(0, 0, 1)),
        Transaction(wallet.typed(chain_id=CHAIN_ID, to=READER, gas=100_000), Cursor(0, 1, 0)),
        BatchEnd(Cursor(1, 0, 0)),
    )
    source = OverlaySource(nodes, codes, NoSource())
    post, gas, witness = build_witness(RULES, start, inputs, source, {genesis.hash: genesis.rlp()}.__getitem__)
    encoded = encode_trace(Trace(CHAIN_ID, "prague", RULES.tx_gas_cap or 0, start, post, inputs, witness))
    staged = encode_witness(witness)
    at = len(encoded) - (len(staged) + 31) // 32 * 32  # it comes last, behind its length
    assert encoded[at - 32 :] == len(staged).to_bytes(32, "big") + staged.ljust(len(encoded) - at, b"\0")
    return Staged(start.state_root, post.state_root, gas, encoded[:at], staged)


@pytest.fixture
async def l1() -> AsyncIterator[EmbeddedL1]:
    async with EmbeddedL1(replace(ON_DEMAND, execute=PARAMS)) as running:
        yield running


async def stage(l1: EmbeddedL1, w3: AsyncWeb3, piece: bytes) -> str:
    """Creates a contract whose code is a zero byte and the piece."""
    code = b"\x00" + piece
    initcode = bytes.fromhex(f"61{len(code):04x}80600a5f395ff3") + code
    receipt = await send(w3, l1.accounts[0], data=initcode, gas=8_000_000)
    assert receipt.status == 1
    return receipt.contractAddress


async def test_a_witness_of_hundreds_of_kilobytes(l1: EmbeddedL1, w3: AsyncWeb3, staged: Staged) -> None:
    assert len(staged.witness) > 300_000  # a public mempool takes 131,072
    pointers = [await stage(l1, w3, piece) for piece in staged.pieces()]
    assert len(pointers) == 14
    sizes = dict(zip(pointers, map(len, staged.pieces()), strict=True))
    sender, fee = l1.accounts[0], staged.gas * PRICE

    async def answer(which: list[str]) -> int:
        """Of an eth_call and then of a transaction, which must be paid for whatever it is."""
        data = staged.call(which)
        call = {"from": sender.address, "to": AT, "data": data, "value": fee}
        word = await w3.eth.call(call)
        paid = await w3.eth.get_balance(AT)
        receipt = await send(w3, sender, to=AT, data=data, value=fee, gas=await w3.eth.estimate_gas(call))
        assert receipt.status == 1
        assert await w3.eth.get_balance(AT) - paid == fee
        words = sum(sizes[pointer] // 32 + 1 for pointer in which)  # a byte more than the piece, rounded up
        l1_gas = 21_000 + sum(16 if byte else 4 for byte in data) + PARAMS.fixed_gas
        l1_gas += PARAMS.gas_per_byte * len(staged.head)
        l1_gas += COLD_POINTER_GAS * len(set(which)) + WARM_POINTER_GAS * (len(which) - len(set(which)))
        assert receipt.gasUsed == l1_gas + PARAMS.staged_gas_per_word * words
        return int.from_bytes(word, "big")

    assert await answer(pointers) == 1
    assert await answer(pointers[:-1]) == 0
    assert await answer([pointers[1], pointers[0], *pointers[2:]]) == 0
    assert await answer([*pointers, pointers[0]]) == 0

    refused = await send(
        w3, sender, to=AT, data=staged.call([*pointers[:-1], sender.address]), value=fee, gas=1_000_000
    )
    assert refused.status == 0
