"""Prunes a daemon's blob archive, and keeps what may still be needed whatever its age.

Needed are blobs of batches that L1 has not finalized, or whose assertion isn't confirmed: a challenger that starts late
must be able to derive what it refutes.
"""

from __future__ import annotations

import asyncio

import structlog

from derivation.node import RollupNode
from l1.artifacts import AnswerMalformed
from l1.blob_archive import BlobArchive, Pruned, Retention
from l1.client import L1Inconsistent, L1Unavailable
from l1.contracts import Rollup
from l1.rpc_errors import RpcError

log = structlog.get_logger("blobs")

EVERY = 3600.0
"""Seconds between two looks."""


class ArchiveKeeper:
    """`contract` says which batches' assertions are confirmed."""

    def __init__(self, archive: BlobArchive, retention: Retention, node: RollupNode, contract: Rollup) -> None:
        self._archive = archive
        self._retention = retention
        self._node = node
        self._contract = contract

    async def run(self, every: float = EVERY) -> None:
        while True:
            await asyncio.sleep(every)
            try:
                await self.prune()
            except (L1Unavailable, L1Inconsistent, RpcError, AnswerMalformed) as error:
                log.info("the archive is pruned later", reason=str(error))

    async def prune(self) -> Pruned:
        """Now. Raises what the L1 client raises, and then nothing was removed."""
        node = self._node
        settled = min((await self._contract.latest_confirmed()).batch_count, node.finalized_count)
        pruned = await asyncio.to_thread(self._prune, settled, node.batch_count)
        if pruned.removed:
            log.info("old blobs removed", removed=pruned.removed, kept=pruned.kept)
        return pruned

    def _prune(self, settled: int, count: int) -> Pruned:
        needed: set[bytes] = set()
        for index in range(settled, count):
            if (record := self._node.derived(index)) is not None:
                needed.update(record.posted.header.blob_hashes)
        return self._archive.prune(self._retention, needed)
