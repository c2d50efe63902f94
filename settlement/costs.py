"""What each step of a derived batch takes, by one run through it."""

from __future__ import annotations

from derivation.batch import BatchData
from derivation.batches import DerivedBatches
from derivation.proof import known_record, start_of
from derivation.records import DerivedRecord
from execution.abi import encode_attributes
from execution.types import BlockStart, Fragment, Input, Transaction
from settlement.plan import StepCost


async def step_costs(node: DerivedBatches, batch: int | bytes) -> tuple[StepCost, ...]:
    """Of all its steps. UnknownStep if the batch isn't derived here; BlobsMissing, L1Unavailable."""
    record = known_record(node, batch, 0)
    data = await node.data_of(record)
    return await node.in_thread(_run, node, record, data)


def _run(node: DerivedBatches, record: DerivedRecord, data: BatchData) -> tuple[StepCost, ...]:
    deriver = node.deriver(data, start_of(node, record))
    costs: list[StepCost] = []
    while not deriver.ended:
        at, chosen = deriver.state.cursor, deriver.next_input()
        gas = deriver.step().gas_used
        chunk = at.chunk - 1 if 1 <= at.chunk <= record.posted.header.chunk_count else None
        costs.append(StepCost(gas, chunk, _size(chosen), isinstance(chosen, Transaction)))
    return tuple(costs)


def _size(chosen: Input) -> int:
    match chosen:
        case Transaction(raw=raw):
            return len(raw)
        case Fragment(data=data):
            return len(data)
        case BlockStart(attributes=attributes):
            return len(encode_attributes(attributes))
    return 0
