"""What can go wrong in execution. None of these is a py-evm `VMError`, so the EVM never swallows one."""

from __future__ import annotations

from enum import Enum


class Rejection(Enum):
    """Why a transaction can't be included. On L2 such a transaction is a no-op."""

    UNDECODABLE = "undecodable"
    UNKNOWN_TYPE = "unknown transaction type"
    BAD_SIGNATURE = "bad signature"
    WRONG_CHAIN_ID = "wrong chain id"
    BLOB_NOT_ALLOWED = "blob-carrying transaction not allowed"
    INTRINSIC_GAS = "intrinsic gas too low"
    FLOOR_GAS = "gas below the calldata floor (EIP-7623)"
    NONCE_OVERFLOW = "nonce too high (EIP-2681)"
    INITCODE_SIZE = "initcode too large (EIP-3860)"
    TX_GAS_CAP = "gas over the transaction gas cap"
    BLOCK_GAS = "gas over what is left in the block"
    BLOB_GAS = "blob gas over what is left in the block"
    PRIORITY_FEE = "max priority fee above max fee"
    MAX_FEE = "max fee below the base fee"
    NO_BLOBS = "blob transaction without blobs"
    BLOB_VERSION = "blob versioned hash with a wrong version"
    BLOB_FEE = "max blob fee below the blob base fee"
    CREATE_NOT_ALLOWED = "this transaction type can't create a contract"
    EMPTY_AUTHORIZATIONS = "empty authorization list (EIP-7702)"
    NONCE_TOO_LOW = "nonce too low"
    NONCE_TOO_HIGH = "nonce too high"
    INSUFFICIENT_FUNDS = "insufficient funds for gas * price + value"
    SENDER_NOT_EOA = "sender is a contract (EIP-3607)"
    DEPOSIT_LAYOUT = "deposit event with an invalid layout (EIP-6110)"
    NO_OPEN_BLOCK = "no block is open"


class InvalidWitness(Exception):
    """A missing or wrong node, code or header: never read as "empty"."""


class InvalidTransaction(Exception):
    """The transaction can't be included; nothing has changed."""

    def __init__(self, reason: Rejection, detail: str = "") -> None:
        super().__init__(f"{reason.value}: {detail}" if detail else reason.value)
        self.reason = reason


class InvalidBlock(Exception):
    """A block that no Prague client accepts."""


class InvalidTrace(Exception):
    """`trace` is not the canonical encoding of a Trace."""


class Disagreement(Exception):
    """Independent engines give different verdicts and neither has enough votes, so there is no answer."""


class WorkLimitExceeded(Exception):
    """Execution used more gas than what was paid for can explain."""
