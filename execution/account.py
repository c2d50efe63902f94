"""An account as the state trie holds it (yellow paper, 4.1), and the keys of accounts and slots."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from execution.encoding import (
    EMPTY_CODE_HASH,
    EMPTY_ROOT,
    RlpError,
    as_bytes,
    as_int,
    decode_list,
    encode_int,
    keccak,
    wrap_list,
)
from execution.errors import InvalidBlock, InvalidWitness


class Account(NamedTuple):
    nonce: int
    balance: int  # wei
    storage_root: bytes  # as of the last root()
    code_hash: bytes


EMPTY_ACCOUNT = Account(0, 0, EMPTY_ROOT, EMPTY_CODE_HASH)


@lru_cache(maxsize=1 << 16)
def address_key(address: bytes) -> bytes:
    return keccak(address)


@lru_cache(maxsize=1 << 16)
def slot_key(slot: int) -> bytes:
    return keccak(slot.to_bytes(32, "big"))


def encode_account(account: Account) -> bytes:
    if account.balance >> 256:
        raise InvalidBlock("a balance overflows 256 bits")
    return wrap_list(
        encode_int(account.nonce)
        + encode_int(account.balance)
        + b"\xa0"
        + account.storage_root
        + b"\xa0"
        + account.code_hash
    )


def decode_account(encoded: bytes) -> Account:
    try:
        items = decode_list(encoded)
        if len(items) != 4:
            raise RlpError("expected 4 fields")
        return Account(as_int(items[0], 8), as_int(items[1]), as_bytes(items[2], 32), as_bytes(items[3], 32))
    except RlpError as error:
        raise InvalidWitness(f"malformed account: {error}") from None
