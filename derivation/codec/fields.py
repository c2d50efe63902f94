"""A raw transaction taken apart for the encoder: the fields of a compact one, or elements of one that isn't."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from derivation.codec.compact import LANE_DYNAMIC_FEE, LANE_LEGACY
from derivation.codec.dictionary import ADDRESS_SIZE, Dictionary
from derivation.codec.elements import Element, address_element, elements_of_bytes, elements_of_data
from derivation.codec.streams import VARINT_LIMIT
from derivation.codec.strings import MAX_STRING
from execution.encoding import RlpError, as_int, decode_list

_DYNAMIC_FEE_TYPE = 2
_LEGACY_FIELDS, _DYNAMIC_FEE_FIELDS = 9, 12
_S_LIMIT = 1 << 255


@dataclass(frozen=True, slots=True)
class Fields:
    """What a compact transaction says. Fees in wei; for a legacy one `tip` is None and `cap` the gas price."""

    lane: int
    nonce: int
    tip: int | None
    cap: int
    gas_limit: int
    to: bytes
    value: int
    data: bytes
    signature: bytes  # 64 bytes: r, s with y_parity as its top bit


def fields_of(raw: bytes, chain_id: int) -> Fields | None:
    """None if it can't be said as a compact transaction."""
    try:
        return _dynamic_fee(raw, chain_id) if raw[:1] == b"\x02" else _legacy(raw, chain_id)
    except RlpError:
        return None


def _legacy(raw: bytes, chain_id: int) -> Fields | None:
    items = decode_list(raw, max_depth=1)
    if len(items) != _LEGACY_FIELDS:
        return None
    nonce, price, gas_limit, to, value, data, v, r, s = items
    parity = as_int(v) - 35 - 2 * chain_id
    return _fields(LANE_LEGACY, nonce, None, price, gas_limit, to, value, data, parity, r, s)


def _dynamic_fee(raw: bytes, chain_id: int) -> Fields | None:
    items = decode_list(raw[1:], max_depth=3)
    if len(items) != _DYNAMIC_FEE_FIELDS:
        return None
    chain, nonce, tip, cap, gas_limit, to, value, data, access_list, parity, r, s = items
    if as_int(chain) != chain_id or access_list != []:
        return None
    return _fields(LANE_DYNAMIC_FEE, nonce, as_int(tip), cap, gas_limit, to, value, data, as_int(parity), r, s)


def _fields(lane, nonce, tip, cap, gas_limit, to, value, data, parity, r, s) -> Fields | None:  # type: ignore[no-untyped-def]
    number, low = as_int(nonce), as_int(s)
    if parity not in (0, 1) or len(to) != ADDRESS_SIZE or number >= VARINT_LIMIT or low >= _S_LIMIT:
        return None
    if not isinstance(to, bytes) or not isinstance(data, bytes) or len(data) > MAX_STRING:
        return None
    signature = as_int(r).to_bytes(32, "big") + (parity << 255 | low).to_bytes(32, "big")
    return Fields(lane, number, tip, as_int(cap), as_int(gas_limit), to, as_int(value), data, signature)


def raw_elements(raw: bytes, chain_id: int, dictionary: Dictionary) -> Iterator[Element]:
    """Any bytes as elements; where they are a transaction, its recipient and calldata by what they are."""
    fields = fields_of(raw, chain_id)
    to_at = raw.find(b"\x94" + fields.to) if fields else -1
    data_at = raw.find(fields.data, to_at + 1 + ADDRESS_SIZE) if fields else -1
    if fields is None or to_at < 0 or data_at < 0 or not fields.data:
        yield from elements_of_bytes(raw)
        return
    yield from elements_of_bytes(raw[: to_at + 1])
    yield address_element(fields.to)
    yield from elements_of_bytes(raw[to_at + 1 + ADDRESS_SIZE : data_at])
    yield from elements_of_data(fields.data, dictionary)
    yield from elements_of_bytes(raw[data_at + len(fields.data) :])
