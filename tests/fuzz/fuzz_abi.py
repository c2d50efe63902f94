"""Our strict ABI decoder against eth_abi, for a Trace: what is taken means the same; what is canonical is taken."""

from __future__ import annotations

import eth_abi
from eth_abi.exceptions import DecodingError

from execution.abi import TRACE
from execution.abi_codec import AbiError, decode, encode
from tests.fuzz.claims import claims

_ATTRIBUTES = "(uint64,address,bytes32,uint64,bytes32,bytes,(uint64,uint64,address,uint64)[])"
_OPEN = f"(uint64,{_ATTRIBUTES},uint256,uint64,uint64,uint64,bytes,bytes32,bytes32,bytes)"
_CURSOR = "(uint64,uint64,uint64)"
_STATE = f"(bytes32,bytes32,{_OPEN},bytes32,uint64,{_CURSOR})"
TYPE = f"(uint64,bytes32,uint64,{_STATE},{_STATE},(uint8,bytes,{_CURSOR})[],bytes)"


def seeds() -> list[bytes]:
    return [claim.encoded for claim in claims()]


def one(data: bytes) -> None:
    try:
        ours = decode(TRACE, data)
    except AbiError:
        ours = None
    try:
        (theirs,) = eth_abi.decode([TYPE], data)
        canonical = eth_abi.encode([TYPE], [theirs]) == data
    except (DecodingError, OverflowError, MemoryError, RecursionError):
        canonical = False
    assert (ours is not None) == canonical
    if ours is not None:
        assert encode(TRACE, ours) == data
        assert same(ours, theirs), (ours, theirs)


def same(ours, theirs) -> bool:
    if isinstance(ours, tuple):
        return len(ours) == len(theirs) and all(map(same, ours, theirs))
    if isinstance(theirs, str):  # addresses
        return ours == bytes.fromhex(theirs[2:])
    return ours == theirs
