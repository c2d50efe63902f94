"""Blocks, transactions, receipts and logs as geth prints them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from eth_utils import keccak

from execution.transactions import (
    BLOB,
    DYNAMIC_FEE,
    LEGACY,
    SET_CODE,
    Authorization,
    SignedTransaction,
    decode_transaction,
)
from rpc.codec import data, quantity

if TYPE_CHECKING:
    from chain.view import StoredBlock
    from execution.header import Header
    from execution.receipt import Log, Receipt
    from execution.types import Withdrawal

AccessList = Iterable[tuple[bytes, Iterable[int]]]


def header(block: Header) -> dict[str, Any]:
    """What newHeads and eth_getHeaderBy* give."""
    return {
        "number": quantity(block.number),
        "hash": data(block.hash),
        "parentHash": data(block.parent_hash),
        "nonce": data(block.nonce),
        "mixHash": data(block.prev_randao),
        "sha3Uncles": data(block.ommers_hash),
        "logsBloom": data(block.logs_bloom),
        "stateRoot": data(block.state_root),
        "miner": data(block.fee_recipient),
        "difficulty": quantity(block.difficulty),
        "extraData": data(block.extra_data),
        "gasLimit": quantity(block.gas_limit),
        "gasUsed": quantity(block.gas_used),
        "timestamp": quantity(block.timestamp),
        "transactionsRoot": data(block.transactions_root),
        "receiptsRoot": data(block.receipts_root),
        "baseFeePerGas": quantity(block.base_fee_per_gas),
        "withdrawalsRoot": data(block.withdrawals_root),
        "blobGasUsed": quantity(block.blob_gas_used),
        "excessBlobGas": quantity(block.excess_blob_gas),
        "parentBeaconBlockRoot": data(block.parent_beacon_block_root),
        "requestsHash": data(block.requests_hash),
    }


def block(stored: StoredBlock, *, full: bool) -> dict[str, Any]:
    """eth_getBlockBy*; `full`: transactions as objects, else their hashes."""
    transactions: list[Any]
    if full:
        transactions = [mined_transaction(stored, index) for index in range(len(stored.transactions))]
    else:
        transactions = [data(keccak(raw)) for raw in stored.transactions]
    return {
        **header(stored.header),
        "size": quantity(stored.size),
        "transactions": transactions,
        "uncles": [],
        "withdrawals": [withdrawal(each) for each in stored.withdrawals],
    }


def withdrawal(each: Withdrawal) -> dict[str, Any]:
    return {
        "index": quantity(each.index),
        "validatorIndex": quantity(each.validator_index),
        "address": data(each.address),
        "amount": quantity(each.amount),
    }


def access_list(entries: AccessList) -> list[dict[str, Any]]:
    return [
        {"address": data(address), "storageKeys": [data(slot.to_bytes(32, "big")) for slot in slots]}
        for address, slots in entries
    ]


def mined_transaction(stored: StoredBlock, index: int) -> dict[str, Any]:
    tx = decode_transaction(stored.transactions[index])
    base_fee = stored.header.base_fee_per_gas
    return {
        "blockHash": data(stored.hash),
        "blockNumber": quantity(stored.number),
        "transactionIndex": quantity(index),
        **_transaction(tx, min(tx.max_fee_per_gas, base_fee + tx.max_priority_fee_per_gas)),
    }


def pending_transaction(tx: SignedTransaction) -> dict[str, Any]:
    return {
        "blockHash": None,
        "blockNumber": None,
        "transactionIndex": None,
        **_transaction(tx, tx.max_fee_per_gas),
    }


def _transaction(tx: SignedTransaction, gas_price: int) -> dict[str, Any]:
    """`gas_price`: what was paid, or the most that will be while it is pending."""
    rendered: dict[str, Any] = {
        "from": data(tx.sender),
        "gas": quantity(tx.gas_limit),
        "gasPrice": quantity(gas_price),
        "hash": data(tx.hash),
        "input": data(tx.data),
        "nonce": quantity(tx.nonce),
        "to": None if tx.to is None else data(tx.to),
        "value": quantity(tx.value),
        "type": quantity(tx.type),
        "v": quantity(tx.v),
        "r": quantity(tx.r),
        "s": quantity(tx.s),
    }
    if tx.chain_id is not None:
        rendered["chainId"] = quantity(tx.chain_id)
    if tx.type != LEGACY:
        rendered["accessList"] = access_list(tx.access_list)
        rendered["yParity"] = quantity(tx.v)
    if tx.type >= DYNAMIC_FEE:
        rendered["maxFeePerGas"] = quantity(tx.max_fee_per_gas)
        rendered["maxPriorityFeePerGas"] = quantity(tx.max_priority_fee_per_gas)
    if tx.type == BLOB:
        rendered["maxFeePerBlobGas"] = quantity(tx.max_fee_per_blob_gas)
        rendered["blobVersionedHashes"] = [data(each) for each in tx.blob_versioned_hashes]
    if tx.type == SET_CODE:
        rendered["authorizationList"] = [_authorization(each) for each in tx.authorization_list]
    return rendered


def _authorization(each: Authorization) -> dict[str, Any]:
    return {
        "chainId": quantity(each.chain_id),
        "address": data(each.address),
        "nonce": quantity(each.nonce),
        "yParity": quantity(each.y_parity),
        "r": quantity(each.r),
        "s": quantity(each.s),
    }


def log(
    each: Log, *, block: Header, tx_hash: bytes, tx_index: int, log_index: int, removed: bool = False
) -> dict[str, Any]:
    """`log_index` counts through the whole block."""
    return {
        "address": data(each.address),
        "topics": [data(topic) for topic in each.topics],
        "data": data(each.data),
        "blockNumber": quantity(block.number),
        "transactionHash": data(tx_hash),
        "transactionIndex": quantity(tx_index),
        "blockHash": data(block.hash),
        "blockTimestamp": quantity(block.timestamp),
        "logIndex": quantity(log_index),
        "removed": removed,
    }


def receipts(stored: StoredBlock, found: Iterable[Receipt]) -> Iterator[dict[str, Any]]:
    """The receipts of a whole block, in order."""
    first_log = 0
    for index, each in enumerate(found):
        yield receipt(stored, index, each, first_log)
        first_log += len(each.logs)


def receipt(stored: StoredBlock, index: int, each: Receipt, first_log: int) -> dict[str, Any]:
    """`first_log`: logs in the block before this transaction's."""
    tx = decode_transaction(stored.transactions[index])
    rendered: dict[str, Any] = {
        "transactionHash": data(tx.hash),
        "transactionIndex": quantity(index),
        "blockHash": data(stored.hash),
        "blockNumber": quantity(stored.number),
        "from": data(tx.sender),
        "to": None if tx.to is None else data(tx.to),
        "contractAddress": None if each.contract_address is None else data(each.contract_address),
        "gasUsed": quantity(each.gas_used),
        "cumulativeGasUsed": quantity(each.cumulative_gas_used),
        "effectiveGasPrice": quantity(each.effective_gas_price),
        "logs": [
            log(
                entry,
                block=stored.header,
                tx_hash=tx.hash,
                tx_index=index,
                log_index=first_log + offset,
            )
            for offset, entry in enumerate(each.logs)
        ],
        "logsBloom": data(each.logs_bloom),
        "status": quantity(int(each.succeeded)),
        "type": quantity(each.type),
    }
    if each.type == BLOB:
        rendered["blobGasUsed"] = quantity(each.blob_gas_used)
        rendered["blobGasPrice"] = quantity(each.blob_gas_price)
    return rendered
