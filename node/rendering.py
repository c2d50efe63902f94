"""Derived batches and heads as the daemons' own JSON-RPC shows them: hashes 0x hex, numbers plain JSON ones."""

from __future__ import annotations

from typing import Any

from derivation.records import DerivedRecord
from execution.header import Header
from l1.batch_header import BatchHeader
from rpc.codec import data


def head_json(header: Header | None) -> dict[str, Any] | None:
    if header is None:
        return None
    return {"number": header.number, "hash": data(header.hash), "timestamp": header.timestamp}


def record_json(record: DerivedRecord) -> dict[str, Any]:
    """A batch that is on L1."""
    header, at = record.posted.header, record.posted.inclusion
    return {
        "index": record.index, "hash": data(record.hash), "parentHash": data(header.parent_hash), "onL1": True,
        "origin": header.origin_number, "chunks": header.chunk_count,
        "blobHashes": [data(blob) for blob in header.blob_hashes], "steps": record.steps,
        "blocks": [data(block) for block in record.block_hashes],
        "deposits": [header.deposit_start, header.deposit_end],
        "forced": [header.forced_start, header.forced_end],
        "l1Block": at.block_number, "l1Transaction": data(at.transaction_hash), "poster": data(at.poster),
        **data_json(header),
    }  # fmt: skip


def data_json(header: BatchHeader) -> dict[str, Any]:
    """Where its chunks are, and the dictionary's pages."""
    kind = "calldata" if header.in_calldata else "blobs"
    return {"data": kind, "dataRoot": data(header.data_root), "pages": [data(page) for page in header.pages]}
