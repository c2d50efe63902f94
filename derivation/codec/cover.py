"""Bytes for LZ4 to find matches in: pieces of samples that cover what the samples have in common.

The idea is that of "Effective Construction of Relative Lempel-Ziv Dictionaries" (Liao, Petri, Moffat, Wirth 2016), as in zstd's
COVER: count in how many samples each string of `d` bytes occurs; then take, again and again, the piece of `k` bytes whose
strings that no piece has yet occur most often. `k` and `d` are those that pack held-back samples best.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Sequence

from derivation.codec.dictionary import Dictionary
from derivation.codec.lz import pack

_CANDIDATES = ((16, 6), (32, 6), (64, 6), (128, 6), (32, 8), (64, 8))  # (k, d), bytes
_HELD_BACK = 5  # every so many samples one is held back
_STARTS = 4  # a piece begins at multiples of k / _STARTS


def choose_history(samples: Sequence[bytes], size: int) -> bytes:
    """At most `size` bytes, the most useful last. `samples`: what will be packed, each on its own."""
    held_back = samples[::_HELD_BACK]
    others = [sample for number, sample in enumerate(samples) if number % _HELD_BACK] or samples
    counts = {d: _count(others, d) for d in sorted({d for _, d in _CANDIDATES})}
    tried = [(_packed_size(held_back, _cover(others, counts[d], size, k, d)), k, d) for k, d in _CANDIDATES]
    _, k, d = min(tried)
    return _cover(samples, _count(samples, d), size, k, d)


def _packed_size(samples: Sequence[bytes], history: bytes) -> int:
    dictionary = Dictionary([history] if history else [])
    return sum(len(pack(sample, dictionary)) for sample in samples)


def _count(samples: Sequence[bytes], d: int) -> dict[bytes, int]:
    """In how many samples each string of `d` bytes is; only those in two or more."""
    counted: Counter[bytes] = Counter()
    for sample in samples:
        counted.update({sample[at : at + d] for at in range(len(sample) - d + 1)})
    return {string: times for string, times in counted.items() if times > 1}


def _cover(samples: Sequence[bytes], counts: dict[bytes, int], size: int, k: int, d: int) -> bytes:
    """Pieces of at most `k` bytes of the samples, `size` bytes in all, the best last."""
    open_ = dict(counts)
    heap: list[tuple[int, int, int]] = []  # (-score, sample, start); a score can only sink
    for number, sample in enumerate(samples):
        scores = [counts.get(sample[at : at + d], 0) for at in range(max(0, len(sample) - d + 1))]
        heap += [(-score, number, at) for at in range(0, len(scores), max(1, k // _STARTS))
                 if (score := sum(scores[at : at + k - d + 1]))]
    heapq.heapify(heap)
    pieces: list[bytes] = []
    left = size
    while heap and left >= d:
        _, number, at = heapq.heappop(heap)
        piece = _trimmed(samples[number][at : at + min(k, left)], open_, d)
        strings = {piece[i : i + d] for i in range(len(piece) - d + 1)}
        score = sum(open_.get(string, 0) for string in strings)
        if not score:
            continue
        if heap and score < -heap[0][0]:
            heapq.heappush(heap, (-score, number, at))
            continue
        pieces.append(piece)
        left -= len(piece)
        for string in strings:
            open_.pop(string, None)
    return b"".join(reversed(pieces))


def _trimmed(piece: bytes, open_: dict[bytes, int], d: int) -> bytes:
    """Without what is covered already, or of no use, at both ends."""
    last = len(piece) - d
    first = 0
    while first <= last and piece[first : first + d] not in open_:
        first += 1
    while last > first and piece[last : last + d] not in open_:
        last -= 1
    return piece[first : last + d] if first <= last else b""
