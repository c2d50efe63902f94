"""`BasedNativeRollup.sol` on the embedded L1, judged by the real EXECUTE: "just a few lines of Solidity"."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pytest
from eth_account.signers.local import LocalAccount
from hexbytes import HexBytes
from web3 import AsyncWeb3

from execution.abi import encode_state, encode_witness, state_tuple
from execution.encoding import keccak
from execution.genesis import build_genesis
from execution.rules import Rules
from execution.step import Machine, OverlaySource
from execution.trie import NodeSource, NoSource
from execution.types import BatchEnd, BlockAttributes, BlockStart, Input, StepState, Transaction, Withdrawal
from execution.witness import build_witness
from l1.artifacts import artifact, describe_error
from l1.embedded.meter import EXECUTE_ADDRESS
from l1.embedded.service import EmbeddedL1
from tests.e2e.l1.chain import GWEI, rpc_error, send
from tests.unit.execution.wallet import Wallet

SOURCE = Path(__file__).parents[3] / "solidity" / "src" / "examples" / "BasedNativeRollup.sol"
EXAMPLE = artifact("BasedNativeRollup")
CHAIN_ID = 1337
RULES = Rules(CHAIN_ID)  # with EIP-7825's cap, as the contract has it
GAS_LIMIT = 30_000_000
ALICE, BOB, CAROL = (Wallet.number(7000 + i) for i in range(3))
ETHER = 10**18
FEES = 10**16  # more wei than any block here costs; the rest comes back


class Block:
    """A block that could be appended."""

    def __init__(self, anchor: int, timestamp: int, transactions: Sequence[bytes], claim: tuple[Any, ...],
                 after: L2, gas_used: int) -> None:
        self.anchor, self.timestamp, self.transactions = anchor, timestamp, transactions
        self.claim, self.after, self.gas_used = claim, after, gas_used

    def call(self, **changes: Any) -> bytes:
        """Calldata of `advance`; `changes` replace fields of the claim or transactions."""
        names = ("pre", "post", "gas_used", "witness", "pointers")
        claim = tuple(changes.get(name, value) for name, value in zip(names, self.claim, strict=True))
        raws = changes.get("transactions", self.transactions)
        return EXAMPLE.call("advance", self.anchor, self.timestamp, list(raws), claim)


class L2:
    """The full node of whoever makes a block: state, source of its nodes, headers."""

    def __init__(self, state: StepState, source: NodeSource, headers: Any) -> None:
        self.state, self.source, self.headers = state, source, headers

    @classmethod
    def genesis(cls) -> L2:
        header, nodes, codes = build_genesis({ALICE.address: 100 * ETHER}, CHAIN_ID, GAS_LIMIT, 1_000, GWEI)
        known = {header.hash: header.rlp()}
        return cls(StepState(header.state_root, header.hash), OverlaySource(nodes, codes, NoSource()), known.__getitem__)

    def balance(self, address: bytes) -> int:
        machine = Machine(RULES, self.source, self.state, self.headers)
        return machine.world.get_balance(address)

    def nonce(self, address: bytes) -> int:
        return Machine(RULES, self.source, self.state, self.headers).world.get_nonce(address)

    def block(self, anchor: Any, maker: bytes, deposits: Iterable[Withdrawal], raws: Sequence[bytes]) -> Block:
        """The block on top of this state. `anchor`: an L1 block, whose time it gets."""
        l1_hash = bytes(anchor["hash"])
        attributes = BlockAttributes(
            anchor["timestamp"], maker, l1_hash, GAS_LIMIT, l1_hash, withdrawals=tuple(deposits)
        )
        inputs: list[Input] = [BlockStart(attributes), *map(Transaction, raws), BatchEnd()]
        post, gas_used, witness = build_witness(RULES, self.state, inputs, self.source, self.headers)
        machine = Machine(RULES, self.source, self.state, self.headers)
        for item in inputs:
            machine.step(item)
        assert machine.state == post
        claim = (state_tuple(self.state), state_tuple(post), gas_used, encode_witness(witness), [])
        after = L2(post, machine.roots_source(), machine.header)
        return Block(anchor["number"], anchor["timestamp"], raws, claim, after, gas_used)


class Chain:
    """The contract on L1 and its followers' view of it."""

    def __init__(self, l1: EmbeddedL1, w3: AsyncWeb3, address: str) -> None:
        self.maker: LocalAccount = l1.accounts[0]
        self.depositor: LocalAccount = l1.accounts[1]
        self.w3, self.address = w3, address
        self.l2 = L2.genesis()

    @classmethod
    async def deployed(cls, l1: EmbeddedL1, w3: AsyncWeb3) -> Chain:
        creation = EXAMPLE.deployment(CHAIN_ID, state_tuple(L2.genesis().state))
        receipt = await send(w3, l1.accounts[0], data=creation, gas=3_000_000)
        assert receipt.status == 1
        return cls(l1, w3, receipt.contractAddress)

    async def read(self, name: str, *arguments: Any) -> Any:
        answer = await self.w3.eth.call({"to": self.address, "data": HexBytes(EXAMPLE.call(name, *arguments))})
        values = EXAMPLE.answer(name, bytes(answer))
        return values if len(values) > 1 else values[0]

    async def due(self, anchor: int) -> list[Withdrawal]:
        """The deposits of a block with this anchor."""
        due: list[Withdrawal] = []
        index = await self.read("taken")
        while index < await self.count() and len(due) < 16:
            at, l1_block, recipient, amount = await self.read("deposits", index)
            if l1_block > anchor:
                break
            due.append(Withdrawal(at, l1_block, bytes.fromhex(recipient[2:]), amount))
            index += 1
        return due

    async def count(self) -> int:
        """How many deposits there are: its events."""
        topic = next(topic for topic, shape in EXAMPLE.events.items() if shape.name == "Deposited")
        logs = await self.w3.eth.get_logs({"address": self.address, "topics": [HexBytes(topic)], "fromBlock": 0})
        return len(logs)

    async def deposit(self, to: bytes, wei: int) -> None:
        data = EXAMPLE.call("deposit", to)
        assert (await send(self.w3, self.depositor, to=self.address, data=data, value=wei)).status == 1

    async def block(self, raws: Sequence[bytes]) -> Block:
        anchor = await self.w3.eth.get_block("latest")
        maker = bytes.fromhex(self.maker.address[2:])
        return self.l2.block(anchor, maker, await self.due(anchor["number"]), raws)

    async def advance(self, block: Block) -> Any:
        """Appends it; its receipt. Checks what L1 then says and what it cost."""
        price = await self.price()
        before = await self.w3.eth.get_balance(EXECUTE_ADDRESS), await self.w3.eth.get_balance(self.maker.address)
        receipt = await send(
            self.w3, self.maker, to=self.address, data=block.call(), value=FEES, gas=5_000_000
        )
        assert receipt.status == 1
        fee = await self.w3.eth.get_balance(EXECUTE_ADDRESS) - before[0]
        spent = before[1] - await self.w3.eth.get_balance(self.maker.address)
        assert fee == block.gas_used * price
        assert spent == fee + receipt.gasUsed * receipt.effectiveGasPrice
        self.l2 = block.after
        assert await self.read("stateRoot") == self.l2.state.state_root
        assert await self.read("head") == keccak(encode_state(self.l2.state))
        return receipt

    async def price(self) -> int:
        data = HexBytes(artifact("IExecute").call("gasPrice"))
        return int.from_bytes(await self.w3.eth.call({"to": EXECUTE_ADDRESS, "data": data}), "big")

    async def refused(self, data: bytes, value: int = FEES) -> str:
        """Why the call reverts; it also does in a transaction, and nothing has changed."""
        head = await self.read("head")
        call = {"from": self.maker.address, "to": self.address, "data": "0x" + data.hex(), "value": hex(value)}
        error = await rpc_error(self.w3, "eth_call", call, "pending")  # the anchor is the latest block
        receipt = await send(self.w3, self.maker, to=self.address, data=data, value=value, gas=5_000_000)
        assert receipt.status == 0
        assert await self.read("head") == head
        return describe_error(bytes.fromhex(error["data"][2:]))


@pytest.fixture
async def chain(l1: EmbeddedL1, w3: AsyncWeb3) -> Chain:
    return await Chain.deployed(l1, w3)


def transfer(sender: Wallet, to: Wallet, wei: int, nonce: int) -> bytes:
    return sender.typed(chain_id=CHAIN_ID, nonce=nonce, tip=GWEI, fee=3 * GWEI, gas=21_000, to=to.address, value=wei)


async def test_three_blocks(chain: Chain) -> None:
    """Transfers; a deposit that arrives and is spent; transactions that do nothing."""
    await chain.advance(await chain.block([transfer(ALICE, BOB, ETHER, 0), transfer(ALICE, BOB, ETHER, 1)]))
    assert chain.l2.balance(BOB.address) == 2 * ETHER
    maker = bytes.fromhex(chain.maker.address[2:])
    assert chain.l2.balance(maker) == 2 * 21_000 * GWEI  # the tips

    await chain.deposit(CAROL.address, 5 * ETHER)
    made = await chain.block([transfer(CAROL, BOB, ETHER, 0)])  # withdrawals come at a block's end: still poor
    await chain.deposit(CAROL.address, 7 * GWEI)  # after the anchor: it spoils nothing, and is next
    await chain.advance(made)
    assert made.gas_used == 0
    assert chain.l2.balance(CAROL.address) == 5 * ETHER
    assert await chain.read("taken") == 1

    wrong_nonce, garbage = transfer(ALICE, BOB, ETHER, 9), b"\x02garbage"
    made = await chain.block([wrong_nonce, transfer(CAROL, BOB, ETHER, 0), garbage, b""])
    assert made.gas_used == 21_000
    await chain.advance(made)
    assert chain.l2.balance(BOB.address) == 3 * ETHER
    assert 4 * ETHER - 10**15 < chain.l2.balance(CAROL.address) < 4 * ETHER
    assert (chain.l2.nonce(CAROL.address), chain.l2.nonce(ALICE.address)) == (1, 2)
    assert await chain.read("taken") == 2

    await chain.advance(await chain.block([]))
    assert await chain.read("taken") == 2  # once
    assert chain.l2.balance(BOB.address) == 3 * ETHER


async def test_nothing_wrong_gets_in(chain: Chain) -> None:
    raws = [transfer(ALICE, BOB, ETHER, 0)]
    made = await chain.block(raws)
    root_at, claim = 0, made.claim
    made_up = (b"\x66" * 32, *claim[1][root_at + 1 :])
    assert "ExecuteAnsweredFalse" in await chain.refused(made.call(post=made_up))
    assert "ExecuteAnsweredFalse" in await chain.refused(made.call(gas_used=made.gas_used - 1))
    assert "ExecuteAnsweredFalse" in await chain.refused(made.call(witness=claim[3][:-1]))
    assert "ExecuteAnsweredFalse" in await chain.refused(made.call(transactions=[]))
    more = [*raws, transfer(ALICE, BOB, ETHER, 1)]
    assert "ExecuteAnsweredFalse" in await chain.refused(made.call(transactions=more))
    assert "EXECUTE: 61000000 L2 gas wanted" in await chain.refused(made.call(gas_used=61_000_000))
    assert "ExecuteFeeNotPaid" in await chain.refused(made.call(), value=0)
    other = state_tuple(made.after.state)
    assert "NotAfterHead" in await chain.refused(made.call(pre=other))
    await chain.advance(made)
    assert "NotAfterHead" in await chain.refused(made.call())


async def test_a_witness_from_contract_code(l1: EmbeddedL1, w3: AsyncWeb3, chain: Chain) -> None:
    stage = artifact("Stage")
    receipt = await send(w3, chain.maker, data=stage.deployment(), gas=2_000_000)
    made = await chain.block([transfer(ALICE, BOB, ETHER, 0)])
    witness = made.claim[3]
    pointers = []
    for part in (witness[:1000], witness[1000:], b"something else"):
        data = HexBytes(stage.call("pointerOf", part))
        predicted = (await w3.eth.call({"to": receipt.contractAddress, "data": data}))[12:]
        staging = stage.call("stage", part)
        for _ in range(2):  # there already: no matter
            sent = await send(w3, chain.depositor, to=receipt.contractAddress, data=staging, gas=2_000_000)
            assert sent.status == 1
        assert await w3.eth.get_code(w3.to_checksum_address(predicted)) == b"\x00" + part
        pointers.append(bytes(predicted))
    one, two, other = pointers
    for wrong in ([two, one], [one], [one, two, other], [one, other]):
        assert "ExecuteAnsweredFalse" in await chain.refused(made.call(witness=b"", pointers=wrong))
    assert "PointerWithoutCode" in await chain.refused(made.call(witness=b"", pointers=[one, two, bytes(19) + b"\x99"]))
    assert "WitnessAndPointers" in await chain.refused(made.call(pointers=[one, two]))
    made.claim = (*made.claim[:3], b"", [one, two])
    await chain.advance(made)
    assert chain.l2.balance(BOB.address) == ETHER


def test_it_is_a_few_lines() -> None:
    lines = [line.strip() for line in SOURCE.read_text().splitlines()]
    code = [line for line in lines if line and not line.startswith("//")]
    assert len(code) < 60
    assert max(map(len, SOURCE.read_text().splitlines())) <= 120
