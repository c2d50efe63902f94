"""`debug_*`: raw encodings, and the witness of a block's execution."""

from __future__ import annotations

from typing import Any

from chain.view import ChainView, StoredBlock
from execution.block import BlockBuilder, SealedBlock
from execution.block_import import attributes_of
from execution.errors import InvalidBlock, InvalidTransaction, InvalidWitness
from execution.header import Header, ancestor_hashes
from execution.types import Witness
from execution.witness import RecordingSource
from execution.world import WorldState
from rpc.codec import Block, BlockId, data
from rpc.dispatch import method
from rpc.errors import ServerError
from rpc.eth.reader import ChainReader


class DebugNamespace:
    def __init__(self, reader: ChainReader) -> None:
        self._reader = reader

    @method("debug_getRawHeader")
    def get_raw_header(self, block: Block) -> str:
        return data(self._reader.header(block).rlp())

    @method("debug_getRawBlock", heavy=True)
    def get_raw_block(self, block: Block) -> str:
        stored = self._block(block)
        return data(SealedBlock(stored.header, stored.transactions, (), stored.withdrawals).rlp())

    @method("debug_getRawReceipts", heavy=True)
    def get_raw_receipts(self, block: Block) -> list[str]:
        return [data(receipt.rlp()) for receipt in self._reader.chain.receipts(self._block(block).hash)]

    @method("debug_executionWitness", heavy=True)
    def execution_witness(self, block: Block) -> dict[str, Any]:
        stored = self._block(block)
        if stored.number == 0:
            raise ServerError("the genesis block has no witness: nothing was executed")
        witness = block_witness(self._reader, stored)
        return {
            "state": [data(node) for node in witness.state],
            "codes": [data(code) for code in witness.codes],
            "headers": [data(header) for header in witness.headers],
        }

    def _block(self, block: BlockId) -> StoredBlock:
        header = self._reader.header(block)
        stored = self._reader.chain.block(header.hash)
        if stored is None:
            raise ServerError("block not found")
        return stored


def block_witness(reader: ChainReader, stored: StoredBlock) -> Witness:
    """Executes the block again on its parent's state, recording what it reads."""
    chain: ChainView = reader.chain
    parent = reader.parent(stored.header)

    def header_rlp(block_hash: bytes) -> bytes:
        header: Header | None = chain.resolve(block_hash)
        if header is None:
            raise InvalidWitness(f"no header 0x{block_hash.hex()}")
        return header.rlp()

    recording = RecordingSource(reader.world_after(parent).source, header_rlp)
    recording.header(parent.hash)
    try:
        builder = BlockBuilder.open(
            chain.rules,
            WorldState(recording, parent.state_root),
            parent,
            attributes_of(stored.header, stored.withdrawals),
            ancestor_hashes(parent.hash, parent.number, recording.header),
        )
        for raw in stored.transactions:
            builder.apply(raw)
        sealed = builder.seal()
    except (InvalidBlock, InvalidTransaction, InvalidWitness) as error:
        raise ServerError(f"the block can't be executed again: {error}") from error
    if sealed.hash != stored.hash:
        raise ServerError(
            "executing the block again gives another one: its chain changed the state by other means"
        )
    return recording.witness()
