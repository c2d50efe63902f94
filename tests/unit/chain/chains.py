"""A small chain to store: real blocks of transfers, forks wherever a test wants them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from chain.canonical import Switch
from chain.store import ChainStore
from execution.block import BlockBuilder, SealedBlock
from execution.genesis import build_genesis
from execution.header import Header
from execution.rules import Rules
from execution.transactions import decode_transaction
from execution.types import BlockAttributes
from execution.world import WorldState
from tests.unit.execution.wallet import Wallet

CHAIN_ID = 4242
RULES = Rules(CHAIN_ID)
WALLETS = [Wallet.number(500 + i) for i in range(4)]
GENESIS = build_genesis({wallet.address: 10**20 for wallet in WALLETS}, CHAIN_ID, 30_000_000, 1_000, 10**9)
OTHER_GENESIS = build_genesis({WALLETS[0].address: 1}, CHAIN_ID, 30_000_000, 1_000, 10**9)


def transfer(wallet: int, nonce: int, value: int = 1, **fields: object) -> bytes:
    return WALLETS[wallet].typed(
        chain_id=CHAIN_ID, nonce=nonce, to=b"\xbb" * 20, value=value, gas=21_000, **fields
    )


def put(
    store: ChainStore,
    parent: Header,
    transactions: Sequence[bytes] = (),
    *,
    salt: int = 0,
    meta: dict[bytes, bytes | None] | None = None,
    make_head: bool = True,
) -> tuple[SealedBlock, Switch]:
    """Builds a block on `parent` and stores it."""
    world = store.world_at(parent)
    attributes = BlockAttributes(
        parent.timestamp + 1, b"\xfe" * 20, salt.to_bytes(32, "big"), parent.gas_limit, parent.hash
    )
    builder = BlockBuilder.open(RULES, world, parent, attributes, store.block_hashes(parent))
    for raw in transactions:
        builder.apply(raw)
    sealed = builder.seal()
    senders = [decode_transaction(raw).sender for raw in transactions]
    switch = store.put_block(
        sealed, world.new_nodes(), world.new_codes(), senders=senders, meta=meta, make_head=make_head
    )
    return sealed, switch


@dataclass
class Grown:
    store: ChainStore
    blocks: list[SealedBlock] = field(default_factory=list)


def grow(path: Path | None, count: int, first_nonce: int = 0) -> Grown:
    grown = Grown(ChainStore.open(path, GENESIS))
    for index in range(count):
        sealed, _switch = put(grown.store, grown.store.head, [transfer(0, first_nonce + index)])
        grown.blocks.append(sealed)
    return grown


def balance(world: WorldState, address: bytes = b"\xbb" * 20) -> int:
    return world.get_balance(address)
