"""Chunks in which each rule of docs/data.md and of derivation has something to say; for tests/adversarial/changed_lines.py."""

from __future__ import annotations

from random import Random
from typing import Any

from eth_utils import to_checksum_address

from derivation.codec import (
    MAX_TRANSACTION_SIZE,
    ChunkWriter,
    Dictionary,
    Item,
    ItemKind,
    block_start_item,
    encode_chunk,
    to_elements,
)
from derivation.codec.lz import pack
from tests.adversarial.rich_batch import CHAIN_ID, MAX_DRIFT
from tests.e2e.devnet import Devnet
from tests.vectors.make_codec import body, chunk, literals, varint

_RANDOM = Random(9)
_SELECTORS = bytes.fromhex("a9059cbb" "414bf389")
_WORDS = _RANDOM.randbytes(64)
_SAID = b"what the text says, and says again in every transaction; "
_FIRST = [bytes([0xA0 + n]) * 20 for n in range(40)]
_SECOND = [bytes([0x20 + n]) * 20 for n in range(40)]
PAGES = (_SELECTORS.ljust(1024, b"\0") + _WORDS.ljust(8192, b"\0") + _SAID * 8, b"".join(_FIRST), b"".join(_SECOND))
DICTIONARY = Dictionary(PAGES)
KNOWN = 2 * 1228  # dictionary addresses
_FRAGMENT, _LAST, _TX = 0x08, 0x0C, 0x04  # kind bytes
_PIECE = 16_384


def elements(net: Devnet) -> list[bytes]:
    """64 field elements (2,048 bytes) a chunk. Accounts 6, 7 and 9 send."""
    found = [to_elements(each) for each in (*_compact(net), *_joined(net), *_strings(), *_streams(), *_empty(net), *_blocks(), *_largest(net))]
    found.append(_too_large())
    return found


def next_elements(net: Devnet) -> list[bytes]:
    """Of the batch after it."""
    return [to_elements(encode_chunk([block_start_item(3)]))]


def _signed(net: Devnet, account: int, nonce: int, to: bytes, **fields: Any) -> bytes:
    given = {"nonce": nonce, "chainId": CHAIN_ID, "gas": 21_000, "value": 10**15, "to": to_checksum_address(to)} | fields
    if "gasPrice" not in given:
        given = {"maxFeePerGas": 10**10, "maxPriorityFeePerGas": 10**9} | given
    return bytes(net.account(account).sign_transaction(given).raw_transaction)


def _compact(net: Devnet) -> list[bytes]:
    own, other = b"\x51" * 20, b"\x52" * 20
    word = lambda value: (value % 2**256).to_bytes(32, "big")
    address = lambda value: bytes(12) + value
    calls = [
        _SELECTORS[:4] + word(5) + word(96) + word(10**18) + word(0x123456) + b"text".ljust(32, b"\0") + word(-887_272)
        + address(_FIRST[2]) + address(own) + _WORDS[:32] + _WORDS[32:] + word(-1) + _RANDOM.randbytes(32),
        _RANDOM.randbytes(4) + word(7),
        _SELECTORS[4:] + bytes(200) + b"bare text and so on",
        _SAID + b"again" * 30 + _SAID,
    ]  # fmt: skip
    plain: list[dict[str, Any]] = [
        {"to": _FIRST[0]},
        {"to": _SECOND[5], "value": 3 * 10**14},
        {"to": own, "value": 12_345_678_901_234_567, "maxFeePerGas": 2 * 10**10},
        {"to": own, "value": 0, "maxPriorityFeePerGas": 0, "maxFeePerGas": 10**10 + 7},
        {"to": other, "gas": 30_000, "maxFeePerGas": 2 * 10**10},
        {"to": other, "gasPrice": 15 * 10**9},
        {"to": _FIRST[1], "maxFeePerGas": 12 * 10**9},
        *({"to": _FIRST[n], "data": data, "gas": 200_000} for n, data in enumerate(calls)),
    ]
    writer = ChunkWriter(CHAIN_ID, DICTIONARY)
    for nonce, fields in enumerate(plain):
        writer.transaction(_signed(net, 6, nonce, **fields))
    writer.transaction(_signed(net, 7, 0, _SECOND[7]))
    writer.transaction(_signed(net, 7, 1, _SECOND[8]))
    return writer.chunks()


def _joined(net: Devnet) -> list[bytes]:
    """A transaction in three; a last fragment that would be one alone; a fragment amid its chunk."""
    part, last = ItemKind.FRAGMENT, ItemKind.LAST_FRAGMENT
    raw = _signed(net, 7, 2, _FIRST[4], data=bytes(range(256)), gas=100_000)
    return [
        encode_chunk([Item(part, raw[:100])]), encode_chunk([Item(part, raw[100:200])]),
        encode_chunk([Item(last, raw[200:]), Item(last, _signed(net, 9, 0, _FIRST[5])), Item(part, b"amid"), block_start_item(3)]),
    ]  # fmt: skip


def _string(tags: str, operands: bytes = b"", *, length: int) -> bytes:
    """A chunk of one fragment."""
    return chunk(1, literals(body(bytes([_FRAGMENT]), varint(length) + bytes.fromhex(tags), operands)))


def _strings() -> list[bytes]:
    """Section 6, and the addresses of section 4."""
    address = bytes(range(20))
    two = bytes([_TX, _FRAGMENT])
    return [
        _string("e901", length=32),
        _string("01", length=31),
        _string("01", length=100),
        _string("e8" + varint(20_000).hex(), length=20_000),
        _string("e70a", b"\x01\x02", length=10),
        _string("e1e1", b"\x00" + address + varint(KNOWN + 3), length=40),
        _string("e1e1e1", b"\x01\x00" + address + varint(KNOWN + 1), length=60),
        _string("e1", varint(61), length=20),
        chunk(2, literals(body(two, b"\x02\xe7\x04\x01\xa0", b"\x01\x02\x03\x04\x05"))),
        chunk(2, literals(body(two, b"\x02\xe7" + b"\xff" * 8 + b"\x01\xa0", b"\x01\x02\x03\x04"))),
    ]  # fmt: skip


def _streams() -> list[bytes]:
    """Sections 1 and 3."""
    kind = bytes([_FRAGMENT])
    hello = body(kind, b"\x05\xa4", b"hello")
    return [
        chunk(1, b"\x66" + body(kind, b"\x08\xe7\x08", b"!") + b"\x00\x00"),
        chunk(1, b"\x6f" + body(kind, b"\x14\xe7\x14", b"!?") [:6] + b"\x02\x00\x00"),
        chunk(1, pack(body(kind, varint(9000) + b"\xe7" + varint(9000), b"z" * 9000), DICTIONARY)),
        chunk(1, pack(kind + varint(5000) + b"\x05\xe7\x05".ljust(4096, b"\x01") + b"hello", DICTIONARY)),
        chunk(1, literals(hello), size=len(hello) - 1),
        chunk(3, literals(b"\x03")),
        chunk(3, literals(body(b"\x10\x03" + kind, b"\x05\xa4", b"hello"))),
        chunk(1, literals(hello), version=3),
        chunk(64, literals(body(kind * 64, b"\x01\xa0" * 64, b"x" * 64))),
    ]  # fmt: skip


def _empty(net: Devnet) -> list[bytes]:
    """Nothing pending; a whole transaction as a fragment; an empty last one."""
    raw = _signed(net, 9, 0, _FIRST[6])
    return [bytes(2032), encode_chunk([Item(ItemKind.FRAGMENT, raw)]), chunk(1, literals(body(bytes([_LAST]), b"\x00")))]


def _blocks() -> list[bytes]:
    """Delta 0; then just to the drift, and a second beyond. Three seconds went before."""
    return [chunk(1, literals(body(b"\x00", b"\x00"))), encode_chunk([block_start_item(MAX_DRIFT - 3), block_start_item(1)])]


def _largest(net: Devnet) -> list[bytes]:
    """The largest transaction, one of a byte more, and a fragment beyond what can be pending."""
    found: list[bytes] = []
    for nonce, size in enumerate((MAX_TRANSACTION_SIZE, MAX_TRANSACTION_SIZE + 1)):
        raw, zeros = b"", size - 120
        while len(raw) != size:  # a signature may be a byte shorter than another
            raw = _signed(net, 9, nonce, _FIRST[7], data=bytes(zeros), gas=1_000_000)
            zeros += size - len(raw)
        *parts, last = [raw[at : at + _PIECE] for at in range(0, size, _PIECE)]
        found += [*(_mostly_zeros(_FRAGMENT, part) for part in parts), _mostly_zeros(_LAST, last)]
    pieces = [bytes(_PIECE)] * (MAX_TRANSACTION_SIZE // _PIECE) + [b"one more"]
    return found + [_mostly_zeros(_FRAGMENT, piece) for piece in pieces]


def _mostly_zeros(kind: int, payload: bytes) -> bytes:
    """A chunk of one item: its bytes before the zeros, the zeros, and what is left."""
    before = max(payload.find(bytes(1000)), 0)
    after = payload[before:].lstrip(b"\0")
    zeros = len(payload) - before - len(after)
    tags = b"".join(tag + varint(size) for tag, size in ((b"\xe7", before), (b"\xe8", zeros), (b"\xe7", len(after))))
    return chunk(1, literals(body(bytes([kind]), varint(len(payload)) + tags, payload[:before] + after)))


def _too_large() -> bytes:
    """One element of 2^254 and more in a chunk that says something."""
    found = bytearray(to_elements(chunk(1, literals(body(bytes([_FRAGMENT]), b"\x05\xa4", b"hello")))))
    found[32 * 9] |= 0x40
    return bytes(found)
