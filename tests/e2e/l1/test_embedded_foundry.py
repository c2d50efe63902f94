"""Foundry's tools against the embedded L1. Skipped where they (or the Solidity compiler of solidity/) aren't installed."""

from __future__ import annotations

import asyncio
import os
import shutil
from pathlib import Path

import pytest
from web3 import AsyncWeb3

from l1.embedded.service import EmbeddedL1

SOLIDITY = Path(__file__).resolve().parents[3] / "solidity"
SEARCH = os.pathsep.join([os.environ.get("PATH", ""), str(SOLIDITY / "node_modules" / ".bin")])
CAST, FORGE = shutil.which("cast", path=SEARCH), shutil.which("forge", path=SEARCH)
HAS_SOLC = (SOLIDITY / "tools" / "solc").exists() and (SOLIDITY / "node_modules" / "solc").exists()

SCRIPT = """
pragma solidity ^0.8.20;

interface Vm { function startBroadcast() external; function stopBroadcast() external; }

contract Box {
    event Set(uint256 value);
    uint256 public value;
    constructor(uint256 first) { value = first; }
    function set(uint256 next) external { value = next; emit Set(next); }
}

contract Deploy {
    bool public IS_SCRIPT = true;
    Vm constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));

    function run() external {
        vm.startBroadcast();
        Box plain = new Box(1);
        Box salted = new Box{salt: bytes32(uint256(7))}(2);
        plain.set(11);
        salted.set(12);
        payable(address(0xdead)).transfer(3);
        vm.stopBroadcast();
    }
}
"""


async def run(*arguments: str, cwd: Path | None = None) -> str:
    process = await asyncio.create_subprocess_exec(
        *arguments, cwd=cwd, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    async with asyncio.timeout(300):
        output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()
    return output.decode().strip()


@pytest.mark.skipif(CAST is None, reason="cast is not installed")
async def test_cast(l1: EmbeddedL1) -> None:
    assert CAST is not None
    sender, receiver = l1.accounts[0], l1.accounts[1].address
    url = ("--rpc-url", l1.rpc_url)
    assert await run(CAST, "chain-id", *url) == "31337"
    sent = await run(
        CAST, "send", receiver, "--value", "1ether", "--private-key", "0x" + sender.key.hex(), "--json", *url
    )
    assert '"status":"0x1"' in sent
    assert await run(CAST, "balance", receiver, *url) == str(10_001 * 10**18)
    assert await run(CAST, "block-number", *url) == "1"
    price = await run(CAST, "call", "0x" + "0101".rjust(40, "0"), "gasPrice()(uint256)", *url)
    assert price == "1"
    assert "transactionHash" in await run(CAST, "rpc", "eth_getBlockReceipts", "latest", *url)
    assert await run(CAST, "nonce", sender.address, *url) == "1"


@pytest.mark.skipif(FORGE is None or not HAS_SOLC, reason="forge or solc is not installed")
async def test_forge_script_deploys_with_create_and_create2(l1: EmbeddedL1, w3: AsyncWeb3, tmp_path: Path) -> None:
    assert FORGE is not None
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "Deploy.sol").write_text("// SPDX-License-Identifier: MIT\n" + SCRIPT)
    (tmp_path / "foundry.toml").write_text(
        f'[profile.default]\nsolc = "{SOLIDITY / "tools" / "solc"}"\nevm_version = "prague"\noffline = true\n'
    )
    output = await run(
        FORGE, "script", "src/Deploy.sol:Deploy", "--rpc-url", l1.rpc_url, "--broadcast",
        "--private-key", "0x" + l1.accounts[0].key.hex(), cwd=tmp_path,
    )  # fmt: skip
    assert "ONCHAIN EXECUTION COMPLETE & SUCCESSFUL" in output
    assert await w3.eth.get_transaction_count(l1.accounts[0].address) == 5
    assert await w3.eth.get_balance(w3.to_checksum_address("0x" + "dead".rjust(40, "0"))) == 3
    assert len(await w3.eth.get_logs({"fromBlock": 0})) == 2
