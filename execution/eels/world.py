"""The state EELS works on, loaded from a witness as it is read; snapshots cost nothing.

EELS keeps all accounts in one dictionary and copies it for every call frame. Here are those functions of its `state`
module that touch that dictionary; the others (balances, nonces, code, who is empty) stay EELS's own. Two layers: tries
as of the last `root()`, and above them what has been read and changed since, with a journal to undo it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ethereum.crypto.hash import keccak256
from ethereum_rlp import rlp
from ethereum_types.bytes import Bytes32
from ethereum_types.numeric import U256, Uint

from execution.eels.prague.fork_types import Account, Address, encode_account
from execution.eels.rlp import DecodingError, decode
from execution.eels.trie import EMPTY_ROOT, LARGEST_SECURE_NODE, PartialTrie
from execution.eels.witness import Hashed
from execution.errors import InvalidWitness

_EMPTY_CODE_HASH = bytes(keccak256(b""))
_ABSENT: Any = object()


class Journal:
    """Dictionaries are changed through it, so that changes can be undone back to a mark."""

    def __init__(self) -> None:
        self._entries: list[tuple[dict[Any, Any], Any, Any]] = []

    def put(self, target: dict[Any, Any], key: Any, value: Any) -> None:
        self._entries.append((target, key, target.get(key, _ABSENT)))
        target[key] = value

    def mark(self) -> int:
        return len(self._entries)

    def undo(self, mark: int) -> None:
        while len(self._entries) > mark:
            target, key, old = self._entries.pop()
            if old is _ABSENT:
                del target[key]
            else:
                target[key] = old

    def forget(self) -> None:
        self._entries.clear()


@dataclass
class Work:
    """Gas that may still be used before the trace is given up on: in transactions, and in system calls that nobody
    pays for. `floor`: what the running transaction or system call must have left in all of its frames together."""

    transactions: int
    system_calls: int
    floor: int = 0


class State:
    def __init__(self, witness: Hashed, root: bytes, work: Work) -> None:
        self.work = work
        self.journal = Journal()
        self.created_accounts: set[Address] = set()
        self._witness = witness
        self._trie = PartialTrie(witness.node, root, LARGEST_SECURE_NODE)
        self._accounts: dict[Address, Account | None] = {}
        self._settled: dict[
            Address, tuple[Account | None, bytes]
        ] = {}  # as in the trie, with the storage root
        self._tries: dict[Address, PartialTrie] = {}
        self._slots: dict[Address, dict[Bytes32, U256]] = {}
        self._before: dict[
            tuple[Address, Bytes32], U256
        ] = {}  # values at the transaction's begin, where changed
        self._snapshots: list[int] = []

    def account(self, address: Address) -> Account | None:
        if address not in self._accounts:
            account, storage_root = self._load(address)
            self._accounts[address] = account
            self._settled[address] = account, storage_root
            self._tries[address] = PartialTrie(self._witness.node, storage_root, LARGEST_SECURE_NODE)
        return self._accounts[address]

    def _load(self, address: Address) -> tuple[Account | None, bytes]:
        encoded = self._trie.get(keccak256(address))
        if encoded is None:
            return None, EMPTY_ROOT
        nonce, balance, storage_root, code_hash = _fields(encoded)
        code = b"" if code_hash == _EMPTY_CODE_HASH else self._witness.code(code_hash)
        return Account(Uint.from_be_bytes(nonce), U256.from_be_bytes(balance), code), storage_root

    def set_account(self, address: Address, account: Account | None) -> None:
        self.account(address)
        self.journal.put(self._accounts, address, account)

    def storage(self, address: Address, key: Bytes32) -> U256:
        self.account(address)
        slots = self._slots.setdefault(address, {})
        if key not in slots:
            slots[key] = self._stored(address, key)
        return slots[key]

    def _stored(self, address: Address, key: Bytes32) -> U256:
        encoded = self._tries[address].get(keccak256(key))
        return U256(0) if encoded is None else _slot_value(encoded)

    def set_storage(self, address: Address, key: Bytes32, value: U256) -> None:
        old = self.storage(address, key)
        self._before.setdefault((address, key), old)
        self.journal.put(self._slots[address], key, value)

    def storage_before(self, address: Address, key: Bytes32) -> U256:
        before = self._before.get((address, key))
        return self.storage(address, key) if before is None else before

    def has_storage(self, address: Address) -> bool:
        self.account(address)
        return self._tries[address].root() != EMPTY_ROOT or any(self._slots.get(address, {}).values())

    def destroy_storage(self, address: Address) -> None:
        self.account(address)
        self.journal.put(self._tries, address, PartialTrie(self._witness.node))
        self.journal.put(self._slots, address, {})

    def begin(self) -> None:
        if not self._snapshots:
            self._before.clear()
        self._snapshots.append(self.journal.mark())

    def end(self, *, keep: bool) -> None:
        mark = self._snapshots.pop()
        if not keep:
            self.journal.undo(mark)
        if not self._snapshots:
            self.created_accounts.clear()

    def undo(self, mark: int) -> None:
        """Back to `journal.mark()`, from outside of all frames, however they ended."""
        self.journal.undo(mark)
        self._snapshots.clear()
        self.created_accounts.clear()

    def root(self) -> bytes:
        """Settles all changes; nothing can be undone any more.

        In each trie deletions come first: the protocol wants whatever siblings they need to be in the witness.
        """
        assert not self._snapshots
        self.journal.forget()
        changed: dict[Address, tuple[Account | None, bytes]] = {}
        for address, account in self._accounts.items():
            storage_root = EMPTY_ROOT if account is None else self._storage_root(address)
            if self._settled[address] != (account, storage_root):
                changed[address] = account, storage_root
        for address in sorted(changed, key=lambda address: changed[address][0] is not None):
            account, storage_root = changed[address]
            if account is None:
                self._trie.remove(keccak256(address))
            else:
                self._trie.put(keccak256(address), encode_account(account, storage_root))
        self._settled.update(changed)
        return self._trie.root()

    def _storage_root(self, address: Address) -> bytes:
        trie, slots = self._tries[address], self._slots.get(address, {})
        changed = {key: value for key, value in slots.items() if value != self._stored(address, key)}
        for key in sorted(changed, key=lambda key: changed[key] != 0):
            if changed[key] == 0:
                trie.remove(keccak256(key))
            else:
                trie.put(keccak256(key), _encode_value(changed[key]))
        return trie.root()


@dataclass
class TransientStorage:
    """EIP-1153, for one transaction."""

    journal: Journal = field(default_factory=Journal)
    slots: dict[tuple[Address, Bytes32], U256] = field(default_factory=dict)
    snapshots: list[int] = field(default_factory=list)


def begin_transaction(state: State, transient_storage: TransientStorage) -> None:
    state.begin()
    transient_storage.snapshots.append(transient_storage.journal.mark())


def commit_transaction(state: State, transient_storage: TransientStorage) -> None:
    state.end(keep=True)
    transient_storage.snapshots.pop()


def rollback_transaction(state: State, transient_storage: TransientStorage) -> None:
    state.end(keep=False)
    transient_storage.journal.undo(transient_storage.snapshots.pop())


def get_account_optional(state: State, address: Address) -> Account | None:
    return state.account(address)


def set_account(state: State, address: Address, account: Account | None) -> None:
    state.set_account(address, account)


def destroy_storage(state: State, address: Address) -> None:
    state.destroy_storage(address)


def account_has_storage(state: State, address: Address) -> bool:
    return state.has_storage(address)


def get_storage(state: State, address: Address, key: Bytes32) -> U256:
    return state.storage(address, key)


def set_storage(state: State, address: Address, key: Bytes32, value: U256) -> None:
    assert state.account(address) is not None
    state.set_storage(address, key, value)


def get_storage_original(state: State, address: Address, key: Bytes32) -> U256:
    return U256(0) if address in state.created_accounts else state.storage_before(address, key)


def get_transient_storage(transient_storage: TransientStorage, address: Address, key: Bytes32) -> U256:
    return transient_storage.slots.get((address, key), U256(0))


def set_transient_storage(
    transient_storage: TransientStorage, address: Address, key: Bytes32, value: U256
) -> None:
    transient_storage.journal.put(transient_storage.slots, (address, key), value)


def _fields(encoded: bytes) -> list[bytes]:
    """Nonce (at most 8 bytes), balance, storage root, code hash (at most 32 bytes each)."""
    try:
        fields = decode(encoded, 1)
    except DecodingError as error:
        raise InvalidWitness(f"no account: {error}") from None
    if not isinstance(fields, list) or len(fields) != 4:
        raise InvalidWitness("an account is a list of 4")
    for item, size, is_number in zip(fields, (8, 32, 32, 32), (True, True, False, False), strict=True):
        if not isinstance(item, bytes) or len(item) > size:
            raise InvalidWitness(f"a field of an account is not {size} bytes")
        if item[:1] == b"\0" if is_number else len(item) != size:
            raise InvalidWitness("a field of an account is not canonical")
    return fields  # type: ignore[return-value]


def _slot_value(encoded: bytes) -> U256:
    try:
        value = decode(encoded, 0)
    except DecodingError as error:
        raise InvalidWitness(f"no storage value: {error}") from None
    if not isinstance(value, bytes) or len(value) > 32 or value[:1] == b"\0":
        raise InvalidWitness("a storage value is an integer of at most 32 bytes")
    return U256.from_be_bytes(value)


def _encode_value(value: U256) -> bytes:
    return rlp.encode(value)
