"""A persistent embedded L1 in a process of its own, killed at any moment."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from web3 import AsyncHTTPProvider, AsyncWeb3

from chain.database import ChainStoreError
from l1.embedded.service import EmbeddedL1
from tests.e2e.l1.chain import ON_DEMAND, rpc, send, signed
from tests.e2e.l1.test_embedded_blobs import BLOBS, blob_fields, eip4844_form

PROGRAM = """
import asyncio, json, sys
from dataclasses import replace
from pathlib import Path
from l1.embedded.service import EmbeddedL1
from tests.e2e.l1.chain import ON_DEMAND

async def main():
    settings = replace(ON_DEMAND, data_dir=Path(sys.argv[1]), block_time=0.02, automine=False)
    async with EmbeddedL1(settings) as l1:
        print(json.dumps({"url": l1.rpc_url}), flush=True)
        await l1.wait()

asyncio.run(main())
"""
PROJECT = Path(__file__).resolve().parents[3]


@contextlib.asynccontextmanager
async def l1_process(data_dir: Path) -> AsyncIterator[tuple[asyncio.subprocess.Process, AsyncWeb3]]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PROGRAM, str(data_dir),
        cwd=PROJECT, env=os.environ | {"PYTHONPATH": str(PROJECT)}, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    try:
        async with asyncio.timeout(60):
            line = await process.stdout.readline()
        w3 = AsyncWeb3(AsyncHTTPProvider(json.loads(line)["url"]))
        yield process, w3
        await w3.provider.disconnect()
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def test_a_killed_l1_has_lost_no_block_it_has_told_of(tmp_path: Path) -> None:
    accounts = EmbeddedL1(ON_DEMAND).accounts
    known: dict[int, bytes] = {}
    nonce = 0
    for _round in range(3):
        async with l1_process(tmp_path) as (process, w3):
            for number, block_hash in known.items():
                assert bytes((await w3.eth.get_block(number)).hash) == block_hash
            assert await w3.eth.get_transaction_count(accounts[0].address) == nonce
            for _transfer in range(3):
                receipt = await send(w3, accounts[0], to=accounts[1].address, value=1, nonce=nonce)
                nonce += 1
                known[receipt.blockNumber] = bytes(receipt.blockHash)
            process.send_signal(signal.SIGKILL)
            await process.wait()
    assert nonce == 9


async def test_everything_is_there_after_an_orderly_restart(tmp_path: Path) -> None:
    settings = replace(ON_DEMAND, data_dir=tmp_path)
    async with EmbeddedL1(settings) as l1:
        w3 = AsyncWeb3(AsyncHTTPProvider(l1.rpc_url))
        await w3.eth.send_raw_transaction(eip4844_form(l1, await blob_fields(w3, l1, l1.accounts[0]), BLOBS[:1]))
        await rpc(w3, "verdict_reorg", 1, {"include": True})
        head = l1.node.head()
        genesis = l1.node.resolve(0)
        with pytest.raises(ChainStoreError, match="in use by another process"):
            async with EmbeddedL1(settings):
                pass
        await w3.provider.disconnect()
    async with EmbeddedL1(settings) as l1:
        assert (l1.node.head(), l1.node.resolve(0)) == (head, genesis)
        block = l1.node.resolve(1)
        assert block is not None
        sidecar = l1.node.sidecar_of(block)
        assert sidecar is not None and sidecar.blobs == BLOBS[:1]
        w3 = AsyncWeb3(AsyncHTTPProvider(l1.rpc_url))
        assert (await send(w3, l1.accounts[0], to=l1.accounts[1].address)).blockNumber == head.number + 1
        await w3.provider.disconnect()


async def test_a_directory_of_another_chain_is_refused(tmp_path: Path) -> None:
    async with EmbeddedL1(replace(ON_DEMAND, data_dir=tmp_path)):
        pass
    with pytest.raises(ChainStoreError, match="holds a chain with genesis"):
        async with EmbeddedL1(replace(ON_DEMAND, data_dir=tmp_path, chain_id=999)):
            pass
    async with EmbeddedL1(replace(ON_DEMAND, data_dir=tmp_path)) as l1:
        w3 = AsyncWeb3(AsyncHTTPProvider(l1.rpc_url))
        raw = await signed(w3, l1.accounts[0], to=l1.accounts[1].address)
        await w3.eth.send_raw_transaction(raw)
        assert await w3.eth.block_number == 1
        await w3.provider.disconnect()
