"""Blocks, receipts and state of one chain, in LMDB.

Every `put_block` is one durable transaction: a kill at any moment loses no sealed block and leaves none half
written. State is an archive: nodes and codes are named by their hash and never removed. Methods may be called
from any thread; writers wait for each other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Literal, Self

from lru import LRU

from chain.canonical import Switch, clear_canonical, switch_to
from chain.database import INITIAL_MAP_SIZE, ChainStoreError, Database, Tables
from chain.encoding import (
    block_size,
    decode_body,
    decode_receipts,
    encode_body,
    encode_number,
    encode_receipts,
)
from chain.shared import SharedDatabase
from chain.view import BlockRef, BlockUnavailable, StateUnavailable, StoredBlock
from execution.block import SealedBlock
from execution.errors import InvalidWitness
from execution.header import Header, decode_header
from execution.receipt import Receipt
from execution.trie import EMPTY_ROOT
from execution.world import WorldState

SCHEMA_VERSION = b"2"
TABLES = (
    "system",  # schema, genesis, head, labels
    "headers",  # block hash -> RLP
    "bodies",  # block hash -> transactions, senders, withdrawals
    "receipts",  # block hash -> receipts
    "canonical",  # number -> block hash
    "transactions",  # transaction hash -> canonical block hash, index
    "nodes",  # node hash -> RLP
    "codes",  # code hash -> bytecode
    "meta",  # small records of those who use the store
)
NODE_CACHE = 100_000
BLOCK_CACHE = 512
BLOCKHASH_WINDOW = 256

Label = Literal["safe", "finalized"]
Genesis = tuple[Header, Mapping[bytes, bytes], Mapping[bytes, bytes]]
"""What `execution.genesis.build_genesis` returns: header, trie nodes and codes by hash."""


class ChainStore:
    """See the module. It is an `execution.trie.NodeSource`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._nodes: LRU[bytes, bytes] = LRU(NODE_CACHE)
        self._codes: LRU[bytes, bytes] = LRU(1024)
        self._headers: LRU[bytes, Header] = LRU(8 * BLOCK_CACHE)
        self._blocks: LRU[bytes, StoredBlock] = LRU(BLOCK_CACHE)
        self._receipts: LRU[bytes, tuple[Receipt, ...]] = LRU(BLOCK_CACHE)
        self._head: Header

    @classmethod
    def open(cls, path: Path | None, genesis: Genesis, *, map_size: int = INITIAL_MAP_SIZE) -> Self:
        """Opens, or makes, the database at `path` (None: a temporary one, gone after `close`).

        Raises ChainStoreError for another genesis, another schema version or an unreadable file.
        """
        database = Database(path, TABLES, map_size)
        try:
            store = cls(database)
            store._prepare(genesis)
        except BaseException:
            database.close()
            raise
        return store

    @classmethod
    def open_shared(cls, path: Path, genesis_hash: bytes) -> Self:
        """To read a database beside the process that owns it (chain/shared.py). `head` stays what it is now. Raises
        ChainStoreError also for another genesis."""
        database = SharedDatabase(path, TABLES)
        try:
            store = cls(database)
            if (database.get("system", b"schema"), database.get("system", b"genesis")) != (SCHEMA_VERSION, genesis_hash):
                raise ChainStoreError(f"{path} is of another chain, or of another version of this program")
            store._load_head()
        except BaseException:
            database.close()
            raise
        return store

    def close(self) -> None:
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    # --- opening -------------------------------------------------------------------------------------------

    def _prepare(self, genesis: Genesis) -> None:
        header, nodes, codes = genesis

        def initialise(tables: Tables) -> None:
            schema = tables.get("system", b"schema")
            if schema is None:
                self._write_genesis(tables, header, nodes, codes)
            elif schema != SCHEMA_VERSION:
                raise ChainStoreError(
                    f"{self.path} has schema version {schema.decode(errors='replace')}, this program writes "
                    f"{SCHEMA_VERSION.decode()}; move the directory away and sync again"
                )
            else:
                found = tables.get("system", b"genesis")
                if found != header.hash:
                    raise ChainStoreError(
                        f"{self.path} holds a chain with genesis 0x{(found or b'').hex()}, "
                        f"the configuration makes 0x{header.hash.hex()}; use another data directory"
                    )

        self._database.write(initialise)
        self._load_head()

    def _load_head(self) -> None:
        head_hash = self._database.get("system", b"head")
        head = None if head_hash is None else self.header_by_hash(head_hash)
        if head is None or not self.has_state(head):
            raise ChainStoreError(f"{self.path} is damaged: its head block or state is missing; sync again")
        self._head = head

    @staticmethod
    def _write_genesis(
        tables: Tables, header: Header, nodes: Mapping[bytes, bytes], codes: Mapping[bytes, bytes]
    ) -> None:
        _put_state(tables, nodes, codes)
        tables.put("headers", header.hash, header.rlp())
        tables.put("bodies", header.hash, encode_body((), (), ()))
        tables.put("receipts", header.hash, encode_receipts(()))
        tables.put("canonical", encode_number(header.number), header.hash)
        for key, value in (("schema", SCHEMA_VERSION), ("genesis", header.hash), ("head", header.hash)):
            tables.put("system", key.encode(), value)

    @property
    def path(self) -> Path:
        return self._database.path

    # --- state: a NodeSource -------------------------------------------------------------------------------

    def node(self, node_hash: bytes) -> bytes:
        """RLP of a trie node. Raises InvalidWitness if it isn't there."""
        return self._content("nodes", self._nodes, node_hash)

    def code(self, code_hash: bytes) -> bytes:
        """Bytecode. Raises InvalidWitness if it isn't there."""
        return self._content("codes", self._codes, code_hash)

    def _content(self, table: str, cache: LRU[bytes, bytes], key: bytes) -> bytes:
        value = cache.get(key)
        if value is None:
            value = self._database.get(table, key)
            if value is None:
                raise InvalidWitness(f"no entry 0x{key.hex()} among the {table}")
            cache[key] = value
        return value

    def has_state(self, header: Header) -> bool:
        root = header.state_root
        return root == EMPTY_ROOT or root in self._nodes or self._database.get("nodes", root) is not None

    def world_at(self, header: Header) -> WorldState:
        """The state after that block, for the caller alone. Raises StateUnavailable."""
        if not self.has_state(header):
            raise StateUnavailable(f"no state of block {header.number} (0x{header.hash.hex()})")
        return WorldState(self, header.state_root)

    # --- writing -------------------------------------------------------------------------------------------

    def put_block(
        self,
        sealed: SealedBlock,
        nodes: Mapping[bytes, bytes],
        codes: Mapping[bytes, bytes],
        *,
        senders: Sequence[bytes],
        meta: Mapping[bytes, bytes | None] | None = None,
        make_head: bool = True,
    ) -> Switch:
        """Stores a sealed block whose parent is known, with the state it makes, in one transaction.

        `senders`: 20-byte addresses, one a transaction. `meta`: records to put (None: to delete) in the same
        transaction. `make_head`: the block becomes the canonical head, also across a reorg.
        Returns what that did to the canonical chain.
        """
        header = sealed.header
        if len(senders) != len(sealed.transactions):
            raise ValueError(f"{len(sealed.transactions)} transactions, {len(senders)} senders")

        def change(tables: Tables) -> Switch:
            if tables.get("headers", header.parent_hash) is None:
                raise BlockUnavailable(f"the parent 0x{header.parent_hash.hex()} isn't in {self.path}")
            _put_state(tables, nodes, codes)
            tables.put("headers", header.hash, header.rlp())
            body = encode_body(sealed.transactions, senders, sealed.withdrawals)
            tables.put("bodies", header.hash, body)
            tables.put("receipts", header.hash, encode_receipts(sealed.receipts))
            _put_meta(tables, meta or {})
            return switch_to(tables, header.hash) if make_head else Switch()

        switch = self._write(change)
        for node_hash, node in nodes.items():
            self._nodes[node_hash] = node
        self._headers[header.hash] = header
        return switch

    def set_head(self, block_hash: bytes, *, meta: Mapping[bytes, bytes | None] | None = None) -> Switch:
        """Makes a known block the head: an ancestor, a descendant or one of another branch."""

        def change(tables: Tables) -> Switch:
            _put_meta(tables, meta or {})
            return switch_to(tables, block_hash)

        return self._write(change)

    def set_label(self, label: Label, block_hash: bytes) -> None:
        """Marks a canonical block safe or finalized."""

        def change(tables: Tables) -> None:
            raw = tables.get("headers", block_hash)
            number = None if raw is None else decode_header(raw).number
            if number is None or tables.get("canonical", encode_number(number)) != block_hash:
                raise BlockUnavailable(f"0x{block_hash.hex()} isn't a canonical block, it can't be {label}")
            tables.put("system", label.encode(), block_hash)

        self._write(change)

    def reset_to_genesis(self) -> None:
        """Forgets the canonical chain; blocks and state stay known by hash. For a chain derived anew."""
        self._write(clear_canonical)

    def _write(self, change: Callable[[Tables], Switch | None]) -> Switch:
        def with_head(tables: Tables) -> tuple[Switch | None, bytes]:
            result = change(tables)
            head = tables.get("system", b"head")
            assert head is not None
            return result, head

        switch, head_hash = self._database.write(with_head)
        if head_hash != getattr(self, "_head", None):
            head = self.header_by_hash(head_hash)
            assert head is not None
            self._head = head
        return switch or Switch()

    # --- reading -------------------------------------------------------------------------------------------

    @property
    def head(self) -> Header:
        return self._head

    def label(self, label: Label) -> Header | None:
        found = self._database.get("system", label.encode())
        return None if found is None else self.header_by_hash(found)

    def header_by_hash(self, block_hash: bytes) -> Header | None:
        header = self._headers.get(block_hash)
        if header is None:
            raw = self._database.get("headers", block_hash)
            if raw is None:
                return None
            header = decode_header(raw)
            self._headers[block_hash] = header
        return header

    def hash_by_number(self, number: int) -> bytes | None:
        if not 0 <= number < 1 << 64:
            return None
        return self._database.get("canonical", encode_number(number))

    def header_by_number(self, number: int) -> Header | None:
        """The canonical block of that number."""
        found = self.hash_by_number(number)
        return None if found is None else self.header_by_hash(found)

    def resolve(self, ref: BlockRef) -> Header | None:
        """As ChainView.resolve; "safe" and "finalized" are the genesis block until set."""
        if isinstance(ref, bytes):
            return self.header_by_hash(ref)
        if isinstance(ref, int):
            return self.header_by_number(ref)
        if ref == "safe" or ref == "finalized":
            return self.label(ref) or self.header_by_number(0)
        return self.header_by_number(0) if ref == "earliest" else self._head

    def block(self, block_hash: bytes) -> StoredBlock | None:
        block = self._blocks.get(block_hash)
        if block is None:
            header, body = self.header_by_hash(block_hash), self._database.get("bodies", block_hash)
            if header is None or body is None:
                return None
            transactions, senders, withdrawals = decode_body(body)
            size = block_size(header, transactions, withdrawals)
            block = StoredBlock(header, transactions, senders, withdrawals, size)
            self._blocks[block_hash] = block
        return block

    def receipts(self, block_hash: bytes) -> tuple[Receipt, ...]:
        receipts = self._receipts.get(block_hash)
        if receipts is None:
            raw = self._database.get("receipts", block_hash)
            if raw is None:
                return ()
            receipts = decode_receipts(raw)
            self._receipts[block_hash] = receipts
        return receipts

    def locate(self, tx_hash: bytes) -> tuple[bytes, int] | None:
        """(canonical block hash, index in it) of a mined transaction."""
        found = self._database.get("transactions", tx_hash)
        return None if found is None else (found[:32], int.from_bytes(found[32:], "big"))

    def transaction(self, tx_hash: bytes) -> bytes | None:
        """EIP-2718 bytes of a mined transaction."""
        place = self.locate(tx_hash)
        block = None if place is None else self.block(place[0])
        return None if block is None or place is None else block.transactions[place[1]]

    def receipt(self, tx_hash: bytes) -> Receipt | None:
        place = self.locate(tx_hash)
        return None if place is None else self.receipts(place[0])[place[1]]

    def block_hashes(self, header: Header) -> Callable[[int], bytes]:
        """BLOCKHASH for a block whose parent is `header`: number -> hash, zero outside the last 256."""
        known: list[Header] = [header]

        def block_hash(number: int) -> bytes:
            if number < 0 or not header.number - BLOCKHASH_WINDOW < number <= header.number:
                return bytes(32)
            while known[-1].number > number:
                parent = self.header_by_hash(known[-1].parent_hash)
                if parent is None:
                    raise BlockUnavailable(f"no header 0x{known[-1].parent_hash.hex()}")
                known.append(parent)
            return known[header.number - number].hash

        return block_hash

    # --- records -------------------------------------------------------------------------------------------

    def get_meta(self, key: bytes) -> bytes | None:
        return self._database.get("meta", key)

    def put_meta(self, key: bytes, value: bytes | None) -> None:
        """Puts one record; None deletes it."""
        self.put_metas({key: value})

    def put_metas(self, records: Mapping[bytes, bytes | None]) -> None:
        """Puts (None: deletes) several records in one transaction."""
        self._database.write(lambda tables: _put_meta(tables, records))

    def metas(self, prefix: bytes) -> list[tuple[bytes, bytes]]:
        """Records whose key begins with `prefix`, in key order."""
        with self._database.read() as tables:
            return list(tables.prefix("meta", prefix))


def _put_state(tables: Tables, nodes: Mapping[bytes, bytes], codes: Mapping[bytes, bytes]) -> None:
    for node_hash in sorted(nodes):
        tables.put_new("nodes", node_hash, nodes[node_hash])
    for code_hash, code in codes.items():
        tables.put_new("codes", code_hash, code)


def _put_meta(tables: Tables, records: Mapping[bytes, bytes | None]) -> None:
    for key, value in records.items():
        if value is None:
            tables.delete("meta", key)
        else:
            tables.put("meta", key, value)
