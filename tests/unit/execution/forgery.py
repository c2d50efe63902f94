"""Consistent forgeries: blocks that break a rule and are executed all the same, with header and state to match.

A liar runs our own engine with the rule taken out of it. What comes out holds together: the roots, the gas used, the
receipts and the bloom are those of the lie, and so an engine that only compares what it gets with the header, or that
lacks the same rule, would call it valid.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from unittest.mock import patch

from execution import block as block_module
from execution import processing
from execution.block import BlockBuilder, SealedBlock
from execution.block_import import attributes_of, decode_block
from execution.encoding import keccak
from execution.errors import InvalidBlock, InvalidTransaction
from execution.header import Header, ancestor_hashes
from execution.requests import InvalidDepositEvent, deposit_requests
from execution.rules import Rules
from execution.transactions import SignedTransaction, decode_transaction
from execution.types import BlockAttributes
from execution.world import WorldState

Pretended = Mapping[bytes, SignedTransaction]
_NO_SIGNATURE = b"\xfa" * 20


@contextmanager
def lying(pretended: Pretended) -> Iterator[None]:
    """Within it, our engine includes any transaction and takes any attributes."""

    def decode(raw: bytes) -> SignedTransaction:
        try:
            tx = pretended[raw] if raw in pretended else decode_transaction(raw)
        except InvalidTransaction:
            tx = _taken_for_a_transfer(raw)
        return tx._replace(gas_limit=max(tx.gas_limit, tx.intrinsic_gas, tx.floor_gas))

    def check(rules, state, tx, block_gas_left, blob_gas_used) -> int:
        base_fee = state.execution_context.base_fee_per_gas
        price = max(min(tx.max_fee_per_gas, base_fee + tx.max_priority_fee_per_gas), base_fee)
        blob_fee = len(tx.blob_versioned_hashes) * processing.GAS_PER_BLOB * state.blob_base_fee
        missing = tx.gas_limit * price + blob_fee + tx.value - state.world.get_balance(tx.sender)
        if missing > 0:
            state.world.delta_balance(tx.sender, missing)
        return price

    def deposits(logs) -> bytes:
        try:
            return deposit_requests(logs)
        except InvalidDepositEvent:
            return b""

    with ExitStack() as patches:
        for module, name, lie in (
            (block_module, "decode_transaction", decode),
            (block_module, "deposit_requests", deposits),
            (block_module, "gas_limit_allowed", lambda *_: True),
            (block_module, "MAX_EXTRA_DATA", 1 << 20),
            (processing, "check_transaction", check),
        ):
            patches.enter_context(patch.object(module, name, lie))
        yield


def _taken_for_a_transfer(raw: bytes) -> SignedTransaction:
    return SignedTransaction(
        0, None, 0, 10**9, 10**9, 21_000, b"\xfb" * 20, 1, b"", (), 0, (), (), 27, 1, 1, _NO_SIGNATURE,
        keccak(raw), 21_000, 21_000,
    )  # fmt: skip


class Liar(BlockBuilder):
    """A builder that leaves out what its subclass says it leaves out; system contracts may fail without harm."""

    def _requests(self) -> tuple[bytes, ...]:
        try:
            return super()._requests()
        except InvalidBlock:
            return ()


class NoSystemCalls(Liar):
    def _system_call(self, address: bytes, data: bytes):
        return None


class NoWithdrawals(Liar):
    """In the header and the body, but nobody gets them."""

    def seal(self) -> SealedBlock:
        with patch.object(self.world, "delta_balance", lambda address, delta: None):
            return super().seal()


class NoRequests(Liar):
    """The system contracts are called, what they say is left out."""

    def _requests(self) -> tuple[bytes, ...]:
        super()._requests()
        return ()


class WrongBaseFee(Liar):
    @classmethod
    def open(cls, rules, world, parent, attributes, block_hashes, budget=None):
        with patch.object(block_module, "next_base_fee", lambda parent: max(parent.base_fee_per_gas // 2, 1)):
            return super().open(rules, world, parent, attributes, block_hashes, budget)


class WrongExcessBlobGas(Liar):
    @classmethod
    def open(cls, rules, world, parent, attributes, block_hashes, budget=None):
        with patch.object(block_module, "next_excess_blob_gas", lambda parent: parent.excess_blob_gas + 1):
            return super().open(rules, world, parent, attributes, block_hashes, budget)


class AnyTime(Liar):
    """The timestamp need not be above the parent's."""

    @classmethod
    def open(cls, rules, world, parent, attributes, block_hashes, budget=None):
        earlier = replace(parent, timestamp=attributes.timestamp - 1)
        earlier.__dict__["hash"] = parent.hash  # cached: the header itself is not changed
        return super().open(rules, world, earlier, attributes, block_hashes, budget)


def forge(
    chain_id: int,
    world: WorldState,
    parent: Header,
    headers: Mapping[bytes, bytes],
    attributes: BlockAttributes,
    transactions: tuple[bytes, ...],
    *,
    builder: type[BlockBuilder] = Liar,
    pretended: Pretended | None = None,
    block_hashes: Callable[[int], bytes] | None = None,
) -> SealedBlock:
    """A block on `parent` in which every one of `transactions` is executed. `world` stays as it is."""
    rules = Rules(chain_id, blobs=True, tx_gas_cap=None)
    hashes = block_hashes or ancestor_hashes(parent.hash, parent.number, headers.__getitem__)
    with lying(pretended or {}):
        made = builder.open(rules, world.copy(), parent, attributes, hashes)
        for raw in transactions:
            made.apply(raw)
        return made.seal()


def attributes_in(block: bytes) -> BlockAttributes:
    header, _, withdrawals = decode_block(block)
    return attributes_of(header, withdrawals)
