"""Has the Solidity decoder read what the Python one has read, chunk by chunk (docs/data.md).

    python tests/fuzz/differential.py [--chunks 3000] [--seed 1]

Python makes the chunks (codec_cases.py) and a digest of the items it finds in each; solidity/test/CodecFuzz.t.sol finds its
own items and compares. Needs Node and solidity/node_modules. What differs is named by its number in the file, which then stays
in .fuzz/.
"""

from __future__ import annotations

import argparse
import itertools
import os
import re
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from derivation.codec import Dictionary, decode_chunk, from_elements
from execution.encoding import keccak
from tests.fuzz.codec_cases import CHAIN_ID, DICTIONARIES, Case, Cases

FILE = ROOT / ".fuzz" / "codec.bin"
SOLIDITY = ROOT / "solidity"
FORGE = SOLIDITY / "tools" / "forge"
BATCH = 5000  # chunks of one file


class DifferenceFound(Exception):
    """The two decoders differ, or Solidity's took too much gas: what forge said."""


def digest(elements: bytes, dictionary: Dictionary) -> tuple[bytes, int, float]:
    """(hash over all items, their number, seconds that decoding took)."""
    started = time.perf_counter()
    chunk = from_elements(elements)
    items = () if chunk is None else decode_chunk(chunk, CHAIN_ID, dictionary)
    seconds = time.perf_counter() - started
    hashed = keccak(bytes([len(items)]))
    for item in items:
        hashed = keccak(hashed + keccak(bytes([item.kind]) + item.payload))
    return hashed, len(items), seconds


def header() -> bytes:
    out = CHAIN_ID.to_bytes(8, "big") + bytes([len(DICTIONARIES)])
    for pages in DICTIONARIES:
        out += bytes([len(pages)]) + b"".join(len(page).to_bytes(2, "big") + page for page in pages)
    return out


def compare(cases: list[Case], file: Path = FILE) -> tuple[int, int, int, float]:
    """(chunks, items in them, most gas that a decode took, most seconds in Python); DifferenceFound where they differ."""
    dictionaries = [Dictionary(pages) for pages in DICTIONARIES]
    file.parent.mkdir(exist_ok=True)
    items, slowest = 0, 0.0
    with file.open("wb") as out:
        out.write(header())
        for case in cases:
            hashed, count, seconds = digest(case.elements, dictionaries[case.dictionary])
            out.write(bytes([case.dictionary]) + case.elements + hashed)
            items, slowest = items + count, max(slowest, seconds)
    environment = os.environ | {"CODEC_CASES": os.path.relpath(file, SOLIDITY)}
    run = subprocess.run(
        [str(FORGE), "test", "--match-contract", "CodecFuzzTest", "-vv", "--gas-limit", str((1 << 63) - 1)],
        cwd=SOLIDITY, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    gas, seen = re.search(r"most gas: (\d+)", run.stdout), re.search(r"cases: (\d+)", run.stdout)
    if run.returncode or not gas or not seen or int(seen[1]) != len(cases):
        raise DifferenceFound(f"{run.stdout[-3000:]}{run.stderr[-3000:]}")
    return len(cases), items, int(gas[1]), slowest


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--chunks", type=int, default=3000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    source, kinds = iter(Cases(options.seed)), Counter[str]()
    chunks = items = gas = 0
    slowest, started = 0.0, time.monotonic()
    file = FILE.with_suffix(f".{options.seed}.bin")
    while chunks < options.chunks:
        cases = list(itertools.islice(source, min(BATCH, options.chunks - chunks)))
        kinds.update(case.kind for case in cases)
        done, found, most, seconds = compare(cases, file)
        chunks, items, gas, slowest = chunks + done, items + found, max(gas, most), max(slowest, seconds)
        print(
            f"{chunks} chunks, {items} items, the same in both; at most {gas} gas and {slowest * 1000:.1f} ms a chunk;"
            f" {time.monotonic() - started:.0f} s",
            flush=True,
        )
    print(", ".join(f"{name} {count}" for name, count in sorted(kinds.items())))
    file.unlink()


if __name__ == "__main__":
    main()
