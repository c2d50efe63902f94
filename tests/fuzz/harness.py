"""Coverage-guided fuzzing with atheris (`make fuzz`).

    python tests/fuzz/harness.py TARGET [--seconds 60] [--corpus .fuzz]

A target is a module `fuzz_TARGET` with `seeds()`, `one(data)`, which raises on a finding, and perhaps
`mutate(data, max_size, seed, mutate_bytes)`. The corpus grows in .fuzz/TARGET; a finding is written to .fuzz/, and running
`python tests/fuzz/harness.py TARGET FILE` does it again. What is found becomes a unit test where its fault was.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

TARGETS = ("rlp", "abi", "trie", "transactions", "codec", "execute")
SLOWEST, MEMORY, LONGEST = 60, 3_000, 1 << 16  # seconds and MB for one input, bytes of one


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("target", choices=TARGETS)
    parser.add_argument("files", nargs="*", help="inputs to run instead of fuzzing")
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--corpus", type=Path, default=ROOT / ".fuzz")
    options = parser.parse_args()
    if options.files:
        target = importlib.import_module(f"tests.fuzz.fuzz_{options.target}")
        for file in options.files:
            target.one(Path(file).read_bytes())
        return
    import atheris

    with atheris.instrument_imports(include=["execution", "derivation.codec"], enable_loader_override=False):
        target = importlib.import_module(f"tests.fuzz.fuzz_{options.target}")
    corpus = options.corpus / options.target
    corpus.mkdir(parents=True, exist_ok=True)
    for seed in target.seeds():
        (corpus / hashlib.sha256(seed).hexdigest()[:16]).write_bytes(seed)
    arguments = [
        sys.argv[0], str(corpus), f"-max_total_time={options.seconds}", f"-timeout={SLOWEST}", f"-rss_limit_mb={MEMORY}",
        f"-max_len={LONGEST}", f"-artifact_prefix={options.corpus}/{options.target}-", "-print_final_stats=1",
    ]  # fmt: skip
    mutators = {}
    if hasattr(target, "mutate"):
        mutators["custom_mutator"] = lambda data, size, seed: target.mutate(data, size, seed, atheris.Mutate)
    atheris.Setup(arguments, target.one, **mutators)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
