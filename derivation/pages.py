"""The dictionary's pages as L1 has shown them (docs/data.md, section 2). A page's address follows from its bytes, so
what is known of one is true on every fork of L1: pages are kept for good, each once, and never in a batch's record."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from lru import LRU

from chain.store import ChainStore

PAGE_PREFIX = b"derivation/page/"  # + pointer -> the page's bytes
_CACHE = 64  # pages: those of the batches read now, 1.5 MB


class Pages(Protocol):
    """Pages by pointer (20 bytes)."""

    def get(self, pointer: bytes) -> bytes | None:
        """Its 1 to 24,575 bytes; None if L1 hasn't shown such a page yet."""
        ...

    def put(self, pages: Mapping[bytes, bytes]) -> None: ...


class MemoryPages:
    """Pages of one process."""

    def __init__(self) -> None:
        self._pages: dict[bytes, bytes] = {}

    def get(self, pointer: bytes) -> bytes | None:
        return self._pages.get(pointer)

    def put(self, pages: Mapping[bytes, bytes]) -> None:
        self._pages.update(pages)


class StoredPages:
    """Pages in a chain's database: anyone may publish more than fit into memory."""

    def __init__(self, store: ChainStore) -> None:
        self._store = store
        self._cache: LRU[bytes, bytes] = LRU(_CACHE)

    def get(self, pointer: bytes) -> bytes | None:
        page: bytes | None = self._cache.get(pointer)
        if page is None and (page := self._store.get_meta(PAGE_PREFIX + pointer)) is not None:
            self._cache[pointer] = page
        return page

    def put(self, pages: Mapping[bytes, bytes]) -> None:
        """Durable when it returns."""
        if pages:
            self._store.put_metas({PAGE_PREFIX + pointer: page for pointer, page in pages.items()})
