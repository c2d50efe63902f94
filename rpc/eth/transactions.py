"""Transactions: by hash, by place, pending; their receipts; sending them."""

from __future__ import annotations

import asyncio
from typing import Any

from chain.pool_errors import PoolError
from chain.view import StoredBlock
from rpc import render
from rpc.codec import BlockId, BlockNumber, Data, Hash, Uint64, data
from rpc.dispatch import method
from rpc.errors import RpcError
from rpc.eth.reader import ChainReader


class TransactionMethods:
    def __init__(self, reader: ChainReader) -> None:
        self._reader = reader
        self._chain = reader.chain
        self._submissions: set[asyncio.Future[bytes]] = set()

    @method("eth_accounts")
    def accounts(self) -> list[str]:
        """Keys are not kept here."""
        return []

    @method("eth_getTransactionByHash")
    def get_transaction_by_hash(self, tx_hash: Hash) -> dict[str, Any] | None:
        found = self._locate(tx_hash)
        if found is not None:
            return render.mined_transaction(*found)
        pooled = self._chain.pool.get(tx_hash)
        return None if pooled is None else render.pending_transaction(pooled.tx)

    @method("eth_getTransactionByBlockNumberAndIndex")
    def by_block_number(self, block: BlockNumber, index: Uint64) -> dict[str, Any] | None:
        stored = self._block_with(block, index)
        return None if stored is None else render.mined_transaction(stored, index)

    @method("eth_getTransactionByBlockHashAndIndex")
    def by_block_hash(self, block_hash: Hash, index: Uint64) -> dict[str, Any] | None:
        return self.by_block_number(BlockId(block_hash), index)

    @method("eth_getTransactionReceipt")
    def get_transaction_receipt(self, tx_hash: Hash) -> dict[str, Any] | None:
        found = self._locate(tx_hash)
        if found is None:
            return None
        stored, index = found
        receipts = self._chain.receipts(stored.hash)
        first_log = sum(len(receipt.logs) for receipt in receipts[:index])
        return render.receipt(stored, index, receipts[index], first_log)

    @method("eth_getRawTransactionByHash")
    def get_raw_transaction(self, tx_hash: Hash) -> str:
        found = self._locate(tx_hash)
        if found is not None:
            return data(found[0].transactions[found[1]])
        pooled = self._chain.pool.get(tx_hash)
        return data(pooled.raw if pooled is not None else b"")

    @method("debug_getRawTransaction")
    def debug_raw_transaction(self, tx_hash: Hash) -> str:
        return self.get_raw_transaction(tx_hash)

    @method("eth_getRawTransactionByBlockNumberAndIndex")
    def raw_by_block_number(self, block: BlockNumber, index: Uint64) -> str:
        stored = self._block_with(block, index)
        return data(b"" if stored is None else stored.transactions[index])

    @method("eth_getRawTransactionByBlockHashAndIndex")
    def raw_by_block_hash(self, block_hash: Hash, index: Uint64) -> str:
        return self.raw_by_block_number(BlockId(block_hash), index)

    @method("eth_sendRawTransaction")
    async def send_raw_transaction(self, raw: Data) -> str:
        """Goes on when the caller gives up waiting: a transaction is in the pool or it is not."""
        submission = asyncio.ensure_future(self._chain.submit(raw))
        self._submissions.add(submission)
        submission.add_done_callback(self._submissions.discard)
        try:
            return data(await asyncio.shield(submission))
        except PoolError as error:
            raise RpcError(error.code, error.message) from error

    def _locate(self, tx_hash: bytes) -> tuple[StoredBlock, int] | None:
        place = self._chain.locate(tx_hash)
        stored = None if place is None else self._chain.block(place[0])
        return None if stored is None or place is None else (stored, place[1])

    def _block_with(self, block: BlockId, index: int) -> StoredBlock | None:
        stored = self._reader.block(block)
        return stored if stored is not None and index < len(stored.transactions) else None
