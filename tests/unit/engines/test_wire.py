"""Frames and their payloads: what is written can be read, and nothing else."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.wire import (
    MAX_ANSWER,
    MAX_REASON,
    Greeting,
    WireError,
    decode_greeting,
    decode_request,
    decode_verdict,
    encode_greeting,
    encode_request,
    encode_verdict,
    frame_head,
    frame_length,
    is_failure,
)
from execution.verdict import Verdict

ROOTS = st.binary(min_size=32, max_size=32)
UINT64 = st.integers(0, 2**64 - 1)


@given(ROOTS, ROOTS, UINT64, st.binary())
def test_requests(pre: bytes, post: bytes, gas: int, trace: bytes) -> None:
    encoded = encode_request(pre, post, gas, trace)
    assert decode_request(encoded) == (pre, post, gas, trace)
    assert encoded == pre + post + gas.to_bytes(8, "big") + trace  # what the engine in Node reads
    assert frame_length(frame_head(encoded), len(encoded)) == len(encoded)
    with pytest.raises(WireError):
        frame_length(frame_head(encoded), len(encoded) - 1)


@pytest.mark.parametrize("wrong", ((b"", bytes(32), 0), (bytes(32), bytes(33), 0), (bytes(32),) * 2 + (-1,),
                                   (bytes(32),) * 2 + (2**64,)))  # fmt: skip
def test_what_is_no_request_is_not_sent(wrong: tuple[bytes, bytes, int]) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        encode_request(*wrong, b"")
    with pytest.raises(WireError):
        decode_request(bytes(71))


@given(st.booleans(), st.text(), st.none() | UINT64)
def test_verdicts(result: bool, reason: str, gas: int | None) -> None:
    """Whatever a reason quotes, the frame is small and the reason harmless."""
    encoded = encode_verdict(Verdict(result, reason * 1000, gas))
    assert len(encoded) <= MAX_ANSWER
    found = decode_verdict(encoded)
    assert (found.result, found.gas_used) == (result, gas)
    assert found.reason.isprintable() and len(found.reason) <= MAX_REASON
    if reason.isprintable():
        assert found.reason == (reason * 1000)[:MAX_REASON]


def test_an_engine_that_could_not_judge_says_so() -> None:
    assert is_failure(Verdict(False, "engine failure: MemoryError: ", None))
    assert not is_failure(Verdict(False, "InvalidTrace: engine failure", None))


def test_greetings() -> None:
    greeting = Greeting("eels", "2.20.0")
    assert decode_greeting(encode_greeting(greeting)) == greeting
    for wrong in ({}, {"engine": "eels"}, {"engine": 1, "version": "1"}, {"engine": "eels", "version": None}, [], "eels"):
        with pytest.raises(WireError):
            decode_greeting(json.dumps(wrong).encode())


GOOD = {"result": True, "reason": "", "gas_used": 1}
BAD = [
    b"", b"\xff", b"null", b"[]", b"1", b"{", b"[" * MAX_ANSWER, b'{"a":' * (MAX_ANSWER // 5), b"1" * MAX_ANSWER,
    *(json.dumps(GOOD | change).encode() for change in (
        {"result": 1}, {"result": None}, {"result": "true"}, {"reason": None}, {"reason": 1}, {"gas_used": "1"},
        {"gas_used": 1.0}, {"gas_used": True}, {"gas_used": -1}, {"gas_used": []},
    )),
]  # fmt: skip


@pytest.mark.parametrize("payload", BAD, ids=lambda payload: payload[:30].decode("latin-1"))
def test_what_is_no_verdict(payload: bytes) -> None:
    with pytest.raises(WireError):
        decode_verdict(payload)


@given(st.binary(max_size=MAX_ANSWER) | st.recursive(
    st.none() | st.booleans() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
).map(lambda value: json.dumps(value).encode()))  # fmt: skip
def test_anything_else_an_engine_says_is_refused_or_a_verdict(payload: bytes) -> None:
    try:
        assert isinstance(decode_verdict(payload).result, bool)
    except WireError:
        pass
