"""eth-tester on py-evm behind a minimal JSON-RPC server, for benchmarks/load: runs in an environment of its own.

    python -m venv /tmp/eth-tester && /tmp/eth-tester/bin/pip install 'eth-tester[py-evm]' aiohttp coincurve safe-pysha3
    /tmp/eth-tester/bin/python benchmarks/load/eth_tester_node.py PORT genesis.json

As it comes: every transaction is executed and mined as it arrives, a block each. genesis.json: {"chain_id", "gas_limit", "alloc": {address: wei}}.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from aiohttp import web
from eth_tester import EthereumTester, PyEVMBackend  # type: ignore[import-not-found]
from eth_tester.exceptions import TransactionNotFound  # type: ignore[import-not-found]


def build(path: Path) -> EthereumTester:
    genesis = json.loads(path.read_text())
    state = {bytes.fromhex(address[2:]): {"balance": balance, "nonce": 0, "code": b"", "storage": {}}
             for address, balance in genesis["alloc"].items()}
    parameters = PyEVMBackend.generate_genesis_params({"gas_limit": genesis["gas_limit"]})
    backend = PyEVMBackend(parameters, state)
    type(backend.chain).chain_id = genesis["chain_id"]
    return EthereumTester(backend)


class Node:
    """The methods that the load uses, in JSON-RPC's shapes as far as it looks at them."""

    def __init__(self, tester: EthereumTester) -> None:
        self.tester = tester

    def answer(self, call: dict[str, Any]) -> dict[str, Any]:
        handler = getattr(self, call["method"].replace("eth_", ""), None)
        if handler is None:
            return {"jsonrpc": "2.0", "id": call["id"], "error": {"code": -32601, "message": f"no method {call['method']}"}}
        try:
            return {"jsonrpc": "2.0", "id": call["id"], "result": handler(*call["params"])}
        except Exception as error:  # noqa: BLE001  # whatever its libraries raise is the caller's error
            return {"jsonrpc": "2.0", "id": call["id"], "error": {"code": -32000, "message": f"{type(error).__name__}: {error}"}}

    def chainId(self) -> str:
        return hex(self.tester.backend.chain.chain_id)

    def blockNumber(self) -> str:
        return hex(self.tester.get_block_by_number("latest")["number"])

    def sendRawTransaction(self, raw: str) -> str:
        return str(self.tester.send_raw_transaction(raw))

    def getTransactionReceipt(self, hash_: str) -> dict[str, Any] | None:
        try:
            receipt = self.tester.get_transaction_receipt(hash_)
        except TransactionNotFound:
            return None
        return {"transactionHash": hash_, "blockNumber": hex(receipt["block_number"]), "status": hex(receipt["status"]),
                "gasUsed": hex(receipt["gas_used"]), "logs": [dict(each) for each in receipt["logs"]]}

    def getTransactionCount(self, address: str, block: str = "latest") -> str:
        return hex(self.tester.get_nonce(address, block))

    def getBlockByNumber(self, number: str, _full: bool) -> dict[str, Any]:
        block = self.tester.get_block_by_number(int(number, 16) if number.startswith("0x") else number)
        return {"number": hex(block["number"]), "hash": block["hash"], "transactions": list(block["transactions"])}

    def estimateGas(self, call: dict[str, Any]) -> str:
        return hex(self.tester.estimate_gas(_call(call)))

    def call(self, call: dict[str, Any], block: str = "latest") -> str:
        return str(self.tester.call({"gas": 1_000_000, **_call(call)}, block))

    def getLogs(self, wanted: dict[str, Any]) -> list[dict[str, Any]]:
        last = wanted["toBlock"]
        found = self.tester.get_logs(from_block=int(wanted["fromBlock"], 16), to_block=last if last == "latest" else int(last, 16),
                                     address=wanted.get("address"), topics=wanted.get("topics"))
        return [dict(each) for each in found]


def _call(call: dict[str, Any]) -> dict[str, Any]:
    return {key: int(value, 16) if key in ("value", "gas") else value for key, value in call.items()}


def main(port: int, genesis: Path) -> None:
    node = Node(build(genesis))

    async def post(request: web.Request) -> web.Response:
        body = json.loads(await request.read())
        answer = [node.answer(each) for each in body] if isinstance(body, list) else node.answer(body)
        return web.Response(text=json.dumps(answer, default=str), content_type="application/json")

    app = web.Application(client_max_size=16 << 20)
    app.router.add_post("/", post)
    web.run_app(app, host="127.0.0.1", port=port, print=None)


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
