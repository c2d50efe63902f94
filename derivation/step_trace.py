"""What one step of a derived batch did, and what EXECUTE would be called with about it."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass

from derivation.batch import BatchData
from derivation.batches import DerivedBatches
from derivation.proof import UnknownStep, known_record, start_of, trace_of
from derivation.records import DerivedRecord
from derivation.walk import steps_with
from execution.abi import commitment, encode_witness
from execution.execute import execute
from execution.tracing import Watched, watch_step
from execution.types import Input, StepState, Witness
from execution.verdict import Verdict
from execution.witness import build_witness
from l1.artifacts import artifact


@dataclass(frozen=True)
class StepTrace:
    """`calldata`: of the call of EXECUTE that judges it, and `verdict` what that says here; `witness_size` in bytes."""

    record: DerivedRecord
    step: int
    item: Input
    before: StepState
    watched: Watched
    gas_used: int
    witness: Witness
    witness_size: int
    calldata: bytes
    verdict: Verdict

    @property
    def after(self) -> StepState:
        return self.watched.after


async def trace_step(node: DerivedBatches, batch: int | bytes, step: int, limit: int = 0) -> StepTrace:
    """The step from `step` to `step + 1`. `limit`: instructions that are kept. UnknownStep; BlobsMissing, L1Unavailable."""
    record = known_record(node, batch, step)
    if step == record.steps:
        raise UnknownStep(f"batch {record.index} has {record.steps} steps, 0 to {record.steps - 1}")
    data = await node.data_of(record)
    return await node.in_thread(_trace, node, record, data, step, limit)


def _trace(node: DerivedBatches, record: DerivedRecord, data: BatchData, step: int, limit: int) -> StepTrace:
    deriver, rules = node.deriver(data, start_of(node, record)), node.settings.rules
    for _ in range(step):
        deriver.step()
    before, machine = deriver.state, deriver.machine
    source, item = machine.roots_source(), deriver.next_input()
    watched = watch_step(rules, source, machine.header, before, item, limit)
    after, gas_used, witness = build_witness(rules, before, [item], source, machine.header)
    said = record.commitment(step), record.commitment(step + 1)
    if (commitment(before), commitment(after)) != said or after != watched.after:
        raise UnknownStep(f"batch {record.index}, step {step}: the record disagrees with a second derivation")
    trace = trace_of(node, before, after, (item,), witness)
    arguments = before.state_root, after.state_root, gas_used, trace
    return StepTrace(record, step, item, before, watched, gas_used, witness, len(encode_witness(witness)),
                     artifact("IExecute").call("execute", *arguments), execute(*arguments))


def batch_of_block(node: DerivedBatches, number: int) -> DerivedRecord | None:
    """The batch with that L2 block, of those on L1."""
    def last(index: int) -> int:
        record = node.derived(index)
        return 1 << 62 if record is None else record.last_number

    record = node.derived(bisect_left(range(node.kept_count), number, key=last))
    return record if record is not None and record.first_number <= number <= record.last_number else None


async def steps_of(node: DerivedBatches, record: DerivedRecord, transaction: bytes) -> list[int]:
    """Steps of that batch whose Input is the transaction with that hash."""
    data = await node.data_of(record)
    parent = node.store.header_by_hash(start_of(node, record).block_hash)
    assert parent is not None
    return await node.in_thread(steps_with, data, node.settings.params, parent.timestamp, transaction)
