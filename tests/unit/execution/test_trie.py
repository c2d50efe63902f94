"""The trie against py-trie's HexaryTrie, and on witnesses that lack or bend a node."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from trie import HexaryTrie

from execution.encoding import EMPTY_ROOT, encode_list, keccak
from execution.errors import InvalidWitness
from execution.trie import NoSource, Trie


class Nodes:
    def __init__(self, nodes):
        self.nodes, self.asked = dict(nodes), []

    def node(self, node_hash):
        self.asked.append(node_hash)
        if node_hash not in self.nodes:
            raise InvalidWitness(node_hash.hex())
        return self.nodes[node_hash]

    def code(self, code_hash):
        raise InvalidWitness(code_hash.hex())


# Short keys over few bytes make shared prefixes, keys that are prefixes of others, and collapses likely.
KEYS = st.binary(min_size=1, max_size=4).map(lambda b: bytes(x & 0x31 for x in b))
VALUES = st.one_of(st.binary(min_size=1, max_size=3), st.binary(min_size=33, max_size=40))
OPS = st.lists(st.tuples(KEYS, st.one_of(st.none(), VALUES)), max_size=40)


def apply(trie, ops):
    for key, value in ops:
        trie.delete(key) if value is None else trie.set(key, value)


@settings(max_examples=150, deadline=None)
@given(OPS, OPS)
def test_same_roots_as_hexary_trie(first, second):
    reference, ours, model = HexaryTrie({}), Trie(NoSource()), {}
    for key, value in first:
        model[key] = value
        if value is None:
            reference.delete(key)
            ours.delete(key)
        else:
            reference[key] = value
            ours.set(key, value)
        assert ours.root() == reference.root_hash
    # Again from the nodes alone: everything is fetched through the source.
    source = Nodes(ours.new_nodes())
    loaded = Trie(source, ours.root())
    for key, _ in first:
        assert loaded.get(key) == model[key]  # HexaryTrie's own get fails on keys that begin others
    for key, value in second:
        reference.delete(key) if value is None else reference.set(key, value)
        loaded.delete(key) if value is None else loaded.set(key, value)
        assert loaded.root() == reference.root_hash


@settings(max_examples=60, deadline=None)
@given(OPS, OPS)
def test_every_node_asked_for_is_needed(first, second):
    base = Trie(NoSource())
    apply(base, first)
    full = base.new_nodes()
    recording = Nodes(full)
    trie = Trie(recording, base.root())
    apply(trie, second)
    expected, used = trie.root(), set(recording.asked)
    again = Trie(Nodes({h: full[h] for h in used}), base.root())
    apply(again, second)
    assert again.root() == expected
    for dropped in used:
        partial = Trie(Nodes({h: full[h] for h in used if h != dropped}), base.root())
        with pytest.raises(InvalidWitness):
            apply(partial, second)


def test_copy_is_independent():
    trie = Trie(NoSource())
    trie.set(b"a", b"1")
    other = trie.copy()
    other.set(b"b", b"2" * 40)
    other.delete(b"a")
    assert trie.get(b"a") == b"1" and trie.get(b"b") is None and other.get(b"a") is None
    other.delete(b"b")
    assert other.root() == EMPTY_ROOT


def test_proof_verifies_with_hexary_trie():
    trie = Trie(NoSource())
    for i in range(300):
        trie.set(keccak(bytes([i % 256, i // 256])), b"value %d" % i)
    loaded = Trie(Nodes(trie.new_nodes()), trie.root())
    for key in (keccak(b"\x05\x00"), keccak(b"absent")):
        proof = loaded.proof(key)
        assert proof == trie.proof(key)
        nodes = [__import__("rlp").decode(n) for n in proof]
        assert HexaryTrie.get_from_proof(trie.root(), key, nodes) == (trie.get(key) or b"")


def test_deletion_needs_the_sibling():
    trie = Trie(NoSource())
    left, right = b"\x10" + b"a" * 31, b"\x20" + b"b" * 31
    trie.set(left, b"x" * 40)
    trie.set(right, b"y" * 40)
    nodes = trie.new_nodes()
    sibling = next(h for h, n in nodes.items() if b"y" * 40 in n and h != trie.root())
    partial = Trie(Nodes({h: n for h, n in nodes.items() if h != sibling}), trie.root())
    assert partial.get(left) == b"x" * 40
    with pytest.raises(InvalidWitness):
        partial.delete(left)


LEAF = bytes.fromhex("20") + b"k" * 32
MALFORMED = {
    "three items": encode_list([LEAF, b"v" * 32, b"w"]),
    "eighteen items": encode_list([b"v" * 32] * 18),
    "bad flag": encode_list([b"\x40" + b"k" * 31, b"v" * 32]),
    "odd padding": encode_list([b"\x21" + b"k" * 31, b"v" * 32]),
    "empty path": encode_list([b"", b"v" * 32]),
    "leaf without value": encode_list([LEAF, b""]),
    "extension without path": encode_list([b"\x00", b"h" * 32]),
    "extension to bytes": encode_list([b"\x00" + b"k" * 32, b"h" * 31]),
    "branch of one": encode_list([b"h" * 32] + [b""] * 16),
    "child of 31 bytes": encode_list([b"h" * 31, b"h" * 32] + [b""] * 15),
    "not a list": b"\xb8\x38" + b"k" * 56,
    "trailing": encode_list([LEAF, b"v" * 32]) + b"\x00",
    "long form": b"\xf9\x00\x44" + encode_list([LEAF, b"v" * 32])[2:],
    "truncated": encode_list([LEAF, b"v" * 32])[:-1],
}


@pytest.mark.parametrize("name", MALFORMED)
def test_malformed_nodes_are_invalid(name):
    node = MALFORMED[name]
    trie = Trie(Nodes({keccak(node): node}), keccak(node))
    with pytest.raises(InvalidWitness):
        trie.get(b"k" * 32)


def test_short_node_behind_a_hash_is_invalid():
    short = encode_list([b"\x20", b"v"])
    branch = encode_list([keccak(short), b"h" * 32] + [b""] * 15)
    trie = Trie(Nodes({keccak(short): short, keccak(branch): branch}), keccak(branch))
    with pytest.raises(InvalidWitness):
        trie.get(b"\x00")
