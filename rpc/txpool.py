"""`txpool_*`: what waits to be mined, in geth's form."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from eth_utils import to_checksum_address

from chain.mempool import PooledTransaction
from chain.view import ChainView
from rpc import render
from rpc.codec import Address, quantity
from rpc.dispatch import method

_Side = dict[bytes, dict[int, PooledTransaction]]


class TxpoolNamespace:
    def __init__(self, chain: ChainView) -> None:
        self._chain = chain

    @method("txpool_status")
    def status(self) -> dict[str, str]:
        pending, queued = self._chain.pool.counts()
        return {"pending": quantity(pending), "queued": quantity(queued)}

    @method("txpool_content")
    async def content(self) -> dict[str, Any]:
        return await self._both(lambda pooled: render.pending_transaction(pooled.tx))

    @method("txpool_contentFrom")
    def content_from(self, address: Address) -> dict[str, Any]:
        pending, queued = self._chain.pool.content()
        return {
            name: {
                str(nonce): render.pending_transaction(pooled.tx)
                for nonce, pooled in side.get(address, {}).items()
            }
            for name, side in (("pending", pending), ("queued", queued))
        }

    @method("txpool_inspect")
    async def inspect(self) -> dict[str, Any]:
        return await self._both(_summary)

    async def _both(self, shown: Callable[[PooledTransaction], Any]) -> dict[str, Any]:
        """The pool is read here on the event loop, where it belongs; printing thousands happens elsewhere."""
        pending, queued = self._chain.pool.content()
        return await asyncio.to_thread(
            lambda: {"pending": _render(pending, shown), "queued": _render(queued, shown)}
        )


def _render(side: _Side, shown: Callable[[PooledTransaction], Any]) -> dict[str, Any]:
    return {
        to_checksum_address(sender): {str(nonce): shown(pooled) for nonce, pooled in by_nonce.items()}
        for sender, by_nonce in side.items()
    }


def _summary(pooled: PooledTransaction) -> str:
    tx = pooled.tx
    target = "contract creation" if tx.to is None else to_checksum_address(tx.to)
    return f"{target}: {tx.value} wei + {tx.gas_limit} gas × {tx.max_fee_per_gas} wei"
