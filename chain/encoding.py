"""How bodies and receipts lie in the database: RLP, since every part is bytes and integers already."""

from __future__ import annotations

from collections.abc import Sequence

import rlp  # type: ignore[import-untyped]
from rlp.codec import encode_raw  # type: ignore[import-untyped]

from execution.header import Header
from execution.receipt import Log, Receipt, bloom
from execution.types import Withdrawal


def encode_number(number: int) -> bytes:
    """Block number as 8 bytes, so that keys sort by it."""
    return number.to_bytes(8, "big")


def _integer(value: int) -> bytes:
    return value.to_bytes((value.bit_length() + 7) // 8, "big")


def _number(value: bytes) -> int:
    return int.from_bytes(value, "big")


def _withdrawal_fields(withdrawal: Withdrawal) -> list[bytes]:
    return [
        _integer(withdrawal.index),
        _integer(withdrawal.validator_index),
        withdrawal.address,
        _integer(withdrawal.amount),
    ]


def encode_body(
    transactions: Sequence[bytes], senders: Sequence[bytes], withdrawals: Sequence[Withdrawal]
) -> bytes:
    """EIP-2718 bytes, 20-byte senders, EIP-4895 withdrawals."""
    return encode_raw([list(transactions), list(senders), [_withdrawal_fields(w) for w in withdrawals]])


def decode_body(data: bytes) -> tuple[tuple[bytes, ...], tuple[bytes, ...], tuple[Withdrawal, ...]]:
    transactions, senders, withdrawals = rlp.decode(data)
    return (
        tuple(transactions),
        tuple(senders),
        tuple(Withdrawal(_number(i), _number(v), a, _number(n)) for i, v, a, n in withdrawals),
    )


def block_size(header: Header, transactions: Sequence[bytes], withdrawals: Sequence[Withdrawal]) -> int:
    """Bytes of the block's RLP: header, transactions, no uncles, withdrawals."""
    listed = sum(len(raw) if raw[0] >= 0xC0 else _string_size(len(raw)) for raw in transactions)
    rest = encode_raw([_withdrawal_fields(withdrawal) for withdrawal in withdrawals])
    return _list_size(len(header.rlp()) + _list_size(listed) + 1 + len(rest))


def _string_size(length: int) -> int:
    return length + 1 + (0 if length < 56 else (length.bit_length() + 7) // 8)


_list_size = _string_size  # the same prefix lengths, for the lengths that occur here (a payload over one byte)


def encode_receipts(receipts: Sequence[Receipt]) -> bytes:
    """All of a receipt but its bloom, which follows from the logs."""
    return encode_raw([_receipt_fields(receipt) for receipt in receipts])


def _receipt_fields(receipt: Receipt) -> list[object]:
    return [
        _integer(receipt.type),
        _integer(receipt.succeeded),
        _integer(receipt.cumulative_gas_used),
        [[log.address, list(log.topics), log.data] for log in receipt.logs],
        _integer(receipt.gas_used),
        _integer(receipt.effective_gas_price),
        receipt.contract_address or b"",
        _integer(receipt.blob_gas_used),
        _integer(receipt.blob_gas_price),
    ]


def decode_receipts(data: bytes) -> tuple[Receipt, ...]:
    return tuple(_receipt(fields) for fields in rlp.decode(data))


def _receipt(fields: list) -> Receipt:
    kind, succeeded, cumulative, entries, gas, price, contract, blob_gas, blob_price = fields
    logs = tuple(Log(address, tuple(topics), content) for address, topics, content in entries)
    return Receipt(
        type=_number(kind),
        succeeded=bool(succeeded),
        cumulative_gas_used=_number(cumulative),
        logs_bloom=bloom(logs).to_bytes(256, "big") if logs else bytes(256),
        logs=logs,
        gas_used=_number(gas),
        effective_gas_price=_number(price),
        contract_address=contract or None,
        blob_gas_used=_number(blob_gas),
        blob_gas_price=_number(blob_price),
    )
