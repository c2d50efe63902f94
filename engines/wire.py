"""What goes through an engine process's stdin and stdout. Pure.

A frame is a 4-byte big-endian length and so many bytes. The process begins with {"engine", "version"}; then each request
`pre_root(32) || post_root(32) || gas_used(8) || trace` is answered, in order, by {"result", "reason", "gas_used"}.
A reason that begins with "engine failure" is no vote: the engine could not judge.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from execution.verdict import Verdict

LENGTH_SIZE = 4
HEAD_SIZE = 32 + 32 + 8
MAX_REQUEST = 256 << 20  # bytes; L1 takes traces of up to 64 MiB
MAX_ANSWER = 8 << 10  # bytes. JSON nested some 60,000 deep overflows the C stack, so this must stay far below
MAX_REASON = 500  # characters; reasons quote what strangers wrote
ENGINE_FAILURE = "engine failure"
_UINT64 = 1 << 64


class WireError(Exception):
    """A frame that no engine, or nobody who asks one, should send."""


@dataclass(frozen=True, slots=True)
class Greeting:
    engine: str
    version: str


def frame_head(payload: bytes) -> bytes:
    return len(payload).to_bytes(LENGTH_SIZE, "big")


def frame_length(head: bytes, limit: int) -> int:
    """Raises WireError if it is over `limit`: nothing is allocated for it."""
    length = int.from_bytes(head, "big")
    if length > limit:
        raise WireError(f"a frame of {length} bytes, at most {limit} are taken")
    return length


def encode_request(pre_root: bytes, post_root: bytes, gas_used: int, trace: bytes) -> bytes:
    """Raises ValueError if these can't be EXECUTE's arguments."""
    if len(pre_root) != 32 or len(post_root) != 32 or not 0 <= gas_used < _UINT64:
        raise ValueError("roots have 32 bytes and gas_used 64 bits")
    if HEAD_SIZE + len(trace) > MAX_REQUEST:
        raise ValueError(f"a trace of {len(trace)} bytes")
    return b"".join((pre_root, post_root, gas_used.to_bytes(8, "big"), trace))


def decode_request(payload: bytes) -> tuple[bytes, bytes, int, bytes]:
    """(pre_root, post_root, gas_used, trace). Raises WireError."""
    if len(payload) < HEAD_SIZE:
        raise WireError(f"a request of {len(payload)} bytes")
    return payload[:32], payload[32:64], int.from_bytes(payload[64:72], "big"), payload[72:]


def encode_greeting(greeting: Greeting) -> bytes:
    return json.dumps({"engine": greeting.engine, "version": greeting.version}).encode()


def decode_greeting(payload: bytes) -> Greeting:
    """Raises WireError."""
    fields = _object(payload)
    engine, version = fields.get("engine"), fields.get("version")
    if not isinstance(engine, str) or not isinstance(version, str):
        raise WireError("a greeting without engine and version")
    return Greeting(_printable(engine), _printable(version))


def encode_verdict(verdict: Verdict) -> bytes:
    reason = _printable(verdict.reason)
    return json.dumps({"result": verdict.result, "reason": reason, "gas_used": verdict.gas_used}).encode()


def decode_verdict(payload: bytes) -> Verdict:
    """Raises WireError."""
    fields = _object(payload)
    result, reason, gas_used = fields.get("result"), fields.get("reason"), fields.get("gas_used")
    if not isinstance(result, bool) or not isinstance(reason, str):
        raise WireError("an answer without result and reason")
    if gas_used is not None and (type(gas_used) is not int or gas_used < 0):
        raise WireError("an answer with a wrong gas_used")
    return Verdict(result, _printable(reason), gas_used)


def is_failure(verdict: Verdict) -> bool:
    """The engine says that it could not judge."""
    return verdict.reason.startswith(ENGINE_FAILURE)


def _object(payload: bytes) -> dict[str, Any]:
    try:
        value = json.loads(payload)
    except (ValueError, RecursionError):  # ValueError: bad UTF-8 and numbers of too many digits too
        raise WireError(f"not JSON: {payload[:40]!r}") from None
    if not isinstance(value, dict):
        raise WireError(f"not a JSON object: {payload[:40]!r}")
    return value


def _printable(text: str) -> str:
    """Cut short, and nothing in it can do anything to a log or a terminal."""
    return "".join(character if character.isprintable() else "?" for character in text[:MAX_REASON])
