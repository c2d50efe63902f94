"""Our trie against HexaryTrie, then from part of its nodes; and any bytes at all as a node."""

from __future__ import annotations

from trie import HexaryTrie

from execution.encoding import keccak
from execution.errors import InvalidWitness
from execution.trie import BRANCH, NoSource, Trie, _seal, decode_node
from tests.fuzz.claims import claims


class Nodes:
    def __init__(self, nodes: dict[bytes, bytes]) -> None:
        self.nodes = nodes

    def node(self, node_hash: bytes) -> bytes:
        if node_hash not in self.nodes:
            raise InvalidWitness(node_hash.hex())
        return self.nodes[node_hash]

    def code(self, code_hash: bytes) -> bytes:
        raise InvalidWitness(code_hash.hex())


def seeds() -> list[bytes]:
    script = bytes.fromhex("00" + "0500" + "2102" * 12 + "ff" + "3001" * 9 + "1200" * 7)
    return [script, b"\x00" + bytes(range(200)), *(b"\x01" + node for claim in claims() for node in claim.trace.witness.state[:20])]


def one(data: bytes) -> None:
    if not data:
        return
    if data[0] & 1:
        as_node(data[1:])
    else:
        as_operations(data[1:])


def as_node(rlp: bytes) -> None:
    """Whatever is taken for a node is what we would write for it, and using it raises InvalidWitness at most."""
    root = keccak(rlp)
    for use in (lambda trie: trie.get(b"\x00" * 32), lambda trie: trie.set(b"\x00" * 32, b"v"),
                lambda trie: trie.delete(b"\x00" * 32), lambda trie: trie.proof(b"\xff" * 32)):  # fmt: skip
        trie = Trie(Nodes({root: rlp}), root)
        try:
            use(trie)
        except InvalidWitness:
            continue
        trie.root()
    try:
        node = decode_node(rlp, b"")
    except ValueError:
        return
    forget(node)
    _seal(node)
    assert node[4] == rlp


def forget(node: list) -> None:
    """Its own RLP and its inline children's, so that they are written anew."""
    node[3] = node[4] = None
    for child in node[1] if node[0] == BRANCH else node[2:3]:
        if isinstance(child, list):
            forget(child)


def as_operations(data: bytes) -> None:
    """Bytes as updates in three parts; keys of few nibbles share prefixes and begin one another."""
    parts: list[list[tuple[bytes, bytes]]] = [[], []]
    part, pos = 0, 1
    while pos + 1 < len(data) and pos < 120:
        control, size = data[pos], data[pos + 1] % 4
        pos += 2
        if control == 0xFF and part == 0:
            part = 1
            continue
        key = bytes(byte & 0x31 for byte in data[pos : pos + 1 + size]) or b"\x00"
        pos += 1 + size
        parts[part].append((key, b"" if control & 1 else bytes([control]) * (control // 5 + 1)))
    reference, trie = HexaryTrie({}), Trie(NoSource())
    apply(parts[0], reference, trie)
    nodes = trie.new_nodes()
    kept = {h: node for i, (h, node) in enumerate(sorted(nodes.items())) if i % 8 != (data[0] if data else 0) % 9}
    loaded, partial = Trie(Nodes(nodes), trie.root()), Trie(Nodes(kept), trie.root())
    try:
        for key, value in parts[1]:
            update(partial, key, value)
        found = partial.root()
    except InvalidWitness:
        found = None
    apply(parts[1], reference, loaded)
    assert found in (None, reference.root_hash)


def apply(updates: list[tuple[bytes, bytes]], reference: HexaryTrie, trie: Trie) -> None:
    for key, value in updates:
        if value:
            reference[key] = value
        else:
            reference.delete(key)
        update(trie, key, value)
        assert trie.get(key) == (value or None)
        assert trie.root() == reference.root_hash


def update(trie: Trie, key: bytes, value: bytes) -> None:
    if value:
        trie.set(key, value)
    else:
        trie.delete(key)
