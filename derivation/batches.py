"""Batches that were derived, as a chain's database keeps them: what each one does, and to step through it again.

`RollupNode` adds what follows L1. Alone it reads, also a database that another process owns.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_left
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

from lru import LRU

from chain.store import ChainStore
from derivation.batch import BatchData
from derivation.deriver import Deriver, stored_headers
from derivation.inputs import DerivationParams
from derivation.pages import StoredPages
from derivation.records import DerivedRecord, calldata_key, decode_place, decode_record, place_key, record_key
from execution.header import Header
from execution.rules import Rules
from execution.types import Cursor, StepState
from l1.blob_client import BlobClient

_RECORD_CACHE = 32
_MORE_THAN_ANY = 1 << 40  # batches


def genesis_state(genesis: Header) -> StepState:
    """The StepState before batch 0: what the Rollup contract is deployed with."""
    return StepState(genesis.state_root, genesis.hash, cursor=Cursor(0, 0, 0))


@dataclass(frozen=True, slots=True)
class NodeSettings:
    """`inbox` 20 bytes; `start`: number of the L1 block with the first contract; `confirmations` in L1 blocks; `poll` in
    seconds; `window`: L1 blocks of the deepest reorg followed without reading L1 anew. `head_is_safe`: the chain's head
    goes back with L1 at once, not only when another batch takes a batch's place. `longest_standstill`: seconds without a
    new L1 block after which something must be wrong with L1's node."""

    rules: Rules
    params: DerivationParams
    inbox: bytes
    start: int
    confirmations: int = 0
    poll: float = 1.0
    window: int = 512
    head_is_safe: bool = False
    longest_standstill: float = 120.0


class DerivedBatches:
    """`store`: the L2 chain, whose genesis is the rollup's. `beacon`: where blobs come from."""

    def __init__(self, settings: NodeSettings, store: ChainStore, beacon: BlobClient) -> None:
        genesis = store.header_by_number(0)
        assert genesis is not None
        self.settings = settings
        self.store = store
        self.beacon = beacon
        self.genesis = genesis_state(genesis)
        self._genesis_header = genesis
        self.executor = ThreadPoolExecutor(1, thread_name_prefix="derivation")
        self._records: LRU[bytes, DerivedRecord] = LRU(_RECORD_CACHE)
        self._pages = StoredPages(store)

    def close(self) -> None:
        self.executor.shutdown(wait=True, cancel_futures=True)

    @property
    def kept_count(self) -> int:
        """Batches that the database has in the places where they were seen on L1: 0 to kept_count - 1."""
        return bisect_left(range(_MORE_THAN_ANY), True, key=lambda index: self._place(index) is None)

    def derived(self, batch: int | bytes) -> DerivedRecord | None:
        """What a batch does. By index: the one on L1 now. By hash: also one an L1 reorg has taken away."""
        if isinstance(batch, int):
            place = self._place(batch)
            if place is None:
                return None
            record = self._record(place[0])
            return None if record is None else placed(record, place)
        record = self._record(batch)
        if record is None:
            return None
        place = self._place(record.index)
        return placed(record, place) if place is not None and place[0] == batch else record

    def is_on_l1(self, batch_hash: bytes) -> bool:
        """Whether L1, as far as it has been read, has that batch."""
        record = self._record(batch_hash)
        place = None if record is None else self._place(record.index)
        return place is not None and place[0] == batch_hash

    def state_before(self, batch: int | bytes | DerivedRecord) -> StepState | None:
        """The StepState a batch starts from, None if its parent isn't known. By index: also of the next batch."""
        if isinstance(batch, int):
            previous = self.derived(batch - 1) if batch > 0 else None
            if batch == 0 or previous is not None:
                return self.genesis if previous is None else previous.final_state
            return None
        record = batch if isinstance(batch, DerivedRecord) else self._record(batch)
        if record is None:
            return None
        if record.index == 0:
            return self.genesis
        parent = self._record(record.posted.header.parent_hash)
        return None if parent is None else parent.final_state

    async def data_of(self, record: DerivedRecord) -> BatchData:
        """The whole batch: blobs from the archive or the beacon nodes, the rest from the database. BlobsMissing,
        L1Unavailable."""
        header, at = record.posted.header, record.posted.inclusion
        blobs = await self.beacon.blobs(at.block_timestamp, header.blob_hashes)
        calldata = self.store.get_meta(calldata_key(record.hash)) if header.in_calldata else None
        found = (self._pages.get(pointer) for pointer in header.pages)
        pages = tuple(page for page in found if page is not None)
        return record.data(blobs, pages, calldata or b"")

    async def in_thread(self, work: Callable[..., Any], *arguments: Any) -> Any:
        """Runs something that computes on the derivation thread, one at a time; the event loop stays live."""
        return await asyncio.get_running_loop().run_in_executor(self.executor, work, *arguments)

    def deriver(self, batch: BatchData, state: StepState) -> Deriver:
        """To step through a batch from the StepState before it, on this node's chain. For the derivation thread."""
        headers = stored_headers(self.store.header_by_hash)
        return Deriver(self.settings.rules, self.store, headers, state, batch, self.settings.params)

    def _record(self, batch_hash: bytes) -> DerivedRecord | None:
        record: DerivedRecord | None = self._records.get(batch_hash)
        if record is None and (raw := self.store.get_meta(record_key(batch_hash))) is not None:
            record = self._records[batch_hash] = decode_record(raw)
        return record

    def _place(self, index: int) -> Any:
        raw = self.store.get_meta(place_key(index)) if index >= 0 else None
        return None if raw is None else decode_place(raw)


def placed(record: DerivedRecord, place: Any) -> DerivedRecord:
    """The record with its inclusion of now: (batch hash, Inclusion)."""
    return replace(record, posted=replace(record.posted, inclusion=place[1]))
