"""What L1's space costs, made so by somebody: prices that jump, and an EXECUTE that is sold out."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Coroutine
from typing import Any

from l1.artifacts import artifact
from l1.contracts import EXECUTE_ADDRESS
from l1.embedded.settings import ExecuteParams
from tests.adversarial.kit.devnet import Devnet
from tests.e2e.devnet import ETHER

GWEI = 10**9
BLOCK_GAS = 36_000_000
BUYER = 31  # test account
QUEUED = 8
DEAR_BLOBS = 130_000_000
"""Excess blob gas at which blob gas costs some 190 gwei (EIP-4844: e to the excess by 5,007,716, wei)."""


@contextlib.asynccontextmanager
async def buying_execute(net: Devnet, tip: int) -> AsyncIterator[None]:
    """From now on every L1 block begins with a call that buys all the L2 gas there is. `tip`: wei a gas.

    The calls ask for a whole block's gas, so that only one fits into a block, as its first, and the others wait.
    """
    account, w3 = net.account(BUYER), net.w3
    data = artifact("IExecute").call("execute", bytes(32), bytes(32), ExecuteParams().cumulative_gas_limit, b"")

    async def buy() -> None:
        nonce = await w3.eth.get_transaction_count(account.address)
        while True:
            while nonce < await w3.eth.get_transaction_count(account.address) + QUEUED:
                signed = account.sign_transaction({
                    "nonce": nonce, "chainId": 31337, "gas": BLOCK_GAS, "to": w3.to_checksum_address(EXECUTE_ADDRESS),
                    "value": ETHER, "data": data, "maxFeePerGas": tip + 100 * GWEI, "maxPriorityFeePerGas": tip})
                await w3.eth.send_raw_transaction(signed.raw_transaction)
                nonce += 1
            await asyncio.sleep(0.1)

    async with _meanwhile(buy(), "buyer"):
        yield


@contextlib.asynccontextmanager
async def prices(net: Devnet, *, base_fee: int | None = None, excess_blob_gas: int | None = None) -> AsyncIterator[None]:
    """L1's prices stay there: base fee in wei, and the excess that the price of blobs follows from."""
    wanted = {key: hex(value) for key, value in {"baseFee": base_fee, "excessBlobGas": excess_blob_gas}.items() if value is not None}

    async def hold() -> None:
        while True:
            await net.rpc.request("verdict_setPrices", [wanted])
            await net.l1_blocks(2)

    async def changed() -> bool:
        history = await net.rpc.request("eth_feeHistory", ["0x1", "latest", []])
        return base_fee is None or int(history["baseFeePerGas"][-1], 16) > base_fee // 2

    async with _meanwhile(hold(), "prices"):
        await net.until(changed, "prices have changed")
        yield
    await net.rpc.request("verdict_setPrices", [{"baseFee": hex(GWEI), "excessBlobGas": "0x0"}])


@contextlib.asynccontextmanager
async def _meanwhile(work: Coroutine[Any, Any, None], name: str) -> AsyncIterator[None]:
    task = asyncio.create_task(work, name=name)
    try:
        yield
        assert not task.done(), task.exception()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
