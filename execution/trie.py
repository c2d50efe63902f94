"""The Merkle Patricia trie (yellow paper, appendix D): one class for full state, recording and stateless use.

What differs between the three is only the `NodeSource`. Nodes are path-copied: a node that was hashed never
changes its content, so `copy()` is O(1) and hashes are computed once. A child that was not needed yet is its
RLP reference (0xa0 and the hash); it is fetched when a key leads through it, or when a deletion leaves it as
the only child of a branch. A node that the source does not have raises InvalidWitness: it never reads as "empty".

A node is a list [kind, path or children, value or child, reference, rlp]: `reference` is what a parent's RLP
holds (None until hashed), `rlp` is kept only for nodes made here, so that `new_nodes` can hand them out.
"""

from __future__ import annotations

from binascii import hexlify, unhexlify
from typing import Any, Protocol, TypeAlias

from execution.encoding import EMPTY_ROOT, RlpError, encode_bytes, header, keccak, wrap_list
from execution.errors import InvalidWitness

Node: TypeAlias = "list[Any]"
Child: TypeAlias = "Node | bytes | None"

LEAF, EXTENSION, BRANCH = 0, 1, 2
_MAX_INLINE = 32  # a child whose RLP is shorter lies in its parent
# Bytes of a node of a trie of accounts or slots: with keys of 32 bytes none is larger than a branch of 16 hashes.
MAX_STATE_NODE = 3 + 16 * 33 + 1

_TO_NIBBLES = bytes.maketrans(b"0123456789abcdef", bytes(range(16)))
_TO_HEX = bytes.maketrans(bytes(range(16)), b"0123456789abcdef")


class NodeSource(Protocol):
    """Where nodes and codes come from; raises InvalidWitness for one it doesn't have."""

    def node(self, node_hash: bytes) -> bytes: ...

    def code(self, code_hash: bytes) -> bytes: ...


class NoSource:
    """A source that has nothing: for tries that are built from empty."""

    def node(self, node_hash: bytes) -> bytes:
        raise InvalidWitness(f"missing trie node 0x{node_hash.hex()}")

    def code(self, code_hash: bytes) -> bytes:
        raise InvalidWitness(f"missing code 0x{code_hash.hex()}")


class Trie:
    """Keys are used as given: the caller hashes them. An empty value can't be stored.

    A node of more than `max_node` bytes is refused: a hostile one could be loaded into as many storage tries as there
    are accounts with its hash for their storage root.
    """

    __slots__ = ("_max_node", "_root", "_source")

    def __init__(self, source: NodeSource, root: bytes = EMPTY_ROOT, max_node: int = 1 << 20) -> None:
        self._source = source
        self._max_node = max_node
        self._root: Child = None if root == EMPTY_ROOT else b"\xa0" + root

    def copy(self) -> Trie:
        other = Trie(self._source, max_node=self._max_node)
        other._root = self._root
        return other

    def get(self, key: bytes) -> bytes | None:
        path = hexlify(key).translate(_TO_NIBBLES)
        node, pos = self._loaded_root(), 0
        while node is not None:
            kind = node[0]
            if kind == BRANCH:
                if pos == len(path):
                    return node[2]
                children, index = node[1], path[pos]
                child = children[index]
                if type(child) is bytes:
                    child = children[index] = self._load(child)
                node = child
                pos += 1
            elif kind == LEAF:
                return node[2] if path[pos:] == node[1] else None
            else:
                if not path.startswith(node[1], pos):
                    return None
                pos += len(node[1])
                if type(node[2]) is bytes:
                    node[2] = self._load_branch(node[2])
                node = node[2]
        return None

    def set(self, key: bytes, value: bytes) -> None:
        if not value:
            raise ValueError("an empty value can't be stored: use delete")
        path = hexlify(key).translate(_TO_NIBBLES)
        self._root = self._set(self._loaded_root(), path, 0, value)

    def delete(self, key: bytes) -> None:
        path = hexlify(key).translate(_TO_NIBBLES)
        node = self._loaded_root()
        if node is not None:
            self._root = self._delete(node, path, 0)

    def root(self) -> bytes:
        node = self._root
        if node is None:
            return EMPTY_ROOT
        if type(node) is bytes:
            return node[1:]
        reference = node[3] or _seal(node)
        return reference[1:] if len(reference) == 33 else keccak(reference)

    def new_nodes(self, *, stored: bool = False) -> dict[bytes, bytes]:
        """RLP by hash of the nodes reachable from root() that were made here.

        With `stored` the caller says that it puts them where the source finds them: they are not given again.
        """
        root_hash = self.root()
        found: dict[bytes, bytes] = {}
        node = self._root
        if type(node) is not list or node[4] is None:
            return found
        found[root_hash] = node[4]
        pending: list[Node] = [node]
        visited: list[Node] = []
        while pending:
            node = pending.pop()
            visited.append(node)
            children = node[1] if node[0] == BRANCH else (node[2],) if node[0] == EXTENSION else ()
            for child in children:
                # A node shorter than 32 bytes is part of its parent and can't refer to a hashed one.
                if type(child) is list and child[4] is not None and len(child[4]) >= _MAX_INLINE:
                    found[child[3][1:]] = child[4]
                    pending.append(child)
        if stored:
            for node in visited:
                node[4] = None
        return found

    def proof(self, key: bytes) -> list[bytes]:
        """RLP of the nodes on the way to `key`, the root first; proves absence as well."""
        self.root()
        path = hexlify(key).translate(_TO_NIBBLES)
        node, pos, proof = self._loaded_root(), 0, []
        if node is not None:
            proof.append(self._rlp(node, is_root=True))
        while node is not None:
            if node[0] == LEAF:
                break
            if node[0] == BRANCH:
                if pos == len(path):
                    break
                holder, slot = node[1], path[pos]
                pos += 1
            else:
                if not path.startswith(node[1], pos):
                    break
                holder, slot = node, 2
                pos += len(node[1])
            child = holder[slot]
            if type(child) is bytes:
                child = holder[slot] = self._load(child)
            node = child
            if node is not None and len(node[3]) == 33:
                proof.append(self._rlp(node))
        return proof

    def _rlp(self, node: Node, is_root: bool = False) -> bytes:
        if node[4] is not None:
            return node[4]
        if is_root and len(node[3]) != 33:
            return node[3]
        return self._source.node(node[3][1:])

    def _loaded_root(self) -> Node | None:
        node = self._root
        if type(node) is bytes:
            node = self._root = self._load(node, is_root=True)
        return node

    def _load(self, reference: bytes, is_root: bool = False) -> Node:
        rlp = self._source.node(reference[1:])
        if len(rlp) < _MAX_INLINE and not is_root:
            raise InvalidWitness("a node shorter than 32 bytes is referred to by its hash")
        if len(rlp) > self._max_node:
            raise InvalidWitness(f"a node of {len(rlp)} bytes in a trie where none has over {self._max_node}")
        try:
            return decode_node(rlp, reference)
        except RlpError as error:
            raise InvalidWitness(f"malformed trie node 0x{reference[1:].hex()}: {error}") from None

    def _load_branch(self, reference: bytes) -> Node:
        """What an extension leads to."""
        node = self._load(reference)
        if node[0] != BRANCH:
            raise InvalidWitness("below an extension is no branch")
        return node

    def _set(self, node: Node | None, path: bytes, pos: int, value: bytes) -> Node:
        if node is None:
            return [LEAF, path[pos:], value, None, None]
        kind = node[0]
        if kind == BRANCH:
            if pos == len(path):
                return node if node[2] == value else [BRANCH, node[1], value, None, None]
            children, index = node[1], path[pos]
            child = children[index]
            if type(child) is bytes:
                child = children[index] = self._load(child)
            changed = self._set(child, path, pos + 1, value)
            if changed is child:
                return node
            children = children[:]
            children[index] = changed
            return [BRANCH, children, node[2], None, None]
        own = node[1]
        if kind == EXTENSION and path.startswith(own, pos):
            child = node[2]
            if type(child) is bytes:
                child = node[2] = self._load_branch(child)
            changed = self._set(child, path, pos + len(own), value)
            return node if changed is child else [EXTENSION, own, changed, None, None]
        rest = path[pos:]
        if kind == LEAF and own == rest:
            return node if node[2] == value else [LEAF, own, value, None, None]
        return _split(node, own, rest, value)

    def _delete(self, node: Node, path: bytes, pos: int) -> Node | None:
        kind = node[0]
        if kind == LEAF:
            return None if path[pos:] == node[1] else node
        if kind == EXTENSION:
            own = node[1]
            if not path.startswith(own, pos):
                return node
            child = node[2]
            if type(child) is bytes:
                child = node[2] = self._load_branch(child)
            changed = self._delete(child, path, pos + len(own))
            return node if changed is child else _prefixed(own, changed)
        if pos == len(path):
            if node[2] is None:
                return node
            return self._collapsed(node[1][:], None)
        children, index = node[1], path[pos]
        child = children[index]
        if child is None:
            return node
        if type(child) is bytes:
            child = children[index] = self._load(child)
        changed = self._delete(child, path, pos + 1)
        if changed is child:
            return node
        children = children[:]
        children[index] = changed
        return (
            self._collapsed(children, node[2]) if changed is None else [BRANCH, children, node[2], None, None]
        )

    def _collapsed(self, children: list[Child], value: bytes | None) -> Node | None:
        """The branch, or what is left of it when it has only one entry: this needs the sibling itself."""
        left = 16 - children.count(None)
        if left + (value is not None) > 1:
            return [BRANCH, children, value, None, None]
        if value is not None:
            return [LEAF, b"", value, None, None]
        if left == 0:  # only a malformed branch of one entry gets here, and decode_node refuses those
            return None
        index = next(i for i, child in enumerate(children) if child is not None)
        only = children[index]
        if type(only) is bytes:
            only = self._load(only)
        return _prefixed(bytes((index,)), only)


def _prefixed(path: bytes, node: Node | None) -> Node | None:
    if node is None:
        return None
    if node[0] == BRANCH:
        return [EXTENSION, path, node, None, None]
    return [node[0], path + node[1], node[2], None, None]


def _split(node: Node, own: bytes, rest: bytes, value: bytes) -> Node:
    """A leaf or extension `node` whose path `own` parts from `rest`."""
    shared = 0
    for a, b in zip(own, rest):
        if a != b:
            break
        shared += 1
    children: list[Child] = [None] * 16
    branch: Node = [BRANCH, children, None, None, None]
    if node[0] == LEAF:
        if shared == len(own):
            branch[2] = node[2]
        else:
            children[own[shared]] = [LEAF, own[shared + 1 :], node[2], None, None]
    elif len(own) == shared + 1:
        children[own[shared]] = node[2]
    else:
        children[own[shared]] = [EXTENSION, own[shared + 1 :], node[2], None, None]
    if shared == len(rest):
        branch[2] = value
    else:
        children[rest[shared]] = [LEAF, rest[shared + 1 :], value, None, None]
    return [EXTENSION, rest[:shared], branch, None, None] if shared else branch


def _seal(node: Node) -> bytes:
    """Computes and keeps the node's RLP and reference, and those of all new nodes below."""
    kind = node[0]
    if kind == BRANCH:
        parts = []
        for child in node[1]:
            if child is None:
                parts.append(b"\x80")
            elif type(child) is bytes:
                parts.append(child)
            else:
                parts.append(child[3] or _seal(child))
        parts.append(b"\x80" if node[2] is None else encode_bytes(node[2]))
        rlp = wrap_list(b"".join(parts))
    elif kind == LEAF:
        rlp = wrap_list(encode_bytes(_hex_prefix(node[1], True)) + encode_bytes(node[2]))
    else:
        child = node[2]
        reference = child if type(child) is bytes else child[3] or _seal(child)
        rlp = wrap_list(encode_bytes(_hex_prefix(node[1], False)) + reference)
    node[4] = rlp
    node[3] = rlp if len(rlp) < _MAX_INLINE else b"\xa0" + keccak(rlp)
    return node[3]


def _hex_prefix(path: bytes, is_leaf: bool) -> bytes:
    digits = path.translate(_TO_HEX)
    if len(path) & 1:
        return unhexlify((b"3" if is_leaf else b"1") + digits)
    return unhexlify((b"20" if is_leaf else b"00") + digits)


def decode_node(rlp: bytes, reference: bytes) -> Node:
    """Strict: refuses whatever a canonical trie can't hold. `reference` is how the parent refers to it."""
    is_list, pos, end = header(rlp, 0, len(rlp))
    if not is_list or end != len(rlp):
        raise RlpError("not one list")
    items: list[bytes] = []
    while pos < end:
        _, _, stop = header(rlp, pos, end)
        items.append(rlp[pos:stop])
        pos = stop
        if len(items) > 17:
            break
    if len(items) == 17:
        children = [None if item == b"\x80" else _decode_child(item) for item in items[:16]]
        value = None if items[16] == b"\x80" else _payload(items[16])
        if children.count(None) - (value is not None) > 14:
            raise RlpError("branch with fewer than two entries")
        return [BRANCH, children, value, reference, None]
    if len(items) != 2:
        raise RlpError("neither 2 nor 17 items")
    prefixed = _payload(items[0])
    flag = prefixed[0] >> 4 if prefixed else 4
    if flag > 3 or (flag in (0, 2) and prefixed[0] & 0x0F):
        raise RlpError("bad hex-prefix")
    digits = hexlify(prefixed)
    path = digits[1 if flag & 1 else 2 :].translate(_TO_NIBBLES)
    if flag >= 2:
        value = _payload(items[1])
        if not value:
            raise RlpError("leaf without a value")
        return [LEAF, path, value, reference, None]
    if not path or items[1] == b"\x80":
        raise RlpError("extension without a path or child")
    child = _decode_child(items[1])
    if type(child) is list and child[0] != BRANCH:
        raise RlpError("extension to something else than a branch")
    return [EXTENSION, path, child, reference, None]


def _decode_child(item: bytes) -> Node | bytes:
    if item[0] == 0xA0:
        return item
    if item[0] < 0xC0 or len(item) >= _MAX_INLINE:
        raise RlpError("child is neither a hash nor a short node")
    return decode_node(item, item)


def _payload(item: bytes) -> bytes:
    is_list, start, _ = header(item, 0, len(item))
    if is_list:
        raise RlpError("a list where bytes belong")
    return item[start:]
