"""Blocks to chunks: what a sequencer posts. The inverse of derivation for blocks it built itself.

A batch's first block is started by L1, with the deposits and the forced transactions; the data says what
follows them in that block, and every later block.
"""

from __future__ import annotations

from collections.abc import Sequence

from derivation.codec import (
    CHUNKS_PER_BLOB,
    EMPTY_DICTIONARY,
    MAX_BLOBS,
    MAX_CALLDATA_CHUNKS,
    ChunkWriter,
    Dictionary,
    chunks_to_blobs,
)


class BatchFull(Exception):
    """The addition would need more chunks than the batch may have. Nothing has been added."""


class BatchEncoder:
    """Builds one batch's data incrementally; the same additions make the same data.

        encoder = BatchEncoder(chain_id, dictionary, max_blobs=1)
        encoder.add_transaction(raw)      # of the first block, after the forced ones
        encoder.start_block(delta)        # seconds after the block before it
        encoder.add_transaction(raw)
        encoder.blobs()

    Adding raises BatchFull, and changes nothing, when it wouldn't fit into `max_blobs` blobs; with `max_blobs` 0 the data
    is for calldata: at most MAX_CALLDATA_CHUNKS.
    """

    def __init__(
        self, chain_id: int, dictionary: Dictionary = EMPTY_DICTIONARY, *, max_blobs: int = MAX_BLOBS
    ) -> None:
        if not 0 <= max_blobs <= MAX_BLOBS:
            raise ValueError(f"a batch has 0 to {MAX_BLOBS} blobs, not {max_blobs}")
        self._limit = max_blobs * CHUNKS_PER_BLOB or MAX_CALLDATA_CHUNKS
        self._writer = ChunkWriter(chain_id, dictionary, last=self._limit)

    @property
    def chunk_count(self) -> int:
        return self._writer.chunk_count

    @property
    def fill(self) -> float:
        """Used part of the chunks it may have, 0.0 to 1.0."""
        return self._writer.likely_count / self._limit

    def fits(self, transactions: Sequence[bytes]) -> bool:
        """Whether these transactions would still fit into the current block."""
        return self._with(None, transactions) is not None

    def start_block(self, delta: int) -> None:
        """`delta` in seconds after the block before it, at least 1 (ValueError)."""
        self._take(self._with(delta, ()))

    def add_transaction(self, raw: bytes) -> None:
        self._take(self._with(None, (raw,)))

    def add_block(self, delta: int | None, transactions: Sequence[bytes]) -> None:
        """A whole block, or nothing of it; `delta` is None for the first one of the batch."""
        self._take(self._with(delta, transactions))

    def _with(self, delta: int | None, transactions: Sequence[bytes]) -> ChunkWriter | None:
        writer = self._writer.copy()
        if delta is not None:
            writer.block_start(delta)
        for raw in transactions:
            writer.transaction(raw)
            if writer.likely_count > self._limit:
                break
        return writer if writer.likely_count <= self._limit else None

    def _take(self, writer: ChunkWriter | None) -> None:
        if writer is None:
            raise BatchFull(f"no room for that in {self._limit} chunks")
        self._writer = writer

    def chunks(self) -> list[bytes]:
        """All chunks, 2,032 bytes each. An empty batch has none."""
        return self._writer.chunks()

    def blobs(self) -> list[bytes]:
        """The blobs to post; `chunk_count` says how many chunks of them count."""
        return chunks_to_blobs(self.chunks())


def encode_blocks(
    chain_id: int,
    first_transactions: Sequence[bytes],
    later_blocks: Sequence[tuple[int, Sequence[bytes]]] = (),
    dictionary: Dictionary = EMPTY_DICTIONARY,
    max_blobs: int = MAX_BLOBS,
) -> list[bytes]:
    """Chunks for a batch: the first block's transactions after the forced ones, then each later block as
    (seconds after the block before it, transactions). BatchFull if they need more than `max_blobs`."""
    encoder = BatchEncoder(chain_id, dictionary, max_blobs=max_blobs)
    encoder.add_block(None, first_transactions)
    for delta, transactions in later_blocks:
        encoder.add_block(delta, transactions)
    return encoder.chunks()
