"""The node over a scripted L1 and the real state transition: derivation, the safe head, reorgs, restarts, proofs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest
from eth_account import Account

from chain.store import ChainStore
from derivation.batch import BatchData
from derivation.codec import CHUNK_ELEMENTS_SIZE, CHUNK_SIZE, Item, ItemKind, block_start_item, encode_chunk
from derivation.deriver import Deriver, derive_batch, stored_headers
from derivation.encoder import encode_blocks
from derivation.inputs import DerivationParams
from derivation.node import NodeSettings, RollupNode
from derivation.node_events import BatchDerived, BatchesGone, BatchUnknown
from derivation.proof import UnknownStep, build_step_proof, state_at
from execution.abi import commitment
from execution.execute import execute
from execution.genesis import build_genesis
from execution.rules import Rules
from execution.step import step as pure_step
from execution.types import BatchEnd, BlockStart, Fragment, Skip, Transaction
from l1.artifacts import artifact
from l1.kzg import Prover
from tests.unit.derivation.blob_data import MALFORMED
from tests.unit.derivation.fake_l1 import FIRST, GENESIS_TIME, INBOX, FakeBeacon, FakeL1

ACCOUNTS = [Account.from_key(bytes([n]) * 32) for n in range(1, 5)]
ADDRESSES = [bytes.fromhex(account.address[2:]) for account in ACCOUNTS]
CHAIN_ID = 42069
RULES = Rules(CHAIN_ID)
GENESIS = build_genesis({address: 10**24 for address in ADDRESSES}, CHAIN_ID, 30_000_000, GENESIS_TIME, 10**9)
PARAMS = DerivationParams(CHAIN_ID, b"\xfe" * 20, 30_000_000, 1800)


def transfer(sender: int, nonce: int, *, data: bytes = b"", gas: int | None = None, to: bytes = b"\x77" * 20) -> bytes:
    fields = {
        "chainId": CHAIN_ID, "nonce": nonce, "to": to, "value": 1, "data": data, "type": 2,
        "gas": gas or 21_000 + 40 * len(data), "maxFeePerGas": 10**10, "maxPriorityFeePerGas": 10**9,
    }  # fmt: skip
    return bytes(ACCOUNTS[sender].sign_transaction(fields).raw_transaction)


@pytest.fixture
def store() -> Iterator[ChainStore]:
    with ChainStore.open(None, GENESIS) as opened:
        yield opened


def make(l1: FakeL1, store: ChainStore, **options) -> RollupNode:
    settings = NodeSettings(RULES, PARAMS, INBOX, FIRST)
    return RollupNode(settings, store, l1, FakeBeacon(l1), **options)  # type: ignore[arg-type]


async def follow(node: RollupNode) -> list:
    events: list = []
    while found := await node.advance():
        events += found
        if isinstance(found[-1], BatchUnknown):
            break
    return events


def rich_batch(l1: FakeL1) -> None:
    """A batch with every kind of input: deposits, forced ones, good and bad transactions, fragments, skips."""
    l1.deposit(b"\xd0" * 20, 7)
    l1.deposit(b"\xd1" * 20, 8)
    l1.force(transfer(3, 0))
    l1.force(b"\x02 not a transaction")
    l1.mine()
    chunks = encode_blocks(
        RULES.chain_id,
        [transfer(0, 0), transfer(0, 5), transfer(1, 0)],
        [(2, [transfer(0, 1)]), (3, []), (1, [transfer(1, 1, data=Random(1).randbytes(5000)), transfer(0, 2)])],
    )
    stray = encode_chunk([Item(ItemKind.LAST_FRAGMENT, b"x"), block_start_item(65_535)])
    l1.post([*chunks, bytes(CHUNK_SIZE), MALFORMED, stray])
    l1.mine()


async def test_batch_becomes_blocks_and_the_safe_head(store: ChainStore) -> None:
    l1 = FakeL1()
    rich_batch(l1)
    node = make(l1, store)
    derived = [event for event in await follow(node) if isinstance(event, BatchDerived)]
    record = derived[0].record
    assert record == node.derived(0) == node.derived(record.hash) and node.derived(1) is None
    assert len(record.block_hashes) == 4 and record.steps == len(record.commitments) - 1
    assert store.head.hash == record.last_block_hash and store.label("safe").hash == record.last_block_hash
    assert [header.number for header in derived[0].switch.added] == [1, 2, 3, 4]
    first = store.header_by_number(1)
    assert first.parent_beacon_block_root == record.posted.header.origin_hash
    assert [store.header_by_number(n).timestamp - first.timestamp for n in (1, 2, 3, 4)] == [0, 2, 5, 6]
    assert [len(store.block(h).transactions) for h in record.block_hashes] == [3, 1, 0, 2]
    world = store.world_at(store.head)
    assert world.get_balance(b"\xd0" * 20) == 7 * 10**9 and world.get_balance(b"\x77" * 20) == 6
    assert node.state_before(0) == node.genesis and node.state_before(1) == record.final_state
    assert node.state_before(2) is None
    assert (await node.wait_for(0)).hash == record.hash
    node.close()


async def test_every_state_is_kept(store: ChainStore) -> None:
    l1 = FakeL1()
    rich_batch(l1)
    node = make(l1, store)
    await follow(node)
    for number in range(store.head.number + 1):
        assert store.world_at(store.header_by_number(number)).get_balance(ADDRESSES[0]) > 0
    node.close()


async def test_blocks_the_sequencer_has_already_are_only_marked(store: ChainStore) -> None:
    l1 = FakeL1()
    rich_batch(l1)
    first = make(l1, store)
    await follow(first)
    record = first.derived(0)
    first.close()
    with ChainStore.open(None, GENESIS) as other:
        for block_hash in record.block_hashes:  # as a sequencer would have put them, unsafe
            copy_block(store, other, block_hash)
        switches: list = []
        node = make(l1, other, on_switch=switches.append)
        derived = [event for event in await follow(node) if isinstance(event, BatchDerived)]
        assert switches == [] and not derived[0].switch.added
        assert other.label("safe").hash == other.head.hash == record.last_block_hash
        node.close()


async def test_other_unsafe_blocks_give_way(store: ChainStore) -> None:
    l1 = FakeL1()
    rich_batch(l1)
    switches: list = []
    node = make(l1, store, on_switch=switches.append)
    await put_unsafe_block(store)
    wrong = store.head
    await follow(node)
    record = node.derived(0)
    assert [header.hash for header in switches[0].removed] == [wrong.hash]
    assert store.head.hash == record.last_block_hash
    node.close()


async def test_reorg_takes_batches_back_and_derives_the_others(store: ChainStore) -> None:
    l1 = FakeL1()
    l1.mine()
    l1.post(encode_blocks(RULES.chain_id, [transfer(0, 0)]))
    l1.mine()
    kept = l1.batches[0][1].hash
    l1.post(encode_blocks(RULES.chain_id, [transfer(0, 1)]))
    l1.mine()
    node = make(l1, store)
    await follow(node)
    old = node.derived(1)
    l1.reorg(1)
    l1.mine()
    events = await follow(node)
    gone = next(event for event in events if isinstance(event, BatchesGone))
    assert [record.hash for record in gone.records] == [old.hash] and gone.safe.number == 1
    assert node.derived(1) is None and node.derived(old.hash) == old and not node.is_on_l1(old.hash)
    assert store.label("safe").number == 1 and store.head.hash == old.last_block_hash  # unsafe again, but there
    l1.post(encode_blocks(RULES.chain_id, [transfer(1, 0), transfer(2, 0)]))
    l1.mine()
    await follow(node)
    new = node.derived(1)
    assert new.hash != old.hash and store.head.hash == new.last_block_hash and node.derived(0).hash == kept
    l1.reorg(1)
    l1.repost(old.posted.header)
    l1.mine(2)
    await follow(node)
    assert node.derived(1).hash == old.hash and store.head.hash == old.last_block_hash
    assert node.derived(1).posted.inclusion.block_number == l1.blocks[-2].number
    node.close()


async def test_restart_goes_on_and_a_crash_between_record_and_position_is_harmless(tmp_path: Path) -> None:
    l1 = FakeL1()
    l1.mine()
    l1.post(encode_blocks(RULES.chain_id, [transfer(0, 0)]))
    l1.mine()
    with ChainStore.open(tmp_path, GENESIS) as store:
        node = make(l1, store)
        await follow(node)
        l1.post(encode_blocks(RULES.chain_id, [transfer(0, 1)]))
        l1.mine()

        async def crash() -> None:
            raise RuntimeError("killed")

        node._save = crash  # type: ignore[method-assign]
        with pytest.raises(RuntimeError):
            await follow(node)
        record = node.derived(1)
        node.close()
    l1.reorg(1)
    l1.mine()
    with ChainStore.open(tmp_path, GENESIS) as store:
        node = make(l1, store)
        assert node.batch_count == 1 and node.derived(1) is None
        assert store.label("safe").hash == node.derived(0).last_block_hash
        l1.repost(record.posted.header)
        l1.mine()
        await follow(node)
        assert node.derived(1).hash == record.hash
        node.close()


async def test_missing_blobs_are_unknown_not_empty(store: ChainStore) -> None:
    l1 = FakeL1()
    header = l1.post(encode_blocks(RULES.chain_id, [transfer(0, 0)]))
    l1.mine()
    l1.withheld.update(header.blob_hashes)
    node = make(l1, store)
    assert any(isinstance(event, BatchUnknown) for event in await follow(node))
    assert node.derived(0) is None and node.blocked is not None and store.head.number == 0
    l1.withheld.clear()
    await follow(node)
    assert node.derived(0) is not None and node.blocked is None
    node.close()


async def test_garbage_batches_still_bring_deposits_and_forced_transactions(store: ChainStore) -> None:
    l1 = FakeL1()
    l1.deposit(b"\xd0" * 20, 7)
    l1.force(transfer(0, 0))
    l1.mine()
    random = Random(3)
    noise = [random.randbytes(CHUNK_ELEMENTS_SIZE) for _ in range(3)]
    noise.append(encode_chunk([Item(ItemKind.TRANSACTION, random.randbytes(60)) for _ in range(20)]))
    l1.post(noise)
    l1.mine()
    node = make(l1, store)
    await follow(node)
    world = store.world_at(store.head)
    assert world.get_balance(b"\xd0" * 20) == 7 * 10**9 and world.get_nonce(ADDRESSES[0]) == 1
    assert node.derived(0).steps == 1 + 1 + 3 + 20 + 1
    node.close()


async def test_every_step_can_be_proved(store: ChainStore) -> None:
    """Each step's proof is accepted, links the commitments on both sides, and fits the contract's ABI."""
    prover, l1 = Prover(0), FakeL1()
    rich_batch(l1)
    node = make(l1, store)
    await follow(node)
    record = node.derived(0)
    kinds: set[type] = set()
    rejected = 0
    for step in range(record.steps):
        built = await build_step_proof(node, 0, step, prover)
        proof = built.proof
        assert (built.pre_commitment, built.post_commitment) == (record.commitment(step), record.commitment(step + 1))
        assert execute(proof.pre.state_root, proof.post.state_root, built.gas_used, built.trace).result
        assert bool(proof.parent_header) == (proof.pre.cursor.chunk == 0 and proof.pre.cursor.item == 0)
        assert ([len(chunk.data) for chunk in proof.chunks] == [2048]) == (1 <= proof.pre.cursor.chunk <= record.posted.header.chunk_count)
        artifact("Rollup").call("proveStepInGame", b"\x01" * 32, proof.as_tuple())
        kinds.add(type(built.input))
        rejected += isinstance(built.input, Transaction) and built.gas_used == 0
        if proof.fragments:
            assert sum(map(len, proof.fragments)) == proof.pre.fragments_size
    assert kinds == {BlockStart, Transaction, Fragment, Skip, BatchEnd} and rejected == 2
    over = await build_step_proof(node, 0, record.steps)
    assert over.input is None and over.proof.pre.cursor.batch == 1
    assert await state_at(node, 0, 0) == node.genesis
    assert commitment(await state_at(node, 0, 7)) == record.commitment(7)
    for batch, step in ((0, record.steps + 1), (0, -1), (1, 0)):
        with pytest.raises(UnknownStep):
            await build_step_proof(node, batch, step)
    node.close()


async def test_later_batches_prove_from_the_middle_of_the_chain(store: ChainStore) -> None:
    prover, l1 = Prover(0), FakeL1()
    for nonce in range(3):
        l1.mine()
        l1.post(encode_blocks(RULES.chain_id, [transfer(0, 2 * nonce)], [(1, [transfer(0, 2 * nonce + 1)])]))
        l1.mine()
    node = make(l1, store)
    await follow(node)
    for step in range(node.derived(2).steps):
        await build_step_proof(node, 2, step, prover)
    node.close()


def test_derivation_is_the_pure_step_repeated(store: ChainStore) -> None:
    """The node's machine (which seals in two moves) and the stateless step agree on every state."""
    from execution.witness import build_witness

    l1 = FakeL1()
    l1.mine()
    header = l1.post(encode_blocks(RULES.chain_id, [transfer(0, 0)], [(2, [transfer(0, 1)]), (1, [])]))
    batch = BatchData(header, tuple(l1.blobs[each] for each in header.blob_hashes))
    from derivation.batches import genesis_state

    deriver = Deriver(RULES, store, stored_headers(store.header_by_hash), genesis_state(GENESIS[0]), batch, PARAMS)
    while not deriver.ended:
        state, chosen = deriver.state, deriver.next_input()
        source, headers = deriver.machine.roots_source(), deriver.machine.header
        after, _, witness = build_witness(RULES, state, [chosen], source, headers)
        deriver.step()
        assert deriver.state == after == pure_step(RULES, state, chosen, witness)[0]
    fresh = Deriver(RULES, store, stored_headers(store.header_by_hash), genesis_state(GENESIS[0]), batch, PARAMS)
    assert derive_batch(fresh).final_state == deriver.state


def copy_block(source: ChainStore, target: ChainStore, block_hash: bytes) -> None:
    """Executes and puts a block of one chain into another, as unsafe head."""
    from execution.block import BlockBuilder
    from execution.types import BlockAttributes

    block = source.block(block_hash)
    parent = target.header_by_hash(block.header.parent_hash)
    header = block.header
    attributes = BlockAttributes(
        header.timestamp, header.fee_recipient, header.prev_randao, header.gas_limit,
        header.parent_beacon_block_root, header.extra_data, block.withdrawals,
    )  # fmt: skip
    world = target.world_at(parent)
    builder = BlockBuilder.open(RULES, world, parent, attributes, target.block_hashes(parent))
    for raw in block.transactions:
        builder.apply(raw)
    sealed = builder.seal()
    assert sealed.hash == block_hash
    target.put_block(sealed, world.new_nodes(), world.new_codes(), senders=block.senders)


async def put_unsafe_block(store: ChainStore) -> None:
    """A block no L1 knows."""
    from execution.block import BlockBuilder
    from execution.types import BlockAttributes

    parent = store.head
    attributes = BlockAttributes(parent.timestamp + 1, b"\xfe" * 20, b"\x00" * 32, 30_000_000, b"\x13" * 32)
    world = store.world_at(parent)
    sealed = BlockBuilder.open(RULES, world, parent, attributes, store.block_hashes(parent)).seal()
    store.put_block(sealed, world.new_nodes(), world.new_codes(), senders=())


async def test_an_l1_that_stands_still_is_trouble(store: ChainStore) -> None:
    """A node that no longer follows L1 answers everything, and says nothing new."""
    l1 = FakeL1()
    l1.mine()
    node = make(l1, store)
    await follow(node)
    assert node.trouble is None
    node.pipeline.moved_at -= 1_000
    await follow(node)
    assert node.trouble is not None and "no new block" in node.trouble
    l1.mine()
    await follow(node)
    assert node.trouble is None
    node.close()
