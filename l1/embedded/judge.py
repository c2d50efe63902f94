"""EXECUTE's verdicts: what independent engines agree on, in processes of their own under limits of time and memory.

Gas does not bound time, and the input is someone else's, so no verdict is ever computed in the L1's own process.
Answers are kept by the hash of their input: eth_call, eth_estimateGas and the block ask for the same one.
"""

from __future__ import annotations

import json
import logging
import threading
from pathlib import Path

from lru import LRU

from engines.panel import Panel, Ruling
from engines.process import EngineFailure, FailureKind
from engines.quorum import Outcome, Split
from engines.wire import encode_request
from execution.encoding import keccak
from execution.errors import Disagreement
from execution.verdict import Verdict

log = logging.getLogger("verdict.l1")

CACHED_VERDICTS = 1024


class Judge:
    """Thread-safe. Owns the panel. `verdict` blocks for as long as the panel does. `traces`: a directory in which every
    question that was new is kept, one JSON line a file, as `verdict execute` reads them."""

    def __init__(self, panel: Panel, traces: Path | None = None) -> None:
        self.panel = panel
        self._traces = traces
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
            if self._traces is not None:
                _keep(self._traces, key, pre_root, post_root, gas_used, trace)
            if _is_lasting(ruling):
                with self._cache_lock:
                    self._cache[key] = outcome
        if isinstance(outcome, Split):
            raise Disagreement("engines disagree")
        return outcome.verdict

    def close(self) -> None:
        """Ends the engines' processes, in the middle of a verdict too; later verdicts are false."""
        self.panel.close()


def _keep(directory: Path, key: bytes, pre_root: bytes, post_root: bytes, gas_used: int, trace: bytes) -> None:
    line = {"preStateRoot": "0x" + pre_root.hex(), "postStateRoot": "0x" + post_root.hex(), "gasUsed": hex(gas_used),
            "trace": "0x" + trace.hex()}
    try:
        directory.mkdir(parents=True, exist_ok=True)
        (directory / f"{key.hex()[:16]}.json").write_text(json.dumps(line) + "\n")
    except OSError as error:
        log.warning("a trace could not be kept: %s", error)


def _is_lasting(ruling: Ruling) -> bool:
    """Not a false that is only for want of votes, and perhaps not the trace's fault: it costs its caller money."""
    if isinstance(ruling.outcome, Split) or ruling.outcome.by:
        return True
    kinds = {vote.kind for vote in ruling.votes.values() if isinstance(vote, EngineFailure)}
    return kinds == {FailureKind.timeout}
