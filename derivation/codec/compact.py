"""Compact transactions: their fields in streams, back to EIP-2718 bytes (docs/data.md, section 5). The reading half."""

from __future__ import annotations

from derivation.codec.dictionary import Dictionary
from derivation.codec.layout import CHUNK_SIZE
from derivation.codec.streams import Addresses, Stream
from derivation.codec.strings import read_string
from execution.encoding import encode_bytes, encode_int, wrap_list

LANE_OTHER, LANE_LEGACY, LANE_DYNAMIC_FEE = 0, 1, 2
FEES_SHIFT = 2
FEES_NEW, FEES_SAME_TIP, FEES_SAME, FEES_EARLIER = range(4)
NEXT_NONCE, HAS_VALUE, HAS_DATA, HAS_GAS_LIMIT = 0x10, 0x20, 0x40, 0x80

SIGNATURE_SIZE = 64
MAX_SIGNATURES = 31  # that there is room for
TRANSFER_GAS = 21_000
_PARITY_BIT = 1 << 255


class CompactReader:
    """Reads a chunk's compact transactions, in order: each can lean on those before it."""

    def __init__(self, chunk: bytes, chain_id: int) -> None:
        self._chunk, self._chain_id = chunk, chain_id
        self._encoded_chain_id = encode_int(chain_id)
        self._next_nonce = 0
        self._fees: list[tuple[int, int]] = []

    def read(
        self, kind: int, tags: Stream, operands: Stream, addresses: Addresses, dictionary: Dictionary
    ) -> bytes:
        """The transaction's EIP-2718 bytes."""
        nonce = self._next_nonce if kind & NEXT_NONCE else operands.varint()
        self._next_nonce = nonce + 1
        tip, cap = fees = self._read_fees(kind >> FEES_SHIFT & 3, operands)
        gas_limit = operands.number() if kind & HAS_GAS_LIMIT else TRANSFER_GAS
        recipient = addresses.read(operands)
        value = operands.number() if kind & HAS_VALUE else 0
        data = read_string(tags, operands, addresses, dictionary) if kind & HAS_DATA else b""
        parity, signature = self._signature(len(self._fees))
        self._fees.append(fees)
        middle = encode_int(gas_limit) + b"\x94" + recipient + encode_int(value) + encode_bytes(data)
        if kind & 3 == LANE_LEGACY:
            v = encode_int(35 + 2 * self._chain_id + parity)
            return wrap_list(encode_int(nonce) + encode_int(cap) + middle + v + signature)
        head = self._encoded_chain_id + encode_int(nonce) + encode_int(tip) + encode_int(cap)
        return b"\x02" + wrap_list(head + middle + b"\xc0" + encode_int(parity) + signature)

    def _read_fees(self, mode: int, operands: Stream) -> tuple[int, int]:
        """(max_priority_fee_per_gas, max_fee_per_gas), wei."""
        if mode == FEES_NEW:
            return operands.number(), operands.number()
        known = self._fees
        if mode == FEES_EARLIER:
            back = operands.byte() + 1
            return known[-back] if back <= len(known) else (0, 0)
        tip, cap = known[-1] if known else (0, 0)
        return (tip, operands.number()) if mode == FEES_SAME_TIP else (tip, cap)

    def _signature(self, index: int) -> tuple[int, bytes]:
        """(y_parity, RLP of r and s) of the compact transaction number `index`."""
        if index >= MAX_SIGNATURES:
            return 0, b"\x80\x80"
        end = CHUNK_SIZE - SIGNATURE_SIZE * index
        r = int.from_bytes(self._chunk[end - 64 : end - 32], "big")
        s = int.from_bytes(self._chunk[end - 32 : end], "big")
        return s >> 255, encode_int(r) + encode_int(s & (_PARITY_BIT - 1))
