"""Finds the step that a transaction is, and a database it can be traced from: a daemon's, or one derived from L1 here."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

from chain.store import ChainStore
from derivation.batches import DerivedBatches
from derivation.node import RollupNode
from derivation.records import DerivedRecord
from derivation.step_trace import StepTrace, batch_of_block, steps_of, trace_step
from l1.answers import quantity
from l1.blob_sources import BlobsMissing
from l1.client import L1Client, L1Inconsistent, L1Unavailable, RetryPolicy
from l1.contracts import Inbox
from l1.rpc_errors import RpcError
from verdict.blob_settings import blob_client
from verdict.errors import NotKnown
from verdict.node_settings import node_settings
from verdict.progress import show_progress
from verdict.service import rollup_genesis
from verdict.viewing.source import Sight

OWN = "trace"
"""In the data directory: what was derived here where no daemon's database has it. It can be deleted."""

Say = Callable[[str], None]


@dataclass(frozen=True)
class Found:
    """`source`: whose derivation this is. `also`: other steps that are the same transaction, as (batch, step)."""

    trace: StepTrace
    source: str
    also: tuple[tuple[int, int], ...] = ()


async def trace_transaction(seen: Sight, transaction: bytes, limit: int, search: int, say: Say) -> Found:
    """`search`: batches, the newest ones, looked through for what no block has. NotKnown says what is known."""
    async for node, source in _derivations(seen, say):
        if (places := await _places(seen, node, transaction, search, say)):
            return await _told(node, places, limit, source)
    raise NotKnown(await _elsewhere(seen, transaction, search))


async def trace_place(seen: Sight, batch: int, step: int, limit: int, say: Say) -> Found:
    """A step by its place."""
    count = (await Inbox(seen.l1, seen.deployment.inbox).head_batch())[1]
    if batch >= count:
        raise NotKnown(f"batch {batch} is not on L1 yet: L1 has {count:,} so far")
    async for node, source in _derivations(seen, say):
        record = node.derived(batch)
        if record is None or not await _on_l1(seen, record):
            continue
        if step >= record.steps:
            raise NotKnown(f"batch {batch} has {record.steps:,} steps, 0 to {record.steps - 1}")
        return Found(await trace_step(node, record.hash, step, limit), source)
    raise NotKnown(f"batch {batch} can't be derived: its data aren't there, see `verdict node`'s log")


async def _derivations(seen: Sight, say: Say) -> AsyncIterator[tuple[DerivedBatches, str]]:
    """Daemons' databases, then, if they don't suffice, one of our own."""
    count = (await Inbox(seen.l1, seen.deployment.inbox).head_batch())[1]
    async with contextlib.AsyncExitStack() as stack:
        for node, daemon in seen.local:
            yield node, f"the {daemon}'s database"
        if max((node.kept_count for node, _ in seen.local), default=0) < count:
            yield await _derived_here(seen, stack, say), "derived from L1 here"


async def _derived_here(seen: Sight, stack: contextlib.AsyncExitStack, say: Say) -> RollupNode:
    """Follows L1 until all of it is read. What was derived is kept for the next time."""
    config, deployment = seen.config, seen.deployment
    directory = config.data_dir / OWN
    say(f"no daemon's database here has all batches: deriving them from L1, into {directory}")
    store = ChainStore.open(directory / "chain", rollup_genesis(config, deployment))
    stack.callback(store.close)
    blobs = await stack.enter_async_context(blob_client(config, directory))
    node = RollupNode(node_settings(config, deployment), store, seen.l1, blobs, workers=blobs.workers)
    stack.callback(node.close)
    bar = asyncio.create_task(show_progress(node), name="progress")
    try:
        while True:
            await node.advance()
            if node.blocked is not None:
                say(f"batch {node.blocked.posted.header.index} can't be derived: {node.blocked.reason}")
                break
            if node.synced:
                break
    finally:
        bar.cancel()
        await asyncio.gather(bar, return_exceptions=True)
    return node


async def _places(
    seen: Sight, node: DerivedBatches, transaction: bytes, search: int, say: Say
) -> list[tuple[DerivedRecord, int]]:
    """Steps that are this transaction, in the batch with the block that has it, else in the newest that was given it."""
    located = node.store.locate(transaction)
    if located is not None:
        header = node.store.header_by_hash(located[0])
        record = None if header is None else batch_of_block(node, header.number)
        if record is not None and await _on_l1(seen, record):
            return [(record, step) for step in await steps_of(node, record, transaction)]
    count = node.kept_count
    for index in range(count - 1, max(-1, count - 1 - search), -1):
        record = node.derived(index)
        if record is None:
            continue
        if index % 16 == 15:
            say(f"no block has it; looking for it among what was rejected, batch {index:,} ...")
        try:
            steps = await steps_of(node, record, transaction)
        except BlobsMissing as missing:
            say(f"batch {index} can't be looked through: {missing}")
            continue
        if steps and await _on_l1(seen, record):
            return [(record, step) for step in steps]
    return []


async def _told(node: DerivedBatches, places: list[tuple[DerivedRecord, int]], limit: int, source: str) -> Found:
    """The step that included it, else the last one that did not."""
    traced: StepTrace | None = None
    for record, step in places:
        traced = await trace_step(node, record.hash, step, limit)
        if traced.watched.outcome.receipt is not None:
            break
    assert traced is not None
    also = tuple((record.index, step) for record, step in places if step != traced.step)
    return Found(traced, source, also)


async def _on_l1(seen: Sight, record: DerivedRecord) -> bool:
    """A daemon that is stopped, or behind, may have what a reorg took away."""
    return await Inbox(seen.l1, seen.deployment.inbox).batch_exists(record.hash)


async def _elsewhere(seen: Sight, transaction: bytes, search: int) -> str:
    """What the L2 node knows of a transaction that L1 doesn't have."""
    name = "0x" + transaction.hex()
    if not seen.heads.url:
        return (f"{name} is in none of the blocks on L1, nor in the last {search} batches; no L2 node answers, so it may be on "
                "its way")
    async with L1Client(seen.heads.url, retry=RetryPolicy(tries=1, timeout=5.0)) as l2:
        try:
            found = await l2.transaction(transaction)
        except (L1Unavailable, L1Inconsistent, RpcError):
            found = None
    if found is None:
        return f"{name} is unknown: no block on L1 has it, nor the last {search} batches, nor {seen.heads.url}"
    if found.get("blockNumber") is None:
        return f"{name} waits in the pool of {seen.heads.url}: no block has it yet"
    block = quantity("eth_getTransactionByHash", found["blockNumber"])
    return f"{name} is in block {block:,} of {seen.heads.url}, whose batch is not on L1 yet: try again then"
