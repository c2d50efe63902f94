"""The two decoders of docs/data.md on the same chunks. Many more: `python tests/fuzz/differential.py --chunks 300000`."""

from __future__ import annotations

import time
from dataclasses import replace
from itertools import islice

import pytest

from derivation.codec import Dictionary, decode_chunk, from_elements
from tests.fuzz import differential
from tests.fuzz.codec_cases import CHAIN_ID, Cases
from tests.fuzz.differential import FILE, SOLIDITY, DifferenceFound, compare
from tests.vectors.make_codec import dearest

COMPILED = SOLIDITY / "out" / "CodecFuzz.t.sol"


@pytest.mark.forge
@pytest.mark.skipif(not COMPILED.exists(), reason="make test-solidity compiles the contracts' tests")
def test_solidity_finds_the_same():
    file = FILE.with_name("codec-quick.bin")
    try:
        chunks, items, gas, _ = compare(list(islice(Cases(2026), 2000)), file)
    finally:
        file.unlink(missing_ok=True)
    assert chunks == 2000 and items > 20_000 and gas < 3_200_000


@pytest.mark.forge
@pytest.mark.skipif(not COMPILED.exists(), reason="make test-solidity compiles the contracts' tests")
def test_a_difference_is_found(monkeypatch):
    """Python's decoder loses the last byte of one payload."""
    case = next(case for case in Cases(1) if case.kind == "written")
    [*items, last] = decode_chunk(from_elements(case.elements), CHAIN_ID, Dictionary(case.pages))
    monkeypatch.setattr(differential, "decode_chunk", lambda *_: (*items, replace(last, payload=last.payload[:-1])))
    file = FILE.with_name("codec-difference.bin")
    try:
        with pytest.raises(DifferenceFound, match="case 0"):
            compare([case], file)
    finally:
        file.unlink(missing_ok=True)


@pytest.mark.parametrize(("name", "case"), dearest().items(), ids=dearest())
def test_the_dearest_chunks_take_little_time(name, case):
    dictionary = Dictionary(case.pages)
    started = time.process_time()
    items = decode_chunk(case.chunk, CHAIN_ID, dictionary)
    assert time.process_time() - started < 0.5  # 5 ms on an idle machine
    assert sum(len(item.payload) for item in items) <= 8 * 16_384
