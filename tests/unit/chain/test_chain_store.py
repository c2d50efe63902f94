"""Blocks and state on disk: durable, whole, reorganised as one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chain.database import ChainStoreError, Database
from chain.store import TABLES, ChainStore
from chain.view import BlockUnavailable, StateUnavailable
from execution.encoding import keccak
from execution.errors import InvalidWitness
from execution.header import Header
from tests.unit.chain.chains import GENESIS, OTHER_GENESIS, WALLETS, balance, grow, put, transfer

PROJECT = Path(__file__).resolve().parents[3]


def check_whole(store: ChainStore) -> None:
    """Head, numbers, index, bodies, receipts and state say the same."""
    header = store.head
    assert store.header_by_number(header.number + 1) is None
    while True:
        assert store.hash_by_number(header.number) == header.hash
        block = store.block(header.hash)
        assert block is not None and block.header == header
        receipts = store.receipts(header.hash)
        assert len(receipts) == len(block.transactions) == len(block.senders)
        for index, raw in enumerate(block.transactions):
            assert store.locate(keccak(raw)) == (header.hash, index)
            assert store.transaction(keccak(raw)) == raw
            assert store.receipt(keccak(raw)) == receipts[index]
        store.world_at(header).get_balance(WALLETS[0].address)
        if header.number == 0:
            return
        parent = store.header_by_hash(header.parent_hash)
        assert parent is not None
        header = parent


def test_what_was_stored_is_read_back(tmp_path: Path) -> None:
    grown = grow(tmp_path, 3)
    expected = [(b.header, b.transactions, b.receipts, len(b.rlp())) for b in grown.blocks]
    grown.store.close()
    with ChainStore.open(tmp_path, GENESIS) as store:
        check_whole(store)
        assert store.head.number == 3
        for header, transactions, receipts, size in expected:
            block = store.block(header.hash)
            assert block is not None
            assert (block.header, block.transactions, block.size) == (header, transactions, size)
            assert block.senders == (WALLETS[0].address,)
            assert store.receipts(header.hash) == receipts
        assert balance(store.world_at(store.head)) == 3
        assert balance(store.world_at(expected[0][0])) == 1


def test_unknown_things(tmp_path: Path) -> None:
    with ChainStore.open(None, GENESIS) as store:
        nothing = bytes(32)
        assert store.block(nothing) is None and store.header_by_hash(nothing) is None
        assert store.receipts(nothing) == () and store.locate(nothing) is None
        assert store.transaction(nothing) is None and store.receipt(nothing) is None
        assert store.header_by_number(-1) is None and store.header_by_number(1 << 70) is None
        for read in (store.node, store.code):
            with pytest.raises(InvalidWitness):
                read(nothing)
        with pytest.raises(BlockUnavailable):
            store.set_head(nothing)
        with pytest.raises(BlockUnavailable):
            store.set_label("safe", nothing)
        lost = Header(nothing, bytes(20), keccak(b"?"), 9, 1, 1, 1)
        with pytest.raises(StateUnavailable):
            store.world_at(lost)


def test_a_block_without_parent_is_refused_whole(tmp_path: Path) -> None:
    with grow(None, 2).store as other, ChainStore.open(tmp_path, GENESIS) as store:
        second = other.head
        block = other.block(second.hash)
        assert block is not None
        sealed, _switch = put(other, second)
        with pytest.raises(BlockUnavailable, match="the parent"):
            store.put_block(sealed, {b"n" * 32: b"node"}, {}, senders=(), meta={b"m": b"1"})
        assert store.get_meta(b"m") is None
        with pytest.raises(InvalidWitness):
            store.node(b"n" * 32)
        assert store.head.number == 0


def test_senders_must_fit() -> None:
    with grow(None, 1) .store as store:
        sealed, _switch = put(store, store.head, [transfer(0, 1)])
        with pytest.raises(ValueError, match="1 transactions, 0 senders"):
            store.put_block(sealed, {}, {}, senders=())


def test_another_genesis_or_schema_is_refused(tmp_path: Path) -> None:
    ChainStore.open(tmp_path, GENESIS).close()
    with pytest.raises(ChainStoreError, match="holds a chain with genesis"):
        ChainStore.open(tmp_path, OTHER_GENESIS)
    database = Database(tmp_path, TABLES)
    database.write(lambda tables: tables.put("system", b"schema", b"999"))
    database.close()
    with pytest.raises(ChainStoreError, match="schema version 999"):
        ChainStore.open(tmp_path, GENESIS)


def test_a_store_without_its_head_is_said_to_be_damaged(tmp_path: Path) -> None:
    grown = grow(tmp_path, 1)
    head = grown.store.head
    grown.store.close()
    database = Database(tmp_path, TABLES)
    database.write(lambda tables: tables.delete("nodes", head.state_root))
    database.close()
    with pytest.raises(ChainStoreError, match="damaged"):
        ChainStore.open(tmp_path, GENESIS)


def test_head_moves_to_another_branch_and_back() -> None:
    grown = grow(None, 3)
    store = grown.store
    old = [block.header for block in grown.blocks]
    fork = old[0]
    first, _ = put(store, fork, [transfer(1, 0)], salt=1, make_head=False)
    assert store.head == old[2]
    second, switch = put(store, first.header, [transfer(0, 1)], salt=1)
    assert switch.removed == (old[2], old[1])
    assert switch.added == (first.header, second.header)
    check_whole(store)
    assert store.locate(keccak(transfer(0, 2))) is None
    assert store.locate(keccak(transfer(0, 1))) == (second.hash, 0)  # in another block now
    assert store.header_by_hash(old[2].hash) == old[2]
    back = store.set_head(old[2].hash)
    assert (back.removed, back.added) == ((second.header, first.header), (old[1], old[2]))
    check_whole(store)
    down = store.set_head(old[0].hash, meta={b"why": b"rewound"})
    assert (down.removed, down.added) == ((old[2], old[1]), ())
    assert (store.head, store.get_meta(b"why")) == (old[0], b"rewound")
    check_whole(store)
    assert store.set_head(old[0].hash).removed == ()
    store.reset_to_genesis()
    assert store.head.number == 0
    check_whole(store)
    store.close()


def test_labels_never_point_off_the_chain() -> None:
    grown = grow(None, 3)
    store, headers = grown.store, [block.header for block in grown.blocks]
    assert store.resolve("safe") == store.resolve("finalized") == store.resolve("earliest") == GENESIS[0]
    store.set_label("safe", headers[2].hash)
    store.set_label("finalized", headers[0].hash)
    assert (store.resolve("safe"), store.resolve("finalized")) == (headers[2], headers[0])
    put(store, headers[1], salt=7)
    assert (store.resolve("safe"), store.resolve("finalized")) == (headers[1], headers[0])
    with pytest.raises(BlockUnavailable, match="isn't a canonical block"):
        store.set_label("safe", headers[2].hash)
    assert store.resolve("latest") == store.resolve("pending") == store.head
    assert store.resolve(headers[2].hash) == headers[2]
    assert store.resolve(3) == store.head
    store.close()


def test_block_hashes() -> None:
    with ChainStore.open(None, GENESIS) as store:
        headers = [store.head]
        for _ in range(260):
            headers.append(put(store, store.head)[0].header)
        ask = store.block_hashes(headers[259])  # for block 260
        assert ask(259) == headers[259].hash
        assert ask(4) == headers[4].hash
        assert [ask(3), ask(260), ask(-1)] == [bytes(32)] * 3


def test_records() -> None:
    with ChainStore.open(None, GENESIS) as store:
        store.put_metas({b"a:1": b"x", b"a:2": b"y", b"b": b"z"})
        assert store.metas(b"a:") == [(b"a:1", b"x"), (b"a:2", b"y")]
        store.put_meta(b"a:1", None)
        put(store, store.head, meta={b"a:2": None, b"c": b"new"})
        assert store.metas(b"a:") == []
        assert (store.get_meta(b"b"), store.get_meta(b"c")) == (b"z", b"new")


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 1000), st.booleans()), max_size=14))
def test_any_moves_of_the_head_leave_a_whole_chain(moves: list[tuple[bool, int, bool]]) -> None:
    """Either a new block on any known one, or the head set to any known block."""
    with ChainStore.open(None, GENESIS) as store:
        known = [store.head]
        for salt, (build, pick, with_transaction) in enumerate(moves):
            chosen = known[pick % len(known)]
            if build:
                nonce = store.world_at(chosen).get_nonce(WALLETS[0].address)
                transactions = [transfer(0, nonce)] if with_transaction else []
                known.append(put(store, chosen, transactions, salt=salt)[0].header)
                assert store.head == known[-1]
            else:
                store.set_head(chosen.hash)
                assert store.head == chosen
            check_whole(store)


def test_killed_at_any_moment_it_has_every_block_it_told_of(tmp_path: Path) -> None:
    told: dict[int, str] = {}
    for lines in (1, 7, 25):
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.unit.chain.kill_me", str(tmp_path)],
            cwd=PROJECT, env=os.environ | {"PYTHONPATH": str(PROJECT)}, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert process.stdout is not None
        for _line in range(lines):
            number, block_hash = process.stdout.readline().split()
            told[int(number)] = block_hash
        process.send_signal(signal.SIGKILL)
        for line in process.stdout:  # what it managed to say before it died
            if line.endswith("\n"):
                told[int(line.split()[0])] = line.split()[1]
        process.wait()
        with ChainStore.open(tmp_path, GENESIS) as store:
            check_whole(store)
            assert store.head.number >= max(told)
            assert store.get_meta(b"last") == (store.head.number - 1).to_bytes(8, "big")
            for height, expected in told.items():
                found = store.hash_by_number(height)
                assert found is not None and found.hex() == expected
