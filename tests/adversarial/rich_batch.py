"""A batch, posted by hand, in which every rule of derivation has something to say: what liars misread."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eth_utils import to_checksum_address

from chain.store import ChainStore
from derivation.batch import BatchData
from derivation.codec import (
    CHUNK_ELEMENTS_SIZE,
    CHUNKS_PER_BLOB,
    ChunkWriter,
    Dictionary,
    Item,
    ItemKind,
    block_start_item,
    encode_chunk,
    to_elements,
)
from derivation.node import RollupNode
from l1.beacon import BeaconSource
from l1.blob_client import BlobClient
from l1.client import L1Client
from l1.contracts import Inbox
from l1.txmanager import TxCandidate
from tests.adversarial.kit.arena import CLOCK, WINDOW, Arena, derive
from tests.adversarial.kit.arena import queue as usual_queue
from tests.adversarial.kit.lies import truth_of
from tests.e2e.devnet import Devnet
from verdict.genesis import l2_genesis
from verdict.node_settings import node_settings

CHAIN_ID = 42069
POSTER = 5  # test account
KNOWN = [bytes([0xA0 + i]) * 20 for i in range(8)]  # addresses in the dictionary
PAGES = (
    bytes(1024 + 8192) + b"what the text says twice, " * 20,
    b"".join(KNOWN),
)
OTHER_PAGE = b"".join(reversed(KNOWN))

# Chunks, from 0.
BLOCKS, VERSION_1, TOO_LARGE, PART_1, PART_2, LAST_PART, BROKEN, COMPACT, COUNT_64, PLAIN = range(10)
MORE = CHUNKS_PER_BLOB + 1  # the second one of the second blob, as PLAIN of the first has nothing to do with it
MAX_DRIFT = 1800  # seconds, `rollup.max_drift`'s default


@dataclass(frozen=True)
class Posts:
    """`published`: contents of pages; `pages`: those that the batches name; `batches`: 64 field elements (2,048 bytes) a chunk."""

    published: Sequence[bytes]
    pages: Sequence[bytes]
    batches: Sequence[Sequence[bytes]]


def signed(net: Devnet, nonce: int, account: int = 6, **fields: Any) -> bytes:
    given = {
        "nonce": nonce, "chainId": CHAIN_ID, "gas": 21_000, "value": 1 + nonce, "to": to_checksum_address(KNOWN[nonce % 8]),
        "maxFeePerGas": 10**10, "maxPriorityFeePerGas": 10**9,
    } | fields  # fmt: skip
    return bytes(net.account(account).sign_transaction(given).raw_transaction)


def elements_of_the_batch(net: Devnet, chunks: int) -> list[bytes]:
    """64 field elements (2,048 bytes) a chunk. Account 6 sends in order, 7 and 9 what only a misreading takes."""
    tx, part, last = ItemKind.TRANSACTION, ItemKind.FRAGMENT, ItemKind.LAST_FRAGMENT
    hidden = [signed(net, 0, 7, value=100 + i) for i in range(5)]
    large = signed(net, 3, data=bytes(range(256)), gas=100_000)
    good = encode_chunk([Item(tx, hidden[0])])
    too_large = bytearray(to_elements(encode_chunk([Item(tx, signed(net, 0, 9))])))
    too_large[0] |= 0x40
    writer = ChunkWriter(CHAIN_ID, Dictionary(PAGES))
    for nonce in (4, 5, 6):
        writer.transaction(signed(net, nonce, data=b"what the text says twice, what the text says twice", gas=60_000))
    writer.transaction(signed(net, 7, maxPriorityFeePerGas=2 * 10**9))
    writer.transaction(signed(net, 8))
    (compact,) = writer.chunks()
    found = {
        BLOCKS: to_elements(encode_chunk([
            Item(tx, signed(net, 0)), Item(tx, signed(net, 1)), block_start_item(3), Item(tx, signed(net, 2)),
            block_start_item(MAX_DRIFT * 4), Item(tx, signed(net, 2, value=99)),
        ])),
        VERSION_1: to_elements(b"\x01" + good[1:]),
        TOO_LARGE: bytes(too_large),
        PART_1: to_elements(encode_chunk([Item(part, large[:100])])),
        PART_2: to_elements(encode_chunk([Item(part, large[100:200])])),
        LAST_PART: to_elements(encode_chunk([Item(last, large[200:]), Item(last, hidden[2]), Item(part, hidden[3][:50])])),
        BROKEN: to_elements(encode_chunk([
            block_start_item(2), Item(last, hidden[3][50:]), Item(part, hidden[4][:50]), Item(last, hidden[4][50:]),
        ])),
        COMPACT: to_elements(compact),
        COUNT_64: to_elements(good[:1] + b"\x40" + good[2:]),
        PLAIN: to_elements(encode_chunk([Item(tx, signed(net, 9))])),
        MORE: to_elements(encode_chunk([Item(tx, signed(net, 0, 7, value=200))])),
    }  # fmt: skip
    return [found.get(index, bytes(CHUNK_ELEMENTS_SIZE)) for index in range(chunks)]


@contextlib.asynccontextmanager
async def rich_batch(
    directory: Path, *, calldata: bool, stride: int = 1, posts: Callable[[Devnet], Posts] | None = None,
    queue: Callable[[Devnet], Awaitable[None]] = usual_queue,
) -> AsyncIterator[Arena]:  # fmt: skip
    """Batch 0 is posted, in two blobs or in calldata, and batch 1 with other data, or what `posts` says; nobody asserts yet.
    `queue`: what waits on L1 for them."""
    overrides = {
        "dispute.stride": stride, "dispute.arity": 4, "dispute.window": f"{WINDOW}s", "dispute.clock": f"{CLOCK}s",
        "rollup.sequencing": "based", "rollup.sequencer": None, "rollup.max_drift": f"{MAX_DRIFT}s",
    }  # fmt: skip
    async with Devnet(directory, overrides, l1_settings={"accounts": 80}) as net:
        await queue(net)
        async with L1Client(net.l1.rpc_url) as l1, BlobClient([BeaconSource(net.l1.beacon_url)]) as beacon:
            with ChainStore.open(None, l2_genesis(net.config, net.deployment.l1_addresses)) as store:
                node = RollupNode(node_settings(net.config, net.deployment), store, l1, beacon)
                try:
                    await post_batches(net, l1, calldata, (posts or functools.partial(usual_posts, calldata=calldata))(net))
                    await derive(node, 0)
                    yield Arena(net, l1, node, await truth_of(node, 0))
                finally:
                    node.close()


def usual_posts(net: Devnet, *, calldata: bool) -> Posts:
    other = to_elements(encode_chunk([Item(ItemKind.TRANSACTION, signed(net, 0, 7, value=7))]))
    return Posts((*PAGES, OTHER_PAGE), PAGES, [elements_of_the_batch(net, COUNT_64 + 2 if calldata else MORE + 1), [other]])


async def post_batches(net: Devnet, l1: L1Client, calldata: bool, posts: Posts) -> None:
    inbox = Inbox(l1, net.deployment.inbox)
    scene = Arena(net, l1, None, None)  # type: ignore[arg-type]
    async with scene.sender(net.account(POSTER)) as poster:
        for page in posts.published:
            await poster.send(TxCandidate(inbox.address, Inbox.publish_page(page)))
        pages = [inbox.page_pointer(page) for page in posts.pages]
        for elements in posts.batches:
            origin = await l1.block((await l1.head()).number - 1)
            assert origin is not None
            parent = (await inbox.head_batch())[0]
            blobs: tuple[bytes, ...] = ()
            if calldata:
                chunks = [_low_bits(each) for each in elements]
                data = Inbox.post_calldata(parent, b"".join(chunks), pages, origin.rlp)
            else:
                data = Inbox.post_batch(parent, len(elements), pages, origin.rlp)
                joined = b"".join(elements)
                blobs = tuple(joined[at : at + 131_072].ljust(131_072, b"\0") for at in range(0, len(joined), 131_072))
            await poster.send(TxCandidate(inbox.address, data, blobs=blobs))


def _low_bits(elements: bytes) -> bytes:
    """The bytes of a chunk, what is above 254 bits left out."""
    number = 0
    for at in range(0, CHUNK_ELEMENTS_SIZE, 32):
        number = number << 254 | int.from_bytes(elements[at : at + 32], "big") & (1 << 254) - 1
    return number.to_bytes(2032, "big")


def chunk_as_if_good(batch: BatchData, index: int) -> bytes:
    """The chunk with whatever makes it empty overlooked: high bits, version, count."""
    if batch.header.in_calldata:
        chunk = batch.chunk(index)
        assert chunk is not None
    else:
        blob, cell = divmod(index, CHUNKS_PER_BLOB)
        chunk = _low_bits(batch.blobs[blob][cell * CHUNK_ELEMENTS_SIZE : (cell + 1) * CHUNK_ELEMENTS_SIZE])
    return b"\x02" + (chunk[1:2] if chunk[1] < 64 else b"\x01") + chunk[2:]
