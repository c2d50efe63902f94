"""A small L2 and random inputs for it: transfers, contracts that read and write all sorts of state, and much that
can't be included."""

from dataclasses import dataclass

from hypothesis import strategies as st

from execution.genesis import GenesisAccount, build_genesis
from execution.rules import Rules
from execution.step import OverlaySource
from execution.trie import NoSource
from execution.types import (
    BatchEnd,
    BlockAttributes,
    BlockStart,
    Cursor,
    Fragment,
    Skip,
    StepState,
    Transaction,
    Withdrawal,
)
from tests.unit.execution.wallet import Wallet

CHAIN_ID = 42069
RULES = Rules(CHAIN_ID)
WALLETS = [Wallet.number(1000 + i) for i in range(3)]
POOR = Wallet.number(2000)

# storage[calldata word 0] = calldata word 1, and a log of it
STORE = bytes.fromhex("602035" + "5f35" + "55" + "5f355f52" + "602035" + "60205fa1" + "00")
# creates the calldata as initcode with CREATE2 (salt 1), calls what came out, keeps its address
FACTORY = bytes.fromhex("365f5f37" + "6001365f5f" + "f5" + "80" + "5f55" + "5f5f5f5f5f855af1" + "00")
# BLOCKHASH(number - calldata word 0) into slot 0
ANCESTOR = bytes.fromhex("5f35430340" + "5f55" + "00")
# BALANCE, EXTCODESIZE, EXTCODEHASH of the address in calldata, summed into slot 1
READER = bytes.fromhex("5f3531" + "5f353b" + "01" + "5f353f" + "01" + "600155" + "00")
REVERT = bytes.fromhex("60015f555f5ffd")
# initcode: stores 1 in slot 0, deploys `selfdestruct(caller)`
MORTAL_INIT = bytes.fromhex("60015f55" + "6133ff5f52" + "6002601ef3")
CONTRACTS = {
    bytes([0xC0 + i]) * 20: code for i, code in enumerate((STORE, FACTORY, ANCESTOR, READER, REVERT))
}
STORE_AT, FACTORY_AT, ANCESTOR_AT, READER_AT, REVERT_AT = CONTRACTS

GENESIS, NODES, CODES = build_genesis(
    {wallet.address: 10**20 for wallet in WALLETS}
    | {address: GenesisAccount(nonce=1, code=code, storage={7: 7, 8: 8}) for address, code in CONTRACTS.items()},
    CHAIN_ID, 30_000_000, 1_000, 10**9,
)  # fmt: skip
SOURCE = OverlaySource(NODES, CODES, NoSource())
HEADERS = {GENESIS.hash: GENESIS.rlp()}
START = StepState(GENESIS.state_root, GENESIS.hash)


def word(value: int) -> bytes:
    return value.to_bytes(32, "big")


def attributes(timestamp: int, withdrawals=()) -> BlockAttributes:
    return BlockAttributes(
        timestamp, b"\xfe" * 20, word(timestamp), 30_000_000, word(timestamp + 1), b"", tuple(withdrawals)
    )


@dataclass(frozen=True)
class Send:
    """A transaction whose nonce is the sender's next one plus `gap`."""

    wallet: int
    kind: int
    to: bytes
    value: int
    data: bytes
    gas: int
    gap: int
    chain_id: int


small = st.integers(0, 9)
address = st.sampled_from([*CONTRACTS, WALLETS[0].address, b"\x99" * 20, word(4)[12:]])
calls = st.one_of(
    st.tuples(st.just(STORE_AT), st.builds(lambda a, b: word(a) + word(b), small, small)),
    st.tuples(
        st.just(FACTORY_AT), st.sampled_from([MORTAL_INIT, b"", b"\xfe", bytes.fromhex("60ef5f5360015ff3")])
    ),
    st.tuples(st.just(ANCESTOR_AT), st.builds(word, st.integers(0, 4))),
    st.tuples(st.just(READER_AT), st.builds(lambda a: a.rjust(32, b"\0"), address)),
    st.tuples(address, st.binary(max_size=8)),
    st.tuples(st.just(b""), st.sampled_from([MORTAL_INIT, b"\xfe"])),
)
sends = st.builds(
    lambda wallet, kind, call, value, gas, gap, chain_id: Send(
        wallet, kind, call[0], value, call[1], gas, gap, chain_id
    ),
    st.integers(0, 2),
    st.sampled_from([0, 1, 2, 2, 4, 3]),
    calls,
    st.sampled_from([0, 0, 1, 10**18, 10**21]),
    st.sampled_from([20_000, 60_000, 200_000, 400_000, 31_000_000]),
    st.sampled_from([0, 0, 0, 0, 0, 0, 1, -1]),
    st.sampled_from([CHAIN_ID] * 7 + [1]),
)
scripts = st.lists(
    st.one_of(
        sends, sends, sends, st.sampled_from(["start", "start", "end", "skip", "fragment", "garbage", "poor"])
    ),
    min_size=1,
    max_size=12,
)


def sign(send: Send, nonce: int) -> bytes:
    wallet = WALLETS[send.wallet]
    common = {"nonce": max(nonce + send.gap, 0), "gas": send.gas, "to": send.to, "value": send.value}
    common |= {"data": send.data, "chain_id": send.chain_id}
    if send.kind == 0:
        return wallet.legacy(gas_price=2 * 10**9, **common)
    extra = {}
    if send.kind == 4:
        other = WALLETS[(send.wallet + 1) % 3]
        extra["authorizations"] = [other.authorize(STORE_AT, 0, CHAIN_ID), b"\xc6" + bytes([0x80]) * 6][:1]
    if send.kind == 3:
        extra["blob_hashes"] = [b"\x01" * 32]
    if send.kind in (1, 2):
        extra["access_list"] = [(send.to or bytes(20), (7,))]
    return wallet.typed(kind=send.kind, tip=10**8, fee=3 * 10**9, **common, **extra)


def inputs_of(script, machine):
    """Runs the script on `machine`; yields each input before it is executed."""
    timestamp = 1_000
    for count, action in enumerate(["start", *script]):
        following = Cursor(0, 1, count)
        if action == "start":
            timestamp += 2
            deposits = [Withdrawal(count, 0, b"\x77" * 20, 5), Withdrawal(count + 1, 0, POOR.address, 0)]
            item = BlockStart(attributes(timestamp, deposits[: count % 3]), following)
        elif action == "end":
            item = BatchEnd(following)
        elif action == "skip":
            item = Skip(following)
        elif action == "fragment":
            item = Fragment(bytes([count]) * 5, following)
        elif action == "garbage":
            item = Transaction(b"\x02" + bytes([count]) * 9, following)
        elif action == "poor":
            item = Transaction(POOR.typed(chain_id=CHAIN_ID, to=b"\x99" * 20, gas=21_000), following)
        else:
            nonce = machine.world.get_nonce(WALLETS[action.wallet].address)
            item = Transaction(sign(action, nonce), following)
        yield item
