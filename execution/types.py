"""The data a rollup step is made of (docs/protocol.md, "Step"). Solidity's twin is `solidity/src/Types.sol`.

Everything here is an immutable value. Integers are unsigned; amounts are wei unless said otherwise,
`Withdrawal.amount` is Gwei as in EIP-4895, times are seconds since the Unix epoch.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TypeAlias

ZERO_HASH = b"\x00" * 32
EMPTY_BLOOM = b"\x00" * 256


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """EIP-4895. On L2 this is how a deposit arrives. `address` 20 bytes; `amount` in Gwei."""

    index: int
    validator_index: int
    address: bytes
    amount: int


@dataclass(frozen=True, slots=True)
class BlockAttributes:
    """What Ethereum's consensus layer would hand to the execution layer (Engine API PayloadAttributes)."""

    timestamp: int
    fee_recipient: bytes  # 20 bytes
    prev_randao: bytes  # 32 bytes
    gas_limit: int
    parent_beacon_block_root: bytes  # 32 bytes (EIP-4788); on L2 the L1 origin's block hash
    extra_data: bytes = b""  # at most 32 bytes
    withdrawals: tuple[Withdrawal, ...] = ()


@dataclass(frozen=True, slots=True)
class OpenBlock:
    """The block under construction: what its header will say, and the roots over its items so far."""

    number: int
    attributes: BlockAttributes
    base_fee_per_gas: int
    excess_blob_gas: int
    transaction_count: int
    gas_used: int
    logs_bloom: bytes  # 256 bytes
    transactions_root: bytes  # MPT root over the transactions so far
    receipts_root: bytes  # MPT root over the receipts so far
    deposit_requests: bytes  # EIP-6110 request data so far, concatenated in log order


@dataclass(frozen=True, slots=True, order=True)
class Cursor:
    """Where derivation stands: the source of the next Input (docs/protocol.md, "Cursor").

    chunk 0 is the part derived from L1 alone (item 0 the BlockStart, items 1.. the forced transactions);
    chunk c in 1..chunk_count is data chunk c-1 of the batch; chunk_count+1 is the BatchEnd.
    """

    batch: int = 0
    chunk: int = 0
    item: int = 0


@dataclass(frozen=True, slots=True)
class StepState:
    """Everything needed to go on from here. `open` is None between BatchEnd and the next BlockStart."""

    state_root: bytes
    block_hash: bytes  # hash of the last sealed header
    open: OpenBlock | None = None
    fragments_hash: bytes = ZERO_HASH  # keccak chain over the pending Fragments, zero if none
    fragments_size: int = 0  # bytes in them
    cursor: Cursor = field(default_factory=Cursor)

    def at(self, cursor: Cursor) -> StepState:
        return replace(self, cursor=cursor)


@dataclass(frozen=True, slots=True)
class BlockStart:
    """Seals the open block if there is one, opens the next."""

    attributes: BlockAttributes
    next: Cursor = field(default_factory=Cursor)


@dataclass(frozen=True, slots=True)
class Transaction:
    """Executes one signed transaction (EIP-2718 bytes); a no-op if it can't be included."""

    raw: bytes
    next: Cursor = field(default_factory=Cursor)


@dataclass(frozen=True, slots=True)
class Fragment:
    """Part, but not the last, of a transaction larger than a chunk: only accumulated."""

    data: bytes
    next: Cursor = field(default_factory=Cursor)


@dataclass(frozen=True, slots=True)
class Skip:
    """An empty or malformed chunk, or an item the rules of derivation refuse: only the cursor moves."""

    next: Cursor = field(default_factory=Cursor)


@dataclass(frozen=True, slots=True)
class BatchEnd:
    """Seals the open block: withdrawals, requests, header."""

    next: Cursor = field(default_factory=Cursor)


Input: TypeAlias = BlockStart | Transaction | Fragment | Skip | BatchEnd


@dataclass(frozen=True, slots=True)
class Witness:
    """The shape of debug_executionWitness. `headers` are RLP, the parent of the first block first."""

    state: tuple[bytes, ...] = ()  # RLP of MPT nodes
    codes: tuple[bytes, ...] = ()
    headers: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class Trace:
    """What EXECUTE is given: (pre, inputs) -> post under `fork`, and the witness to check it statelessly.

    `tx_gas_cap` is the rollup's limit of one transaction's gas (a transaction over it is a no-op), 0 for none.
    """

    chain_id: int
    fork: str  # "prague"
    tx_gas_cap: int
    pre: StepState
    post: StepState
    inputs: tuple[Input, ...]
    witness: Witness
