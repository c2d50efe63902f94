"""Bytes of blob a transaction: Verdict's chunks beside the OP Stack's span batches, on the same transactions.

    python benchmarks/data/bytes_per_transaction.py [--address-pages 2 4] [--real FILE CHAIN_ID [--history FILE]] [--only mixed]

"Bytes of blob" are what really is used up: whole chunks of 2,032 bytes with what is wasted at their ends; whole channels with
their frames and the OP Stack's blob packing. Of the last chunk and the last blob what is used counts. OP's channels fill one
blob; in brackets, six, what its batchers may use. Dictionaries are trained on the workload's history, which has none of
the transactions that are measured; what publishing a page costs (once) isn't in here. What is written is read back.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from benchmarks.data.corpus import WORKLOADS, Workload, generate, load
from benchmarks.data.op_channel import compress_brotli, compress_zlib, decode_channel, post
from benchmarks.data.sides import blocks_of, chunks_of, span_blocks, split
from benchmarks.execution.machine import say
from derivation.codec import EMPTY_DICTIONARY, Dictionary
from derivation.codec.training import train

_COMPRESSORS = {"zlib": compress_zlib, "brotli-10": compress_brotli(10), "brotli-11": compress_brotli(11)}
_MANY_BLOBS = 6


def measure(workload: Workload, address_pages: Sequence[int]) -> None:
    """Prints a workload's figures."""
    raws = list(chain.from_iterable(workload.test))
    count = len(raws)
    print(f"\n  {workload.name}: {count} transactions in {len(workload.test)} blocks,"
          f" after {sum(map(len, workload.history))} to train from; raw {sum(map(len, raws)) / count:.1f}")  # fmt: skip
    theirs: dict[str, float] = {}
    blocks = span_blocks(workload.test)
    for name, compress in _COMPRESSORS.items():
        posted = post(blocks, workload.chain_id, compress)
        back = chain.from_iterable(decode_channel(data, workload.chain_id).blocks for _, data in posted.channels)
        assert [block.transactions for block in back] == [block.transactions for block in blocks]
        theirs[name] = posted.size / count
        many = post(blocks, workload.chain_id, compress, _MANY_BLOBS)
        print(f"    OP span batch, {name:<10} {theirs[name]:7.1f}  ({many.size / count:.1f})")
    dictionaries = {"no dictionary": EMPTY_DICTIONARY}
    for most in address_pages:
        pages = train(chain.from_iterable(workload.history), workload.chain_id, address_pages=most)
        dictionaries[f"text + {len(pages) - 1} pages"] = Dictionary(pages)
    for name, dictionary in dictionaries.items():
        chunks = chunks_of(workload.test, workload.chain_id, dictionary)
        assert blocks_of(chunks, workload.chain_id, dictionary) == [list(block) for block in workload.test]
        parts = split(chunks, workload.chain_id, dictionary, count)
        print(f"    Verdict, {name:<15} {parts.total:7.1f}  {parts.total / theirs['brotli-10'] - 1:+6.1%} of brotli-10;"
              f" signatures {parts.signatures:.1f}, packed {parts.packed:.1f}, heads {parts.heads:.1f}, waste {parts.waste:.1f}", flush=True)  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--address-pages", type=int, nargs="+", default=[2, 4], help="of the trained dictionaries")
    parser.add_argument("--only", choices=WORKLOADS, help="of the made workloads")
    parser.add_argument("--real", nargs=2, metavar=("FILE", "CHAIN_ID"), help="raw transactions, see corpus.py; not the made ones")
    parser.add_argument("--history", type=Path, help="a file to train from, too, before the first half of FILE")
    arguments = parser.parse_args()
    say("Bytes of blob a transaction", "OP's channels of one blob (of six)")
    for workload in _workloads(arguments):
        measure(workload, arguments.address_pages)


def _workloads(arguments: argparse.Namespace) -> Iterable[Workload]:
    if arguments.real:
        chain_id = int(arguments.real[1])
        workload = load(Path(arguments.real[0]), chain_id)
        if arguments.history:
            before = load(arguments.history, chain_id)
            workload = replace(workload, history=before.history + before.test + workload.history)
        return [workload]
    return (generate(name) for name in ([arguments.only] if arguments.only else WORKLOADS))


if __name__ == "__main__":
    main()
