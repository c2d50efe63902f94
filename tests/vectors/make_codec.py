"""Writes codec.json: chunks (2,032 bytes) and the items that both decoders must find in them (docs/data.md).

    python tests/vectors/make_codec.py

Items written down here by hand are what the page says; for the others (real transactions, noise, mutations) it is what the
Python decoder says, and the Solidity one must say the same. {"chain_id", "pages": [hex], "chunks": [{"name", "pages": whether the
batch names the pages or none, "chunk": hex, "items": [{"kind", "payload"}]}]}. And codec_gas.json: chunks that are dear to
decode, [{"name", "chunk"}], for solidity/test/CodecGas.t.sol; their batch names the pages of codec.json.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from random import Random

from eth_account import Account

from derivation.codec import CHUNK_SIZE, ChunkWriter, Dictionary, Item, ItemKind, decode_chunk
from derivation.codec.lz import MAX_BODY, pack
from derivation.codec.reader import MAX_TAGS
from derivation.codec.strings import MAX_STRING

CHAIN_ID = 901
SKIP, START, TX, FRAGMENT, LAST = range(5)
_RANDOM = Random(4)
_SIGNERS = [Account.from_key(bytes([0x11] * 31 + [i])) for i in range(1, 9)]
_TOKEN, _ROUTER = b"\xaa" * 20, b"\xbb" * 20
_TRANSFER, _SWAP = bytes.fromhex("a9059cbb"), bytes.fromhex("414bf389")


@dataclass(frozen=True)
class Case:
    """`items` None: as the decoder says."""

    chunk: bytes
    items: list[tuple[int, bytes]] | None = None
    pages: tuple[bytes, ...] = ()


def text_page() -> bytes:
    """Selectors, words, and something for LZ4 to find."""
    selectors = (_TRANSFER + _SWAP).ljust(1024, b"\x00")
    words = (b"\x77" * 32 + bytes(31) + b"\x99").ljust(8192, b"\x00")
    return selectors + words + b"a text that is worth repeating, a text" * 300


PAGES = (text_page(), b"".join(bytes([i]) * 20 for i in range(1, 200)), _TOKEN * 2 + _ROUTER[:7])


def varint(value: int) -> bytes:
    out = b""
    while value >= 0x80:
        out, value = out + bytes([value & 0x7F | 0x80]), value >> 7
    return out + bytes([value])


def literals(body: bytes) -> bytes:
    """As an LZ4 block without matches."""
    size = len(body)
    if size < 15:
        return bytes([size << 4]) + body
    rest = size - 15
    return b"\xf0" + b"\xff" * (rest // 255) + bytes([rest % 255]) + body


def chunk(count: int, packed: bytes, signatures: bytes = b"", *, version: int = 2, size: int | None = None) -> bytes:
    head = bytes([version, count]) + (len(packed) if size is None else size).to_bytes(2, "big")
    return (head + packed)[: CHUNK_SIZE - len(signatures)].ljust(CHUNK_SIZE - len(signatures), b"\x00") + signatures


def body(kinds: bytes, tags: bytes = b"", operands: bytes = b"") -> bytes:
    return kinds + varint(len(tags)) + tags + operands


def raw_item(tags: bytes, operands: bytes = b"", *, length: int) -> bytes:
    """A chunk of one Transaction in lane 0."""
    return chunk(1, literals(body(b"\x04", varint(length) + tags, operands)))


def words() -> dict[str, Case]:
    """Section 6, each tag."""
    one = bytes(31)
    address = bytes(range(20))

    def case(tags: str, operands: bytes, expected: bytes, length: int | None = None) -> Case:
        length = len(expected) if length is None else length
        return Case(raw_item(bytes.fromhex(tags), operands, length=length), [(TX, expected)], PAGES)

    return {
        "small words": case("01003f", b"", one + b"\x01" + bytes(32) + one + b"\x3f"),
        "multiples of 32": case("40415f", b"", one + b"\x40" + one + b"\x60" + bytes(30) + b"\x04\x20"),
        "right-aligned": case("60617f", bytes(range(1, 36)), one + b"\x01" + bytes(30) + b"\x02\x03" + bytes(range(4, 36))),
        "left-aligned": case("80819f", bytes(range(1, 36)), b"\x01" + one + b"\x02\x03" + bytes(30) + bytes(range(4, 36))),
        "bare": case("a0a1bf", bytes(range(1, 36)), bytes(range(1, 36))),
        "negative": case("c0c1df", bytes(range(1, 36)), b"\xff" * 31 + b"\x01" + b"\xff" * 30 + b"\x02\x03" + bytes(range(4, 36))),
        "address word, spelled": case("e0", b"\x00" + address, bytes(12) + address),
        "address, spelled and repeated": case("e1e1", b"\x00" + address + varint(2 * 1228 + 1), address * 2),
        "dictionary addresses": case("e1e1e1", b"\x01" + varint(199) + varint(1229), b"\x01" * 20 + b"\xc7" * 20 + _TOKEN),
        "dictionary address of a short page": case("e1e1", varint(1231) + varint(1232), _ROUTER[:7] + bytes(33)),
        "last dictionary address": case("e1", varint(2 * 1228), bytes(20)),
        "own list, beyond its end": case("e1e1", b"\x00" + address + varint(2 * 1228 + 2), address + bytes(20)),
        "number words": case("e2e2e2", b"\x12\x3f\x2d\x1f", (10**18).to_bytes(32, "big") + (0x2D * 10**31).to_bytes(32, "big") + bytes(32)),
        "number modulo 2^256": case("e2", b"\xff" + b"\xff" * 32, b"\xff" * 32),
        "common words": case("e300e301e3ff", b"", b"\x77" * 32 + bytes(31) + b"\x99" + bytes(32)),
        "selectors": case("e400e401e4ff", b"", _TRANSFER + _SWAP + bytes(4)),
        "spelled selector": case("e501020304", b"", b"\x01\x02\x03\x04"),
        "spelled selector, T ends in it": case("e50102", b"", b"\x01\x02\x00\x00"),
        "all ones": case("e6", b"", b"\xff" * 32),
        "run": case("e7c801", bytes(range(200)), bytes(range(200))),
        "run past X's end": case("e70a", b"\x01\x02", b"\x01\x02" + bytes(8)),
        "zeros": case("e8c801", b"", bytes(200)),
        "unknown tags say nothing": case("e9ff01", b"", one + b"\x01"),
        "cut off at length": case("01", b"", bytes(31), 31),
        "an element is cut off but takes its operands": Case(
            chunk(2, literals(body(b"\x04\x04", b"\x01\xbf\x01\xa0", bytes(range(1, 34))))), [(TX, b"\x01"), (TX, b"\x21")]
        ),
        "a run is cut off but takes its operands": Case(
            chunk(2, literals(body(b"\x04\x04", b"\x02\xe7\x04\x01\xa0", b"\x01\x02\x03\x04\x05"))), [(TX, b"\x01\x02"), (TX, b"\x05")]
        ),
        "a huge run": Case(
            chunk(2, literals(body(b"\x04\x04", b"\x02\xe7" + b"\xff" * 8 + b"\x01\xa0", b"\x01\x02\x03\x04"))),
            [(TX, b"\x01\x02"), (TX, b"\x00")],
        ),
        "T ends before the length": case("01", b"", one + b"\x01", 100),
        "length above the limit": case("e8808002", b"", bytes(16384), 1 << 40),
        "number with a raw form past X's end": case("e2", b"\xe1", bytes(32)),
    }  # fmt: skip


def shapes() -> dict[str, Case]:
    """Sections 1, 3 and 5, without signatures."""
    tx = b"\x04"
    hello = body(tx, b"\x05\xa4", b"hello")
    long = b"the same again, the same again, the same again"
    return {
        "all zero": Case(bytes(CHUNK_SIZE), []),
        "version 1": Case(chunk(1, literals(hello), version=1), []),
        "version 3": Case(chunk(1, literals(hello), version=3), []),
        "version 2, no items": Case(chunk(0, literals(hello)), []),
        "one string": Case(chunk(1, literals(hello)), [(TX, b"hello")]),
        "63 items, one body byte each": Case(chunk(63, literals(tx * 63)), [(SKIP, b"")] * 63),
        "64 items": Case(chunk(64, literals(hello)), []),
        "255 items": Case(chunk(255, literals(hello)), []),
        "more items than kinds": Case(chunk(3, literals(b"\x03")), [(SKIP, b""), (SKIP, b""), (SKIP, b"")]),
        "nothing packed: block starts of delta 0": Case(chunk(2, b""), [(SKIP, b"")] * 2),
        "block starts": Case(
            chunk(3, literals(body(bytes(3), b"\x02\x00\xac\x02"))),
            [(START, (2).to_bytes(8, "big")), (SKIP, b""), (START, (300).to_bytes(8, "big"))],
        ),
        "the largest delta": Case(chunk(1, literals(body(b"\x00", b"\xff" * 8))), [(START, ((1 << 56) - 1).to_bytes(8, "big"))]),
        "fragments": Case(chunk(2, literals(body(b"\x08\x0c", b"\x01\xa0\x02\xa1", b"abc"))), [(FRAGMENT, b"a"), (LAST, b"bc")]),
        "unknown kinds": Case(chunk(3, literals(body(b"\x10\x03\xfc"))), [(SKIP, b"")] * 3),
        "t above its limit": Case(
            chunk(2, pack(b"\x04\x04" + varint(5000) + b"\x81\x20".ljust(4096, b"\xff") + b"one more", Dictionary())), [(SKIP, b"")] * 2
        ),
        "X begins where T's limit is": Case(
            chunk(1, pack(b"\x01" + varint(1 << 50) + bytes(4096) + b"\x05" + b"\x1f\x1f" + b"\x00" + _TOKEN, Dictionary())), None
        ),
        "t larger than the body": Case(chunk(1, literals(tx + b"\x64\x05\xe5abcd\xa0")), [(TX, b"abcd\x00")]),
        "size beyond the chunk": Case(chunk(1, literals(hello), size=65535), [(TX, b"hello")]),
        "size cuts a literal": Case(chunk(1, literals(hello), size=len(hello) - 1), [(TX, b"hel\x00\x00")]),
        "a match": Case(chunk(1, pack(body(tx, b"\x2e\xe7\x2e", long), Dictionary())), [(TX, long)]),
        "a match in the text": Case(chunk(1, pack(body(tx, b"\x26\xe7\x26", b"a text that is worth repeating, a text"), Dictionary(PAGES))), [(TX, b"a text that is worth repeating, a text")], PAGES),
        "a match before the text: zeros": Case(
            chunk(1, b"\x40" + body(tx, b"\x08\xe7\x08")[:4] + b"\x50" + b"\xff\xff"), None, PAGES
        ),
        "offset 0: zeros": Case(chunk(1, b"\x66" + body(tx, b"\x08\xe7\x08", b"!") + b"\x00\x00"), [(TX, b"!" + bytes(7))]),
        "overlapping match": Case(chunk(1, b"\x6f" + body(tx, b"\x14\xe7\x14", b"!") + b"\x01\x00\x00"), [(TX, b"!" * 20)]),
        "a bomb": Case(chunk(1, b"\x8f" + body(tx, b"\x80\x80\x01\xe7\x80\x80\x01", b"")[:8] + b"\x01\x00" + b"\xff" * 300), None),
        "an unfinished length": Case(chunk(1, b"\xff" * 2028), None),
        "offset cut off": Case(chunk(1, literals(hello) + b"\x07"), None),
    }  # fmt: skip


def wasteful(body: bytes) -> bytes:
    """An LZ4 block of many short matches that overlap themselves, for a body of little variety."""
    out, at, start = bytearray(), 0, 0  # literals since `start` are to be written
    while at < len(body):
        size = min(13, len(body) - at)
        offset = next((o for o in (1, 2, 3) if o <= at and body[at : at + size] == (body[at - o : at] * 13)[:size]), None)
        if offset is None or size < 4:
            at += 1
            continue
        head = bytearray(literals(body[start:at]))
        head[0] |= size - 4
        out += head + bytes([offset, 0])
        at = start = at + size
    return bytes(out + literals(body[start:]))


def dearest() -> dict[str, Case]:
    """What takes most gas: T full of what takes longest to read, in as few strings as can hold it."""

    def full(tag: int, operands: bytes, *, kind: bytes = b"\x04", waste: bool = False) -> Case:
        size = 20 if tag == 0xE1 else 32
        tags = b"".join(varint(MAX_STRING) + bytes([tag]) * (MAX_STRING // size + 1) for _ in range(8))[:MAX_TAGS]
        kinds = kind * 8
        body = (kinds + varint(MAX_TAGS) + tags + operands)[:MAX_BODY]
        packed = wasteful(body) if waste else pack(body, Dictionary(PAGES))
        return Case(chunk(len(kinds), packed), None, PAGES)

    return {
        "addresses of the dictionary": full(0xE0, b"\x01" * 4090),
        "addresses of the dictionary, by two bytes": full(0xE0, b"\x81\x0a" * 2045),
        "the same in short matches, and to be put into a transaction": full(0xE0, b"\x81\x0a" * 2045, kind=b"\xe2", waste=True),
        "the same, bare": full(0xE1, b"\x81\x0a" * 2045, kind=b"\xe2", waste=True),
        "own addresses past X's end": full(0xE0, b""),
        "bare own addresses past X's end": full(0xE1, b""),
        "numbers": full(0xE2, b"\x1e" * 4090),
        "long numbers": full(0xE2, b"\x3e\xff" * 2045),
        "words of one byte": full(0xC0, b"\x01" * 4090),
        "unknown tags": full(0xFF, b""),
        "a match for each four bytes": Case(chunk(63, b"\x10\x04\x01\x00" + b"\x00\x01\x00" * 674), None, PAGES),
    }


def sign(nonce: int = 0, signer: int = 0, **fields: object) -> bytes:
    given: dict[str, object] = {"chainId": CHAIN_ID, "nonce": nonce, "gas": 21000, "value": 0, "to": _ROUTER} | fields
    if "gasPrice" not in given:
        given = {"maxFeePerGas": 10**9, "maxPriorityFeePerGas": 10**6} | given
    return bytes(_SIGNERS[signer].sign_transaction(given).raw_transaction)


def transactions() -> dict[str, list[bytes]]:
    random = _RANDOM
    word = lambda value: value.to_bytes(32, "big")
    transfer = lambda to, amount: _TRANSFER + bytes(12) + to + word(amount)
    swap = _SWAP + b"".join([
        bytes(12) + _TOKEN, bytes(12) + _ROUTER, word(3000), bytes(12) + random.randbytes(20), word(1_700_000_000),
        word(1_500_000_000_000_000_000), word(random.getrandbits(70)), word(0),
    ])  # fmt: skip
    multicall = bytes.fromhex("ac9650d8") + word(32) + word(2) + word(64) + word(384) + (
        word(len(swap)) + swap + bytes(28)
    ) + word(68) + transfer(_ROUTER, 5) + bytes(28)  # fmt: skip
    path = _TOKEN + b"\x00\x0b\xb8" + _ROUTER + b"\x00\x01\xf4" + b"\x33" * 20
    packed_path = bytes.fromhex("c04b8d59") + word(32) + word(160) + word(7) + word(8) + word(9) + word(66) + path + bytes(30)
    return {
        "transfers": [sign(i, i % 8, value=10**18 * i, to=random.randbytes(20)) for i in range(30)],
        "transfers of one sender": [sign(i, value=random.getrandbits(60), to=_TOKEN) for i in range(40)],
        "legacy": [sign(5, gasPrice=10**9 + i, value=i) for i in range(6)] + [sign(6), sign(7, gasPrice=10**9)],
        "fees": [
            sign(i, maxPriorityFeePerGas=[1, 2, 1, 0, 10**6][i % 5], maxFeePerGas=[10**9, 10**9 + 7, 10**9][i % 3])
            for i in range(20)
        ],
        "token transfers": [sign(i, i % 8, gas=51_234 + i, to=_TOKEN, data=transfer(random.randbytes(20), random.getrandbits(80))) for i in range(24)],
        "calls": [sign(1, gas=300_000, data=each) for each in (swap, multicall, packed_path, b"\x01", random.randbytes(31), random.randbytes(100), bytes(500))],
        "odd words": [sign(2, gas=10**6, data=b"\x12\x34\x56\x78" + b"".join(
            [word(2**256 - 1), word(2**256 - 5), word(2**256 - 887_272), word(1 << 255), b"text".ljust(32, b"\x00"), random.randbytes(32), word(2**64), word(1056), word(1088), word(63)]
        ))],
        "escapes": [
            sign(0, to=b"", data=random.randbytes(300), gas=10**6), sign(0, chainId=1), sign(2**60),
            sign(1, gasPrice=7, accessList=[{"address": "0x" + _TOKEN.hex(), "storageKeys": ["0x" + "01" * 32]}]), b"\xff" * 40, b"\x00",
        ],
        "large": [sign(3, gas=10**7, data=random.randbytes(3000)), sign(4, value=1), sign(5, gas=10**7, data=b"\x5b" * 20_000)],
    }  # fmt: skip


def real_chunks() -> dict[str, Case]:
    found = {}
    for name, raws in transactions().items():
        for pages in ((), PAGES):
            writer = ChunkWriter(CHAIN_ID, Dictionary(pages))
            for number, raw in enumerate(raws):
                if number % 7 == 3:
                    writer.block_start(1 + number)
                writer.transaction(raw)
            for number, each in enumerate(writer.chunks()):
                found[f"{name}, {'with' if pages else 'without'} pages, chunk {number}"] = Case(each, None, pages)
    return found


def broken(chunks: dict[str, Case]) -> dict[str, Case]:
    """Mutations and noise."""
    random, found = _RANDOM, {}
    originals = list(chunks.values())
    for number in range(40):
        case = random.choice(originals)
        data = bytearray(case.chunk)
        for _ in range(random.choice((1, 1, 2, 5, 50))):
            data[random.choice((random.randrange(60), random.randrange(CHUNK_SIZE)))] = random.randrange(256)
        data[0] = 2
        found[f"mutation {number}"] = Case(bytes(data), None, random.choice((case.pages, PAGES, ())))
    for number in range(10):
        head = bytes([2, random.randrange(64)]) + random.randrange(2029).to_bytes(2, "big")
        found[f"noise {number}"] = Case(head + random.randbytes(CHUNK_SIZE - 4), None, PAGES)
    return found


def main() -> None:
    real = real_chunks()
    vectors = []
    for name, case in (shapes() | words() | real | broken(real)).items():
        decoded = decode_chunk(case.chunk, CHAIN_ID, Dictionary(case.pages))
        if case.items is not None and decoded != tuple(Item(ItemKind(kind), each) for kind, each in case.items):
            raise SystemExit(f"{name}: the decoder says {decoded}")
        items = [{"kind": int(item.kind), "payload": "0x" + item.payload.hex()} for item in decoded]
        vectors.append({"name": name, "pages": bool(case.pages), "chunk": "0x" + case.chunk.hex(), "items": items})
    path = Path(__file__).with_name("codec.json")
    pages = ["0x" + page.hex() for page in PAGES]
    path.write_text(json.dumps({"chain_id": CHAIN_ID, "pages": pages, "chunks": vectors}, indent=1) + "\n")
    print(f"{len(vectors)} chunks in {path}")
    dear = [{"name": name, "chunk": "0x" + case.chunk.hex()} for name, case in dearest().items()]
    path.with_name("codec_gas.json").write_text(json.dumps(dear, indent=1) + "\n")


if __name__ == "__main__":
    main()
