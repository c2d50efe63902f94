"""A whole block, with a witness of its parent's state, as a trace for EXECUTE: `BlockStart`, its transactions, `BatchEnd`.

The trace ends in a StepState whose block hash is the block's. EXECUTE seals a header of its own making and compares, so
nothing a header says has to be believed. What that comparison can't see is checked here: an invalid transaction is a
no-op for a rollup and leaves no mark, so the header must have the body's own transactions root; and the state that the
witness proves must be the parent's.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from execution.block import encode_withdrawal
from execution.block_import import attributes_of, decode_block
from execution.encoding import RlpError, encode_int, keccak
from execution.errors import InvalidBlock
from execution.header import Header, decode_header
from execution.transactions import BLOB
from execution.trie import NoSource, Trie
from execution.types import BatchEnd, BlockStart, Cursor, Input, StepState, Trace, Transaction, Witness

FORK = "prague"
_BLOCK_START, _BATCH_END = Cursor(0, 1, 0), Cursor(1, 0, 0)
_UINT64 = 1 << 64


@dataclass(frozen=True, slots=True)
class BlockClaim:
    """That `block` (RLP, canonical) is valid on the state `pre_state_root` and ends at `post_state_root`.

    `witness.headers` holds the parent's header, and those of older ancestors if BLOCKHASH asks for them.
    """

    pre_state_root: bytes
    post_state_root: bytes
    gas_used: int
    chain_id: int
    fork: str
    block: bytes
    witness: Witness


def trace_of_block(claim: BlockClaim) -> Trace:
    """What EXECUTE has to find true for the claim to be. Raises InvalidBlock where nothing has to be executed to
    see that it is false."""
    if claim.fork.lower() != FORK:
        raise InvalidBlock(f"fork {claim.fork[:32]!r}, only Prague is known")
    if claim.chain_id >= _UINT64:
        raise InvalidBlock(f"chain id {claim.chain_id:#x} has more than 64 bits")
    header, transactions, withdrawals = decode_block(claim.block)
    for name, claimed, found in (
        ("gasUsed", claim.gas_used, header.gas_used),
        ("postStateRoot", claim.post_state_root, header.state_root),
        ("preStateRoot", claim.pre_state_root, _parent(header, claim.witness).state_root),
    ):
        if claimed != found:
            whose = "the parent header's" if name == "preStateRoot" else "the header's"
            raise InvalidBlock(f"{name} is {_shown(claimed)}, {whose} {_shown(found)}")
    for index, raw in enumerate(transactions):
        if raw[0] == BLOB:
            raise InvalidBlock(f"transaction {index} carries blobs: a native rollup executes none")
    for name, claimed, items in (
        ("transactions root", header.transactions_root, transactions),
        ("withdrawals root", header.withdrawals_root, map(encode_withdrawal, withdrawals)),
    ):
        if claimed != (found := _root_of(items)):
            raise InvalidBlock(f"the header's {name} is {_shown(claimed)}, the body's {_shown(found)}")
    inputs: list[Input] = [BlockStart(attributes_of(header, withdrawals), _BLOCK_START)]
    inputs += [Transaction(raw, Cursor(0, 1, index + 1)) for index, raw in enumerate(transactions)]
    inputs.append(BatchEnd(_BATCH_END))
    return Trace(
        chain_id=claim.chain_id,
        fork=FORK,
        tx_gas_cap=0,
        pre=StepState(claim.pre_state_root, header.parent_hash),
        post=StepState(claim.post_state_root, header.hash, cursor=_BATCH_END),
        inputs=tuple(inputs),
        witness=claim.witness,
    )


def _parent(header: Header, witness: Witness) -> Header:
    """Wherever it stands among the headers: geth lists them from the parent back, reth up to the parent."""
    for encoded in witness.headers:
        if keccak(encoded) == header.parent_hash:
            try:
                return decode_header(encoded)
            except RlpError as error:
                raise InvalidBlock(f"malformed parent header: {error}") from None
    raise InvalidBlock(f"the witness has no header of the parent 0x{header.parent_hash.hex()}")


def _root_of(items: Iterable[bytes]) -> bytes:
    """The root of the MPT over `items` by RLP of their index."""
    trie = Trie(NoSource())
    for index, item in enumerate(items):
        trie.set(encode_int(index), item)
    return trie.root()


def _shown(value: int | bytes) -> str:
    return str(value) if isinstance(value, int) else f"0x{value.hex()}"
