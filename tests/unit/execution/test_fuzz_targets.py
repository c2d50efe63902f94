"""The fuzz targets on their seeds, on seeds bent at random, and on what fuzzing has found: without atheris."""

from __future__ import annotations

import importlib
import random

import pytest

TARGETS = ("rlp", "abi", "trie", "transactions", "execute")


def bend(data: bytes, size: int, rng: random.Random) -> bytes:
    """What libFuzzer's own mutations do, more or less."""
    kind, at = rng.randrange(4), rng.randrange(len(data) + 1)
    if kind == 0:
        return data[:at] + bytes((rng.randrange(256),)) + data[at + 1 :]
    if kind == 1:
        return data[:at] + data[at + rng.randrange(1, 40) :]
    if kind == 2:
        return (data[:at] + rng.randbytes(rng.randrange(1, 9)) + data[at:])[:size]
    return data[:at] + rng.choice((b"\x00", b"\xff", b"\x80", b"\xc0")) * rng.randrange(1, 33) + data[at:]


@pytest.mark.parametrize("name", TARGETS)
def test_target(name):
    target = importlib.import_module(f"tests.fuzz.fuzz_{name}")
    rng = random.Random(name)
    seeds = target.seeds()
    for seed in seeds:
        target.one(seed)
    for _ in range(40 if name == "execute" else 300):
        data = rng.choice(seeds)
        if hasattr(target, "mutate"):
            data = target.mutate(data, 1 << 16, rng.randrange(1 << 32), lambda found, size: bend(found, size, rng))
        else:
            data = bend(data, 1 << 16, rng)
        target.one(data)
