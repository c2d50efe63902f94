"""Long stretches of logs are read in pieces as long as the node gives."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from l1.client import L1Log
from l1.log_ranges import LONGEST, LogRanges
from l1.rpc_errors import RpcError


class Provider:
    """Gives logs of `most` blocks at once; one log a block."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.asked: list[tuple[int, int]] = []

    async def logs_in_range(self, first: int, last: int, addresses: Sequence[bytes], topics: Sequence[Any] = ()) -> list[L1Log]:
        self.asked.append((first, last))
        if last - first + 1 > self.most:
            raise RpcError(-32005, "query returned more than 10000 results")
        return [L1Log(addresses[0], (), b"", number, bytes(32), bytes(32), 0) for number in range(first, last + 1)]


async def read(ranges: LogRanges, first: int, last: int) -> list[int]:
    return [log.block_number async for _, logs in ranges.read(first, last, [bytes(20)]) for log in logs]


@pytest.mark.parametrize("most", [1, 10, 50, 1_000, 10 * LONGEST])
async def test_whatever_the_node_allows_all_is_read_once(most: int) -> None:
    provider = Provider(most)
    ranges = LogRanges(provider)
    assert await read(ranges, 5, 3_004) == list(range(5, 3_005))
    pieces = -(-3_000 // most)
    assert len(provider.asked) <= 5 * pieces + 10  # no more requests than such a node makes necessary, about
    provider.asked.clear()
    assert await read(ranges, 3_005, 3_005) == [3_005] and len(provider.asked) == 1


async def test_a_node_that_gives_none_is_not_asked_for_ever() -> None:
    provider = Provider(0)
    with pytest.raises(RpcError):
        await read(LogRanges(provider), 0, 100_000)
    assert len(provider.asked) < 10
