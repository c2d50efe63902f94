"""eth_getLogs, and the ranges of blocks it may look through."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from execution.header import Header
from rpc.codec import LATEST, BlockId
from rpc.dispatch import method
from rpc.errors import InvalidParams, LimitExceeded, ServerError
from rpc.eth.log_filter import Filter, LogFilter, logs_of
from rpc.eth.reader import ChainReader
from rpc.limits import EthLimits


class LogMethods:
    def __init__(self, reader: ChainReader, limits: EthLimits) -> None:
        self._reader = reader
        self._limits = limits

    @method("eth_getLogs", heavy=True)
    def get_logs(self, filter: Filter) -> list[dict[str, Any]]:
        return self.find(filter)

    def check(self, wanted: LogFilter) -> None:
        if len(wanted.addresses) > self._limits.max_log_addresses:
            raise InvalidParams(f"exceed max addresses (max {self._limits.max_log_addresses})")
        if any(len(each) > self._limits.max_log_topics for each in wanted.topics):
            raise InvalidParams(f"exceed max topics (max {self._limits.max_log_topics} in one position)")

    def find(self, wanted: LogFilter) -> list[dict[str, Any]]:
        self.check(wanted)
        found: list[dict[str, Any]] = []
        for header in self._blocks(wanted):
            found += logs_of(self._reader.chain, header, wanted)
            if len(found) > self._limits.max_logs:
                raise LimitExceeded(f"query returned more than {self._limits.max_logs} results")
        return found

    def _blocks(self, wanted: LogFilter) -> Iterator[Header]:
        """Oldest first, all of one branch."""
        if wanted.block_hash is not None:
            header = self._reader.find(BlockId(wanted.block_hash))
            if header is None:
                raise ServerError("unknown block")
            return iter((header,))
        head = self._reader.chain.head()
        first = self._number(wanted.first or LATEST, head)
        last = self._number(wanted.last or LATEST, head)
        if first > last:
            raise InvalidParams("invalid block range params")
        if first > head.number:
            return iter(())
        last = min(last, head.number)
        if last - first >= self._limits.max_log_range:
            raise LimitExceeded(f"exceed maximum block range: {self._limits.max_log_range}")
        return self._branch(first, last)

    def _branch(self, first: int, last: int) -> Iterator[Header]:
        previous: Header | None = None
        for number in range(first, last + 1):
            header = self._reader.chain.resolve(number)
            if header is None or (previous is not None and header.parent_hash != previous.hash):
                raise ServerError("the chain was reorganised meanwhile, try again")
            previous = header
            yield header

    def _number(self, block: BlockId, head: Header) -> int:
        if isinstance(block.ref, int):
            return block.ref
        if block.ref in ("latest", "pending"):
            return head.number
        header = self._reader.find(block)
        if header is None:
            raise ServerError(f"{block} block not found")
        return header.number
