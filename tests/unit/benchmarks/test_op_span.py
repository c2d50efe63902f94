"""The OP Stack's span batches of the data benchmark: the bytes that their specification says, and nothing lost."""

import random

import pytest

from benchmarks.data.corpus import CHAIN_ID, generate
from benchmarks.data.op_channel import (
    BLOB_ROOM,
    BLOB_SIZE,
    FRAME_ROOM,
    compress_brotli,
    compress_zlib,
    decode_channel,
    encode_channel,
    frames,
    post,
    span_of,
    used,
)
from benchmarks.data.op_span import Block, Reader, SpanBatch, SpanBatchError, bitlist, uvarint
from benchmarks.data.sides import span_blocks
from execution.encoding import RlpError, encode_bytes, encode_int, wrap_list
from tests.unit.execution.wallet import Wallet

R, S = bytes.fromhex("11" * 32), bytes.fromhex("0022" + "33" * 30)  # s has a leading zero
TO = bytes.fromhex("aa" * 20)


def signed(fields: bytes, v: int, prefix: bytes = b"") -> bytes:
    return prefix + wrap_list(fields + encode_int(v) + encode_bytes(R) + encode_bytes(S.lstrip(b"\x00")))


LEGACY = signed(b"\x05" + b"\x64" + b"\x82\x52\x08" + b"\x94" + TO + b"\x07" + b"\x80", 27)  # without a chain id, parity 0
PROTECTED = signed(b"\x80" + b"\x65" + b"\x82\x52\x08" + b"\x94" + TO + b"\x80" + b"\x81\xff", 35 + 2 * 10 + 1)
CREATION = signed(b"\x0a\x81\xc8\x01\x02\x83\x01\x86\xa0\x80\x80\x82\x60\x00\xc0", 1, b"\x02")  # nonce 200, gas 100,000

# Written by hand from the specification.
EXPECTED = bytes.fromhex(
    "01"  # batch version
    "ac02" "80ade204"  # 300 seconds after genesis; L1 origin 10,000,000
    + "b1" * 20 + "c2" * 20
    + "03" "05"  # three blocks; the first and the third have new origins
    "02" "00" "01"  # transactions of each
    "04"  # the third is a creation
    "06"  # the second and the third have parity 1
    + (R + S).hex() * 3
    + TO.hex() * 2
    + "c30764" "80"  # value 7, price 100, no data
    "c480" "65" "81ff"
    "02c7" "80" "01" "02" "826000" "c0"
    "05" "00" "c801"  # nonces
    "88a401" "88a401" "a08d06"  # gas limits
    "02"  # the second legacy one is protected
)  # fmt: skip
BATCH = SpanBatch(
    300, 10_000_000, b"\xb1" * 20, b"\xc2" * 20, (Block((LEGACY, PROTECTED), True), Block(()), Block((CREATION,), True))
)


def test_bytes_are_those_of_the_specification():
    assert BATCH.encode(10).hex() == EXPECTED.hex()
    assert SpanBatch.decode(EXPECTED, 10) == BATCH


def test_numbers_and_bits():
    assert [uvarint(n).hex() for n in (0, 127, 128, 300, 2**32)] == ["00", "7f", "8001", "ac02", "8080808010"]
    assert bitlist([]) == b"" and bitlist([1] + [0] * 7 + [1]) == b"\x01\x01"
    assert Reader(b"\x01\x01").bits(9) == [True] + [False] * 7 + [True]
    with pytest.raises(SpanBatchError, match="more bits"):
        Reader(b"\x02\x01").bits(9)


@pytest.fixture(scope="module")
def mixed():
    workload = generate("mixed", history=1, test=700, seed=3)
    wallet = Wallet.number(7)
    rare = tuple(
        wallet.typed(kind=kind, chain_id=CHAIN_ID, to=TO, data=b"\x01" * 300, access_list=[(TO, [1, 2])], authorizations=grants)
        for kind, grants in ((1, ()), (2, ()), (4, (wallet.authorize(TO, 3),)))
    )
    return [*span_blocks(workload.test), Block(()), Block((*rare, wallet.legacy(chain_id=None, to=TO)))]


@pytest.mark.parametrize("compress", [compress_zlib, compress_brotli(10)])
def test_a_channel_brings_back_every_transaction(mixed, compress):
    channel = encode_channel(span_of(mixed), CHAIN_ID, compress)
    assert decode_channel(channel, CHAIN_ID) == span_of(mixed)
    kinds = {raw[0] if raw[0] < 0xC0 else 0 for block in mixed for raw in block.transactions}
    assert kinds == {0, 1, 2, 4}


def test_frames_fill_blobs():
    channel = random.Random(1).randbytes(2 * FRAME_ROOM + 100)
    made = frames(channel)
    assert [len(frame) for frame in made] == [BLOB_ROOM, BLOB_ROOM, 100 + 24]
    assert b"".join(frame[23:-1] for frame in made) == channel
    assert [frame[-1] for frame in made] == [0, 0, 1] and [frame[17:19] for frame in made] == [b"\0\0", b"\0\1", b"\0\2"]
    assert used(channel) == 2 * BLOB_SIZE + 124


def test_channels_are_as_full_as_they_get():
    rng, wallet = random.Random(2), Wallet.number(1)
    blocks = [
        Block(tuple(wallet.typed(chain_id=10, to=TO, data=rng.randbytes(9_000)) for _ in range(2))) for _ in range(20)
    ]
    posted = post(blocks, 10, compress_zlib)
    assert [count for count, _ in posted.channels] == [7, 7, 6]  # seven blocks of 18,150 bytes in a blob of 130,044
    assert all(len(channel) <= FRAME_ROOM for _, channel in posted.channels)
    assert posted.size == sum(used(channel) for _, channel in posted.channels)


@pytest.mark.parametrize("broken", [EXPECTED[:-1], EXPECTED + b"\0", b"\0" + EXPECTED[1:], EXPECTED[:70], EXPECTED[:48]])
def test_what_is_no_span_batch(broken):
    with pytest.raises((SpanBatchError, RlpError)):
        SpanBatch.decode(broken, 10)


def test_what_no_span_batch_carries():
    wallet = Wallet.number(1)
    blob = wallet.typed(kind=3, chain_id=10, to=TO, blob_hashes=(b"\x01" + bytes(31),))
    for raw, reason in ((wallet.typed(chain_id=1, to=TO), "another chain"), (wallet.legacy(to=TO), "another chain"), (blob, "type 3")):
        with pytest.raises(SpanBatchError, match=reason):
            span_of([Block((raw,))]).encode(10)
