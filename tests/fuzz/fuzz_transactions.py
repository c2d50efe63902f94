"""Our decoding of transactions against EELS's: the same are taken, with the same sender and hash."""

from __future__ import annotations

from ethereum.exceptions import EthereumException
from ethereum.forks.prague.transactions import (
    AccessListTransaction,
    BlobTransaction,
    FeeMarketTransaction,
    LegacyTransaction,
    SetCodeTransaction,
    recover_sender,
)
from ethereum_rlp import rlp
from ethereum_rlp.exceptions import RLPException
from ethereum_types.numeric import U64

from execution.encoding import keccak
from execution.errors import InvalidTransaction
from execution.transactions import decode_transaction
from tests.unit.execution.wallet import Wallet

_TYPES = {1: AccessListTransaction, 2: FeeMarketTransaction, 3: BlobTransaction, 4: SetCodeTransaction}


def seeds() -> list[bytes]:
    wallet, common = Wallet.number(77), {"to": b"\x11" * 20, "data": b"data", "value": 5, "chain_id": 5}
    access = [(b"\x22" * 20, (1, 2**255)), (b"\x33" * 20, ())]
    authorization = wallet.authorize(b"\x44" * 20, 7, 5)
    return [
        wallet.legacy(**common), wallet.legacy(**common | {"chain_id": None}), wallet.legacy(**common | {"to": b""}),
        wallet.typed(kind=1, **common, access_list=access), wallet.typed(kind=2, **common, access_list=access),
        wallet.typed(kind=3, **common, blob_hashes=[b"\x01" * 32] * 2),
        wallet.typed(kind=4, **common, authorizations=[authorization] * 2), wallet.typed(kind=4, **common),
    ]  # fmt: skip


def one(data: bytes) -> None:
    try:
        tx = decode_transaction(data)
    except InvalidTransaction:
        tx = None
    if tx is None:
        assert theirs(data, 1) is None and theirs(data, 5) is None
    else:
        chain_id = 1 if tx.chain_id is None else tx.chain_id
        if chain_id >> 64:
            return  # EELS's chain ids have 64 bits, so it takes none of these; nor is any chain of ours such
        assert (tx.sender, tx.hash) == (theirs(data, chain_id), keccak(data))


def theirs(data: bytes, chain_id: int) -> bytes | None:
    """The sender, or None if EELS refuses the transaction whatever the state."""
    kind = LegacyTransaction if data[:1] >= b"\xc0" else _TYPES.get(data[0] if data else 0)
    if kind is None:
        return None
    prefix = b"" if kind is LegacyTransaction else data[:1]
    try:
        tx = rlp.decode_to(kind, data[len(prefix) :])
        if prefix + rlp.encode(tx) != data:
            return None  # a block that holds such a transaction has another hash
        return bytes(recover_sender(U64(chain_id), tx))
    except (RLPException, EthereumException, RecursionError):
        return None
