"""What the transaction manager is given and gives back, and how it fails."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from l1.fees import FeeCaps
from l1.journal import JournalEntry


class TransactionError(Exception):
    """The candidate was not carried out."""


class TransactionReverted(TransactionError):
    """`receipt` is None if it was found out before sending. `data`: the revert data, if the node gives it."""

    def __init__(self, reason: str, data: bytes = b"", receipt: L1Receipt | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.data = data
        self.receipt = receipt


class InsufficientFunds(TransactionError):
    """The key's account can't pay for value and fees."""


class TransactionRefused(TransactionError):
    """The node will never take it as it is."""


@dataclass(frozen=True, slots=True)
class TxCandidate:
    """`to` None creates a contract; `value` in wei; `blobs` 131,072 bytes each; `label` makes it idempotent; `urgency`:
    how many times the usual tip it offers at first, to come early in its block."""

    to: bytes | None
    data: bytes = b""
    value: int = 0
    blobs: tuple[bytes, ...] = ()
    gas_limit: int | None = None
    label: str = ""
    urgency: int = 1


@dataclass(frozen=True, slots=True)
class L1Receipt:
    """`gas_price` and `blob_gas_price` are the effective prices in wei; `logs` as the node gives them."""

    tx_hash: bytes
    block_number: int
    block_hash: bytes
    succeeded: bool
    gas_used: int
    gas_price: int
    contract_address: bytes | None
    logs: tuple[Mapping[str, Any], ...]
    blob_gas_used: int = 0
    blob_gas_price: int = 0

    @property
    def fees(self) -> int:
        """Wei that the transaction cost its sender, beside its value."""
        return self.gas_used * self.gas_price + self.blob_gas_used * self.blob_gas_price


@dataclass(frozen=True, slots=True)
class TransactionPolicy:
    """Times in seconds, `confirmations` in blocks on top of the including one. `only_to_code`: nothing is sent to an address
    without code: on an L1 that was started afresh, or that has forgotten the contracts, bonds would be given to nobody."""

    caps: FeeCaps
    resubmit_after: float = 48.0
    confirmations: int = 0
    poll: float = 1.0
    only_to_code: bool = False


def call_fields(sender: bytes, what: TxCandidate | JournalEntry, versioned_hashes: Sequence[bytes],
                caps: FeeCaps) -> dict[str, Any]:
    """The candidate as `eth_call` and `eth_estimateGas` take it."""
    call: dict[str, Any] = {"from": "0x" + sender.hex(), "data": "0x" + what.data.hex(), "value": hex(what.value)}
    if what.to is not None:
        call["to"] = "0x" + what.to.hex()
    if versioned_hashes:
        call["blobVersionedHashes"] = ["0x" + h.hex() for h in versioned_hashes]
        call["maxFeePerBlobGas"] = hex(caps.max_blob_fee)
    return call


def parse_receipt(answer: Mapping[str, Any]) -> L1Receipt:
    created = answer.get("contractAddress")
    return L1Receipt(
        tx_hash=_bytes(answer["transactionHash"]), block_number=int(answer["blockNumber"], 16),
        block_hash=_bytes(answer["blockHash"]), succeeded=int(answer["status"], 16) == 1,
        gas_used=int(answer["gasUsed"], 16), gas_price=int(answer.get("effectiveGasPrice") or "0x0", 16),
        contract_address=_bytes(created) if created else None, logs=tuple(answer["logs"]),
        blob_gas_used=int(answer.get("blobGasUsed") or "0x0", 16), blob_gas_price=int(answer.get("blobGasPrice") or "0x0", 16),
    )


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("0x"))
