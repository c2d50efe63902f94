"""The compiled contracts in solidity/artifacts, as far as deployment, status and the demo need them."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from eth_hash.auto import keccak

ARTIFACTS = Path(__file__).resolve().parents[1] / "solidity" / "artifacts"


@cache
def artifact(name: str) -> dict[str, Any]:
    """The artifact of one contract: abi, bytecode, deployedBytecode."""
    path = ARTIFACTS / f"{name}.json"
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def abi(name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = artifact(name)["abi"]
    return found


def creation_code(name: str) -> bytes:
    """To be followed by the ABI-encoded constructor arguments."""
    return bytes.fromhex(artifact(name)["bytecode"].removeprefix("0x"))


def selector(signature: str) -> str:
    """Of a function such as "gasPrice()", 0x hex."""
    return "0x" + keccak(signature.encode())[:4].hex()


@cache
def function_names() -> dict[str, str]:
    """Names of the functions of Inbox, Rollup and IExecute by selector (0x hex), for timelines."""
    names: dict[str, str] = {}
    for contract in ("Inbox", "Rollup", "IExecute"):
        for item in abi(contract):
            if item["type"] == "function":
                names[selector(f"{item['name']}({','.join(map(canonical_type, item['inputs']))})")] = item["name"]
    return names


def canonical_type(item: dict[str, Any]) -> str:
    """As it stands in a signature: structs as tuples."""
    kind: str = item["type"]
    if not kind.startswith("tuple"):
        return kind
    return f"({','.join(map(canonical_type, item['components']))}){kind.removeprefix('tuple')}"
