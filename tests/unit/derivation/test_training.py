"""Dictionary pages from a history: laid out as docs/data.md says, the same each time, and of use for what comes later."""

from __future__ import annotations

from random import Random

import pytest

from derivation.codec import EMPTY_DICTIONARY, PAGE_SIZE, ChunkWriter, Dictionary, ItemKind, decode_chunk
from derivation.codec.cover import choose_history
from derivation.codec.training import train
from execution.encoding import encode_bytes, encode_int, wrap_list
from verdict.dictionary.starter import made_up_traffic

CHAIN = 77
POPULAR, SECOND = b"\xaa" * 20, b"\xbb" * 20
ROLE = bytes(range(101, 133))  # a word that comes again and again
GRANT, SWAP = bytes.fromhex("2f2ff15d"), bytes.fromhex("38ed1739")


def transaction(random: Random, to: bytes, data: bytes) -> bytes:
    numbers = [CHAIN, random.randrange(1000), 10**6, random.randrange(10**9), random.randrange(50_000, 90_000)]
    return b"\x02" + wrap_list(
        b"".join(map(encode_int, numbers)) + encode_bytes(to) + b"\x80" + encode_bytes(data) + b"\xc0"
        + encode_int(random.getrandbits(1)) + encode_int(random.getrandbits(256)) + encode_int(random.getrandbits(255)))


def traffic(seed: int, count: int = 600) -> list[bytes]:
    """Two contracts, one much called, and a hundred users of whom some are much more active than others."""
    random, users = Random(seed), [Random(n).randbytes(20) for n in range(100)]
    made = []
    for _ in range(count):
        user = users[min(int(random.expovariate(0.1)), 99)]
        if random.random() < 0.7:
            made.append(transaction(random, POPULAR, GRANT + ROLE + bytes(12) + user))
        else:
            amounts = random.randrange(10**18).to_bytes(32, "big") + random.randrange(10**18).to_bytes(32, "big")
            made.append(transaction(random, SECOND, SWAP + amounts + (160).to_bytes(32, "big") + bytes(12) + user))
    return made


def encoded(transactions: list[bytes], dictionary: Dictionary) -> list[bytes]:
    writer = ChunkWriter(CHAIN, dictionary)
    for raw in transactions:
        writer.transaction(raw)
    return writer.chunks()


@pytest.fixture(scope="module")
def pages() -> list[bytes]:
    return train(traffic(1), CHAIN)


def test_the_layout(pages: list[bytes]) -> None:
    assert len(pages) == 2 and all(0 < len(page) <= PAGE_SIZE for page in pages)  # few addresses: one page
    dictionary = Dictionary(pages)
    assert [dictionary.selector(0), dictionary.selector(1), dictionary.selector(2)] == [GRANT, SWAP, bytes(4)]
    assert dictionary.word(0) == ROLE
    assert [dictionary.address(0), dictionary.address(1)] == [POPULAR, SECOND]
    assert 20 < len(dictionary.address_index) < 103 and len(pages[1]) == 20 * len(dictionary.address_index)


def test_what_comes_later_is_smaller_and_says_the_same(pages: list[bytes]) -> None:
    later, dictionary = traffic(2), Dictionary(pages)
    small, plain = encoded(later, dictionary), encoded(later, EMPTY_DICTIONARY)
    assert len(small) < 0.9 * len(plain)
    items = [item for chunk in small for item in decode_chunk(chunk, CHAIN, dictionary)]
    assert b"".join(item.payload for item in items) == b"".join(later)
    assert all(item.kind in (ItemKind.TRANSACTION, ItemKind.FRAGMENT, ItemKind.LAST_FRAGMENT) for item in items)


def test_the_history_is_of_use_by_itself() -> None:
    """Held-out traffic of other addresses and amounts, with and without what LZ4 finds its matches in."""
    text = train(made_up_traffic(3000, seed=3), 1, address_pages=0)[0]
    held_out = list(made_up_traffic(2000, seed=4))
    sizes = []
    for page in (text, text[:9216]):
        writer = ChunkWriter(1, Dictionary([page]))
        for raw in held_out:
            writer.transaction(raw)
        sizes.append(writer.chunk_count)
    assert sizes[0] < 0.98 * sizes[1]


def test_the_same_history_makes_the_same_pages(pages: list[bytes]) -> None:
    assert train(iter(traffic(1)), CHAIN) == pages
    assert train(traffic(3), CHAIN) != pages


def test_address_pages_are_as_many_as_asked_for_at_most() -> None:
    history = [transaction(Random(n), Random(n % 3000).randbytes(20), b"") for n in range(4000)]
    assert [len(page) for page in train(history, CHAIN, address_pages=2)[1:]] == [24_560, 24_560]
    assert [len(page) for page in train(history, CHAIN, address_pages=5)[1:]] == [24_560, 24_560, 544 * 20]
    assert len(train(history, CHAIN, address_pages=0)) == 1
    first = Dictionary(train(history, CHAIN, address_pages=1))
    assert {first.address(k) for k in range(1000)} == {Random(n).randbytes(20) for n in range(1000)}  # those used twice


def test_any_history_makes_pages() -> None:
    hostile = [b"", b"\x00", b"\xff" * 131_073, b"\x02", b"\xc0", bytes(131_072), b"\x02" + bytes(500), *traffic(1, 3)]
    for page in train(hostile, CHAIN):
        assert 0 < len(page) <= PAGE_SIZE
    with pytest.raises(ValueError, match="no transaction"):
        train([b""], CHAIN)
    with pytest.raises(ValueError, match="0 to 15"):
        train(hostile, CHAIN, address_pages=16)


def test_pieces_come_from_what_samples_have_in_common() -> None:
    random = Random(5)
    common, other = random.randbytes(40), random.randbytes(40)
    samples = [random.randbytes(50) + common + random.randbytes(50) for _ in range(40)]
    samples += [random.randbytes(30) + other + random.randbytes(30) for _ in range(10)]
    random.shuffle(samples)
    found = choose_history(samples, 60)
    assert len(found) <= 60
    assert common[1:-1] in found[-44:]  # the best last
    assert choose_history([b"abc"], 100) == b""
