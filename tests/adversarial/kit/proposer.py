"""Who makes L1's blocks: leaves transactions out, or puts them in an order of its own.

    proposer = Proposer(net.l1)
    with proposer.censoring(honest.address): ...       # nothing of theirs gets into a block
    with proposer.preferring(thief.address): ...       # theirs come first, whatever they pay
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence

from chain.mempool import PooledTransaction
from l1.embedded.service import EmbeddedL1

Wanted = Callable[[PooledTransaction], bool]


class Proposer:
    """Takes over from the embedded L1's own, which goes by fees alone. `left_out`: hashes of what was."""

    def __init__(self, l1: EmbeddedL1) -> None:
        self._banned: list[Wanted] = []
        self._preferred: list[Wanted] = []
        self.left_out: set[bytes] = set()
        l1.node.proposer = self._choose

    def _choose(self, best: Sequence[PooledTransaction]) -> list[PooledTransaction]:
        taken = [each for each in best if not any(banned(each) for banned in self._banned)]
        self.left_out |= {each.hash for each in best} - {each.hash for each in taken}
        return sorted(taken, key=lambda each: not any(wanted(each) for wanted in self._preferred))

    @contextlib.contextmanager
    def leaving_out(self, banned: Wanted) -> Iterator[None]:
        self._banned.append(banned)
        try:
            yield
        finally:
            self._banned.remove(banned)

    @contextlib.contextmanager
    def putting_first(self, wanted: Wanted) -> Iterator[None]:
        self._preferred.append(wanted)
        try:
            yield
        finally:
            self._preferred.remove(wanted)

    def censoring(self, *senders: bytes) -> contextlib.AbstractContextManager[None]:
        return self.leaving_out(lambda each: each.sender in senders)

    def preferring(self, *senders: bytes) -> contextlib.AbstractContextManager[None]:
        return self.putting_first(lambda each: each.sender in senders)
