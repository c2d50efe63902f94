"""What instant settlement costs on L1: batches of 1, 10 and 100 transfers and swaps in one blob each, settled by real EXECUTE.

    python benchmarks/settlement.py [--sizes 1 10 100] [--accounts 300]

Gas and bytes are exact. Wei: L1 gas at 1 gwei, EXECUTE at its lowest price, 1 wei per L2 gas.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from eth_abi.abi import encode
from eth_account.signers.local import LocalAccount
from eth_utils import to_checksum_address

from chain.store import ChainStore
from derivation.codec import ChunkWriter, Dictionary, to_elements
from derivation.node import RollupNode
from execution.calls import contract_address
from execution.encoding import keccak
from l1.artifacts import artifact
from l1.beacon import BeaconSource
from l1.blob_client import BlobClient
from l1.blobs import ChunkProofKind
from l1.client import L1Client
from l1.contracts import Inbox, Rollup
from l1.kzg import Prover
from l1.txmanager import TransactionManager, TxCandidate
from settlement.settler import Settled, Settler
from tests.adversarial.kit.arena import Arena, derive
from tests.e2e.devnet import Devnet
from verdict.genesis import l2_genesis
from verdict.node_settings import node_settings

CHAIN_ID = 42069
SENDER, POSTER, SETTLER = 6, 5, 9
SUPPLY = 10**30
GWEI = 10**9


def holder(index: int) -> bytes:
    return keccak(b"holder" + index.to_bytes(4, "big"))[12:]


class Sender:
    """Signs L2 transactions, one nonce after the other."""

    def __init__(self, account: LocalAccount) -> None:
        self.account, self.nonce = account, 0

    def sign(self, to: bytes | None, data: bytes = b"", value: int = 0, gas: int = 21_000) -> bytes:
        fields = {"chainId": CHAIN_ID, "nonce": self.nonce, "to": to_checksum_address(to) if to else "", "data": data, "value": value,
                  "gas": gas, "maxFeePerGas": 10 * GWEI, "maxPriorityFeePerGas": GWEI}
        self.nonce += 1
        return bytes(self.account.sign_transaction(fields).raw_transaction)

    def create(self, name: str, *arguments: bytes) -> tuple[bytes, bytes]:
        """(its address, the transaction)."""
        address = contract_address(bytes.fromhex(self.account.address[2:]), self.nonce)
        return address, self.sign(None, artifact(name).bytecode + b"".join(arguments), gas=3_000_000)


def call(signature: str, *arguments: object) -> bytes:
    types = signature[signature.index("(") + 1 : -1]
    return keccak(signature.encode())[:4] + encode(types.split(",") if types else [], arguments)


def setup(sender: Sender) -> tuple[bytes, list[bytes]]:
    """(the exchange, what makes it and its two tokens)."""
    me = sender.account.address
    raws: list[bytes] = []
    tokens = []
    for _ in range(2):
        token, raw = sender.create("DemoToken", encode(["uint256"], [SUPPLY]))
        tokens.append(token)
        raws.append(raw)
    exchange, raw = sender.create("DemoExchange", encode(["address", "address"], tokens))
    raws.append(raw)
    for token in tokens:
        raws.append(sender.sign(token, call("transfer(address,uint256)", exchange, 10**24), gas=200_000))
        raws.append(sender.sign(token, call("approve(address,uint256)", exchange, 2**256 - 1), gas=200_000))
    raws.append(sender.sign(exchange, call("sync()"), gas=200_000))
    raws.append(sender.sign(exchange, call("swap(bool,uint256,uint256,address)", True, 10**16, 0, me), gas=300_000))
    return exchange, raws


def batches(sender: Sender, exchange: bytes, sizes: Sequence[int]) -> Iterator[tuple[str, int, list[bytes]]]:
    for size in sizes:
        yield "transfers", size, [sender.sign(holder(index), value=1 + index) for index in range(size)]
    for size in sizes:
        yield "swaps", size, [
            sender.sign(exchange, call("swap(bool,uint256,uint256,address)", index % 2 == 0, 10**16 + index, 0, sender.account.address),
                        gas=300_000) for index in range(size)]


async def post(net: Devnet, l1: L1Client, poster: TransactionManager, raws: Sequence[bytes]) -> int:
    """Chunks that it took."""
    writer = ChunkWriter(CHAIN_ID, Dictionary(()))
    for raw in raws:
        writer.transaction(raw)
    chunks = writer.chunks()
    inbox = Inbox(l1, net.deployment.inbox)
    origin = await l1.block((await l1.head()).number - 1)
    assert origin is not None
    data = Inbox.post_batch((await inbox.head_batch())[0], len(chunks), [], origin.rlp)
    blob = b"".join(map(to_elements, chunks)).ljust(131_072, b"\0")
    await poster.send(TxCandidate(inbox.address, data, blobs=(blob,)))
    return len(chunks)


def report(kind: str, size: int, chunks: int, done: Sequence[Settled]) -> None:
    gas, l2_gas = sum(each.l1_gas for each in done), sum(each.l2_gas for each in done)
    wei = gas * GWEI + sum(each.fee for each in done)
    print(f"| {size} {kind} | {chunks} | {len(done)} | {gas:,} | {gas // size:,} | {l2_gas:,} | "
          f"{sum(each.calldata for each in done):,} | {wei / 10**18:.6f} |", flush=True)


async def main(sizes: Sequence[int], accounts: int) -> None:
    with tempfile.TemporaryDirectory(prefix="verdict-bench-") as directory:
        overrides: dict[str, object] = {
            "rollup.sequencing": "based", "rollup.sequencer": None,
            "rollup.alloc": [{"address": account, "balance": "1000 ether"} for account in [
                *(to_checksum_address(holder(index)) for index in range(accounts)), Devnet.account(None, SENDER).address]]}  # type: ignore[arg-type]
        async with Devnet(Path(directory), overrides) as net, L1Client(net.l1.rpc_url) as l1, BlobClient(
                [BeaconSource(net.l1.beacon_url)]) as beacon:
            with ChainStore.open(None, l2_genesis(net.config, net.deployment.l1_addresses)) as store:
                await run(net, l1, RollupNode(node_settings(net.config, net.deployment), store, l1, beacon), sizes)


async def run(net: Devnet, l1: L1Client, node: RollupNode, sizes: Sequence[int]) -> None:
    scene, prover = Arena(net, l1, node, None), Prover(1)  # type: ignore[arg-type]
    sender = Sender(net.account(SENDER))
    exchange, raws = setup(sender)
    try:
        async with scene.sender(net.account(POSTER)) as poster, scene.sender(net.account(SETTLER)) as transactions:
            settler = Settler(l1, Rollup(l1, net.deployment.rollup), bytes.fromhex(net.deployment.stage[2:]), node, transactions,
                              prover, ChunkProofKind.CELL, net.config.challenger.max_proof_calldata)
            await post(net, l1, poster, raws)
            await derive(node, 0)
            await settler.settle(0)
            print("| batch of | chunks | L1 transactions | L1 gas | a transaction | L2 gas | calldata | ether at 1 gwei |\n"
                  "|---|---|---|---|---|---|---|---|")
            for index, (kind, size, raws) in enumerate(batches(sender, exchange, sizes), 1):
                chunks = await post(net, l1, poster, raws)
                record = await derive(node, index)
                assert sum(len(node.store.block(hash_).transactions) for hash_ in record.block_hashes) == size, "all are included"  # type: ignore[union-attr]
                report(kind, size, chunks, await settler.settle(index))
    finally:
        prover.close()
        node.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[1, 10, 100])
    parser.add_argument("--accounts", type=int, default=300)
    given = parser.parse_args()
    asyncio.run(main(given.sizes, given.accounts))
