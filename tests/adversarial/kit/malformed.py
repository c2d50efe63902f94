"""JSON-RPC requests that are right, nearly right, or nothing of the kind."""

from __future__ import annotations

import json
import random
from typing import Any

METHODS = (
    "eth_call", "eth_estimateGas", "eth_getLogs", "eth_getBlockByNumber", "eth_getBlockByHash", "eth_getTransactionByHash",
    "eth_getBalance", "eth_getStorageAt", "eth_getProof", "eth_feeHistory", "eth_sendRawTransaction", "eth_newFilter",
    "eth_getFilterChanges", "eth_getTransactionCount", "eth_createAccessList", "eth_simulateV1", "debug_traceTransaction",
    "debug_traceCall", "txpool_content", "txpool_contentFrom", "net_version", "web3_sha3", "eth_subscribe", "eth_unsubscribe",
    "verdict_syncStatus", "verdict_batch", "optimism_syncStatus", "rpc_modules", "admin_peers", "", "eth_\u0000",
)  # fmt: skip


def _value(rng: random.Random, depth: int = 0) -> Any:
    """Something a parameter might be, right or wrong."""
    kinds = [
        lambda: None, lambda: rng.choice([True, False]), lambda: rng.randrange(-2**70, 2**70), lambda: rng.random() * 1e300,
        lambda: "0x" + rng.randbytes(rng.choice([0, 1, 20, 32, 33, 1000])).hex(), lambda: hex(rng.getrandbits(rng.choice([1, 64, 256, 300]))),
        lambda: rng.choice(["latest", "pending", "earliest", "safe", "newHeads", "logs", "0x", "0x0", "0X1", "", "\ud800", "x" * 5000]),
    ]  # fmt: skip
    if depth < 4:
        kinds += [lambda: [_value(rng, depth + 1) for _ in range(rng.randrange(4))],
                  lambda: {rng.choice(["to", "from", "data", "input", "gas", "gasPrice", "value", "nonce", "fromBlock", "toBlock", "address",
                                       "topics", "blockHash", "accessList", "type", "chainId", "x", ""]): _value(rng, depth + 1)
                           for _ in range(rng.randrange(6))}] * 2
    return rng.choice(kinds)()


def request(rng: random.Random) -> bytes:
    """A request, or something that looks like one from far away."""
    made: Any = {"jsonrpc": "2.0", "id": rng.choice([1, "a", None, 2**64, 1.5]), "method": rng.choice(METHODS),
                    "params": [_value(rng) for _ in range(rng.randrange(5))]}
    match rng.randrange(12):
        case 0:
            made[rng.choice(["jsonrpc", "id", "method", "params"])] = _value(rng)
        case 1:
            del made[rng.choice(["jsonrpc", "method", "params"])]
        case 2:
            made = [made] * rng.randrange(4)
        case 3:
            made = _value(rng)
    body = json.dumps(made).encode()
    match rng.randrange(12):
        case 0:
            body = body[: rng.randrange(len(body) + 1)]
        case 1:
            changed = bytearray(body)
            for _ in range(3):
                changed[rng.randrange(len(changed))] = rng.randrange(256)
            body = bytes(changed)
        case 2:
            body = rng.randbytes(rng.randrange(100))
    return body


def is_answer(text: bytes | str) -> bool:
    """One or more JSON-RPC answers; none, to notifications alone."""
    if not text:
        return True
    found = json.loads(text)
    answers = found if isinstance(found, list) else [found]
    return bool(answers) and all(each["jsonrpc"] == "2.0" and ("result" in each) != ("error" in each) for each in answers)
