"""Deposits are found in L2's blocks also across reorgs; what could only be a no-op is not forced; token amounts are exact."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from eth_account import Account
from hypothesis import given
from hypothesis import strategies as st

from bridge.deposits import Credit, CreditWatch
from bridge.errors import BridgeError
from bridge.forced import MAX_FORCED_SIZE, check_forced
from bridge.messages import DepositMessage, messages_in
from bridge.tokens import parse_units, show_units
from execution.encoding import keccak
from l1.artifacts import artifact

CHAIN, CAP = 42069, 2**24


class Chain:
    """As much of an L2 node as CreditWatch asks. Blocks are (parent's hash, hash, deposits)."""

    def __init__(self) -> None:
        self.blocks: list[dict[str, Any]] = []
        self.asked = 0

    def add(self, *deposits: int, salt: str = "") -> None:
        parent = self.blocks[-1]["hash"] if self.blocks else "0x" + "00" * 32
        number = len(self.blocks)
        self.blocks.append({
            "parentHash": parent, "hash": "0x" + keccak(f"{parent} {number} {salt}".encode()).hex(),
            "withdrawals": [{"index": hex(each), "address": "0x" + "0d" * 20, "amount": hex(each + 1)} for each in deposits]})

    async def head(self) -> Any:
        return type("Head", (), {"number": len(self.blocks) - 1})

    async def request(self, method: str, params: list[Any]) -> Any:
        self.asked += 1
        number = int(params[0], 16)
        return self.blocks[number] if number < len(self.blocks) else None


async def test_a_deposit_is_found_once_it_is_there_and_each_block_is_read_once() -> None:
    chain = Chain()
    for deposits in ((), (0, 1), ()):
        chain.add(*deposits)
    watch = CreditWatch(chain, 2, 0)  # type: ignore[arg-type]
    assert await watch.look() is None and await watch.look() is None
    assert chain.asked == 3
    chain.add(2, 3)
    assert await watch.look() == Credit(3, b"\x0d" * 20, 3 * 10**9)


async def test_a_reorg_takes_it_elsewhere() -> None:
    chain = Chain()
    for deposits in ((), (), ()):
        chain.add(*deposits)
    watch = CreditWatch(chain, 7, 0)  # type: ignore[arg-type]
    assert await watch.look() is None
    del chain.blocks[1:]
    chain.add(7, salt="other")
    assert await watch.look() is None  # the chain is shorter than before: nothing new to see yet
    for _ in range(3):
        chain.add(salt="other")
    assert await watch.look() == Credit(1, b"\x0d" * 20, 8 * 10**9)


def signed(**changes: Any) -> bytes:
    fields = {"chainId": CHAIN, "nonce": 0, "to": b"\x0d" * 20, "value": 1, "gas": 21_000, "maxFeePerGas": 10**9,
              "maxPriorityFeePerGas": 1, **changes}
    return bytes(Account.from_key(b"\x01" * 32).sign_transaction(fields).raw_transaction)


def test_what_may_be_forced() -> None:
    assert check_forced(signed(), CHAIN, CAP).value == 1
    assert check_forced(signed(gas=CAP), CHAIN, CAP) and check_forced(signed(gas=CAP + 1), CHAIN, 0)


@pytest.mark.parametrize(("raw", "why"), [
    (b"", "32,768"), (b"\x02" + bytes(MAX_FORCED_SIZE), "32,768"), (b"\x02\xc0", "no transaction"), (b"\x7f" * 100, "no transaction"),
    (signed(chainId=1), "for chain 1"), (signed(gas=CAP + 1), "at most"), (signed(gas=20_999), "at least 21,000"),
    (signed(data=b"\x01" * 1000, gas=25_000), "at least"),
])  # fmt: skip
def test_what_could_only_be_a_no_op(raw: bytes, why: str) -> None:
    with pytest.raises(BridgeError, match=why):
        check_forced(raw, CHAIN, CAP)


@given(st.integers(0, 2**256 - 1), st.integers(0, 77))
def test_amounts_go_round(amount: int, decimals: int) -> None:
    text = show_units(amount, decimals)
    assert parse_units(text, decimals) == amount
    assert Decimal(text) == Decimal(amount).scaleb(-decimals, None) or len(str(amount)) > 28  # Decimal's default precision
    assert parse_units(f"{text} ABC", decimals, "abc") == amount


@pytest.mark.parametrize("text", ["", "x", "-1", "1.2.3", "1e5", "1 2", "1 DAI", "0.0000001", "9" * 200, "１"])
def test_amounts_that_are_none(text: str) -> None:
    with pytest.raises(ValueError):
        parse_units(text, 6, "USDC")


addresses = st.binary(min_size=20, max_size=20)
deposit_messages = st.builds(
    DepositMessage, st.integers(0, 2**256 - 1), addresses, addresses, st.integers(0, 2**256 - 1), addresses, st.binary(max_size=100))


@given(deposit_messages, st.booleans())
def test_messages_are_read_from_receipts(message: DepositMessage, elsewhere: bool) -> None:
    from eth_abi import encode as abi_encode

    shape = next(each for each in artifact("Portal").events.values() if each.name == "MessageSent")
    portal, other = b"\x0a" * 20, b"\x0b" * 20
    log = {
        "address": "0x" + (other if elsewhere else portal).hex(),
        "topics": ["0x" + each.hex() for each in (shape.topic, message.nonce.to_bytes(32, "big"), message.hash)],
        "data": "0x" + abi_encode([kind for _, kind in shape.plain], [message.as_tuple()]).hex(),
        "blockNumber": "0x5", "blockHash": "0x" + "05" * 32, "transactionHash": "0x" + "06" * 32, "logIndex": "0x0"}
    found = messages_in({"logs": [log]}, portal)
    assert [each.message for each in found] == ([] if elsewhere else [message])
