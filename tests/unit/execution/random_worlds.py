"""Random small L2s: contracts made of instructions that do interesting things to state, and scripts of inputs.

What is drawn is a `Plan` (a genesis and actions); `Play` signs its transactions while a machine runs it, since nonces
depend on what went before. Much of it fails, on purpose: calls, creations, delegations, and every kind of no-op.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from hypothesis import strategies as st

from execution.calls import DELEGATION_MARKER
from execution.encoding import encode_int, keccak, wrap_list
from execution.genesis import GenesisAccount, build_genesis
from execution.rules import Rules
from execution.step import Machine, OverlaySource
from execution.trie import NoSource
from execution.types import (
    BatchEnd,
    BlockAttributes,
    BlockStart,
    Cursor,
    Fragment,
    Input,
    Skip,
    StepState,
    Transaction,
    Withdrawal,
)
from tests.unit.execution.wallet import Wallet

CHAIN_ID = 42069
RULES = Rules(CHAIN_ID)
GAS_LIMIT = (1 << 24) + 800_000  # so that one transaction can leave too little for a large one

WALLETS = [Wallet.number(3000 + i) for i in range(4)]  # the last one has nothing
CODED = Wallet.number(3100)  # its account has code (EIP-3607)
CONTRACTS = [bytes([0xC0 + i]) * 20 for i in range(5)]
NOBODY = b"\x99" * 20
ADDRESSES = [*CONTRACTS, *(wallet.address for wallet in WALLETS), NOBODY]


def push(value: int) -> bytes:
    size = (value.bit_length() + 7) // 8
    return bytes((0x5F + size,)) + value.to_bytes(size, "big")


def push_address(address: bytes) -> bytes:
    return b"\x73" + address


# -- initcode of contracts that contracts make --


def deploy(runtime: bytes, before: bytes = b"") -> bytes:
    """Initcode that does `before` and returns `runtime`, at most 32 bytes of it."""
    size = len(runtime)
    return before + bytes((0x5F + size,)) + runtime + bytes.fromhex("5f52") + push(size) + push(32 - size) + b"\xf3"


SET_SLOT_2 = bytes.fromhex("6001600255")
MORTAL = bytes.fromhex("60015f5c55" + "60ff5f55" + "60015f5d" + "33ff")  # writes, then SELFDESTRUCT to the caller
COUNTER = bytes.fromhex("5f5460010180" + "5f55" + "600155" + "00")  # slot 0 += 1, slot 1 = slot 0
INITCODES = {
    "mortal with storage": deploy(MORTAL, SET_SLOT_2),
    "mortal": deploy(MORTAL),
    "counter": deploy(COUNTER, SET_SLOT_2),
    "dies at once": bytes.fromhex("60015f5533ff"),
    "dies to itself": bytes.fromhex("60015f5530ff"),
    "empty": b"",
    "writes, deploys nothing": bytes.fromhex("60015f5500"),
    "reverts": bytes.fromhex("60015f555f5ffd"),
    "0xEF": deploy(b"\xef"),
    "a delegation": deploy(DELEGATION_MARKER + CONTRACTS[0]),
    "too large": bytes.fromhex("6160015ff3"),
}


@dataclass(frozen=True)
class Creation:
    """CREATE2 (or CREATE if `salt` is None) from memory, then calls of what came out."""

    initcode: bytes
    salt: int | None
    value: int
    calls: int

    def code(self) -> bytes:
        size = len(self.initcode)
        code = b""
        for pos in range(0, size, 32):
            word = self.initcode[pos : pos + 32].ljust(32, b"\0")
            code += b"\x7f" + word + push(pos) + b"\x52"
        code += push(self.salt) if self.salt is not None else b""
        code += push(size) + push(0) + push(self.value) + (b"\xf0" if self.salt is None else b"\xf5")
        for _ in range(self.calls):
            code += bytes.fromhex("5f5f5f5f5f8561fffff150")
        return code + push(9) + b"\x55"  # its address into slot 9

    def address(self, creator: bytes) -> bytes:
        assert self.salt is not None
        return keccak(b"\xff" + creator + self.salt.to_bytes(32, "big") + keccak(self.initcode))[12:]


slots = st.integers(0, 4)
few = st.integers(0, 2)
addresses = st.sampled_from(ADDRESSES)
creations = st.builds(
    Creation, st.sampled_from(list(INITCODES.values())), st.sampled_from([0, 0, 0, 1, None]), st.sampled_from([0, 0, 1]),
    st.integers(0, 2),
)  # fmt: skip


def _call(opcode: int, gas: bytes, to: bytes, value: int, size: int) -> bytes:
    has_value = opcode in (0xF1, 0xF2)
    code = push(32) + push(0) + push(size) + push(0)
    code += (push(value) if has_value else b"") + push_address(to) + gas + bytes((opcode,))
    return code + push(5) + b"\x55"  # success into slot 5


gases = st.sampled_from([b"\x5a", b"\x5a", push(2_300), push(60_000)])
calls = st.builds(
    _call, st.sampled_from([0xF1, 0xF1, 0xF2, 0xF4, 0xFA]), gases, addresses, st.sampled_from([0, 0, 1, 10**20]),
    st.sampled_from([0, 32, 100]),
)  # fmt: skip
precompile_calls = st.builds(
    lambda number, size: _call(0xF1, push(100_000), number.to_bytes(20, "big"), 0, size),
    st.integers(1, 0x12),
    st.sampled_from([0, 32, 128, 192, 213, 256]),
)
snippets = st.one_of(
    st.builds(lambda slot, value: push(value) + push(slot) + b"\x55", slots, few),  # SSTORE
    st.builds(lambda slot, value: push(value) + push(slot) + b"\x55", slots, few),
    st.builds(lambda slot: push(slot) + b"\x54" + push(1) + b"\x01" + push(slot) + b"\x55", slots),  # slot += 1
    st.builds(lambda slot: push(0) + push(slot) + b"\x55", slots),  # clear
    st.builds(lambda slot: b"\x34" + push(slot) + b"\x55", slots),  # CALLVALUE into a slot
    st.builds(lambda slot, value: push(value) + push(slot) + b"\x5d", slots, few),  # TSTORE
    st.builds(lambda slot: push(slot) + b"\x5c" + push(slot) + b"\x55", slots),  # TLOAD into a slot
    st.builds(
        lambda opcode, address, slot: push_address(address) + bytes((opcode,)) + push(slot) + b"\x55",
        st.sampled_from([0x31, 0x3B, 0x3F]), addresses, slots,
    ),  # BALANCE, EXTCODESIZE, EXTCODEHASH into a slot
    st.builds(lambda address: push(40) + push(0) + push(0) + push_address(address) + b"\x3c", addresses),  # EXTCODECOPY
    st.builds(lambda back, slot: push(back) + b"\x43\x03\x40" + push(slot) + b"\x55", st.integers(0, 5), slots),  # BLOCKHASH
    st.builds(lambda topics: push(7) * topics + push(33) + push(0) + bytes((0xA0 + topics,)), st.integers(0, 4)),  # LOG
    st.builds(lambda size: push(size) + push(0) + b"\x20" + push(6) + b"\x55", st.sampled_from([0, 32, 5_000])),  # KECCAK256
    st.just(push(64) + push(0) + push(16) + b"\x5e"),  # MCOPY
    st.just(b"\x3d" + push(0) + push(0) + b"\x3e"),  # RETURNDATACOPY
    st.just(b"\x30" + bytes.fromhex("5f5f5f5f5f94") + b"\x5a\xf1\x50"),  # calls itself while gas is left
    calls, calls, calls, calls, calls, calls, precompile_calls,
    *[st.builds(Creation.code, creations)] * 6,
)  # fmt: skip
endings = st.one_of(
    st.just(b""), st.just(b""), st.just(b""), st.just(b"\x00"),
    st.just(push(32) + push(0) + b"\xf3"), st.just(push(4) + push(0) + b"\xfd"), st.just(b"\xfe"),
    st.builds(lambda address: push_address(address) + b"\xff", addresses), st.just(b"\x30\xff"),
)  # fmt: skip
programs = st.builds(
    lambda parts, ending: b"".join(parts) + ending, st.lists(snippets, min_size=1, max_size=7), endings
)
codes = st.one_of(
    programs, programs, programs, st.builds(lambda address: DELEGATION_MARKER + address, addresses), st.binary(max_size=40)
)  # fmt: skip


# -- the genesis --

storages = st.dictionaries(slots, st.sampled_from([1, 2, 2**255]), max_size=4)
contracts = st.builds(
    lambda balance, nonce, code, storage: GenesisAccount(balance, nonce, code or b"\x00", storage),
    st.sampled_from([0, 1, 10**18]), st.integers(0, 1), codes, storages,
)  # fmt: skip
# EIP-7610: at an address that a creation wants, storage without code or nonce; or just ether, which is no collision.
squatters = st.tuples(
    creations.filter(lambda creation: creation.salt is not None),
    st.integers(0, 1),
    st.sampled_from([GenesisAccount(1, storage={0: 5}), GenesisAccount(5), GenesisAccount(1, nonce=1)]),
)


# -- inputs --


@dataclass(frozen=True)
class Authorize:
    """EIP-7702: the nonce is the authority's next one plus `gap`; `sender`: it has signed this transaction too."""

    wallet: int
    target: bytes
    gap: int
    chain_id: int
    broken: bool


@dataclass(frozen=True)
class Send:
    wallet: int
    kind: int
    to: bytes
    value: int
    data: bytes
    gas: int
    authorizations: tuple[Authorize, ...]
    wrong: str  # why it must be refused; empty if only its own doing decides


@dataclass(frozen=True)
class Plan:
    contracts: tuple[GenesisAccount, ...]
    squatter: tuple[Creation, int, GenesisAccount]
    actions: tuple[object, ...]


authorizations = st.builds(
    Authorize, st.integers(0, 3), st.one_of(addresses, st.just(bytes(20)), st.just((5).to_bytes(20, "big"))),
    st.sampled_from([0, 0, 0, 1]), st.sampled_from([CHAIN_ID, 0, CHAIN_ID, 1]), st.sampled_from([False] * 5 + [True]),
)  # fmt: skip
WRONG = (
    "chain id", "nonce too low", "nonce too high", "nonce overflow", "gas cap", "intrinsic gas", "floor gas", "max fee",
    "priority fee", "funds", "signature", "initcode size", "no authorizations", "creation by type 4", "blobs", "junk",
    "unknown type", "empty", "poor", "block gas", "trailing byte", "sender has code",
)  # fmt: skip
datas = st.one_of(st.binary(max_size=40), st.sampled_from([b"", bytes(3_000), b"\x01" * 5_000]))


def _send(wallet, kind, to, value, data, gas, authorizations, wrong):
    if kind == 4 and not to:
        to = CONTRACTS[0]
    return Send(wallet, kind, to, value, data, gas, tuple(authorizations), wrong)


sends = st.builds(
    _send, st.integers(0, 2), st.sampled_from([0, 1, 2, 2, 2, 4, 4]),
    st.one_of(st.sampled_from(CONTRACTS[:2]), st.sampled_from(CONTRACTS), addresses), st.sampled_from([0, 0, 1, 10**17]),
    datas, st.sampled_from([90_000, 200_000, 600_000, 2_000_000]), st.lists(authorizations, min_size=1, max_size=3),
    st.just(""),
)  # fmt: skip
deployments = st.builds(
    lambda wallet, code, value: Send(wallet, 2, b"", value, code, 900_000, (), ""),
    st.integers(0, 2), st.one_of(st.sampled_from(list(INITCODES.values())), programs), st.sampled_from([0, 0, 1]),
)  # fmt: skip
refused = st.builds(
    lambda wallet, wrong: Send(wallet, 2, CONTRACTS[0], 0, b"", 100_000, (), wrong),
    st.integers(0, 2), st.sampled_from(WRONG),
)  # fmt: skip
withdrawals = st.lists(st.tuples(addresses, st.sampled_from([0, 1, 10**9])), max_size=3)
starts = st.builds(lambda deposits: ("start", tuple(deposits)), withdrawals)
actions = st.one_of(
    sends, sends, sends, sends, sends, deployments, refused, refused, starts, starts,
    st.sampled_from([("end",), ("skip",), ("fragment",)]),
)  # fmt: skip


def plans(max_actions: int = 9) -> st.SearchStrategy[Plan]:
    return st.builds(
        lambda contracts, squatter, actions: Plan(tuple(contracts), squatter, tuple(actions)),
        st.lists(contracts, min_size=len(CONTRACTS), max_size=len(CONTRACTS)),
        squatters,
        st.lists(actions, min_size=3, max_size=max_actions),
    )


@contextmanager
def call_depth() -> Iterator[None]:
    """Room for 1024 EVM frames: hypothesis lowers the recursion limit that py-evm sets."""
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(limit + 10 * 1024)
    try:
        yield
    finally:
        sys.setrecursionlimit(limit)


class Play:
    """A plan's chain at its genesis, and the inputs of its script."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        creation, creator, squatter = plan.squatter
        alloc: dict[bytes, GenesisAccount | int] = {wallet.address: 10**19 for wallet in WALLETS[:3]}
        alloc[CODED.address] = GenesisAccount(10**19, code=b"\x00")
        alloc |= dict(zip(CONTRACTS, plan.contracts, strict=True))
        first = plan.contracts[creator]
        alloc[CONTRACTS[creator]] = replace(first, code=creation.code() + first.code)
        alloc[creation.address(CONTRACTS[creator])] = squatter
        header, nodes, codes = build_genesis(alloc, CHAIN_ID, GAS_LIMIT, 1_000, 10**9)
        self.source = OverlaySource(nodes, codes, NoSource())
        self.headers = {header.hash: header.rlp()}
        self.start = StepState(header.state_root, header.hash)

    def machine(self) -> Machine:
        return Machine(RULES, self.source, self.start, self.headers.__getitem__)

    def inputs(self, machine: Machine) -> Iterator[Input]:
        """Each input when `machine` has executed those before it."""
        timestamp = 1_000
        for count, action in enumerate([("start", ()), *self.plan.actions]):
            following = Cursor(0, 1, count)
            if isinstance(action, Send):
                yield Transaction(sign(action, machine), following)
            elif action[0] == "start":
                timestamp += 2
                deposits = tuple(Withdrawal(i, 0, to, gwei) for i, (to, gwei) in enumerate(action[1]))
                yield BlockStart(
                    BlockAttributes(
                        timestamp, b"\xfe" * 20, bytes(31) + b"\x07", GAS_LIMIT, b"\x08" * 32, b"", deposits
                    ),
                    following,
                )
            else:
                yield {
                    "end": BatchEnd(following), "skip": Skip(following), "fragment": Fragment(b"piece", following)
                }[action[0]]  # fmt: skip


def sign(send: Send, machine: Machine) -> bytes:
    """The transaction of a `Send` where `machine` stands."""
    wallet = {"poor": WALLETS[3], "sender has code": CODED}.get(send.wrong, WALLETS[send.wallet])
    nonce = machine.world.get_nonce(wallet.address)
    fields = {
        "chain_id": CHAIN_ID, "nonce": nonce, "gas": send.gas, "to": send.to, "value": send.value, "data": send.data
    }  # fmt: skip
    fees = {"tip": 10**8, "fee": 5 * 10**9}
    extra: dict = {"kind": send.kind}
    if send.kind == 4:
        extra["authorizations"] = [_authorization(a, machine, wallet) for a in send.authorizations]
    if send.kind in (1, 2):
        extra["access_list"] = [(send.to or NOBODY, (0, 1))]
    match send.wrong:
        case "chain id":
            fields["chain_id"] = 1
        case "nonce too low":
            fields["nonce"] = max(nonce - 1, 0)
        case "nonce too high":
            fields["nonce"] += 1
        case "nonce overflow":
            fields["nonce"] = 2**64 - 1
        case "gas cap":
            fields["gas"] = 2**24 + 1
        case "block gas":
            fields["gas"] = 2**24  # two of them don't fit into a block
        case "intrinsic gas":
            fields["gas"] = 20_999
        case "floor gas":
            fields |= {"gas": 25_500, "data": b"\x01" * 200}
            extra["access_list"] = []
        case "max fee":
            fees = {"tip": 1, "fee": 10}
        case "priority fee":
            fees = {"tip": 10**11, "fee": 10**10}
        case "funds":
            fields["value"] = 10**21
        case "initcode size":
            fields |= {"to": b"", "data": bytes(49_153), "gas": 2**23}
        case "no authorizations":
            extra = {"kind": 4, "authorizations": []}
        case "creation by type 4":
            extra, fields["to"] = {"kind": 4, "authorizations": []}, b""
        case "blobs":
            extra = {"kind": 3, "blob_hashes": [b"\x01" * 32]}
        case "junk":
            return b"\x02\xc3\x01\x02\x03"
        case "unknown type":
            return b"\x05\xc0"
        case "empty":
            return b""
    if extra["kind"] == 0:
        return wallet.legacy(gas_price=2 * 10**9, **fields)
    raw = wallet.typed(**fees, **fields, **extra)
    if send.wrong == "trailing byte":
        return raw + b"\x00"
    return raw[:-33] + b"\xa0" + b"\xff" * 32 if send.wrong == "signature" else raw


def _authorization(authorize: Authorize, machine: Machine, sender: Wallet) -> bytes:
    wallet = WALLETS[authorize.wallet]
    nonce = machine.world.get_nonce(wallet.address) + authorize.gap + (wallet == sender)
    if authorize.broken:
        fields = encode_int(CHAIN_ID) + b"\x94" + authorize.target + encode_int(nonce)
        return wrap_list(fields + b"\x01\x01\xa0" + b"\xff" * 32)
    return wallet.authorize(authorize.target, nonce, authorize.chain_id)
