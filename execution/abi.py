"""StepState, Input and Trace as Solidity sees them (`solidity/src/Types.sol`), and the commitment to a StepState."""

from __future__ import annotations

from execution import encoding
from execution.abi_codec import AbiError, AbiType, Array, Bytes, FixedBytes, Struct, Uint, decode, encode
from execution.encoding import RlpError, keccak
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

COMMITMENT_SIZE = 31  # bytes: fits a field element without reduction

UINT64, UINT256, BYTES32, ADDRESS, BYTES = (
    Uint(64),
    Uint(256),
    FixedBytes(32),
    FixedBytes(20, right=True),
    Bytes(),
)

WITHDRAWAL = Struct(UINT64, UINT64, ADDRESS, UINT64)
ATTRIBUTES = Struct(UINT64, ADDRESS, BYTES32, UINT64, BYTES32, BYTES, Array(WITHDRAWAL))
OPEN_BLOCK = Struct(UINT64, ATTRIBUTES, UINT256, UINT64, UINT64, UINT64, BYTES, BYTES32, BYTES32, BYTES)
CURSOR = Struct(UINT64, UINT64, UINT64)
STEP_STATE = Struct(BYTES32, BYTES32, OPEN_BLOCK, BYTES32, UINT64, CURSOR)
INPUT = Struct(Uint(8), BYTES, CURSOR)
TRACE = Struct(UINT64, BYTES32, UINT64, STEP_STATE, STEP_STATE, Array(INPUT), BYTES)

_NO_BLOCK = (
    0,
    (0, bytes(20), bytes(32), 0, bytes(32), b"", ()),
    0,
    0,
    0,
    0,
    b"",
    bytes(32),
    bytes(32),
    b"",
)


def commitment(state: StepState) -> bytes:
    """The first 31 bytes of keccak256(abi.encode(state))."""
    return keccak(encode_state(state))[:COMMITMENT_SIZE]


def encode_state(state: StepState) -> bytes:
    """abi.encode(StepState)."""
    return encode(STEP_STATE, state_tuple(state))


def decode_state(data: bytes) -> StepState:
    """Raises InvalidTrace."""
    return _state(_decode(STEP_STATE, data))


def encode_attributes(attributes: BlockAttributes) -> bytes:
    """abi.encode(BlockAttributes): the payload of a BlockStart input."""
    return encode(ATTRIBUTES, attributes_tuple(attributes))


def encode_witness(witness: Witness) -> bytes:
    """RLP([[node...], [code...], [header...]])."""
    return encoding.wrap_list(
        b"".join(encoding.encode_list(items) for items in (witness.state, witness.codes, witness.headers))
    )


def decode_witness(data: bytes) -> Witness:
    """Raises InvalidTrace."""
    try:
        lists = encoding.as_list(encoding.decode(data, max_depth=2), 3)
        state, codes, headers = (
            tuple(encoding.as_bytes(item) for item in encoding.as_list(items)) for items in lists
        )
    except RlpError as error:
        raise InvalidTrace(f"witness: {error}") from None
    return Witness(state, codes, headers)


def encode_trace(trace: Trace) -> bytes:
    """abi.encode(Trace): what EXECUTE takes."""
    return encode(
        TRACE,
        (
            trace.chain_id,
            trace.fork.encode().ljust(32, b"\0"),
            trace.tx_gas_cap,
            state_tuple(trace.pre),
            state_tuple(trace.post),
            [input_tuple(item) for item in trace.inputs],
            encode_witness(trace.witness),
        ),
    )


def decode_trace(data: bytes) -> Trace:
    """The inverse of `encode_trace`; raises InvalidTrace for anything else."""
    chain_id, fork, tx_gas_cap, pre, post, inputs, witness = _decode(TRACE, data)
    try:
        fork_name = fork.rstrip(b"\0").decode("ascii")
    except UnicodeDecodeError:
        raise InvalidTrace("fork is not ASCII") from None
    return Trace(
        chain_id,
        fork_name,
        tx_gas_cap,
        _state(pre),
        _state(post),
        tuple(_input(item) for item in inputs),
        decode_witness(witness),
    )


def cursor_tuple(cursor: Cursor) -> tuple:
    return cursor.batch, cursor.chunk, cursor.item


def attributes_tuple(attributes: BlockAttributes) -> tuple:
    return (
        attributes.timestamp,
        attributes.fee_recipient,
        attributes.prev_randao,
        attributes.gas_limit,
        attributes.parent_beacon_block_root,
        attributes.extra_data,
        [(w.index, w.validator_index, w.address, w.amount) for w in attributes.withdrawals],
    )


def state_tuple(state: StepState) -> tuple:
    """In the order of the Solidity struct, for eth-abi and for web3 calls."""
    block = state.open
    return (
        state.state_root,
        state.block_hash,
        _NO_BLOCK
        if block is None
        else (
            block.number,
            attributes_tuple(block.attributes),
            block.base_fee_per_gas,
            block.excess_blob_gas,
            block.transaction_count,
            block.gas_used,
            block.logs_bloom,
            block.transactions_root,
            block.receipts_root,
            block.deposit_requests,
        ),
        state.fragments_hash,
        state.fragments_size,
        cursor_tuple(state.cursor),
    )


def input_tuple(item: Input) -> tuple[int, bytes, tuple]:
    """(InputKind, payload, next) as in the Solidity struct."""
    match item:
        case BlockStart(attributes=attributes):
            kind, payload = 0, encode_attributes(attributes)
        case Transaction(raw=raw):
            kind, payload = 1, raw
        case Fragment(data=data):
            kind, payload = 2, data
        case Skip():
            kind, payload = 3, b""
        case BatchEnd():
            kind, payload = 4, b""
    return kind, payload, cursor_tuple(item.next)


def _decode(kind: AbiType, data: bytes):
    try:
        return decode(kind, data)
    except AbiError as error:
        raise InvalidTrace(str(error)) from None


def _attributes(value: tuple) -> BlockAttributes:
    *fixed, withdrawals = value
    return BlockAttributes(*fixed, withdrawals=tuple(Withdrawal(*item) for item in withdrawals))


def _state(value: tuple) -> StepState:
    state_root, block_hash, block, fragments_hash, fragments_size, cursor = value
    if block[0] == 0:
        if block != _NO_BLOCK:
            raise InvalidTrace("fields of a block, but none is open")
        opened = None
    else:
        number, attributes, *rest = block
        opened = OpenBlock(number, _attributes(attributes), *rest)
        if len(opened.logs_bloom) != 256:
            raise InvalidTrace("a logs bloom has 256 bytes")
    return StepState(state_root, block_hash, opened, fragments_hash, fragments_size, Cursor(*cursor))


def _input(value: tuple) -> Input:
    kind, payload, cursor = value
    following = Cursor(*cursor)
    match kind:
        case 0:
            return BlockStart(_attributes(_decode(ATTRIBUTES, payload)), following)
        case 1:
            return Transaction(payload, following)
        case 2:
            return Fragment(payload, following)
        case 3 | 4:
            if payload:
                raise InvalidTrace("this input has no payload")
            return Skip(following) if kind == 3 else BatchEnd(following)
    raise InvalidTrace(f"no input kind {kind}")
