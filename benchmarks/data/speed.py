"""How fast transactions become chunks and come back, on one core, beside the OP Stack's span batches (zlib, brotli-10) in Python.

    python benchmarks/data/speed.py [--runs 5] [--real FILE CHAIN_ID]

Transactions a second of CPU time, medians. Encoding begins with raw transactions and ends with chunks (channels); decoding is the
way back to raw transactions. KZG, blobs and checks of signatures are apart. Both sides are Python around libraries in C
(LZ4; zlib, brotli). OP's channels are given their number of blocks, without the search for it that a batcher needs.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from itertools import chain
from pathlib import Path
from typing import TypeVar

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from benchmarks.data.corpus import WORKLOADS, Workload, generate, load
from benchmarks.data.op_channel import (
    compress_brotli,
    compress_zlib,
    decode_channel,
    encode_channel,
    post,
    span_of,
)
from benchmarks.data.op_span import SpanBatch
from benchmarks.data.sides import blocks_of, chunks_of, span_blocks
from benchmarks.execution.machine import one_core, say
from derivation.codec import Dictionary
from derivation.codec.training import train

T = TypeVar("T")


def timed(run: Callable[[], T], count: int, runs: int) -> tuple[T, float]:
    """(its result, `count` by the median of its CPU seconds)"""
    seconds = []
    for _ in range(runs):
        start = time.process_time()
        result = run()
        seconds.append(time.process_time() - start)
    return result, count / statistics.median(seconds)


def measure(workload: Workload, runs: int, address_pages: int) -> None:
    count, chain_id = sum(map(len, workload.test)), workload.chain_id
    dictionary = Dictionary(train(chain.from_iterable(workload.history), chain_id, address_pages=address_pages))
    chunks, encoded = timed(lambda: chunks_of(workload.test, chain_id, dictionary), count, runs)
    back, decoded = timed(lambda: blocks_of(chunks, chain_id, dictionary), count, runs)
    assert back == [list(block) for block in workload.test]
    print(f"  {workload.name:<14} Verdict               encode {encoded:9,.0f}  decode {decoded:9,.0f}")
    blocks = span_blocks(workload.test)
    for name, compress in (("zlib", compress_zlib), ("brotli-10", compress_brotli(10))):
        parts, at = [], 0
        for size, _ in post(blocks, chain_id, compress).channels:
            parts.append(span_of(blocks[at : at + size]))
            at += size
        encode = partial(_channels, parts, chain_id, compress)
        channels, encoded = timed(encode, count, runs)
        _, decoded = timed(partial(_batches, channels, chain_id), count, runs)
        print(f"  {'':<14} OP span, {name:<12} encode {encoded:9,.0f}  decode {decoded:9,.0f}", flush=True)


def _channels(batches: Sequence[SpanBatch], chain_id: int, compress: Callable[[bytes], bytes]) -> list[bytes]:
    return [encode_channel(batch, chain_id, compress) for batch in batches]


def _batches(channels: Sequence[bytes], chain_id: int) -> list[SpanBatch]:
    return [decode_channel(channel, chain_id) for channel in channels]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--address-pages", type=int, default=4)
    parser.add_argument("--real", nargs=2, metavar=("FILE", "CHAIN_ID"), help="raw transactions, see corpus.py; not the made ones")
    arguments = parser.parse_args()
    say("Data", "transactions a second of CPU time, encoded and decoded")
    one_core()
    if arguments.real:
        workloads = [load(Path(arguments.real[0]), int(arguments.real[1]))]
    else:
        workloads = [generate(name, history=5_000, test=3_000) for name in WORKLOADS]
    for workload in workloads:
        measure(workload, arguments.runs, arguments.address_pages)


if __name__ == "__main__":
    main()
