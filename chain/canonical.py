"""Which blocks are canonical: moving the head along the tree of known blocks.

Runs inside the caller's write transaction, so the numbers, the transaction index and the labels
always agree with the head.
"""

from __future__ import annotations

from dataclasses import dataclass

from eth_utils import keccak

from chain.database import ChainStoreError, Tables
from chain.encoding import decode_body, encode_number
from chain.view import BlockUnavailable
from execution.header import Header, decode_header

LABELS = (b"safe", b"finalized")


@dataclass(frozen=True, slots=True)
class Switch:
    """What a new head did: `removed` newest first, `added` oldest first (the last one is the head)."""

    removed: tuple[Header, ...] = ()
    added: tuple[Header, ...] = ()


def switch_to(tables: Tables, block_hash: bytes) -> Switch:
    """Makes a known block the head. Labels on blocks that were removed move to the common ancestor."""
    old, new = _header(tables, tables.get("system", b"head")), _header(tables, block_hash)
    removed: list[Header] = []
    added: list[Header] = []
    while old.hash != new.hash:
        if old.number >= new.number:
            removed.append(old)
            old = _header(tables, old.parent_hash)
        if old.number < new.number:
            added.append(new)
            new = _header(tables, new.parent_hash)
    for header in removed:
        _unlink(tables, header)
    for header in reversed(added):
        _link(tables, header)
    if removed:
        gone = {header.hash for header in removed}
        for label in LABELS:
            if tables.get("system", label) in gone:
                tables.put("system", label, old.hash)
    tables.put("system", b"head", block_hash)
    return Switch(tuple(removed), tuple(reversed(added)))


def clear_canonical(tables: Tables) -> Switch:
    """The head goes back to genesis."""
    genesis = tables.get("system", b"genesis")
    assert genesis is not None
    return switch_to(tables, genesis)


def _link(tables: Tables, header: Header) -> None:
    tables.put("canonical", encode_number(header.number), header.hash)
    for index, raw in enumerate(_transactions(tables, header)):
        tables.put("transactions", keccak(raw), header.hash + index.to_bytes(4, "big"))


def _unlink(tables: Tables, header: Header) -> None:
    if tables.get("canonical", encode_number(header.number)) == header.hash:
        tables.delete("canonical", encode_number(header.number))
    for raw in _transactions(tables, header):
        tables.delete("transactions", keccak(raw))


def _transactions(tables: Tables, header: Header) -> tuple[bytes, ...]:
    body = tables.get("bodies", header.hash)
    if body is None:
        raise ChainStoreError(f"the body of block 0x{header.hash.hex()} is missing")
    return decode_body(body)[0]


def _header(tables: Tables, block_hash: bytes | None) -> Header:
    raw = None if block_hash is None else tables.get("headers", block_hash)
    if raw is None:
        raise BlockUnavailable(f"no block 0x{(block_hash or b'').hex()}")
    return decode_header(raw)
