"""What all `eth_*` classes ask of a chain, with the errors JSON-RPC callers expect."""

from __future__ import annotations

from chain.view import ChainView, StateUnavailable, StoredBlock
from execution.header import Header
from execution.world import WorldState
from rpc.codec import BlockId, data
from rpc.errors import ServerError


class ChainReader:
    def __init__(self, chain: ChainView) -> None:
        self.chain = chain

    def find(self, block: BlockId) -> Header | None:
        """None if there is no such block. "pending" is the head."""
        header = self.chain.resolve(block.ref)
        if header is not None and block.require_canonical:
            canonical = self.chain.resolve(header.number)
            if canonical is None or canonical.hash != header.hash:
                raise ServerError("hash is not currently canonical")
        return header

    def header(self, block: BlockId) -> Header:
        header = self.find(block)
        if header is None:
            raise ServerError(
                "header for hash not found" if isinstance(block.ref, bytes) else "header not found"
            )
        return header

    def block(self, block: BlockId) -> StoredBlock | None:
        header = self.find(block)
        return None if header is None else self.chain.block(header.hash)

    def world(self, block: BlockId) -> WorldState:
        """The state after the block, for the caller alone."""
        return self.world_after(self.header(block))

    def world_after(self, header: Header) -> WorldState:
        try:
            return self.chain.world_at(header)
        except StateUnavailable as error:
            raise ServerError(f"state not available: {error}") from error

    def parent(self, header: Header) -> Header:
        parent = self.chain.resolve(header.parent_hash)
        if parent is None:
            raise ServerError(f"parent {data(header.parent_hash)} not found")
        return parent
