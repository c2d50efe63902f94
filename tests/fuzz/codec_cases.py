"""Chunks for the two decoders of docs/data.md: written, broken, and made up to be awkward.

`Cases(seed)` gives them without end. Each is 64 field elements (2,048 bytes) and the number of a dictionary in DICTIONARIES.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random

from derivation.codec import CHUNK_SIZE, ChunkWriter, Dictionary, to_elements
from derivation.codec.lz import pack, unpack
from tests.vectors.make_codec import CHAIN_ID, PAGES, dearest, literals, transactions, varint

MODULUS = 0x73EDA753299D7D483339D80809A1D80553BDA402FFFE5BFEFFFFFFFF00000001
ROOM = CHUNK_SIZE - 4
MAX_BODY = 8192

_NOISE = Random(7)
_ADDRESSES = _NOISE.randbytes(24_575)
DICTIONARIES: tuple[tuple[bytes, ...], ...] = (
    (),
    (PAGES[0],),
    PAGES,
    (_NOISE.randbytes(24_575), _ADDRESSES, PAGES[1], _ADDRESSES[:24_560]),
    (b"\x01", b"\x02"),  # pages of one byte
    (PAGES[0][:1030], *(_ADDRESSES[20 * k : 20 * k + size] for k, size in enumerate((20, 24_575, 19, 1, 24_555)))),
    (PAGES[0], *[_ADDRESSES] * 15),  # as many as a batch can name
)


@dataclass(frozen=True, slots=True)
class Case:
    dictionary: int
    elements: bytes
    kind: str  # which part of the generator made it

    @property
    def pages(self) -> tuple[bytes, ...]:
        return DICTIONARIES[self.dictionary]


class Cases:
    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self._dictionaries = [Dictionary(pages) for pages in DICTIONARIES]
        self._written = list(self._write())

    def __iter__(self) -> Iterator[Case]:
        makers: list[tuple[int, Callable[[], tuple[int, bytes]]]] = [
            (1, self.written), (4, self.flipped), (6, self.other_streams), (10, self.made_up), (4, self.sequences),
            (1, self.noise), (1, self.edges),
        ]  # fmt: skip
        weights = [weight for weight, _ in makers]
        while True:
            maker = self.random.choices(makers, weights)[0][1]
            dictionary, chunk = maker()
            if self.random.random() < 0.1:
                dictionary = self.random.randrange(len(DICTIONARIES))
            yield Case(dictionary, self._elements(chunk), maker.__name__)

    # --- whole chunks ----------------------------------------------------------------------------------------

    def _write(self) -> Iterator[tuple[int, bytes]]:
        """Chunks of signed transactions."""
        for raws in transactions().values():
            for number in (0, 1, 2, 3, 5):
                writer = ChunkWriter(CHAIN_ID, self._dictionaries[number])
                for index, raw in enumerate(raws):
                    if index % 5 == 0:
                        writer.block_start(2 + index)
                    writer.transaction(raw)
                yield from ((number, chunk) for chunk in writer.chunks())
        yield from ((2, case.chunk) for case in dearest().values())

    def written(self) -> tuple[int, bytes]:
        return self.random.choice(self._written)

    def flipped(self) -> tuple[int, bytes]:
        """Some bytes are others, mostly near the start."""
        random, (dictionary, chunk) = self.random, self.written()
        data = bytearray(chunk)
        for _ in range(random.choice((1, 1, 2, 3, 8, 40))):
            end = random.choice((4, 8, 40, 200, 1000, CHUNK_SIZE))
            data[random.randrange(end)] = random.choice((0, 255, 2, 63, random.randrange(256), random.randrange(256)))
        if random.random() < 0.9:
            data[0] = 2
        return dictionary, bytes(data)

    def other_streams(self) -> tuple[int, bytes]:
        """The body of a chunk with changes, packed again, signatures as they were."""
        random, (dictionary, chunk) = self.random, self.written()
        window = self._dictionaries[dictionary]
        body = bytearray(unpack(chunk[4 : 4 + int.from_bytes(chunk[2:4], "big")], window))
        for _ in range(random.choice((1, 1, 2, 4, 10))):
            at = random.randrange(len(body) + 1)
            match random.randrange(6):
                case 0:
                    body[at : at + random.randrange(1, 40)] = b""
                case 1:
                    body[at:at] = self._operands(random.randrange(1, 20))
                case 2:
                    start = random.randrange(len(body) + 1)
                    body[at:at] = body[start : start + random.randrange(1, 60)]
                case 3:
                    del body[at:]
                case _ if at < len(body):
                    body[at] = random.choice((0, 255, 0x80, random.randrange(256), random.randrange(0xE0, 0xEA)))
        return dictionary, self._chunk(chunk[1], self._packed(bytes(body[:MAX_BODY]), window), chunk[4:])

    def made_up(self) -> tuple[int, bytes]:
        """Streams of nonsense that is nearly sense."""
        random, dictionary = self.random, self.random.randrange(len(DICTIONARIES))
        count = random.choice((1, 1, 2, 3, 5, 8, 20, 31, 32, 40, 63, random.randrange(64)))
        kinds = bytes(random.choice((0, 4, 8, 12, self._compact(), self._compact(), random.randrange(256))) for _ in range(count))
        scale = random.choice((3, 10, 40, 100, 600))
        tags = b""
        for kind in kinds:
            if len(tags) < 5000:  # more than T takes
                tags += self._tags(kind, max(1, scale // random.randrange(1, 5)))
        operands = self._operands(random.choice((0, 1, 5, 30, 100, 400, 1500, 6000)))
        size = self._varint(max(0, random.choice((len(tags), len(tags), len(tags), len(tags) + 1, len(tags) - 1, len(tags) // 2, 1 << 50))))
        body = (kinds[: random.choice((count, count, count, count, random.randrange(count + 1)))] + size + tags + operands)[:MAX_BODY]
        return dictionary, self._chunk(count, self._packed(body, self._dictionaries[dictionary]), random.randbytes(ROOM))

    def sequences(self) -> tuple[int, bytes]:
        """LZ4 blocks that no packer writes."""
        random, dictionary = self.random, self.random.randrange(len(DICTIONARIES))
        out = bytearray()
        while len(out) < random.choice((20, 100, 600, ROOM)):
            literal = self._lz_length(random.choice((0, 0, 1, 5, 14)))
            match = self._lz_length(random.choice((0, 1, 7, 14)))
            out.append(literal[0] << 4 | match[0])
            out += literal[1]
            out += self._literals(min(literal[2], 300))
            offset = random.choice((0, 1, 2, 3, 7, 31, 32, 33, 64, random.randrange(65536), random.randrange(8192), 65535, 24_575, 24_576))
            out += offset.to_bytes(2, "little") + match[1]
        count = random.choice((1, 2, 4, 30, 63))
        kinds = bytes(random.choice((4, 8, self._compact(), self._compact())) for _ in range(count))
        if random.random() < 0.8:  # a beginning that gives the rest a meaning
            head = kinds + self._varint(random.choice((0, 10, 300, 3000, 8000)))
            out[:0] = literals(head)[:-len(head)] + head + random.choice((b"\x01\x00", b"\x00\x00", b"\xff\xff", b"\x08\x00"))
        cut = random.choice((len(out), len(out), random.randrange(len(out) + 1)))
        return dictionary, self._chunk(count, bytes(out[:cut]), random.randbytes(ROOM), random.choice((None, None, 65535, len(out) // 2)))

    def noise(self) -> tuple[int, bytes]:
        random = self.random
        head = bytes([2, random.randrange(70)]) + random.choice((random.randrange(ROOM), random.randrange(65536), 0)).to_bytes(2, "big")
        return random.randrange(len(DICTIONARIES)), random.choice((head, b"")) + random.randbytes(CHUNK_SIZE - 4)

    def edges(self) -> tuple[int, bytes]:
        """Counts and versions about their bounds, over a chunk that has something to say."""
        random = self.random
        dictionary, chunk = random.choice((self.written, self.made_up))()
        head = bytes([random.choice((0, 1, 2, 2, 2, 2, 3, 255)), random.choice((0, 1, 31, 32, 62, 63, 64, 65, 127, 128, 255))])
        return dictionary, head + chunk[2:]

    # --- parts of them ---------------------------------------------------------------------------------------

    def _compact(self) -> int:
        return self.random.randrange(64) << 2 | self.random.choice((1, 2))

    def _varint(self, value: int) -> bytes:
        """Mostly the shortest form."""
        plain = varint(value)
        match self.random.randrange(12):
            case 0 if len(plain) < 8:
                extra = self.random.randrange(1, 9 - len(plain))
                return plain[:-1] + bytes([plain[-1] | 0x80]) + b"\x80" * (extra - 1) + b"\x00"
            case 1:
                return bytes(byte | 0x80 for byte in self.random.randbytes(7)) + self.random.randbytes(1)
            case _:
                return plain

    def _tags(self, kind: int, size: int) -> bytes:
        """What an item of this kind byte reads from T: a string of about `size` elements, or a delta, or nothing."""
        random = self.random
        if kind & 3 == 0 and kind >> 2 == 0:
            return self._varint(random.choice((0, 1, 2, 12, 300, 1 << 40)))
        if kind & 3 == 3 or (kind & 3 and not kind & 0x40) or (kind & 3 == 0 and kind >> 2 > 3):
            return b""
        favourite = random.choice((0xE0, 0xE1, 0xE2, 0xE7, 0xA0, 0x60, 0x01, random.randrange(256)))
        alphabet = [favourite] * 8 + random.choices(range(256), k=8) + random.choices(range(0xE0, 0xEA), k=8)
        out = b"".join(map(self._element, random.choices(alphabet, k=size)))
        return self._varint(random.choice((size, 4 + 32 * size, 32 * size, 20 * size, 1, 16384, 16385, 1 << 30, 0))) + out

    def _element(self, tag: int) -> bytes:
        random = self.random
        if not 0xE2 < tag < 0xE9:
            return bytes([tag])
        if tag in (0xE3, 0xE4):
            return bytes([tag, random.choice((0, 1, 255, random.randrange(256)))])
        if tag == 0xE5:
            return bytes([tag]) + random.randbytes(4)
        if tag in (0xE7, 0xE8):
            return bytes([tag]) + self._varint(random.choice((0, 1, 31, 32, 33, 100, 2000, 16384, 1 << 55)))
        return bytes([tag])

    def _operands(self, size: int) -> bytes:
        """Numbers, addresses and noise, whatever they are read as."""
        random, out = self.random, b""
        known = random.choice((0, 1228, 2 * 1228, 3 * 1228, 5 * 1228, 15 * 1228))
        while len(out) < size:
            match random.randrange(8):
                case 0:
                    out += b"\x00" + random.choice((random.randbytes(20), bytes(20), b"\xaa" * 20))
                case 1:
                    out += self._varint(max(0, random.choice((1, known, known + 1, known + 2, known + random.randrange(40), random.randrange(1, 19_000)))))
                case 2:
                    out += bytes([random.choice((0, 30, 31, 0x1F, 0x20, 0x3F, 0xDF, 0xFF, 0xE0, random.randrange(256)))])
                case 3:
                    out += bytes([random.randrange(256)]) + random.randbytes(random.randrange(33))
                case 4:
                    out += bytes(random.randrange(1, 20))
                case 5:
                    out += bytes([random.randrange(4)]) * random.randrange(1, 4)
                case 6:
                    out += b"\xff" * random.randrange(1, 34)
                case 7:
                    out += random.randbytes(random.randrange(1, 8))
        return out[:size]

    def _literals(self, size: int) -> bytes:
        return self.random.choice((self._operands, lambda n: self._tags(4, n + 1)))(size)[:size]

    def _lz_length(self, short: int) -> tuple[int, bytes, int]:
        """(nibble, bytes that follow, length)."""
        if self.random.random() < 0.7:
            return short, b"", short
        more = b"\xff" * self.random.choice((0, 0, 1, 2, 30, 600)) + bytes([self.random.randrange(255)])
        return 15, more, 15 + sum(more)

    def _packed(self, body: bytes, dictionary: Dictionary) -> bytes:
        return literals(body) if self.random.random() < 0.2 else pack(body, dictionary)

    def _chunk(self, count: int, packed: bytes, rest: bytes, size: int | None = None) -> bytes:
        """`rest`: what the chunk ends with, where `packed` doesn't reach."""
        if self.random.random() < 0.03:
            size = self.random.choice((0, 1, len(packed) - 1, len(packed) + 1, ROOM, ROOM + 1, 65535))
        stated = min(max(0, len(packed) if size is None else size), 65535)
        return bytes([2, count]) + stated.to_bytes(2, "big") + packed[:ROOM] + rest[-ROOM:][min(len(packed), ROOM) :]

    def _elements(self, chunk: bytes) -> bytes:
        """As field elements; now and then one that no chunk makes, or the largest that one does."""
        random, chunk = self.random, chunk[:CHUNK_SIZE].ljust(CHUNK_SIZE, b"\x00")
        elements = bytearray(to_elements(chunk))
        if random.random() < 0.02:
            at = 32 * random.randrange(64)
            value = random.choice(((1 << 254) - 1, 1 << 254, (1 << 254) + 1, MODULUS - 1, MODULUS, (1 << 256) - 1))
            elements[at : at + 32] = value.to_bytes(32, "big")
        return bytes(elements)
