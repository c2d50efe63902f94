"""A chain's own transactions to train from: over JSON-RPC, out of a node's database, or from a file. Raw EIP-2718, oldest first.

What comes from a node or a file is not trusted to be anything: `train` takes any bytes. Sizes and counts are bounded here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from chain.database import ChainStoreError
from chain.store import ChainStore, Genesis
from derivation.codec import MAX_TRANSACTION_SIZE
from execution.block_import import decode_block
from execution.errors import InvalidBlock
from l1.client import L1Client
from l1.rpc_errors import RpcError
from verdict.dictionary.pages import PageProblem

AT_ONCE = 8  # requests
_TYPES = frozenset({1, 2, 4})  # EIP-2718, that an L2 takes; legacy ones begin with 0xc0 or more

Progress = Callable[[int, int], None]
"""Blocks read, transactions found."""


async def from_rpc(
    rpc: L1Client, blocks: int, limit: int, progress: Progress = lambda *_: None
) -> tuple[int, list[bytes]]:
    """(chain id, transactions) of the newest `blocks` blocks, at most `limit` transactions: the newest.

    Raises PageProblem for answers that make no sense, else what L1Client raises.
    """
    chain_id, head = await _quantity(rpc, "eth_chainId"), await _quantity(rpc, "eth_blockNumber")
    first = max(0, head - blocks + 1)
    found: list[list[bytes]] = []  # by block, the newest first
    count = 0
    for last in range(head, first - 1, -AT_ONCE):
        numbers = range(last, max(first, last - AT_ONCE + 1) - 1, -1)
        for transactions in await asyncio.gather(*(_block(rpc, number) for number in numbers)):
            found.append(usable(transactions))
            count += len(found[-1])
        progress(len(found), count)
        if count >= limit:
            break
    return chain_id, [raw for transactions in reversed(found) for raw in transactions][-limit:]


def from_database(path: Path, genesis: Genesis, blocks: int, limit: int) -> list[bytes]:
    """Of a node that is not running, as `from_rpc`. Raises PageProblem."""
    if not path.is_dir():
        raise PageProblem(f"{path}: there is no database")
    try:
        with ChainStore.open(path, genesis) as store:
            head = store.head.number
            found: list[bytes] = []  # the newest first
            for number in range(head, max(0, head - blocks), -1):
                header = store.header_by_number(number)
                block = None if header is None else store.block(header.hash)
                if block is not None:
                    found += reversed(usable(block.transactions))
                if len(found) >= limit:
                    break
    except ChainStoreError as error:
        raise PageProblem(f"{error}; a node that runs is asked with --rpc") from None
    return list(reversed(found[:limit]))


def from_file(path: Path, limit: int) -> list[bytes]:
    """One transaction a line, hex with or without 0x; lines that begin with # say nothing. The last `limit` ones. Raises
    PageProblem."""
    found: list[bytes] = []
    try:
        with path.open() as file:
            number = 0
            while line := file.readline(2 * MAX_TRANSACTION_SIZE + 8):
                number += 1
                text = line.strip()
                if text and not text.startswith("#"):
                    found.append(bytes.fromhex(text.removeprefix("0x")))
                if len(found) >= 2 * limit:
                    del found[:-limit]
    except ValueError:
        raise PageProblem(f"{path}, line {number}: not the hex digits of a transaction") from None
    except OSError as error:
        raise PageProblem(f"{path} can't be read: {error.strerror or error}") from None
    return usable(found)[-limit:]


def usable(transactions: Iterable[bytes]) -> list[bytes]:
    """Those that could lie in a batch: not, say, another rollup's deposits."""
    return [raw for raw in transactions if raw and (raw[0] >= 0xC0 or raw[0] in _TYPES)]


async def _quantity(rpc: L1Client, method: str) -> int:
    answer = await rpc.request(method)
    try:
        return int(answer, 16)
    except (TypeError, ValueError):
        raise PageProblem(f"{method} is not answered with a number") from None


async def _block(rpc: L1Client, number: int) -> tuple[bytes, ...]:
    """A block's raw transactions."""
    try:
        return decode_block(_bytes(await rpc.request("debug_getRawBlock", [hex(number)])))[1]
    except (RpcError, InvalidBlock):
        pass  # no such method there, or blocks of another fork: the transactions can still be asked for
    block = await rpc.request("eth_getBlockByNumber", [hex(number), False])
    hashes = block.get("transactions") if isinstance(block, dict) else None
    if not isinstance(hashes, list) or not all(isinstance(each, str) for each in hashes):
        raise PageProblem(f"block {number} is not answered as a block")
    return tuple([_bytes(await rpc.request("eth_getRawTransactionByHash", [each])) for each in hashes])


def _bytes(answer: Any) -> bytes:
    try:
        return bytes.fromhex(answer.removeprefix("0x"))
    except (AttributeError, ValueError):
        raise PageProblem("the node answers with what is not hex") from None
