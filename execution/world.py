"""The world state: accounts and storage over tries, journaled, in the shape py-evm's State wants of its account DB.

Life of a transaction: `begin_transaction`, then changes with `snapshot`/`revert`; `root()` writes what is left into
the tries. What EIPs scope to a transaction lives here too and is journaled alike: warm addresses and slots
(EIP-2929), original storage (EIP-2200), transient storage (EIP-1153), accounts created (EIP-6780), logs.

An account that a change leaves empty (EIP-161) ceases to exist at once, as in execution-specs since the Merge.

Order of trie updates: deletions first. Any other order of the same net changes then needs no node that this one
does not, so a witness recorded here also serves engines that go about it differently. A source with
`deletions_last` (a witness recorded by geth or reth) gets the order that needs the fewest nodes.
"""

from __future__ import annotations

from typing import Any

from execution.account import EMPTY_ACCOUNT, Account, address_key, decode_account, encode_account, slot_key
from execution.encoding import EMPTY_CODE_HASH, EMPTY_ROOT, RlpError, as_int, decode, encode_int, keccak
from execution.errors import InvalidBlock, InvalidWitness
from execution.receipt import Log
from execution.trie import MAX_STATE_NODE, NodeSource, Trie

_ABSENT: Any = object()
_MAX_CACHED_CODES = 4096


class WorldState:
    def __init__(self, source: NodeSource, root: bytes) -> None:
        self.source = source
        self._trie = Trie(source, root, MAX_STATE_NODE)
        # A source that records or replays a witness asks for the code of every account that is read: other
        # engines load it together with the account, and one rule for all makes witnesses interchangeable.
        self._eager_codes: bool = getattr(source, "eager_codes", False)
        # Those also read what execution-specs reads before it finds that the gas does not suffice.
        self.reads_unpaid = self._eager_codes
        self._deletions_last: bool = getattr(source, "deletions_last", False)
        self._accounts: dict[bytes, Account | None] = {}
        self._stored: dict[bytes, Account | None] = {}  # the same as in the trie
        self._dirty: set[bytes] = set()
        self._tries: dict[bytes, Trie] = {}
        self._slots: dict[bytes, dict[int, int]] = {}
        self._stored_slots: dict[bytes, dict[int, int]] = {}
        self._dirty_slots: dict[bytes, set[int]] = {}
        self._codes: dict[bytes, bytes] = {}
        self._fresh_codes: dict[bytes, bytes] = {}  # set here, not (yet) known to be kept by an account
        self._new_codes: dict[bytes, bytes] = {}
        self._journal: list[tuple[dict[Any, Any] | None, Any, Any]] = []
        self.logs: list[Log] = []
        self.created: set[bytes] = set()
        self._original: dict[tuple[bytes, int], int] = {}
        self._transient: dict[tuple[bytes, int], bytes] = {}
        self._warm: dict[Any, bool] = {}

    # -- transactions and the journal --

    def begin_transaction(self) -> None:
        """Keeps all changes so far for good and forgets what is scoped to a transaction."""
        self._journal.clear()
        self._original.clear()
        self._transient.clear()
        self._warm.clear()
        self.created.clear()
        self.logs = []

    def settle_originals(self) -> None:
        """Takes storage as it is now for what it was before the transaction (state overrides of eth_call)."""
        self._original.clear()

    def snapshot(self) -> int:
        return len(self._journal)

    def revert(self, snapshot: int) -> None:
        journal = self._journal
        while len(journal) > snapshot:
            container, key, old = journal.pop()
            if container is None:
                self.logs.pop()
            elif old is _ABSENT:
                del container[key]
            else:
                container[key] = old

    def add_log(self, log: Log) -> None:
        self.logs.append(log)
        self._journal.append((None, None, None))

    # -- accounts --

    def account(self, address: bytes) -> Account | None:
        try:
            return self._accounts[address]
        except KeyError:
            pass
        encoded = self._trie.get(address_key(address))
        account = None if encoded is None else decode_account(encoded)
        self._accounts[address] = self._stored[address] = account
        if self._eager_codes and account is not None and account.code_hash != EMPTY_CODE_HASH:
            # From the source even if this very trace has made the same code: another engine may ask for it before.
            self._cache_code(account.code_hash, self.source.code(account.code_hash))
        return account

    def _change(self, address: bytes, old: Account | None, new: Account) -> None:
        if not new[0] and not new[1] and new[3] == EMPTY_CODE_HASH:
            self._put(address, old, None)
        else:
            self._put(address, old, new)

    def _put(self, address: bytes, old: Account | None, new: Account | None) -> None:
        self._journal.append((self._accounts, address, old))
        self._accounts[address] = new
        self._dirty.add(address)

    def get_balance(self, address: bytes) -> int:
        account = self.account(address)
        return 0 if account is None else account[1]

    def set_balance(self, address: bytes, balance: int) -> None:
        old = self.account(address)
        nonce, _, storage_root, code_hash = old or EMPTY_ACCOUNT
        self._change(address, old, Account(nonce, balance, storage_root, code_hash))

    def delta_balance(self, address: bytes, delta: int) -> None:
        """Raises InvalidBlock where 256 bits overflow, which only a made-up state can do; the EVM never sees it."""
        balance = self.get_balance(address) + delta
        if balance >> 256:
            raise InvalidBlock("a balance overflows 256 bits")
        self.set_balance(address, balance)

    def get_nonce(self, address: bytes) -> int:
        account = self.account(address)
        return 0 if account is None else account[0]

    def set_nonce(self, address: bytes, nonce: int) -> None:
        old = self.account(address)
        _, balance, storage_root, code_hash = old or EMPTY_ACCOUNT
        self._change(address, old, Account(nonce, balance, storage_root, code_hash))

    def set_nonce_and_balance(self, address: bytes, nonce: int, balance: int) -> None:
        old = self.account(address)
        _, _, storage_root, code_hash = old or EMPTY_ACCOUNT
        self._change(address, old, Account(nonce, balance, storage_root, code_hash))

    def increment_nonce(self, address: bytes) -> None:
        self.set_nonce(address, self.get_nonce(address) + 1)

    def account_exists(self, address: bytes) -> bool:
        return self.account(address) is not None

    def account_is_empty(self, address: bytes) -> bool:
        """Dead in EIP-161's sense: absent, or without nonce, balance and code."""
        account = self.account(address)
        return account is None or (not account[0] and not account[1] and account[3] == EMPTY_CODE_HASH)

    def has_code_or_nonce(self, address: bytes) -> bool:
        account = self.account(address)
        return account is not None and (account[0] != 0 or account[3] != EMPTY_CODE_HASH)

    def has_storage(self, address: bytes) -> bool:
        """EIP-7610: of an account that was never run, so the root as of the last root() says it."""
        account = self.account(address)
        return account is not None and account[2] != EMPTY_ROOT

    def touch_account(self, address: bytes) -> None:
        """Nothing: no empty account is left in the state that a touch could delete (EIP-7523)."""

    def delete_account(self, address: bytes) -> None:
        """At the end of a transaction (EIP-6780). Can't be reverted."""
        old = self.account(address)
        self._put(address, old, None)
        for by_address in (self._slots, self._stored_slots, self._dirty_slots, self._tries):
            by_address.pop(address, None)

    # -- code --

    def get_code_hash(self, address: bytes) -> bytes:
        account = self.account(address)
        return EMPTY_CODE_HASH if account is None else account[3]

    def get_code(self, address: bytes) -> bytes:
        account = self.account(address)
        if account is None or account[3] == EMPTY_CODE_HASH:
            return b""
        return self._code(account[3])

    def _code(self, code_hash: bytes) -> bytes:
        code = self._codes.get(code_hash)
        if code is None:
            code = self._fresh_codes.get(code_hash)
            if code is None:
                code = self._new_codes.get(code_hash)
            if code is None:
                code = self.source.code(code_hash)
            self._cache_code(code_hash, code)
        return code

    def _cache_code(self, code_hash: bytes, code: bytes) -> None:
        if len(self._codes) >= _MAX_CACHED_CODES:
            self._codes.clear()
        self._codes[code_hash] = code

    def set_code(self, address: bytes, code: bytes) -> None:
        old = self.account(address)
        nonce, balance, storage_root, _ = old or EMPTY_ACCOUNT
        code_hash = keccak(code) if code else EMPTY_CODE_HASH
        if code:
            self._fresh_codes[code_hash] = code
        self._change(address, old, Account(nonce, balance, storage_root, code_hash))

    def delete_code(self, address: bytes) -> None:
        self.set_code(address, b"")

    # -- storage --

    def get_storage(self, address: bytes, slot: int, from_journal: bool = True) -> int:
        """`from_journal=False` is py-evm's way to ask for the value before the transaction."""
        if not from_journal:
            original = self._original.get((address, slot))
            if original is not None:
                return original
        slots = self._slots.get(address)
        if slots is None:
            slots = self._slots[address] = {}
        value = slots.get(slot)
        if value is None:
            value = slots[slot] = self._stored_storage(address, slot)
        return value

    def set_storage(self, address: bytes, slot: int, value: int) -> None:
        old = self.get_storage(address, slot)
        if old == value:
            return
        self._original.setdefault((address, slot), old)
        slots = self._slots[address]
        self._journal.append((slots, slot, old))
        slots[slot] = value
        dirty = self._dirty_slots.get(address)
        if dirty is None:
            dirty = self._dirty_slots[address] = set()
        dirty.add(slot)

    def _stored_storage(self, address: bytes, slot: int) -> int:
        account = self.account(address)
        value = 0
        if account is not None and account[2] != EMPTY_ROOT:
            encoded = self._storage_trie(address, account[2]).get(slot_key(slot))
            if encoded is not None:
                try:
                    value = as_int(decode(encoded))
                except RlpError as error:
                    raise InvalidWitness(f"malformed storage value: {error}") from None
        self._stored_slots.setdefault(address, {})[slot] = value
        return value

    def _storage_trie(self, address: bytes, root: bytes) -> Trie:
        trie = self._tries.get(address)
        if trie is None:
            trie = self._tries[address] = Trie(self.source, root, MAX_STATE_NODE)
        return trie

    def get_transient_storage(self, address: bytes, slot: int) -> bytes:
        return self._transient.get((address, slot), b"")

    def set_transient_storage(self, address: bytes, slot: int, value: bytes) -> None:
        key = (address, slot)
        self._journal.append((self._transient, key, self._transient.get(key, _ABSENT)))
        self._transient[key] = value

    # -- access lists (EIP-2929); addresses and (address, slot) pairs share one journaled map --

    def is_address_warm(self, address: bytes) -> bool:
        return address in self._warm

    def mark_address_warm(self, address: bytes) -> None:
        if address not in self._warm:
            self._warm[address] = True
            self._journal.append((self._warm, address, _ABSENT))

    def is_storage_warm(self, address: bytes, slot: int) -> bool:
        return (address, slot) in self._warm

    def mark_storage_warm(self, address: bytes, slot: int) -> None:
        key = (address, slot)
        if key not in self._warm:
            self._warm[key] = True
            self._journal.append((self._warm, key, _ABSENT))

    def warm(self) -> list[Any]:
        """What is warm now: addresses and (address, slot) pairs, for eth_createAccessList."""
        return list(self._warm)

    # -- roots --

    def root(self) -> bytes:
        """Applies the changes to the tries; nothing is left to undo."""
        self._journal.clear()
        accounts, stored = self._accounts, self._stored
        for address, slots in self._dirty_slots.items():
            account = accounts[address]
            if account is not None:
                storage_root = self._write_slots(address, account[2], slots)
                if storage_root != account[2]:
                    accounts[address] = account._replace(storage_root=storage_root)
                    self._dirty.add(address)
        self._dirty_slots.clear()
        changed = [address for address in self._dirty if accounts[address] != stored[address]]
        for address in sorted(changed, key=lambda address: (accounts[address] is None) is self._deletions_last):
            account = accounts[address]
            if account is None:
                self._trie.delete(address_key(address))
            else:
                self._trie.set(address_key(address), encode_account(account))
                if account.code_hash in self._fresh_codes:
                    self._new_codes[account.code_hash] = self._fresh_codes[account.code_hash]
            stored[address] = account
        self._fresh_codes.clear()
        self._dirty.clear()
        return self._trie.root()

    def _write_slots(self, address: bytes, storage_root: bytes, dirty: set[int]) -> bytes:
        slots, stored = self._slots[address], self._stored_slots[address]
        changed = [slot for slot in dirty if slots[slot] != stored[slot]]
        if not changed:
            return storage_root
        trie = self._storage_trie(address, storage_root)
        for slot in sorted(changed, key=lambda slot: (slots[slot] == 0) is self._deletions_last):
            if slots[slot]:
                trie.set(slot_key(slot), encode_int(slots[slot]))
            else:
                trie.delete(slot_key(slot))
            stored[slot] = slots[slot]
        return trie.root()

    def new_nodes(self, *, stored: bool = False) -> dict[bytes, bytes]:
        """RLP by hash of what the state at the last root() holds and the source does not.

        With `stored` the caller says that it puts them where the source finds them: they are not given again.
        """
        nodes = self._trie.new_nodes(stored=stored)
        for trie in self._tries.values():
            nodes.update(trie.new_nodes(stored=stored))
        return nodes

    def new_codes(self, *, stored: bool = False) -> dict[bytes, bytes]:
        codes = dict(self._new_codes)
        if stored:
            self._new_codes.clear()
        return codes

    def copy(self) -> WorldState:
        """An independent world at this one's root()."""
        self.root()
        other = WorldState(self.source, EMPTY_ROOT)
        other._trie = self._trie.copy()
        other._tries = {address: trie.copy() for address, trie in self._tries.items()}
        other._new_codes = dict(self._new_codes)
        return other

    def drop_caches(self) -> None:
        """Frees memory. Only when new_nodes and new_codes were stored where the source finds them."""
        root = self.root()
        self.__init__(self.source, root)  # type: ignore[misc]

    def account_proof(self, address: bytes) -> list[bytes]:
        """EIP-1186."""
        self.root()
        return self._trie.proof(address_key(address))

    def storage_proof(self, address: bytes, slot: int) -> list[bytes]:
        self.root()
        account = self.account(address)
        if account is None or account.storage_root == EMPTY_ROOT:
            return []
        return self._storage_trie(address, account.storage_root).proof(slot_key(slot))
