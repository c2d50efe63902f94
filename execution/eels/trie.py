"""A Merkle Patricia trie of which only some nodes are known (yellow paper, appendix D).

A child stays the 32-byte hash that its parent holds until a path leads through it, or until deletions leave it alone
in a branch; then it is looked up, and what can't be found raises InvalidWitness. Changes are made in place: nobody
needs an older version. So that a witness's nodes can't be read in two ways, what no canonical trie holds is refused.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from ethereum.crypto.hash import keccak256
from ethereum_rlp import rlp

from execution.eels.rlp import DecodingError, Simple, decode
from execution.errors import InvalidWitness

EMPTY_ROOT = bytes(keccak256(b"\x80"))
LARGEST_NODE = 1 << 20  # bytes
LARGEST_SECURE_NODE = 532  # a branch of 16 hashes, where keys are hashes and values short
_HASH_SIZE = 32  # bytes; a node whose RLP is shorter lies in its parent as it is
_MAX_NESTING = 8  # of nodes that lie in their parents: 31 bytes have no room for more


class Leaf:
    def __init__(self, path: bytes, value: bytes) -> None:
        self.path, self.value = path, value  # nibbles
        self.known: Simple | None = None  # what the parent holds, once computed: hash or the node itself


class Extension:
    def __init__(self, path: bytes, child: Child) -> None:
        self.path, self.child = path, child
        self.known: Simple | None = None


class Branch:
    def __init__(self, children: list[Child | None], value: bytes) -> None:
        self.children, self.value = children, value  # 16 of them; b"" for no value
        self.known: Simple | None = None

    def entries(self) -> int:
        return sum(child is not None for child in self.children) + bool(self.value)


Node: TypeAlias = Leaf | Extension | Branch
Child: TypeAlias = "Node | bytes"


class PartialTrie:
    """`lookup` gives a node's RLP by its hash. Keys are used as they are given.

    `largest_node`, in bytes: larger ones are refused, for a made-up state can use one in very many storage tries.
    """

    def __init__(
        self, lookup: Callable[[bytes], bytes], root: bytes = EMPTY_ROOT, largest_node: int = LARGEST_NODE
    ) -> None:
        self._lookup = lookup
        self._largest_node = largest_node
        self._top: Child | None = None if root == EMPTY_ROOT else bytes(root)

    def root(self) -> bytes:
        if self._top is None:
            return EMPTY_ROOT
        if isinstance(self._top, bytes):
            return self._top
        held = _held(self._top)
        return held if isinstance(held, bytes) else bytes(keccak256(rlp.encode(held)))

    def get(self, key: bytes) -> bytes | None:
        path = _nibbles(key)
        node = self._resolved_top()
        while node is not None:
            if isinstance(node, Leaf):
                return node.value if node.path == path else None
            if isinstance(node, Extension):
                if not path.startswith(node.path):
                    return None
                path = path[len(node.path) :]
                node = node.child = self._resolve_branch(node.child)
            elif not path:
                return node.value or None
            else:
                node, path = self._child(node, path[0]), path[1:]
        return None

    def put(self, key: bytes, value: bytes) -> None:
        """`value` is not empty."""
        assert value
        self._top = self._put(self._resolved_top(), _nibbles(key), value)

    def remove(self, key: bytes) -> None:
        top = self._resolved_top()
        if top is not None:
            self._top = self._remove(top, _nibbles(key))

    # -- nodes that are not known yet --

    def _resolved_top(self) -> Node | None:
        if isinstance(self._top, bytes):
            self._top = self._parse(self._lookup(self._top), self._top)
        return self._top

    def _resolve(self, child: Child) -> Node:
        if not isinstance(child, bytes):
            return child
        data = self._lookup(child)
        if len(data) < _HASH_SIZE:
            raise InvalidWitness("a node that belongs into its parent is referred to by its hash")
        return self._parse(data, child)

    def _parse(self, data: bytes, held: bytes) -> Node:
        if len(data) > self._largest_node:
            raise InvalidWitness(f"a trie node of {len(data)} bytes")
        try:
            return _node(decode(data, _MAX_NESTING), held)
        except DecodingError as error:
            raise InvalidWitness(f"no trie node, 0x{held.hex()}: {error}") from None

    def _resolve_branch(self, child: Child) -> Branch:
        node = self._resolve(child)
        if not isinstance(node, Branch):
            raise InvalidWitness("below an extension is no branch")
        return node

    def _child(self, branch: Branch, index: int) -> Node | None:
        child = branch.children[index]
        if isinstance(child, bytes):
            child = branch.children[index] = self._resolve(child)
        return child

    # -- changes: each gives the node that takes the place of the one it was given --

    def _put(self, node: Node | None, path: bytes, value: bytes) -> Node:
        if node is None:
            return Leaf(path, value)
        if isinstance(node, Branch):
            if path:
                child = self._child(node, path[0])
                node.children[path[0]] = self._put(child, path[1:], value)
            else:
                node.value = value
            node.known = None
            return node
        common = _common(node.path, path)
        if isinstance(node, Leaf) and common == len(node.path) == len(path):
            node.value, node.known = value, None
            return node
        if isinstance(node, Extension) and common == len(node.path):
            node.child = self._put(self._resolve_branch(node.child), path[common:], value)
            node.known = None
            return node
        fork = Branch([None] * 16, b"")
        rest = node.path[common:]
        if isinstance(node, Extension):
            fork.children[rest[0]] = Extension(rest[1:], node.child) if len(rest) > 1 else node.child
        elif rest:
            fork.children[rest[0]] = Leaf(rest[1:], node.value)
        else:
            fork.value = node.value
        self._put(fork, path[common:], value)
        return Extension(path[:common], fork) if common else fork

    def _remove(self, node: Node, path: bytes) -> Node | None:
        if isinstance(node, Leaf):
            return None if node.path == path else node
        if isinstance(node, Extension):
            if not path.startswith(node.path):
                return node
            below = self._resolve_branch(node.child)
            node.child = below
            left = self._remove(below, path[len(node.path) :])
            if left is below and below.known is not None:
                return node
            node.known = None
            return _lengthened(node.path, left)
        if path:
            child = self._child(node, path[0])
            if child is None:
                return node
            left = self._remove(child, path[1:])
            if left is child and child.known is not None:
                return node
            node.children[path[0]] = left
        elif node.value:
            node.value = b""
        else:
            return node
        node.known = None
        return self._shrunk(node)

    def _shrunk(self, branch: Branch) -> Node | None:
        """A branch of one entry is none: what is left must be known, for its path grows."""
        if branch.entries() > 1:
            return branch
        if branch.value:
            return Leaf(b"", branch.value)
        for index in range(16):
            only = self._child(branch, index)
            if only is not None:
                return _lengthened(bytes([index]), only)
        return None


def _lengthened(prefix: bytes, node: Node | None) -> Node | None:
    if isinstance(node, Leaf):
        return Leaf(prefix + node.path, node.value)
    if isinstance(node, Extension):
        return Extension(prefix + node.path, node.child)
    return None if node is None else Extension(prefix, node)


def _held(node: Child) -> Simple:
    """What a parent of `node` holds: its hash, or itself if it is short."""
    if isinstance(node, bytes):
        return node
    if node.known is None:
        items: list[Any]
        if isinstance(node, Branch):
            items = [b"" if child is None else _held(child) for child in node.children]
            items.append(node.value)
        elif isinstance(node, Leaf):
            items = [_compact(node.path, 2), node.value]
        else:
            items = [_compact(node.path, 0), _held(node.child)]
        encoded = rlp.encode(items)
        node.known = items if len(encoded) < _HASH_SIZE else bytes(keccak256(encoded))
    return node.known


def _node(items: Simple, held: Simple) -> Node:
    if not isinstance(items, list) or len(items) not in (2, 17):
        raise DecodingError("not a list of 2 or 17")
    node: Node
    if len(items) == 17:
        if not isinstance(items[16], bytes):
            raise DecodingError("a branch's value is a list")
        node = Branch([None if item == b"" else _below(item) for item in items[:16]], items[16])
        if node.entries() < 2:
            raise DecodingError("a branch with less than two entries")
    else:
        path, is_leaf = _expanded(items[0])
        if not is_leaf:
            child = _below(items[1])
            if not path or isinstance(child, Leaf | Extension):
                raise DecodingError("an extension without path or branch")
            node = Extension(path, child)
        elif isinstance(items[1], bytes) and items[1]:
            node = Leaf(path, items[1])
        else:
            raise DecodingError("a leaf without a value")
    node.known = held
    return node


def _below(item: Simple) -> Child:
    if isinstance(item, bytes):
        if len(item) != _HASH_SIZE:
            raise DecodingError("neither a hash nor a node")
        return item
    if len(rlp.encode(item)) >= _HASH_SIZE:
        raise DecodingError("a node too long to lie in its parent")
    return _node(item, item)


def _nibbles(key: bytes) -> bytes:
    return bytes(nibble for byte in key for nibble in (byte >> 4, byte & 15))


def _common(one: bytes, other: bytes) -> int:
    for index, (a, b) in enumerate(zip(one, other)):
        if a != b:
            return index
    return min(len(one), len(other))


def _compact(path: bytes, flag: int) -> bytes:
    """Hex-prefix encoding; `flag` is 2 for a leaf."""
    nibbles = bytes([flag + 1]) + path if len(path) % 2 else bytes([flag, 0]) + path
    return bytes(16 * nibbles[i] + nibbles[i + 1] for i in range(0, len(nibbles), 2))


def _expanded(compact: Simple) -> tuple[bytes, bool]:
    if not isinstance(compact, bytes) or not compact:
        raise DecodingError("no path")
    flag, *path = _nibbles(compact)
    if flag > 3 or (flag % 2 == 0 and path.pop(0)):
        raise DecodingError("no such path")
    return bytes(path), flag >= 2
