"""What `verdict execute` is asked: lines of JSON and files of one segment, as EXECUTE's four arguments (docs/execute.md).

Lines come from strangers: every mistake in one is a BadLine that says what is wrong, and parsing one takes time and
memory in proportion to its length.
"""

from __future__ import annotations

import json
from binascii import Error as HexError
from binascii import unhexlify
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO, TypeVar

from execution.abi import decode_trace, encode_trace
from execution.block_trace import BlockClaim, trace_of_block
from execution.errors import InvalidBlock, InvalidTrace
from execution.header import Header
from execution.types import Witness

MAX_LINE = 256 << 20  # bytes
# A line needs a few, and one for each header in geth's shape. JSON's parser recurses in C, without a bound of its own
# once a library has raised Python's (py_ecc does), so deep nesting would overflow the stack.
_MAX_BRACKETS = 4_096
_ABI_HEAD = bytes(31) + b"\x20"  # the offset that abi.encode of one struct begins with
_UINT64 = 1 << 64
T = TypeVar("T")

# geth prints headers as JSON objects; its names for their fields.
_GETH_BYTES = {
    "parent_hash": "parentHash",
    "ommers_hash": "sha3Uncles",
    "fee_recipient": "miner",
    "state_root": "stateRoot",
    "transactions_root": "transactionsRoot",
    "receipts_root": "receiptsRoot",
    "logs_bloom": "logsBloom",
    "extra_data": "extraData",
    "prev_randao": "mixHash",
    "nonce": "nonce",
    "withdrawals_root": "withdrawalsRoot",
    "parent_beacon_block_root": "parentBeaconBlockRoot",
    "requests_hash": "requestsHash",
}
_GETH_INTEGERS = {
    "difficulty": "difficulty",
    "number": "number",
    "gas_limit": "gasLimit",
    "gas_used": "gasUsed",
    "timestamp": "timestamp",
    "base_fee_per_gas": "baseFeePerGas",
    "blob_gas_used": "blobGasUsed",
    "excess_blob_gas": "excessBlobGas",
}


class BadLine(Exception):
    """Not a question that EXECUTE could be asked, and so not true."""


@dataclass(frozen=True, slots=True)
class Segment:
    """EXECUTE's arguments. `gas_used` is None where the trace came alone: then it is what its transactions use."""

    pre_root: bytes
    post_root: bytes
    gas_used: int | None
    trace: bytes


def read_lines(stream: BinaryIO) -> Iterator[bytes | None]:
    """Lines without their ends, blank ones left out; None for one longer than MAX_LINE. Reads no further than asked.

    A stream that begins as abi.encode(Trace) does is one line, whatever bytes it holds.
    """
    first = stream.readline(MAX_LINE + 1)
    if first.startswith(_ABI_HEAD):
        rest = stream.read(MAX_LINE + 1 - len(first))
        yield first + rest if len(first) + len(rest) <= MAX_LINE else None
        return
    line = first
    while line:
        if len(line) > MAX_LINE and not line.endswith(b"\n"):
            while line and not line.endswith(b"\n"):
                line = stream.readline(1 << 20)
            yield None
        elif line := line.strip():
            yield line
        line = stream.readline(MAX_LINE + 1)


def parse_line(line: bytes | None) -> Segment:
    """Raises BadLine."""
    if line is None:
        raise BadLine(f"longer than {MAX_LINE >> 20} MB")
    if line.startswith(_ABI_HEAD):
        return _lone(line)
    if line.startswith((b"0x", _ABI_HEAD.hex().encode())):
        return _lone(_bytes(line, "the trace"))
    fields = _object(line)
    if "block" in fields:
        return _of_block(fields)
    if "trace" in fields:
        return Segment(
            _field(fields, "preStateRoot", _root),
            _field(fields, "postStateRoot", _root),
            _field(fields, "gasUsed", _uint64),
            _field(fields, "trace", _bytes),
        )
    raise BadLine('neither "block" nor "trace" is given')


def _lone(trace: bytes) -> Segment:
    try:
        decoded = decode_trace(trace)
    except InvalidTrace as error:
        raise BadLine(f"InvalidTrace: {error}") from None
    return Segment(decoded.pre.state_root, decoded.post.state_root, None, trace)


def _of_block(fields: dict[str, Any]) -> Segment:
    witness = _field(fields, "witness", _witness)
    claim = BlockClaim(
        pre_state_root=_field(fields, "preStateRoot", _root),
        post_state_root=_field(fields, "postStateRoot", _root),
        gas_used=_field(fields, "gasUsed", _uint64),
        chain_id=_field(fields, "chainId", _uint64),
        fork=_field(fields, "fork", _text),
        block=_field(fields, "block", _bytes),
        witness=witness,
    )
    try:
        trace = trace_of_block(claim)
    except InvalidBlock as error:
        raise BadLine(f"InvalidBlock: {error}") from None
    return Segment(claim.pre_state_root, claim.post_state_root, claim.gas_used, encode_trace(trace))


def _object(line: bytes) -> dict[str, Any]:
    if line.count(b"[") + line.count(b"{") > _MAX_BRACKETS:
        raise BadLine("not JSON of the expected shape: too many lists and objects")
    try:
        value = json.loads(line)
    except ValueError as error:  # bad UTF-8 and numbers of too many digits too
        raise BadLine(f"not JSON: {error}") from None
    if not isinstance(value, dict):
        raise BadLine("not a JSON object")
    return value


def _field(fields: dict[str, Any], name: str, convert: Callable[[Any, str], T]) -> T:
    if fields.get(name) is None:
        raise BadLine(f"{name} is missing")
    return convert(fields[name], name)


def _bytes(value: Any, name: str) -> bytes:
    if not isinstance(value, (str, bytes)):
        raise BadLine(f"{name} is not a hex string")
    digits = value[2:] if value[:2] in ("0x", b"0x") else value
    try:
        return unhexlify(digits)
    except (HexError, ValueError):  # ValueError: not ASCII
        raise BadLine(f"{name} is not hex") from None


def _root(value: Any, name: str) -> bytes:
    root = _bytes(value, name)
    if len(root) != 32:
        raise BadLine(f"{name} has {len(root)} bytes, not 32")
    return root


def _integer(value: Any, name: str) -> int:
    """A JSON number, or a string of hex digits with 0x or of decimal ones."""
    number = value if type(value) is int else None
    if isinstance(value, str) and len(value) <= 80 and value.isascii() and value.isalnum():
        try:
            number = int(value, 16 if value.startswith("0x") else 10)
        except ValueError:
            pass
    if number is None or number < 0:
        raise BadLine(f"{name} is not an integer, neither a number nor as hex or decimal digits")
    return number


def _uint64(value: Any, name: str) -> int:
    number = _integer(value, name)
    if number >= _UINT64:
        raise BadLine(f"{name} has more than 64 bits")
    return number


def _text(value: Any, name: str) -> str:
    if not isinstance(value, str):
        raise BadLine(f"{name} is not a string")
    return value


def _witness(value: Any, name: str) -> Witness:
    if not isinstance(value, dict):
        raise BadLine(f"{name} is not an object")
    return Witness(
        _field(value, "state", _items(_bytes)),
        _field(value, "codes", _items(_bytes)),
        _field(value, "headers", _items(_header)),
    )


def _items(convert: Callable[[Any, str], bytes]) -> Callable[[Any, str], tuple[bytes, ...]]:
    def items(value: Any, name: str) -> tuple[bytes, ...]:
        if not isinstance(value, list):
            raise BadLine(f"witness.{name} is not a list")
        return tuple([convert(item, f"witness.{name}[{index}]") for index, item in enumerate(value)])

    return items


def _header(value: Any, name: str) -> bytes:
    """RLP, of an RLP string or of geth's JSON object."""
    if not isinstance(value, dict):
        return _bytes(value, name)
    fields: dict[str, Any] = {}
    for names, convert in ((_GETH_BYTES, _bytes), (_GETH_INTEGERS, _integer)):
        for ours, geths in names.items():
            if value.get(geths) is None:
                raise BadLine(f"{name} has no {geths}, as a Prague header has")
            fields[ours] = convert(value[geths], f"{name}.{geths}")
    return Header(**fields).rlp()
