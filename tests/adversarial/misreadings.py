"""Liars who break one rule of derivation, and do everything else right.

A misreading makes of a batch what the liar takes for it: other items, another header, other queues. The liar derives
that and asserts where it ends. Rules are docs/protocol.md's sections 2 and 4 and docs/data.md's; the name says which is broken.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from derivation.batch import BatchData
from derivation.codec import EMPTY_DICTIONARY, Dictionary, Item, ItemKind, block_start_item, decode_chunk
from derivation.deriver import Deriver
from derivation.inputs import DerivationParams
from execution.abi import commitment
from execution.encoding import decode_list, encode_bytes, wrap_list
from sequencer.claims import BatchClaims
from tests.adversarial.kit.lies import Truth
from tests.adversarial.rich_batch import (
    BLOCKS,
    BROKEN,
    CHAIN_ID,
    COMPACT,
    COUNT_64,
    LAST_PART,
    MAX_DRIFT,
    MORE,
    OTHER_PAGE,
    PAGES,
    PART_1,
    PART_2,
    PLAIN,
    TOO_LARGE,
    VERSION_1,
    chunk_as_if_good,
)


@dataclass(frozen=True)
class Read:
    """What a liar takes a batch for."""

    batch: BatchData
    params: DerivationParams
    other: BatchData  # the batch after it

    def items(self, chunk: int) -> list[Item]:
        return list(self.batch.items(chunk, CHAIN_ID))

    def with_items(self, changed: Mapping[int, Sequence[Item]]) -> Read:
        """The same batch with other items in some chunks."""
        return self._remade(self.batch, changed)

    def with_batch(self, **changes: Any) -> Read:
        return self._remade(replace(self.batch, **changes), {})

    def with_header(self, **changes: Any) -> Read:
        return self.with_batch(header=replace(self.batch.header, **changes))

    def _remade(self, batch: BatchData, changed: Mapping[int, Sequence[Item]]) -> Read:
        false = replace(batch)  # decodes anew
        false._ahead.update({chunk: tuple(items) for chunk, items in changed.items()})
        return replace(self, batch=false)


Misreading = Callable[[Read], Read]


def claims_of(truth: Truth, other: BatchData, misreading: Misreading) -> BatchClaims:
    """What the liar claims of the batch. ValueError if that is the truth."""
    settings = truth.node.settings
    read = misreading(Read(truth.data, settings.params, other))
    honest = truth.node.deriver(truth.data, truth.start)
    deriver = Deriver(settings.rules, honest.machine.roots_source(), honest.machine.header, truth.start, read.batch, read.params)
    claimed = [commitment(truth.start)]
    while not deriver.ended:
        deriver.step()
        claimed.append(commitment(deriver.state))
    if claimed == truth.commitments:
        raise ValueError("the liar tells the truth")
    return truth.claims(claimed, deriver.state)


def _items(chunk: int, change: Callable[[list[Item]], list[Item]]) -> Misreading:
    return lambda read: read.with_items({chunk: change(read.items(chunk))})


def _put(at: int, *items: Item, instead_of: int = 1) -> Callable[[list[Item]], list[Item]]:
    return lambda found: [*found[:at], *items, *found[at + instead_of :]]


def _tx(raw: bytes) -> Item:
    return Item(ItemKind.TRANSACTION, raw)


def _field(index: int, value: bytes | Callable[[bytes], bytes]) -> Callable[[Item], Item]:
    """An EIP-1559 transaction with another field."""

    def change(item: Item) -> Item:
        fields = decode_list(item.payload[1:])
        fields[index] = value if isinstance(value, bytes) else value(fields[index])  # type: ignore[arg-type]
        body = b"".join(b"\xc0" if isinstance(each, list) else encode_bytes(each) for each in fields)
        return _tx(b"\x02" + wrap_list(body))

    return change


def _compact(at: int, change: Callable[[Item], Item]) -> Misreading:
    return _items(COMPACT, lambda found: [*found[:at], change(found[at]), *found[at + 1 :]])


def _as_data(chunk: int) -> Misreading:
    return lambda read: read.with_items({chunk: decode_chunk(chunk_as_if_good(read.batch, chunk), CHAIN_ID, EMPTY_DICTIONARY)})


def _moved(chunk: int, source: int) -> Misreading:
    """Reads another chunk's bytes."""
    return lambda read: read.with_items({chunk: read.items(source)})


def _joined(*chunks: int) -> Misreading:
    """The large transaction made of the first items of these chunks, in this order."""
    return lambda read: read.with_items(
        {LAST_PART: _put(0, _tx(b"".join(read.items(each)[0].payload for each in chunks)))(read.items(LAST_PART))})


def _reversed_cell(read: Read) -> Read:
    return read.with_items({PLAIN: read.items(int(f"{PLAIN:06b}"[::-1], 2)), 1: read.items(32)})


def _queues(read: Read, *, deposits: Any = None, forced: Any = None) -> Read:
    """Other entries, as many as the header is then made to say."""
    header, batch = read.batch.header, read.batch
    deposits = batch.deposits if deposits is None else tuple(replace(each, index=header.deposit_start + i) for i, each in enumerate(deposits))
    forced = batch.forced if forced is None else tuple(forced)
    header = replace(header, deposit_end=header.deposit_start + len(deposits), forced_end=header.forced_start + len(forced))
    return read.with_batch(header=header, deposits=deposits, forced=forced)


def _pages(*contents: bytes) -> Misreading:
    return lambda read: read.with_batch(
        header=replace(read.batch.header, pages=tuple(bytes([i + 1]) * 20 for i in range(len(contents)))), pages=contents
    )


def _byte(value: bytes) -> bytes:
    return (int.from_bytes(value, "big") + 1).to_bytes(max(1, len(value)), "big")


EVERYWHERE: dict[str, Misreading] = {
    # order
    "two items swapped": _items(BLOCKS, lambda found: [found[1], found[0], *found[2:]]),
    "an item left out": _items(BLOCKS, _put(1)),
    "an item twice": _items(BLOCKS, lambda found: [found[0], *found]),
    "an item of another chunk": _items(BLOCKS, lambda found: [*found, block_start_item(5)]),
    "a chunk left out": _items(PLAIN, lambda found: []),
    "two chunks swapped": lambda read: read.with_items({BROKEN: read.items(COMPACT), COMPACT: read.items(BROKEN)}),
    # fragments
    "a last fragment alone is a transaction": _joined(LAST_PART),
    "a fragment missing": _joined(PART_1, LAST_PART),
    "fragments in another order": _joined(PART_2, PART_1, LAST_PART),
    "a stray last fragment is a transaction": _items(LAST_PART, lambda found: [found[0], _tx(found[1].payload), found[2]]),
    "a block start between fragments does not drop them": lambda read: read.with_items({
        BROKEN: _put(1, _tx(read.items(LAST_PART)[2].payload + read.items(BROKEN)[1].payload))(read.items(BROKEN))}),
    "a fragment that is not its chunk's last item counts": _items(
        BROKEN, lambda found: [*found[:3], _tx(found[2].payload + found[3].payload)]),
    "a fragment is a transaction": _items(PART_1, lambda found: [_tx(found[0].payload)]),
    # time
    "a block beyond the drift": lambda read: replace(read, params=replace(read.params, max_drift=10 * MAX_DRIFT)),
    "a block within the drift is skipped": lambda read: replace(read, params=replace(read.params, max_drift=0)),
    "a delta misread": _items(BLOCKS, _put(2, block_start_item(4))),
    # the batch's end
    "ends early": lambda read: _ends(read, -1),
    "goes on behind its end": lambda read: _ends(read, +1),
    # garbage
    "version 1 is data": _as_data(VERSION_1),
    "64 items are data": _as_data(COUNT_64),
    "data is garbage": _items(COMPACT, lambda found: []),
    # the codec
    "another dictionary page": _pages(PAGES[0], OTHER_PAGE),
    "no dictionary": _pages(),
    "another text": _pages(PAGES[0][:9216] + b"something else entirely, " * 20, PAGES[1]),
    "the nonce rule": _compact(2, _field(1, _byte)),
    "the fees before": _compact(1, _field(3, _byte)),
    "the default gas limit": _compact(4, _field(4, (21_001).to_bytes(2, "big"))),
    "y_parity": _compact(0, _field(9, lambda parity: b"" if parity else b"\x01")),
    "a string one byte shorter": _compact(0, _field(7, lambda data: data[:-1])),
    # wrong batch
    "the next batch's data": lambda read: read.with_items({BLOCKS: read.other.items(0, CHAIN_ID)}),
    # the block that L1 alone decides
    "the origin's timestamp": lambda read: read.with_header(origin_timestamp=read.batch.header.origin_timestamp + 1),
    "the origin's prev_randao": lambda read: read.with_header(origin_prev_randao=b"\x01" * 32),
    "the origin's hash": lambda read: read.with_header(origin_hash=b"\x02" * 32),
    "the fee recipient": lambda read: replace(read, params=replace(read.params, fee_recipient=b"\x66" * 20)),
    "the gas limit": lambda read: replace(read, params=replace(read.params, gas_limit=read.params.gas_limit + 1)),
    "no deposits": lambda read: _queues(read, deposits=()),
    "a deposit twice": lambda read: _queues(read, deposits=read.batch.deposits * 2),
    "a larger deposit": lambda read: _queues(
        read, deposits=[replace(each, amount_gwei=each.amount_gwei + 1) for each in read.batch.deposits]),
    "a deposit for another": lambda read: _queues(read, deposits=[replace(each, recipient=b"\x66" * 20) for each in read.batch.deposits]),
    "a forced transaction left out": lambda read: _queues(read, forced=read.batch.forced[1:]),
    "forced transactions swapped": lambda read: _queues(read, forced=(read.batch.forced[1], read.batch.forced[0], *read.batch.forced[2:])),
    "a forced transaction more": lambda read: _queues(read, forced=(*read.batch.forced, read.items(PLAIN)[0].payload)),
    "another forced transaction": lambda read: _queues(read, forced=(read.items(BLOCKS)[0].payload, *read.batch.forced[1:])),
}  # fmt: skip
"""Of a batch in blobs or in calldata."""

IN_BLOBS: dict[str, Misreading] = {
    "elements of 2^254 are data": _as_data(TOO_LARGE),
    "a chunk of the next blob": _moved(MORE - 64, MORE),
    "the same cell of the first blob": _moved(MORE, MORE - 64),
    "a bit-reversed cell": _reversed_cell,
}

IN_CALLDATA: dict[str, Misreading] = {
    "the leaf before": _moved(PLAIN, COMPACT),
    "the leaf after": _moved(COUNT_64, PLAIN),
}


def _ends(read: Read, chunks: int) -> Read:
    """The batch has so many chunks more."""
    header, batch = read.batch.header, read.batch
    count = header.chunk_count + chunks
    data = batch.data.ljust(2032 * count, b"\x00")[: 2032 * count] if header.in_calldata else b""
    return read.with_batch(header=replace(header, chunk_count=count), data=data)


def wrong_dictionary_matters(truth: Truth) -> bool:
    """Whether the batch's compact chunk says something else with another dictionary: else two misreadings are none."""
    chunk = truth.data.chunk(COMPACT)
    assert chunk is not None
    readings = {decode_chunk(chunk, CHAIN_ID, Dictionary(pages)) for pages in (PAGES, (), (PAGES[0], OTHER_PAGE))}
    return len(readings) == 3
