"""The record of a batch that the Inbox fixes: `BatchHeader` in solidity/src/IInbox.sol."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from eth_abi import encode as abi_encode

from execution.encoding import keccak
from l1.artifacts import address_bytes

BATCH_HEADER_ABI = (
    "(bytes32,uint64,bytes32[],bytes32,address[],uint64,uint64,bytes32,uint64,bytes32,uint64,uint64,uint64,uint64)"
)


@dataclass(frozen=True, slots=True)
class BatchHeader:
    """What the Inbox fixes of a batch; `BatchHeader` in solidity/src/IInbox.sol, field by field."""

    parent_hash: bytes  # 32 bytes: hash of the batch before it, zero for the first
    index: int
    blob_hashes: tuple[bytes, ...]  # versioned hashes (EIP-4844); none of a batch in calldata
    data_root: bytes  # of a batch in calldata: Merkle root of its chunks; else zero
    pages: tuple[bytes, ...]  # where the dictionary's pages are, 20 bytes each
    chunk_count: int
    origin_number: int
    origin_hash: bytes
    origin_timestamp: int
    origin_prev_randao: bytes
    deposit_start: int
    deposit_end: int
    forced_start: int
    forced_end: int

    def as_tuple(self) -> tuple:
        """In the shape eth-abi and web3 take."""
        return (
            self.parent_hash, self.index, list(self.blob_hashes), self.data_root, list(self.pages),
            self.chunk_count, self.origin_number, self.origin_hash, self.origin_timestamp, self.origin_prev_randao,
            self.deposit_start, self.deposit_end, self.forced_start, self.forced_end,
        )  # fmt: skip

    @classmethod
    def from_tuple(cls, values: Sequence) -> BatchHeader:
        """From the fields in the struct's order; addresses in either form."""
        fields = list(values)
        fields[2] = tuple(bytes(blob_hash) for blob_hash in fields[2])
        fields[4] = tuple(address_bytes(page) for page in fields[4])
        return cls(*(bytes(value) if isinstance(value, bytes) else value for value in fields))

    @property
    def in_calldata(self) -> bool:
        """Whether its chunks are in L1's logs, not in blobs."""
        return any(self.data_root)

    @property
    def hash(self) -> bytes:
        """keccak256(abi.encode(header)), 32 bytes."""
        return keccak(abi_encode([BATCH_HEADER_ABI], [self.as_tuple()]))
