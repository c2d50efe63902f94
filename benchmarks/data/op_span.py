"""The OP Stack's span batches, written from its public specification (specs.optimism.io/protocol/delta/span-batches.html).

    span batch:   0x01 ‖ rel_timestamp ‖ l1_origin_num ‖ parent_check(20) ‖ l1_origin_check(20)
                  ‖ block_count ‖ origin_bits ‖ block_tx_counts ‖ txs
    txs:          contract_creation_bits ‖ y_parity_bits ‖ tx_sigs ‖ tx_tos ‖ tx_datas ‖ tx_nonces ‖ tx_gases ‖ protected_bits

Numbers are LEB128 varints. Bit i of a bitlist is bit i of a big-endian integer of whole bytes. Types 0 to 2 by Delta, 4 by
Isthmus. How it goes to L1 (channel, frames, blobs) is in op_channel.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from execution.encoding import (
    Rlp,
    as_bytes,
    as_int,
    as_list,
    decode_list,
    encode_bytes,
    encode_int,
    encode_list,
    header,
    wrap_list,
)

SPAN_BATCH = 1
MAX_ELEMENTS = 10_000_000  # MAX_SPAN_BATCH_ELEMENT_COUNT
_CHECK_SIZE = 20
_LEGACY, _ACCESS_LIST, _DYNAMIC_FEE, _SET_CODE = 0, 1, 2, 4
_DATA_FIELDS = {_LEGACY: 3, _ACCESS_LIST: 4, _DYNAMIC_FEE: 5, _SET_CODE: 6}


class SpanBatchError(ValueError):
    """Not a span batch, or a transaction that none can carry."""


@dataclass(frozen=True)
class Block:
    """An L2 block's user transactions, EIP-2718. `new_origin`: its L1 origin is the one after the block's before."""

    transactions: tuple[bytes, ...]
    new_origin: bool = False


@dataclass(frozen=True)
class SpanBatch:
    """`rel_timestamp`: seconds from L2 genesis to the first block. Checks: the first 20 bytes of block hashes."""

    rel_timestamp: int
    l1_origin_num: int
    parent_check: bytes
    l1_origin_check: bytes
    blocks: tuple[Block, ...]

    def encode(self, chain_id: int) -> bytes:
        """With the batch version. SpanBatchError if a transaction's type or chain id can't be said."""
        counts = b"".join(uvarint(len(block.transactions)) for block in self.blocks)
        return b"".join((
            bytes((SPAN_BATCH,)), uvarint(self.rel_timestamp), uvarint(self.l1_origin_num),
            self.parent_check, self.l1_origin_check,
            uvarint(len(self.blocks)), bitlist([block.new_origin for block in self.blocks]), counts,
            encode_transactions([raw for block in self.blocks for raw in block.transactions], chain_id),
        ))  # fmt: skip

    @classmethod
    def decode(cls, data: bytes, chain_id: int) -> SpanBatch:
        """SpanBatchError or RlpError if it isn't one."""
        if data[:1] != bytes((SPAN_BATCH,)):
            raise SpanBatchError("not batch version 1")
        reader = Reader(data, 1)
        rel_timestamp, l1_origin_num = reader.uvarint(), reader.uvarint()
        parent_check, l1_origin_check = reader.take(_CHECK_SIZE), reader.take(_CHECK_SIZE)
        block_count = reader.uvarint()
        if block_count > MAX_ELEMENTS:
            raise SpanBatchError("too many blocks")
        origins = reader.bits(block_count)
        counts = [reader.uvarint() for _ in range(block_count)]
        if sum(counts) > MAX_ELEMENTS:
            raise SpanBatchError("too many transactions")
        transactions = iter(decode_transactions(reader, sum(counts), chain_id))
        blocks = tuple(
            Block(tuple(next(transactions) for _ in range(count)), origin)
            for count, origin in zip(counts, origins, strict=True)
        )
        if reader.at != len(data):
            raise SpanBatchError("trailing bytes")
        return cls(rel_timestamp, l1_origin_num, parent_check, l1_origin_check, blocks)


def uvarint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def bitlist(bits: Sequence[bool | int]) -> bytes:
    """Left-padded with zeros to whole bytes; the first is the lowest bit."""
    text = "".join("1" if bit else "0" for bit in reversed(bits))
    return int(text or "0", 2).to_bytes((len(bits) + 7) // 8, "big")


class Reader:
    """Takes what it reads from `data` from `at` on; SpanBatchError where it ends too soon."""

    def __init__(self, data: bytes, at: int = 0) -> None:
        self.data, self.at = data, at

    def take(self, size: int) -> bytes:
        if size > len(self.data) - self.at:
            raise SpanBatchError("cut off")
        self.at += size
        return self.data[self.at - size : self.at]

    def uvarint(self) -> int:
        value = shift = 0
        while True:
            byte = self.take(1)[0]
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
            shift += 7
            if shift > 63:
                raise SpanBatchError("a varint of more than 64 bits")

    def bits(self, count: int) -> list[bool]:
        value = int.from_bytes(self.take((count + 7) // 8), "big")
        if value >> count:
            raise SpanBatchError("a bitlist with more bits than it may have")
        return [digit == "1" for digit in reversed(format(value, f"0{count}b"))] if count else []

    def transaction_data(self) -> tuple[int, list[Rlp]]:
        """(type, the fields of one of tx_datas)"""
        kind = _LEGACY
        if self.data[self.at : self.at + 1] < b"\xc0":
            kind = self.take(1)[0]
        if kind not in _DATA_FIELDS:
            raise SpanBatchError(f"transactions of type {kind} are in no span batch")
        _, _, stop = header(self.data, self.at, len(self.data))
        fields = decode_list(self.take(stop - self.at))
        return kind, as_list(fields, _DATA_FIELDS[kind])


# --- transactions ------------------------------------------------------------------------------------------------


def encode_transactions(transactions: Sequence[bytes], chain_id: int) -> bytes:
    """`txs`."""
    creations: list[bool] = []
    parities: list[int] = []
    protected: list[bool] = []
    signatures, tos, datas, nonces, gases = bytearray(), bytearray(), bytearray(), bytearray(), bytearray()
    for raw in transactions:
        kind = raw[0] if raw[0] < 0xC0 else _LEGACY
        if kind == _LEGACY:
            nonce, price, gas, to, value, data, v, r, s = as_list(decode_list(raw), 9)
            parity, has_id = _parity(as_int(v), chain_id)
            protected.append(has_id)
            datas += wrap_list(b"".join(map(_encode, (value, price, data))))
        elif kind == _ACCESS_LIST:
            chain, nonce, price, gas, to, value, data, access, y, r, s = as_list(decode_list(raw[1:]), 11)
            datas += b"\x01" + wrap_list(b"".join(map(_encode, (value, price, data, access))))
        elif kind == _DYNAMIC_FEE:
            chain, nonce, tip, cap, gas, to, value, data, access, y, r, s = as_list(decode_list(raw[1:]), 12)
            datas += b"\x02" + wrap_list(b"".join(map(_encode, (value, tip, cap, data, access))))
        elif kind == _SET_CODE:
            chain, nonce, tip, cap, gas, to, value, data, access, grants, y, r, s = as_list(decode_list(raw[1:]), 13)
            datas += b"\x04" + wrap_list(b"".join(map(_encode, (value, tip, cap, data, access, grants))))
        else:
            raise SpanBatchError(f"transactions of type {kind} are in no span batch")
        if kind != _LEGACY:
            if as_int(chain) != chain_id:
                raise SpanBatchError("a transaction of another chain")
            parity = as_int(y)
        parities.append(parity)
        creations.append(not to)
        signatures += as_bytes(r).rjust(32, b"\x00") + as_bytes(s).rjust(32, b"\x00")
        tos += as_bytes(to)
        nonces += uvarint(as_int(nonce, 8))
        gases += uvarint(as_int(gas, 8))
    return b"".join((bitlist(creations), bitlist(parities), signatures, tos, datas, nonces, gases, bitlist(protected)))


def decode_transactions(reader: Reader, count: int, chain_id: int) -> list[bytes]:
    """`count` transactions, EIP-2718."""
    creations, parities = reader.bits(count), reader.bits(count)
    signatures = [(reader.take(32).lstrip(b"\x00"), reader.take(32).lstrip(b"\x00")) for _ in range(count)]
    tos = [b"" if creation else reader.take(20) for creation in creations]
    datas = [reader.transaction_data() for _ in range(count)]
    nonces = [reader.uvarint() for _ in range(count)]
    gases = [reader.uvarint() for _ in range(count)]
    protected = iter(reader.bits(sum(kind == _LEGACY for kind, _ in datas)))
    out = []
    for (kind, fields), to, nonce, gas, parity, (r, s) in zip(
        datas, tos, nonces, gases, parities, signatures, strict=True
    ):
        if kind == _LEGACY:
            value, price, data = fields
            v = 35 + 2 * chain_id + parity if next(protected) else 27 + parity
            body = [encode_int(nonce), _encode(price), encode_int(gas), encode_bytes(to), _encode(value), _encode(data)]
            out.append(wrap_list(b"".join((*body, encode_int(v), encode_bytes(r), encode_bytes(s)))))
            continue
        value, *fees, data = fields[: 3 if kind == _ACCESS_LIST else 4]
        body = [encode_int(chain_id), encode_int(nonce), *map(_encode, fees), encode_int(gas), encode_bytes(to)]
        body += map(_encode, (value, data, *fields[3 if kind == _ACCESS_LIST else 4 :]))
        body += [encode_int(int(parity)), encode_bytes(r), encode_bytes(s)]
        out.append(bytes((kind,)) + wrap_list(b"".join(body)))
    return out


def _encode(item: Rlp) -> bytes:
    if isinstance(item, bytes):
        return encode_bytes(item)
    return encode_list(item) if all(isinstance(x, bytes) for x in item) else wrap_list(b"".join(map(_encode, item)))


def _parity(v: int, chain_id: int) -> tuple[int, bool]:
    """(y parity, whether it names the chain: EIP-155)"""
    if v in (27, 28):
        return v - 27, False
    if v - 35 - 2 * chain_id in (0, 1):
        return v - 35 - 2 * chain_id, True
    raise SpanBatchError("a transaction of another chain")
