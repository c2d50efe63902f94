"""Writes chunks.json: chunks (64 field elements, 2048 bytes) and the items both decoders must find in them.

    python tests/vectors/make_chunks.py
"""

from __future__ import annotations

import json
from pathlib import Path
from random import Random

from derivation.chunks import CHUNK_SIZE, Item, ItemKind, decode_chunk, to_elements

START, TX, FRAGMENT, LAST = 1, 2, 3, 4


def item(kind: int, payload: bytes, length: int | None = None) -> bytes:
    return bytes([kind]) + (len(payload) if length is None else length).to_bytes(2, "big") + payload


def chunk(data: bytes, fill: bytes = b"\x00") -> bytes:
    assert len(data) <= CHUNK_SIZE
    return to_elements(data + fill * (CHUNK_SIZE - len(data)))


def good(items: list[tuple[int, bytes]], tail: bytes = b"") -> tuple[bytes, list[tuple[int, bytes]]]:
    return chunk(b"\x01" + b"".join(item(*each) for each in items) + tail), items


def bad(data: bytes) -> tuple[bytes, list[tuple[int, bytes]]]:
    return chunk(data), []


def cases() -> dict[str, tuple[bytes, list[tuple[int, bytes]]]]:
    random = Random(1)
    tx = random.randbytes
    one = item(TX, b"\xaa" * 10)
    full = b"\x01" + item(TX, b"\x55" * 1980)
    found: dict[str, tuple[bytes, list[tuple[int, bytes]]]] = {
        "all zero": bad(b""),
        "version 0 ignores the rest": bad(b"\x00" + one),
        "version 1 without items": good([]),
        "one transaction": good([(TX, tx(110))]),
        "one byte transaction": good([(TX, b"\x00")]),
        "block start": good([(START, b"\x00\x01")]),
        "block start, largest delta": good([(START, b"\xff\xff")]),
        "every kind": good([(TX, tx(100)), (START, b"\x00\x02"), (TX, tx(50)), (FRAGMENT, tx(700)), (LAST, tx(300))]),
        "last fragment alone decodes": good([(LAST, b"\x01")]),
        "fragment fills the chunk": good([(FRAGMENT, tx(1980))]),
        "transaction fills the chunk": good([(TX, tx(1980))]),
        "last fragment fills the chunk": good([(LAST, tx(1980))]),
        "two items fill the chunk": good([(TX, tx(1000)), (TX, tx(977))]),
        "one byte left, zero": good([(TX, tx(1979))]),
        "two bytes left, zero": good([(TX, tx(1978))]),
        "three bytes left, zero": good([(TX, tx(1977))]),
        "32 items": good([(TX, tx(5))] * 32),
        "32 block starts": good([(START, b"\x00\x01")] * 32),
        "32 items, full chunk": good([(TX, tx(58))] * 31 + [(TX, tx(1983 - 31 * 61 - 3))]),
        "what follows the end is ignored": good([(TX, tx(20))], b"\x00" + b"\xff" * 500),
        "end mark, then a good item": good([(TX, tx(20))], b"\x00" + one),
        "32 items, then the end mark and garbage": good([(TX, b"\x07")] * 32, b"\x00\x09\x09"),
        "payload of zeros": good([(TX, bytes(300)), (FRAGMENT, bytes(300))]),
        "payload of 0xff": good([(TX, b"\xff" * 300)]),
        "version 2": bad(b"\x02" + one),
        "version 255": bad(b"\xff" + one),
        "kind 5": bad(b"\x01" + item(5, b"\x01")),
        "kind 255": bad(b"\x01" + item(255, b"\x01")),
        "kind 128": bad(b"\x01" + item(128, b"\x01")),
        "unknown kind after a good item": bad(b"\x01" + one + item(5, b"\x01")),
        "empty transaction": bad(b"\x01" + item(TX, b"")),
        "empty fragment": bad(b"\x01" + item(FRAGMENT, b"")),
        "empty last fragment": bad(b"\x01" + item(LAST, b"")),
        "empty block start": bad(b"\x01" + item(START, b"")),
        "block start of 1 byte": bad(b"\x01" + item(START, b"\x01")),
        "block start of 3 bytes": bad(b"\x01" + item(START, b"\x00\x00\x01")),
        "block start with delta 0": bad(b"\x01" + item(START, b"\x00\x00")),
        "delta 0 after good items": bad(b"\x01" + one * 3 + item(START, b"\x00\x00")),
        "empty transaction at the very end": bad(b"\x01" + item(TX, tx(1977)) + item(TX, b"")),
        "length one past the end": bad(b"\x01" + item(TX, b"\x11", 1981)),
        "length 65535": bad(b"\x01" + item(TX, b"\x11", 65535)),
        "second item one past the end": bad(b"\x01" + item(TX, tx(1000)) + item(TX, b"", 978)),
        "header cut to 1 byte": bad(b"\x01" + item(TX, tx(1979)) + b"\x02"),
        "header cut to 2 bytes": bad(b"\x01" + item(TX, tx(1978)) + b"\x02\x00"),
        "header cut, unknown kind": bad(b"\x01" + item(TX, tx(1979)) + b"\x09"),
        "header whole, payload missing": bad(b"\x01" + item(TX, tx(1977)) + b"\x02\x00\x01"),
        "33 items": bad(b"\x01" + item(TX, b"\x07") * 33),
        "33 items, the last one bad too": bad(b"\x01" + item(TX, b"\x07") * 32 + b"\x09"),
        "33 block starts": bad(b"\x01" + item(START, b"\x00\x01") * 33),
        "all 0x01": bad(b"\x01" * CHUNK_SIZE),
        "all 0x02 but the version": bad(b"\x01" + b"\x02" * (CHUNK_SIZE - 1)),
        "all 0xff below 2**248": bad(b"\xff" * CHUNK_SIZE),
    }
    for position in (0, 1, 31, 62, 63):
        for top in (1, 0x73):
            elements = bytearray(chunk(b"\x01" + one))
            elements[32 * position] = top
            found[f"element {position} has top byte {top:#x}"] = bytes(elements), []
    elements = bytearray(chunk(full))
    elements[32 * 63 - 1] ^= 0x80  # the highest bit below the top byte of an element is data
    found["full chunk, a bit flipped in the payload"] = bytes(elements), as_found(bytes(elements))
    for number in range(24):
        data = bytearray(b"\x01")
        while len(data) < 1700 and random.random() > 0.08:
            data += item(random.choice((TX, TX, TX, FRAGMENT, LAST)), tx(random.randrange(1, 200)))
            if random.random() < 0.3:
                data += item(START, bytes([0, random.randrange(1, 255)]))
        for _ in range(number % 3):
            data[random.randrange(len(data))] = random.randrange(256)
        found[f"random {number}"] = chunk(bytes(data)), as_found(chunk(bytes(data)))
    for number in range(6):
        data = b"\x01" + tx(CHUNK_SIZE - 1)
        found[f"noise {number}"] = chunk(data), as_found(chunk(data))
    return found


def as_found(elements: bytes) -> list[tuple[int, bytes]]:
    """For cases whose items aren't written down by hand."""
    return [(each.kind, each.payload) for each in decode_chunk(elements)]


def main() -> None:
    vectors = []
    for name, (elements, items) in cases().items():
        if decode_chunk(elements) != tuple(Item(ItemKind(kind), payload) for kind, payload in items):
            raise SystemExit(f"the decoder disagrees: {name}")
        listed = [{"kind": int(kind), "payload": "0x" + payload.hex()} for kind, payload in items]
        vectors.append({"name": name, "chunk": "0x" + elements.hex(), "items": listed})
    path = Path(__file__).with_name("chunks.json")
    path.write_text(json.dumps(vectors, indent=1) + "\n")
    print(f"{len(vectors)} chunks in {path}")


if __name__ == "__main__":
    main()
