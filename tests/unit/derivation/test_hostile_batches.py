"""What the largest garbage batch costs: 384 chunks of 63 items each, in time and memory. Steps that do nothing are bounded by
the format, blocks by max_drift."""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Callable

import lz4.block
import pytest
from eth_account import Account

from chain.store import ChainStore
from derivation.batch import BatchData, BatchHeader
from derivation.batches import genesis_state
from derivation.codec import CHUNK_SIZE, EMPTY_DICTIONARY, MAX_CHUNKS, ItemKind, decode_chunk
from derivation.deriver import Deriver, derive_batch, stored_headers
from derivation.inputs import DerivationParams
from execution.genesis import build_genesis
from execution.rules import Rules
from tests.unit.derivation.blob_data import blobs_of

CHAIN, TIME = 42069, 1_700_000_000
ITEMS = 63
PARAMS = DerivationParams(CHAIN, b"\xfe" * 20, 30_000_000, 1800)
SECONDS_A_STEP = 0.002
"""Twenty times what was measured, 0.03 to 0.14 ms for a step that does nothing: for slow and busy machines."""


def literal(body: bytes) -> bytes:
    """A chunk whose body is given, as LZ4 literals."""
    length, extra = len(body) - 15, b""
    while length >= 255:
        length, extra = length - 255, extra + b"\xff"
    packed = b"\xf0" + extra + bytes([length]) + body
    assert 4 + len(packed) <= CHUNK_SIZE
    return (bytes([2, ITEMS]) + len(packed).to_bytes(2, "big") + packed).ljust(CHUNK_SIZE, b"\0")


def varint(value: int) -> bytes:
    out = b""
    while value >= 0x80:
        out, value = out + bytes([value & 0x7F | 0x80]), value >> 7
    return out + bytes([value])


def strings(kind: int, length: int) -> bytes:
    """63 items of `length` zero bytes."""
    tags = (varint(length) + b"\xe8" + varint(length)) * ITEMS
    return literal(bytes([kind << 2]) * ITEMS + varint(len(tags)) + tags)


def skips() -> bytes:
    return literal(b"\x03" * ITEMS)


def starts() -> bytes:
    return literal(bytes(ITEMS) + varint(ITEMS) + b"\x01" * ITEMS)


def stale() -> bytes:
    """A real, signed transaction, again and again, of a nonce that is never right."""
    account = Account.from_key(b"\x01" * 32)
    raw = bytes(account.sign_transaction({
        "chainId": CHAIN, "nonce": 9, "to": b"\x77" * 20, "value": 1, "type": 2, "gas": 21_000, "maxFeePerGas": 10**10,
        "maxPriorityFeePerGas": 10**9}).raw_transaction)  # fmt: skip
    runs = [raw[at : at + 32] for at in range(0, len(raw), 32)]
    tags = varint(len(raw)) + b"".join(bytes([0x9F + len(run)]) for run in runs)
    body = b"\x04" * ITEMS + varint(len(tags) * ITEMS) + tags * ITEMS + raw * ITEMS
    packed = lz4.block.compress(body, mode="high_compression", store_size=False)
    assert 4 + len(packed) <= CHUNK_SIZE
    return (bytes([2, ITEMS]) + len(packed).to_bytes(2, "big") + packed).ljust(CHUNK_SIZE, b"\0")


GARBAGE: dict[str, tuple[Callable[[], bytes], ItemKind]] = {
    "skips": (skips, ItemKind.SKIP),
    "large strings of zeros": (lambda: strings(1, 16_384), ItemKind.TRANSACTION),
    "large fragments": (lambda: strings(2, 16_384), ItemKind.FRAGMENT),
    "small fragments": (lambda: strings(2, 1), ItemKind.FRAGMENT),
    "last fragments": (lambda: strings(3, 16_384), ItemKind.LAST_FRAGMENT),
    "stale transactions": (stale, ItemKind.TRANSACTION),
}


def batch_of(chunk: bytes, count: int) -> BatchData:
    blobs = tuple(blobs_of([chunk] * count))
    header = BatchHeader(
        parent_hash=bytes(32), index=0, blob_hashes=(b"\x01" * 32,) * len(blobs), data_root=bytes(32), pages=(),
        chunk_count=count, origin_number=1, origin_hash=bytes(32), origin_timestamp=TIME, origin_prev_randao=bytes(32),
        deposit_start=0, deposit_end=0, forced_start=0, forced_end=0,
    )  # fmt: skip
    return BatchData(header, blobs)


def derive(batch: BatchData) -> tuple[int, int, float]:
    """Steps, blocks, seconds."""
    genesis = build_genesis({b"\x01" * 20: 10**24}, CHAIN, 30_000_000, 0, 10**9)
    with ChainStore.open(None, genesis) as store:
        headers = stored_headers(store.header_by_hash)
        deriver = Deriver(Rules(CHAIN), store, headers, genesis_state(genesis[0]), batch, PARAMS)
        begin = time.perf_counter()
        derived = derive_batch(deriver)
        return derived.steps, len(derived.blocks), time.perf_counter() - begin


@pytest.mark.parametrize("name", GARBAGE)
@pytest.mark.parametrize("count", [24, pytest.param(MAX_CHUNKS, marks=pytest.mark.slow)])
def test_garbage_takes_bounded_time(name: str, count: int) -> None:
    make, kind = GARBAGE[name]
    chunk = make()
    assert {item.kind for item in decode_chunk(chunk, CHAIN, EMPTY_DICTIONARY)} == {kind}
    steps, blocks, seconds = derive(batch_of(chunk, count))
    assert steps == count * ITEMS + 2 and blocks == 1
    print(f"{name}: {steps} steps in {seconds:.2f} s, {1000 * seconds / steps:.3f} ms each")
    assert seconds < SECONDS_A_STEP * steps


def test_blocks_are_bounded_by_the_drift() -> None:
    """A batch that only opens blocks: each takes two system calls and a header."""
    chunks = 40
    steps, blocks, seconds = derive(batch_of(starts(), chunks))
    assert steps == chunks * ITEMS + 2 and blocks == PARAMS.max_drift + 1
    print(f"{blocks} blocks in {seconds:.2f} s, {1000 * seconds / blocks:.3f} ms each")
    assert seconds < 20 * SECONDS_A_STEP * blocks


def test_a_bomb_does_not_fill_the_memory() -> None:
    """A megabyte a chunk, all of them read: only the last few are held."""
    batch = batch_of(strings(2, 16_384), 128)
    tracemalloc.start()
    try:
        for index in range(128):
            assert len(batch.items(index, CHAIN)) == ITEMS
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 32 << 20
