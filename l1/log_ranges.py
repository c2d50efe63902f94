"""Logs of long stretches of L1, asked for in pieces as long as the node gives: providers allow 10 blocks, or 10,000, or so many
logs, and word the refusal each in their way."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any, Protocol

from l1.client import L1Log
from l1.rpc_errors import RpcError

LONGEST = 2_000  # L1 blocks of one eth_getLogs
GROW_AFTER = 16  # answers in a row until a longer piece is tried again


class RangeSource(Protocol):
    """What is needed of an L1Client."""

    async def logs_in_range(
        self, first: int, last: int, addresses: Sequence[bytes], topics: Sequence[Any] = ()) -> list[L1Log]: ...


class LogRanges:
    """Remembers how much that node gives at once."""

    def __init__(self, l1: RangeSource) -> None:
        self._l1 = l1
        self._span = LONGEST
        self._answers = 0

    async def read(
        self, first: int, last: int, addresses: Sequence[bytes], *topics: Sequence[Any]
    ) -> AsyncIterator[tuple[int, list[L1Log]]]:
        """(last block, logs) of each piece, in order. RpcError if not even one block's are given."""
        while first <= last:
            end = min(last, first + self._span - 1)
            try:
                logs = await self._l1.logs_in_range(first, end, addresses, *topics)
            except RpcError:
                if end == first:
                    raise
                self._span, self._answers = max(1, (end - first + 1) // 4), 0
                continue
            self._answers += 1
            if self._answers % GROW_AFTER == 0:
                self._span = min(2 * self._span, LONGEST)
            yield end, logs
            first = end + 1
