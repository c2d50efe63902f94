"""Judging a full block: every rule of a Prague execution client, header included."""

from __future__ import annotations

from collections.abc import Callable

from execution.block import BlockBuilder, SealedBlock
from execution.encoding import Rlp, RlpError, as_bytes, as_int, as_list, decode, header
from execution.errors import InvalidBlock, InvalidTransaction
from execution.header import EMPTY_OMMERS_HASH, ZERO_NONCE, Header, differing_fields, header_from_items
from execution.rules import Rules
from execution.types import BlockAttributes, Withdrawal
from execution.world import WorldState

DecodedBlock = tuple[Header, tuple[bytes, ...], tuple[Withdrawal, ...]]


def import_block(
    rules: Rules,
    world: WorldState,
    parent: Header,
    block_rlp: bytes,
    block_hashes: Callable[[int], bytes],
) -> SealedBlock:
    """Executes a block on its parent's state. Raises InvalidBlock; then `world` is of no more use."""
    claimed, transactions, withdrawals = decode_block(block_rlp)
    _check_header(claimed, parent)
    builder = BlockBuilder.open(rules, world, parent, attributes_of(claimed, withdrawals), block_hashes)
    if claimed.base_fee_per_gas != builder.base_fee_per_gas:
        raise InvalidBlock(f"base fee {claimed.base_fee_per_gas}, {builder.base_fee_per_gas} expected")
    if claimed.excess_blob_gas != builder.excess_blob_gas:
        raise InvalidBlock(f"excess blob gas {claimed.excess_blob_gas}, {builder.excess_blob_gas} expected")
    for index, raw in enumerate(transactions):
        try:
            builder.apply(raw)
        except InvalidTransaction as error:
            raise InvalidBlock(f"transaction {index}: {error}") from error
    sealed = builder.seal()
    if sealed.hash != claimed.hash:
        raise InvalidBlock(f"wrong in the header: {', '.join(differing_fields(sealed.header, claimed))}")
    return sealed


def decode_block(block_rlp: bytes) -> DecodedBlock:
    """Raises InvalidBlock unless it is canonical RLP of [header, transactions, no ommers, withdrawals]."""
    try:
        header_items, transactions, ommers, withdrawals = as_list(decode(block_rlp), 4)
        if ommers != []:
            raise RlpError("a block after the Merge has no ommers")
        return (
            header_from_items(as_list(header_items)),
            _transactions(block_rlp, as_list(transactions)),
            tuple(_withdrawal(item) for item in as_list(withdrawals)),
        )
    except RlpError as error:
        raise InvalidBlock(f"malformed block: {error}") from None


def attributes_of(block: Header, withdrawals: tuple[Withdrawal, ...]) -> BlockAttributes:
    return BlockAttributes(
        timestamp=block.timestamp,
        fee_recipient=block.fee_recipient,
        prev_randao=block.prev_randao,
        gas_limit=block.gas_limit,
        parent_beacon_block_root=block.parent_beacon_block_root,
        extra_data=block.extra_data,
        withdrawals=withdrawals,
    )


def _check_header(claimed: Header, parent: Header) -> None:
    """What no header sealed here can have wrong; gas limit, timestamp and extra data are checked in `open`."""
    expected = {
        "parent_hash": parent.hash,
        "number": parent.number + 1,
        "ommers_hash": EMPTY_OMMERS_HASH,
        "difficulty": 0,
        "nonce": ZERO_NONCE,
    }
    for name, value in expected.items():
        if getattr(claimed, name) != value:
            raise InvalidBlock(f"{name} is {getattr(claimed, name)!r}, {value!r} expected")
    if claimed.gas_used > claimed.gas_limit:
        raise InvalidBlock(f"gas used {claimed.gas_used} over the limit {claimed.gas_limit}")


def _transactions(block_rlp: bytes, items: list[Rlp]) -> tuple[bytes, ...]:
    """EIP-2718 bytes: a legacy transaction is a list in the block, the others are byte strings."""
    _, start, end = header(block_rlp, 0, len(block_rlp))
    _, _, after_header = header(block_rlp, start, end)
    _, pos, _ = header(block_rlp, after_header, end)
    transactions = []
    for item in items:
        _, _, stop = header(block_rlp, pos, end)
        if isinstance(item, list):
            transactions.append(block_rlp[pos:stop])
        elif not item or item[0] >= 0xC0:
            raise RlpError("a legacy transaction wrapped in a byte string")
        else:
            transactions.append(item)
        pos = stop
    return tuple(transactions)


def _withdrawal(item: Rlp) -> Withdrawal:
    index, validator_index, address, amount = as_list(item, 4)
    return Withdrawal(as_int(index, 8), as_int(validator_index, 8), as_bytes(address, 20), as_int(amount, 8))
