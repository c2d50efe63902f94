"""L1 goes back, at the moment that hurts: when a transaction of some kind waits, has just been mined, or lies buried.

    reorgs = Reorgs(net, rng)
    await reorgs.room(64)                                    # blocks to go back over, above the contracts
    await reorgs.strike(POST, Moment.MINED, depth=7)         # waits for the next postBatch, then L1 goes back
    await reorgs.flip_flop(depth=3, times=4)                 # back and forth between two branches

Who wants to know what L1 said in the end derives it anew: `agree`.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from chain.mempool import PooledTransaction
from chain.store import ChainStore
from derivation.node import RollupNode
from execution.transactions import decode_transaction
from execution.world import WorldState
from l1.artifacts import address_bytes, artifact
from l1.beacon import BeaconSource
from l1.blob_client import BlobClient
from l1.client import L1Client
from tests.adversarial.kit.devnet import Devnet
from tests.adversarial.kit.proposer import Proposer
from verdict.genesis import l2_genesis
from verdict.node_settings import node_settings


class Moment(Enum):
    """IN_POOL: it waits for a block. MINED: it is in the head. BURIED: the reorg's depth of blocks, its own included, has it."""

    IN_POOL = "in the pool"
    MINED = "just mined"
    BURIED = "buried"


@dataclass(frozen=True)
class Kind:
    """Calls of a function of one of the deployment's contracts (`field` of Deployment)."""

    contract: str
    function: str
    field: str

    @property
    def selector(self) -> bytes:
        return artifact(self.contract).function(self.function).selector

    def __str__(self) -> str:
        return self.function


def _kinds(contract: str, field_: str, *functions: str) -> dict[str, Kind]:
    return {name: Kind(contract, name, field_) for name in functions}


KINDS = {
    **_kinds("Inbox", "inbox", "postBatch", "postCalldata", "forceTransaction", "publishPage"),
    **_kinds("Rollup", "rollup", "makeAssertion", "openGame", "split", "pick", "proveStep", "proveStepInGame", "timeout", "confirm",
             "killOrphan", "reclaim", "withdraw", "settle"),
    **_kinds("Portal", "portal", "deposit", "proveAndFinalizeWithdrawal"),
}
"""By the function's name."""

OPTIONS: tuple[dict[str, bool], ...] = ({}, {"include": True}, {"drop_transactions": True})
"""What a reorg can do with the transactions it removes: back to the pool, again in the first new block, or gone for good."""


@dataclass
class Reorgs:
    """`done`: (moment, kind, depth) of all strikes so far. `floor`: number of the L1 block that nobody goes below."""

    net: Devnet
    rng: random.Random
    floor: int = 0
    done: list[str] = field(default_factory=list)
    _proposer: Proposer = field(init=False)

    def __post_init__(self) -> None:
        self._proposer = Proposer(self.net.l1)

    async def room(self, depth: int) -> None:
        """What is on L1 now stays there, whatever comes; from now on L1 can go back `depth` blocks."""
        self.floor = (await self.net.rpc.head()).number
        await self.net.mine(depth + 1)

    def options(self) -> dict[str, bool]:
        return dict(self.rng.choice(OPTIONS))

    async def reorg(self, depth: int, **options: Any) -> int:
        """At most down to the floor. How deep it went."""
        depth = min(depth, (await self.net.rpc.head()).number - self.floor)
        self.net.say("L1", f"reorg of {depth} blocks {options or ''}")
        await self.net.rpc.request("verdict_reorg", [hex(depth), options])
        return depth

    async def below(self, number: int, depth: int = 1, **options: Any) -> int:
        """At least `depth` blocks, and block `number` is among those that go. No block comes in between."""
        node, every = self.net.l1.node, self.net.l1.node.block_time
        node.set_block_time(None)
        try:
            async with node.exclusive:  # a block that is being made is done
                pass
            return await self.reorg(max(depth, node.head().number - number + 1), **options)
        finally:
            node.set_block_time(every)

    # ---- when a transaction is at some point of its way

    async def strike(self, kind: Kind, moment: Moment, depth: int, timeout: float = 120, since: int | None = None,
                     **options: Any) -> None:
        """Waits for a transaction of that kind above L1 block `since` (the head, if it isn't given); L1 goes back when it is
        there, at least so far that it is removed."""
        net = self.net
        if moment is Moment.IN_POOL:
            with self._proposer.leaving_out(lambda each: self._is(kind, each.tx.to, each.tx.data)):
                await net.until(lambda: self._waiting(kind), f"{kind} waits in the pool", timeout=timeout)
                went = await self.reorg(depth, **options)
        else:
            at = await self._mined(kind, net.l1.node.head().number if since is None else since, timeout)
            if moment is Moment.BURIED:
                await net.mine(max(0, depth - 1))
            went = await self.below(at, depth, **options)
        self.done.append(f"{kind} {moment.value} {went}")
        net.say("L1", f"that was while {kind} was {moment.value}")

    async def _mined(self, kind: Kind, since: int, timeout: float) -> int:
        """Number of the block with the first one above block `since`. Looks at each block as soon as it is there."""
        node = self.net.l1.node
        async with asyncio.timeout(timeout):
            while True:
                for number in range(since + 1, node.head().number + 1):
                    header = node.resolve(number)
                    block = None if header is None else node.block(header.hash)
                    for raw in block.transactions if block is not None else ():
                        tx = decode_transaction(raw)
                        if self._is(kind, tx.to, tx.data):
                            return number
                since = min(since, node.head().number - 1)
                await asyncio.sleep(0.01)

    def _is(self, kind: Kind, to: bytes | None, data: bytes) -> bool:
        return to == address_bytes(getattr(self.net.deployment, kind.field)) and data[:4] == kind.selector

    async def _waiting(self, kind: Kind) -> bool:
        return any(self._is(kind, each.tx.to, each.tx.data) for each in self.net.l1.node.pool)

    # ---- branches

    async def switch_to(self, block_hash: bytes) -> None:
        """A block that L1 has had is its head again. Transactions of the branch left behind return to the pool."""
        node = self.net.l1.node
        async with node.exclusive:
            switch = node.store.set_head(block_hash)
            node.announce(switch, whole_pool=True)
            for header in switch.removed:
                block = node.block(header.hash)
                for raw in block.transactions if block is not None else ():
                    if node.locate(decode_transaction(raw).hash) is None and raw[:1] != b"\x03":
                        node.readmit(raw, None)

    async def flip_flop(self, depth: int, times: int, **options: Any) -> None:
        """L1's head goes back and forth between two branches of that depth, and each grows by a block each time."""
        net = self.net
        old = net.l1.node.head().hash
        await self.reorg(depth, **options)
        for turn in range(times):
            new = net.l1.node.head().hash
            net.say("L1", f"back to the other branch ({turn + 1})")
            await self.switch_to(old)
            await net.mine()
            old = new

    @contextlib.contextmanager
    def holding(self, sender: bytes) -> Iterator[None]:
        """Nothing of that sender is included meanwhile."""
        with self._proposer.censoring(sender):
            yield

    @contextlib.contextmanager
    def reversed(self) -> Iterator[None]:
        """Blocks are made with the last come first, as far as nonces allow it."""
        node, before = self.net.l1.node, self.net.l1.node.proposer

        def backwards(best: Any) -> list[PooledTransaction]:
            senders: dict[bytes, list[PooledTransaction]] = {}
            for each in best:
                senders.setdefault(each.sender, []).append(each)
            return [each for run in reversed(senders.values()) for each in run]

        node.proposer = backwards
        try:
            yield
        finally:
            node.proposer = before


@contextlib.asynccontextmanager
async def from_scratch(net: Devnet) -> AsyncIterator[RollupNode]:
    """A node that knows nothing but L1."""
    async with L1Client(net.l1.rpc_url) as l1, BlobClient([BeaconSource(net.l1.beacon_url)]) as blobs:
        with ChainStore.open(None, l2_genesis(net.config, net.deployment.l1_addresses)) as store:
            node = RollupNode(node_settings(net.config, net.deployment), store, l1, blobs)
            try:
                yield node
            finally:
                node.close()


async def agree(net: Devnet, *nodes: RollupNode, balances: Mapping[bytes, int] | None = None, sequencer: bool = True,
                timeout: float = 180) -> None:
    """All these nodes, and the sequencer's safe chain, become what a fresh derivation of L1 says: every batch, every block. In
    it the accounts of `balances` have just that, in wei of L2."""
    l2 = net.l2() if sequencer else None
    doubt = ""

    async def same(fresh: RollupNode) -> str:
        """What is still different."""
        await fresh.advance()
        count: int = (await net.contracts.inbox.functions.headBatch().call())[1]
        counts = [each.batch_count for each in (fresh, *nodes)]
        if counts != [count] * len(counts):
            return f"L1 has {count} batches, the nodes {counts}"
        for index in range(count):
            ours = fresh.derived(index)
            for each in (fresh, *nodes):
                theirs = each.derived(index)
                if ours is None or theirs is None or (theirs.hash, theirs.final_state) != (ours.hash, ours.final_state):
                    return f"batch {index} is derived otherwise, or not at all"
        last = fresh.derived(count - 1) if count else None
        world = WorldState(fresh.store, last.final_state.state_root if last else fresh.store.head.state_root)
        for who, wei in (balances or {}).items():
            if (found := world.get_balance(who)) != wei:
                return f"0x{who.hex()} has {found} wei on L2 and should have {wei}"
        if l2 is not None and last is not None:
            safe = await l2.eth.get_block("safe")
            if bytes(safe["hash"]) != last.last_block_hash:
                return f"the sequencer's safe block is {safe['number']}, and not the last derived one"
        return ""

    async with from_scratch(net) as fresh:

        async def settled() -> bool:
            nonlocal doubt
            doubt = await same(fresh)
            return not doubt

        try:
            await net.until(settled, "all agree with a derivation from scratch", timeout=timeout)
        except AssertionError as error:
            raise AssertionError(f"{error}: {doubt}") from None
        net.say("scenario", f"{fresh.batch_count} batches derived from scratch: all agree")
