"""Builds the embedded L1's blocks: which transactions, which attributes, what the EXECUTE meter leaves behind.

Synchronous: the node runs it on its building thread.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Protocol

from chain.admission import BLOB_TYPE
from chain.canonical import Switch
from chain.mempool import PooledTransaction
from chain.store import ChainStore
from execution.block import BlockBuilder, SealedBlock
from execution.encoding import keccak
from execution.errors import InvalidTransaction, Rejection
from execution.header import Header
from execution.rules import Rules
from execution.types import BlockAttributes
from execution.world import WorldState
from l1.blobs import Sidecar
from l1.embedded.beacon import beacon_root, root_record_key
from l1.embedded.meter import BlockMeter
from l1.embedded.settings import EmbeddedL1Settings
from l1.embedded.sidecars import encode_record, record_key, record_prefix

WAIT = frozenset(
    {
        Rejection.BLOCK_GAS, Rejection.BLOB_GAS, Rejection.MAX_FEE, Rejection.BLOB_FEE,
        Rejection.NONCE_TOO_HIGH, Rejection.INSUFFICIENT_FUNDS,
    }
)  # fmt: skip
"""Refusals that a later block may not repeat: the transaction stays in the pool."""

StateEdit = Callable[[WorldState], None]
"""A change to the state outside of any transaction (anvil_setBalance), made before a block's transactions."""


HeaderEdit = Callable[[Header], Header]
"""A change to an empty block's header that its parent does not account for (verdict_setPrices)."""


class Candidates(Protocol):
    """Transactions in the order they shall be tried; see chain.mempool.BestTransactions."""

    def __iter__(self) -> Iterator[PooledTransaction]: ...
    def skip_sender(self) -> None: ...


MIN_TRANSACTION_GAS = 21_000


class ExecutionCrashed(Exception):
    """Executing this transaction (by hash) broke the engine: a mistake there. It must not be tried again."""

    def __init__(self, tx_hash: bytes) -> None:
        super().__init__(f"executing transaction 0x{tx_hash.hex()} failed")
        self.tx_hash = tx_hash


@dataclass(frozen=True, slots=True)
class Produced:
    """A block that has been stored. `refused`: hashes of transactions that can never be included."""

    sealed: SealedBlock
    switch: Switch
    refused: tuple[bytes, ...]


class BlockProducer:
    """Stores every block it makes."""

    def __init__(self, store: ChainStore, rules: Rules, settings: EmbeddedL1Settings) -> None:
        self._store = store
        self._rules = rules
        self._settings = settings

    def attributes(self, parent: Header, timestamp: int, salt: bytes = b"") -> BlockAttributes:
        """Of a block on `parent`. `salt` makes another prev_randao, and so another block."""
        return BlockAttributes(
            timestamp=timestamp,
            fee_recipient=self._settings.fee_recipient,
            prev_randao=keccak(parent.prev_randao + parent.hash + salt),
            gas_limit=self._settings.gas_limit,
            parent_beacon_block_root=beacon_root(parent.hash),
        )

    def open(self, parent: Header, timestamp: int, salt: bytes = b"") -> tuple[BlockBuilder, WorldState]:
        """A builder on `parent` and the world it works on."""
        world = self._store.world_at(parent)
        attributes = self.attributes(parent, timestamp, salt)
        hashes = self._store.block_hashes(parent)
        return BlockBuilder.open(self._rules, world, parent, attributes, hashes), world

    def produce(
        self,
        parent: Header,
        timestamp: int,
        candidates: Candidates | None,
        *,
        salt: bytes = b"",
        edits: Iterable[StateEdit] = (),
        amend: HeaderEdit | None = None,
        make_head: bool = True,
    ) -> Produced:
        """Builds, seals and stores one block of those candidates that fit."""
        builder, world = self.open(parent, timestamp, salt)
        for edit in edits:
            edit(world)
        included, refused = _fill(builder, candidates, self._settings.execute.time_limit)
        meter = builder.state.dues
        assert isinstance(meter, BlockMeter)
        meter.end_block(timestamp - parent.timestamp)
        sealed = builder.seal()
        if amend is not None:
            sealed = replace(sealed, header=amend(sealed.header))
        switch = self._store.put_block(
            sealed,
            world.new_nodes(),
            world.new_codes(),
            senders=[pooled.sender for pooled in included],
            meta=self._records(sealed.header, included),
            make_head=make_head,
        )
        return Produced(sealed, switch, tuple(refused))

    def _records(self, header: Header, included: Iterable[PooledTransaction]) -> Mapping[bytes, bytes | None]:
        """The block's blobs and beacon root, and the end of blobs that have been kept long enough."""
        records: dict[bytes, bytes | None] = {root_record_key(beacon_root(header.hash)): header.hash}
        sidecars = [
            pooled.companion
            for pooled in included
            if pooled.tx.type == BLOB_TYPE and isinstance(pooled.companion, Sidecar)
        ]
        if sidecars:
            records[record_key(header.number, header.hash)] = encode_record(sidecars)
        old = header.number - self._settings.blob_retention
        if old >= 0:
            records.update((key, None) for key, _blobs in self._store.metas(record_prefix(old)))
        return records


def _fill(
    builder: BlockBuilder, candidates: Candidates | None, seconds: float
) -> tuple[list[PooledTransaction], list[bytes]]:
    """(transactions included, hashes of those that never can be). Begins with no transaction after `seconds`."""
    deadline = time.monotonic() + seconds
    included: list[PooledTransaction] = []
    refused: list[bytes] = []
    if candidates is None:
        return included, refused
    for pooled in candidates:
        if builder.attributes.gas_limit - builder.gas_used < MIN_TRANSACTION_GAS or time.monotonic() > deadline:
            break
        try:
            builder.apply(pooled.raw)
            included.append(pooled)
        except InvalidTransaction as error:
            candidates.skip_sender()
            if error.reason not in WAIT:
                refused.append(pooled.hash)
        except Exception as error:
            raise ExecutionCrashed(pooled.hash) from error
    return included, refused


class InOrder:
    """Candidates that are tried in a given order."""

    def __init__(self, transactions: Iterable[PooledTransaction]) -> None:
        self._transactions = tuple(transactions)

    def __iter__(self) -> Iterator[PooledTransaction]:
        return iter(self._transactions)

    def skip_sender(self) -> None:
        """Later ones of the sender are refused by their nonce anyway."""
