"""EXECUTE's verdicts: what independent engines agree on, in processes of their own under limits of time and memory.

Gas does not bound time, and the input is someone else's, so no verdict is ever computed in the L1's own process.
Answers are kept by the hash of their input: eth_call, eth_estimateGas and the block ask for the same one.
"""

from __future__ import annotations

import threading

from lru import LRU

from engines.panel import Panel, Ruling
from engines.process import EngineFailure, FailureKind
from engines.quorum import Outcome, Split
from engines.wire import encode_request
from execution.encoding import keccak
from execution.errors import Disagreement
from execution.verdict import Verdict

CACHED_VERDICTS = 1024


class Judge:
    """Thread-safe. Owns the panel. `verdict` blocks for as long as the panel does."""

    def __init__(self, panel: Panel) -> None:
        self.panel = panel
        self._cache: LRU[bytes, Outcome] = LRU(CACHED_VERDICTS)
        self._cache_lock = threading.Lock()

    def verdict(self, pre_root: bytes, post_root: bytes, gas_used: int, trace: bytes) -> Verdict:
        """Raises Disagreement if there is no answer."""
        request = encode_request(pre_root, post_root, gas_used, trace)
        key = keccak(request)
        with self._cache_lock:
            outcome = self._cache.get(key)
        if outcome is None:
            ruling = self.panel.ask(request)
            outcome = ruling.outcome
            if _is_lasting(ruling):
                with self._cache_lock:
                    self._cache[key] = outcome
        if isinstance(outcome, Split):
            raise Disagreement("engines disagree")
        return outcome.verdict

    def close(self) -> None:
        """Ends the engines' processes, in the middle of a verdict too; later verdicts are false."""
        self.panel.close()


def _is_lasting(ruling: Ruling) -> bool:
    """Not a false that is only for want of votes, and perhaps not the trace's fault: it costs its caller money."""
    if isinstance(ruling.outcome, Split) or ruling.outcome.by:
        return True
    kinds = {vote.kind for vote in ruling.votes.values() if isinstance(vote, EngineFailure)}
    return kinds == {FailureKind.timeout}
