"""Our strict RLP against the `rlp` library: the same bytes are refused, the others mean the same."""

from __future__ import annotations

import rlp

from execution.encoding import RlpError, decode, encode_bytes, wrap_list
from tests.fuzz.claims import claims

DEPTH = 8


def seeds() -> list[bytes]:
    made = [b"", b"\x80", b"\xc0", b"\x7f", b"\x81\x80", b"\xb8\x38" + bytes(56), b"\xf8\x38" + b"\xc0" * 56]
    nodes = [node for claim in claims() for node in claim.trace.witness.state]
    return made + nodes[:40] + [header for claim in claims() for header in claim.trace.witness.headers][:3]


def one(data: bytes) -> None:
    try:
        ours = decode(data, DEPTH)
    except RlpError:
        ours = None
    try:
        theirs = plain(rlp.decode(data))
    except (rlp.DecodingError, RecursionError):
        theirs = None
    if depth(theirs) > DEPTH:
        theirs = None
    assert ours == theirs, (ours, theirs)
    assert ours is None or encode(ours) == data


def plain(item):
    return None if item is None else [plain(child) for child in item] if isinstance(item, (list, tuple)) else bytes(item)


def depth(item) -> int:
    """Iterative: the library takes deeper nesting than Python recurses."""
    deepest, pending = 0, [(item, 1)]
    while pending:
        found, level = pending.pop()
        if isinstance(found, list):
            deepest = max(deepest, level)
            pending += [(child, level + 1) for child in found]
    return deepest


def encode(item) -> bytes:
    return encode_bytes(item) if isinstance(item, bytes) else wrap_list(b"".join(encode(child) for child in item))
