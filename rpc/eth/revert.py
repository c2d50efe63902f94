"""What a revert says: `Error(string)` and `Panic(uint256)` of Solidity's ABI, in geth's words."""

from __future__ import annotations

from execution.simulation import CallResult
from rpc.codec import data
from rpc.errors import ExecutionReverted, RpcError, ServerError

_ERROR_STRING = bytes.fromhex("08c379a0")
_PANIC = bytes.fromhex("4e487b71")
_PANICS = {
    0x00: "generic panic",
    0x01: "assert(false)",
    0x11: "arithmetic underflow or overflow",
    0x12: "division or modulo by zero",
    0x21: "enum overflow",
    0x22: "invalid encoded storage byte array accessed",
    0x31: "out-of-bounds array access; popping on an empty array",
    0x32: "out-of-bounds access of an array or bytesN",
    0x41: "out of memory",
    0x51: "uninitialized function",
}
# py-evm's exceptions by name, as geth calls them.
_MESSAGES = {
    "OutOfGas": "out of gas",
    "InvalidInstruction": "invalid opcode",
    "InvalidJumpDestination": "invalid jump destination",
    "InsufficientStack": "stack underflow",
    "FullStack": "stack limit reached 1024",
    "WriteProtection": "write protection",
    "OutOfBoundsRead": "return data out of bounds",
    "InsufficientFunds": "insufficient balance for transfer",
    "StackDepthLimit": "max call depth exceeded",
    "ContractCreationCollision": "contract address collision",
    "CreateCollision": "contract address collision",
    "ReservedBytesInCode": "invalid code: must not begin with 0xef",
}


def revert_reason(output: bytes) -> str | None:
    """None if the data is neither of the two."""
    if output[:4] == _PANIC and len(output) >= 36:
        code = int.from_bytes(output[4:36], "big")
        return _PANICS.get(code, f"unknown panic code: {code:#x}")
    if output[:4] != _ERROR_STRING or len(output) < 68:
        return None
    body = output[4:]
    offset = int.from_bytes(body[:32], "big")
    if offset > len(body) - 32:
        return None
    length = int.from_bytes(body[offset : offset + 32], "big")
    text = body[offset + 32 : offset + 32 + length]
    return text.decode("utf-8", "replace") if len(text) == length else None


def failure(result: CallResult) -> RpcError:
    """The error for a call that failed: code 3 with the data if it reverted, else -32000."""
    if result.reverted:
        reason = revert_reason(result.output)
        message = "execution reverted" if reason is None else f"execution reverted: {reason}"
        return ExecutionReverted(message, data(result.output))
    return ServerError(error_message(result))


def error_message(result: CallResult) -> str:
    """One line about a failed call."""
    if result.reverted:
        return failure(result).message
    name, _, detail = (result.error or "").partition(":")
    known = _MESSAGES.get(name)
    if name == "InvalidInstruction":
        return f"{known}: {detail.strip().removeprefix('invalid opcode ')}"
    return known or result.error or "execution failed"
