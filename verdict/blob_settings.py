"""What a configuration says of blobs: one reading for every daemon."""

from __future__ import annotations

from pathlib import Path

from l1.beacon import BeaconSource
from l1.blob_archive import DirectoryArchive, Retention
from l1.blob_client import BlobClient
from l1.blob_sources import BlobSource, PeerSource
from l1.worker_pool import WorkerPool
from verdict.config import Config


def blob_client(config: Config, directory: Path, workers: int | None = None) -> BlobClient:
    """`directory`: the daemon's own; its archive lies in `blobs` there. `workers`: instead of those of the configuration; 0 for
    a command that looks at a few blobs, which is done sooner than a process has started."""
    blobs = config.blobs
    sources: list[BlobSource] = [
        BeaconSource(url, timeout=blobs.timeout) for url in (config.l1.beacon_url, *blobs.beacon_urls)
    ]
    sources += [PeerSource(url, timeout=blobs.timeout) for url in blobs.peer_urls]
    return BlobClient(
        sources, DirectoryArchive(directory / "blobs"), hedge_after=blobs.hedge_after,
        workers=WorkerPool(blobs.workers if workers is None else workers),
    )


def blob_retention(config: Config) -> Retention:
    """Without `max_size`, nothing is kept for longer than it must be."""
    return Retention(config.blobs.keep_for, config.blobs.max_size)
