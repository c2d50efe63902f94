"""Recognises a JSON-RPC error answer in whatever an L1 connection raises, to tell it from transport trouble."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RpcAnswer:
    """`data`: revert data, empty if there is none."""

    code: int
    message: str
    data: bytes


class RpcError(Exception):
    """An error answer: `code` and `message` of JSON-RPC, `data` as the node gave it."""

    def __init__(self, code: int, message: str, data: object = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.data = data


def answered_error(failure: object) -> RpcError:
    """Of what a response has under "error", whatever its shape."""
    if not isinstance(failure, Mapping):
        return RpcError(-32000, str(failure))
    code = failure.get("code")
    return RpcError(code if isinstance(code, int) else -32000, str(failure.get("message", "")), failure.get("data"))


# How providers say that an eth_getLogs is for too many blocks or has too many logs. Some use -32005 for it, which is
# also what they say to who asks too often.
_TOO_MUCH = ("results", "block range", "blocks range", "range limit", "range is too", "too many logs", "too many blocks", "response size",
             "limited to", "max range", "maximum range")


def asks_too_much(error: RpcError) -> bool:
    """Whether an eth_getLogs was refused for what it asks for, so that it should ask for less."""
    lowered = error.message.lower()
    return any(phrase in lowered for phrase in _TOO_MUCH)


def lacks_block(error: RpcError) -> bool:
    """Whether the node says that it doesn't know the block that it was asked about."""
    lowered = error.message.lower()
    return any(phrase in lowered for phrase in ("header not found", "unknown block", "block not found", "header for hash not found"))


def rpc_error_of(error: BaseException) -> RpcAnswer | None:
    """None if `error` is not an answer of the node (a timeout, a lost connection, a bug)."""
    if isinstance(error, (OSError, TimeoutError)):
        return None
    response = getattr(error, "rpc_response", None)  # web3's Web3RPCError
    if isinstance(response, dict) and isinstance(response.get("error"), dict):
        body = response["error"]
        answered = answered_error(body)
        return RpcAnswer(answered.code, answered.message, _revert_data(answered.data))
    code, message = getattr(error, "code", None), getattr(error, "message", None)
    if isinstance(code, int) and isinstance(message, str):
        return RpcAnswer(code, message, _revert_data(getattr(error, "data", None)))
    return None


def _revert_data(data: object) -> bytes:
    """Clients put it as hex text, as {"data": hex}, or behind a word ("Reverted 0x...")."""
    if isinstance(data, bytes):
        return data
    if isinstance(data, dict):
        return _revert_data(data.get("data"))
    if isinstance(data, str) and "0x" in data:
        try:
            return bytes.fromhex(data[data.index("0x") + 2:])
        except ValueError:
            return b""
    return b""
