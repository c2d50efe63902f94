"""Counts right verdicts on Ethereum's tests, by fork and folder: `python -m tests.unit.execution.report`.

Prints the table of docs/exactness.md. With --tampered also each valid block with everything tampered with that
tampering.py knows, which takes minutes. Exits 1 if any verdict is wrong.
"""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from concurrent.futures import ProcessPoolExecutor

from tests.unit.execution.ethereum_fixtures import Case, cases
from tests.unit.execution.exactness import Tally, tally_blocks, tally_tampered
from tests.unit.execution.tampering import GROUPS

BLOCKS = ("valid", "invalid", "blobs")
HEADINGS = {
    "valid": "valid: true",
    "invalid": "invalid: false",
    "blobs": "with blobs: false",
    **{group: f"{group}: false" for group in GROUPS},
}


def folder_of(case: Case) -> str:
    """fork/EIP"""
    return "/".join(case.group.split("/")[:2])


def judged(work: tuple[Case, bool]) -> tuple[str, dict[str, Tally]]:
    case, with_tampered = work
    tallies = tally_blocks(case)
    if with_tampered:
        tallies |= {group: tally_tampered(case, group) for group in GROUPS}
    return folder_of(case), tallies


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tampered", action="store_true", help="each valid block tampered with, too")
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    options = parser.parse_args()
    columns = BLOCKS + (GROUPS if options.tampered else ())
    table: dict[str, dict[str, Tally]] = defaultdict(lambda: {name: Tally() for name in columns})
    work = [(case, options.tampered) for case in cases()]
    with ProcessPoolExecutor(options.jobs) as pool:
        for done, (folder, tallies) in enumerate(pool.map(judged, work, chunksize=4), 1):
            for name, tally in tallies.items():
                table[folder][name].add(tally)
            if sys.stderr.isatty():
                print(f"\r{done} of {len(work)} cases ", end="", file=sys.stderr, flush=True)
    rows = sorted(table.items())
    total = {name: Tally() for name in columns}
    for _, tallies in rows:
        for name, tally in tallies.items():
            total[name].add(tally)
    print("| fork and folder | " + " | ".join(HEADINGS[name] for name in columns) + " |")
    print("|---|" + "---:|" * len(columns))
    for folder, tallies in [*rows, ("**all**", total)]:
        print(f"| {folder} | " + " | ".join(_cell(tallies[name]) for name in columns) + " |")
    wrong = [description for tally in total.values() for description in tally.wrong]
    for description in wrong[:20]:
        print(f"WRONG: {description}")
    return 1 if wrong else 0


def _cell(tally: Tally) -> str:
    return f"{tally.right} of {tally.total}" if tally.total else ""


if __name__ == "__main__":
    sys.exit(main())
