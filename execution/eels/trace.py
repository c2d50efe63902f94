"""`abi.encode(Trace)` to a Trace, through eth_abi (shapes: `solidity/src/Types.sol`).

eth_abi is lax: offsets may lead anywhere. So the result must give the same bytes when encoded again, and what
decoding reads is counted, for many offsets to one place could unfold a small trace to gigabytes.
"""

from __future__ import annotations

from typing import Any

from eth_abi import encode
from eth_abi.codec import ABIDecoder
from eth_abi.decoding import ContextFramesBytesIO
from eth_abi.registry import registry
from ethereum_rlp import rlp

from execution.eels.rlp import DecodingError, decode
from execution.errors import InvalidTrace
from execution.types import (
    BatchEnd,
    BlockAttributes,
    BlockStart,
    Cursor,
    Fragment,
    Input,
    OpenBlock,
    Skip,
    StepState,
    Trace,
    Transaction,
    Withdrawal,
    Witness,
)

_WITHDRAWAL = "(uint64,uint64,address,uint64)"
_ATTRIBUTES = f"(uint64,address,bytes32,uint64,bytes32,bytes,{_WITHDRAWAL}[])"
_OPEN = f"(uint64,{_ATTRIBUTES},uint256,uint64,uint64,uint64,bytes,bytes32,bytes32,bytes)"
_CURSOR = "(uint64,uint64,uint64)"
_STATE = f"(bytes32,bytes32,{_OPEN},bytes32,uint64,{_CURSOR})"
_INPUT = f"(uint8,bytes,{_CURSOR})"
_TRACE = f"(uint64,bytes32,uint64,{_STATE},{_STATE},{_INPUT}[],bytes)"

_ZERO = "0x" + "00" * 20
_NO_BLOCK = (0, (0, _ZERO, bytes(32), 0, bytes(32), b"", ()), 0, 0, 0, 0, b"", bytes(32), bytes(32), b"")
_BLOOM_SIZE = 256
_READS_PER_BYTE = 8  # eth_abi reads a canonical encoding three times: to check offsets, and then


class _CountingStream(ContextFramesBytesIO):
    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self._left = _READS_PER_BYTE * len(data)

    def read(self, size: int | None = -1, /) -> bytes:
        found = super().read(size)
        self._left -= len(found)
        if self._left < 0:
            raise InvalidTrace("parts of the encoding are used many times")
        return found


class _Decoder(ABIDecoder):
    stream_class = _CountingStream


_decoder = _Decoder(registry)


def decode_trace(data: bytes) -> Trace:
    """Raises InvalidTrace for whatever isn't the canonical encoding of one."""
    chain_id, fork, tx_gas_cap, pre, post, inputs, witness = _exactly(_TRACE, data)
    name = fork.rstrip(b"\0")
    if not name.isascii():
        raise InvalidTrace("the fork's name is not ASCII")
    return Trace(
        chain_id=chain_id,
        fork=name.decode(),
        tx_gas_cap=tx_gas_cap,
        pre=_state(pre),
        post=_state(post),
        inputs=tuple(_input(*item) for item in inputs),
        witness=_witness(witness),
    )


def _exactly(shape: str, data: bytes) -> tuple[Any, ...]:
    try:
        (value,) = _decoder.decode([shape], data)
    except InvalidTrace:
        raise
    except Exception as error:  # noqa: BLE001 - eth_abi's own kinds, OverflowError, ValueError
        raise InvalidTrace(f"ABI: {type(error).__name__}: {error}") from None
    if encode([shape], [value]) != data:
        raise InvalidTrace("not the canonical ABI encoding")
    return value


def _witness(data: bytes) -> Witness:
    try:
        lists = decode(data, 2)
    except DecodingError as error:
        raise InvalidTrace(f"witness: {error}") from None
    if not isinstance(lists, list) or len(lists) != 3:
        raise InvalidTrace("the witness is not three lists")
    for items in lists:
        if not isinstance(items, list) or not all(isinstance(item, bytes) for item in items):
            raise InvalidTrace("the witness holds something else than lists of bytes")
    if rlp.encode(lists) != data:
        raise InvalidTrace("the witness is not canonical RLP")
    return Witness(*map(tuple, lists))


def _state(value: tuple[Any, ...]) -> StepState:
    state_root, block_hash, block, fragments_hash, fragments_size, cursor = value
    return StepState(state_root, block_hash, _open(block), fragments_hash, fragments_size, Cursor(*cursor))


def _open(value: tuple[Any, ...]) -> OpenBlock | None:
    if value[0] == 0:
        if value != _NO_BLOCK:
            raise InvalidTrace("no block is open, but something is said of it")
        return None
    number, attributes, base_fee, excess, count, gas_used, bloom, transactions, receipts, deposits = value
    if len(bloom) != _BLOOM_SIZE:
        raise InvalidTrace(f"a logs bloom of {len(bloom)} bytes")
    return OpenBlock(
        number, _attributes(attributes), base_fee, excess, count, gas_used, bloom, transactions, receipts, deposits
    )  # fmt: skip


def _attributes(value: tuple[Any, ...]) -> BlockAttributes:
    timestamp, recipient, randao, gas_limit, beacon_root, extra_data, withdrawals = value
    return BlockAttributes(
        timestamp,
        _address(recipient),
        randao,
        gas_limit,
        beacon_root,
        extra_data,
        tuple(Withdrawal(index, by, _address(to), amount) for index, by, to, amount in withdrawals),
    )


def _address(text: str) -> bytes:
    return bytes.fromhex(text[2:])


def _input(kind: int, payload: bytes, cursor: tuple[int, int, int]) -> Input:
    following = Cursor(*cursor)
    if kind == 0:
        return BlockStart(_attributes(_exactly(_ATTRIBUTES, payload)), following)
    if kind == 1:
        return Transaction(payload, following)
    if kind == 2:
        return Fragment(payload, following)
    if kind > 4 or payload:
        raise InvalidTrace(f"no input of kind {kind} with {len(payload)} bytes")
    return Skip(following) if kind == 3 else BatchEnd(following)
