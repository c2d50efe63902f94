"""What a transaction must fulfil on its own, whatever the pool holds. Pure. Fees are in wei, sizes in bytes."""

from __future__ import annotations

from dataclasses import dataclass

from chain.pool_errors import NonceTooLow, PoolError, Underpriced
from execution.rules import Rules
from execution.transactions import SignedTransaction

MAX_INITCODE_SIZE = 49_152  # EIP-3860
MAX_BLOBS_PER_TRANSACTION = 9  # EIP-7691: what a Prague block takes
GAS_PER_BLOB = 131_072
MIN_BLOB_BASE_FEE = 1
NONCE_LIMIT = (1 << 64) - 1  # EIP-2681
BLOB_TYPE, SET_CODE_TYPE = 3, 4


@dataclass(frozen=True, slots=True)
class PoolLimits:
    """What the pool takes. A replacement must raise both fees by `price_bump` percent (blobs: `blob_price_bump`)."""

    max_transactions: int = 10_000
    max_per_sender: int = 64
    max_queued: int = 2_048  # transactions behind a nonce gap, all senders together
    max_size: int = 131_072  # of one transaction, without its blobs
    price_bump: int = 10
    blob_price_bump: int = 100
    min_fee: int = 0  # lowest max_fee_per_gas
    min_tip: int = 0  # lowest max_priority_fee_per_gas


def cost(tx: SignedTransaction) -> int:
    """The most it can take from its sender, in wei."""
    blobs = GAS_PER_BLOB * len(tx.blob_versioned_hashes)
    return tx.value + tx.gas_limit * tx.max_fee_per_gas + blobs * tx.max_fee_per_blob_gas


def check(
    tx: SignedTransaction, raw: bytes, rules: Rules, limits: PoolLimits, block_gas_limit: int, account_nonce: int
) -> None:
    """Raises PoolError for a transaction that can't be, or is not wanted, in any block to come."""
    _check_shape(tx, raw, rules, limits)
    if tx.gas_limit > block_gas_limit:
        raise PoolError("exceeds block gas limit")
    if rules.tx_gas_cap is not None and tx.gas_limit > rules.tx_gas_cap:
        raise PoolError(f"transaction gas limit too high (cap: {rules.tx_gas_cap}, tx: {tx.gas_limit})")
    if tx.max_priority_fee_per_gas > tx.max_fee_per_gas:
        raise PoolError(
            "max priority fee per gas higher than max fee per gas: "
            f"maxPriorityFeePerGas: {tx.max_priority_fee_per_gas}, maxFeePerGas: {tx.max_fee_per_gas}"
        )
    if tx.gas_limit < tx.intrinsic_gas:
        raise PoolError(f"intrinsic gas too low: gas {tx.gas_limit}, minimum needed {tx.intrinsic_gas}")
    if tx.gas_limit < tx.floor_gas:
        raise PoolError(
            f"insufficient gas for floor data gas cost: gas {tx.gas_limit}, minimum needed {tx.floor_gas}"
        )
    if tx.max_fee_per_gas < limits.min_fee:
        raise Underpriced(
            f"transaction underpriced: gas fee cap {tx.max_fee_per_gas}, minimum needed {limits.min_fee}"
        )
    if tx.max_priority_fee_per_gas < limits.min_tip:
        raise Underpriced(
            f"transaction underpriced: gas tip cap {tx.max_priority_fee_per_gas}, minimum needed {limits.min_tip}"
        )
    if tx.nonce < account_nonce:
        raise NonceTooLow(account_nonce, tx.nonce)
    if tx.nonce >= NONCE_LIMIT:
        raise PoolError("nonce has max value")


def _check_shape(tx: SignedTransaction, raw: bytes, rules: Rules, limits: PoolLimits) -> None:
    if len(raw) > limits.max_size:
        raise PoolError(f"oversized data: transaction size {len(raw)}, limit {limits.max_size}")
    if tx.chain_id is not None and tx.chain_id != rules.chain_id:
        raise PoolError(f"invalid chain id for signer: have {tx.chain_id} want {rules.chain_id}")
    if tx.to is None and len(tx.data) > MAX_INITCODE_SIZE:
        raise PoolError(f"max initcode size exceeded: code size {len(tx.data)}, limit {MAX_INITCODE_SIZE}")
    if tx.type == BLOB_TYPE:
        _check_blobs(tx, rules)
    if tx.type == SET_CODE_TYPE:
        if tx.to is None:
            raise PoolError("input string too short for common.Address, decoding into (types.SetCodeTx).To")
        if not tx.authorization_list:
            raise PoolError("set code tx must have at least one authorization tuple")


def _check_blobs(tx: SignedTransaction, rules: Rules) -> None:
    hashes = tx.blob_versioned_hashes
    if not rules.blobs:
        raise PoolError("transaction type not supported")
    if tx.to is None:
        raise PoolError("input string too short for common.Address, decoding into (types.BlobTx).To")
    if not hashes:
        raise PoolError("blobless blob transaction")
    if len(hashes) > MAX_BLOBS_PER_TRANSACTION:
        raise PoolError(
            f"too many blobs in transaction: have {len(hashes)}, permitted {MAX_BLOBS_PER_TRANSACTION}"
        )
    if any(len(name) != 32 or name[0] != 1 for name in hashes):
        raise PoolError("blob has an invalid hash version")
    if tx.max_fee_per_blob_gas < MIN_BLOB_BASE_FEE:
        raise Underpriced(
            f"transaction underpriced: blob fee cap {tx.max_fee_per_blob_gas}, minimum needed {MIN_BLOB_BASE_FEE}"
        )
