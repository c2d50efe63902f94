"""L2 transactions with large witnesses: a quarry makes distinct contracts of 24 KB, three a transaction, and one more
transaction reads them all. The code of every account that is read is in its witness.
"""

from __future__ import annotations

import contextlib
import itertools
import random
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eth_account.signers.local import LocalAccount
from eth_utils import to_checksum_address

from chain.store import ChainStore
from derivation.node import RollupNode
from execution.calls import contract_address
from execution.types import Transaction
from l1.beacon import BeaconSource
from l1.blob_client import BlobClient
from l1.client import L1Client
from l1.contracts import Inbox
from sequencer.claims import BatchClaims
from tests.adversarial.kit.arena import Arena, derive
from tests.adversarial.kit.lies import Truth, truth_of
from tests.e2e.devnet import Devnet
from verdict.genesis import l2_genesis
from verdict.node_settings import node_settings

STONE = 24_576
"""Bytes of a contract: EIP-170."""
STONES_PER_CALL = 3
"""200 gas a byte: no more of them within a transaction's 2^24."""

_STONE_INIT = bytes.fromhex("616000600f5f39" "305f52" "6160005ff3")
"""Returns the 24,576 bytes behind it, the first 32 of them overwritten with its own address: no two are the same."""
_RUN = (
    bytes.fromhex("6e") + _STONE_INIT + bytes.fromhex("5f52")  # the init code, at the end of word 0
    + bytes.fromhex("6160005f602039")  # behind it all of this contract's own code
    + STONES_PER_CALL * bytes.fromhex("61600f60115ff050")  # CREATE
    + b"\x00"
)  # fmt: skip
_RETURN_THE_REST = bytes.fromhex("61600080600a5f395ff3")
QUARRY = _RETURN_THE_REST + _RUN + random.Random(7).randbytes(STONE - len(_RUN))
"""Creation code. Its filler makes the code of all its contracts."""
READER = bytes.fromhex("6010" "80600a5f395ff300") + bytes.fromhex("5f" "5b" "80353b50" "602001" "803611" "600157" "00")
"""Creation code of a contract that asks for the code size of every address in its calldata, 32 bytes each."""


@dataclass(frozen=True)
class Quarried:
    """A scene in which one step reads a lot. `step`: its index in the batch of `arena.truth`; `before`: what is right of
    the batches in front of that."""

    arena: Arena
    step: int
    before: tuple[BatchClaims, ...]


async def read_much(net: Devnet, stones: int, *, forced: bool) -> bytes:
    """Makes so many contracts, and has one transaction read them: that one, raw. `forced`: it comes through L1, so that no
    blob has to be opened to prove it, which takes seconds."""
    l2, account = net.l2(), net.account(6)
    sender = bytes.fromhex(account.address[2:])
    quarry, reader = contract_address(sender, 0), contract_address(sender, 1)
    addresses = [contract_address(quarry, nonce) for nonce in range(1, stones + 1)]
    calls = -(-stones // STONES_PER_CALL)
    making: list[dict[str, Any]] = [
        {"to": "", "data": QUARRY, "gas": 6_000_000},
        {"to": "", "data": READER, "gas": 200_000},
        *({"to": to_checksum_address(quarry), "gas": 15_200_000} for _ in range(calls)),
    ]
    reading = _signed(net.account(7), 0, {
        "to": to_checksum_address(reader), "gas": 1_000_000 + 3_000 * stones,
        "data": b"".join(each.rjust(32, b"\0") for each in addresses)})
    try:
        for nonce, each in enumerate(making):
            await l2.eth.send_raw_transaction(_signed(account, nonce, each))
        await net.until(lambda: l2.eth.get_code(to_checksum_address(addresses[-1])), "the stones are there")
        if forced:
            await net.send(net.w3, net.account(9), to=net.deployment.inbox, data=Inbox.force_transaction(reading),
                           value=await net.contracts.inbox.functions.forceFee().call())
        else:
            await l2.eth.send_raw_transaction(reading)
    finally:
        await l2.provider.disconnect()  # type: ignore[attr-defined]
    return reading


def _signed(account: LocalAccount, nonce: int, fields: Mapping[str, Any]) -> bytes:
    common = {"nonce": nonce, "chainId": 42069, "value": 0, "maxFeePerGas": 10**11, "maxPriorityFeePerGas": 10**9}
    return bytes(account.sign_transaction({**common, **fields}).raw_transaction)


@contextlib.asynccontextmanager
async def quarried(directory: Path, stones: int, *, forced: bool = True, stride: int = 1, l1_settings: Mapping[str, Any] | None = None,
                   overrides: Mapping[str, object] | None = None) -> AsyncIterator[Quarried]:
    """The sequencer has posted all of it and asserts it; nobody else runs yet."""
    settings = {
        "dispute.stride": stride, "dispute.window": "12h", "dispute.clock": "4h", "rollup.gas_limit": 10**9,
        "sequencer.batch_interval": "1s", "sequencer.mempool.max_per_sender": 1000, **(overrides or {}),
    }  # fmt: skip
    async with contextlib.AsyncExitStack() as stack:
        net = await stack.enter_async_context(
            Devnet(directory, settings, l1_settings={"accounts": 40, **(l1_settings or {})}))
        await stack.enter_async_context(net.sequencer())
        l1 = await stack.enter_async_context(L1Client(net.l1.rpc_url))
        beacon = await stack.enter_async_context(BlobClient([BeaconSource(net.l1.beacon_url)]))
        raw = await read_much(net, stones, forced=forced)
        store = stack.enter_context(ChainStore.open(None, l2_genesis(net.config, net.deployment.l1_addresses)))
        node = RollupNode(node_settings(net.config, net.deployment), store, l1, beacon)
        stack.callback(node.close)
        yield await _found(net, l1, node, raw)


async def _found(net: Devnet, l1: L1Client, node: RollupNode, raw: bytes) -> Quarried:
    before: list[BatchClaims] = []
    for index in itertools.count():
        await derive(node, index)
        truth: Truth = await truth_of(node, index)
        for step, each in enumerate(truth.inputs):
            if isinstance(each, Transaction) and each.raw == raw:
                receipt = truth.outcomes[step].receipt
                assert receipt is not None and receipt.succeeded
                return Quarried(Arena(net, l1, node, truth), step, tuple(before))
        before.append(truth.claims(truth.commitments, truth.states[-1]))
    raise AssertionError("batches never end")
