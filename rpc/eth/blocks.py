"""Blocks, their receipts and counts."""

from __future__ import annotations

from typing import Any

from rpc import render
from rpc.codec import Block, BlockId, BlockNumber, Bool, Hash, Uint64, data, quantity
from rpc.dispatch import method
from rpc.eth.reader import ChainReader


class BlockMethods:
    def __init__(self, reader: ChainReader) -> None:
        self._reader = reader

    @method("eth_chainId")
    def chain_id(self) -> str:
        return quantity(self._reader.chain.rules.chain_id)

    @method("eth_blockNumber")
    def block_number(self) -> str:
        return quantity(self._reader.chain.head().number)

    @method("eth_syncing")
    def syncing(self) -> bool:
        return False

    @method("eth_getBlockByNumber", heavy=True)
    def get_block_by_number(
        self, block: BlockNumber, full_transactions: Bool = False
    ) -> dict[str, Any] | None:
        if block.ref == "pending":
            return self._pending(full_transactions)
        return self._block(block, full_transactions)

    @method("eth_getBlockByHash", heavy=True)
    def get_block_by_hash(self, block_hash: Hash, full_transactions: Bool = False) -> dict[str, Any] | None:
        return self._block(BlockId(block_hash), full_transactions)

    def _block(self, block: BlockId, full: bool) -> dict[str, Any] | None:
        stored = self._reader.block(block)
        return None if stored is None else render.block(stored, full=full)

    def _pending(self, full: bool) -> dict[str, Any]:
        """What would come after the head if it were sealed now, without transactions: the pool decides late."""
        sealed = self._reader.chain.pending_builder().seal()
        rendered = {
            **render.header(sealed.header),
            "size": quantity(len(sealed.rlp())),
            "transactions": [],
            "uncles": [],
            "withdrawals": [render.withdrawal(each) for each in sealed.withdrawals],
        }
        return {**rendered, "hash": None, "nonce": None, "miner": None}

    @method("eth_getHeaderByNumber")
    def get_header_by_number(self, block: BlockNumber) -> dict[str, Any] | None:
        header = self._reader.find(block)
        return None if header is None else render.header(header)

    @method("eth_getHeaderByHash")
    def get_header_by_hash(self, block_hash: Hash) -> dict[str, Any] | None:
        return self.get_header_by_number(BlockId(block_hash))

    @method("eth_getBlockReceipts", heavy=True)
    def get_block_receipts(self, block: Block) -> list[dict[str, Any]] | None:
        stored = self._reader.block(block)
        if stored is None:
            return None
        return list(render.receipts(stored, self._reader.chain.receipts(stored.hash)))

    @method("eth_getBlockTransactionCountByNumber")
    def transaction_count_by_number(self, block: BlockNumber) -> str | None:
        stored = self._reader.block(block)
        return None if stored is None else quantity(len(stored.transactions))

    @method("eth_getBlockTransactionCountByHash")
    def transaction_count_by_hash(self, block_hash: Hash) -> str | None:
        return self.transaction_count_by_number(BlockId(block_hash))

    @method("eth_getUncleCountByBlockNumber")
    def uncle_count_by_number(self, block: BlockNumber) -> str | None:
        return None if self._reader.find(block) is None else "0x0"

    @method("eth_getUncleCountByBlockHash")
    def uncle_count_by_hash(self, block_hash: Hash) -> str | None:
        return self.uncle_count_by_number(BlockId(block_hash))

    @method("eth_getUncleByBlockNumberAndIndex")
    def uncle_by_number(self, block: BlockNumber, index: Uint64) -> None:
        return None

    @method("eth_getUncleByBlockHashAndIndex")
    def uncle_by_hash(self, block_hash: Hash, index: Uint64) -> None:
        return None

    @method("eth_coinbase")
    def coinbase(self) -> str:
        return data(self._reader.chain.head().fee_recipient)
