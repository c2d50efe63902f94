"""What the transaction manager reads of L1 about one account."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol

from l1.answers import quantity, understood
from l1.candidates import L1Receipt, parse_receipt
from l1.fees import FeeMarket, market_from_history

HISTORY = 5  # blocks whose tips are looked at


class JsonRpc(Protocol):
    """The only thing asked of an L1 connection. Raises on an error answer, on a timeout and on a lost connection."""

    async def request(self, method: str, params: list[Any]) -> Any: ...


class AccountView:
    """`address`: 20 bytes."""

    def __init__(self, rpc: JsonRpc, address: bytes) -> None:
        self._rpc = rpc
        self._address = "0x" + address.hex()

    async def nonce(self, block: str) -> int:
        """At a block number or label: how many transactions the account has sent."""
        method = "eth_getTransactionCount"
        return quantity(method, await self._rpc.request(method, [self._address, block]))

    async def has_code(self, address: bytes) -> bool:
        found = await self._rpc.request("eth_getCode", ["0x" + address.hex(), "latest"])
        return isinstance(found, str) and len(found) > len("0x")

    async def market(self) -> FeeMarket:
        history = await self._rpc.request("eth_feeHistory", [hex(HISTORY), "latest", [50]])
        blob: int | None = None
        if not understood("eth_feeHistory", history, lambda answer: answer.get("baseFeePerBlobGas")):
            blob = quantity("eth_blobBaseFee", await self._rpc.request("eth_blobBaseFee", []))
        return understood("eth_feeHistory", history, lambda answer: market_from_history(answer, blob))

    async def receipt(self, tx_hash: bytes) -> L1Receipt | None:
        method = "eth_getTransactionReceipt"
        answer = await self._rpc.request(method, ["0x" + tx_hash.hex()])
        return None if answer is None else understood(method, answer, parse_receipt)

    async def receipt_of_any(self, hashes: Iterable[bytes]) -> L1Receipt | None:
        """The first receipt there is."""
        for tx_hash in hashes:
            if (receipt := await self.receipt(tx_hash)) is not None:
                return receipt
        return None
