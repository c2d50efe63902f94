"""A block's receipts as JSON-RPC has them, proven by the header's receipts root: what they log, and all that they log."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from execution.encoding import encode_int
from execution.receipt import Log, Receipt
from execution.trie import NoSource, Trie


def read_receipts(answer: Any) -> list[Receipt]:
    """In order. LookupError, TypeError or ValueError for what isn't an answer of eth_getBlockReceipts."""
    if not isinstance(answer, list):
        raise TypeError("not a list")
    return [_receipt(each) for each in answer]


def receipts_root(receipts: Sequence[Receipt]) -> bytes:
    """32 bytes: what the header of a block with these receipts has."""
    trie = Trie(NoSource())
    for index, each in enumerate(receipts):
        trie.set(encode_int(index), each.rlp())
    return trie.root()


def _receipt(fields: Mapping[str, Any]) -> Receipt:
    return Receipt(
        type=_number(fields.get("type") or "0x0", 1), succeeded=_number(fields["status"], 1) == 1,
        cumulative_gas_used=_number(fields["cumulativeGasUsed"], 8), logs_bloom=_bytes(fields["logsBloom"], 256),
        logs=tuple(_log(each) for each in fields["logs"]))


def _log(fields: Mapping[str, Any]) -> Log:
    return Log(_bytes(fields["address"], 20), tuple(_bytes(each, 32) for each in fields["topics"]), _bytes(fields["data"]))


def _number(text: str, size: int) -> int:
    """Of at most `size` bytes."""
    number = int(text, 16)
    if not 0 <= number < 1 << (8 * size):
        raise ValueError("out of range")
    return number


def _bytes(text: str, size: int | None = None) -> bytes:
    found = bytes.fromhex(text.removeprefix("0x"))
    if size is not None and len(found) != size:
        raise ValueError(f"{len(found)} bytes instead of {size}")
    return found
