"""The two sides of the data benchmarks on the same blocks: Verdict's chunks, the OP Stack's span batches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.data.corpus import Blocks
from benchmarks.data.op_span import Block
from benchmarks.data.people import BLOCK_TIME
from derivation.codec import CHUNK_SIZE, ChunkWriter, Dictionary, ItemKind, decode_chunk
from derivation.codec.lz import unpack

HEAD_SIZE, SIGNATURE_SIZE = 4, 64  # bytes of a chunk
BLOCKS_PER_ORIGIN = 6  # an L1 block's 12 seconds


@dataclass(frozen=True)
class Split:
    """Bytes of blob a transaction."""

    signatures: float
    packed: float
    heads: float
    waste: float

    @property
    def total(self) -> float:
        return self.signatures + self.packed + self.heads + self.waste


def chunks_of(blocks: Blocks, chain_id: int, dictionary: Dictionary) -> list[bytes]:
    writer = ChunkWriter(chain_id, dictionary)
    for block in blocks:
        writer.block_start(BLOCK_TIME)
        for raw in block:
            writer.transaction(raw)
    return writer.chunks()


def blocks_of(chunks: Sequence[bytes], chain_id: int, dictionary: Dictionary) -> list[list[bytes]]:
    """What `chunks_of` was given."""
    blocks: list[list[bytes]] = []
    pieces = b""
    for chunk in chunks:
        for item in decode_chunk(chunk, chain_id, dictionary):
            match item.kind:
                case ItemKind.BLOCK_START:
                    blocks.append([])
                case ItemKind.TRANSACTION:
                    blocks[-1].append(item.payload)
                case ItemKind.FRAGMENT:
                    pieces += item.payload
                case ItemKind.LAST_FRAGMENT:
                    blocks[-1].append(pieces + item.payload)
                    pieces = b""
    return blocks


def split(chunks: Sequence[bytes], chain_id: int, dictionary: Dictionary, count: int) -> Split:
    """Of `count` transactions. What is left of the last chunk isn't waste: more could follow."""
    packed = signatures = 0
    for chunk in chunks:
        packed += int.from_bytes(chunk[2:4], "big")
        signatures += SIGNATURE_SIZE * sum(kind & 3 in (1, 2) for kind in kinds_of(chunk, dictionary))
    last = chunks[-1]
    used = HEAD_SIZE + int.from_bytes(last[2:4], "big")
    used += SIGNATURE_SIZE * sum(kind & 3 in (1, 2) for kind in kinds_of(last, dictionary))
    heads = HEAD_SIZE * len(chunks)
    total = CHUNK_SIZE * (len(chunks) - 1) + used
    return Split(signatures / count, packed / count, heads / count, (total - signatures - packed - heads) / count)


def kinds_of(chunk: bytes, dictionary: Dictionary) -> bytes:
    """The kind bytes of a chunk's items."""
    return unpack(chunk[HEAD_SIZE : HEAD_SIZE + int.from_bytes(chunk[2:4], "big")], dictionary)[: chunk[1]]


def span_blocks(blocks: Blocks) -> list[Block]:
    return [Block(tuple(block), at % BLOCKS_PER_ORIGIN == 0) for at, block in enumerate(blocks)]
