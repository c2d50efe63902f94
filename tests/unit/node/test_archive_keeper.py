"""What a node's archive keeps whatever its age: batches that L1 has not finalized, or that aren't confirmed."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import pytest

from chain.store import ChainStore
from l1.blob_archive import DirectoryArchive, Retention
from l1.contracts import LatestConfirmed
from node.archive_keeper import ArchiveKeeper
from tests.unit.derivation.fake_l1 import FakeL1
from tests.unit.derivation.test_pipeline import CHUNKS
from tests.unit.derivation.test_rollup_node import GENESIS, follow, make

LONG_AGO = 1_000_000


@dataclass
class Contract:
    """Of the Rollup, what the keeper asks."""

    confirmed: int

    async def latest_confirmed(self) -> LatestConfirmed:
        return LatestConfirmed(bytes(32), self.confirmed, bytes(32), bytes(32))


@pytest.mark.parametrize(("confirmed", "finality", "kept"), [(0, 0, 4), (3, 0, 1), (4, 0, 0), (4, 2, 2), (1, 2, 3), (4, None, 4)])
async def test_old_blobs_stay_while_they_may_be_needed(
    tmp_path: Path, confirmed: int, finality: int | None, kept: int
) -> None:
    l1 = FakeL1()
    l1.finality = finality
    archive = DirectoryArchive(tmp_path / "blobs")
    for n in range(4):
        header = l1.post([*CHUNKS, bytes([2, 0]).ljust(2032, bytes([n]))])
        l1.mine()
        for each in header.blob_hashes:
            archive.put(each, l1.blobs[each])
            os.utime(tmp_path / "blobs" / each.hex(), (LONG_AGO, LONG_AGO))
    with ChainStore.open(None, GENESIS) as store:
        node = make(l1, store)
        await follow(node)
        assert node.batch_count == 4 and node.finalized_count == (0 if finality is None else 4 - finality)
        keeper = ArchiveKeeper(archive, Retention(3600.0), node, Contract(confirmed))  # type: ignore[arg-type]
        pruned = await keeper.prune()
        node.close()
    assert (pruned.removed, pruned.kept) == (4 - kept, kept)
    left = [n for n, (_, header) in enumerate(l1.batches) if archive.get(header.blob_hashes[0]) is not None]
    assert left == list(range(4 - kept, 4))
