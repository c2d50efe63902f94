"""Dictionary pages from a chain's own transactions (docs/data.md, section 2).

What is looked at is what the encoder would say: the elements of each transaction, and the bodies of the chunks they make. Pure
and deterministic: the same history makes the same pages. Takes about a minute for 100,000 transactions.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice

from derivation.codec.cover import choose_history
from derivation.codec.dictionary import (
    ADDRESS_SIZE,
    ADDRESSES_PER_PAGE,
    HISTORY_START,
    MAX_PAGES,
    PAGE_SIZE,
    SELECTOR_SIZE,
    SELECTORS,
    WORD_SIZE,
    WORDS,
    Dictionary,
)
from derivation.codec.elements import Element, address_element, elements_of_data
from derivation.codec.fields import fields_of, raw_elements
from derivation.codec.items import MAX_TRANSACTION_SIZE
from derivation.codec.lz import unpack
from derivation.codec.reader import HEAD_SIZE
from derivation.codec.strings import RIGHT, SELECTOR, SPELLED_SELECTOR, WORD
from derivation.codec.writer import ChunkWriter

HISTORY_SIZE = PAGE_SIZE - HISTORY_START  # 15,359 bytes
_WINDOW = 24  # transactions: about a chunk, inside which repetition costs little without a dictionary, too
_WORD_COST = 2  # bytes: tag and index
_MAX_BODIES = 1_500_000  # bytes of chunk bodies that the history is chosen from


@dataclass(slots=True)
class _Use:
    """How often something was said, and in how many windows; `saved`: bytes that an entry in the dictionary would have."""

    times: int = 0
    windows: int = 0
    saved: int = 0
    last_window: int = -1

    def count(self, window: int, cost: int, entry_cost: int) -> None:
        """`cost`: bytes to spell it out; where it is repeated in a window, it costs about what an entry does."""
        self.times += 1
        if window == self.last_window:
            self.saved += 1
        else:
            self.windows += 1
            self.last_window = window
            self.saved += cost - entry_cost


@dataclass(slots=True)
class _Census:
    selectors: Counter[bytes] = field(default_factory=Counter)
    words: dict[bytes, _Use] = field(default_factory=dict)
    addresses: dict[bytes, _Use] = field(default_factory=dict)

    def count(self, transactions: Sequence[bytes], chain_id: int, dictionary: Dictionary) -> None:
        for number, raw in enumerate(transactions):
            window = number // _WINDOW
            for element, said in _said(raw, chain_id, dictionary):
                tag = element.tags[0]
                if element.is_address:
                    self.addresses.setdefault(element.operand, _Use()).count(window, 1 + ADDRESS_SIZE, 1)
                elif tag in (SELECTOR, SPELLED_SELECTOR):
                    self.selectors[said] += 1
                elif element.size == WORD_SIZE and (RIGHT <= tag or tag == WORD):
                    cost = len(element.tags) + len(element.operand)
                    if cost > _WORD_COST:
                        self.words.setdefault(said, _Use()).count(window, cost, _WORD_COST)


def _said(raw: bytes, chain_id: int, dictionary: Dictionary) -> Iterator[tuple[Element, bytes]]:
    """The elements that the encoder says a transaction with, each with the bytes it stands for."""
    fields = fields_of(raw, chain_id)
    if fields is None:
        whole, elements = raw, raw_elements(raw, chain_id, dictionary)
    else:
        yield address_element(fields.to), fields.to
        whole, elements = fields.data, elements_of_data(fields.data, dictionary)
    at = 0
    for element in elements:
        yield element, whole[at : at + element.size]
        at += element.size


def train(history: Iterable[bytes], chain_id: int, *, address_pages: int = 2) -> list[bytes]:
    """Pages for a dictionary: the text, then at most `address_pages` (0 to 15) address pages, the most used addresses
    first. `history`: raw EIP-2718 transactions, oldest first; what is longer than a transaction can be is left out.

    ValueError if there is no transaction in `history`.
    """
    if not 0 <= address_pages < MAX_PAGES:
        raise ValueError(f"a dictionary has 0 to {MAX_PAGES - 1} address pages, not {address_pages}")
    transactions = [raw for raw in history if 0 < len(raw) <= MAX_TRANSACTION_SIZE]
    if not transactions:
        raise ValueError("there is no transaction to train from")
    census = _Census()
    census.count(transactions, chain_id, Dictionary())
    # Known selectors show nested calls for what they are: once more, with them.
    selectors = _top_selectors(census.selectors)
    census = _Census()
    census.count(transactions, chain_id, Dictionary([b"".join(selectors)]))
    fixed = fixed_part(_top_selectors(census.selectors), _top_words(census.words))
    pages = _address_pages(census.addresses, address_pages)
    bodies = chunk_bodies(transactions, chain_id, Dictionary([fixed, *pages]))
    return [fixed + choose_history(bodies, HISTORY_SIZE), *pages]


def fixed_part(selectors: Sequence[bytes], words: Sequence[bytes]) -> bytes:
    """The text up to the history: 256 selectors and 256 words, zeros where there are fewer."""
    head = b"".join(selectors[:SELECTORS]).ljust(SELECTORS * SELECTOR_SIZE, b"\x00")
    return head + b"".join(words[:WORDS]).ljust(WORDS * WORD_SIZE, b"\x00")


def chunk_bodies(transactions: Sequence[bytes], chain_id: int, dictionary: Dictionary,
                 limit: int = _MAX_BODIES) -> list[bytes]:
    """What LZ4 is given for chunks full of these transactions: runs of them from all over the history, `limit` bytes."""
    runs = [transactions[at : at + 16 * _WINDOW] for at in range(0, len(transactions), 16 * _WINDOW)]
    total = sum(map(len, transactions))
    step = max(1, total // limit)  # raw transactions are longer than what is said of them
    bodies: list[bytes] = []
    size = 0
    for first in range(step):
        for run in islice(runs, first, None, step):
            writer = ChunkWriter(chain_id, dictionary)
            for raw in run:
                writer.transaction(raw)
            found = [unpack(chunk[HEAD_SIZE : HEAD_SIZE + int.from_bytes(chunk[2:4], "big")], dictionary)
                     for chunk in writer.chunks()]
            bodies += found
            size += sum(map(len, found))
            if size >= limit:
                return bodies
    return bodies


def _top_selectors(counted: Counter[bytes]) -> list[bytes]:
    ranked = sorted(counted.items(), key=lambda entry: (-entry[1], entry[0]))
    return [selector for selector, _ in ranked if any(selector)][:SELECTORS]


def _top_words(counted: dict[bytes, _Use]) -> list[bytes]:
    """Those that save most, among those that come again and again."""
    again = [(word, use) for word, use in counted.items() if use.windows > 1]
    again.sort(key=lambda entry: (-entry[1].saved, entry[0]))
    return [word for word, _ in again[:WORDS]]


def _address_pages(counted: dict[bytes, _Use], pages: int) -> list[bytes]:
    """Those that would have saved most, the most used first: the first 127 cost one byte, the next 16,256 two."""
    worth = [(address, use) for address, use in counted.items() if any(address)]
    worth.sort(key=lambda entry: (-entry[1].saved, -entry[1].last_window, entry[0]))
    chosen = worth[: pages * ADDRESSES_PER_PAGE]
    chosen.sort(key=lambda entry: (-entry[1].times, -entry[1].saved, entry[0]))
    addresses = [address for address, _ in chosen]
    return [b"".join(addresses[at : at + ADDRESSES_PER_PAGE]) for at in range(0, len(addresses), ADDRESSES_PER_PAGE)]
