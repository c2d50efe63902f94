"""Signs L1 transactions with one key, and puts blobs around them the way nodes take them.

Hashes and signatures never cover the sidecar, so a version is signed once and wrapped whenever it is sent.
The key is held here and shown nowhere: not in `repr`, not in logs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

import ckzg
import rlp
from eth_account import Account
from eth_utils.address import to_checksum_address

from l1.fees import Fees
from l1.journal import JournalEntry, SignedVersion
from l1.kzg import commitment_of, trusted_setup, versioned_hash


class SidecarFormat(Enum):
    """Network form of a blob transaction: one proof a blob (EIP-4844), or one proof a cell (EIP-7594, since Osaka)."""

    BLOB_PROOFS = "blob proofs"
    CELL_PROOFS = "cell proofs"

    @property
    def other(self) -> SidecarFormat:
        return SidecarFormat.CELL_PROOFS if self is SidecarFormat.BLOB_PROOFS else SidecarFormat.BLOB_PROOFS


@dataclass(frozen=True, slots=True)
class BlobCommitments:
    """KZG commitments (48 bytes) and versioned hashes (32 bytes) of a transaction's blobs, in order."""

    commitments: tuple[bytes, ...]
    versioned_hashes: tuple[bytes, ...]


def commit_blobs(blobs: Sequence[bytes]) -> BlobCommitments:
    """About 50 ms a blob: call it in a thread."""
    commitments = tuple(commitment_of(blob) for blob in blobs)
    return BlobCommitments(commitments, tuple(versioned_hash(commitment) for commitment in commitments))


def prove_blobs(blobs: Sequence[bytes], commitments: BlobCommitments, form: SidecarFormat) -> tuple[bytes, ...]:
    """One proof a blob, or 128 a blob (a quarter of a second): call it in a thread."""
    if form is SidecarFormat.BLOB_PROOFS:
        return tuple(ckzg.compute_blob_kzg_proof(blob, commitment, trusted_setup())
                     for blob, commitment in zip(blobs, commitments.commitments, strict=True))
    proofs: list[bytes] = []
    for blob in blobs:
        proofs.extend(ckzg.compute_cells_and_kzg_proofs(blob, trusted_setup())[1])
    return tuple(proofs)


def network_form(raw: bytes, blobs: Sequence[bytes], commitments: BlobCommitments, proofs: Sequence[bytes],
                 form: SidecarFormat) -> bytes:
    """`eth_sendRawTransaction`'s bytes of a signed type 3 transaction `raw`."""
    body = rlp.decode(raw[1:])
    tail: list[object] = [list(blobs), list(commitments.commitments), list(proofs)]
    if form is SidecarFormat.CELL_PROOFS:
        tail.insert(0, b"\x01")
    encoded: bytes = rlp.encode([body, *tail])
    return b"\x03" + encoded


class Signer:
    """`key`: 32 bytes, or its hex form."""

    def __init__(self, key: bytes | str, chain_id: int) -> None:
        self._account = Account.from_key(key)
        self.chain_id = chain_id
        self.address: bytes = bytes.fromhex(self._account.address[2:])

    def __repr__(self) -> str:
        return f"Signer({self._account.address})"

    def sign(self, entry: JournalEntry, fees: Fees, versioned_hashes: Sequence[bytes]) -> SignedVersion:
        fields: dict[str, object] = {
            "chainId": self.chain_id, "nonce": entry.nonce, "gas": entry.gas_limit, "value": entry.value,
            "data": entry.data, "maxFeePerGas": fees.max_fee, "maxPriorityFeePerGas": fees.tip,
            "type": 3 if versioned_hashes else 2,
        }
        if versioned_hashes:
            fields |= {"maxFeePerBlobGas": fees.blob_fee, "blobVersionedHashes": list(versioned_hashes)}
        if entry.to is not None:
            fields["to"] = to_checksum_address(entry.to)
        signed = self._account.sign_transaction(fields)
        return SignedVersion(bytes(signed.hash), bytes(signed.raw_transaction), fees)
