"""Writes chunk_root.json: Merkle roots and paths of batches in calldata (docs/protocol.md, section 2), for Python and
Solidity. Byte k of chunk i of a batch of n chunks is (31 n + 7 i + k) % 251.

    python tests/vectors/make_chunk_root.py
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from derivation.codec import CHUNK_SIZE, MAX_CALLDATA_CHUNKS
from derivation.merkle import chunk_path, chunk_root

COUNTS = (1, 2, 3, 4, 5, 6, 7, 8, 15, 33, 60, MAX_CALLDATA_CHUNKS)


def chunks(count: int) -> list[bytes]:
    return [bytes((31 * count + 7 * i + k) % 251 for k in range(CHUNK_SIZE)) for i in range(count)]


def build() -> list[dict[str, Any]]:
    cases = []
    for count in COUNTS:
        data = chunks(count)
        opened = range(count) if count <= 8 else (0, 1, count // 2, count - 2, count - 1)
        cases.append({
            "count": count,
            "root": "0x" + chunk_root(data).hex(),
            "paths": [
                {"index": i, "path": ["0x" + each.hex() for each in chunk_path(data, i)]} for i in opened
            ],
        })  # fmt: skip
    return cases


if __name__ == "__main__":
    Path(__file__).with_name("chunk_root.json").write_text(json.dumps(build(), indent=1) + "\n")
