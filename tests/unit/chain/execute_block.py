"""An L1 block under construction in memory, with EXECUTE and clients that answer at once."""

from __future__ import annotations

from dataclasses import dataclass, field

from execution.block import BlockBuilder
from execution.errors import Disagreement
from execution.genesis import GenesisAccount, build_genesis
from execution.receipt import Receipt
from execution.simulation import CallFields, CallResult
from execution.step import OverlaySource
from execution.trie import NoSource
from execution.types import BlockAttributes
from execution.verdict import Verdict
from execution.world import WorldState
from l1.embedded.execute_abi import EXECUTE, EXECUTE_STAGED
from l1.embedded.meter import CONGESTED_SLOT, EXECUTE_ADDRESS, PRICE_SLOT, BlockMeter
from l1.embedded.precompile import EXECUTE_CODE, execute_rules
from l1.embedded.settings import ExecuteParams
from tests.unit.execution.wallet import Wallet

SENDER = Wallet.number(77)
SINK = b"\x51" * 20
COINBASE = b"\xcb" * 20
BASE_FEE, TIP = 10, 3
GAS_LIMIT = 25_000_000
DISPUTED = 9  # L2 gas
CALL, CALLCODE, DELEGATECALL, STATICCALL = "f1", "f2", "f4", "fa"
PRICE = 7
PARAMS = ExecuteParams(
    fixed_gas=1_000, cumulative_gas_limit=60, cumulative_gas_target=30, min_gas_price=PRICE, staged_gas_per_word=12
)
GENESIS, STORED, CODES = build_genesis(
    {
        SENDER.address: 1,
        SINK: 1,
        EXECUTE_ADDRESS: GenesisAccount(nonce=1, code=EXECUTE_CODE, storage={PRICE_SLOT: PRICE, CONGESTED_SLOT: 5}),
    },
    1, 200_000_000, 1_000, BASE_FEE * 8 // 7 + 1,
)  # fmt: skip


@dataclass
class Clients:
    """What the L1 node's clients are asked; they disagree about DISPUTED gas."""

    sold: list[int] = field(default_factory=list)
    traces: list[bytes] = field(default_factory=list)

    def __call__(self, _pre: bytes, _post: bytes, gas: int, trace: bytes) -> Verdict:
        if gas == DISPUTED:
            raise Disagreement
        self.sold.append(gas)
        self.traces.append(trace)
        return Verdict(gas % 2 == 0, "", gas)


class Block:
    """`put` and `fund` are edits; what they did is part of the state that the next transaction begins with."""

    def __init__(self, params: ExecuteParams = PARAMS) -> None:
        self.clients = Clients()
        self.world = WorldState(OverlaySource(STORED, CODES, NoSource()), GENESIS.state_root)
        attributes = BlockAttributes(1_012, COINBASE, bytes(32), 200_000_000, bytes(32))
        rules = execute_rules(1, params, self.clients)
        self.builder = BlockBuilder.open(rules, self.world, GENESIS, attributes, lambda number: GENESIS.hash)
        assert isinstance(self.builder.state.dues, BlockMeter)
        self.meter = self.builder.state.dues
        self.gas_price = self.builder.base_fee_per_gas + TIP

    def send(self, to: bytes, value: int = 0, data: bytes = b"", gas: int = GAS_LIMIT, **fields) -> Receipt:
        fields = {"nonce": self.world.get_nonce(SENDER.address), "tip": TIP, "fee": self.gas_price} | fields
        return self.builder.apply(SENDER.typed(to=to, value=value, data=data, gas=gas, **fields))

    def call(self, to: bytes, data: bytes = b"", value: int = 0, gas: int = GAS_LIMIT, **fields) -> CallResult:
        return self.builder.call(CallFields(SENDER.address, to or None, data, value, gas, **fields))

    def put(self, address: bytes, code: bytes, balance: int = 0) -> bytes:
        """The address, with a contract."""
        self.world.set_code(address, code)
        self.world.set_nonce(address, 1)
        self.world.set_balance(address, balance)
        return address

    def fund(self, wei: int, gas: int = GAS_LIMIT) -> int:
        """Gives the sender so much beyond the gas of a transaction; what it has then."""
        self.world.set_balance(SENDER.address, wei + gas * self.gas_price)
        return wei + gas * self.gas_price

    @property
    def fees(self) -> int:
        """What EXECUTE's account has."""
        return self.world.get_balance(EXECUTE_ADDRESS)

    def balances(self) -> dict[bytes, int]:
        """Of every account that was touched so far."""
        for address in (SINK, COINBASE, EXECUTE_ADDRESS):
            self.world.account(address)
        return {address: self.world.get_balance(address) for address in list(self.world._accounts)}


def word(value: int) -> bytes:
    return value.to_bytes(32, "big")


def execute_data(gas: int, trace: bytes = b"") -> bytes:
    return EXECUTE + bytes(64) + word(gas) + word(128) + word(len(trace)) + trace + bytes(-len(trace) % 32)


def staged_data(gas: int, trace: bytes, pointers: list[bytes]) -> bytes:
    padded = trace + bytes(-len(trace) % 32)
    head = bytes(64) + word(gas) + word(160) + word(192 + len(padded))
    tail = word(len(pointers)) + b"".join(pointer.rjust(32, b"\0") for pointer in pointers)
    return EXECUTE_STAGED + head + word(len(trace)) + padded + tail


def forwarder(kind: str, to: bytes = EXECUTE_ADDRESS, value: str = "34") -> bytes:
    """Calls with its calldata and (`value`: opcodes) its own value; returns whether it succeeded, and what came back."""
    paid = value if kind in (CALL, CALLCODE) else ""
    return bytes.fromhex(f"365f5f375f5f365f{paid}73{to.hex()}5a{kind}5f523d5f60203e3d6020015ff3")
