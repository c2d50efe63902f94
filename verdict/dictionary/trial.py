"""Trains pages, and says what they are worth on transactions that they were not trained from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from derivation.codec import CHUNK_SIZE, EMPTY_DICTIONARY, ChunkWriter, Dictionary
from derivation.codec.training import train

_LEAST = 200  # held-back transactions: fewer say nothing


@dataclass(frozen=True, slots=True)
class Trial:
    """Bytes of chunks a transaction, on `transactions` of them."""

    transactions: int
    without: float
    with_pages: float


def train_and_try(history: Sequence[bytes], chain_id: int, address_pages: int) -> tuple[list[bytes], Trial | None]:
    """Pages from all of `history`, and what pages from all but the newest tenth do for that tenth. None if that is
    too little to say."""
    pages = train(history, chain_id, address_pages=address_pages)
    held_back = history[len(history) - len(history) // 10 :]
    if len(held_back) < _LEAST:
        return pages, None
    tried = Dictionary(train(history[: -len(held_back)], chain_id, address_pages=address_pages))
    return pages, Trial(
        len(held_back), bytes_each(held_back, chain_id, EMPTY_DICTIONARY), bytes_each(held_back, chain_id, tried))


def bytes_each(transactions: Sequence[bytes], chain_id: int, dictionary: Dictionary) -> float:
    """Bytes of chunks a transaction."""
    writer = ChunkWriter(chain_id, dictionary)
    for raw in transactions:
        writer.transaction(raw)
    return writer.chunk_count * CHUNK_SIZE / len(transactions)
