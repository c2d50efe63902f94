"""Strict decoding of EIP-2718 transactions: legacy, EIP-2930, EIP-1559, EIP-4844 and EIP-7702.

Checked here is what a transaction says about itself; what depends on chain and state is in `processing`.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from execution.encoding import (
    Rlp,
    RlpError,
    as_bytes,
    as_int,
    as_list,
    decode_list,
    encode_bytes,
    encode_int,
    header,
    keccak,
    wrap_list,
)
from execution.errors import InvalidTransaction, Rejection
from execution.precompiles import SECP256K1_N, recover

LEGACY, ACCESS_LIST, DYNAMIC_FEE, BLOB, SET_CODE = range(5)
_FIELD_COUNT = {LEGACY: 9, ACCESS_LIST: 11, DYNAMIC_FEE: 12, BLOB: 14, SET_CODE: 13}
_SIGNATURE_FIELDS = 3
_MAX_CACHED_SIZE = 8_192  # bytes; larger ones are rare, and cached they would take much memory
_SET_CODE_MAGIC = b"\x05"


class Authorization(NamedTuple):
    """EIP-7702. A bad one is skipped, so its signature is not checked when decoding."""

    chain_id: int
    address: bytes
    nonce: int
    y_parity: int
    r: int
    s: int

    def authority(self) -> bytes | None:
        """The signer, or None if the signature is invalid."""
        if self.y_parity > 1 or self.s > SECP256K1_N // 2:
            return None
        message = encode_int(self.chain_id) + encode_bytes(self.address) + encode_int(self.nonce)
        return recover(keccak(_SET_CODE_MAGIC + wrap_list(message)), self.r, self.s, self.y_parity)


class SignedTransaction(NamedTuple):
    """`max_fee_per_gas` and `max_priority_fee_per_gas` are both the gas price where there is only one.

    `chain_id` is None for a legacy transaction without replay protection; `to` is None for a creation.
    """

    type: int
    chain_id: int | None
    nonce: int
    max_priority_fee_per_gas: int  # wei
    max_fee_per_gas: int  # wei
    gas_limit: int
    to: bytes | None
    value: int  # wei
    data: bytes
    access_list: tuple[tuple[bytes, tuple[int, ...]], ...]
    max_fee_per_blob_gas: int  # wei; 0 unless it carries blobs
    blob_versioned_hashes: tuple[bytes, ...]
    authorization_list: tuple[Authorization, ...]
    v: int  # as on the wire: y_parity for typed ones
    r: int
    s: int
    sender: bytes
    hash: bytes
    intrinsic_gas: int
    floor_gas: int  # EIP-7623


def decode_transaction(raw: bytes) -> SignedTransaction:
    """Raises InvalidTransaction. Recovers the sender; small transactions are cached."""
    return _cached(raw) if len(raw) <= _MAX_CACHED_SIZE else _decode(raw)


def intrinsic_gas(
    data: bytes,
    is_creation: bool,
    access_list: tuple[tuple[bytes, tuple[int, ...]], ...],
    authorizations: int,
) -> tuple[int, int]:
    """(gas charged before execution, EIP-7623's floor)."""
    zeros = data.count(0)
    tokens = zeros + 4 * (len(data) - zeros)
    gas = 21_000 + 4 * tokens + 25_000 * authorizations
    if is_creation:
        gas += 32_000 + 2 * ((len(data) + 31) // 32)  # EIP-3860
    for _, slots in access_list:
        gas += 2_400 + 1_900 * len(slots)  # EIP-2930
    return gas, 21_000 + 10 * tokens


def _decode(raw: bytes) -> SignedTransaction:
    if not raw:
        raise InvalidTransaction(Rejection.UNDECODABLE, "no bytes")
    kind = LEGACY if raw[0] >= 0xC0 else raw[0]
    if kind not in _FIELD_COUNT or raw[0] == LEGACY:
        raise InvalidTransaction(Rejection.UNKNOWN_TYPE, f"0x{raw[0]:02x}")
    payload = raw[1:] if kind else raw
    try:
        items = decode_list(payload, max_depth=4)
        if len(items) != _FIELD_COUNT[kind]:
            raise RlpError(f"{len(items)} fields instead of {_FIELD_COUNT[kind]}")
        return _build(raw, payload, kind, items)
    except RlpError as error:
        raise InvalidTransaction(Rejection.UNDECODABLE, str(error)) from None


_cached = lru_cache(maxsize=8_192)(_decode)


def _build(raw: bytes, payload: bytes, kind: int, items: list[Rlp]) -> SignedTransaction:
    fields = iter(items)
    chain_id = as_int(next(fields), 8) if kind else None
    nonce = as_int(next(fields))
    priority_fee = as_int(next(fields))
    max_fee = as_int(next(fields)) if kind >= DYNAMIC_FEE else priority_fee
    gas_limit = as_int(next(fields))
    target = as_bytes(next(fields))
    if not target and kind >= BLOB:
        raise InvalidTransaction(Rejection.CREATE_NOT_ALLOWED, f"type {kind}")
    if target and len(target) != 20:
        raise RlpError(f"`to` has {len(target)} bytes")
    value = as_int(next(fields))
    data = as_bytes(next(fields))
    access_list = _access_list(next(fields)) if kind else ()
    blob_fee = as_int(next(fields)) if kind == BLOB else 0
    blob_hashes = tuple(as_bytes(item, 32) for item in as_list(next(fields))) if kind == BLOB else ()
    authorizations = tuple(_authorization(item) for item in as_list(next(fields))) if kind == SET_CODE else ()
    v, r, s = (as_int(item) for item in fields)
    if kind == SET_CODE and nonce >> 64:
        raise RlpError("nonce over 64 bits")
    if kind:
        parity = v
    elif v in (27, 28):
        parity = v - 27
    elif v >= 35:
        chain_id, parity = divmod(v - 35, 2)  # EIP-155
    else:
        raise InvalidTransaction(Rejection.BAD_SIGNATURE, f"v is {v}")
    sender = _sender(_signing_hash(payload, kind, chain_id), parity, r, s)
    gas, floor = intrinsic_gas(data, not target, access_list, len(authorizations))
    return SignedTransaction(
        kind, chain_id, nonce, priority_fee, max_fee, gas_limit, target or None, value, data, access_list,
        blob_fee, blob_hashes, authorizations, v, r, s, sender, keccak(raw), gas, floor,
    )  # fmt: skip


def _access_list(item: Rlp) -> tuple[tuple[bytes, tuple[int, ...]], ...]:
    entries = []
    for entry in as_list(item):
        address, slots = as_list(entry, 2)
        numbers = tuple(int.from_bytes(as_bytes(slot, 32), "big") for slot in as_list(slots))
        entries.append((as_bytes(address, 20), numbers))
    return tuple(entries)


def _authorization(item: Rlp) -> Authorization:
    chain_id, address, nonce, y_parity, r, s = as_list(item, 6)
    return Authorization(
        as_int(chain_id), as_bytes(address, 20), as_int(nonce, 8), as_int(y_parity, 1), as_int(r), as_int(s)
    )


def _signing_hash(payload: bytes, kind: int, chain_id: int | None) -> bytes:
    """Of the fields before the signature, whose bytes are taken as they are since the encoding is canonical."""
    _, start, end = header(payload, 0, len(payload))
    pos = start
    for _ in range(_FIELD_COUNT[kind] - _SIGNATURE_FIELDS):
        _, _, pos = header(payload, pos, end)
    unsigned = payload[start:pos]
    if kind:
        return keccak(bytes((kind,)) + wrap_list(unsigned))
    if chain_id is not None:
        unsigned += encode_int(chain_id) + b"\x80\x80"
    return keccak(wrap_list(unsigned))


def _sender(message_hash: bytes, parity: int, r: int, s: int) -> bytes:
    if s > SECP256K1_N // 2:
        raise InvalidTransaction(Rejection.BAD_SIGNATURE, "s is in the upper half (EIP-2)")
    sender = recover(message_hash, r, s, parity)
    if sender is None:
        raise InvalidTransaction(Rejection.BAD_SIGNATURE, "no key signs so")
    return sender
