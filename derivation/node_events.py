"""What a RollupNode tells those who subscribe."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from chain.canonical import Switch
from derivation.pipeline import L1Advanced
from derivation.records import DerivedRecord
from execution.header import Header


@dataclass(frozen=True, slots=True)
class BatchDerived:
    """`record.index` is on L1 and what it does is known. `switch`: what that did to the L2 chain."""

    record: DerivedRecord
    switch: Switch


@dataclass(frozen=True, slots=True)
class BatchesGone:
    """An L1 reorg took these batches off L1 (records, oldest first). The safe head went back to `safe`."""

    records: tuple[DerivedRecord, ...]
    safe: Header


@dataclass(frozen=True, slots=True)
class BatchUnknown:
    """The data of batch `index` can't be had now."""

    index: int
    reason: str


NodeEvent: TypeAlias = L1Advanced | BatchDerived | BatchesGone | BatchUnknown
