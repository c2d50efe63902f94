"""The calldata of EXECUTE: selectors and strict decoding of the arguments of `execute` and `executeStaged`.

Only what `abi.encode` gives is taken, so that a call has one encoding. Decoding takes constant time whatever the
lengths claim; the trace and the pointers are cut out of the calldata when they are asked for.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from execution.encoding import keccak

EXECUTE = keccak(b"execute(bytes32,bytes32,uint64,bytes)")[:4]
EXECUTE_STAGED = keccak(b"executeStaged(bytes32,bytes32,uint64,bytes,address[])")[:4]


class Malformed(Exception):
    """Not the canonical ABI encoding of a call."""


@dataclass(frozen=True, slots=True)
class Arguments:
    """`trace_size` in bytes; `pointer_count` is 0 unless `staged`."""

    staged: bool
    pre_root: bytes
    post_root: bytes
    gas_used: int
    trace_size: int
    pointer_count: int
    _data: bytes
    _trace_start: int
    _pointers_start: int

    def trace(self) -> bytes:
        return self._data[self._trace_start : self._trace_start + self.trace_size]

    def pointers(self) -> Iterator[bytes]:
        """Words of 32 bytes, for `decode_pointer`."""
        start = self._pointers_start
        for at in range(start, start + 32 * self.pointer_count, 32):
            yield self._data[at : at + 32]


def decode_arguments(data: bytes) -> Arguments:
    """`data` begins with one of the two selectors. Raises Malformed."""
    staged = data[:4] == EXECUTE_STAGED
    head = 4 + 32 * (5 if staged else 4)
    if len(data) < head + 32:
        raise Malformed("arguments cut off")
    gas_used, offset, size = _word(data, 68), _word(data, 100), _word(data, head)
    if gas_used >= 1 << 64 or offset != head - 4:
        raise Malformed("arguments not in the canonical ABI encoding")
    start = head + 32
    end = start + (size + 31) // 32 * 32
    if end > len(data) or (not staged and end != len(data)):
        raise Malformed("the trace has another length than announced")
    count = 0
    if staged:
        if _word(data, 132) != end - 4:
            raise Malformed("arguments not in the canonical ABI encoding")
        if len(data) < end + 32 or len(data) != end + 32 + 32 * (count := _word(data, end)):
            raise Malformed("the pointers have another length than announced")
    if any(data[start + size : end]):
        raise Malformed("the trace is not padded with zeros")
    return Arguments(staged, data[4:36], data[36:68], gas_used, size, count, data, start, end + 32)


def decode_pointer(word: bytes) -> bytes:
    """An address of 20 bytes. Raises Malformed."""
    if any(word[:12]):
        raise Malformed("a pointer is not an address")
    return word[12:]


def _word(data: bytes, start: int) -> int:
    return int.from_bytes(data[start : start + 32], "big")
