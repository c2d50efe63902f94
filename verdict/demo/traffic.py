"""Real L2 transactions over the sequencer's JSON-RPC, made with web3.py as any application would."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

from eth_account.signers.local import LocalAccount
from web3 import AsyncWeb3
from web3.exceptions import Web3RPCError

from l1.artifacts import artifact

GWEI = 10**9
ETHER = 10**18


@dataclass(frozen=True, slots=True)
class Sent:
    """One L2 transaction that was included. `detail` says what it was."""

    detail: str
    hash: str  # 0x hex
    succeeded: bool
    gas_used: int
    block_number: int
    contract: str | None = None


@dataclass
class Wallet:
    """Signs type-2 transactions of one account; counts nonces itself, so that many can be in flight."""

    w3: AsyncWeb3
    account: LocalAccount
    chain_id: int
    nonce: int | None = field(default=None)

    async def send(self, detail: str, **fields: Any) -> Sent:
        """Sends and waits until it is in a block."""
        tx_hash = await self.post(**fields)
        receipt = await self.w3.eth.wait_for_transaction_receipt(tx_hash, timeout=30, poll_latency=0.1)
        return Sent(detail, "0x" + bytes(tx_hash).hex(), receipt["status"] == 1, receipt["gasUsed"],
                    receipt["blockNumber"], receipt.get("contractAddress"))

    async def post(self, **fields: Any) -> bytes:
        """Sends; returns the hash."""
        return bytes(await self.w3.eth.send_raw_transaction(await self.sign(**fields)))

    async def sign(self, **fields: Any) -> bytes:
        if self.nonce is None:
            self.nonce = await self.w3.eth.get_transaction_count(self.account.address, "pending")
        fields = {"value": 0, "chainId": self.chain_id, "nonce": self.nonce, "maxFeePerGas": 10 * GWEI,
                  "maxPriorityFeePerGas": GWEI, **fields}
        if "gas" not in fields:
            fields["gas"] = await self.w3.eth.estimate_gas({**fields, "from": self.account.address}) * 5 // 4
        if fields["nonce"] == self.nonce:
            self.nonce += 1
        return bytes(self.account.sign_transaction(fields).raw_transaction)


class Token:
    """DemoToken on L2."""

    def __init__(self, w3: AsyncWeb3, address: str | None = None) -> None:
        shape = artifact("DemoToken")
        self.contract = w3.eth.contract(address=address, abi=shape.abi)  # type: ignore[call-overload]
        self.creation = shape.deployment(1_000_000 * ETHER)

    def transfer(self, to: str, amount: int) -> bytes:
        """Calldata; `amount` in the smallest unit."""
        return bytes.fromhex(self.contract.encode_abi("transfer", [to, amount])[2:])

    async def balance(self, who: str) -> int:
        found: int = await self.contract.functions.balanceOf(who).call()
        return found


async def refusal(wallet: Wallet, **fields: Any) -> str:
    """Sends what must be refused; returns the reason the node gives. AssertionError if it is taken."""
    try:
        await wallet.post(**fields)
    except Web3RPCError as error:
        answer = (error.rpc_response or {}).get("error", {})
        return str(answer.get("message", error))
    raise AssertionError("the sequencer took a transaction that can never be valid")


async def until_batch(inbox: Any, count: int, timeout: float = 40) -> None:
    """Waits until the Inbox has more than `count` batches."""
    async with asyncio.timeout(timeout):
        while (await inbox.functions.headBatch().call())[1] <= count:
            await asyncio.sleep(0.3)
