"""Whatever is posted, garbage included, every node derives the same chain from it: one that follows L1 through reorgs,
one that was started again on the way, and one that reads it all afterwards. And L1 derives the same inputs."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

import pytest

from chain.store import ChainStore
from derivation.codec import (
    CHUNK_SIZE,
    MAX_CALLDATA_CHUNKS,
    ChunkWriter,
    Dictionary,
    block_start_item,
    encode_chunk,
    to_elements,
)
from derivation.codec.items import Item, ItemKind
from derivation.node import RollupNode
from derivation.proof import build_step_proof
from execution.abi import input_tuple
from execution.types import BatchEnd, BlockStart, Fragment, Skip, Transaction
from l1.artifacts import artifact
from l1.blobs import blob_versioned_hash
from tests.unit.derivation.blob_data import MALFORMED
from tests.unit.derivation.fake_l1 import FakeL1
from tests.unit.derivation.test_rollup_node import CHAIN_ID, GENESIS, follow, make, transfer
from tests.unit.derivation.test_step_verifier import Ethereum, KeepingProver, verifier_arguments
from tests.vectors.make_codec import body, chunk, literals, varint

PAGES = (b"any text will do, " * 600, b"\x77" * 20 + b"\x42" * 4000, b"\xff")


class Poster:
    """Posts anything at all."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.nonces = [0, 0, 0, 0]

    def batch(self) -> tuple[list[bytes], tuple[bytes, ...]]:
        """(chunks or elements, the pages that it names)."""
        pages = tuple(self.random.sample(PAGES, self.random.randrange(len(PAGES) + 1)))
        writer = ChunkWriter(CHAIN_ID, Dictionary(pages if self.random.random() < 0.8 else ()))
        for _ in range(self.random.randrange(12)):
            if self.random.random() < 0.2:
                writer.block_start(self.random.choice((1, 2, 700)))
            else:
                writer.transaction(self.transaction())
        chunks = writer.chunks()
        for _ in range(self.random.randrange(4)):
            chunks.insert(self.random.randrange(len(chunks) + 1), self.garbage(chunks))
        if len(chunks) > 1 and self.random.random() < 0.3:
            self.random.shuffle(chunks)
        return chunks, pages

    def transaction(self) -> bytes:
        random = self.random
        if random.random() < 0.15:
            return random.randbytes(random.randrange(1, 300))
        sender = random.randrange(4)
        raw = transfer(sender, self.nonces[sender], data=random.randbytes(random.choice((0, 0, 40, 3000))))
        if random.random() < 0.9:
            self.nonces[sender] += 1
        return raw

    def garbage(self, chunks: Sequence[bytes]) -> bytes:
        random = self.random
        match random.randrange(6):
            case 0:
                return bytes(CHUNK_SIZE)
            case 1:
                return MALFORMED
            case 2:
                return random.randbytes(CHUNK_SIZE)
            case 3:
                return bytes([2, random.randrange(64)]) + random.randrange(2100).to_bytes(2, "big") + random.randbytes(CHUNK_SIZE - 4)
            case 4 if chunks:
                chunk = bytearray(random.choice([each for each in chunks if len(each) == CHUNK_SIZE] or [bytes(CHUNK_SIZE)]))
                for _ in range(random.randrange(1, 6)):
                    chunk[random.randrange(2, 60)] = random.randrange(256)
                return bytes(chunk)
            case _:
                stray = [Item(ItemKind.LAST_FRAGMENT, b"stray"), block_start_item(60_000), Item(ItemKind.FRAGMENT, b"lost")]
                return encode_chunk(stray)


def post(l1: FakeL1, poster: Poster) -> None:
    """One more block of L1, with a batch or two in it."""
    for _ in range(poster.random.choice((1, 1, 2))):
        chunks, pages = poster.batch()
        pointers = [l1.publish(page) for page in pages]
        whole = [chunk for chunk in chunks if len(chunk) == CHUNK_SIZE]
        if whole and poster.random.random() < 0.4:
            l1.post_calldata(whole, pages=pointers)
        else:
            l1.post(chunks, pages=pointers)
        if poster.random.random() < 0.4:
            l1.deposit(poster.random.randbytes(20), 7)
        if poster.random.random() < 0.4:
            l1.force(poster.transaction())
    l1.mine()


def told(node: RollupNode) -> list[tuple[object, ...]]:
    """All that a node knows of the batches."""
    found = []
    while (record := node.derived(len(found))) is not None:
        found.append((record.hash, record.commitments, record.final_state, record.block_hashes, record.posted.header))
    return found


@pytest.mark.parametrize("seed", range(6))
async def test_every_node_ends_on_the_same_chain(seed: int) -> None:
    l1, poster = FakeL1(), Poster(seed)
    l1.mine()
    with (
        ChainStore.open(None, GENESIS) as live_store,
        ChainStore.open(None, GENESIS) as restarted_store,
        ChainStore.open(None, GENESIS) as late_store,
    ):
        live, restarted = make(l1, live_store), make(l1, restarted_store)
        for number in range(12):
            post(l1, poster)
            if number % 4 == 2:
                await follow(live)
                l1.reorg(poster.random.randrange(1, 4))
                l1.mine()
            if number % 3 == 0:
                await follow(live)
            if number == 6:
                await follow(restarted)
                restarted.close()
                restarted = make(l1, restarted_store)
        late = make(l1, late_store)
        nodes = (live, restarted, late)
        for node in nodes:
            await follow(node)
        assert len(told(late)) == len(l1.batches) > 3
        assert told(live) == told(restarted) == told(late)
        assert live_store.head.hash == restarted_store.head.hash == late_store.head.hash
        assert late_store.head.number > len(l1.batches)
        for node in nodes:
            node.close()


async def same_inputs(l1: FakeL1, random: Random, most: int) -> set[type]:
    """Has the StepVerifier derive what the node derived of batch 0, at `most` steps of it. The kinds of Inputs there were."""
    ethereum = Ethereum()
    inbox = ethereum.send(artifact("Inbox").deployment("0x" + "00" * 20, 0, 100, "0x" + "01" * 20, 1))
    setup = ethereum.send(artifact("KzgSetup").deployment())
    assert inbox is not None and setup is not None
    verifier = ethereum.send(artifact("StepVerifier").deployment(*verifier_arguments(setup)))
    assert verifier is not None
    seen = set()
    prover = KeepingProver()
    with ChainStore.open(None, GENESIS) as store:
        node = make(l1, store)
        await follow(node)
        record = node.derived(0)
        assert record is not None
        for step in sorted({0, record.steps - 1, *random.sample(range(record.steps), min(most, record.steps))}):
            built = await build_step_proof(node, 0, step, prover)
            data = artifact("StepVerifier").call("deriveInput", "0x" + inbox.hex(), built.proof.as_tuple())
            (found,) = artifact("StepVerifier").answer("deriveInput", ethereum.call(verifier, data))
            assert built.input is not None and found == input_tuple(built.input), (step, built.input)
            seen.add(type(built.input))
        node.close()
    return seen


@pytest.mark.parametrize("seed", [1, 2])
async def test_l1_derives_the_same_inputs_from_garbage(seed: int) -> None:
    l1, poster = FakeL1(), Poster(seed)
    l1.hash_of = blob_versioned_hash
    l1.mine()
    chunks: list[bytes] = []
    while len(chunks) < 8:
        chunks += [each if len(each) == CHUNK_SIZE else to_elements(bytes(CHUNK_SIZE)) for each in poster.batch()[0]]
    chunks.append(encode_chunk([Item(ItemKind.FRAGMENT, b"of nothing")]))
    l1.post([*chunks, MALFORMED])
    l1.mine()
    seen = await same_inputs(l1, poster.random, 40)
    assert {BlockStart, BatchEnd, Skip, Transaction} <= seen <= {BlockStart, BatchEnd, Skip, Transaction, Fragment}


def item(random: Random) -> tuple[bytes, bytes, bytes]:
    """Any item, also one that says nothing: its bytes in a body's K, T and X (docs/data.md, section 5)."""
    kind = random.choice((0x00, 0x04, 0x08, 0x08, 0x0C, 0x0C, 0x10, 0x13))
    if kind == 0:
        return bytes([kind]), varint(random.choice((0, 1, 2, 3000))), b""
    payload = random.randbytes(random.choice((0, 1, 32)))
    return bytes([kind]), varint(len(payload)) + (bytes([0xA0 + len(payload) - 1]) if payload else b""), payload


@pytest.mark.parametrize("seed", range(8))
async def test_l1_derives_the_same_inputs_from_items_in_any_order(seed: int) -> None:
    """What a step is depends on the fragments that are pending, too."""
    l1, random = FakeL1(), Random(seed)
    l1.mine()
    chunks = []
    for _ in range(MAX_CALLDATA_CHUNKS):
        items = [item(random) for _ in range(random.randrange(4))]
        chunks.append(chunk(len(items), literals(body(*(b"".join(stream) for stream in zip(*items, strict=True)))))
                      if items else bytes(CHUNK_SIZE))
    l1.post_calldata(chunks, pages=[])
    l1.mine()
    assert await same_inputs(l1, random, 1000) == {BlockStart, BatchEnd, Skip, Transaction, Fragment}
