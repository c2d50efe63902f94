"""Transactions that a read-only node is sent, handed on to the sequencer."""

from __future__ import annotations

from collections.abc import Mapping

import aiohttp
from web3.types import RPCEndpoint

from chain.mempool import PoolError
from chain.pool_errors import TRANSACTION_REJECTED
from l1.http_provider import HttpProvider

TIMEOUT = 8.0
"""Seconds: the node's own callers wait for ten."""
_LONGEST_MESSAGE = 1_000


class Forwarder:
    """`url`: the sequencer's JSON-RPC."""

    def __init__(self, url: str, *, timeout: float = TIMEOUT) -> None:
        self._provider = HttpProvider(url, timeout)
        self.forwarded = 0

    async def close(self) -> None:
        await self._provider.disconnect()

    async def send(self, raw: bytes, tx_hash: bytes) -> bytes:
        """The hash, once the sequencer has it. PoolError with the sequencer's own words if it refuses."""
        try:
            answer = await self._provider.make_request(
                RPCEndpoint("eth_sendRawTransaction"), ["0x" + raw.hex()]
            )
        except (OSError, TimeoutError, aiohttp.ClientError, ValueError) as error:
            raise PoolError(
                f"the sequencer does not answer ({type(error).__name__}): the transaction may or may not have reached it"
            ) from error
        failure = answer.get("error")
        if isinstance(failure, Mapping):
            code, message = failure.get("code"), str(failure.get("message", ""))
            raise PoolError(message[:_LONGEST_MESSAGE], code if isinstance(code, int) else TRANSACTION_REJECTED)
        if answer.get("result") != "0x" + tx_hash.hex():
            raise PoolError("the sequencer's answer is not this transaction's hash")
        self.forwarded += 1
        return tx_hash
