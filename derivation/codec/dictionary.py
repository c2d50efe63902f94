"""A batch's dictionary: the pages it names on L1 (docs/data.md, section 2)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property, lru_cache

PAGE_SIZE = 24_575  # bytes: the largest contract's code (EIP-170) without its first byte
MAX_PAGES = 16
WINDOW_SIZE = 1 << 16  # what LZ4's two-byte offsets reach

SELECTORS = WORDS = 256
SELECTOR_SIZE, WORD_SIZE, ADDRESS_SIZE = 4, 32, 20
WORDS_START = SELECTORS * SELECTOR_SIZE  # 1024
HISTORY_START = WORDS_START + WORDS * WORD_SIZE  # 9216: from here on the text is for LZ4 only
ADDRESSES_PER_PAGE = PAGE_SIZE // ADDRESS_SIZE  # 1228


class Dictionary:
    """`pages`: contents of the pages a batch names, in order: the text, then address pages. ValueError for more than 16,
    or one of more than 24,575 bytes (the Inbox takes neither)."""

    def __init__(self, pages: Sequence[bytes] = ()) -> None:
        if len(pages) > MAX_PAGES or any(len(page) > PAGE_SIZE for page in pages):
            raise ValueError(f"a batch names at most {MAX_PAGES} pages of at most {PAGE_SIZE} bytes")
        self.pages = tuple(pages)
        text, *address_pages = self.pages or (b"",)
        self.text = text.ljust(PAGE_SIZE, b"\x00")
        self.window = self.text.rjust(WINDOW_SIZE, b"\x00")
        self.address_count = ADDRESSES_PER_PAGE * len(address_pages)
        self._addresses = b"".join(page.ljust(PAGE_SIZE, b"\x00")[:-15] for page in address_pages)

    def address(self, index: int) -> bytes:
        """Dictionary address `index`, 0 to address_count - 1: 20 bytes."""
        return self._addresses[ADDRESS_SIZE * index : ADDRESS_SIZE * (index + 1)]

    def selector(self, index: int) -> bytes:
        """4 bytes; `index` 0 to 255."""
        return self.text[SELECTOR_SIZE * index : SELECTOR_SIZE * (index + 1)]

    def word(self, index: int) -> bytes:
        """32 bytes; `index` 0 to 255."""
        start = WORDS_START + WORD_SIZE * index
        return self.text[start : start + WORD_SIZE]

    # For the encoder: where something is. Zeros are never looked up.

    @cached_property
    def selector_index(self) -> dict[bytes, int]:
        return _index(self.selector, SELECTORS)

    @cached_property
    def word_index(self) -> dict[bytes, int]:
        return _index(self.word, WORDS)

    @cached_property
    def address_index(self) -> dict[bytes, int]:
        return _index(self.address, self.address_count)


def _index(entry, count: int) -> dict[bytes, int]:  # type: ignore[no-untyped-def]
    found = {entry(index): index for index in reversed(range(count))}
    return {each: index for each, index in found.items() if any(each)}


EMPTY_DICTIONARY = Dictionary()


@lru_cache(maxsize=8)
def dictionary_of(pages: tuple[bytes, ...]) -> Dictionary:
    """The same Dictionary for the same pages, as most batches name the same ones."""
    return Dictionary(pages) if pages else EMPTY_DICTIONARY
