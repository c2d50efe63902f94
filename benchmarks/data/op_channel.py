"""From a span batch to blobs and back, as the OP Stack's batcher does it (specs.optimism.io/protocol/derivation.html,
.../fjord/derivation.html, .../ecotone/derivation.html).

    channel:      zlib(rlp(batch))  or, since Fjord, 0x01 ‖ brotli(rlp(batch))
    frame:        channel_id(16) ‖ frame_number(2) ‖ length(4) ‖ data ‖ is_last(1)
    blob:         0x00 ‖ frame, at most 130,044 bytes: 4 x 31 + 3 bytes of each 4 field elements, less a version and a length of 4
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import brotli

from benchmarks.data.op_span import Block, SpanBatch
from execution.encoding import as_bytes, decode, encode_bytes

BLOB_ROOM = 130_044  # bytes of a blob that a batcher can use
BLOB_SIZE = 130_048  # bytes of a blob that those fill: 4,096 elements of 254 bits
FRAME_OVERHEAD = 1 + 16 + 2 + 4 + 1  # with the transaction's version byte
FRAME_ROOM = BLOB_ROOM - FRAME_OVERHEAD
MAX_RLP_BYTES = 100_000_000  # of a channel, since Fjord
_BROTLI_VERSION = b"\x01"


def compress_zlib(data: bytes) -> bytes:
    """Level 9, what op-batcher uses."""
    return zlib.compress(data, 9)


def compress_brotli(quality: int) -> Callable[[bytes], bytes]:
    """op-batcher offers qualities 9 to 11 with the default window, 4 MiB (lgwin 22)."""
    return lambda data: _BROTLI_VERSION + brotli.compress(data, quality=quality, lgwin=22)


def decompress(channel: bytes) -> bytes:
    """By its first byte: brotli's version, else zlib's method."""
    if channel[:1] == _BROTLI_VERSION:
        return brotli.decompress(channel[1:])
    return zlib.decompressobj().decompress(channel, MAX_RLP_BYTES)


def encode_channel(batch: SpanBatch, chain_id: int, compress: Callable[[bytes], bytes]) -> bytes:
    return compress(encode_bytes(batch.encode(chain_id)))


def decode_channel(channel: bytes, chain_id: int) -> SpanBatch:
    return SpanBatch.decode(as_bytes(decode(decompress(channel))), chain_id)


def frames(channel: bytes) -> list[bytes]:
    """What goes into one blob each."""
    channel_id = hashlib.sha256(channel).digest()[:16]
    pieces = [channel[at : at + FRAME_ROOM] for at in range(0, len(channel), FRAME_ROOM)]
    return [
        b"\x00" + channel_id + number.to_bytes(2, "big") + len(piece).to_bytes(4, "big") + piece
        + bytes((number == len(pieces) - 1,))
        for number, piece in enumerate(pieces)
    ]  # fmt: skip


def used(channel: bytes) -> int:
    """Bytes of blob that a channel takes, with its frames; what is left of the last blob isn't counted."""
    data = sum(map(len, frames(channel)))
    return data + data // BLOB_ROOM * (BLOB_SIZE - BLOB_ROOM)


@dataclass(frozen=True)
class Posted:
    """Channels, in order: (blocks, the channel)."""

    channels: tuple[tuple[int, bytes], ...]

    @property
    def size(self) -> int:
        """Bytes of blob."""
        return sum(used(channel) for _, channel in self.channels)


def post(blocks: Sequence[Block], chain_id: int, compress: Callable[[bytes], bytes], blobs: int = 1) -> Posted:
    """Channels as full as they get without needing more than `blobs` blobs each; the last one has what is left."""
    room, at, guess = blobs * FRAME_ROOM, 0, len(blocks)
    channels: list[tuple[int, bytes]] = []
    while at < len(blocks):
        count, channel = _fullest(blocks[at:], chain_id, compress, room, guess)
        channels.append((count, channel))
        at, guess = at + count, count
    return Posted(tuple(channels))


def _fullest(
    blocks: Sequence[Block], chain_id: int, compress: Callable[[bytes], bytes], room: int, guess: int
) -> tuple[int, bytes]:
    """(how many blocks, their channel): the most that fit, found by narrowing from `guess`."""
    fits, too_many, best = 0, len(blocks) + 1, b""
    count = min(guess, len(blocks))
    while fits + 1 < too_many:
        channel = encode_channel(span_of(blocks[:count]), chain_id, compress)
        if len(channel) <= room:
            fits, best = count, channel
        else:
            too_many = count
        # By proportion, but always nearer.
        count = min(max(count * room // len(channel), fits + 1), too_many - 1)
    if not fits:
        raise ValueError("a block that no channel of this size takes")
    return fits, best


def span_of(blocks: Sequence[Block]) -> SpanBatch:
    """With checks and numbers of the size that a year-old chain has."""
    return SpanBatch(31_536_000, 20_000_000, b"\xa5" * 20, b"\x5a" * 20, tuple(blocks))
