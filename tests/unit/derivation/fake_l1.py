"""A scripted L1: blocks with Inbox events, reorgs on demand, blobs that can be withheld. No network."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from eth_abi import encode as abi_encode
from eth_hash.auto import keccak

from derivation.batch import (
    MAX_DEPOSITS_PER_BATCH,
    MAX_FORCED_PER_BATCH,
    BatchHeader,
    blob_count,
    due_end,
    genesis_parent,
)
from derivation.merkle import chunk_root
from l1.artifacts import artifact
from l1.batch_header import BATCH_HEADER_ABI
from l1.blob_sources import BlobsMissing
from l1.client import BlockId, L1Block, L1Log
from l1.pointers import pointer_address
from l1.rpc_errors import RpcError
from tests.unit.derivation.blob_data import blobs_of

INBOX = b"\x1b" * 20
POSTER = b"\x5e" * 20
FIRST = 10  # number of the block with the contracts
GENESIS_TIME = 1_700_000_000
ALL_BLOOM = b"\xff" * 256


def topic(name: str) -> bytes:
    return next(shape.topic for shape in artifact("Inbox").events.values() if shape.name == name)


def word(value: int) -> bytes:
    return value.to_bytes(32, "big")


@dataclass
class Block:
    """`entries`: (topics, data) of Inbox logs."""

    number: int
    parent: bytes
    salt: int
    entries: list[tuple[tuple[bytes, ...], bytes]] = field(default_factory=list)

    @cached_property
    def hash(self) -> bytes:
        return keccak(self.parent + word(self.number) + word(self.salt) + repr(self.entries).encode())

    def header(self) -> L1Block:
        bloom = ALL_BLOOM if self.entries else bytes(256)
        return L1Block(
            number=self.number, hash=self.hash, parent_hash=self.parent, timestamp=GENESIS_TIME + 12 * self.number,
            prev_randao=keccak(self.hash), logs_bloom=bloom, gas_limit=36_000_000, gas_used=0,
            base_fee_per_gas=10**9, excess_blob_gas=0, blob_gas_used=0, parent_beacon_block_root=bytes(32), rlp=b"",
        )  # fmt: skip


class FakeL1:
    """Call `deposit`, `force` and `post` to fill the next block, `mine` to make it, `reorg` to undo blocks.

    Plays the Inbox contract itself: every canonical block's entries are consistent with those before.
    """

    def __init__(self) -> None:
        self.blocks: list[Block] = [Block(number, keccak(word(number)), 0) for number in (FIRST - 1,)]
        self.pending: list[tuple[tuple[bytes, ...], bytes]] = []
        self.deposits: list[int] = []  # L1 block number of each entry
        self.forced: list[int] = []
        self.batches: list[tuple[int, BatchHeader]] = []  # L1 block number, header
        self.blobs: dict[bytes, bytes] = {}
        self.calldata: dict[bytes, bytes] = {}  # by batch hash
        self.withheld: set[bytes] = set()
        self.requests: list[tuple[str, object]] = []
        self.salt = 0
        self.finality: int | None = None  # blocks from the head to the finalized one; None: L1 knows none
        self.longest_range = 10**9  # blocks of one eth_getLogs
        self.hash_of: Callable[[bytes], bytes] = lambda blob: b"\x01" + keccak(blob)[1:]  # no KZG: fast

    # --- the chain -----------------------------------------------------------------------------------------

    @property
    def next_number(self) -> int:
        return self.blocks[-1].number + 1

    def mine(self, count: int = 1) -> None:
        for _ in range(count):
            self.blocks.append(Block(self.next_number, self.blocks[-1].hash, self.salt, self.pending))
            self.pending = []

    def reorg(self, depth: int) -> None:
        """Takes the newest `depth` blocks away; those mined from now on are others."""
        self.blocks = self.blocks[:-depth]
        last = self.blocks[-1].number
        self.deposits = [at for at in self.deposits if at <= last]
        self.forced = [at for at in self.forced if at <= last]
        self.batches = [each for each in self.batches if each[0] <= last]
        self.salt += 1

    # --- the Inbox -----------------------------------------------------------------------------------------

    def deposit(self, recipient: bytes, gwei: int) -> None:
        index = word(len(self.deposits))
        self.pending.append(((topic("Deposited"), index, recipient.rjust(32, b"\0")), word(gwei)))
        self.deposits.append(self.next_number)

    def force(self, raw: bytes) -> None:
        index = word(len(self.forced))
        self.pending.append(((topic("TransactionForced"), index, keccak(raw)), abi_encode(["bytes"], [raw])))
        self.forced.append(self.next_number)

    def publish(self, page: bytes) -> bytes:
        """Its pointer. The Inbox says it once; here it may be said again."""
        pointer = pointer_address(INBOX, page)
        self.pending.append(
            ((topic("PagePublished"), pointer.rjust(32, b"\0")), abi_encode(["bytes"], [page]))
        )
        return pointer

    def post(
        self,
        chunks: Sequence[bytes] = (),
        origin: int | None = None,
        *,
        pages: Sequence[bytes] = (),
    ) -> BatchHeader:
        """A batch of these chunks in blobs, its origin the newest block unless given by number. `pages`: pointers."""
        blobs = blobs_of(chunks)
        hashes = tuple(self.hash_of(blob) for blob in blobs)
        self.blobs.update(zip(hashes, blobs))
        header = self._header(len(chunks), hashes, bytes(32), pages, origin)
        assert blob_count(len(chunks)) == len(blobs)
        self.repost(header)
        return header

    def post_calldata(
        self, chunks: Sequence[bytes], origin: int | None = None, *, pages: Sequence[bytes] = ()
    ) -> BatchHeader:
        """A batch of these chunks, 2,032 bytes each, in calldata."""
        header = self._header(len(chunks), (), chunk_root(chunks), pages, origin)
        self.calldata[header.hash] = b"".join(chunks)
        self.repost(header)
        return header

    def _header(
        self,
        chunk_count: int,
        hashes: tuple[bytes, ...],
        data_root: bytes,
        pages: Sequence[bytes],
        origin: int | None,
    ) -> BatchHeader:
        block = next(each for each in self.blocks if each.number == (origin or self.blocks[-1].number)).header()
        previous = self.batches[-1][1] if self.batches else None
        deposit_start, forced_start = (previous.deposit_end, previous.forced_end) if previous else (0, 0)
        at = block.number
        return BatchHeader(
            parent_hash=previous.hash if previous else genesis_parent(), index=len(self.batches), blob_hashes=hashes,
            data_root=data_root, pages=tuple(pages), chunk_count=chunk_count, origin_number=at, origin_hash=block.hash, origin_timestamp=block.timestamp,
            origin_prev_randao=block.prev_randao, deposit_start=deposit_start,
            deposit_end=due_end(self.deposits[deposit_start:], deposit_start, at, MAX_DEPOSITS_PER_BATCH),
            forced_start=forced_start,
            forced_end=due_end(self.forced[forced_start:], forced_start, at, MAX_FORCED_PER_BATCH),
        )  # fmt: skip

    def repost(self, header: BatchHeader) -> None:
        """The very same batch again, in the next block."""
        topics = (topic("BatchPosted"), word(header.index), header.hash, POSTER.rjust(32, b"\0"))
        self.pending.append((topics, abi_encode([BATCH_HEADER_ABI], [header.as_tuple()])))
        self.batches.append((self.next_number, header))
        if header.hash in self.calldata:
            data = abi_encode(["bytes"], [self.calldata[header.hash]])
            self.pending.append(((topic("CalldataPosted"), header.hash), data))

    # --- what the pipeline asks ----------------------------------------------------------------------------

    async def head(self) -> L1Block:
        return self.blocks[-1].header()

    async def block(self, block: BlockId = "latest") -> L1Block | None:
        self.requests.append(("block", block))
        if block == "finalized":
            return None if self.finality is None else self.blocks[max(0, len(self.blocks) - 1 - self.finality)].header()
        found = [each for each in self.blocks if (each.number if isinstance(block, int) else each.hash) == block]
        return found[0].header() if found else None

    async def logs_in_range(self, first: int, last: int, addresses: list[bytes]) -> list[L1Log]:
        self.requests.append(("range", (first, last)))
        if last - first + 1 > self.longest_range:
            raise RpcError(-32602, "block range is too wide")
        return [log for each in self.blocks if first <= each.number <= last for log in await self.logs(each.hash, addresses)]

    async def logs(self, block_hash: bytes, addresses: list[bytes]) -> list[L1Log]:
        self.requests.append(("logs", block_hash))
        assert list(addresses) == [INBOX]
        block = next(each for each in self.blocks if each.hash == block_hash)
        return [
            L1Log(INBOX, topics, data, block.number, block.hash, keccak(data), index)
            for index, (topics, data) in enumerate(block.entries)
        ]

    async def blobs_of(self, timestamp: int, hashes: tuple[bytes, ...]) -> tuple[bytes, ...]:
        missing = [each for each in hashes if each in self.withheld]
        if missing:
            raise BlobsMissing(missing, ["withheld"])
        return tuple(self.blobs[each] for each in hashes)


class FakeBeacon:
    def __init__(self, l1: FakeL1) -> None:
        self._l1 = l1

    async def blobs(self, timestamp: int, hashes: tuple[bytes, ...]) -> tuple[bytes, ...]:
        return await self._l1.blobs_of(timestamp, hashes)
