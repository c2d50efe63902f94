"""Which logs a caller wants, and finding them in blocks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any

from eth_utils import keccak

from chain.view import ChainView
from execution.header import Header
from execution.receipt import Log, Receipt
from rpc import render
from rpc.codec import BlockId, Decoder, parse_address, parse_block_number_or_tag, parse_hash, parse_object
from rpc.errors import InvalidParams

_MAX_TOPICS = 4


def _bloom_bits(entry: bytes) -> int:
    digest = keccak(entry)
    return sum({1 << (int.from_bytes(digest[i : i + 2], "big") & 2047) for i in (0, 2, 4)})


@dataclass(frozen=True)
class LogFilter:
    """`addresses` empty: any. `topics`: for each position the alternatives, empty: any. A block hash or a range."""

    addresses: frozenset[bytes] = frozenset()
    topics: tuple[frozenset[bytes], ...] = ()
    block_hash: bytes | None = None
    first: BlockId | None = None
    last: BlockId | None = None

    def matches(self, log: Log) -> bool:
        if self.addresses and log.address not in self.addresses:
            return False
        if len(self.topics) > len(log.topics):
            return False
        return all(
            not wanted or topic in wanted for wanted, topic in zip(self.topics, log.topics, strict=False)
        )

    @cached_property
    def _bits(self) -> tuple[tuple[int, ...], ...]:
        return tuple(
            tuple(_bloom_bits(entry) for entry in entries)
            for entries in (self.addresses, *self.topics)
            if entries
        )

    def may_be_in(self, bloom: bytes) -> bool:
        present = int.from_bytes(bloom, "big")
        return all(any(bits & present == bits for bits in group) for group in self._bits)


def parse_log_filter(value: Any) -> LogFilter:
    fields = parse_object(value)
    block_hash = fields.get("blockHash")
    first, last = fields.get("fromBlock"), fields.get("toBlock")
    if block_hash is not None and (first is not None or last is not None):
        raise InvalidParams("cannot specify both BlockHash and FromBlock/ToBlock, choose one or the other")
    addresses = fields.get("address")
    if addresses is None:
        addresses = []
    elif not isinstance(addresses, list):
        addresses = [addresses]
    topics = fields.get("topics")
    if topics is not None and not isinstance(topics, list):
        raise InvalidParams("topics: expected an array")
    if topics and len(topics) > _MAX_TOPICS:
        raise InvalidParams("exceed max topics")
    return LogFilter(
        addresses=frozenset(parse_address(each) for each in addresses),
        topics=tuple(_alternatives(each) for each in topics or ()),
        block_hash=None if block_hash is None else parse_hash(block_hash),
        first=None if first is None else parse_block_number_or_tag(first),
        last=None if last is None else parse_block_number_or_tag(last),
    )


def _alternatives(value: Any) -> frozenset[bytes]:
    if value is None:
        return frozenset()
    if not isinstance(value, list):
        return frozenset((parse_hash(value),))
    if any(each is None for each in value):
        return frozenset()  # "this or anything"
    return frozenset(parse_hash(each) for each in value)


Filter = Annotated[LogFilter, Decoder(parse_log_filter)]


def logs_of(
    chain: ChainView, header: Header, wanted: LogFilter, *, removed: bool = False
) -> Iterator[dict[str, Any]]:
    """The block's matching logs, rendered, in order."""
    if not wanted.may_be_in(header.logs_bloom):
        return
    receipts: tuple[Receipt, ...] = chain.receipts(header.hash)
    stored = chain.block(header.hash)
    if stored is None:
        return
    index = 0
    for position, receipt in enumerate(receipts):
        for log in receipt.logs:
            if wanted.matches(log):
                yield render.log(
                    log,
                    block=header,
                    tx_hash=keccak(stored.transactions[position]),
                    tx_index=position,
                    log_index=index,
                    removed=removed,
                )
            index += 1
