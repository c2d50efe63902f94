"""EIP-2718 bytes to EELS's transactions, and what EELS leaves to its caller: no blobs, chain id, the rollup's cap."""

from __future__ import annotations

from typing import Any

from ethereum_rlp import rlp
from ethereum_rlp.exceptions import DecodingError as TypeMismatch

from execution.eels.prague.transactions import (
    AccessListTransaction,
    FeeMarketTransaction,
    LegacyTransaction,
    SetCodeTransaction,
    Transaction,
)
from execution.eels.rlp import DecodingError, decode

_TYPES: dict[int, Any] = {1: AccessListTransaction, 2: FeeMarketTransaction, 4: SetCodeTransaction}
_MAX_NESTING = 4  # transaction, access list, its entry, the slots


class NotIncluded(Exception):
    """The transaction is a no-op."""


def decode_transaction(raw: bytes, chain_id: int, tx_gas_cap: int) -> Transaction:
    """`tx_gas_cap` 0 for none. Raises NotIncluded.

    A legacy transaction's chain id is in its signature, which EELS checks.
    """
    if not raw:
        raise NotIncluded("no bytes")
    kind, payload, prefix = (
        (LegacyTransaction, raw, b"") if raw[0] >= 0xC0 else (_TYPES.get(raw[0]), raw[1:], raw[:1])
    )
    if kind is None:
        raise NotIncluded(f"type {raw[0]}: unknown, or blobs")
    try:
        tx = rlp.deserialize_to(kind, decode(payload, _MAX_NESTING))
    except (DecodingError, TypeMismatch) as error:
        raise NotIncluded(f"undecodable: {error}") from None
    if prefix + rlp.encode(tx) != raw:
        raise NotIncluded("not the canonical encoding")
    if not isinstance(tx, LegacyTransaction) and int(tx.chain_id) != chain_id:
        raise NotIncluded(f"chain id {tx.chain_id}")
    if tx_gas_cap and int(tx.gas) > tx_gas_cap:
        raise NotIncluded(f"gas {tx.gas} over the cap")
    return tx
