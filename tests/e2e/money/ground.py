"""An L1 and a rollup's contracts in this process, without sockets in between and without daemons: each call is answered at
once, and each transaction is a block. For tests that need thousands of them.

    async with ground(directory) as here: ...
    async with here.rollup() as rollup: ...     # from the deployment on, as if nothing had happened before
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from eth_account.signers.local import LocalAccount

from chain.store import ChainStore
from derivation.node import RollupNode
from derivation.records import DerivedRecord
from execution.account import decode_account
from execution.encoding import EMPTY_ROOT
from execution.trie import BRANCH, EXTENSION, decode_node
from l1.blob_client import BlobClient
from l1.client import L1Client
from l1.contracts import Inbox, Portal, Rollup, revert_reason
from l1.embedded.methods import DevelopmentMethods
from l1.embedded.service import EmbeddedL1
from l1.embedded.settings import EmbeddedL1Settings
from l1.rpc_errors import RpcError as NodeError
from l1.signing import BlobCommitments, SidecarFormat, commit_blobs, network_form, prove_blobs
from node.chain import DerivedChain
from rpc.dispatch import Dispatcher
from rpc.errors import RpcError
from rpc.node import build_dispatcher
from tests.e2e.devnet import DEPLOYER, base_configuration
from verdict.config import Config, parse_config
from verdict.deploy import deploy
from verdict.deployment import Deployment
from verdict.keys import test_account as mnemonic_account
from verdict.node_settings import node_settings
from verdict.service import rollup_genesis

GWEI = 10**9
GAS = 4_000_000


class Refused(Exception):
    """L1 would not have it: the call reverts."""


class Direct:
    """A transport that asks a dispatcher in this process."""

    def __init__(self, dispatcher: Dispatcher) -> None:
        self._dispatcher = dispatcher

    async def make_request(self, method: str, params: Any) -> Mapping[str, Any]:
        try:
            return {"result": await self._dispatcher.call(method, params)}
        except RpcError as error:
            return {"error": {"code": error.code, "message": str(error), "data": error.data}}


@dataclass
class Ground:
    """A deployed rollup, and L1 at that point."""

    l1: EmbeddedL1
    rpc: L1Client
    config: Config
    deployment: Deployment

    @contextlib.asynccontextmanager
    async def rollup(self) -> AsyncIterator[Play]:
        """Afterwards L1 is again as it was."""
        snapshot = await self.rpc.request("evm_snapshot")
        with ChainStore.open(None, rollup_genesis(self.config, self.deployment)) as store:
            settings = node_settings(self.config, self.deployment)
            node = RollupNode(settings, store, self.rpc, BlobClient([]))
            l2 = L1Client(transports=[Direct(build_dispatcher(DerivedChain(store, settings.rules, settings.params)))])
            try:
                yield Play(self, node, l2)
            finally:
                node.close()
                await self.rpc.request("evm_revert", [snapshot])


@contextlib.asynccontextmanager
async def ground(directory: Path, overrides: Mapping[str, object] | None = None) -> AsyncIterator[Ground]:
    settings = EmbeddedL1Settings(port=0, beacon_port=0, block_time=None, automine=True)
    async with EmbeddedL1(settings) as l1:
        dispatcher = build_dispatcher(l1.node)
        dispatcher.register(DevelopmentMethods(l1.node, l1.reorganizer))
        rpc = L1Client(transports=[Direct(dispatcher)])
        tree = base_configuration()
        tree["l1"] |= {"rpc_url": l1.rpc_url, "beacon_url": l1.beacon_url, "block_time": "20ms"}
        config = parse_config(tree, base=directory, source="ground", overrides=overrides)
        deployment = await deploy(config, mnemonic_account(DEPLOYER), rpc)
        yield Ground(l1, rpc, config, deployment)


@dataclass
class Play:
    """One course of events. `l2` is a client of the derived chain."""

    ground: Ground
    node: RollupNode
    l2: L1Client
    nonces: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        deployment, self.l1 = self.ground.deployment, self.ground.rpc
        self.inbox = Inbox(self.l1, deployment.inbox)
        self.portal = Portal(self.l1, deployment.portal)
        self.contract = Rollup(self.l1, deployment.rollup)
        self.config = self.ground.config
        self.store = self.node.store

    # ---- L1

    async def send(
        self, account: LocalAccount, to: bytes, data: bytes, value: int = 0, blobs: Sequence[bytes] = ()
    ) -> Mapping[str, Any]:
        """A transaction in a block of its own: its receipt. Refused if it reverts, with nothing sent."""
        call = {"from": account.address, "to": "0x" + to.hex(), "data": "0x" + data.hex(), "value": hex(value)}
        commitments = commit_blobs(blobs) if blobs else BlobCommitments((), ())
        if blobs:
            call |= {"blobVersionedHashes": ["0x" + each.hex() for each in commitments.versioned_hashes],
                     "maxFeePerBlobGas": hex(GWEI)}
        try:
            await self.l1.request("eth_call", [call, "pending"])
        except NodeError as error:
            raise Refused(revert_reason(error)) from None
        if account.address not in self.nonces:
            self.nonces[account.address] = int(await self.l1.request("eth_getTransactionCount", [account.address, "latest"]), 16)
        fields: dict[str, Any] = {
            "chainId": 31337, "nonce": self.nonces[account.address], "to": to, "data": data, "value": value, "gas": GAS,
            "maxFeePerGas": 100 * GWEI, "maxPriorityFeePerGas": GWEI}
        if blobs:
            fields |= {"maxFeePerBlobGas": GWEI, "blobVersionedHashes": list(commitments.versioned_hashes), "type": 3}
        raw = bytes(account.sign_transaction(fields).raw_transaction)
        if blobs:
            proofs = prove_blobs(blobs, commitments, SidecarFormat.BLOB_PROOFS)
            raw = network_form(raw, blobs, commitments, proofs, SidecarFormat.BLOB_PROOFS)
        tx_hash = await self.l1.request("eth_sendRawTransaction", ["0x" + raw.hex()])
        self.nonces[account.address] += 1
        receipt = await self.l1.request("eth_getTransactionReceipt", [tx_hash])
        assert receipt is not None and receipt["status"] == "0x1", "it passed as a call"
        return receipt

    async def travel(self, seconds: int) -> None:
        await self.l1.request("evm_increaseTime", [hex(seconds)])
        await self.l1.request("evm_mine")

    # ---- batches

    async def post(self, poster: LocalAccount, chunks: bytes) -> DerivedRecord:
        """A batch of these chunks in calldata (none: an empty batch), derived."""
        origin = await self.l1.head()
        parent, index = await self.inbox.head_batch()
        data = (Inbox.post_calldata(parent, chunks, (), origin.rlp) if chunks
                else Inbox.post_batch(parent, 0, (), origin.rlp))
        await self.send(poster, self.inbox.address, data)
        for _ in itertools.count():
            await self.node.advance()
            if (record := self.node.derived(index)) is not None:
                return record
        raise AssertionError

    # ---- L2

    def balances(self) -> int:
        """Sum of all balances of L2, wei: every account of its state is visited."""
        return sum(decode_account(value).balance for value in self._leaves(self.store.head.state_root))

    def _leaves(self, root: bytes) -> list[bytes]:
        if root == EMPTY_ROOT:
            return []
        found, pending = [], [decode_node(self.store.node(root), b"")]
        while pending:
            node = pending.pop()
            if node[0] not in (BRANCH, EXTENSION):
                found.append(node[2])
                continue
            for child in node[1] if node[0] == BRANCH else [node[2]]:
                if isinstance(child, bytes):
                    pending.append(decode_node(self.store.node(child[1:]), b""))
                elif child is not None:
                    pending.append(child)
        return found
