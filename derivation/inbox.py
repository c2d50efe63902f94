"""The Inbox as its events tell it: queues, batches, and the L1 blocks they lie in. Pure; rewinds with L1.

Blocks are applied in order, each on its parent. What the Inbox contract guarantees is checked again, so that a
lying or confused L1 node is noticed and not followed.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

from derivation.batch import (
    MAX_DEPOSITS_PER_BATCH,
    MAX_FORCED_PER_BATCH,
    BatchData,
    BatchHeader,
    Deposit,
    ForcedTransaction,
    Inclusion,
    due_end,
    genesis_parent,
    header_flaw,
)
from derivation.codec import CHUNK_SIZE
from derivation.merkle import chunk_root, split_chunks
from derivation.pages import MemoryPages, Pages
from execution.encoding import keccak
from l1.client import L1Block, L1Inconsistent
from l1.events import (
    BatchPosted,
    CalldataPosted,
    Deposited,
    InboxEvent,
    PagePublished,
    TransactionForced,
)
from l1.pointers import MAX_POINTER_DATA, pointer_address

_SNAPSHOT_VERSION = 2


@dataclass(frozen=True, slots=True)
class L1Point:
    """An L1 block by number and hash."""

    number: int
    hash: bytes


@dataclass(frozen=True, slots=True)
class PostedBatch:
    """A batch as L1 shows it: all but its blobs. `pages` (contents) and `data` are there when it has just been read;
    what is kept of it is `without_data`."""

    header: BatchHeader
    hash: bytes
    deposits: tuple[Deposit, ...]
    forced: tuple[bytes, ...]
    inclusion: Inclusion
    pages: tuple[bytes, ...] = ()
    data: bytes = b""  # of a batch in calldata: its chunks, end to end

    def without_data(self) -> Self:
        """Less what is large and kept elsewhere."""
        return replace(self, pages=(), data=b"")

    def with_blobs(self, blobs: tuple[bytes, ...]) -> BatchData:
        """The whole batch. BatchInconsistent if these can't be its parts."""
        return BatchData(self.header, blobs, self.deposits, self.forced, self.inclusion, self.pages, self.data)


class InboxTracker:
    """`inbox`: its address, 20 bytes. `window`: how many of the newest L1 blocks can be rewound. `pages`: where the
    dictionary's pages are kept; what is in there already is known from the start."""

    def __init__(self, inbox: bytes, window: int = 512, pages: Pages | None = None) -> None:
        self._inbox = inbox
        self._window = window
        self._pages = MemoryPages() if pages is None else pages
        self._points: list[L1Point] = []
        self._deposits: list[Deposit] = []  # those a batch that can still be rewound, or a later one, may take
        self._forced: list[ForcedTransaction] = []
        self._batches: list[PostedBatch] = []  # the newest ones, in order, without their data
        self._dropped: tuple[int, int, int] = (0, 0, 0)  # deposits, forced ones, batches no longer kept

    # --- reading -------------------------------------------------------------------------------------------

    @property
    def last(self) -> L1Point | None:
        """The newest block applied."""
        return self._points[-1] if self._points else None

    def pages_of(self, header: BatchHeader) -> tuple[bytes, ...] | None:
        """The contents of the pages it names; None if L1 hasn't shown all of them yet."""
        found = tuple(page for pointer in header.pages if (page := self._pages.get(pointer)) is not None)
        return found if len(found) == len(header.pages) else None

    @property
    def points(self) -> Sequence[L1Point]:
        """The blocks that can be rewound to, oldest first."""
        return tuple(self._points)

    @property
    def batch_count(self) -> int:
        return self._dropped[2] + len(self._batches)

    @property
    def head_hash(self) -> bytes:
        """Hash of the newest batch, zero if there is none."""
        return self._batches[-1].hash if self._batches else genesis_parent()

    @property
    def deposit_count(self) -> int:
        return self._dropped[0] + len(self._deposits)

    @property
    def forced_count(self) -> int:
        return self._dropped[1] + len(self._forced)

    # --- moving --------------------------------------------------------------------------------------------

    def apply(
        self, block: L1Block, events: Sequence[tuple[InboxEvent, bytes]], *, follows: bool = True
    ) -> list[PostedBatch]:
        """Takes the next block, with its Inbox events and the hashes of their transactions, in order; `follows` false:
        there are blocks without events between it and the last one. Returns its batches, with pages and calldata.
        L1Inconsistent, and nothing has changed, if block or events don't follow from what is known. Its pages are kept
        before it returns."""
        last = self.last
        if last is not None and not (
            (block.parent_hash, block.number) == (last.hash, last.number + 1) if follows else block.number > last.number
        ):
            raise L1Inconsistent(f"L1 block {block.number} does not follow {last.number}")
        kept = len(self._deposits), len(self._forced), len(self._batches)
        beside = _Beside(
            {event.batch_hash: event.data for event, _ in events if isinstance(event, CalldataPosted)}, {}
        )
        try:
            found = [
                batch
                for event, transaction in events
                if (batch := self._take(block, event, transaction, beside)) is not None
            ]
            if beside.calldata:
                raise L1Inconsistent(f"L1 block {block.number} has calldata of a batch that it does not have")
        except L1Inconsistent:
            del self._deposits[kept[0] :], self._forced[kept[1] :], self._batches[kept[2] :]
            raise
        self._pages.put(beside.pages)
        self._points.append(L1Point(block.number, block.hash))
        self._prune()
        return found

    def _take(
        self, block: L1Block, event: InboxEvent, transaction: bytes, beside: _Beside
    ) -> PostedBatch | None:
        match event:
            case Deposited(index, recipient, amount) if index == self.deposit_count:
                self._deposits.append(Deposit(index, recipient, amount, block.number))
            case TransactionForced(index, raw_hash, raw) if index == self.forced_count and keccak(raw) == raw_hash:
                self._forced.append(ForcedTransaction(index, raw, block.number))
            case BatchPosted():
                inclusion = Inclusion(block.number, block.hash, block.timestamp, transaction, event.poster)
                batch = self._batch(event, inclusion, beside)
                self._batches.append(batch.without_data())
                return batch
            case PagePublished(pointer, data) if 0 < len(data) <= MAX_POINTER_DATA:
                if pointer != pointer_address(self._inbox, data):
                    raise L1Inconsistent(f"L1 block {block.number}: page 0x{pointer.hex()} has other bytes")
                beside.pages[pointer] = data
            case CalldataPosted():
                pass  # taken with its batch
            case _:
                raise L1Inconsistent(f"L1 block {block.number}: what can't be the next event of the Inbox: {_named(event)}")
        return None

    def _batch(self, event: BatchPosted, inclusion: Inclusion, beside: _Beside) -> PostedBatch:
        header = event.header
        named = f"batch {event.index} in L1 block {inclusion.block_number}"
        if (header.index, header.parent_hash) != (self.batch_count, self.head_hash) or event.index != header.index:
            raise L1Inconsistent(f"{named} does not follow batch {self.batch_count - 1}")
        if header.hash != event.batch_hash:
            raise L1Inconsistent(f"{named} has another hash than its event says")
        if (flaw := header_flaw(header)) is not None:
            raise L1Inconsistent(f"{named}: {flaw}")
        previous = self._batches[-1].header if self._batches else None
        starts = (previous.deposit_end, previous.forced_end) if previous else (0, 0)
        deposits, forced = self._deposits[starts[0] - self._dropped[0] :], self._forced[starts[1] - self._dropped[1] :]
        at = header.origin_number
        deposit_end = due_end([each.l1_block for each in deposits], starts[0], at, MAX_DEPOSITS_PER_BATCH)
        forced_end = due_end([each.l1_block for each in forced], starts[1], at, MAX_FORCED_PER_BATCH)
        expected = (starts[0], deposit_end, starts[1], forced_end)
        if (header.deposit_start, header.deposit_end, header.forced_start, header.forced_end) != expected:
            raise L1Inconsistent(f"{named} does not take what is due to it")
        taken = tuple(deposits[: deposit_end - starts[0]])
        return PostedBatch(
            header, event.batch_hash, taken, tuple(each.raw for each in forced[: forced_end - starts[1]]), inclusion,
            self._pages_of(header, named, beside), _calldata_of(header, named, beside.calldata.pop(event.batch_hash, b"")),
        )  # fmt: skip

    def _pages_of(self, header: BatchHeader, named: str, beside: _Beside) -> tuple[bytes, ...]:
        pages = []
        for pointer in header.pages:
            page = beside.pages.get(pointer) or self._pages.get(pointer)
            if page is None:
                raise L1Inconsistent(f"{named} names page 0x{pointer.hex()}, which was not published")
            pages.append(page)
        return tuple(pages)

    def rewind(self, to: L1Point | None) -> list[PostedBatch]:
        """Forgets every block after `to` (None: all). Returns the batches that are gone, oldest first. KeyError if
        the window has no such block."""
        if to is None:
            gone, self._batches = self._batches, []
            self._points, self._deposits, self._forced, self._dropped = [], [], [], (0, 0, 0)
            return gone
        if to not in self._points:
            raise KeyError(f"L1 block {to.number} is not in the window")
        self._points = self._points[: self._points.index(to) + 1]
        self._deposits = [each for each in self._deposits if each.l1_block <= to.number]
        self._forced = [each for each in self._forced if each.l1_block <= to.number]
        gone = [each for each in self._batches if each.inclusion.block_number > to.number]
        self._batches = [each for each in self._batches if each.inclusion.block_number <= to.number]
        return gone

    def _prune(self) -> None:
        """Drops what no rewind within the window can need: all but the last batch before it, and what those took."""
        if len(self._points) <= self._window:
            return
        self._points = self._points[-self._window :]
        oldest = self._points[0].number
        old = sum(each.inclusion.block_number <= oldest for each in self._batches)
        if old <= 1:
            return
        last = self._batches[old - 1].header
        deposits, forced, batches = self._dropped
        self._batches = self._batches[old - 1 :]
        self._deposits = self._deposits[last.deposit_end - deposits :]
        self._forced = self._forced[last.forced_end - forced :]
        self._dropped = last.deposit_end, last.forced_end, batches + old - 1

    # --- keeping -------------------------------------------------------------------------------------------

    def snapshot(self) -> bytes:
        """Everything but the pages, to go on from after a restart."""
        return json.dumps(
            {
                "version": _SNAPSHOT_VERSION,
                "dropped": self._dropped,
                "points": [[each.number, each.hash.hex()] for each in self._points],
                "deposits": [
                    [each.index, each.recipient.hex(), each.amount_gwei, each.l1_block] for each in self._deposits
                ],
                "forced": [[each.index, each.raw.hex(), each.l1_block] for each in self._forced],
                "batches": [_batch_json(each) for each in self._batches],
            },
            separators=(",", ":"),
        ).encode()

    @classmethod
    def restore(
        cls, data: bytes, inbox: bytes, window: int = 512, pages: Pages | None = None
    ) -> InboxTracker:
        """The inverse of `snapshot`, with the same pages. ValueError if it isn't one of this version."""
        try:
            raw = json.loads(data)
            if raw["version"] != _SNAPSHOT_VERSION:
                raise ValueError(f"a snapshot of version {raw['version']}")
            tracker = cls(inbox, window, pages)
            tracker._dropped = tuple(raw["dropped"])
            tracker._points = [L1Point(number, bytes.fromhex(each)) for number, each in raw["points"]]
            tracker._deposits = [Deposit(i, bytes.fromhex(to), gwei, at) for i, to, gwei, at in raw["deposits"]]
            tracker._forced = [ForcedTransaction(i, bytes.fromhex(each), at) for i, each, at in raw["forced"]]
            tracker._batches = [batch_from_json(each) for each in raw["batches"]]
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"not a snapshot of the Inbox: {error!r}") from error
        return tracker


@dataclass(frozen=True, slots=True)
class _Beside:
    """What a block's events bring along: calldata by batch hash, pages by pointer."""

    calldata: dict[bytes, bytes]
    pages: dict[bytes, bytes]


def _calldata_of(header: BatchHeader, named: str, data: bytes) -> bytes:
    """`data` if it is what the header commits to, which is none for a batch in blobs. L1Inconsistent."""
    if len(data) != (CHUNK_SIZE * header.chunk_count if header.in_calldata else 0):
        raise L1Inconsistent(f"{named} comes with {len(data)} bytes of calldata")
    if data and chunk_root(split_chunks(data)) != header.data_root:
        raise L1Inconsistent(f"{named} comes with other calldata than its root says")
    return data


def _named(event: InboxEvent) -> str:
    return f"{type(event).__name__} {getattr(event, 'index', '')}".rstrip()


def _hexed(value: Any) -> Any:
    if isinstance(value, bytes):
        return "0x" + value.hex()
    return [_hexed(each) for each in value] if isinstance(value, (tuple, list)) else value


def _unhexed(value: Any) -> Any:
    if isinstance(value, str):
        return bytes.fromhex(value[2:])
    return tuple(_unhexed(each) for each in value) if isinstance(value, list) else value


def _batch_json(batch: PostedBatch) -> list[Any]:
    """Plain JSON of a batch, without its data."""
    at = batch.inclusion
    return _hexed([
        batch.header.as_tuple(),
        [(each.index, each.recipient, each.amount_gwei, each.l1_block) for each in batch.deposits],
        batch.forced,
        (at.block_number, at.block_hash, at.block_timestamp, at.transaction_hash, at.poster),
    ])  # fmt: skip


def batch_to_json(batch: PostedBatch) -> str:
    return json.dumps(_batch_json(batch), separators=(",", ":"))


def batch_from_json(raw: Any) -> PostedBatch:
    """The inverse of `batch_to_json`, of its text or of what json.loads makes of it."""
    header_values, deposits, forced, at = _unhexed(json.loads(raw) if isinstance(raw, (str, bytes)) else raw)
    header = BatchHeader.from_tuple(header_values)
    return PostedBatch(header, header.hash, tuple(Deposit(*each) for each in deposits), forced, Inclusion(*at))


