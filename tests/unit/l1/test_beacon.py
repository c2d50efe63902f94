"""Blobs from beacon nodes, whichever of the two endpoints they have."""

from __future__ import annotations

import pytest

from l1.beacon import BeaconSource
from l1.blob_client import BlobClient
from l1.blob_sources import BlobsMissing
from l1.client import L1Unavailable
from tests.unit.l1.blob_nodes import BLOBS, GENESIS_TIME, HASHES, OTHER, SLOT, TIMESTAMP, Node


@pytest.mark.parametrize("endpoint", ["sidecars", "blobs", "ssz", "unfiltered"])
async def test_blobs_of_a_slot_in_the_order_asked(endpoint: str) -> None:
    node = Node()
    stored = {SLOT: [OTHER, BLOBS[1], BLOBS[0]]}
    if endpoint == "sidecars":
        node.sidecars = stored
    else:
        node.blobs, node.ssz, node.filters = stored, endpoint == "ssz", endpoint != "unfiltered"
    async with node.serve() as url, BlobClient([BeaconSource(url)]) as client:
        assert await client.blobs(TIMESTAMP, HASHES) == tuple(BLOBS)
        asked = len(node.asked)
        assert await client.blobs(0, HASHES[1:]) == (BLOBS[1],)
        assert len(node.asked) == asked  # from the archive


async def test_the_endpoint_that_answered_is_asked_first_afterwards() -> None:
    node = Node()
    node.sidecars = {SLOT: BLOBS}
    async with node.serve() as url, BlobClient([BeaconSource(url)]) as client:
        await client.blobs(TIMESTAMP, HASHES[:1])
        node.asked.clear()
        await client.blobs(TIMESTAMP, HASHES[1:])
        assert node.asked == [f"/eth/v1/beacon/blob_sidecars/{SLOT}"]


async def test_missing_is_told_apart_from_unavailable() -> None:
    node = Node()
    node.sidecars = {SLOT: BLOBS[:1]}
    async with node.serve() as url, BlobClient([BeaconSource(url)]) as client:
        with pytest.raises(BlobsMissing) as caught:
            await client.blobs(TIMESTAMP, HASHES)
        assert caught.value.hashes == (HASHES[1],)
        with pytest.raises(BlobsMissing):
            await client.blobs(GENESIS_TIME, HASHES[1:])  # a slot without a block
        node.failing = 99
        with pytest.raises(L1Unavailable, match="503"):
            await client.blobs(TIMESTAMP, HASHES)
    async with BlobClient([BeaconSource("http://127.0.0.1:1")]) as client:
        with pytest.raises(L1Unavailable):
            await client.blobs(TIMESTAMP, HASHES)


async def test_a_short_failure_is_tried_again_at_once() -> None:
    node = Node()
    node.blobs = {SLOT: BLOBS}
    async with node.serve() as url, BlobClient([BeaconSource(url)]) as client:
        node.failing = 1
        assert await client.blobs(TIMESTAMP, HASHES) == tuple(BLOBS)
        assert not client.failed
