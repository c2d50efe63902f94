"""The sequencer's unsafe chain: its blocks in the ChainStore, and the batches they make, as records in the same
database, so that block and batch record are written in one transaction.

    anchor | batch i | batch i+1 | ... | the open batch or none

Batches stay here after they are posted, until `prune`: a reorg of L1 may want them posted again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from chain.canonical import Switch
from chain.store import ChainStore
from derivation.codec import dictionary_of
from derivation.encoder import BatchEncoder
from derivation.pages import StoredPages
from execution.block import SealedBlock
from execution.types import ZERO_HASH
from sequencer.batches import (
    Anchor,
    LocalBatch,
    LocalBlock,
    anchor_after,
    decode_anchor,
    decode_batch,
    encode_anchor,
    encode_batch,
)
from sequencer.data_policy import DataKind

_PREFIX = b"sequencer/batch/"
_ANCHOR = b"sequencer/anchor"


@dataclass(frozen=True, slots=True)
class NewBlock:
    """A block just sealed, with the state it makes. `senders`: 20-byte addresses, one a transaction."""

    sealed: SealedBlock
    nodes: Mapping[bytes, bytes]
    codes: Mapping[bytes, bytes]
    senders: Sequence[bytes]


class BatchLedger:
    """Not thread-safe; whoever changes it holds the node's `building` lock."""

    def __init__(self, store: ChainStore, chain_id: int) -> None:
        self._store, self._chain_id = store, chain_id
        self.pages = StoredPages(store)
        record = store.get_meta(_ANCHOR)
        if record is None:
            genesis = store.header_by_number(0)
            assert genesis is not None
            self.anchor = Anchor(0, ZERO_HASH, genesis.hash, 0, 0, 0)
        else:
            self.anchor = decode_anchor(record)
        self._batches = [decode_batch(value) for _, value in store.metas(_PREFIX)]

    def __iter__(self) -> Iterator[LocalBatch]:
        return iter(tuple(self._batches))

    def __len__(self) -> int:
        return len(self._batches)

    def get(self, index: int) -> LocalBatch | None:
        place = index - self.anchor.batch_count
        return self._batches[place] if 0 <= place < len(self._batches) else None

    def has(self, batch: LocalBatch) -> bool:
        """Whether this closed batch is still one of the chain's."""
        known = self.get(batch.index)
        return known is not None and known.header == batch.header

    @property
    def open_batch(self) -> LocalBatch | None:
        return self._batches[-1] if self._batches and self._batches[-1].is_open else None

    @property
    def tip(self) -> Anchor:
        """What the next batch builds on. ValueError while one is open."""
        return anchor_after(self._batches[-1]) if self._batches else self.anchor

    @property
    def tip_index(self) -> int:
        """Index of the open batch, or of the one to come."""
        return self.anchor.batch_count + len(self._batches) - (1 if self.open_batch is not None else 0)

    def before(self, index: int) -> Anchor:
        """What batch `index` builds on."""
        place = index - self.anchor.batch_count
        if not 0 <= place <= len(self._batches):
            raise IndexError(f"batch {index} is not in the ledger, it begins at {self.anchor.batch_count}")
        return anchor_after(self._batches[place - 1]) if place else self.anchor

    def extend(self, batch: LocalBatch, block: LocalBlock, new: NewBlock) -> Switch:
        """Adds a block: to the open batch, or as the first of `batch`, which comes next. One transaction."""
        extended = batch.with_block(block)
        switch = self._store.put_block(new.sealed, new.nodes, new.codes, senders=new.senders,
                                       meta={_key(batch.index): encode_batch(extended)})
        self._replace(extended)
        return switch

    def put(self, batch: LocalBatch) -> None:
        """Records a batch whose blocks are stored: closed, or without blocks yet."""
        self._store.put_meta(_key(batch.index), encode_batch(batch))
        self._replace(batch)

    def truncate(self, index: int) -> tuple[list[LocalBatch], Switch]:
        """Forgets batch `index` and all after it; the head goes back to what was before. Returns what was dropped."""
        before = self.before(index)
        place = index - self.anchor.batch_count
        dropped = self._batches[place:]
        switch = self._store.set_head(before.block_hash, meta={_key(batch.index): None for batch in dropped})
        del self._batches[place:]
        return dropped, switch

    def prune(self, index: int) -> None:
        """Forgets the batches before `index`; they are final."""
        place = index - self.anchor.batch_count
        if not 0 < place <= len(self._batches):
            return
        anchor = anchor_after(self._batches[place - 1])
        gone: dict[bytes, bytes | None] = {_key(batch.index): None for batch in self._batches[:place]}
        self._store.put_metas(gone | {_ANCHOR: encode_anchor(anchor)})
        self.anchor = anchor
        del self._batches[:place]

    def data_transactions(self, batch: LocalBatch) -> Iterator[tuple[LocalBlock, tuple[bytes, ...]]]:
        """Each block with the raw transactions that the batch's data holds of it."""
        for local in batch.blocks:
            stored = self._store.block(local.hash)
            if stored is None:
                raise LookupError(f"block 0x{local.hash.hex()} of batch {batch.index} is not in the store")
            forced = len(stored.transactions) - local.data_transactions
            yield local, stored.transactions[forced:]

    def new_encoder(self, batch: LocalBatch) -> BatchEncoder:
        """For the batch's data, with nothing in it. LookupError if one of its pages isn't kept here."""
        pages = tuple(self.pages.get(pointer) for pointer in batch.pages)
        if missing := [pointer.hex() for pointer, page in zip(batch.pages, pages, strict=True) if page is None]:
            raise LookupError(f"batch {batch.index} names pages that are not in the store: {', '.join(missing)}")
        dictionary = dictionary_of(tuple(page for page in pages if page is not None))
        return BatchEncoder(self._chain_id, dictionary, max_blobs=batch.max_blobs)

    def encoder(self, batch: LocalBatch) -> BatchEncoder:
        """The batch's data so far, the same each time."""
        encoder = self.new_encoder(batch)
        for local, transactions in self.data_transactions(batch):
            encoder.add_block(local.delta, transactions)
        return encoder

    def last_kind(self) -> DataKind | None:
        """Where the newest closed batch of ours with any data has it."""
        for batch in reversed(self._batches):
            if batch.header is not None and batch.header.chunk_count and not batch.foreign:
                return DataKind.CALLDATA if batch.header.in_calldata else DataKind.BLOBS
        return None

    @property
    def last_opened_at(self) -> float:
        """When the newest batch was opened, wall clock; zero if it is somebody else's."""
        return self._batches[-1].opened_at if self._batches else 0.0

    def foreign_lately(self, count: int) -> bool:
        """Whether one of the last `count` batches that are closed is somebody else's."""
        closed = [batch for batch in self._batches[-count - 1:] if not batch.is_open]
        return any(batch.foreign for batch in closed[-count:])

    def own_streak(self, index: int) -> int:
        """How many batches right before that one are ours, one after another."""
        count = 0
        while (batch := self.get(index - 1 - count)) is not None and not batch.foreign:
            count += 1
        return count

    def note_cost(self, batch: LocalBatch, cost: int) -> bool:
        """`cost`: wei that posting this closed batch took. False if that is known, or the batch isn't here any more."""
        known = self.get(batch.index)
        if known is None or not self.has(batch) or known.cost == cost:
            return False
        self.put(replace(known, cost=cost))
        return True

    def _replace(self, batch: LocalBatch) -> None:
        place = batch.index - self.anchor.batch_count
        if not 0 <= place <= len(self._batches):
            raise IndexError(f"batch {batch.index} does not follow the ledger's {len(self._batches)} batches")
        self._batches[place:place + 1] = [batch]


def _key(index: int) -> bytes:
    return _PREFIX + index.to_bytes(8, "big")
