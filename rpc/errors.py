"""Errors as JSON-RPC 2.0 and Ethereum clients number them."""

from __future__ import annotations

from typing import Any

PARSE_ERROR = -32700
INVALID_REQUEST = -32600
METHOD_NOT_FOUND = -32601
INVALID_PARAMS = -32602
INTERNAL_ERROR = -32603
SERVER_ERROR = -32000
TIMED_OUT = -32002
RESPONSE_TOO_LARGE = -32003
LIMIT_EXCEEDED = -32005
EXECUTION_REVERTED = 3


class RpcError(Exception):
    """Becomes the `error` member of a response."""

    def __init__(self, code: int, message: str, data: Any = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.data = data

    def to_json(self) -> dict[str, Any]:
        error: dict[str, Any] = {"code": self.code, "message": self.message}
        if self.data is not None:
            error["data"] = self.data
        return error


class InvalidParams(RpcError):
    """-32602. The dispatcher puts the position and name of the argument in front of the message."""

    def __init__(self, message: str) -> None:
        super().__init__(INVALID_PARAMS, message)


class ServerError(RpcError):
    """-32000, what clients answer when a well-formed call can't be served."""

    def __init__(self, message: str, data: Any = None) -> None:
        super().__init__(SERVER_ERROR, message, data)


class MethodNotFound(RpcError):
    def __init__(self, method: str) -> None:
        super().__init__(METHOD_NOT_FOUND, f"the method {method} does not exist/is not available")


class ExecutionReverted(RpcError):
    """Code 3: the EVM reverted; `data` is the returned revert data."""

    def __init__(self, message: str, data: str) -> None:
        super().__init__(EXECUTION_REVERTED, message, data)


class LimitExceeded(RpcError):
    """-32005 (EIP-1474): the server is too busy, or the answer would be too large."""

    def __init__(self, message: str) -> None:
        super().__init__(LIMIT_EXCEEDED, message)


class TimedOut(RpcError):
    def __init__(self) -> None:
        super().__init__(TIMED_OUT, "request timed out")
