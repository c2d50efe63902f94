"""The transaction manager's memory on disk: what it signed, before anyone else sees it.

One LMDB environment per key, opened under an exclusive lock, so two processes can't use one key's nonces.
Records are small JSON; blobs lie apart, written once per transaction. A write is durable when it returns.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

import lmdb

from l1.fees import Fees

if TYPE_CHECKING:
    from l1.candidates import TxCandidate

MAP_SIZE = 4 << 30  # bytes of address space; the file grows only with what is in flight
KEPT_OUTCOMES = 4096  # finished labels remembered


class KeyInUse(RuntimeError):
    """Another process holds this key's journal."""


class JournalProblem(RuntimeError):
    """The journal can't be read or written; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class SignedVersion:
    """One signed form of a transaction. `raw` is EIP-2718 bytes without any blob sidecar."""

    hash: bytes
    raw: bytes
    fees: Fees


@dataclass(slots=True)
class JournalEntry:
    """A nonce that is in use. `versions`: oldest first; `to` None creates a contract; amounts in wei."""

    nonce: int
    label: str
    to: bytes | None
    data: bytes
    value: int
    gas_limit: int
    blobs: tuple[bytes, ...]
    versions: list[SignedVersion] = field(default_factory=list)

    def is_for(self, candidate: TxCandidate, *, unclaimed: bool) -> bool:
        """Whether this is the candidate's transaction: it has its label, or, without one, it is the same call and an earlier
        run's (`unclaimed`), which whoever sent it then asks for again."""
        if candidate.label or self.label:
            return candidate.label == self.label
        same = (self.to, self.data, self.value, self.blobs) == (candidate.to, candidate.data, candidate.value, candidate.blobs)
        return unclaimed and same


@dataclass(frozen=True, slots=True)
class Outcome:
    """A finished labelled candidate: the hash that was included, and the nonce it used."""

    tx_hash: bytes
    nonce: int


class TransactionJournal:
    """In-flight entries by nonce and finished candidates by label."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._lock_file = os.open(directory / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._lock_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._lock_file)
            raise KeyInUse(f"another process uses the key whose journal is {directory}") from error
        self._directory = directory
        try:
            self._env = lmdb.open(str(directory), map_size=MAP_SIZE, max_dbs=4, mode=0o600)
            needed = (self._env.info()["last_pgno"] + 1) * self._env.stat()["psize"]
            if (directory / "data.mdb").stat().st_size < needed:  # to read behind its end would end the process (SIGBUS)
                raise _damaged(directory, "its file is cut off")
            self._entries = self._env.open_db(b"entries")
            self._blobs = self._env.open_db(b"blobs")
            self._outcomes = self._env.open_db(b"outcomes")
            self._order = self._env.open_db(b"order")
        except (lmdb.Error, JournalProblem) as error:
            os.close(self._lock_file)
            raise (error if isinstance(error, JournalProblem) else _damaged(directory, str(error))) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        self._env.close()
        os.close(self._lock_file)

    def entries(self) -> Iterator[JournalEntry]:
        """In nonce order."""
        try:
            with self._env.begin() as txn:
                for key, value in txn.cursor(self._entries):
                    yield _decode(bytes(key), bytes(value), txn.get(key, db=self._blobs) or b"")
        except (lmdb.Error, ValueError, KeyError, TypeError) as error:
            raise _damaged(self._directory, f"{type(error).__name__} {error}") from error

    def put(self, entry: JournalEntry) -> None:
        key = _key(entry.nonce)
        with self._writing() as txn:
            txn.put(key, _encode(entry), db=self._entries)
            if entry.blobs and txn.get(key, db=self._blobs) is None:
                txn.put(key, b"".join(entry.blobs), db=self._blobs)

    def discard(self, nonce: int) -> None:
        """The nonce was never used: nothing is remembered."""
        with self._writing() as txn:
            self._remove(txn, nonce)

    def finish(self, entry: JournalEntry, tx_hash: bytes) -> None:
        """Included and confirmed: only the label's outcome stays."""
        with self._writing() as txn:
            self._remove(txn, entry.nonce)
            if not entry.label:
                return
            label = entry.label.encode()
            txn.put(label, _key(entry.nonce) + tx_hash, db=self._outcomes)
            cursor = txn.cursor(self._order)
            last = int.from_bytes(cursor.key(), "big") if cursor.last() else -1
            txn.put(_key(last + 1), label, db=self._order)
            forgotten = _key(last + 1 - KEPT_OUTCOMES) if last + 1 >= KEPT_OUTCOMES else None
            if forgotten is not None and (old := txn.pop(forgotten, db=self._order)) is not None:
                txn.delete(bytes(old), db=self._outcomes)

    def outcome(self, label: str) -> Outcome | None:
        with self._env.begin() as txn:
            value = txn.get(label.encode(), db=self._outcomes)
        return None if value is None else Outcome(bytes(value[8:]), int.from_bytes(value[:8], "big"))

    def forget(self, label: str) -> None:
        with self._writing() as txn:
            txn.delete(label.encode(), db=self._outcomes)

    @contextlib.contextmanager
    def _writing(self) -> Iterator[lmdb.Transaction]:
        try:
            with self._env.begin(write=True) as txn:
                yield txn
        except lmdb.Error as error:
            raise JournalProblem(f"the journal of L1 transactions can't be written, so nothing more is sent ({error}): is the disk "
                                 "full? Make room, and start it again") from error

    def _remove(self, txn: lmdb.Transaction, nonce: int) -> None:
        txn.delete(_key(nonce), db=self._entries)
        txn.delete(_key(nonce), db=self._blobs)


def _damaged(directory: Path, why: str) -> JournalProblem:
    return JournalProblem(f"the journal of L1 transactions in {directory} is damaged ({why}). Look at the account on L1: if nothing "
                          "of it is in flight, move the directory away; else wait until nothing is")


BLOB_BYTES = 131072


def _key(nonce: int) -> bytes:
    return nonce.to_bytes(8, "big")


def _encode(entry: JournalEntry) -> bytes:
    return json.dumps({
        "label": entry.label, "to": None if entry.to is None else entry.to.hex(), "data": entry.data.hex(),
        "value": entry.value, "gas": entry.gas_limit,
        "versions": [[v.hash.hex(), v.raw.hex(), v.fees.tip, v.fees.max_fee, v.fees.blob_fee]
                     for v in entry.versions],
    }).encode()


def _decode(key: bytes, value: bytes, blobs: bytes) -> JournalEntry:
    record = json.loads(value)
    return JournalEntry(
        nonce=int.from_bytes(key, "big"), label=record["label"],
        to=None if record["to"] is None else bytes.fromhex(record["to"]),
        data=bytes.fromhex(record["data"]), value=record["value"], gas_limit=record["gas"],
        blobs=tuple(bytes(blobs[i:i + BLOB_BYTES]) for i in range(0, len(blobs), BLOB_BYTES)),
        versions=[SignedVersion(bytes.fromhex(h), bytes.fromhex(raw), Fees(tip, max_fee, blob_fee))
                  for h, raw, tip, max_fee, blob_fee in record["versions"]],
    )
