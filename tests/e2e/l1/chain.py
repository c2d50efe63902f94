"""What the end-to-end tests of the embedded L1 share: settings, sending, blobs, a beacon client."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import aiohttp
from eth_account.signers.local import LocalAccount
from web3 import AsyncWeb3

from l1.embedded.settings import EmbeddedL1Settings

ON_DEMAND = EmbeddedL1Settings(port=0, beacon_port=0, block_time=None, automine=True, accounts=3)
GWEI = 10**9


async def rpc(w3: AsyncWeb3, method: str, *params: Any) -> Any:
    """The result of a JSON-RPC call. AssertionError with the message if it is an error."""
    answer = await w3.provider.make_request(method, list(params))
    assert "error" not in answer, answer["error"]
    return answer["result"]


async def rpc_error(w3: AsyncWeb3, method: str, *params: Any) -> dict[str, Any]:
    answer = await w3.provider.make_request(method, list(params))
    assert "error" in answer, answer
    return answer["error"]


async def signed(w3: AsyncWeb3, account: LocalAccount, **fields: Any) -> bytes:
    """A type-2 transaction that pays whatever it takes; `fields` override."""
    nonce = fields.pop("nonce", None)
    transaction = {
        "chainId": await w3.eth.chain_id,
        "nonce": await w3.eth.get_transaction_count(account.address, "pending") if nonce is None else nonce,
        "gas": 1_000_000,
        "maxFeePerGas": 50 * GWEI,
        "maxPriorityFeePerGas": GWEI,
        "value": 0,
        "data": b"",
        **fields,
    }
    return account.sign_transaction(transaction).raw_transaction


async def send(w3: AsyncWeb3, account: LocalAccount, **fields: Any) -> Any:
    """Sends a transaction and waits for its receipt."""
    sent = await w3.eth.send_raw_transaction(await signed(w3, account, **fields))
    return await w3.eth.wait_for_transaction_receipt(sent, timeout=60, poll_latency=0.02)


def blob_of(text: bytes) -> bytes:
    """A blob whose first field elements hold `text`."""
    elements = [b"\x00" + text[i : i + 31].ljust(31, b"\x00") for i in range(0, len(text), 31)]
    return b"".join(elements).ljust(131_072, b"\x00")


@dataclass
class Beacon:
    session: aiohttp.ClientSession
    url: str

    async def get(self, path: str, status: int = 200) -> Any:
        async with self.session.get(self.url + path) as response:
            assert response.status == status, await response.text()
            return await response.json()
