"""The data format, codec version 2 (docs/data.md): chunks to items and back. Pure."""

from derivation.codec.dictionary import EMPTY_DICTIONARY, MAX_PAGES, PAGE_SIZE, Dictionary, dictionary_of
from derivation.codec.items import MAX_ITEMS_PER_CHUNK, MAX_TRANSACTION_SIZE, Item, ItemKind, block_start_item
from derivation.codec.layout import (
    BLOB_SIZE,
    CHUNK_ELEMENTS_SIZE,
    CHUNK_SIZE,
    CHUNKS_PER_BLOB,
    MAX_BLOBS,
    MAX_CALLDATA_CHUNKS,
    MAX_CHUNKS,
    blob_elements,
    chunks_to_blobs,
    from_elements,
    to_elements,
)
from derivation.codec.reader import decode_chunk
from derivation.codec.writer import ChunkWriter, encode, encode_chunk

__all__ = [
    "BLOB_SIZE",
    "CHUNKS_PER_BLOB",
    "CHUNK_ELEMENTS_SIZE",
    "CHUNK_SIZE",
    "EMPTY_DICTIONARY",
    "MAX_BLOBS",
    "MAX_CALLDATA_CHUNKS",
    "MAX_CHUNKS",
    "MAX_ITEMS_PER_CHUNK",
    "MAX_PAGES",
    "MAX_TRANSACTION_SIZE",
    "PAGE_SIZE",
    "ChunkWriter",
    "Dictionary",
    "Item",
    "ItemKind",
    "blob_elements",
    "block_start_item",
    "chunks_to_blobs",
    "decode_chunk",
    "dictionary_of",
    "encode",
    "encode_chunk",
    "from_elements",
    "to_elements",
]
