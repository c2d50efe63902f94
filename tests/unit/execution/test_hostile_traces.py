"""Traces that are not what they should be: the answer is false (or a true that is right), never an exception."""

from __future__ import annotations

from dataclasses import replace

import pytest

from execution.abi import decode_trace, encode_trace, encode_witness
from execution.account import Account, encode_account
from execution.encoding import (
    EMPTY_CODE_HASH,
    EMPTY_ROOT,
    decode,
    encode_bytes,
    encode_int,
    keccak,
    wrap_list,
)
from execution.errors import InvalidTrace
from execution.execute import MAX_CODE_SIZE, MAX_HEADERS, MAX_NODES
from execution.header import decode_header
from execution.trie import MAX_STATE_NODE, NoSource, Trie
from execution.types import (
    BlockStart,
    Cursor,
    Skip,
    Trace,
    Transaction,
    Witness,
)
from tests.unit.execution.hostile import (
    CAP,
    RICH,
    honest,
    judge,
    judge_bytes,
    made_up,
    refused,
    transfer_from,
)
from tests.unit.execution.small_rollup import (
    CHAIN_ID,
    HEADERS,
    START,
    STORE_AT,
    WALLETS,
    attributes,
    word,
)


def still_right(encoded: bytes) -> bool:
    """Whether these bytes say the same but for what a transaction's step does not look at."""
    try:
        trace, same = decode_trace(encoded), honest()[0]
    except InvalidTrace:
        return False
    ignored = {name: getattr(same.pre, name) for name in ("fragments_hash", "fragments_size", "cursor")}
    return (not trace.tx_gas_cap or trace.tx_gas_cap >= 200_000) and replace(trace, pre=replace(trace.pre, **ignored), tx_gas_cap=CAP) == same


# -- bytes --


def test_truncated_anywhere():
    encoded = encode_trace(honest()[0])
    for size in range(len(encoded)):
        assert not judge_bytes(encoded[:size]).result


def test_any_bit_counts():
    encoded = encode_trace(honest()[0])
    right = 0
    for at in range(0, len(encoded), 5):
        bent = bytearray(encoded)
        bent[at] ^= 1 << (at * 7 % 8)
        assert judge_bytes(bytes(bent)).result == still_right(bytes(bent)), at
        right += still_right(bytes(bent))
    assert right < 40


@pytest.mark.parametrize("value", [2**256 - 1, 2**255, 2**64, 2**63, 2**32, 0, 31, 33])
def test_absurd_offsets_and_lengths(value):
    encoded = encode_trace(honest()[0])
    for at in range(0, len(encoded), 32):
        bent = encoded[:at] + value.to_bytes(32, "big") + encoded[at + 32 :]
        assert judge_bytes(bent).result == still_right(bent), at


def with_raw_witness(raw: bytes) -> bytes:
    """The honest trace with other bytes for its witness, which comes last."""
    trace = encode_trace(replace(honest()[0], witness=Witness()))
    empty = encode_witness(Witness())
    head = trace[: -64]
    assert trace[-64:-32] == len(empty).to_bytes(32, "big")
    return head + len(raw).to_bytes(32, "big") + raw + bytes(-len(raw) % 32)


@pytest.mark.parametrize(
    "raw",
    [
        b"", b"\xc0", b"\x80", b"\xc2\xc0\xc0", b"\xc4\xc0\xc0\xc0\xc0", b"\xc3\xc0\xc0\x80", b"\xc3\xc0\xc0\xc0\x00",
        b"\xff" + b"\xff" * 8, b"\xff" + b"\xff" * 7, b"\xf8\x03\xc0\xc0\xc0", b"\xfb\x00\x00\x00\x03\xc0\xc0\xc0",
        b"\xbf" + b"\xff" * 8, b"\xbf" + b"\x00" * 7 + b"\x01\x00", b"\xf7" * 100, b"\xc4\xc1\xc0\xc0\xc0",
        b"\xc5\xc2\x81\x00\xc0\xc0", b"\xc8\xc5\xf8\x02\x80\x80\xc0\xc0\xc0",
    ],
)  # fmt: skip
def test_witness_that_is_not_three_lists_of_bytes(raw):
    assert not judge_bytes(with_raw_witness(raw)).result


def nested(depth: int) -> bytes:
    item = b"\xc0"
    prefix = []
    size = 1
    for _ in range(depth):
        head = wrap_list(bytes(size))[: -size or None]
        prefix.append(head)
        size += len(head)
    return b"".join(reversed(prefix)) + item


def test_nested_a_hundred_thousand_deep():
    assert not judge_bytes(with_raw_witness(nested(100_000))).result
    trace, gas = honest()
    deep = nested(20_000)
    refused(replace(trace, inputs=(Transaction(deep),)), "gas used", gas)  # a no-op: it can't be decoded
    state, nodes = made_up({WALLETS[0].address: nested(150)})
    refused(transfer_from(state, nodes, STORE_AT), "nested too deep")


# -- numbers of items --


def test_too_many_items_are_refused_before_they_are_hashed():
    trace, gas = honest()
    for name, count in (("state", MAX_NODES), ("codes", 1 << 16), ("headers", MAX_HEADERS)):
        witness = replace(trace.witness, **{name: (b"",) * (count + 1)})
        refused(replace(trace, witness=witness), "too many", gas)
    for name, size in (("state", 1 << 20), ("codes", MAX_CODE_SIZE), ("headers", 1 << 10)):
        witness = replace(trace.witness, **{name: (*getattr(trace.witness, name), bytes(size + 1))})
        refused(replace(trace, witness=witness), "too large", gas)


def test_useless_and_repeated_items_change_nothing():
    trace, gas = honest()
    witness = trace.witness
    many = Witness(witness.state * 50 + (b"",) * 100_000, witness.codes * 50, witness.headers * 20)
    assert judge(replace(trace, witness=many), gas).result


def test_many_inputs():
    skips = (Skip(Cursor(0, 0, 1)),) * 20_000
    trace = Trace(CHAIN_ID, "prague", CAP, START, replace(START, cursor=Cursor(0, 0, 1)), skips, Witness())
    assert judge(trace).result
    junk = (Transaction(b"\x02\xc0", Cursor(0, 0, 1)),) * 2_000
    assert judge(replace(trace, inputs=junk)).result  # all no-ops


# -- nodes --


def test_forged_absence():
    """No child of any branch, and no node at all, can be left out or exchanged: the hash above holds it."""
    trace, gas = honest()
    for index, node in enumerate(trace.witness.state):
        items = decode(node)
        assert isinstance(items, list)
        for at, item in enumerate(items):
            if item:
                forged = encode_node([*items[:at], b"", *items[at + 1 :]])
                nodes = list(trace.witness.state)
                nodes[index] = forged
                for state in (tuple(nodes), (*trace.witness.state[:index], forged, *nodes[index + 1 :])):
                    refused(replace(trace, witness=replace(trace.witness, state=state)), "InvalidWitness", gas)


def encode_node(items: list) -> bytes:
    return wrap_list(b"".join(encode_bytes(item) if isinstance(item, bytes) else encode_node(item) for item in items))


_HASHES = encode_bytes(EMPTY_ROOT) + encode_bytes(EMPTY_CODE_HASH)
MALFORMED_ACCOUNTS = {
    "three fields": wrap_list(b"\x80\x80" + encode_bytes(EMPTY_ROOT)),
    "five fields": wrap_list(b"\x80\x80" + _HASHES + b"\x80"),
    "nonce of 65 bits": wrap_list(encode_int(2**64) + b"\x80" + _HASHES),
    "balance of 257 bits": wrap_list(b"\x80" + encode_int(2**256) + _HASHES),
    "leading zero": wrap_list(b"\x80\x82\x00\x01" + _HASHES),
    "zero as a byte": wrap_list(b"\x00\x80" + _HASHES),
    "one byte in long form": wrap_list(b"\x81\x01\x80" + _HASHES),
    "root of 31 bytes": wrap_list(b"\x80\x80" + encode_bytes(EMPTY_ROOT[1:]) + encode_bytes(EMPTY_CODE_HASH)),
    "a list for the nonce": wrap_list(b"\xc0\x80" + _HASHES),
    "trailing byte": wrap_list(b"\x80\x80" + _HASHES) + b"\x00",
    "long form list": b"\xf9\x00\x44" + b"\x80\x80" + _HASHES,
    "not a list": b"account",
}


@pytest.mark.parametrize("name", MALFORMED_ACCOUNTS)
def test_malformed_accounts(name):
    state, nodes = made_up({WALLETS[0].address: MALFORMED_ACCOUNTS[name]})
    refused(transfer_from(state, nodes, STORE_AT), "malformed account")


@pytest.mark.parametrize(
    "value", [b"\x00", b"\x81\x01", b"\x82\x00\x01", b"\xa1" + b"\x01" * 33, b"\xc0", b"\xb8\x01\x01", b"\x01\x01", b"\x80"]
)
def test_malformed_storage_values(value):
    storage = Trie(NoSource())
    storage.set(keccak(word(0)), value)
    code = bytes.fromhex("5f5400")
    account = encode_account(Account(1, 0, storage.root(), keccak(code)))
    state, nodes = made_up({WALLETS[0].address: RICH, STORE_AT: account}, *storage.new_nodes().values())
    verdict = judge(transfer_from(state, nodes, STORE_AT, (code,)), 30_000)
    assert not verdict.result
    assert ("malformed storage value" in verdict.reason) == (value != b"\x80"), verdict


def test_oversized_nodes_of_the_state():
    state, nodes = made_up({WALLETS[0].address: bytes(MAX_STATE_NODE)})
    refused(transfer_from(state, nodes, STORE_AT), "a node of")


def test_balances_and_numbers_beyond_their_size():
    full = encode_account(Account(1, 2**256 - 1, EMPTY_ROOT, EMPTY_CODE_HASH))
    state, nodes = made_up({WALLETS[0].address: RICH, b"\x99" * 20: full})
    refused(transfer_from(state, nodes, b"\x99" * 20), "overflows 256 bits", 100_000)
    for change in ({"number": 2**64 - 1}, {"base_fee_per_gas": 2**256 - 1, "gas_used": 30_000_000}):
        header = replace(decode_header(next(iter(HEADERS.values()))), **change)
        pre = replace(START, block_hash=header.hash)
        trace = Trace(CHAIN_ID, "prague", CAP, pre, pre, (BlockStart(attributes(1_002)),), Witness((), (), (header.rlp(),)))
        refused(trace, "InvalidBlock")


# -- headers --


def test_forged_headers():
    trace, gas = honest()
    first, second = trace.witness.headers
    for forged in (replace(decode_header(second), number=7), replace(decode_header(second), state_root=b"\x01" * 32)):
        refused(replace(trace, witness=replace(trace.witness, headers=(first, forged.rlp()))), "missing header", gas)
    # A chain whose numbers don't fit: the block's parent hash is made up to match.
    for number in (0, 1, 2**64 - 1):
        parent = replace(decode_header(first), number=number)
        pre = replace(trace.pre, block_hash=parent.hash)
        witness = replace(trace.witness, headers=(parent.rlp(), second))
        verdict = judge(replace(trace, pre=pre, witness=witness), gas)
        assert not verdict.result and "belongs" in verdict.reason


